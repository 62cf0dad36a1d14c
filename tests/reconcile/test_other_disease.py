"""A code and words of two diseases: neither is believed, nothing is joined by it, and the end of one ends no other."""

from typing import Any

import pytest

from medrec.core.reconcile.rows import Conflict, ProblemRow
from medrec.core.records.terms import SNOMED
from tests.reconcile.test_apart import icd, over, problem
from tests.reconcile.test_bad_input import read

DIABETES = "44054006"
HYPERTENSION = "38341003"


def sct(code: str, display: str = "") -> dict[str, str]:
    return {"system": SNOMED, "code": code} | ({"display": display} if display else {})


def states(*records: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {row.name: (row.status, row.standing) for row in read(*records).problems}


def one(*codes: dict[str, str], text: str) -> ProblemRow:
    [row] = read(problem(text, *codes)).problems
    return row


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Breast cancer", sct(DIABETES, "Diabetes mellitus type 2")),
        ("Asthma", sct(DIABETES, "Type 2 diabetes mellitus (disorder)")),
        ("Diabetes", sct(HYPERTENSION, "Hypertension")),
        ("Sarcoidosis", sct(DIABETES, "Diabetes mellitus type 2")),
        ("Asthma", {"system": "https://north.example/problems", "code": "7", "display": "Type 2 diabetes"}),
        ("Asthma", {"system": "http://hl7.org/fhir/sid/icd-9-cm", "code": "250.00", "display": "Type 2 diabetes"}),
    ],
)
def test_words_of_another_disease_than_the_code_is_called_are_one_with_neither(text: str, code: dict[str, str]) -> None:
    """A place's breast cancer was ended by another's end of a diabetes, and stood in no row's name."""
    mistyped = problem(text, code, id="mistyped")
    called = code["display"].removesuffix(" (disorder)")
    assert states(mistyped, over("", code)) == {text: ("unknown", "uncertain"), called: ("stopped", "")}
    assert one(code, text=text).conflicts == (Conflict.CODE_NAME,)
    # The end under such a code ends neither what the words say nor what the code says.
    under = over(text, code)
    for going in (problem(text), problem("", code)):
        found = read(under, going | {"id": "going"}).problems
        assert {row.lines[0].id: row.status for row in found} == {"over": "stopped", "going": "active"}


def test_two_codes_of_two_diseases_are_told_whatever_the_words_are() -> None:
    both = one(icd("E11.9"), sct("195967001", "Asthma"), text="Seen in clinic")
    assert (both.standing, both.conflicts) == ("uncertain", (Conflict.CODE_NAME,))


@pytest.mark.parametrize(
    ("text", "code", "differs"),
    [
        ("Hypothyroidism", "E11.9", True), ("Type 1 diabetes", "E11.9", True), ("COPD", "J45.909", True),
        ("Colon cancer", "C61", True), ("Ulcerative colitis", "K50.90", True), ("CHF", "I25.10", True),
        ("Sarcoidosis", "E11.9", True),
        ("Anxiety", "F41.1", False), ("High cholesterol", "E78.00", False), ("CAD", "I25.5", False),
        ("CHF", "I11.0", False), ("CKD", "E11.22", False), ("Stroke", "I61.9", False), ("Lung cancer", "C34.90", False),
        ("Low back pain", "M51.26", False), ("Dysphagia", "K22.2", False), ("Sarcoidosis", "D86.0", False),
    ],
)  # fmt: skip
def test_of_one_chapter_the_common_problems_are_told_apart(text: str, code: str, differs: bool) -> None:
    assert (one(icd(code), text=text).standing == "uncertain") is differs


@pytest.mark.parametrize(
    ("text", "display"),
    [
        ("CAD", "Coronary arteriosclerosis"), ("MS", "Multiple sclerosis"), ("Gout", "Arthritis"),
        ("High blood pressure", "Essential hypertension"), ("HTN", "Hypertensive disorder, systemic arterial"),
        ("Type 2 diabetes", "Diabetes mellitus"), ("Asthma", "Bronchial hyperreactivity"), ("Sugar", "Type 2 diabetes"),
    ],
)  # fmt: skip
def test_what_may_be_one_disease_contradicts_nothing(text: str, display: str) -> None:
    assert one(sct("1", display), text=text).standing == ""


def test_a_code_that_nobody_knows_is_no_bridge_between_the_words_of_two_diseases() -> None:
    cancer = problem("Breast cancer", sct(DIABETES), id="cancer")
    assert states(cancer, over("Type 2 diabetes", sct(DIABETES))) == {
        "Breast cancer": ("active", ""),
        "Type 2 diabetes": ("stopped", ""),
    }
    # What has the code alone goes with neither; what is called alike under it stays one.
    again = problem("Diabetes", sct(HYPERTENSION), id="b", source="east")
    short = problem("Diabetes", sct(HYPERTENSION), id="a")
    found = read(short, again, over("Hypertension", sct(HYPERTENSION)), problem("", sct(HYPERTENSION), id="bare"))
    parts = {frozenset(line.id for line in row.lines) for row in found.problems}
    assert parts == {frozenset("ab"), frozenset({"over"}), frozenset({"bare"})}


def test_under_one_code_two_names_of_one_disease_are_one_row_and_it_bears_words() -> None:
    found = read(problem("HTN", sct(HYPERTENSION), id="a"), problem("Raised tension", sct(HYPERTENSION), id="b"))
    assert len(found.problems) == 1
    [row] = read(problem("Breast cancer", sct("254837009"), id="a"), over("", sct("254837009"))).problems
    assert row.name == "Breast cancer"
