"""No known allergies to medicines, beside an allergy to what is none."""

import pytest

from medrec.core.reconcile.rows import Conflict
from medrec.core.records.datatypes import Concept
from medrec.core.records.none_known import no_known_allergy
from medrec.core.records.terms import RXNORM, SNOMED
from tests.reconcile.test_apart import allergy, icd, problem
from tests.reconcile.test_bad_input import read

NO_MEDICINES = {"system": SNOMED, "code": "409137002"}
LATEX = {"system": RXNORM, "code": "1314891", "display": "latex"}


def against(what: str, none: str = "NKDA", **more: object) -> bool:
    """Whether both rows are marked; never one of them alone."""
    found = read(allergy(none), allergy(what, id="x", source="south", **more)).allergies
    marked = [Conflict.NONE_KNOWN in row.conflicts for row in found]
    assert len(found) == 2 and marked[0] is marked[1]
    return marked[0]


@pytest.mark.parametrize(
    "what",
    [
        "Latex",
        "Peanuts",
        "shellfish",
        "bee venom",
        "honey bee venom",
        "cat dander",
        "eggs",
        "lactose",
        "nickel",
        "pollen",
    ],
)
def test_what_is_no_medicine_speaks_against_no_drug_allergies_nowhere(what: str) -> None:
    assert not against(what) and not against(what, category=["medication"]) and against(what, "NKA")


@pytest.mark.parametrize("what", ["Penicillin", "amoxicillin 500 mg", "iodine contrast", "sulfa", "codeine", "aspirin"])
def test_a_medicine_speaks_against_it(what: str) -> None:
    assert against(what) and against(what, category=["food"])


def test_what_nobody_knows_speaks_against_it_where_a_source_calls_it_a_medicine() -> None:
    assert against("Brown syrup", category=["medication"]) and not against("Brown syrup")


def test_by_code_too() -> None:
    none, latex = allergy("", NO_MEDICINES), allergy("", LATEX, id="x", source="south")
    assert all(not row.conflicts for row in read(none, latex).allergies)


def test_an_allergy_to_latex_among_the_problems() -> None:
    for told, marked in ((problem("Latex allergy", id="p"), False), (problem("", icd("Z88.0"), id="p"), True)):
        found = read(allergy("NKDA"), told)
        assert [Conflict.NONE_KNOWN in row.conflicts for row in (*found.allergies, *found.problems)] == [marked, marked]


@pytest.mark.parametrize("what", ["latex", "cat dander"])
def test_no_known_allergies_to_what_is_around_us(what: str) -> None:
    assert against(what, "No known environmental allergies")


@pytest.mark.parametrize(
    ("words", "of"),
    [
        ("No known allergies to medications", "medicine"), ("no known allergies (drug)", "medicine"),
        ("NKDA (no known drug allergies)", "medicine"), ("NKA - no known allergies", "any"),
        ("NKDA: no known allergies", "any"), ("No allergies to any foods", "food"), ("NKDA (no codeine)", ""),
        ("No known allergies to penicillin", ""), ("NKDA - no reaction to codeine", ""),
    ],
)  # fmt: skip
def test_ways_to_say_it(words: str, of: str) -> None:
    assert no_known_allergy(Concept((), words)) == of
