"""Remarks in the name of a medicine that hold an amount of something else: of another medicine, an old one, a most.

"warfarin (bridge with enoxaparin 40 mg)", "lisinopril (was 10 mg)" and "lisinopril, max 40 mg" are no products of 40 or
10 mg. What stands in parentheses with a strength is the product's where nothing but its own words stand beside it:
a form, a salt, how often, a name of this drug. Behind a dash or a comma, where a name may have any words, an amount
is of something else where a word says so. The lists of words are our own, and short.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from medrec.core.records.form_words import FORMS, MANNER, SALTS
from medrec.core.records.strength_words import STRENGTH, UNCLEAR, strengths_in

_INSIDE = re.compile(r"\(([^()]*)(?:\)|\Z)|\[([^\[\]]*)(?:\]|\Z)")
"""Parentheses; those that nobody closed go on to the end."""
_WORD = re.compile(r"[^\W\d_]{2,}")
_OWN_WORDS = (
    "mg mcg ug gm gram grams ml unit units iu unt meq mmol mcl liter microgram micrograms milligram milligrams "
    "actuation actuations act puff puffs spray sprays dose doses dosage strength strengths size total tot base "
    "elemental equivalent equiv eq equal equals contains containing contain content concentration volume free "
    "acid human recombinant iron fe calcium magnesium zinc chromium biotin and or to is are an as one two three "
    "four five per each every other about approx approximately plus pack package bottle box count ct qty quantity "
    "disp dispense supply refill refills rf ndc inert ingredients placebo active weight volume wt vol brand name "
    "slow fast acting long short adult adults children child infant pediatric sugar preservative gluten alcohol "
    "dye take takes taking use inject apply inhale times time day days week weeks weekly month months monthly "
    "hour hours nightly morning evening afternoon noon night bedtime bed breakfast lunch dinner supper meal meals "
    "food needed prn bid tid qid qd qhs hs qam qpm qod am pm qday directed at on un una uno dos tres cada dia día "
    "dias días vez veces diario diaria noche mañana hora horas con por al la el"
)
_OWN = FORMS.keys() | MANNER | SALTS | frozenset(_OWN_WORDS.split())
"""Words beside an amount that leave it an amount of this product, or of what is taken of it."""
_ELSEWHERE = (
    r"(?:was|were|been|previous(?:ly)?|prior|former(?:ly)?|old|replac\w+|substitut\w+|instead|switch\w*|chang\w+|convert\w*"
    r"|bridg\w+|off|from|max|maximum|up\s+to|limit\w*|(?:not\s+)?exceed\w*|increas\w+|decreas\w+|reduc\w+|lower\w+|rais\w+"
    r"|taper\w*|wean\w*|start\w*|stop\w*|used\s+to|until|till|before|after|then|goal|target|failed|tried|not|never|antes"
    r"|reempla\w+|cambi\w+|m[aá]x(?:imo)?|hasta|era|tomaba)"
)
_TAIL = re.compile(rf"(?:\s[-–—]+\s|[,;:([]|\.\s|\s(?={_ELSEWHERE}\b))\s*(?=\S)")
_MARKED = re.compile(rf"\b{_ELSEWHERE}\b")
_NUMBER = re.compile(r"\d")
_TEXT_MAX = 300


class Parted(NamedTuple):
    """A name without its remarks, and these as written, "" where there are none."""

    name: str
    aside: str


def inside(name: str, ingredients_of: Callable[[str], tuple[str, ...]]) -> Parted:
    """A name (cleaned) without parentheses of which the strength is not its own; `ingredients_of` looks up a name."""
    if "(" not in name and "[" not in name:
        return Parted(name, "")
    found = []
    head, more = name[:_TEXT_MAX], name[_TEXT_MAX:]
    outside = _INSIDE.sub(" ", head)
    for match in _INSIDE.finditer(head):
        words = match[1] or match[2] or ""
        if strengths_in(words) and _odd(words, outside, ingredients_of):
            found.append(match)
    for match in reversed(found):
        head = f"{head[: match.start()]} {head[match.end() :]}"
    return Parted(" ".join((head + more).split()) if found else name, "; ".join(_plain(match[0]) for match in found))


def behind(name: str) -> Parted:
    """A name (cleaned) of which nobody knows the whole, without an amount behind it that a word says is no strength of
    it, and all that follows; the name itself where there is none."""
    head = name[:_TEXT_MAX]
    for start in _TAIL.finditer(head):
        words = head[start.end() :]
        if start.start() and _NUMBER.search(words) and _MARKED.match(words):
            return Parted(head[: start.start()].strip(), _plain(words))
    return Parted(name, "")


def _odd(words: str, outside: str, ingredients_of: Callable[[str], tuple[str, ...]]) -> bool:
    """Whether words with a strength say more than a product's do, and are no name themselves."""
    left = [word for word in _WORD.findall(STRENGTH.sub(" ", UNCLEAR.sub(" ", words))) if word not in _OWN]
    if not left or ingredients_of(words):
        return False
    own = ingredients_of(outside)
    return not all(own and (named := ingredients_of(word)) and set(named) <= set(own) for word in left)


def _plain(words: str) -> str:
    return words.strip(" ()[],;:-–—")
