"""A prescription that says itself how long it is for is over then; what names no medicine is not taken."""

from typing import Any

import pytest

from medrec.core.records.understood import NoteCode
from tests.reconcile.test_bad_input import order, read

# Lists are read on 9 October 2025.
LONG_AGO, LATELY = "2025-01-01", "2025-10-07"


def status(
    since: str = LONG_AGO, sig: str = "1 tablet daily", repeat: dict[str, Any] | None = None, **more: Any
) -> str:
    how = {"text": sig} | ({"timing": {"repeat": repeat}} if repeat else {})
    made = order("prednisone 10 mg tablet", authoredOn=since, dosageInstruction=[how], **more)
    (row,) = read(made).medicines
    return row.status


@pytest.mark.parametrize(
    "said",
    [
        {"sig": "1 tablet daily x 5 days"},
        {"sig": "take 1 tablet twice a day for 2 weeks"},
        {"sig": "1 tableta al día por 5 días"},
        {"repeat": {"boundsDuration": {"value": 5, "code": "d"}, "frequency": 1, "period": 1, "periodUnit": "d"}},
        {"repeat": {"boundsDuration": {"value": 10, "unit": "weeks"}}},
        {"repeat": {"count": 5, "frequency": 1, "period": 1, "periodUnit": "d"}},
        {"repeat": {"count": 5, "countMax": 9, "frequency": 1, "period": 1, "periodUnit": "d"}},
        {"sig": "1 tablet daily before breakfast for 5 days"},
    ],
)
def test_a_course_is_over_when_its_own_directions_say_so(said: dict[str, Any]) -> None:
    assert status(**said) == "unknown"
    assert status(LATELY, **said) == "active"
    assert status(**said, dispenseRequest={"numberOfRepeatsAllowed": 2}) == "active"


@pytest.mark.parametrize(
    "sig",
    [
        "1 tablet daily",
        "1 tablet daily x 30 days",  # what is handed out
        "1 tablet daily; hold for 3 days before surgery",
        "1 tablet daily, call if fever for 3 days",
        # It begins on a day that nobody knows.
        "take 1 tablet daily, for 3 days before travel",
        "1 tab daily for 7 days prior to procedure",
        "1 tablet daily for 5 days after surgery",
        "when you have a flare take 1 tablet daily for 5 days",
        "1 tablet daily for 5 days if fever",
        "1 tableta al día por 5 días antes de viajar",
    ],
)
def test_what_is_no_course_goes_on(sig: str) -> None:
    assert status(sig=sig) == "active"


def test_the_most_of_a_range_of_doses_is_how_long_it_may_be() -> None:
    assert status(repeat={"count": 5, "countMax": 500, "frequency": 1, "period": 1, "periodUnit": "d"}) == "active"


def test_a_course_whose_beginning_nobody_knows_goes_on() -> None:
    assert status("2025", sig="1 tablet daily x 5 days") == "active"


@pytest.mark.parametrize(
    "words",
    [
        "none",
        "No current medications",
        "denies taking any medications",
        "N/A",
        "not on any meds",
        "sin medicación actual",
    ],
)
@pytest.mark.parametrize("kind", ["MedicationRequest", "MedicationStatement"])
def test_what_names_no_medicine_is_not_taken(words: str, kind: str) -> None:
    (row,) = read(order(words) | {"resourceType": kind}).medicines
    assert row.status == "unknown" and NoteCode.STATUS_CONFLICT in row.lines[0].notes
    (coded,) = read(order(words, "314077") | {"resourceType": kind}).medicines
    assert coded.ingredients and coded.status == "unknown" and NoteCode.STATUS_CONFLICT in coded.lines[0].notes


@pytest.mark.parametrize(
    "words",
    [
        "lisinopril 20 mg (patient stopped)", "lisinopril 20 mg (not taking)", "lisinopril 20 mg (HOLD)",
        "lisinopril 20 mg [STOPPED 2024]", "lisinopril 20 mg *discontinued*", "lisinopril 20 mg - discontinued",
        "lisinopril 20 mg; stop", "lisinopril 20 mg d/c'd", "HOLD lisinopril", "does not take lisinopril",
        "refuses lisinopril", "None (lisinopril)", "no lisinopril", "allergic to lisinopril", "lisinopril - none",
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["MedicationRequest", "MedicationStatement"])
def test_a_name_that_says_that_it_is_not_taken_is_not_taken(words: str, kind: str) -> None:
    for code in ("", "314077"):
        (row,) = read(order(words, code) | {"resourceType": kind}).medicines
        assert row.status == "unknown" and NoteCode.STATUS_CONFLICT in row.lines[0].notes, code
        assert words in row.lines[0].plain


@pytest.mark.parametrize(
    "words", ["No Doz", "no-doz 200 mg", "caffeine 200 MG tab [No Doz]", "Synalgos-DC", "lisinopril 20 mg (Zestril)",
              "warfarin 5 mg (hold if INR > 4)", "lisinopril 20 mg (for blood pressure)"]
)  # fmt: skip
def test_a_name_that_only_sounds_so_is_a_name(words: str) -> None:
    (row,) = read(order(words)).medicines
    assert row.status == "active" and NoteCode.STATUS_CONFLICT not in row.lines[0].notes
