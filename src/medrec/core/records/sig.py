"""Directions in words ("1-2 tabs q4-6h prn") as amounts: how much at a time, how often a day, only if needed.

What is not surely understood is left out: directions that change over time ("5 mg daily except Sunday", tapers,
sliding scales) give no amount at all, and `understood` says so. Amounts are decimal text; what has no short decimal
form (once in seven days) is rounded to six places, and what it comes to in a day to four.
"""

import re
from typing import Literal

import msgspec

from medrec.core.records import ratio
from medrec.core.records.ratio import Ratio
from medrec.core.records.understood import Amount

Grasp = Literal["whole", "partly", "none"]


class Sig(msgspec.Struct, frozen=True, gc=False):
    """Directions: `dose` at a time, `times_per_day`, `as_needed`, `at_most` in a day, and how much was understood."""

    dose: Amount | None = None
    times_per_day: Amount | None = None
    as_needed: bool = False
    at_most: Amount | None = None
    understood: Grasp = "none"


_WORDS = {
    "one-half": "0.5", "half": "0.5", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6",
    "seven": "7", "eight": "8", "nine": "9", "ten": "10", "twelve": "12", "½": "0.5", "¼": "0.25", "¾": "0.75",
}  # fmt: skip
_NUMBER_WORD = re.compile(rf"\b(?:{'|'.join(word for word in _WORDS if word.isascii())})\b|[½¼¾]")
_FRACTIONS = {
    "½": ".5",
    "1/2": ".5",
    "half": ".5",
    "¼": ".25",
    "1/4": ".25",
    "quarter": ".25",
    "¾": ".75",
    "3/4": ".75",
}
_MIXED = re.compile(
    r"(?<![\d.,/])(?:([1-4])|(one|two|three|four)\b)"
    r"(?:(?:\s|-)*([½¼¾]|[13]/[24](?![\d/]))|\s+and\s+(?:an?\s+|one\s+|1\s+)?([½¼¾]|[13]/[24](?![\d/])|half|quarter)\b)"
)
"""2½, 1 1/2, 1-1/2, one and a half: beyond four it may be a strength and a half tablet."""
_HALF = re.compile(r"\b(?:one[\s-]+|an?\s+)?half(?:\s+of)?(?:\s+(?:an?|one)\b)?(?!-)")
_THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?![\d,])")
_COMMA = re.compile(r"(?<![\d.,])(\d{1,4}),(\d{1,2}|(?<=\b0,)\d{3})(?![\d,]|\s*(?:or|to|-)\s*\d)")
_BESIDE = re.compile(r"[\d½¼¾][\s,]*$|\d\s*(?:[x×*]|or|to|and|-)\s*$")
"""What makes a number the second part of something that is not understood: 3 x 500 mg, 5 2 tablets."""
_UNITS = {
    "tab": "tablet", "tabs": "tablet", "tablet": "tablet", "tablets": "tablet", "tbl": "tablet", "pill": "tablet",
    "pills": "tablet", "caplet": "tablet", "caplets": "tablet", "cap": "capsule", "caps": "capsule",
    "capsule": "capsule", "capsules": "capsule", "puff": "puff", "puffs": "puff", "inhalation": "puff",
    "inhalations": "puff", "spray": "spray", "sprays": "spray", "drop": "drop", "drops": "drop", "gtt": "drop",
    "gtts": "drop", "patch": "patch", "patches": "patch", "suppository": "suppository",
    "suppositories": "suppository", "lozenge": "lozenge", "lozenges": "lozenge", "ampule": "ampule",
    "ampules": "ampule", "ampoule": "ampule", "vial": "vial", "vials": "vial", "sachet": "packet",
    "packet": "packet", "packets": "packet", "application": "application", "applications": "application",
    "ml": "mL", "cc": "mL", "mg": "mg", "mcg": "ug", "ug": "ug", "µg": "ug", "μg": "ug", "micrograms": "ug",
    "microgram": "ug", "milligrams": "mg", "g": "g", "gram": "g", "grams": "g", "unit": "[iU]", "units": "[iU]",
    "iu": "[iU]", "u": "[iU]", "meq": "meq", "tsp": "teaspoon", "teaspoon": "teaspoon", "teaspoons": "teaspoon",
    "teaspoonful": "teaspoon", "tbsp": "tablespoon", "tablespoon": "tablespoon", "tablespoons": "tablespoon",
}  # fmt: skip
WORDS = frozenset(_UNITS.values())
"""Every unit that directions in words may be given in."""
_N = r"(\d{1,6}(?:\.\d{1,6})?(?:/\d{1,2})?)"
_RANGE = rf"{_N}(?:\s*(?:-|–|to|or)\s*{_N})?"
_UNIT = "|".join(sorted(_UNITS, key=len, reverse=True))
_DOSE = re.compile(rf"(?<![\w./,-]){_RANGE}\s*\(?({_UNIT})\b(?!\s*/|\s+per\b)", re.ASCII | re.IGNORECASE)
_DASHES = re.compile(r"(?<![\w./-])(\d|0\.5)-(\d|0\.5)-(\d|0\.5)(?:-(\d|0\.5))?(?![\w/-])", re.ASCII)
_MOST = re.compile(
    rf"(?:max(?:imum)?\.?(?:\s+of)?|not\s+(?:to\s+)?exceed(?:\s+more\s+than)?|(?:no|not)\s+more\s+than|up\s+to)\s+{_N}\s*"
    rf"({_UNIT})?\s*(?:/\s*|per\s+|in\s+(?:a\s+)?|a\s+|every\s+)(?:day|24\s*h(?:ours|rs)?|d)\b",
    re.ASCII,
)
_NEEDED = re.compile(r"\bp\.?r\.?n\b\.?|\b(?:as|if|when|where)\s+(?:needed|required|necessary)\b|\bsos\b")
_CHANGES = re.compile(
    r"\bexcept\b|\balternat|\bthen\b|\btaper|\bincreas|\bdecreas|\breduc|\btitrat|\bsliding|\badjust|\bescalat"
    r"|\bper\s+protocol|\bvar(?:y|ies|iable)\b|\bfollowed\s+by\b|\bloading\b"
)
_HOURS = re.compile(rf"\b(?:q|every|each)\.?\s*{_RANGE}\s*(?:-\s*)?(h\b|hr\b|hrs\b|hours?\b|hourly\b|°)", re.ASCII)
_EVERY = re.compile(
    rf"\b(?:q|every|each)\.?\s*(?:other\s+|{_RANGE}\s*)?(min(?:ute)?s?|d(?:ays?)?|w(?:ee)?ks?|mo(?:nth)?s?)\b", re.ASCII
)
_PER = re.compile(
    rf"\b{_RANGE}\s*(?:x|×|times?)\s*(?:/|a|per|each|every|in\s+a)?\s*(day|daily|d|week|weekly|wk|month|monthly)\b",
    re.ASCII,
)
_NAMED = (
    (re.compile(r"\bq\.?o\.?d\b|\bevery\s+other\s+day\b|\balternate\s+days\b"), 1, 2),
    (re.compile(r"\bq\.?i\.?d\b"), 4, 1),
    (re.compile(r"\bt\.?i\.?d\b|\bt\.?d\.?s\b|\bthrice\s+(?:a\s+day|daily)\b"), 3, 1),
    (re.compile(r"\bb\.?i\.?d\b|\bb\.?d\b|\btwice\s+(?:a\s+day|daily|per\s+day)\b"), 2, 1),
    (re.compile(r"\bmorning\s+and\s+(?:at\s+|in\s+the\s+)?(?:evening|night|bedtime)\b|\bam\s+(?:and|&)\s+pm\b"), 2, 1),
    (re.compile(r"\btwice\s+(?:a\s+week|weekly)\b"), 2, 7),
    (re.compile(r"\bonce\s+(?:a\s+week|weekly|per\s+week)\b|\bevery\s+week\b|\bweekly\b|\bq\s*wk?\b"), 1, 7),
    (re.compile(r"\bonce\s+(?:a\s+month|monthly)\b|\bevery\s+month\b|\bmonthly\b"), 1, 30),
    (
        re.compile(
            r"\bq\.?d\b|\bq\.?day\b|\bo\.?d\b|\bonce\s+(?:a\s+day|daily|per\s+day)\b|\bdaily\b|\beach\s+day\b|\bevery\s+day\b|\ba\s+day\b"
            r"|\bper\s+day\b|\bq\s?hs\b|\bq\s?h\.s\b|\bh\.?s\b|\bnightly\b|\bat\s+(?:bedtime|night)\b|\bq\s?[ap]m\b"
            r"|\bevery\s+(?:morning|evening|night)\b|\bin\s+the\s+(?:morning|evening)\b|/\s*day\b"
        ),
        1,
        1,
    ),
)
_DAYS = {"m": None, "d": 1, "w": 7, "mo": 30}


def parsed(words: str) -> Sig:
    """Directions as written by a person. Never raises; gives `understood="none"` where nothing is recognised."""
    text = " ".join(words.lower().split())[:500]
    if not text:
        return Sig()
    text = _NUMBER_WORD.sub(lambda found: _WORDS[found[0]], _numerals(text))
    needed = _NEEDED.search(text) is not None
    at_most, rest = _ceiling(text)
    if _CHANGES.search(rest):
        return Sig(as_needed=needed, at_most=at_most, understood="partly")
    dose, times = _dashed(rest) or (_dose(rest), _times(rest))
    found = (dose is not None) + (times is not None)
    grasp: Grasp = "whole" if found == 2 else "partly" if found or needed else "none"
    return Sig(dose, times, needed, at_most, grasp)


def per_day(dose: Amount, times: Amount) -> Amount | None:
    """What `dose` taken `times` a day comes to; None where a number is missing."""
    low, high = _product(dose.low, times.low), _product(dose.high, times.high)
    return Amount(low, high, dose.unit) if low and high else None


def unit_word(written: str) -> str:
    """A unit as written in a dose ("TAB", "tablet(s)", "{tbl}", "mcg") as the one word or UCUM code used here."""
    plain = written.strip().strip("{}").lower().removesuffix("(s)").removesuffix(".")
    return _UNITS.get(plain, written.strip())


def _product(a: str, b: str) -> str:
    x, y = ratio.ratio_of(a), ratio.ratio_of(b)
    if x is None or y is None:
        return ""
    # 70 mg once in 7 days is 10 mg a day, though a seventh of a day was rounded.
    return ratio.written(ratio.times(x, y), 4 if len(b.partition(".")[2]) == ratio.PLACES else ratio.PLACES)


def _numerals(text: str) -> str:
    """The same directions with mixed numbers and commas written as decimal numbers."""
    text = _THOUSANDS.sub(lambda found: found[0].replace(",", ""), text)
    text = _COMMA.sub(r"\1.\2", text)
    text = _MIXED.sub(lambda found: (found[1] or _WORDS[found[2]]) + _FRACTIONS[found[3] or found[4]], text)
    return _HALF.sub("0.5", text)


def _number(text: str) -> Ratio | None:
    above, _, below = text.partition("/")
    found, by = ratio.ratio_of(above), ratio.ratio_of(below or "1")
    return ratio.over(found, by) if found is not None and by is not None and by.numerator else None


def _range(low: str | None, high: str | None) -> tuple[Ratio, Ratio] | None:
    a = _number(low or "")
    b = _number(high) if high else a
    if a is None or b is None or ratio.less(b, a):
        return None
    return a, b


def _amount(pair: tuple[Ratio, Ratio] | None, unit: str) -> Amount | None:
    return None if pair is None else Amount(ratio.written(pair[0]), ratio.written(pair[1]), unit)


def _ceiling(text: str) -> tuple[Amount | None, str]:
    """The most in a day, and the directions without it, so that it is not read as the dose."""
    found = _MOST.search(text)
    if found is None:
        return None, text
    unit = _UNITS.get(found[2] or "", "")
    return _amount(_range(found[1], None), unit), text[: found.start()] + " " + text[found.end() :]


def _dose(text: str) -> Amount | None:
    """The one dose that the directions name; None when they name two that differ in the same unit, or when a number
    beside it says that it is part of something else."""
    matches = list(_DOSE.finditer(text))
    if any(_BESIDE.search(text, 0, match.start()) for match in matches):
        return None
    found = [(_range(match[1], match[2]), _UNITS[match[3].lower()]) for match in matches]
    if not found or found[0][0] is None:
        return None
    same_unit = {pair: None for pair, unit in found if unit == found[0][1]}
    return _amount(found[0][0], found[0][1]) if len(same_unit) == 1 else None


def _dashed(text: str) -> tuple[Amount, Amount] | None:
    """1-0-1: morning, noon, evening, night. Gives the whole day's amount, taken "once"."""
    match = _DASHES.search(text)
    if match is None:
        return None
    total = ratio.ZERO
    for part in match.groups():
        total = ratio.plus(total, ratio.ratio_of(part or "0") or ratio.ZERO)
    unit = next((_UNITS[found[0]] for found in re.finditer(rf"\b(?:{_UNIT})\b", text[match.end() :])), "")
    return Amount(ratio.written(total), ratio.written(total), unit), Amount("1", "1", "/d")


def _times(text: str) -> Amount | None:
    """How often in a day; None when the directions name two frequencies that differ ("daily, check INR weekly")."""
    taken: list[tuple[int, int]] = []
    found: list[Amount | None] = []

    def note(match: re.Match[str], value: Amount | None) -> None:
        if all(match.end() <= start or end <= match.start() for start, end in taken):
            taken.append(match.span())
            found.append(value)

    for match in _HOURS.finditer(text):
        note(match, _interval(_range(match[1], match[2]), ratio.ratio(24)))
    for match in _PER.finditer(text):
        pair, days = _range(match[1], match[2]), _DAYS[match[3][0] if match[3][0] != "m" else "mo"]
        note(match, _over_days(pair, days))
    for match in _EVERY.finditer(text):
        if "other" not in match[0] and match[1]:
            unit = match[3]
            if unit.startswith("mi"):
                note(match, _interval(_range(match[1], match[2]), ratio.ratio(1440)))
                continue
            days = 30 if unit.startswith("mo") else 7 if unit[0] == "w" else 1
            note(match, _interval(_range(match[1], match[2]), ratio.ratio(1, days)))
    for pattern, count, days in _NAMED:
        for match in pattern.finditer(text):
            note(match, _amount((ratio.ratio(count, days), ratio.ratio(count, days)), "/d"))
    return found[0] if found and all(value == found[0] for value in found) else None


def _over_days(pair: tuple[Ratio, Ratio] | None, days: int | None) -> Amount | None:
    if pair is None or days is None:
        return None
    return _amount((ratio.over(pair[0], ratio.ratio(days)), ratio.over(pair[1], ratio.ratio(days))), "/d")


def _interval(pair: tuple[Ratio, Ratio] | None, whole: Ratio) -> Amount | None:
    """Every 4 to 6 hours is 4 to 6 times a day: the longer interval is the smaller number."""
    if pair is None or not pair[0].numerator:
        return None
    return _amount((ratio.over(whole, pair[1]), ratio.over(whole, pair[0])), "/d")
