"""What stands where a name should be and names nothing is shown, and counts as nothing; what is outgrown is past."""

import pytest

from medrec.core.reconcile.notices import LabelChecker, notices
from medrec.core.records.problem_words import spoken
from medrec.core.records.terms import SNOMED
from medrec.node.terminology.shipped import shipped
from tests.reconcile.test_apart import AMOXICILLIN, allergy, icd, problem
from tests.reconcile.test_bad_input import notes, order, read

ELSEWHERE = [
    "-", "--", "...", "?", "*", "n/a", "N/A.", "not applicable", "unknown", "TBD", "see list", "See med list",
    "see attached", "per list", "as per patient", "refer to list", "see d/c summary", "as above", "same", "ditto",
    "same as above", "idem", "see previous", "see below", "as directed", "continue home meds", "home medications",
    "null", "xxx", "ver lista", "igual", "según nota", "انظر القائمة", "كما ذكر أعلاه",
]  # fmt: skip


@pytest.mark.parametrize("words", ELSEWHERE)
def test_it_is_shown_as_not_understood_and_is_never_active(words: str) -> None:
    statement = {"resourceType": "MedicationStatement", "status": "active", "id": "s"}
    statement |= {"medicationCodeableConcept": {"text": words}, "dateAsserted": "2025-10-01"}
    found = read(order(words), statement, problem(words), allergy(words), AMOXICILLIN)
    rows = [*found.problems, *found.allergies, *(row for row in found.medicines if not row.ingredients)]
    assert len(rows) == 4 and {row.status for row in rows} == {"unknown"}
    # "Not applicable" for a medicine is that none is taken, as "none" is.
    assert all(row.name for row in rows) and sum(note in ("no-code", "status-conflict") for note in notes(found)) == 4
    assert [item for item in notices(found, shipped(), [LabelChecker()]) if len(item.rows) > 1] == []


@pytest.mark.parametrize("words", ["none", "none known", "None reported", "nil", "لا يوجد"])
def test_none_is_the_statement_that_there_is_none(words: str) -> None:
    found = read(order(words), problem(words), allergy(words))
    assert [row.status for row in found.medicines] == ["unknown"]
    assert found.problems[0].none_known and found.allergies[0].no_known == "any"


def test_a_code_beside_such_words_counts() -> None:
    coded = order("see list") | {
        "medicationCodeableConcept": {
            "text": "see list",
            "coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "29046"}],
        }
    }
    found = read(
        coded, problem("see list", icd("J45.909")), allergy("as above", {"system": SNOMED, "code": "91934008"})
    )
    assert [row.status for row in (*found.medicines, *found.problems, *found.allergies)] == ["active"] * 3


@pytest.mark.parametrize("words", ["study drug", "other medication", "Samento", "Above the knee wart cream"])
def test_a_medicine_that_nobody_knows_is_taken_all_the_same(words: str) -> None:
    assert [row.status for row in read(order(words)).medicines] == ["active"]


PAST = [
    "asthma, childhood, outgrown", "asthma outgrown", "asthma (outgrown)", "asthma - outgrew", "h/o asthma, resolved",
    "history of asthma - resolved", "asthma in childhood, resolved", "asma superada",
    "asthma as a child, resolved 2001",
]  # fmt: skip


@pytest.mark.parametrize("words", PAST)
def test_what_is_outgrown_or_past_and_over_is_history_and_not_active(words: str) -> None:
    read_as = spoken(words)
    assert (read_as.standing, read_as.ended) == ("history", True)
    (row,) = read(problem(words)).problems
    assert row.history and row.status == "unknown" and "status-conflict" in notes(read(problem(words)))


@pytest.mark.parametrize(
    "words", ["asthma resolved", "Asthma resolved 2019", "asthma: no longer active", "asma resuelta"]
)
def test_what_is_called_over_without_a_sign_is_over(words: str) -> None:
    assert spoken(words).standing == "over" and spoken(words).core in ("asthma", "asma")
    assert [row.status for row in read(problem(words)).problems] == ["unknown"]


@pytest.mark.parametrize(
    "words",
    [
        "asthma not resolved",
        "asthma partially resolved",
        "unresolved grief",
        "childhood asthma",
        "asthma, not outgrown",
    ],
)
def test_what_is_not_over_is_not(words: str) -> None:
    assert spoken(words).standing == "" and not spoken(words).ended
    assert [row.status for row in read(problem(words)).problems] == ["active"]
