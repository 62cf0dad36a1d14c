"""Directions in words never give a wrong daily dose: every number in them is accounted for, or there is no dose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medrec.core.records.sig import LONGEST, Sig, parsed, per_day


def a_day(words: str) -> str:
    """The daily amount that is read ("10 tablet", "1 to 2 tablet"); "" where there is none."""
    found = parsed(words)
    if found.dose is None or found.times_per_day is None:
        return ""
    daily = per_day(found.dose, found.times_per_day)
    assert daily is not None
    return f"{daily.low if daily.low == daily.high else f'{daily.low} to {daily.high}'} {daily.unit}"


@pytest.mark.parametrize(
    ("words", "daily"),
    [
        ("Take 1 tablet by mouth 2 (two) times daily", "2 tablet"),
        ("Take one (1) tablet by mouth two (2) times a day", "2 tablet"),
        ("Take 1 tablet by mouth 4 (four) times daily as needed", "4 tablet"),
        ("Take 2 (two) tablets (10 mg total) by mouth 3 (three) times daily", "6 tablet"),
        ("Take 2 tablets (2,000 mg total) by mouth 3 (three) times daily", "6 tablet"),
        ("Inject 10 Units under the skin 3 (three) times daily before meals", "30 [iU]"),
        ("take 1-2 tablets by mouth every 4 (four) to 6 (six) hours", "4 to 12 tablet"),
        ("1 tablet twice-daily", "2 tablet"),
        ("1 tablet three-times-daily", "3 tablet"),
        ("1 tablet qam and qhs", "2 tablet"),
        ("1 tablet am and hs", "2 tablet"),
        ("1 tablet qam, qpm", "2 tablet"),
        ("1 tablet at 8 am and 8 pm", "2 tablet"),
        ("1 tablet morning, noon and night", "3 tablet"),
        ("1 tablet in the morning and 1 tablet in the evening", "2 tablet"),
        ("10 units every morning and 10 units every evening", "20 [iU]"),
        ("5mg tablet: take 2 daily", "10 mg"),
        ("methotrexate 2.5 mg tablets, 4 tablets every week", "1.4286 mg"),
        ("1 tablet thrice weekly", "0.4286 tablet"),
        ("1 tablet twice every week", "0.2857 tablet"),
        ("1 tablet twice monthly", "0.0667 tablet"),
        ("1 tablet 2 times every 3 days", "0.6667 tablet"),
        ("1 tablet twice every other day", "1 tablet"),
        ("twenty five mg daily", "25 mg"),
        ("1 tablet daily with 8 oz of water, 30 minutes before breakfast, for 10 days", "1 tablet"),
        ("1 tablet once daily at 6 pm every day", "1 tablet"),
        ("1 tablet in the morning, 1 at noon, 1 at bedtime", "3 tablet"),
        ("1 tablet daily with breakfast and 1 tablet at bedtime", "2 tablet"),
        ("1 tab with breakfast and 1 at bedtime", "2 tablet"),
        ("2 tablets in the morning and 1 tablet at night", "3 tablet"),
        ("20 mg in the morning and 10 mg at night", "30 mg"),
        ("10 units at breakfast, 8 units at lunch, 12 units at dinner", "30 [iU]"),
        ("Take 2 tablets in the morning. Take 1 tablet at bedtime.", "3 tablet"),
        ("1 tablet am and 2 tablets pm", "3 tablet"),
        ("1 at noon", "1 "),
        ("take one bid", "2 "),
        ("1 tab before meals and at bedtime", "4 tablet"),
        ("1 tablet with meals", "3 tablet"),
        ("1 tablet twice daily with meals", "2 tablet"),
        ("1 tablet every other day", "0.5 tablet"),
        ("1 tablet once a week on Monday", "0.1429 tablet"),
        ("inject 0.5 mg under the skin every 7 days on Sunday", "0.0714 mg"),
        ("1 tablet on Mondays and Thursdays", "0.2857 tablet"),
        ("1 tablet twice weekly on Tuesday and Friday", "0.2857 tablet"),
        ("1 tablet Mon/Wed/Fri", "0.4286 tablet"),
        ("1 tablet M-W-F", "0.4286 tablet"),
        ("4 tablets daily MWF", "1.7143 tablet"),
        ("1 tablet daily M-F", "0.7143 tablet"),
        ("1 tablet daily M thru F", "0.7143 tablet"),
        ("1 tablet daily T/Th", "0.2857 tablet"),
        ("1 tablet daily TThSa", "0.4286 tablet"),
        ("1 tablet daily w/f", "1 tablet"),
        ("1 tablet daily until finished", "1 tablet"),
        ("1 tablet every day on Mon Wed Fri", "0.4286 tablet"),
        ("1 tablet daily on weekends only", "0.2857 tablet"),
        ("1 tablet bid mon-fri", "1.4286 tablet"),
        ("1 tablet twice a day 3 days a week", "0.8571 tablet"),
        ("5 mg Mon/Wed/Fri and 2.5 mg Tue/Thu/Sat/Sun", "3.5714 mg"),
        ("7.5 mg on Monday and 5 mg all other days", "5.3571 mg"),
    ],
)
def test_what_is_clear_is_read_whole(words: str, daily: str) -> None:
    assert a_day(words) == daily
    assert parsed(words).understood == "whole"


@pytest.mark.parametrize(
    "words",
    [
        "20 mg daily and 10 mg at night as before, 3 more",
        "1 tablet daily and 2 tablets on Monday",
        "1 tablet on Monday and 1 tablet on Monday",
        "1 tablet in the morning and 5 mg at night",
        "1 tablet in the morning, if pain comes back 1 tablet at night",
        "1 tablet weekly on Monday and Thursday",
        "1 tablet every other Monday",
        "1 tablet daily starting Monday",
        "4 tablets daily starting Monday",
        "1 tablet a day till Monday",
        "1 tablet daily, last dose Friday",
        "1 tablet daily, last dose on Friday",
        "take 1 tablet daily; appointment on Thursday",
        "take 1 tablet daily; Thursday appointment",
        "1 tablet daily. On Thursday see the doctor",
        "1 tablet every day but Sunday",
        "1 tablet daily from Monday",
        "1 tablet daily and on Monday",
        "1 tablet daily next Monday",
        "1 tablet daily, Monday.",
        "1 tablet on Mon",
        "1 tablet. Take with meals",
        "2 times daily before meals and at bedtime, 1 tablet",
        "take 5 daily",
        "2.5 daily",
        "1 for pain",
        "1 tablet every day and every night",
        "1 tablet in the evening, at bedtime",
        "1 tablet bid-tid",
        "take 2 (5 mg) daily",
        "take 2 (three) tablets daily",
        "1-0-1 (5 mg)",
        "1.000 mg daily",
        "one hundred mg daily",
        "5 000 mg daily",
        "1 g daily in 4 divided doses",
        "1 tablet twice nightly",
        "1 tablet several times daily",
        "1 tablet daily x3",
        "2 puffs bid and 2 puffs prn q4h",
        "1 tablet daily, may repeat in 2 hours",
        "1 tablet q4h while awake",
        "1 tablet daily, ⅓ more at night",
        "1 tablet daily, ٣ at night",
    ],
)
def test_what_is_not_clear_has_no_daily_dose(words: str) -> None:
    assert a_day(words) == "" and parsed(words).understood != "whole"


@pytest.mark.parametrize(
    ("words", "most"),
    [
        ("1 tablet as needed, at most 3 a day", "3 tablet"),
        ("1 tablet as needed up to 4 daily", "4 tablet"),
        ("1 tablet prn max 4 daily", "4 tablet"),
        ("take 1 tablet at onset, 1 tablet as needed, do not take more than 2 tablets a day", "2 tablet"),
        ("1 tablet up to 3 times a day", "3 tablet"),
        ("2 tablets prn, no more than 3 doses in 24 hours", "6 tablet"),
        ("1 tablet prn (MDD 3)", "3 tablet"),
        ("1 tablet prn, 3 a day at most", "3 tablet"),
        ("1 tablet prn, limit 6 per day", "6 tablet"),
        ("5 mg as needed, maximum daily dose 20 mg", "20 mg"),
    ],
)
def test_a_ceiling_is_no_dose(words: str, most: str) -> None:
    found = parsed(words)
    assert a_day(words) == "" and found.at_most is not None
    assert f"{found.at_most.high} {found.at_most.unit}" == most


def test_a_ceiling_that_nobody_can_count_leaves_the_day_open() -> None:
    """Four tablets, or four times two."""
    found = parsed("2 tablets every 4 hours, max 4 daily")
    assert found.at_most is None and found.times_per_day is None
    assert a_day("1 tablet no more often than every 8 hours") == ""


@pytest.mark.parametrize(
    ("words", "course"),
    [
        ("1 tablet daily except Sunday", "changes"),
        ("1 tablet daily, double on Monday", "changes"),
        ("1 tablet on even days", "changes"),
        ("1 tablet on days 1-21 of each cycle", "changes"),
        ("1 tablet daily, 3 weeks on 1 week off", "changes"),
        ("no longer take 1 tablet daily", "over"),
        ("STOP taking 1 tablet daily", "over"),
        ("Discontinue.", "over"),
        ("1 tablet daily; dc'd", "over"),
        ("1 tablet daily (cancelled)", "over"),
        ("1 tablet daily, refused", "over"),
        ("1 tablet daily d/c", "ends"),
        ("1 tablet daily - d/c 9/1", "ends"),
        ("do not take", "over"),
        ("hold 1 tablet daily", "over"),
        ("I stopped it last week", "over"),
        ("i am not taking this", "over"),
        ("Ya no lo tomo", "over"),
        ("لا أتناوله", "over"),
        ("skip 1 tablet daily", "ends"),
        ("do not take 1 tablet daily", "ends"),
        ("stop taking if a rash occurs", "ends"),
        ("1 tablet daily, stop if rash", "ends"),
        ("hold for SBP < 100", "ends"),
        ("I am not taking it every day", "ends"),
        ("not taking as directed", "ends"),
        ("stop on 5 May", "ends"),
        ("1 tablet daily until gone, stop", "ends"),
    ],
)
def test_what_is_not_every_day_the_same_and_words_of_an_end_give_no_dose(words: str, course: str) -> None:
    found = parsed(words)
    assert found.dose is None and found.times_per_day is None and found.course == course


@pytest.mark.parametrize(
    "words", ["inhale 2 puffs bid, hold your breath", "1 tablet daily, do not take with grapefruit juice"]
)
def test_advice_is_no_end(words: str) -> None:
    assert parsed(words).course == "" and a_day(words) != ""


def test_what_is_too_long_to_read_is_not_read_in_part() -> None:
    assert parsed("1 tablet daily " + "with food " * LONGEST + "and no longer") == Sig()


_DOSES = ["1 tablet", "2 tablets", "one tablet", "5 mg", "2 (two) tablets (10 mg total)", "half a tablet", "1-2 tabs"]
_OFTEN = [
    "daily", "2 (two) times daily", "bid", "q4-6h", "every 8 hours", "once weekly", "in the morning and at bedtime",
    "twice-daily", "every other day", "3 times every 2 days",
]  # fmt: skip
_AROUND = ["by mouth", "as needed", "with food", "for 10 days", "max 8 tablets a day", "take", "then", "and", ",", "or"]
_NUMBERS = [
    "7", "11", "0.5", "3/4", "½", "⅓", "eleven", "twenty", "two", "twice", "once", "thrice", "half", "quarter", "dozen",
    "hundred", "several", "both", "double", "٣", "1,000", "1.000", "7 times", "7 mg/kg", "up to 7", "7x",
]  # fmt: skip
_text = st.lists(st.sampled_from([*_DOSES, *_OFTEN, *_AROUND]), min_size=1, max_size=7)


@given(_text, st.sampled_from(_NUMBERS), st.integers(0, 7))
def test_a_number_that_is_not_accounted_for_never_gives_a_daily_dose(parts: list[str], number: str, place: int) -> None:
    stray = [*parts[:place], f"; {number} ;", *parts[place:]]
    assert a_day(" ".join(stray)) == ""
    assert parsed(" ".join(stray)).understood != "whole"


@given(
    st.sampled_from(_DOSES), st.sampled_from(_OFTEN), st.sampled_from([*_NUMBERS, "7 tablets", "90 mg"]), st.booleans()
)
def test_the_law_is_about_the_number_and_not_about_the_text(dose: str, often: str, number: str, first: bool) -> None:
    whole = f"take {dose} by mouth {often} for 10 days"
    assert a_day(whole) != "" and parsed(whole).understood == "whole"
    assert a_day(f"{number}; {whole}" if first else f"{whole}; {number}") == ""


_WORDS = ("one", "two", "three", "four", "five", "six")


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 4), st.integers(0, 4), st.booleans())
def test_as_many_a_day_as_the_words_say(count: int, times: int, how: int, often: int, needed: bool) -> None:
    """However the two numbers are written: what comes out is one times the other, or nothing."""

    def written(number: int, way: int) -> str:
        word = _WORDS[number - 1]
        return (str(number), word, f"{number} ({word})", f"{word} ({number})", word.upper())[way]

    daily = a_day(
        f"Take {written(count, how)} tablets by mouth {written(times, often)} times daily{' as needed' * needed}"
    )
    assert daily == f"{count * times} tablet"


@given(st.text(max_size=80))
def test_any_text_is_read_without_an_error(words: str) -> None:
    assert parsed(words).understood in ("whole", "partly", "none")


@pytest.mark.parametrize(
    ("words", "daily"),
    [
        ("1 tableta al dia", "1"), ("1 tableta al día", "1"), ("Tomar 1 tableta cada 8 horas por 7 días", "3"),
        ("media tableta por la noche", "0.5"), ("2 comprimidos 3 veces al día con las comidas", "6"),
        ("1 tableta cada dos días", "0.5"), ("1 tablet every other week", "0.0714"), ("1 tablet fortnightly", "0.0714"),
        (".5 tablet daily", "0.5"), ("1/2-0-1/2 tablet", "1"), ("1/2-0-1 tablet", "1.5"),
    ],
)  # fmt: skip
def test_directions_in_spanish_fortnights_and_bare_points_are_read(words: str, daily: str) -> None:
    found = parsed(words)
    assert found.understood == "whole" and found.dose is not None and found.times_per_day is not None
    a_day = per_day(found.dose, found.times_per_day)
    assert a_day is not None and (a_day.low, a_day.unit) == (daily, "tablet")


@pytest.mark.parametrize(
    "words",
    [
        "1 tableta al día excepto domingo",
        "1 tableta diaria, luego 2",
        "1 tableta hasta terminar",
        "1 tableta cada tres ratos",
    ],
)
def test_spanish_with_a_word_that_is_not_known_is_not_read_in_part(words: str) -> None:
    assert parsed(words).dose is None and parsed(words).times_per_day is None


@pytest.mark.parametrize(
    "words",
    [
        "1 tablet daily stopped", "1 tablet daily - patient refused", "not taking 1 tablet daily", "no tomar",
        "suspendido 1 tableta al dia", "STOPPED 3/2025", "1 tab qd (on hold)", "never taken; 1 tablet daily",
    ],
)  # fmt: skip
def test_a_stop_anywhere_is_over(words: str) -> None:
    assert parsed(words).course == "over"


@pytest.mark.parametrize(
    "words",
    [
        "1 tablet daily, do not stop", "Should not be discontinued, 1 tablet daily", "1 tablet daily; stop aspirin",
        "stopped smoking; 1 tablet daily", "1 tablet daily, hold if SBP < 100", "1 puff daily with hand held spacer",
        "powder suspended in 15 ml of water daily", "1 tablet daily, refuses generics", "not taking with milk",
    ],
)  # fmt: skip
def test_what_is_no_stop_of_this_medicine_is_not_over(words: str) -> None:
    assert parsed(words).course != "over"
