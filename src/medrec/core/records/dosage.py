"""FHIR's Dosage: coded timing and doses where the record has them, the words where it has not, and both compared."""

from typing import NamedTuple

import msgspec

from medrec.core.records import datatypes, doubtful_dose, ratio, said_twice, sig, when_taken
from medrec.core.records.canonical import Value
from medrec.core.records.datatypes import many, one, text
from medrec.core.records.dates import ClinicalDate
from medrec.core.records.ratio import Ratio
from medrec.core.records.reading import Marks
from medrec.core.records.sig import Course, Sig
from medrec.core.records.sig_grammar import Total
from medrec.core.records.understood import Amount, NoteCode

# hl7.org/fhir/R4/valueset-timing-abbreviation.html: (times, days).
_TIMING = {
    "BID": (2, 1), "TID": (3, 1), "QID": (4, 1), "AM": (1, 1), "PM": (1, 1), "QD": (1, 1), "QOD": (1, 2),
    "Q1H": (24, 1), "Q2H": (12, 1), "Q3H": (8, 1), "Q4H": (6, 1), "Q6H": (4, 1), "Q8H": (3, 1), "BED": (1, 1),
    "WK": (1, 7), "MO": (1, 30),
}  # fmt: skip
# Days of a unit of time, as numerator and denominator.
_DAYS = {"s": (1, 86_400), "min": (1, 1440), "h": (1, 24), "d": (1, 1), "wk": (7, 1), "mo": (30, 1), "a": (365, 1)}


class Directions(NamedTuple):
    """What all dosages of a record say together; `start` and `end` where a dosage is bounded by dates."""

    sig: str
    dose: Amount | None
    times_per_day: Amount | None
    as_needed: bool
    at_most: Amount | None
    route: str
    start: ClinicalDate | None
    end: ClinicalDate | None
    totals: tuple[Total, ...] = ()
    """Doses said again in another unit, in words."""
    over: bool = False
    """Whether every dosage says, in words, nothing but not to take it (on)."""
    when: tuple[str, ...] = ()
    """The parts of the day and days of the week that the only dosage names (when_taken.py)."""
    sided: bool = False
    """Whether the dose of the only dosage is that of each eye, ear or nostril."""


_COURSES: dict[Course, str] = {
    "changes": "The directions change over time; no amount per day is derived.",
    "unsure": "The directions speak of another time, person or condition; no amount per day is derived.",
    "over": "The directions say not to take it; no amount per day is derived.",
    "ends": "The directions say not to take it, or when to stop; no amount per day is derived.",
}
NONE = Directions("", None, None, False, None, "", None, None)


def directions(dosages: list[dict[str, Value]], marks: Marks) -> Directions:
    """Read the dosages of one record. Several steps one after the other give the first step's words and no amount."""
    if not dosages:
        return NONE
    read = [_one(dosage, marks) for dosage in dosages]
    words = datatypes.one_line("; ".join({part.sig: None for part in read if part.sig}))
    route = next((part.route for part in read if part.route), "")
    needed = all(part.as_needed for part in read)
    if len(read) == 1:
        only = read[0]
        if only.dose is None or only.times_per_day is None:
            _note_grasp(only, marks)
        return only
    starts, ends = [part.start for part in read if part.start], [part.end for part in read if part.end]
    start = min(starts, key=lambda found: found.start_ms, default=None)
    # The directions end when the last step does, and only if every step has an end.
    end = max(ends, key=lambda found: found.end_ms) if len(ends) == len(read) else None
    steps = {datatypes.decimal(dosage, "sequence"): None for dosage in dosages}
    totals = tuple(total for part in read for total in part.totals)
    daily = _together(read) if len(steps) == 1 and not any(part.as_needed for part in read) else None
    twice = any(one == other for at, one in enumerate(read) for other in read[:at])
    if daily is None or twice:
        # The same said twice may be one dose or two.
        why = "say the same twice" if twice else f"have {len(read)} parts"
        marks.add(NoteCode.DOSE_PARTLY, f"The directions {why}; no amount per day is derived.")
        over = all(part.over for part in read)
        return Directions(words, None, None, needed, None, route, start, end, totals, over)
    return Directions(words, daily, Amount("1", "1", "/d"), needed, None, route, start, end, totals)


def _note_grasp(found: Directions, marks: Marks) -> None:
    if any(note.code in (NoteCode.DOSE_PARTLY, NoteCode.MODIFIER_EXTENSION) for note in marks.notes):
        return
    if found.dose is None and found.times_per_day is None:
        if found.sig:
            marks.add(NoteCode.DOSE_NOT_UNDERSTOOD, f'The directions "{found.sig[:120]}" are shown as written.')
    else:
        missing = "how much" if found.dose is None else "how often"
        marks.add(NoteCode.DOSE_PARTLY, f"The directions do not say clearly {missing}; no amount per day is derived.")


def _one(dosage: Value, marks: Marks) -> Directions:
    words = datatypes.one_line(text(dosage, "text") or text(dosage, "patientInstruction"))
    more = _beside(dosage, words)
    told = _with_more(sig.parsed(words), more)
    timing = one(dosage, "timing")
    repeat = one(timing, "repeat")
    coded_times = _times(timing, repeat)
    coded_dose = _dose(dosage)
    dose, times = _agreed(told, coded_dose, coded_times, marks)
    often, amount = _often_apart(timing, repeat), said_twice.of_dose(dosage, marks.around.terms)
    if often:
        marks.add(NoteCode.DOSE_PARTLY, f"The codes of the directions say {often}; no amount per day is derived.")
        more, times = [*more, often], None
    if amount is not None:
        shown = f"{amount.by_word} by its unit, {amount.by_code} by its code"
        marks.add(NoteCode.UNIT_NOT_UNDERSTOOD, f"The amount is {shown}; neither is used.")
        more, dose, coded_dose = [*more, shown], None, None
    if doubt := doubtful_dose.why(dosage):
        marks.add(NoteCode.DOSE_PARTLY, f"{doubt}; no amount per day is derived.")
        more, dose, coded_dose = [*more, doubtful_dose.shown(dosage)], None, None
    if modified := doubtful_dose.is_modified(dosage):
        marks.add(NoteCode.MODIFIER_EXTENSION, "The directions have an addition that may change their meaning.")
        more = more if words else [*more, _in_words(dose, times, False)]
        dose = coded_dose = times = None
    totals = told.totals
    if coded_dose is not None and told.dose is not None and coded_dose.unit != told.dose.unit:
        # Coded 2 tablets, in words 10 mg: one is the other said again.
        totals += (Total(told.dose, coded_dose, True),)
    needed = datatypes.flag(dosage, "asNeededBoolean") is True or bool(one(dosage, "asNeededCodeableConcept"))
    # Directions that change over time, or that say to stop, say nothing about a day; nor do codes beside them.
    if told.course:
        marks.add(NoteCode.DOSE_PARTLY, _COURSES[told.course])
        dose = times = None
    start, end = datatypes.period(repeat, "boundsPeriod")
    route = datatypes.concept(dosage, "route").label
    shown = datatypes.joined(words or _in_words(dose, times, needed), *more, by="; ")
    needed = needed or told.as_needed
    most = (_ceiling(dosage) or told.at_most) if amount is None and not doubt and not modified else None
    named = when_taken.coded(timing, repeat) or told.when
    return Directions(
        shown, dose, times, needed, most, route, start, end, totals, told.course == "over", named, told.sided
    )


def _beside(dosage: Value, words: str) -> list[str]:
    """What stands beside the directions in words of its own: additional instructions, and those to the patient."""
    found = [datatypes.untagged(concept.label) for concept in datatypes.concepts(dosage, "additionalInstruction")]
    found.append(text(dosage, "patientInstruction"))
    plain = (datatypes.one_line(one) for one in found if one)
    return [one for one in dict.fromkeys(plain) if one.lower() not in words.lower()]


def _with_more(told: Sig, more: list[str]) -> Sig:
    """Directions with what stands beside them: a stop or a change there counts as if it stood in them, and another dose
    or frequency is a change."""
    for words in more:
        beside = sig.parsed(words)
        pairs = ((told.dose, beside.dose), (told.times_per_day, beside.times_per_day))
        differs = any(mine is not None and its is not None and mine != its for mine, its in pairs)
        course = (
            beside.course
            if beside.course in ("over", "changes")
            else "changes"
            if differs or sig.skips_days(words)
            else ""
        )
        told = msgspec.structs.replace(
            told,
            as_needed=told.as_needed or beside.as_needed,
            at_most=told.at_most or beside.at_most,
            course=course if course == "over" or not told.course else told.course,
        )
    return told


def _agreed(told: Sig, dose: Amount | None, times: Amount | None, marks: Marks) -> tuple[Amount | None, Amount | None]:
    """Coded parts before words; where both are there and differ, neither is believed."""
    if dose is not None and told.dose is not None and dose.unit == told.dose.unit and not _same(dose, told.dose):
        marks.add(NoteCode.DOSE_PARTLY, "The words and the codes of the directions name different doses.")
        dose = None
    elif dose is None:
        dose = told.dose
    if times is not None and told.times_per_day is not None and not _same(times, told.times_per_day):
        marks.add(NoteCode.DOSE_PARTLY, "The words and the codes of the directions name different times.")
        times = None
    elif times is None:
        times = told.times_per_day
    return dose, times


def _same(a: Amount, b: Amount) -> bool:
    pairs = ((a.low, b.low), (a.high, b.high))
    return all(ratio.ratio_of(x) == ratio.ratio_of(y) for x, y in pairs)


def _dose(dosage: Value) -> Amount | None:
    for entry in doubtful_dose.that_counts(many(dosage, "doseAndRate")) or [dosage]:
        found = datatypes.quantity(one(entry, "doseQuantity")) or datatypes.span(one(entry, "doseRange"))
        if found is not None:
            unit = one(entry, "doseQuantity") or one(one(entry, "doseRange"), "high")
            written = text(unit, "unit") if found.unit in ("", "1") else found.unit
            return _whole(Amount(found.low, found.high, sig.unit_word(written)))
    return datatypes.quantity(one(dosage, "dose"))


def _whole(found: Amount) -> Amount | None:
    """An amount of which both sides are there and are numbers; plain decimal text."""
    low, high = ratio.ratio_of(found.low or found.high), ratio.ratio_of(found.high or found.low)
    if low is None or high is None:
        return None
    return Amount(ratio.written(low), ratio.written(high), found.unit)


def _often_apart(timing: Value, repeat: Value) -> str:
    """Both in words, where the code of a timing says another frequency than its `repeat`; FHIR has them say the same,
    and whoever wrote it meant one of them."""
    code, told = _by_code(timing, repeat), _times({}, repeat)
    if code is None or told is None or _same(code, told):
        return ""
    return f"{times_in_words(code)} by code, {times_in_words(told)} by the times beside it"


def _by_code(timing: Value, repeat: Value) -> Amount | None:
    code = datatypes.code_of(timing, "code").upper()
    if code not in _TIMING:
        return None
    return _weekly(
        len(set(datatypes.texts(repeat, "dayOfWeek"))), ratio.ratio(*_TIMING[code]), ratio.ratio(*_TIMING[code])
    )


def _times(timing: Value, repeat: Value) -> Amount | None:
    """How often a day the coded timing says; None where it says nothing (or only a count)."""
    hours = datatypes.texts(repeat, "timeOfDay") or datatypes.texts(repeat, "when")
    frequency, most = datatypes.decimal(repeat, "frequency"), datatypes.decimal(repeat, "frequencyMax")
    if hours and frequency and ratio.ratio_of(frequency) != ratio.ratio(len(hours)):
        # Once a day in the morning and at night: one of the two is wrong.
        return None
    low = ratio.ratio_of(frequency) if frequency else ratio.ratio(len(hours)) if hours else None
    period, unit = datatypes.decimal(repeat, "period"), _DAYS.get(text(repeat, "periodUnit"))
    on_days = len(set(datatypes.texts(repeat, "dayOfWeek")))
    if low is not None and low.numerator and period and unit is not None:
        high = ratio.ratio_of(most) or low
        short = ratio.ratio_of(period)
        long = ratio.ratio_of(datatypes.decimal(repeat, "periodMax")) or short
        if short is None or long is None or not short.numerator or not long.numerator:
            return None
        days = ratio.ratio(*unit)
        return _weekly(on_days, ratio.over(low, ratio.times(long, days)), ratio.over(high, ratio.times(short, days)))
    if low is not None and low.numerator and (hours or on_days) and not period:
        return _weekly(on_days, low, ratio.ratio_of(most) or low)
    return _by_code(timing, repeat)


def _weekly(days: int, low: Ratio, high: Ratio) -> Amount | None:
    """So often a day on some days of the week, in the mean of a week. Once a week on Monday is once in seven days: the
    days say the same again. Once a week on two of them, or every other day on some, is neither."""
    share = ratio.ratio(days, 7) if days else ratio.ratio(1)
    if days and (low, high) != (share, share):
        if ratio.less(low, ratio.ratio(1)):
            return None
        low, high = ratio.times(low, share), ratio.times(high, share)
    return Amount(ratio.written(low), ratio.written(high), "/d")


def _ceiling(dosage: Value) -> Amount | None:
    """maxDosePerPeriod over a day."""
    most = one(dosage, "maxDosePerPeriod")
    above, below = datatypes.quantity(one(most, "numerator")), datatypes.quantity(one(most, "denominator"))
    if above is None or below is None or below.unit not in _DAYS:
        return None
    value, over = ratio.ratio_of(above.high), ratio.ratio_of(below.high)
    if value is None or over is None or not over.numerator:
        return None
    daily = ratio.written(ratio.over(value, ratio.times(over, ratio.ratio(*_DAYS[below.unit]))))
    return Amount(daily, daily, sig.unit_word(above.unit))


def _together(parts: list[Directions]) -> Amount | None:
    """What parts that hold at the same time come to in a day; None unless each says its whole part in one unit."""
    low = high = ratio.ZERO
    for part in parts:
        daily = sig.per_day(part.dose, part.times_per_day) if part.dose and part.times_per_day else None
        if daily is None or part.dose is None or parts[0].dose is None or part.dose.unit != parts[0].dose.unit:
            return None
        low = ratio.plus(low, ratio.ratio_of(daily.low) or ratio.ZERO)
        high = ratio.plus(high, ratio.ratio_of(daily.high) or ratio.ZERO)
    unit = parts[0].dose.unit if parts[0].dose else ""
    return Amount(ratio.written(low), ratio.written(high), unit)


def amount_in_words(amount: Amount) -> str:
    """1 tablet, 1 to 2 tablets, 5 mg."""
    number = amount.low if amount.low == amount.high else f"{amount.low} to {amount.high}"
    unit = {"ug": "mcg", "[iU]": "units"}.get(amount.unit, amount.unit.strip("{}"))
    plural = unit.isalpha() and len(unit) > 2 and unit != "mcg" and not unit.endswith("s") and amount.high != "1"
    return f"{number} {unit}{'s' if plural else ''}".strip()


def times_in_words(times: Amount) -> str:
    """Once a day, 2 times a day, once in 7 days."""
    if times.low != times.high:
        return f"{times.low} to {times.high} times a day"
    if times.low == "1":
        return "once a day"
    for days in (1, 2, 3, 7, 14, 21, 28, 30):
        for count in (1, 2, 3, 4, 6, 8, 12, 24):
            if ratio.written(ratio.ratio(count, days)) == times.low:
                return (
                    f"{count} times a day"
                    if days == 1
                    else f"{'once' if count == 1 else f'{count} times'} in {days} days"
                )
    return f"{times.low} times a day"


def _in_words(dose: Amount | None, times: Amount | None, needed: bool) -> str:
    """Words for directions that are only coded."""
    return datatypes.joined(
        amount_in_words(dose) if dose else "",
        times_in_words(times) if times else "",
        "as needed" if needed else "",
        by=" ",
    )
