"""How often directions in words say: "2 times daily", "q4-6h", "in the morning and at bedtime".

Every way of saying it that a text holds must agree; the times of day are counted where they are plainly a list.
"""

import re
from itertools import pairwise
from typing import NamedTuple

from medrec.core.records import ratio
from medrec.core.records.ratio import Ratio
from medrec.core.records.understood import Amount
from medrec.core.records.written_numbers import RANGE, N, spread

Span = tuple[int, int]


class Often(NamedTuple):
    """`times` a day, None where it is not clear; `spans` of the text that it was read from; `joints` between the times
    of day that were counted, each of which may repeat the dose, and how many times of day these are."""

    times: Amount | None
    spans: list[Span]
    joints: list[Span]
    slots: int


_HOURS = re.compile(rf"\b(?:q|every|each)\.?\s*{RANGE}\s*(?:-\s*)?(?:h\b|hr\b|hrs\b|hours?\b|hourly\b|°)", re.ASCII)
_EVERY = re.compile(
    rf"\b(?:q|every|each)\.?\s*{RANGE}\s*(min(?:ute)?s?|d(?:ays?)?|w(?:ee)?ks?|mo(?:nth)?s?)\b", re.ASCII
)
_PER = re.compile(
    rf"(?<![\w./,-]){RANGE}[\s-]*(?:x|×|times?)(?:[\s-]*|\s*(?:/|\b(?:a|per|each|every|in\s+a|in\s+the)\b)\s*(?:(other)\s+)?)"
    r"(day|daily|d|week|weekly|wk|month|monthly)\b",
    re.ASCII,
)
_PER_MANY = re.compile(
    rf"(?<![\w./,-]){RANGE}\s*(?:x|×|times?)\s*(?:/|\b(?:per|each|every|in|in\s+a)\b)\s*{N}\s*-?\s*"
    r"(hours?|hrs?|h|days?|d|weeks?|wks?|months?)\b(?:\s+period\b)?",
    re.ASCII,
)
_HOUR = (1, 24)
_DAYS = {"h": _HOUR, "d": (1, 1), "w": (7, 1), "m": (30, 1)}
_NAMED = tuple(
    (re.compile(rf"(?<![\w-])(?:{pattern})(?![\w])"), count, days)
    for pattern, count, days in (
        (r"q\.?o\.?d|every\s+other\s+day|alternate\s+days", 1, 2),
        (r"q\.?i\.?d", 4, 1),
        (r"t\.?i\.?d|t\.?d\.?s", 3, 1),
        (r"b\.?i\.?d|b\.?d", 2, 1),
        (r"every\s+week|each\s+week|per\s+week|weekly|q\s*wk?", 1, 7),
        (r"every\s+month|each\s+month|monthly", 1, 30),
        (r"q\.?d|q\.?day|o\.?d|daily|each\s+day|every\s+day|a\s+day|per\s+day", 1, 1),
    )
)
_SLASH_DAY = re.compile(r"/\s*day\b")
_WITH = r"(?:1\s+times\s+)?(?:(?:every|each|in\s+the|at|with|before|after|prior\s+to|by)\s+(?:a\s+|your\s+|the\s+)?)"
_SLOTS = (
    ("morning", r"mornings?|breakfast|waking|awakening", r"q\s?am|mane|(?:every|each|in\s+the|the)\s+a\.?m"),
    ("noon", r"noon|midday|lunch(?:time)?|afternoons?", r"q\s?noon"),
    ("evening", r"evenings?|dinner(?:time)?|supper(?:time)?", r"q\s?pm|(?:every|each|in\s+the|the)\s+p\.?m"),
    ("night", r"nights?|bed(?:\s?time)?", r"(?:1\s+times\s+)?nightly|nocte|q?\s?h\.?s"),
)
_SLOT = re.compile(
    "|".join(
        rf"(?<![\w-])(?P<{kind}>{_WITH}(?:{nouns})|{alone})(?!\w)|(?<![\w-])(?P<{kind}_bare>{nouns})(?!\w)"
        for kind, nouns, alone in _SLOTS
    )
    + r"|(?<![\w.:/,-])(?:at\s+|@\s*)?(?P<clock>\d{1,2}(?::\d\d)?\s*[ap]\.?m(?!\w)|\d{1,2}:\d\d(?![\d:]))"
    + r"|(?<![\w-])(?P<morning_am>a\.?m\.?)(?=\s*(?:and|&|,|/|\+)\s*)"
    + r"|(?<![\w-])(?P<evening_pm>(?<=and\s)p\.?m|(?<=[&,/+]\s)p\.?m|(?<=[&,/+])p\.?m)(?!\w)",
    re.ASCII,
)
_JOINT = re.compile(r"\.?\s*(?:,\s*(?:and|&|plus)?|and|&|\+|plus|/)\s*(?P<again>.*?)\s*")
_AND = re.compile(r"\s*(?:,\s*)?(?:and|&|\+|plus)\s*")
_MEALS = re.compile(r"\bmeals?\b|\ba\.?c\b|\bp\.?c\b")
UNREAD = re.compile(
    r"\b(?:every|daily|weekly|monthly|hourly|nightly|yearly|annually|qid|tid|bid|bd|qd|qod|tds|qhs|hs)\b|\bq\s?[ap]m\b"
    r"|\b(?:a|per)\s+(?:day|week|month|year)\b|/\s*(?:day|week|month)\b"
)
"""Words of a frequency: left over, they leave open how often."""
_UNSURE = re.compile(
    r"\bawake\b|\bbetween\b|\brepeat|\bcheck|\btest\b|\btesting\b|\bmonitor|\bmeasure|\bweigh|\bfollow[\s-]*up\b|\bcall\b"
    r"|\bw\.?/?a\b|\binr\b|\bonly\b|\bmay\s+(?:take|use)\b|\bextra\b|\badditional\b|\bevery\s+(?:few|other\s+(?!day))"
)
"""What makes a time of day or a frequency that of something else, or not all there is."""


def often(text: str, dose: re.Pattern[str]) -> Often:
    """How often in a day; None when the text names two frequencies that differ ("daily, check INR weekly")."""
    named, values = _named(text)
    slots, slot_spans, joints, clear = _slots(text, dose)
    spans = named + slot_spans
    same = all(value is not None and value == values[0] for value in values)
    if not clear or not same or _UNSURE.search(text):
        return Often(None, spans, joints, slots)
    if slots and values and any(_AND.fullmatch(text, one[1], two[0]) for one in named for two in slot_spans):
        return Often(None, spans, joints, slots)
    meals = _MEALS.search(text) is not None
    each = re.search(r"\b(?:each|every)\s+meal", text) is not None
    if meals and (slots or each):
        slots, counted = slots + 3, True
        if not values:
            return Often(None, spans, joints, slots)
    else:
        counted = slots > 0
    if not counted:
        return Often(values[0] if values else None, spans, joints, slots)
    listed = _amount((ratio.ratio(slots), ratio.ratio(slots)))
    return Often(listed if not values or values[0] == listed else None, spans, joints, slots)


def _named(text: str) -> tuple[list[Span], list[Amount | None]]:
    """All frequencies that are no times of day: where, and how often a day."""
    taken: list[Span] = []
    found: list[Amount | None] = []

    def note(match: re.Match[str], value: Amount | None) -> None:
        if all(match.end() <= start or end <= match.start() for start, end in taken):
            taken.append(match.span())
            found.append(value)

    for match in _PER_MANY.finditer(text):
        note(match, _over(spread(match[1], match[2]), match[3], _DAYS[match[4][0]]))
    for match in _HOURS.finditer(text):
        note(match, _interval(spread(match[1], match[2]), ratio.ratio(24)))
    for match in _PER.finditer(text):
        note(match, _over(spread(match[1], match[2]), "2" if match[3] else "1", _DAYS[match[4][0]]))
    for match in _EVERY.finditer(text):
        unit = match[3]
        whole = ratio.ratio(1440) if unit.startswith("mi") else ratio.over(ratio.ratio(1), ratio.ratio(*_DAYS[unit[0]]))
        note(match, _interval(spread(match[1], match[2]), whole))
    for pattern, count, days in _NAMED:
        for match in pattern.finditer(text):
            note(match, _amount((ratio.ratio(count, days), ratio.ratio(count, days))))
    for match in _SLASH_DAY.finditer(text):
        note(match, _amount((ratio.ratio(1), ratio.ratio(1))))
    return taken, found


def _slots(text: str, dose: re.Pattern[str]) -> tuple[int, list[Span], list[Span], bool]:
    """The times of day: how many, where, what joins them, and whether they are plainly one list."""
    found: list[tuple[str, bool, Span]] = []
    for match in _SLOT.finditer(text):
        name = match.lastgroup or ""
        kind, _, bare = name.partition("_")
        found.append((match[0].removeprefix("at ") if kind == "clock" else kind, bool(bare), match.span()))
    kinds = list(dict.fromkeys(kind for kind, _, _ in found))
    if len(kinds) < 2:
        told = [span for _, bare, span in found if not bare]
        return (1 if told else 0), told, [], True
    joints: list[Span] = []
    for (kind, _, (_, end)), (following, _, (start, _)) in pairwise(found):
        if kind == following:
            continue
        joint = _JOINT.fullmatch(text, end, start)
        again = joint["again"] if joint is not None else "?"
        if again and not dose.fullmatch(re.sub(r"\s*(?:po|by mouth|orally)$", "", again)):
            return len(kinds), [], [], False
        # "In the evening, at bedtime" is one time to many who write it.
        if {kind, following} == {"evening", "night"} and not re.search(r"and|&|plus|\+", text[end:start]):
            return len(kinds), [], [], False
        joints.append((end, start))
    clear = len(joints) == len(kinds) - 1
    return len(kinds), [span for _, _, span in found], joints, clear


def _amount(pair: tuple[Ratio, Ratio]) -> Amount:
    return Amount(ratio.written(pair[0]), ratio.written(pair[1]), "/d")


def _over(pair: tuple[Ratio, Ratio] | None, periods: str, days: tuple[int, int]) -> Amount | None:
    """So many times in `periods` of `days`."""
    many = spread(periods, None)
    if pair is None or many is None or not many[0].numerator:
        return None
    whole = ratio.times(many[0], ratio.ratio(*days))
    return _amount((ratio.over(pair[0], whole), ratio.over(pair[1], whole)))


def _interval(pair: tuple[Ratio, Ratio] | None, whole: Ratio) -> Amount | None:
    """Every 4 to 6 hours is 4 to 6 times a day: the longer interval is the smaller number."""
    if pair is None or not pair[0].numerator:
        return None
    return _amount((ratio.over(whole, pair[1]), ratio.over(whole, pair[0])))
