"""The words of directions as tokens: doses, how often, times of day, days of the week, meals, and what joins them.

`tokens` cuts a text (lower case, numbers in digits: written_numbers.plain) from left to right; whatever is none of
these is a word, or a sign that nobody knows. What they mean together is said by sig_grammar.py.
"""

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Literal, NamedTuple

from medrec.core.records import ratio
from medrec.core.records.ratio import Ratio
from medrec.core.records.written_numbers import RANGE, N, number, spread

Kind = Literal[
    "dose", "count", "often", "slot", "days", "meals", "and", "stop", "open", "close", "filler", "word", "odd"
]
Pair = tuple[Ratio, Ratio]


class Token(NamedTuple):
    """A piece of directions. `pair`: both ends of its number (of a dose, a count, how often a day; None where it makes
    no sense). `unit` of a dose. `names`: the time of day, or the days of the week. `bare`: a time of day without a word
    that makes it one ("night"). A dose with names is a whole day's."""

    kind: Kind
    text: str
    pair: Pair | None = None
    unit: str = ""
    names: tuple[str, ...] = ()
    bare: bool = False


UNITS = {
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
COUNTED = frozenset(UNITS.values()) - {"mL", "mg", "ug", "g", "[iU]", "meq", "teaspoon", "tablespoon"}
"""Units that are pieces of the product."""
UNIT = "|".join(sorted(UNITS, key=len, reverse=True))
_START = r"(?<![\w./,+-])"
_DOSE = rf"{_START}{RANGE}\s*-?\(?({UNIT})\b(?:\(s\))?(?!\s*/(?!\s*day\b)|\s+per\b(?!\s+day\b)|\s+times\b)"
_PIECE = "|".join(sorted((word for word, unit in UNITS.items() if unit in COUNTED), key=len, reverse=True))
_OF_STRENGTH = (
    rf"(?<!take\s)(?<!give\s)(?<!use\s){_START}{N}\s*-?(mg|mcg|ug|µg|μg|g)\s*(?:(?P<piece>{_PIECE})\b(?:\(s\))?\s*[:,;]?|:)\s*"
    rf"(?:take|give|use)?\s*{RANGE}\b(?!\s*-?\s*(?:x|×|times?)\b)(?(piece)(?:\s*(?:{_PIECE})\b)?|\s*(?:{_PIECE})\b)"
)
"""5 mg tablet: take 2; 2.5 mg: 4 tablets. The first number is a strength."""
_DASHED = r"(1/2|0\.5|\d)"
_DASHES = rf"(?<![\w./-]){_DASHED}-{_DASHED}-{_DASHED}(?:-{_DASHED})?(?![\w./-])(?:\s*({UNIT})\b)?"
"""1-0-1: morning, noon, evening, night."""
_COUNT = rf"{_START}{RANGE}(?![\w/%-]|\.\d|\s*[x×*]\s*\d)"

_HOURS = rf"\b(?:q|every|each)\.?\s*{RANGE}\s*(?:-\s*)?(?:h\b|hr\b|hrs\b|hours?\b|hourly\b|°)"
_EVERY = rf"\b(?:q|every|each)\.?\s*{RANGE}\s*(min(?:ute)?s?|d(?:ays?)?|w(?:ee)?ks?|mo(?:nth)?s?)\b"
_PER = (
    rf"{_START}{RANGE}[\s-]*(?:x|×|times?)(?:[\s-]*|\s*(?:/|\b(?:a|per|each|every|in\s+a|in\s+the)\b)\s*(?:(other)\s+)?)"
    r"(day|daily|d|week|weekly|wk|month|monthly)\b"
)
_PER_MANY = (
    rf"{_START}{RANGE}\s*(?:x|×|times?)\s*(?:/|\b(?:per|each|every|in|in\s+a)\b)\s*{N}\s*-?\s*"
    r"(hours?|hrs?|h|days?|d|weeks?|wks?|months?)\b(?:\s+period\b)?"
)
_PERIODS = {"h": (1, 24), "d": (1, 1), "w": (7, 1), "m": (30, 1)}
_NAMED = (
    (r"q\.?o\.?d|every\s+other\s+day|alternate\s+days", (1, 2)),
    (r"every\s+other\s+week|every\s+fortnight|fortnightly", (1, 14)),
    (r"q\.?i\.?d", (4, 1)),
    (r"t\.?i\.?d|t\.?d\.?s", (3, 1)),
    (r"b\.?i\.?d|b\.?d", (2, 1)),
    (r"every\s+week|each\s+week|per\s+week|weekly|q\s*wk?|q\.?\s*week(?:ly)?|a\s+week", (1, 7)),
    (r"every\s+month|each\s+month|monthly", (1, 30)),
    (r"q\.?d|q\.?day|o\.?d|daily|each\s+day|every\s+day|a\s+day|per\s+day", (1, 1)),
)

_WITH = r"(?:1\s+times\s+)?(?:(?:every|each|in\s+the|at|with|before|after|prior\s+to|by)\s+(?:a\s+|your\s+|the\s+)?)"
_SLOTS = (
    (
        "morning",
        r"mornings?|breakfast|waking|awakening|(?<!\bi\s)a\.?m\.?",
        r"q\s?am|mane|(?:every|each|in\s+the|the)\s+a\.?m",
    ),
    ("noon", r"noon|midday|lunch(?:time)?|afternoons?", r"q\s?noon"),
    ("evening", r"evenings?|dinner(?:time)?|supper(?:time)?|p\.?m\.?", r"q\s?pm|(?:every|each|in\s+the|the)\s+p\.?m"),
    ("night", r"nights?|bed(?:\s?time)?", r"(?:1\s+times\s+)?nightly|nocte|q?\s?h\.?s"),
)
_CLOCK = r"(?<![\w.:/,-])(?:at\s+|@\s*)?(\d{1,2}(?::\d\d)?\s*[ap]\.?m(?!\w)|\d{1,2}:\d\d(?![\d:]))"
_MEALS = (
    r"\b(?:(?:before|after|with|at|during)\s+)?(?:(?:the|your|all)\s+)?(?:(?:each|every)\s+meal|meals)\b|\b[ap]\.?c\b"
)

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FULL = r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?"
_DAY = rf"(?:{_FULL}|tues?|weds?|thurs?|thu|(?:mon|fri|sat|sun)s?)"
_JOIN = r"\s*(?:,\s*and\b|,|/|&|\+|-|–|\band\b|\bto\b|\bthrough\b|\bthru\b|\s)\s*(?:on\s+)?"
_ON = r"(?:(?:only\s+)?on\s+|every\s+|each\s+)?"
_LETTER = r"(?:m|tue?|th|t|we?|f|sa|su)"
_LETTERS = (
    rf"(?![wm]\s*/\s*f\b(?!\s*/))(?:{_LETTER}\s*(?:[-/,&–]|\b(?:and|to|thru|through)\b)\s*)+{_LETTER}"
    r"|mwf|t[uh]?th(?:sa?)?|tth(?:sa?)?|mtwthf|sasu"
)
"""M-F, M/W/F, MWF, T/Th; but not w/f, which is "with food"."""
_PLACES = {"m": 0, "t": 1, "tu": 1, "w": 2, "we": 2, "th": 3, "f": 4, "sa": 5, "s": 5, "su": 6}
_BY_NAME = re.compile(rf"(?P<day>{_DAY})")
_BY_LETTER = re.compile(r"\b(?:thru|through|to|and|only)\b|(?P<day>th|tue?|sa|su|we|[mtwfs])")
_DAYS = (
    rf"(?<![\w-]){_ON}(?:(?:{_DAY}\b\.?{_JOIN})+{_DAY}|{_FULL})(?![\w-])(?:\s+only\b)?",
    rf"(?<![\w-]){_ON}(?P<week>weekdays|weekends?)\b(?:\s+only\b)?",
    rf"(?<![\w-]){_ON}(?P<letters>{_LETTERS})(?![\w-])(?:\s+only\b)?",
    r"\b(?:on\s+)?(?P<rest>(?:all\s+)?(?:the\s+)?other\s+days)\b(?:\s+of\s+the\s+week\b)?",
)
_SOME_DAYS = rf"{_START}(?:on\s+)?{N}\s*days?\s*(?:/|\b(?:a|per|each|every|of\s+the|of\s+each)\b)\s*week\b"

_AND = r",|&|\+|/|\b(?:and|plus|also)\b"
_FILLER = (
    r"\b(?:take|takes|taking|give|use|inject|inhale|apply|instil|instill|place|insert|swallow|chew|please|by\s+mouth|orally|oral"
    r"|p\.?o|sc|subq|s\.?q|sub-?cutaneous(?:ly)?|under\s+the\s+skin|with\s+(?:food|water|a\s+meal)|another)\b"
)


def _named(count: int, days: int) -> "_Maker":
    pair = ratio.ratio(count, days)
    return lambda match: Token("often", match[0], (pair, pair))


def _of_strength(match: re.Match[str]) -> Token:
    strength, pieces = spread(match[1], None), spread(match[4], match[5])
    if strength is None or pieces is None:
        return Token("odd", match[0])
    pair = ratio.times(strength[0], pieces[0]), ratio.times(strength[0], pieces[1])
    return Token("dose", match[0], pair, UNITS[match[2]])


def _dashed(match: re.Match[str]) -> Token:
    total = ratio.ZERO
    for part in match.groups()[:4]:
        total = ratio.plus(total, number(part or "0") or ratio.ZERO)
    return Token("dose", match[0], (total, total), UNITS[match[5]] if match[5] else "", names=("a day",))


def _over(pair: Pair | None, periods: str, days: tuple[int, int]) -> Pair | None:
    """So many times in `periods` of `days`, as times a day."""
    many = spread(periods, None)
    if pair is None or many is None or not many[0].numerator:
        return None
    whole = ratio.times(many[0], ratio.ratio(*days))
    return ratio.over(pair[0], whole), ratio.over(pair[1], whole)


def _interval(pair: Pair | None, whole: Ratio) -> Pair | None:
    """Every 4 to 6 hours is 4 to 6 times a day: the longer interval is the smaller number."""
    if pair is None or not pair[0].numerator:
        return None
    return ratio.over(whole, pair[1]), ratio.over(whole, pair[0])


def _every(match: re.Match[str]) -> Token:
    unit = match[3]
    whole = ratio.ratio(1440) if unit.startswith("mi") else ratio.over(ratio.ratio(1), ratio.ratio(*_PERIODS[unit[0]]))
    return Token("often", match[0], _interval(spread(match[1], match[2]), whole))


def _days(match: re.Match[str]) -> Token:
    """The days that are named, in the order of the week; "mon to fri" is five, "mon-wed-fri" three."""
    groups = match.groupdict()
    if groups.get("rest"):
        return Token("days", match[0], names=("rest",))
    if groups.get("week"):
        return Token("days", match[0], names=WEEK[5:] if groups["week"].startswith("weekend") else WEEK[:5])
    names, start = (_BY_LETTER, match.start("letters") - match.start()) if groups.get("letters") else (_BY_NAME, 0)
    days = [one for one in names.finditer(match[0], start) if one["day"]]
    found = [(_place(one["day"]), one.start(), one.end()) for one in days]
    dashed = sum(match[0][one[2] : two[1]].strip() in ("-", "–") for one, two in pairwise(found))
    chosen = {place for place, _, _ in found}
    for (first, _, end), (last, start, _) in pairwise(found):
        between = match[0][end:start].strip()
        if re.search(r"\b(?:to|through|thru)\b", between) or (between in ("-", "–") and dashed == 1):
            chosen |= {(first + step) % 7 for step in range((last - first) % 7 + 1)}
    return Token("days", match[0], names=tuple(name for place, name in enumerate(WEEK) if place in chosen))


def _place(day: str) -> int:
    return _PLACES[day] if day in _PLACES else WEEK.index(day[:3])


_Maker = Callable[[re.Match[str]], Token]
_RULES: tuple[tuple[re.Pattern[str], _Maker], ...] = tuple(
    (re.compile(pattern, re.ASCII), maker)
    for pattern, maker in (
        (_OF_STRENGTH, _of_strength),
        (_DASHES, _dashed),
        (_DOSE, lambda m: Token("dose", m[0], spread(m[1], m[2]), UNITS[m[3]])),
        (_PER_MANY, lambda m: Token("often", m[0], _over(spread(m[1], m[2]), m[3], _PERIODS[m[4][0]]))),
        (_HOURS, lambda m: Token("often", m[0], _interval(spread(m[1], m[2]), ratio.ratio(24)))),
        (_PER, lambda m: Token("often", m[0], _over(spread(m[1], m[2]), "2" if m[3] else "1", _PERIODS[m[4][0]]))),
        (_EVERY, _every),
        *((rf"(?<![\w-])(?:{pattern})(?![\w])", _named(*value)) for pattern, value in _NAMED),
        (r"/\s*day\b", _named(1, 1)),
        *((pattern, _days) for pattern in _DAYS),
        (_SOME_DAYS, lambda m: Token("days", m[0], spread(m[1], None))),
        (_MEALS, lambda m: Token("meals", m[0])),
        *(
            (
                rf"(?<![\w-])(?:{_WITH}(?:{nouns})|{alone})(?!\w)",
                lambda m, kind=kind: Token("slot", m[0], names=(kind,)),
            )
            for kind, nouns, alone in _SLOTS
        ),
        (_CLOCK, lambda m: Token("slot", m[0], names=(m[1],))),
        *(
            (rf"(?<![\w-])(?:{nouns})(?!\w)", lambda m, kind=kind: Token("slot", m[0], names=(kind,), bare=True))
            for kind, nouns, _ in _SLOTS
        ),
        (_COUNT, lambda m: Token("count", m[0], spread(m[1], m[2]))),
        (_AND, lambda m: Token("and", m[0])),
        (r"[;.:!]+", lambda m: Token("stop", m[0])),
        (r"\(", lambda m: Token("open", m[0])),
        (r"\)", lambda m: Token("close", m[0])),
        (_FILLER, lambda m: Token("filler", m[0])),
    )
)
_WORD = re.compile(r"[^\W\d_]\w*(?:['’-]\w+)*\.?(?=[^\w]|$)")


def tokens(text: str) -> list[Token]:
    """All of a text in tokens; nothing but the space between them is left out."""
    found: list[Token] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        token = _token(text, at)
        found.append(token)
        at += len(token.text)
        if token.kind == "dose" and token.names:
            found.append(Token("often", "", (ratio.ratio(1), ratio.ratio(1))))
    return found


def _token(text: str, at: int) -> Token:
    for pattern, make in _RULES:
        match = pattern.match(text, at)
        if match is not None and match.end() > at:
            return make(match)
    word = _WORD.match(text, at)
    return Token("word", word[0]) if word is not None else Token("odd", text[at])
