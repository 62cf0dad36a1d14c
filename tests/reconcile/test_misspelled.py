"""A warning is not missed for a slip of the pen; and a slip is no name: nothing is merged by it."""

import csv
import gzip
import random
import re
from pathlib import Path

import pytest

from medrec.core.reconcile.notices import LabelChecker, Notice, NoticeRule, notices
from medrec.core.records.near_names import near
from medrec.core.records.reading import Around
from medrec.core.records.table import understand
from medrec.core.records.terms import cleaned
from medrec.node.terminology.shipped import shipped
from tests.reconcile.test_apart import AMOXICILLIN, allergy
from tests.reconcile.test_bad_input import notes, order, read

ASPIRIN = order("aspirin 81 mg tablet", sig="1 tab daily", id="asa", authoredOn="2025-09-20")
CO_TRIMOXAZOLE = order("Bactrim DS", sig="1 tab bid", id="tmp", authoredOn="2025-10-05")
WRITTEN = [
    ("penicilin", AMOXICILLIN, "penicillin"), ("peniclllin", AMOXICILLIN, "penicillin"),
    ("Penecillin", AMOXICILLIN, "penicillin"), ("penicilin - rash", AMOXICILLIN, "penicillin"),
    ("allergic to amoxacilin", AMOXICILLIN, "amoxicillin"), ("penisilina", AMOXICILLIN, "penicilina"),
    ("aspirine", ASPIRIN, "aspirin"), ("asprin", ASPIRIN, "aspirin"), ("Sulpha", CO_TRIMOXAZOLE, "sulfa"),
    ("bactrum", CO_TRIMOXAZOLE, "bactrim"),
]  # fmt: skip


def told(*records: dict[str, object]) -> list[Notice]:
    warn = (NoticeRule.ALLERGY, NoticeRule.ALLERGY_CLASS)
    return [item for item in notices(read(*records), shipped(), [LabelChecker()]) if item.rule in warn]


@pytest.mark.parametrize(("written", "taken", "meant"), WRITTEN)
def test_a_misspelled_allergy_warns_with_the_words_as_written(
    written: str, taken: dict[str, object], meant: str
) -> None:
    (only,) = told(allergy(written), taken)
    assert f"written as {written}, which may mean " in only.sentence and meant in only.sentence
    found = read(allergy(written), taken)
    (row,) = found.allergies
    assert (row.name, row.ingredients, row.classes, row.status) == (written, (), (), "active")
    assert "read-as" in notes(found) and len(only.evidence) == 2


def test_its_line_says_what_it_is_read_as() -> None:
    line = understand(allergy("penicilin"), Around(shipped())).plain
    assert "read as penicillin (written: penicilin)" in line


def test_it_is_merged_with_nothing() -> None:
    found = read(allergy("penicilin"), allergy("Penicillin", id="b", source="south"))
    assert sorted(row.name for row in found.allergies) == ["Penicillin", "penicilin"]


def test_a_misspelled_medicine_warns_of_a_known_allergy() -> None:
    taken = order("amoxicilin 500 mg capsule", sig="1 cap tid", id="amox", authoredOn="2025-10-05")
    (only,) = told(allergy("Penicillin"), taken)
    assert "which may mean amoxicillin, is on the list" in only.sentence
    assert told(allergy("Codeine"), taken) == []


@pytest.mark.parametrize(
    "written", ["pencil", "peanutt", "penguin", "latexx", "strawbery", "unknown", "aspen", "see lst"]
)
def test_another_word_warns_of_none_of_these(written: str) -> None:
    assert told(allergy(written), AMOXICILLIN, ASPIRIN, CO_TRIMOXAZOLE) == []


def test_a_refuted_or_stopped_one_warns_of_nothing() -> None:
    assert told(allergy("penicilin", clinical="resolved"), AMOXICILLIN) == []


def test_of_a_letter_in_place_of_a_name_the_first_words_are_looked_at() -> None:
    letter = " ".join(f"qqqqq{chr(97 + n)}" for n in range(8))
    assert "penicillin" in near(f"{letter[:40]} penicilin", shipped())
    assert near(f"{letter} penicilin", shipped()) == {}


_WORD = re.compile(r"[a-z]{5,}")


def test_no_name_of_one_substance_is_read_as_another() -> None:
    """Over all names of one word of the table. Three brands of which it cannot say what they were are near another."""
    terms = shipped()
    called = [cleaned(name) for drug in terms.all_drugs() for name in (drug.name, drug.brand)]
    names = sorted({name for name in called if _WORD.fullmatch(name)})
    known = [name for name in names if terms.drug_named(name) is not None]
    assert len(known) > 5_000 and len(known) > len(names) - 200
    assert [name for name in known if near(name, terms)] == []
    assert sum(bool(near(name, terms)) for name in names) <= 3


def test_of_ordinary_words_few_are_read_as_a_medicine(shared: Path) -> None:
    """The words of ICD-10-CM's titles are of no medicine, or of a known one: under one in a hundred is near a name."""
    with gzip.open(shared / "data" / "terminology" / "icd10cm.csv.gz", "rt", encoding="utf-8") as file:
        words = sorted({word for row in csv.DictReader(file) for word in _WORD.findall(row["description"].lower())})
    words = random.Random(11).sample(words, 2_000)
    assert sum(bool(near(word, shipped())) for word in words) < 30


@pytest.mark.parametrize(
    "written", ["pen\u200bicillin", "peni\u00adcillin", "\u2060Penicillin", "\uff30enicillin", "penicilli\ufeffn"]
)
def test_a_sign_that_nobody_sees_hides_no_substance(written: str) -> None:
    (row,) = read(allergy(written), AMOXICILLIN).allergies
    assert row.ingredients or row.classes
    assert len(told(allergy(written), AMOXICILLIN)) == 1


@pytest.mark.parametrize("written", ["amo\u200bxicillin 500 mg capsule", "amoxi\u00adcillin 500 mg capsule"])
def test_nor_a_medicine(written: str) -> None:
    taken = order(written, sig="1 cap tid", id="amox", authoredOn="2025-10-05")
    assert len(told(allergy("Penicillin"), taken)) == 1 and read(taken).medicines[0].ingredients == ("723",)


@pytest.mark.parametrize("written", ["p\u0435nicillin", "\u0420enicillin", "peni\u0441illin"])
def test_a_letter_of_another_alphabet_hides_no_substance(written: str) -> None:
    (row,) = read(allergy(written), AMOXICILLIN).allergies
    assert row.ingredients or row.classes
    assert "read-as" in [note for line in row.lines for note in line.notes]
    assert len(told(allergy(written), AMOXICILLIN)) == 1


def test_nor_does_it_hide_a_medicine() -> None:
    taken = order("am\u043exicillin 500 mg capsule", sig="1 cap tid", id="amox", authoredOn="2025-10-05")
    (row,) = read(taken).medicines
    assert row.ingredients == ("723",) and "read-as" in [note for line in row.lines for note in line.notes]
    assert len(told(allergy("Penicillin"), taken)) == 1
    # A name of one alphabet that nobody knows says that nobody knows it.
    (russian,) = read(order("\u0430\u0441\u043f\u0438\u0440\u0438\u043d")).medicines
    assert "name-not-known" in [note for line in russian.lines for note in line.notes]
