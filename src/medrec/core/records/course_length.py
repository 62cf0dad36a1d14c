"""How long directions say that a medicine is for: "for 5 days", a coded length, or a number of doses.

Words count where all of them are understood, and for short courses alone: "for 30 days" on a prescription mostly says
how much is handed out.
"""

import re

from medrec.core.records import datatypes, ratio, sig
from medrec.core.records.canonical import Value
from medrec.core.records.datatypes import many, one, text
from medrec.core.records.dates import DAY_MS, ClinicalDate, day_of
from medrec.core.records.understood import Amount

LONGEST_IN_WORDS = 21
"""Days."""
_WORDS = re.compile(
    r"\b(?:for|x|during|por|durante)\s*(?P<days>\d{1,2})\s*"
    r"(?P<unit>days?|d|d[ií]as?|weeks?|wks?|semanas?)\b"
)


_SOME_DAY = re.compile(
    r"\b(?:before|prior|after|following|when|whenever|if|during|upon|starting|beginning|antes|despu[eé]s|cuando|si|durante)\b"
    r"(?!\s+(?:to\s+|de\s+)?(?:each\s+|every\s+|the\s+|a\s+|las?\s+|los\s+|el\s+|cada\s+)*(?:meals?|food|eating|breakfast|lunch|dinner|supper"
    r"|bed(?:time)?|sleep\w*|needed|required|necessary|comidas?|comer|desayun\w+|almuerzo|cenas?|dormir|acostarse"
    r"|necesari[oa]|\d))"
)
"""What has the days begin with something whose day nobody knows ("for 3 days before travel"), and not with a meal."""


def end_of(record: Value, start: ClinicalDate | None, times: Amount | None) -> ClinicalDate | None:
    """The day on which a prescription's only dosage is over by its own directions; None where they do not say, where it
    may be filled again, or where nobody knows when it began. `times`: how often a day it is taken."""
    dosages = many(record, "dosageInstruction")
    if start is None or start.precision in ("year", "month") or len(dosages) != 1 or lasts(record):
        return None
    repeat = one(one(dosages[0], "timing"), "repeat")
    days = _coded(repeat) or _counted(repeat, times) or _said(datatypes.one_line(text(dosages[0], "text")))
    return day_of(start.start_ms + days * DAY_MS) if days else None


def lasts(record: Value) -> bool:
    """Whether a prescription may be filled again, or says of itself that it is for long."""
    again = datatypes.decimal(one(record, "dispenseRequest"), "numberOfRepeatsAllowed") not in ("", "0")
    course = datatypes.concept(record, "courseOfTherapyType")
    return again or any(coding.code in ("continuous", "seasonal") for coding in course.codings)


def days(duration: Value) -> str:
    """A Duration in days as decimal text, where it is given in days or weeks; empty otherwise."""
    value, unit = datatypes.decimal(duration, "value"), text(duration, "code") or text(duration, "unit")
    if unit.lower() in ("wk", "week", "weeks") and value.isdigit():
        return str(int(value) * 7)
    return value if unit.lower() in ("d", "day", "days", "") else ""


def _coded(repeat: Value) -> int:
    bounds = one(repeat, "boundsDuration")
    # A bare number may be of anything.
    found = days(bounds) if text(bounds, "code") or text(bounds, "unit") else ""
    return int(found) if found.isdigit() else 0


def _counted(repeat: Value, times: Amount | None) -> int:
    """So many doses at so many a day, in whole days: the most of them, where the record gives a most."""
    most = datatypes.decimal(repeat, "countMax") or datatypes.decimal(repeat, "count")
    count, daily = ratio.ratio_of(most), ratio.ratio_of(times.low) if times else None
    if count is None or daily is None or not daily.numerator:
        return 0
    days = ratio.over(count, daily)
    return -(-days.numerator // days.denominator)


def _said(words: str) -> int:
    told, found = sig.parsed(words), _WORDS.search(words.lower())
    if found is None or told.understood != "whole" or told.course or _SOME_DAY.search(words.lower()):
        return 0
    days = int(found["days"]) * (7 if found["unit"][0] in "ws" else 1)
    return days if days <= LONGEST_IN_WORDS else 0
