"""Stages and kinds of one disease, side by side in one chart."""

from typing import Any

import pytest

from medrec.core.reconcile.rows import Conflict
from medrec.core.records.stages import LAST, differ, stages
from tests.reconcile.test_apart import icd, problem
from tests.reconcile.test_bad_input import read


def chart(*entries: str, **more: Any) -> Any:
    """The problems of a chart, by codes of ICD-10-CM and by words, each of another place."""
    made = [
        problem("", icd(one), id=f"p{n}", source=f"s{n}", **more)
        if one[1:2].isdigit()
        else problem(one, id=f"p{n}", source=f"s{n}", **more)
        for n, one in enumerate(entries)
    ]
    return read(*made).problems


@pytest.mark.parametrize(
    ("one", "other", "marked"),
    [
        ("N18.31", "N18.4", True), ("CKD stage 3", "CKD stage 4", True), ("N18.31", "N18.32", True),
        ("CKD stage IIIb", "CKD 3a", True), ("CKD stage 2", "ESRD", True), ("N18.6", "end-stage renal disease", False),
        ("N18.30", "CKD 3b", False), ("N18.31", "CKD", False), ("N18.9", "N18.4", False),
        ("N18.4", "CKD stage IV", False),
    ],
)  # fmt: skip
def test_stages_of_one_disease_are_one_row_that_says_where_they_differ(one: str, other: str, marked: bool) -> None:
    [row] = chart(one, other)
    assert (Conflict.STAGE in row.conflicts) is marked
    assert [(row.conflicts, row.name) for row in chart(other, one)] == [(row.conflicts, chart(other, one)[0].name)]


def test_a_stage_that_is_over_does_not_differ() -> None:
    ended = problem("", icd("N18.2"), clinical="resolved", id="a", abatementDateTime="2025-01-01")
    assert all(Conflict.STAGE not in row.conflicts for row in read(ended, problem("", icd("N18.4"), id="b")).problems)


def test_what_tells_no_stage_may_be_at_any() -> None:
    assert stages(["N18.6"], ["ckd stage 2"]) == (LAST,) and stages(["I10"], ["hypertension"]) == ()
    assert differ(("3a",), ("3b",)) and not differ(("3",), ("3b",)) and not differ((), ("3b",))


@pytest.mark.parametrize("other", ["hepatitis C", "HCV", "autoimmune hepatitis", "B18.2"])
@pytest.mark.parametrize("known", ["hepatitis B", "B18.1", "HBV"])
def test_a_hepatitis_of_no_kind_is_of_neither_of_two(known: str, other: str) -> None:
    found = chart("hepatitis", known, other)
    assert sorted(len(row.lines) for row in found) == [1, 1, 1]
    assert [len(row.lines) for row in chart("hepatitis", known)] == [2]


def test_a_heart_that_is_weak_in_both_ways_is_no_bridge() -> None:
    assert len(chart("I50.22", "I50.42")) == 1
    found = {row.lines[0].id: len(row.lines) for row in chart("I50.22", "I50.32", "I50.42")}
    assert found == {"p0": 1, "p1": 1, "p2": 1}
    assert len(chart("HFrEF", "HFpEF", "I50.42", "CHF")) == 4
