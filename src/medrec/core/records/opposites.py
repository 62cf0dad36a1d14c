"""Names of diseases that exclude each other by one word, whatever else they share: "hyponatremia" and "hypernatremia",
a bradycardia and a tachycardia, a stenosis of a valve and its regurgitation."""

import re

_HYPO_HYPER = re.compile(r"\b(hypo|hyper)-?([a-z]{5,})")
_SAME = 6
"""So many letters tell of what there is too little or too much."""
_VALVE = r"\b(?:mitral|aortic|tricuspid|pulmonary|pulmonic)\b(?!.*\bartery\b).{0,20}\b"
_GROUPS = tuple(
    tuple(re.compile(one) for one in group)
    for group in (
        (r"\bthrombocytosis|\bthrombocythemia", r"\bthrombocytop(?:o?enia|aenia)"),
        (r"\bleu[kc]ocytosis", r"\bleu[kc](?:ocyt)?openia|\bdecreased white blood"),
        (r"\bbradycardia", r"\btachycardia"),
        (r"\bunderweight", r"\boverweight|\bobes"),
        (r"\bacidosis", r"\balkalosis"),
        (r"\bbasal cell", r"\bmelanoma"),
        (rf"{_VALVE}stenosis", rf"{_VALVE}(?:regurgitation|insufficiency)"),
        (
            r"\bfirst[ -]degree\b.*\bblock|\bblock\b.*\bfirst[ -]degree",
            r"\bsecond[ -]degree\b.*\bblock|\bblock\b.*\bsecond[ -]degree",
            r"\b(?:complete|third[ -]degree)\b.{0,20}\b(?:heart|av|atrioventricular) block"
            r"|\batrioventricular block, complete",
        ),
    )
)
"""Each alternative of a group excludes the others of it."""


_FLUTTER, _FIBRILLATION = re.compile(r"\batrial flutter"), re.compile(r"\batrial fib|\ba-?fib\b")


def ends_apart(one: str, other: str) -> bool:
    """Whether the end of one is surely not that of the other: opposites, and an atrial flutter and a fibrillation,
    which stand under each other's code (I48) and come by turns."""
    both = tuple((_FLUTTER.search(name) is not None, _FIBRILLATION.search(name) is not None) for name in (one, other))
    return opposed(one, other) or both in (((True, False), (False, True)), ((False, True), (True, False)))


def opposed(one: str, other: str) -> bool:
    """Whether two names (lower case) exclude each other: each says one of two opposites alone."""
    mine, its = _sides(one), _sides(other)
    return any(what in its and mine[what].isdisjoint(its[what]) for what in mine)


def has_opposite(name: str) -> bool:
    """Whether a name (lower case) says one of two opposites alone."""
    return any(len(said) == 1 for said in _sides(name).values())


def _sides(name: str) -> dict[str, frozenset[str]]:
    """What a name says too little or too much of, and of which groups: which of the opposites."""
    found: dict[str, frozenset[str]] = {}
    for side, what in _HYPO_HYPER.findall(name):
        found[what[:_SAME]] = found.get(what[:_SAME], frozenset()) | {side}
    for number, group in enumerate(_GROUPS):
        said = frozenset(str(place) for place, one in enumerate(group) if one.search(name))
        if said:
            found[str(number)] = said
    return found
