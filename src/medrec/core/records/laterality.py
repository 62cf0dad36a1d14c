"""Sides of the body and words of the past, as problems name them: what must never be merged."""

import re

from medrec.core.records.datatypes import Concept
from medrec.core.records.understood import Laterality

_SIDES: dict[str, Laterality] = {"7771000": "left", "24028007": "right", "51440002": "bilateral"}
_BOTH = re.compile(r"\b(?:bilateral|both|ou)\b")
_LEFT = re.compile(r"\b(?:left|lt|os)\b")
_RIGHT = re.compile(r"\b(?:right|rt|od)\b")
_EYE = re.compile(r"\beye|retin|glaucoma|cataract|visual|macula|conjunct")
_HISTORY = re.compile(
    r"^(?:(?:personal|past|previous|family|prior)\s+)?(?:medical\s+)?(?:history|hx|h/o)\b|^h/o\b|\bhistory\s+of\b|^s/p\b"
    r"|^status\s+post\b|^previous\b|^past\b|^old\b"
)


def laterality(*found: Concept) -> Laterality:
    """The side that codes or words name; both named make it bilateral, none makes it empty."""
    sides: dict[Laterality, None] = {}
    for concept in found:
        for coding in concept.codings:
            if coding.code in _SIDES:
                sides[_SIDES[coding.code]] = None
        for words in (concept.text, *(coding.display for coding in concept.codings)):
            sides |= dict.fromkeys(_in_words(words.lower()))
    if not sides:
        return ""
    return next(iter(sides)) if len(sides) == 1 else "bilateral"


def about_the_past(words: str) -> bool:
    """Whether a problem's name speaks of the past ("history of stroke", "s/p appendectomy")."""
    return _HISTORY.search(words.lower()) is not None


def _in_words(words: str) -> list[Laterality]:
    if not words or "left ventric" in words or "left atri" in words or "right ventric" in words:
        return []
    if "accidentally left" in words:
        return []
    eye = _EYE.search(words) is not None
    # OD, OS and OU are sides only of eyes; "os" is a bone elsewhere.
    found: list[Laterality] = []
    if (both := _BOTH.search(words)) and (both[0] != "ou" or eye):
        return ["bilateral"]
    if (left := _LEFT.search(words)) and (left[0] != "os" or eye):
        found.append("left")
    if (right := _RIGHT.search(words)) and (right[0] != "od" or eye):
        found.append("right")
    return found
