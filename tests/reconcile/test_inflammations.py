"""Inflammations whose name is that of no one code, and hepatitides in whatever words, under a code of another."""

import pytest

from medrec.core.reconcile.rows import Conflict
from medrec.core.records.terms import SNOMED
from tests.reconcile.test_apart import icd, over, problem
from tests.reconcile.test_bad_input import read

MARKED = (Conflict.CODE_NAME,)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Endocarditis", "I30.9"), ("Acute endocarditis", "I30.9"), ("Endocarditis", "I48.91"),
        ("Encephalitis", "G03.9"), ("Cystitis", "N40.0"), ("Pyelonephritis", "N18.4"), ("Endometritis", "N40.0"),
        ("Autoimmune hepatitis", "B18.2"), ("Hepatitis C", "K70.10"), ("Viral hepatitis type B", "B18.2"),
    ],
)  # fmt: skip
def test_under_a_code_of_another_disease_it_is_marked(text: str, code: str) -> None:
    [row] = read(problem(text, icd(code))).problems
    assert row.conflicts == MARKED and row.status == "unknown"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Endocarditis", "I33.0"), ("Endocarditis", "I38"), ("Endocarditis", "B37.6"), ("Endocarditis", "T82.6XXA"),
        ("Endocarditis", "M32.11"), ("Encephalitis", "G04.90"), ("Encephalitis", "A83.0"), ("Encephalitis", "B00.4"),
        ("Pyelonephritis", "N39.0"), ("Pyelonephritis", "N12"), ("Cystitis", "N39.0"), ("Cystitis", "N30.90"),
        ("Endometritis", "N71.9"), ("Lymphadenitis", "I88.9"), ("Viral hepatitis type B", "B18.1"),
        ("Chronic type C viral hepatitis", "B18.2"), ("Hepatitis B virus infection", "B16.9"),
    ],
)  # fmt: skip
def test_under_a_code_that_may_be_of_it_it_is_not(text: str, code: str) -> None:
    [row] = read(problem(text, icd(code))).problems
    assert row.conflicts == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hepatitis A", "Hepatitis B"), ("Viral hepatitis B", "Viral hepatitis C"), ("Type B viral hepatitis", "HCV"),
        ("Autoimmune hepatitis", "Hepatitis B"), ("Alcoholic hepatitis", "Viral hepatitis type C"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("display", ["", "Viral hepatitis type B"])
def test_two_hepatitides_under_one_code_of_snomed_are_two(one: str, other: str, display: str) -> None:
    code = {"system": SNOMED, "code": "66071002"} | ({"display": display} if display else {})
    found = {row.name: row for row in read(problem(one, code, id="a"), over(other, code)).problems}
    assert found[one].status != "stopped" and found[other].status == "stopped"
    told = [name for name, row in found.items() if row.conflicts == MARKED]
    assert bool(told) == bool(display)


def test_one_hepatitis_in_two_ways_is_one() -> None:
    code = {"system": SNOMED, "code": "66071002"}
    [row] = read(
        problem("Viral hepatitis type B", code, id="a"), problem("Hepatitis B", code, id="b", source="south")
    ).problems
    assert len(row.lines) == 2 and row.conflicts == ()
