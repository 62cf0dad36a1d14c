"""The parts of a day, and the days of a week, at which directions say that a medicine is taken.

Two orders of which each has parts to itself ("500 mg in the morning", "1000 mg in the evening") are one regimen.
Codes are those of Timing.repeat.when (hl7.org/fhir/R4/valueset-event-timing.html).
"""

from collections.abc import Iterable

from medrec.core.records import datatypes
from medrec.core.records.canonical import Value
from medrec.core.records.sig_tokens import WEEK, Token

_CODES = {
    "MORN": "morning", "WAKE": "morning", "CM": "morning", "ACM": "morning", "PCM": "morning", "NOON": "noon",
    "AFT": "noon", "CD": "noon", "ACD": "noon", "PCD": "noon", "EVE": "evening", "CV": "evening", "ACV": "evening",
    "PCV": "evening", "NIGHT": "evening", "HS": "evening", "PHS": "evening", "AM": "morning", "PM": "evening",
    "BED": "evening",
}  # fmt: skip
_PARTS = {"morning": "morning", "noon": "noon", "evening": "evening", "night": "evening"}
"""Evening and night are one time to many who write it."""
REST = "rest"
"""All other days of the week."""
_NOON, _EVENING = 11, 16
"""The hours at which the noon and the evening begin."""


def in_words(found: Iterable[Token]) -> tuple[str, ...]:
    """What the words name: "morning", "noon", "evening", "mon" to "sun"; () where one of them is of no known time."""
    made: dict[str, None] = {}
    for token in found:
        if token.kind == "meals":
            made |= dict.fromkeys(("morning", "noon", "evening"))
        elif token.kind in ("slot", "days"):
            names = [name if name == REST else _part(name) for name in token.names]
            if not names or "" in names:
                return ()
            made |= dict.fromkeys(names)
    return tuple(sorted(made))


def coded(timing: Value, repeat: Value) -> tuple[str, ...]:
    """The same of a coded timing; () where it has none, or one that is not known."""
    names = [_CODES.get(code.partition(".")[0].upper(), "") for code in datatypes.texts(repeat, "when")]
    names += [_hour(time[:2]) for time in datatypes.texts(repeat, "timeOfDay")]
    names += [day.lower() if day.lower() in WEEK else "" for day in datatypes.texts(repeat, "dayOfWeek")]
    code = datatypes.code_of(timing, "code").upper()
    names += [_CODES[code]] if not names and code in _CODES else []
    return () if "" in names else tuple(sorted(dict.fromkeys(names)))


def apart(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether two medicines are never taken at the same time: both name days that differ, or parts of the day."""
    for names in (WEEK, tuple(_PARTS)):
        if names is WEEK and REST in (*one, *other):
            continue
        left, right = ([name for name in said if name in names] for said in (one, other))
        if left and right and not any(name in right for name in left):
            return True
    return False


def on_some_days(when: tuple[str, ...]) -> bool:
    """Whether days of the week are named."""
    return any(name in WEEK or name == REST for name in when)


def _part(name: str) -> str:
    if name in WEEK or name in _PARTS:
        return _PARTS.get(name, name)
    digits = name.strip().partition(":")[0].rstrip("apm. ")
    if not digits.isdigit():
        return ""
    hour = int(digits) % 12 if name.rstrip(" .m").endswith(("a", "p")) else int(digits)
    return _hour(str(hour + 12 if name.rstrip(" .m").endswith("p") else hour))


def _hour(hour: str) -> str:
    if not hour.isdigit() or int(hour) > 23:
        return ""
    return "morning" if int(hour) < _NOON else "noon" if int(hour) < _EVENING else "evening"
