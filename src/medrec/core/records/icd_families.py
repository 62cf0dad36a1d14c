"""Which ICD-10-CM codes are of one disease, and which side of the body a code is of.

A category ("B18", "D68") files unlike diseases together. So a code is a family of its own, without the sign for the
side and an injury's sign for the visit, save for the groups below, of which all codes are stages and kinds of one
disease. What is not known here stays apart.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from medrec.core.records.icd_signs import SIGNS
from medrec.core.records.understood import Laterality

# A prefix (without the point) and the family that all codes under it are of; the longest prefix counts. Some of a
# category are of a family of their own: what files there by the classification and is another disease (overweight,
# parkinsonism, an embolus of fat, cyclical vomiting, an elevated lipoprotein(a)).
_TABLE = """
B20:B20 C50:C50 C61:C61 D50:D50 E03:E03 E10:E10 E11:E11 E66:E66 F32:F32 G20:G20 G35:G35 G40:G40 G43:G43 H25:H25
I10:I10 I21:I21 I26:I26 I48:I48 I483:I48.3 I484:I48.3 I4892:I48.3 I50:I50 I63:I63 J18:J18 J20:J20 J44:J44 J45:J45
K21:K21 K35:K35 K50:K50 K51:K51 K80:K80 L40:L40 L405:L40.5 M10:M10 M16:M16 M17:M17 M81:M81 N18:N18 N40:N40
E780:E78.5 E782:E78.5 E784:E78.5 E785:E78.5 G4730:G47.33 G4733:G47.33 G560:G56.0 H919:H91.9 H4011:H40.11
I251:I25.1 I258:I25.1 I259:I25.1 I824:I82.4 J301:J30.9 J302:J30.9 J305:J30.9 J308:J30.9 J309:J30.9
K900:K90.0 M060:M06.9 M068:M06.9 M069:M06.9 N200:N20.0 N390:N39.0 S720:S72.0 F419:F41.9 F411:F41.1
D501:D50.1 E663:E66.3 E7841:E78.41 F3281:F32.81 G20C:G20.C G405:G40.5 G43A:G43.A G43C:G43.C G43D:G43.D I2585:I25.85
I2601:I26.01 I2690:I26.01 I2603:I26.03 I2695:I26.03 I2604:I26.04 I2696:I26.04 M816:M81.6 N402:N40.2 N403:N40.2
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


# Of one disease in several places: the places of its codes and of the words for it. An infarction of one wall is not
# that of the other (I21.0, I21.1), a weak right heart not the weak left one (I50.1 to I50.4, I50.81), one with
# a reduced ejection fraction not one with a preserved one (I50.2, I50.3, by the tabular list of ICD-10-CM), a stone in
# the duct none in the gallbladder (K80). A code of both holds both (I50.82, K80.6); one that says none may be of
# either.
_PLACES = """
I210:anterior I211:inferior I212:elsewhere I501:left I502:left,systolic I503:left,diastolic
I504:left,systolic,diastolic I5081:right I5082:left,right
K800:gallbladder K801:gallbladder K802:gallbladder K803:duct K804:duct K805:duct K806:duct,gallbladder
K807:duct,gallbladder
"""
_PLACE_OF = {entry.partition(":")[0]: tuple(entry.partition(":")[2].split(",")) for entry in _PLACES.split()}
_PLACED = {
    "I21": (("anterior", r"\banterior|\blad\b"), ("inferior", r"\binferior|\brca\b|right coronary")),
    "I50": (
        ("left", r"\bleft|\blv|systolic|diastolic|hf(?:r|p|mr)ef|ejection fraction|biventric"),
        ("right", r"\bright(?!\s+and\s+left)|\brv\b|biventric"),
        ("systolic", r"\bsystolic|hfref|reduced ejection"),
        ("diastolic", r"\bdiastolic|hfpef|preserved ejection"),
    ),
    "K80": (("duct", r"bile duct|choledoch|\bcbd\b"), ("gallbladder", r"gall\s?bladder|gall\s?stone|cholecyst")),
}
_BOUT = re.compile(
    r"E035|E(?:08|09|1[013])[0-6]|G4[03]\w\w[13]$|I2511|I50(?:[234]|81)[13]|J44[01]|J45(?:[2-5]|90)[12]|K210|K5[01]\d1"
)


def places(family_of: str, codes: Iterable[str], words: Iterable[str]) -> tuple[str, ...]:
    """What tells one place of a disease from another of the same family, by its ICD-10-CM codes, else by the words for
    it (lower case): "left", "right" of a heart failure. Empty where nothing says one."""
    plain = [code.upper().replace(".", "") for code in codes]
    coded = [_PLACE_OF[one[:length]] for one in plain for length in (5, 4) if one[:length] in _PLACE_OF]
    said = [(place,) for place, form in _PLACED.get(family_of, ()) if any(re.search(form, one) for one in words)]
    return tuple(sorted({place: None for found in coded or said for place in found}))


def bout(code: str) -> bool:
    """Whether a code is of an attack, a complication or a worse time of a disease (an exacerbation, a ketoacidosis, a
    fistula, an ulcer of a diabetic foot): that it is over is not the end of the disease."""
    return _BOUT.match(code.upper().replace(".", "")) is not None


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
