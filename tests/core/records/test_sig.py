"""Directions in words: what is read out of them, and what is left alone."""

import pytest

from medrec.core.records.sig import parsed, per_day, unit_word

READ = [
    ("1-2 tabs q4-6h prn", "1", "2", "tablet", "4", "6", True),
    ("Take one tablet daily as directed", "1", "1", "tablet", "1", "1", False),
    ("1 tab po q.i.d.", "1", "1", "tablet", "4", "4", False),
    ("1/2 tab qhs", "0.5", "0.5", "tablet", "1", "1", False),
    ("half a tablet", None, None, None, None, None, False),
    ("100mg (4ml) three times daily", "100", "100", "mg", "3", "3", False),
    ("75 micrograms every morning", "75", "75", "ug", "1", "1", False),
    ("Inhale 2 puffs every 4 hours as needed", "2", "2", "puff", "6", "6", True),
    ("70 mg once weekly", "70", "70", "mg", "0.142857", "0.142857", False),
    ("1 tablet every other day", "1", "1", "tablet", "0.5", "0.5", False),
    ("2 tabs 3 times per day", "2", "2", "tablet", "3", "3", False),
    ("1-0-1 tablets", "2", "2", "tablet", "1", "1", False),
    ("10 units SC at bedtime", "10", "10", "[iU]", "1", "1", False),
    ("1 tablet every eight hours for 10 days", "1", "1", "tablet", "3", "3", False),
]


@pytest.mark.parametrize(("words", "low", "high", "unit", "least", "most", "needed"), READ)
def test_directions_are_read(
    words: str, low: str | None, high: str, unit: str, least: str | None, most: str, needed: bool
) -> None:
    found = parsed(words)
    assert (found.dose is None) == (low is None) and (found.times_per_day is None) == (least is None)
    if found.dose is not None and found.times_per_day is not None:
        assert (found.dose.low, found.dose.high, found.dose.unit) == (low, high, unit)
        assert (found.times_per_day.low, found.times_per_day.high) == (least, most)
        assert found.understood == "whole"
    assert found.as_needed is needed


@pytest.mark.parametrize(
    "words",
    [
        "5 mg daily except 2.5 mg on Monday",
        "40 mg daily, then taper by 10 mg a week",
        "increase by 1 tablet daily until tolerated",
        "units per sliding scale with meals",
        "20 mg in the morning and 10 mg at night",
        "0.1 mg/kg once daily",
        "1000 mg/m2 twice daily",
    ],
)
def test_what_changes_or_depends_gives_no_dose(words: str) -> None:
    found = parsed(words)
    assert found.dose is None and found.understood != "whole"


@pytest.mark.parametrize("words", ["", "as directed", "see leaflet", "q", "1-2-3-4-5", "÷", "١ قرص يوميا"])
def test_what_says_nothing_is_understood_as_nothing(words: str) -> None:
    found = parsed(words)
    assert found.dose is None and found.times_per_day is None and found.understood == "none"


def test_the_ceiling_is_not_taken_for_the_dose() -> None:
    found = parsed("2 puffs every 4 hours prn, max 8 puffs/day")
    assert found.dose is not None and found.dose.high == "2"
    assert found.at_most is not None and (found.at_most.high, found.at_most.unit) == ("8", "puff")


def test_a_day_of_a_weekly_tablet_is_a_seventh() -> None:
    found = parsed("70 mg once weekly")
    assert found.dose is not None and found.times_per_day is not None
    daily = per_day(found.dose, found.times_per_day)
    assert daily is not None and (daily.low, daily.unit) == ("10", "mg")


@pytest.mark.parametrize(
    ("written", "word"), [("TAB", "tablet"), ("tablet(s)", "tablet"), ("{tbl}", "tablet"), ("mcg", "ug"), ("kg", "kg")]
)
def test_units_of_a_dose_have_one_word(written: str, word: str) -> None:
    assert unit_word(written) == word
