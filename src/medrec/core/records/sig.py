"""Directions in words ("1-2 tabs q4-6h prn") as amounts: how much at a time, how often a day, only if needed.

Safe by construction: every number in the words must have been used by what was read (the dose, how often, a ceiling,
or something known to be harmless, as "for 10 days"). Where one is left over the directions are at most partly
understood, and give no amount at all. The same goes for directions that change over time ("5 mg daily except Sunday",
tapers, sliding scales, days of the week) or that say to stop. Amounts are decimal text; what has no short decimal form
(once in seven days) is rounded to six places, and what it comes to in a day to four.
"""

import re
from typing import Literal, NamedTuple

import msgspec

from medrec.core.records import ratio, written_numbers
from medrec.core.records.ratio import Ratio
from medrec.core.records.sig_times import UNREAD, Often, Span, often
from medrec.core.records.understood import Amount
from medrec.core.records.written_numbers import RANGE, N, spread

Grasp = Literal["whole", "partly", "none"]
Course = Literal["", "changes", "ends"]


class Sig(msgspec.Struct, frozen=True, gc=False):
    """Directions: `dose` at a time, `times_per_day`, `as_needed`, `at_most` in a day, and how much was understood.

    `course`: "changes" where they are not the same every day, "ends" where they say not to take it (on): then neither
    they nor a code beside them say what is taken in a day.
    """

    dose: Amount | None = None
    times_per_day: Amount | None = None
    as_needed: bool = False
    at_most: Amount | None = None
    understood: Grasp = "none"
    course: Course = ""


LONGEST = 500
"""Characters of directions that are read; longer ones are not read at all, for their end may change their beginning."""
_BESIDE = re.compile(r"[\d½¼¾][\s,]*$|\d\s*(?:[x×*+]|or|to|and|-)\s*$")
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
_COUNTED = frozenset(WORDS - {"mL", "mg", "ug", "g", "[iU]", "meq", "teaspoon", "tablespoon"})
_UNIT = "|".join(sorted(_UNITS, key=len, reverse=True))
_COUNT = "|".join(sorted((word for word, unit in _UNITS.items() if unit in _COUNTED), key=len, reverse=True))
_DOSE = re.compile(
    rf"(?<![\w./,+-]){RANGE}\s*-?\(?({_UNIT})\b(?:\(s\))?(?!\s*/(?!\s*day\b)|\s+per\b(?!\s+day\b)|\s+times\b)",
    re.ASCII | re.IGNORECASE,
)
_OF_STRENGTH = re.compile(
    rf"(?<![\w./,+-]){N}\s*-?(mg|mcg|ug|µg|μg|g)\s*(?:(?P<piece>{_COUNT})\b(?:\(s\))?\s*[:,;]?|:)\s*"
    rf"(?:take|give|use)?\s*{RANGE}\b(?!\s*-?\s*(?:x|×|times?)\b)\s*({_COUNT})?\b",
    re.ASCII,
)
"""5 mg tablet: take 2; 2.5 mg: 4 tablets. The first number is a strength."""
_TOTAL = re.compile(r"\s*(?:total|each|per dose|dose)?\s*\)")
_DASHES = re.compile(
    rf"(?<![\w./-])(\d|0\.5)-(\d|0\.5)-(\d|0\.5)(?:-(\d|0\.5))?(?![\w./-])(?:\s*({_UNIT})\b)?", re.ASCII
)
_DAY = (
    r"(?:\s*(?:/|\b(?:per|in|in\s+a|in\s+any|a|any|every|each|within)\b)\s*"
    r"(?:day|24\s*-?\s*h(?:ours?|rs?)?(?:\s+period)?|d)\b|\s*\bdaily\b(?:\s+doses?)?)"
)
_WHAT = rf"{N}\s*({_UNIT}|doses?|times?|x)?\b(?:\(s\))?"
_MOST = re.compile(
    r"\(?\b(?:max(?:imum)?\.?(?:\s+(?:dose|of|is))*:?|(?:at|the)\s+most|up\s+to|limit(?:ed)?(?:\s+(?:to|of))*:?"
    r"|(?:do\s+)?not\s+(?:to\s+)?exceed(?:\s+more\s+than)?|(?:(?:do|must|should|may)\s+)?(?:no|not|never)\s+(?:to\s+)?(?:(?:take|use|give)\s+)?more\s+than)"
    rf"\s*{_WHAT}{_DAY}\)?",
    re.ASCII,
)
_MOST_DAILY = re.compile(
    rf"\(?\b(?:mdd|max(?:imum)?\.?\s+(?:total\s+)?daily\s+(?:dose|amount)|max(?:imum)?\.?\s+dose\s+per\s+day)"
    rf"(?:\s*(?::|=|is|of))?\s*{_WHAT}(?:{_DAY})?\)?",
    re.ASCII,
)
_MOST_AFTER = re.compile(rf"(?<![\w./,+-]){_WHAT}{_DAY}\s*\(?(?:at\s+(?:the\s+)?most|max(?:imum)?\b)\.?\)?", re.ASCII)
_CEILING = re.compile(r"\bmax|\bmost\b|\bup\s+to\b|\bexceed|\bmore\b|\bless\b|\bleast\b|\blimit|\bmdd\b|\bnte\b")
"""What speaks of a bound: where it stands in no ceiling that was read, the numbers near it are not understood."""
_NEEDED = re.compile(r"\bp\.?r\.?n\b\.?|\b(?:as|if|when|where)\s+(?:needed|required|necessary)\b|\bsos\b")
_ENDS = re.compile(
    r"\bno\s+longer\b|\bstop|\bdiscontinu|\bskip|\bhold(?!\s+(?:your\s+|the\s+)?breath|\s+(?:under|in)\b)|\bheld\b|\bnever\b"
    r"|\b(?:do\s+not|don'?t|not\s+to)\s+(?:take|use|give|inject)\b(?!\s+(?:with|on|more))|\bnot\s+(?:taking|using|taken|daily|every)\b"
    r"|\bceas|\bquit\b|\bomit|\bsuspend|\bpaus|\bavoid\s+taking\b"
)
_WEEKDAY = (
    r"\b(?:mon|tues?|wed|wednes|thu|thurs?|fri|satur|sun)days?\b|\b(?:mon|tues?|wed|thu|thurs?|fri|sat|sun)s?\b"
    r"|\bweek(?:day|end)s?\b|\bdays?\s*(?:/|a|per|each|of\s+(?:the|each))\s*(?:week|month|cycle)\b"
    r"|\b(?:days?|weeks?|months?)\s+off\b|\d\s*(?:days?|weeks?|months?)\s+on\b(?!\s+an?\b)|\b(?:odd|even)\b"
)
_CHANGES = re.compile(
    r"\bexcept\b|\balternat|\bthen\b|\bthereafter\b|\btaper|\bincreas|\bdecreas|\breduc|\btitrat|\bsliding|\badjust"
    r"|\bescalat|\bper\s+protocol|\bvar(?:y|ies|iable)\b|\bfollowed\s+by\b|\bloading\b|" + _WEEKDAY
)
_HARMLESS = re.compile(
    rf"(?:\bfor|\bx|×|\bduring)\s*(?:up\s+to\s+)?(?:(?:the\s+)?next\s+)?{RANGE}\s*-?\s*(?:days?|d|weeks?|wks?|months?|years?)\b"
    r"(?!\s*-?\s*(?:/|a\b|per|each|every|of|in\b|out|on\b|off))"
    rf"|\b(?:with|in|into)\s+(?:at\s+least\s+|about\s+)?{RANGE}\s*(?:fl\.?\s*)?(?:oz|ounces?|ml|cups?|glass(?:es)?)\.?\s+(?:of\s+)?"
    r"(?:water|juice|liquid|fluid|milk)\b"
    rf"|\b(?:at\s+least\s+|about\s+)?(?<![\w./,+-]){RANGE}\s*(?:min(?:ute)?s?|hours?|hrs?)\s+(?=before|prior)"
    rf"|\bremove\s+after\s+{RANGE}\s*(?:hours?|hrs?)\b"
    rf"|\(?(?<![\w./,+-]){N}\s*(?:mg|mcg|ug|g|units?|meq)\s*(?:/|per)\s*(?:{N}\s*)?ml\b\)?"
    r"|\btype\s+[12]\b(?=\s+diab)|\bvitamin\s+[bdk]-?\d{1,2}\b|\bstage\s+[1-5][ab]?\b"
    rf"|\b{N}\s+refills?\b|\brefills?\s*:?\s*{N}\b",
    re.ASCII,
)


class _Read(NamedTuple):
    dose: Amount | None
    times: Amount | None
    spans: list[Span]


def parsed(words: str) -> Sig:
    """Directions as written by a person. Never raises; gives `understood="none"` where nothing is recognised."""
    text = " ".join(words.lower().split())
    if not text or len(text) > LONGEST:
        return Sig()
    text = written_numbers.plain(text)
    needed = _NEEDED.search(text) is not None
    ceilings, rest = _ceilings(text)
    if _ENDS.search(rest):
        return Sig(as_needed=needed, understood="partly", course="ends")
    rest = _HARMLESS.sub(" ; ", rest)
    read = _dashed(rest) or _plain(rest)
    at_most = _most(ceilings, read.dose)
    if _CHANGES.search(rest):
        return Sig(as_needed=needed, at_most=at_most, understood="partly", course="changes")
    left = _left(rest, read.spans)
    dose, times = read.dose, read.times
    if UNREAD.search(left) or (ceilings and at_most is None):
        times = None
    if written_numbers.left(left) or _CEILING.search(left):
        some = needed or at_most is not None or dose is not None or times is not None
        return Sig(as_needed=needed, at_most=at_most, understood="partly" if some else "none")
    found = (dose is not None) + (times is not None)
    grasp: Grasp = "whole" if found == 2 else "partly" if found or needed or at_most is not None else "none"
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


def _amount(pair: tuple[Ratio, Ratio] | None, unit: str) -> Amount | None:
    return None if pair is None else Amount(ratio.written(pair[0]), ratio.written(pair[1]), unit)


def _left(text: str, spans: list[Span]) -> str:
    """What stands outside of all that was read."""
    rest = list(text)
    for start, end in spans:
        rest[start:end] = ";" * (end - start)
    return "".join(rest)


def _ceilings(text: str) -> tuple[list[tuple[str, str]], str]:
    """Every "no more than" of a day as number and unit, and the directions without them: no ceiling is a dose."""
    found: list[tuple[str, str]] = []

    def take(match: re.Match[str]) -> str:
        found.append((match[1], match[2] or ""))
        return " ; "

    for pattern in (_MOST_DAILY, _MOST, _MOST_AFTER):
        text = pattern.sub(take, text)
    return list(dict.fromkeys(found)), text


def _most(ceilings: list[tuple[str, str]], dose: Amount | None) -> Amount | None:
    """The ceiling of a day. "3 doses" are three of the dose; a bare "3" is clear only beside a dose of one piece."""
    if len(ceilings) != 1:
        return None
    number, unit = ceilings[0]
    pair = spread(number, None)
    if unit in _UNITS or pair is None:
        return _amount(pair, _UNITS.get(unit, ""))
    one_piece = dose is not None and dose.high == "1" and dose.unit in _COUNTED
    if dose is None or not (unit or one_piece):
        return None
    high = ratio.written(ratio.times(pair[0], ratio.ratio_of(dose.high) or ratio.ZERO))
    return Amount(high, high, dose.unit)


class _Dose(NamedTuple):
    pair: tuple[Ratio, Ratio] | None
    unit: str
    span: Span


def _plain(text: str) -> _Read:
    """Directions in sentences: the dose, how often, and where both were read."""
    told = often(text, _DOSE)
    strong = _of_strength(text)
    if strong is not None:
        return _Read(_amount(strong.pair, strong.unit), told.times, _apart([strong.span], told.spans))
    matches = list(_DOSE.finditer(text))
    doses = [_Dose(spread(match[1], match[2]), _UNITS[match[3].lower()], match.span()) for match in matches]
    spans = _apart([dose.span for dose in doses], told.spans)
    heads = _heads(text, doses)
    if not heads or any(_BESIDE.search(text, 0, dose.span[0]) for dose in doses):
        return _Read(None, told.times, spans)
    dose = _amount(heads[0].pair, heads[0].unit)
    if any(head[:2] != heads[0][:2] for head in heads):
        return _Read(None, None, spans)
    if len(heads) == 1:
        return _Read(dose, told.times, spans)
    # The same dose again is one more time of day where it stands between two of them, else nobody knows.
    listed = told.slots == len(heads) and all(_inside(head.span, told.joints) for head in heads[1:])
    return _Read(dose, told.times if listed else None, spans)


def _of_strength(text: str) -> _Dose | None:
    """The dose of "5 mg tablet: take 2": 10 mg. None where anything else in the text is a dose."""
    match = _OF_STRENGTH.search(text)
    if match is None or not (match["piece"] or match[6]) or _BESIDE.search(text, 0, match.start()):
        return None
    outside = text[: match.start()] + ";" + text[match.end() :]
    strength, pieces = spread(match[1], None), spread(match[4], match[5])
    if _DOSE.search(outside) or re.search(r"(?:take|give|use)\s*$", text[: match.start()]):
        return None
    if strength is None or pieces is None:
        return None
    pair = (ratio.times(strength[0], pieces[0]), ratio.times(strength[0], pieces[1]))
    return _Dose(pair, _UNITS[match[2]], match.span())


def _heads(text: str, doses: list[_Dose]) -> list[_Dose]:
    """The doses without those that say another one in other words: "2 tablets (10 mg total)", "2 tablets of 5 mg"."""
    heads: list[_Dose] = []
    before: _Dose | None = None
    for dose in doses:
        between = text[before.span[1] : dose.span[0]].strip() if before is not None else "?"
        closed = between in ("(", "(=", "(total", "(=") and _TOTAL.match(text, dose.span[1]) is not None
        strength = before is not None and between in ("", "of") and before.unit in _COUNTED
        if before is None or before.unit == dose.unit or not (closed or (strength and dose.unit not in _COUNTED)):
            heads.append(dose)
        before = dose
    return heads


def _apart(doses: list[Span], times: list[Span]) -> list[Span]:
    """All spans; those of a dose that a frequency used too count for neither."""
    twice = [d for d in doses if any(d[0] < end and start < d[1] for start, end in times)]
    return [span for span in doses + times if not any(d[0] < span[1] and span[0] < d[1] for d in twice)]


def _inside(span: Span, outer: list[Span]) -> bool:
    return any(start <= span[0] and span[1] <= end for start, end in outer)


def _dashed(text: str) -> _Read | None:
    """1-0-1: morning, noon, evening, night. Gives the whole day's amount, taken "once"."""
    match = _DASHES.search(text)
    if match is None:
        return None
    total = ratio.ZERO
    for part in match.groups()[:4]:
        total = ratio.plus(total, ratio.ratio_of(part or "0") or ratio.ZERO)
    unit = _UNITS[match[5]] if match[5] else ""
    once = Amount("1", "1", "/d")
    told: Often = often(text[: match.start()] + ";" * (match.end() - match.start()) + text[match.end() :], _DOSE)
    alone = told.times == once or not told.spans
    return _Read(
        Amount(ratio.written(total), ratio.written(total), unit), once if alone else None, [match.span(), *told.spans]
    )
