"""Which ICD-10-CM codes are of one disease, and which side of the body a code is of.

A category ("B18", "D68") files unlike diseases together. So a code is a family of its own, without the sign for the
side and an injury's sign for the visit, save for the groups below, of which all codes are stages and kinds of one
disease. What is not known here stays apart.
"""

import re
from typing import NamedTuple

from medrec.core.records.icd_signs import SIGNS
from medrec.core.records.understood import Laterality

# A prefix (without the point) and the family that all codes under it are of; the longest prefix counts.
_TABLE = """
B20:B20 C50:C50 C61:C61 D50:D50 E03:E03 E10:E10 E11:E11 E66:E66 F32:F32 G20:G20 G35:G35 G40:G40 G43:G43 H25:H25
I10:I10 I21:I21 I26:I26 I48:I48 I483:I48.3 I484:I48.3 I4892:I48.3 I50:I50 I63:I63 J18:J18 J20:J20 J44:J44 J45:J45
K21:K21 K35:K35 K50:K50 K51:K51 K80:K80 L40:L40 L405:L40.5 M10:M10 M16:M16 M17:M17 M81:M81 N18:N18 N40:N40
E780:E78.5 E782:E78.5 E784:E78.5 E785:E78.5 G4730:G47.33 G4733:G47.33 G560:G56.0 H919:H91.9 H4011:H40.11
I251:I25.1 I255:I25.1 I258:I25.1 I259:I25.1 I824:I82.4 J301:J30.9 J302:J30.9 J305:J30.9 J308:J30.9 J309:J30.9
K900:K90.0 M060:M06.9 M068:M06.9 M069:M06.9 N200:N20.0 N390:N39.0 S720:S72.0 F419:F41.9 F411:F41.1
"""
_ONE = {entry.partition(":")[0]: entry.partition(":")[2] for entry in _TABLE.split()}
GROUPS = frozenset(_ONE.values())
"""The families that have several codes."""
# Of these diseases of all the body a code with a side is no stage: the eye of a diabetic retinopathy is not the
# diabetes, and what was healed in one eye is not healed in the other.
_WHOLE_BODY = re.compile(r"E0[89]|E1[013]")
_SIDES: dict[str, Laterality] = {"R": "right", "L": "left", "B": "bilateral"}
_MARKS = "-=~+"
"""What stands in the place of the sign: of the first, second ... thing that a code without it is of."""


class _Sign(NamedTuple):
    """Where the sign for the side stands in a code, what it says, and what stands in its place."""

    place: int
    side: Laterality
    mark: str


def _signs() -> dict[str, dict[str, tuple[Laterality, str]]]:
    """Code with "-" for the sign -> sign -> its side and its mark."""
    found: dict[str, dict[str, tuple[Laterality, str]]] = {}
    for kind in SIGNS.strip().replace("\n ", " ").splitlines():
        said, _, stems = kind.partition(": ")
        meaning: dict[str, tuple[Laterality, str]] = {}
        for thing, mark in zip(said.split("/"), _MARKS, strict=False):
            meaning |= {thing[at]: (_SIDES.get(thing[at + 1], ""), mark) for at in range(0, len(thing), 2)}
        found |= dict.fromkeys(stems.split(), meaning)
    return found


_BY_STEM = _signs()
_SIDED = frozenset(stem[:3] for stem in _BY_STEM)
_REST = re.compile(r"^other\b|\bother\s+(?:specified|unspecified)\b|\bnot\s+elsewhere\s+classified\b|^illness\b")


def family(code: str) -> str:
    """What codes of one disease have in common: "E11" of E11.9 and E11.65, "B18.1" of B18.1 alone."""
    plain = code.upper().replace(".", "")
    if plain[:1] == "Z":
        return _pointed(plain)
    alone = _WHOLE_BODY.match(plain) is not None and _sign(plain) is not None
    for length in range(len(plain), 2, -1):
        if plain[:length] in _ONE and not alone:
            return _ONE[plain[:length]]
    return _pointed(sideless(plain))


def sideless(code: str) -> str:
    """A code (without the point) without what tells the side and the visit: "I8240-" of I82.401."""
    plain = code.upper().replace(".", "")
    if plain[:1] in "ST" and len(plain) == 7:
        plain = plain[:6]
    sign = _sign(plain)
    return plain if sign is None else plain[: sign.place] + sign.mark + plain[sign.place + 1 :]


def side(code: str) -> Laterality:
    """The side of the body that a code is of by its sign for it; empty where it has none, or says "unspecified"."""
    plain = code.upper().replace(".", "")
    sign = _sign(plain)
    return sign.side if sign is not None else ""


def has_sides(code: str) -> bool:
    """Whether any code of the category that a code (or a family) is in tells a side."""
    return code[:3].upper() in _SIDED


def catches_the_rest(name: str) -> bool:
    """Whether a code of this name is for whatever has no code of its own ("Other specified disorders of ..."): two
    records with it may be of two diseases."""
    return _REST.search(name.lower()) is not None


def _sign(plain: str) -> _Sign | None:
    """The sign for the side. A seventh sign that is none is of the visit or the stage, X holds a place, and the title
    is that of the signs before."""
    seventh = _BY_STEM.get(plain[:6] + "-", {}).get(plain[6]) if len(plain) == 7 else None
    if seventh is not None:
        return _Sign(6, *seventh)
    title = plain[:6].rstrip("X")
    for place in range(len(title) - 1, 2, -1):
        found = _BY_STEM.get(title[:place] + "-" + title[place + 1 :], {}).get(title[place])
        if found is not None:
            return _Sign(place, *found)
    return None


def _pointed(plain: str) -> str:
    return f"{plain[:3]}.{plain[3:]}" if len(plain) > 3 else plain
