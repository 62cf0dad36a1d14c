"""Directions in words: what is read out of them, and what is left alone."""

import pytest

from medrec.core.records.sig import parsed, per_day, unit_word

READ = [
    ("1-2 tabs q4-6h prn", "1", "2", "tablet", "4", "6", True),
    ("Take one tablet daily as directed", "1", "1", "tablet", "1", "1", False),
    ("1 tab po q.i.d.", "1", "1", "tablet", "4", "4", False),
    ("1/2 tab qhs", "0.5", "0.5", "tablet", "1", "1", False),
    ("half a tablet", "0.5", "0.5", "tablet", None, None, False),
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
    words: str, low: str, high: str, unit: str, least: str | None, most: str | None, needed: bool
) -> None:
    found = parsed(words)
    assert found.dose is not None and (found.times_per_day is None) == (least is None)
    assert (found.dose.low, found.dose.high, found.dose.unit) == (low, high, unit)
    if found.times_per_day is not None:
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
        "20 mg in the morning and 10 mg as before",
        "0.1 mg/kg once daily",
        "1000 mg/m2 twice daily",
    ],
)
def test_what_changes_or_depends_gives_no_dose(words: str) -> None:
    found = parsed(words)
    assert found.dose is None and found.understood != "whole"


@pytest.mark.parametrize(
    ("words", "needed"),
    [
        ("1 tab every other day, extra tab prn weight gain", False),
        ("2 extra strength tablets every 6 hours as needed", True),
        ("1 tablet as needed, an additional tablet after an hour", True),
        ("1 tablet daily", False),
    ],
)
def test_what_comes_on_top_as_needed_makes_the_rest_not_as_needed(words: str, needed: bool) -> None:
    assert parsed(words).as_needed is needed


@pytest.mark.parametrize(
    "words",
    [
        "1 tab BID; hold for SBP<100",
        "1 tab BID, hold if SBP < 100 mmHg or HR < 60",
        "1 tab BID (hold for systolic less than 90)",
    ],
)
def test_a_limit_of_a_nurse_ends_nothing(words: str) -> None:
    found = parsed(words)
    assert found.dose is not None and found.times_per_day is not None and not found.course
    # What is held for anything else, or until a day, is not understood.
    for other in ("1 tab BID; hold for surgery", "1 tab BID; hold if SBP < 100, then call 2", "hold for SBP < 100"):
        assert parsed(other).times_per_day is None


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


@pytest.mark.parametrize(
    ("words", "dose", "unit", "times"),
    [
        ("2½ tablets daily", "2.5", "tablet", "1"),
        ("1½ tablets daily", "1.5", "tablet", "1"),
        ("1 1/2 tablets daily", "1.5", "tablet", "1"),
        ("1-1/2 tabs daily", "1.5", "tablet", "1"),
        ("1 and 1/2 tabs po bid", "1.5", "tablet", "2"),
        ("one and a half tablets daily", "1.5", "tablet", "1"),
        ("half a tablet daily", "0.5", "tablet", "1"),
        ("take one half tablet daily", "0.5", "tablet", "1"),
        ("¾ tab bid", "0.75", "tablet", "2"),
        ("1,000 mg twice daily", "1000", "mg", "2"),
        ("2,500 units daily", "2500", "[iU]", "1"),
        ("2,5 mg once daily", "2.5", "mg", "1"),
        ("0,125 mg daily", "0.125", "mg", "1"),
        ("12,5 mg daily", "12.5", "mg", "1"),
        ("1 tablet twice daily in the morning and in the evening", "1", "tablet", "2"),
        ("1 tablet every 8 hours (3 times a day)", "1", "tablet", "3"),
    ],
)
def test_numbers_as_people_write_them(words: str, dose: str, unit: str, times: str) -> None:
    found = parsed(words)
    assert found.dose is not None and found.times_per_day is not None
    assert (found.dose.low, found.dose.unit, found.times_per_day.low) == (dose, unit, times)
    assert found.dose.high == dose and found.understood == "whole"


@pytest.mark.parametrize(
    "words",
    ["2 x 500 mg bid", "3 x 1 tablet", "take 1,2 or 3 tablets daily", "5 1/2 tablet daily", "5 2 tablets daily",
     "1 half tablet daily"],
)  # fmt: skip
def test_a_number_beside_the_dose_leaves_the_dose_open(words: str) -> None:
    """2 x 500 mg is 1000 mg at a time to one writer, and 500 mg twice a day to another."""
    assert parsed(words).dose is None and parsed(words).understood != "whole"


@pytest.mark.parametrize(
    "words",
    ["1 tablet daily, check INR weekly", "1 tablet every 6 hours or twice daily", "1 tab bid, weekly weights",
     "1 tablet 3 times a day, once at bedtime"],
)  # fmt: skip
def test_two_frequencies_leave_the_frequency_open(words: str) -> None:
    found = parsed(words)
    assert found.dose is not None and found.times_per_day is None and found.understood == "partly"
