"""Doses that their own elements or words put in doubt are no unmarked amounts."""

import resource
import subprocess
import sys
from typing import Any

import pytest
from tests.reconcile.test_bad_input import order, read

from medrec.core.reconcile.rows import MedicineRow
from medrec.core.records import typed_sig
from medrec.core.records.understood import NoteCode
from medrec.node.terminology.shipped import shipped

DAILY = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}
TYPES = "http://terminology.hl7.org/CodeSystem/dose-rate-type"
CHANGED = {"modifierExtension": [{"url": "https://example.org/not", "valueBoolean": True}]}


def of(value: int, unit: str = "mg", **more: Any) -> dict[str, Any]:
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit} | more


def dose(value: int, kind: str = "", **more: Any) -> dict[str, Any]:
    typed = {"type": {"coding": [{"system": TYPES, "code": kind}]}} if kind else {}
    return typed | {"doseQuantity": of(value, **more)}


def row_of(*doses: dict[str, Any], sig: str = "", **more: Any) -> MedicineRow:
    dosage: dict[str, Any] = {"timing": DAILY, "doseAndRate": list(doses)} if doses else {"text": sig}
    (row,) = read(order("lisinopril 20 mg tablet") | {"dosageInstruction": [dosage | more]}).medicines
    return row


def noted(row: MedicineRow) -> set[str]:
    return {note for line in row.lines for note in line.notes}


@pytest.mark.parametrize("turned", [False, True])
def test_of_what_was_ordered_and_what_was_worked_out_the_order_counts(turned: bool) -> None:
    doses = [dose(40, "calculated"), dose(20, "ordered")]
    row = row_of(*(reversed(doses) if turned else doses))
    assert (row.per_day, row.directions) == ("20 mg", "20 mg once a day") and NoteCode.DOSE_PARTLY not in noted(row)


@pytest.mark.parametrize(
    ("doses", "shown"),
    [
        ([dose(40), dose(20)], "40 mg / 20 mg"),
        ([dose(20, comparator="<")], "< 20 mg"),
        ([{"doseRange": {"low": of(3, "tablet"), "high": of(1, "tablet")}}], "3 tablet to 1 tablet"),
    ],
)
def test_a_dose_in_doubt_is_shown_and_is_no_amount(doses: list[dict[str, Any]], shown: str) -> None:
    row = row_of(*doses)
    assert row.per_day == "" and shown in row.directions and NoteCode.DOSE_PARTLY in noted(row)


@pytest.mark.parametrize("where", ["dosage", "timing", "repeat", "doseAndRate"])
def test_what_may_change_the_directions_is_marked_and_gives_no_amount(where: str) -> None:
    entry = dose(20) | (CHANGED if where == "doseAndRate" else {})
    timing = DAILY | (CHANGED if where == "timing" else {})
    if where == "repeat":
        timing = {"repeat": DAILY["repeat"] | CHANGED}
    row = row_of(entry, **({"timing": timing} | (CHANGED if where == "dosage" else {})))
    assert row.per_day == "" and row.directions == "20 mg once a day" and NoteCode.MODIFIER_EXTENSION in noted(row)


def test_doses_without_doubt_go_on() -> None:
    assert row_of(dose(20)).per_day == "20 mg"
    assert row_of(dose(20), dose(20, "calculated")).per_day == "20 mg"
    assert row_of({"doseRange": {"low": of(1, "tablet"), "high": of(2, "tablet")}}).per_day == "20 to 40 mg"


@pytest.mark.parametrize(
    "words",
    ["1 tab every day for her husband", "1 tab daily - ran out", "1 tab daily, out of refills", "ran out, 1 tab daily",
     "1 tab daily, gave to her sister", "1 tableta diaria para su esposo"],
)  # fmt: skip
def test_what_is_anothers_or_ran_out_is_no_unmarked_dose_of_hers(words: str) -> None:
    row = row_of(sig=words)
    assert row.per_day == "" and {NoteCode.DOSE_PARTLY, NoteCode.DOSE_NOT_UNDERSTOOD} & noted(row)


@pytest.mark.parametrize("words", ["1 tab daily until it runs out", "1 tab daily for her blood pressure"])
def test_such_words_with_another_meaning_are_directions(words: str) -> None:
    assert row_of(sig=words).per_day == "20 mg"


def test_two_tablets_that_are_said_to_be_one_differ() -> None:
    row = row_of(sig="take 2 tablets (20 mg) daily")
    assert row.per_day == "" and NoteCode.TOTAL_DIFFERS in noted(row)
    assert row_of(sig="take 2 tablets (40 mg) daily").per_day == "40 mg"
    assert row_of(sig="take 2 tablets (20 mg each) daily").per_day == "40 mg"


SECONDS = 20
"""Of the processor; it takes one. What grew with the square took minutes."""
READ = """
from medrec.core.records import typed_sig
from medrec.core.records.terms import Table
for words in ("()" * 50_000, "()" * 50_000 + "x", "(" * 100_000, "( )" * 30_000 + ")"):
    assert typed_sig.parted(words, Table()) == (words, "")
"""


def test_a_name_of_brackets_is_parted_in_few_steps() -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))

    done = subprocess.run([sys.executable, "-c", READ], preexec_fn=limit, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_a_remark_in_parentheses_stays_with_the_name() -> None:
    assert typed_sig.parted("lisinopril 20 mg daily (a) (b)", shipped()) == ("lisinopril 20 mg (a) (b)", "20 mg daily")
    assert typed_sig.parted("lisinopril 20 mg daily (a", shipped()).directions == ""
