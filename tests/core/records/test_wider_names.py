"""A code of ICD-10-CM that comes without words, and that the table that ships has no name for."""

import pytest
from tests.reconcile.records_said import NOW

from medrec.core.reconcile.held import Held
from medrec.core.reconcile.lists import Lists
from medrec.core.records.reading import Around
from medrec.core.records.table import understand
from medrec.core.records.terms import ICD10CM
from medrec.core.records.understood import ProblemDetail, Understood
from medrec.node.fhir.summary_words import Speech
from medrec.node.terminology.shipped import shipped
from medrec.portal import language
from medrec.portal.list_words import called
from medrec.portal.words import line


def bare(code: str, **more: object) -> Understood:
    """An active problem by its code; `more` stands beside the code."""
    coding = {"system": ICD10CM, "code": code, **more}
    status = {"coding": [{"code": "active"}]}
    record = {"resourceType": "Condition", "id": "c", "code": {"coding": [coding]}, "clinicalStatus": status}
    return understand(record, Around(shipped()))


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("N18.31", "N18.31, a kind of: Chronic kidney disease, stage 3 (moderate)"),
        ("E1165", "E1165, a kind of: Type 2 diabetes mellitus with other specified complications"),
        ("E11.6", "Type 2 diabetes mellitus with other specified complications"),
        ("Z99.99", "Z99.99"),
        ("Q12.34567", "Q12.34567"),
    ],
)
def test_a_code_without_words_is_shown_as_a_kind_of_what_stands_above_it(code: str, name: str) -> None:
    found = bare(code)
    assert isinstance(found.detail, ProblemDetail)
    assert found.detail.name == name and found.plain.startswith(name)


def test_the_words_of_the_record_count_before_any_wider_one() -> None:
    found = bare("N18.31", display="CKD stage 3a")
    assert isinstance(found.detail, ProblemDetail) and found.detail.name == "CKD stage 3a"


def test_the_wider_name_tells_nothing_of_what_a_record_is_of() -> None:
    """What is matched is the code: nothing is drawn to the name of the category."""
    found = bare("N18.31").detail
    assert isinstance(found, ProblemDetail)
    assert (found.name_cleaned, found.families) == ("n18.31", ("icd10cm|N18",))


def test_it_is_plainly_the_wider_word_in_every_language() -> None:
    item = Held("north", bare("N18.31"), 1, "aa", "aa", NOW)
    [row] = Lists(shipped(), NOW, [item]).read().problems
    title = "Chronic kidney disease, stage 3 (moderate)"
    assert Speech().name(row) == f"N18.31, a kind of: {title}"
    for speech, said in (("es", "un tipo de"), ("ar", "نوع من")):
        with language.use(speech):
            for shown in (str(called(row)), line(item.record.plain)):
                assert said in shown and "a kind of" not in shown and title in shown and "N18.31" in shown
