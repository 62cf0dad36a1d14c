"""Directions that are typed behind the name of a medicine: "warfarin 5mg qhs", "lisinopril 20 mg #30".

What stands at the end of a name and is nothing but the words of directions is no part of the name. A word that names a
medicine is never taken for one of directions.
"""

import re
from typing import NamedTuple

from medrec.core.records.terms import Terms

_PIECE = r"(?:tabs?|tablets?|caps?|capsules?|puffs?|drops?|gtts?|sprays?|patch(?:es)?|pills?|units?|u)"
_OFTEN = re.compile(
    r"(?:b\.?i\.?d\.?|t\.?i\.?d\.?|q\.?i\.?d\.?|q\.?d\.?|qday|q\.?h\.?s\.?|h\.?s\.?|qam|qpm|qod|q\.o\.d\.|tds|qds"
    r"|q\s?\d{1,2}(?:\s?-\s?\d{1,2})?\s?(?:hours?|hrs?|h|days?|d|weeks?|wks?)"
    r"|q\.?\s?(?:weekly|week|wk|monthly|month)|daily|weekly|monthly|nightly"
    r"|(?:once|twice|(?:one|two|three|four|\d)(?:\s?x|\s+times))(?:\s+(?:a|per|each|every))?\s+(?:daily|weekly|day|week|month)"
    r"|(?:every|each)\s+(?:\d{1,2}(?:\s?-\s?\d{1,2})?\s+|other\s+)?(?:hours?|days?|weeks?|months?|morning|evening|night)"
    r"|at\s+(?:bedtime|night)|before\s+bed|in\s+the\s+(?:morning|evening|afternoon)"
    r"|(?:with|before|after)\s+(?:meals?|food|breakfast|lunch|dinner|supper)|as\s+directed"
    r"|x\s?\d{1,3}\s?(?:days?|d|weeks?|wks?)|for\s+\d{1,3}\s+(?:days?|weeks?|months?)"
    r"|(?:per\s+)?(?:sliding|correction)\s+scale|taper)(?![\w-])",
    re.IGNORECASE,
)
_NEEDED = re.compile(
    r"(?:p\.?r\.?n\.?|as\s+needed)(?![\w-])(?:\s+(?:for\s+)?[a-z]{3,}(?:\s+[a-z]{3,}){0,2}(?=\s*$))?", re.IGNORECASE
)
_SUPPLY = re.compile(
    r"(?:#\s?\d{1,4}|(?:disp|qty|quantity)\.?:?\s?#?\d{1,4}|(?:no\s+)?(?:rf|refills?)(?::?\s?\d{1,2})?)(?![\w-])",
    re.IGNORECASE,
)
_BESIDE = re.compile(
    rf"(?:p\.?o\.?|by\s+mouth|orally|topically|vaginally|rectally|s\.?l\.?|subq|take|use|inject|inhale|apply"
    rf"|\d{{1,3}}(?:\.\d)?(?:\s?-\s?\d{{1,3}})?\s?{_PIECE})(?![\w-])",
    re.IGNORECASE,
)
"""What stands beside the words for how often, and says nothing alone."""
_GAP = re.compile(r"[\s,;:.-]*")
_STARTS = re.compile(r"[\s,;:-]+")
_WEIGHT = re.compile(r"(?<![\w.,/-])\d{1,5}(?:[.,]\d{1,2}|,\d{3}|0?\.\d{3})?\s*(?:mg|mcg|g|units?)$", re.IGNORECASE)
_TEXT_MAX = 300


class Typed(NamedTuple):
    """What was typed in place of a name: the `name`, and the `directions` behind it, "" where there are none."""

    name: str
    directions: str


def parted(words: str, terms: Terms) -> Typed:
    """A name and the directions behind it. An amount before them ("500 mg bid") is of both."""
    behind = _remark(words)
    head, remark = words[:behind], words[behind:]
    for start in _STARTS.finditer(head[:_TEXT_MAX]):
        name = head[: start.start()]
        told = _directions(head, start.end()) if name else None
        if told is None or any(terms.drug_named(word) is not None for word in _words(head[start.end() :])):
            continue
        amount = _WEIGHT.search(name)
        said = f"{amount[0]} {told}" if amount is not None and told else told
        return Typed(name + remark, said)
    return Typed(words, "")


def _remark(words: str) -> int:
    """Where the parentheses begin that a text ends with; its length where there are none."""
    at = len(words)
    while words[:at].rstrip().endswith(")"):
        closed = words.rindex(")", 0, at)
        opened = words.rfind("(", 0, closed)
        if opened < 0 or ")" in words[opened:closed]:
            break
        at = len(words[:opened].rstrip())
    return at


def _words(text: str) -> list[str]:
    return [word for word in re.findall(r"[a-z]+", text.lower()) if len(word) > 3]


def _directions(text: str, at: int) -> str | None:
    """The directions that the rest of a text is, without what is said of the supply; None where it is anything else."""
    said, is_told = [], False
    while at < len(text):
        found = next((match for form in (_OFTEN, _NEEDED, _SUPPLY, _BESIDE) if (match := form.match(text, at))), None)
        if found is None:
            return None
        is_told = is_told or found.re is not _BESIDE
        if found.re is not _SUPPLY:
            said.append(found[0])
        at = _gap(text, found.end())
    return " ".join(said) if is_told else None


def _gap(text: str, at: int) -> int:
    found = _GAP.match(text, at)
    return found.end() if found is not None else at
