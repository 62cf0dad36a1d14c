"""What the name of a problem says beside the problem: its side of the body, and whether it is the person's at all.

One reading for everybody who asks. "FH: diabetes" is a relative's, "No diabetes" is denied, "? PE" is not certain, "h/o
stroke" is past, "UTI - resolved" is over: none of these is the problem itself, and what is not is never joined with it.
The triggers are those of NegEx and ConText (PMC 2757457) that occur in the names of problem lists, before the name or
behind it, with the Spanish ones; what else they list is of sentences.
"""

import re
from typing import Literal, NamedTuple

from medrec.core.records.datatypes import Concept
from medrec.core.records.understood import Laterality

Standing = Literal["", "family", "denied", "uncertain", "history", "over"]

_RELATIVE = (
    r"(?:(?:grand)?(?:mother|father|parent)|mom|dad|brother|sister|sibling|aunt|uncle|cousin|relative|son|daughter"
    r"|madre|padre|herman[oa]|abuel[oa]|t[ií][oa])s?"
)
_HISTORY = r"(?:history|hx|h/o)"
_CALLED = r"(?:\s+(?:of|for|positive\s+for)\b|\s*:)?"
_END = r"\s*\)?$"
# Before the name; behind it ("_END"), mostly set off by a sign; or anywhere. A text has no other spaces than one.
_FAMILY = (
    rf"\b(?:family|fam\.?)\s*(?:medical )?{_HISTORY}{_CALLED}",
    r"\bfhx?\b\s*(?:of\b|:|-)?",
    r"\bantecedentes? familiar(?:es)?(?: de\b|\s*:)?",
    rf"^{_RELATIVE}(?:'s| (?:had|has|with|died of|tuvo|tiene|con))\b",
    rf"\s*[-,(]\s*{_RELATIVE}{_END}",
    rf" (?:in|of) (?:her|his|the patient's) {_RELATIVE}$",
)
_DENIED = (
    r"^(?:(?:patient|pt)\.? )?(?:denie[sd]|neg(?:ative|\.)? for|no (?:evidence|signs?|history|hx) of|no h/o)\b",
    r"^(?:(?:patient|pt)\.? )?(?:never had|free of|without|does not have|niega|sin|no (?:tiene|presenta))\b",
    r"^no (?!known\b|longer\b|fixed\b|show|transport|access|insur|social|care|employ|further|response|code\b)",
    rf"\s*[-,:(]?\s*\b(?:(?:(?:has been|was) )?ruled out|not (?:present|found)|excluded|descartad[oa]){_END}",
    rf"(?:\s[-–]\s*|\s*[:(]\s*)(?:negative|absent|no){_END}",
)
_UNCERTAIN = (
    r"^\?+",
    r"^(?:r/o|rule[\s-]+out|possible|probable|suspected|likely|presumed|presumptive|questionable|query)(?!\w)\s*:?",
    r"^(?:consider|suspicion (?:of|for)|suspicious for|concern(?:ing)? for|screen(?:ing)? (?:for|of))\b",
    r"^(?:eval(?:uation)? for|(?:at (?:(?:high|increased) )?)?risk (?:of|for)|work-?up for)\b",
    r"^(?:posible|sospecha de|a descartar)\b",
    r"^borderline (?=diab|dm\b|hypert|htn|high|chol|glauc)",
    rf"\s*[-,:(]?\s*\b(?:suspected|unlikely|possible|probable|rule out|r/o|not confirmed){_END}",
    r"(?<!neonatal)(?<!newborn)(?<!antenatal)(?<!prenatal)(?<!hearing) screening$",
    r"\s*\?+$",
)
_PAST = (
    rf"\b(?:(?:personal|past|previous|prior) )?(?:medical )?{_HISTORY}{_CALLED}",
    r"\bpmhx?\b\s*:?",
    r"\bantecedentes? (?:personal(?:es)? )?de\b",
    r"\bhistoria de\b",
    r"^(?:previous|past|prior|old|remote|former|ex)\b-?",
    r"\bs/p\b|\bstatus[\s-]+post\b",
)
_OVER = (r"^resolved\b", rf"\s*[-–,:(]\s*(?:resolved|cured|healed|resuelt[oa]|curad[oa]){_END}")
# In order: the first that fits says how it stands. What they match is taken off the name.
_STANDINGS: tuple[tuple[Standing, re.Pattern[str]], ...] = (
    ("family", re.compile("|".join(_FAMILY))),
    ("denied", re.compile("|".join(_DENIED))),
    ("uncertain", re.compile("|".join(_UNCERTAIN))),
    ("history", re.compile("|".join(_PAST))),
    ("over", re.compile("|".join(_OVER))),
)
_NATURAL = re.compile(r"\bnatural\s+history\b|\bhistory\s+of\s+present\b")

_CODES: dict[str, Laterality] = {"7771000": "left", "24028007": "right", "51440002": "bilateral"}
_LETTER = (
    r"(?<![\w/.'&-])(?<!vitamin )(?<!type )(?<!hepatitis )(?<!factor )(?<!group )(?<!class )(?<!grade )(?<!stage )"
)
_ENDS = r"(?!\.?\w|[/&'’]|-(?!\s*sided))"
_JOINED = r"[-/](?!spine|dopa|thyrox|arg|carn|wave)(?=[a-z]{3})"
"""L-breast, R/breast."""
_BOTH = r"\b(?:bilateral(?:es)?|(?<!with )both|ambos|ambas|bilat)\b"
_LEFT = (
    r"\b(?:left|lt|lft|izquierd[oa]s?|izq|izda?|izqd[oa])\b|\bsin\.(?!\w)|(?:ال)?(?:يسرى|أيسر|يسار)\b"
    rf"|{_LETTER}\(?l\)?{_ENDS}|^l{_JOINED}|_l(?!\w)"
)
_RIGHT = (
    r"\b(?:right|rt|rgt|derech[oa]s?|der|dch[ao]?)\b|\bdex\.(?!\w)|(?:ال)?(?:يمنى|أيمن|يمين)\b"
    rf"|{_LETTER}\(?r\)?{_ENDS}|^r{_JOINED}|_r(?!\w)"
)
_EYES: tuple[tuple[Laterality, str], ...] = (
    ("bilateral", r"\bo\.?u\b"),
    ("left", r"\b(?:os|le)\b"),
    ("right", r"\b(?:od|re)\b"),
)
"""Sides of eyes alone: "os" is a bone elsewhere, "re" a word."""
_EYE = re.compile(r"\beye|retin|glaucom|cat[ae]rat|cataract|visual|macul|conjunct|\bojo")
_SIDES: tuple[tuple[Laterality, re.Pattern[str]], ...] = (
    ("bilateral", re.compile(_BOTH)), ("left", re.compile(_LEFT)), ("right", re.compile(_RIGHT)),
)  # fmt: skip
_EYE_SIDES = tuple((side, re.compile(pattern)) for side, pattern in _EYES)
_NO_SIDE = re.compile(r"(?:left|right)[\s-]+(?:ventric|atri|bundle)|ventric|accidentally\s+left|right\s+to\b")
_SIDED = re.compile(r"^[\s.)-]*side[d]?\b")


class Spoken(NamedTuple):
    """A name as it was read: the side and the standing that it says, and what is left of it without these."""

    side: Laterality
    standing: Standing
    core: str


def spoken(name: str) -> Spoken:
    """Read the name of a problem, in any letters."""
    text = " ".join(name.lower().split())
    side, without = _sided(text)
    standing, core = _stands(without)
    return Spoken(side, standing, " ".join(core.strip(" ,;:-–.").split()) or text)


def laterality(*found: Concept) -> Laterality:
    """The side that codes or words name; both named make it bilateral, none makes it empty."""
    sides: dict[Laterality, None] = {}
    for concept in found:
        for coding in concept.codings:
            if coding.code in _CODES:
                sides[_CODES[coding.code]] = None
        for words in (concept.text, *(coding.display for coding in concept.codings)):
            side = spoken(words).side if words else ""
            sides |= {side: None} if side else {}
    if not sides:
        return ""
    return next(iter(sides)) if len(sides) == 1 else "bilateral"


def _stands(text: str) -> tuple[Standing, str]:
    """How it stands, and the name without the words for it; words of the past are taken off behind another standing."""
    if _NATURAL.search(text):
        return "", text
    found: Standing = ""
    for standing, pattern in _STANDINGS:
        if pattern.search(text) and (not found or standing in (found, "history")):
            text, found = pattern.sub(" ", text), found or standing
    return found, text


def _sided(text: str) -> tuple[Laterality, str]:
    """The side, and the name without it."""
    if _NO_SIDE.search(text):
        return "", text
    sides: dict[Laterality, None] = {}
    for side, pattern in (*_SIDES, *(_EYE_SIDES if _EYE.search(text) else ())):
        if pattern.search(text):
            sides[side] = None
            text = " ".join(_SIDED.sub("", part) for part in pattern.split(text))
    if not sides:
        return "", text
    return next(iter(sides)) if len(sides) == 1 else "bilateral", text
