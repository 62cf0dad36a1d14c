"""Which ICD-10-CM codes are of one disease, and which side of the body a code is of.

A category ("B18", "D68") files unlike diseases together. So a code is a family of its own, without the sign for the
side and an injury's sign for the visit, save for the groups below, of which all codes are stages and kinds of one
disease. What is not known here stays apart.
"""

import re

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
# No side of the body is a side of these diseases: the eye of a diabetic retinopathy is not the diabetes.
_WHOLE_BODY = re.compile(r"E0[89]|E1[013]|G81|G83|I69|M05|M06|L89")
# Where the sign for the side stands: the fifth sign, or the sixth. Categories with other signs there are left out.
_EARS_AND_EYES = r"H(?:04|05|1[01567]|20|2[567]|3[034]|4[346]|6[0-9]|7[0-4]|8[013]|9[0-3])"
_FIFTH = re.compile(
    r"(?:C34[01389]|(?:C43|D03|D04|D22|D23)[1267]|C4[79][12]|C40[0-389]|C57[0-2]|C62[019]|C63[01]|C69[0-689]|C72[234]|"
    r"C74[019]|C76[45]|C780|C790|C79[67]|D05[0-9]|D022|G5[67]\d|I60[0135]|I65[02]|I66[0-2]|I80[01]|I83[0-2]|"
    r"L97\d|M1[678][135]|M20[1-6]|M22\d|M54[34]|M70[1-7]|M712|M75[02-9]|M76\d|M77[0-5]|N60\d|N830|S05\d|S22[34]|"
    r"Z901)(?P<side>[01239])|" + _EARS_AND_EYES + r"\d(?P<alone>[01239])$|S[45789]\d\d(?P<before>[0129])X"
)
# There the sign is of a bone, a toe or a finger, and the side is in it only with that.
_MORE_THAN_SIDES = re.compile(
    r"M217[36]|M6007|M678[1-7]|M768[12]|M84[34568][36]|M891[2356]|M89[23][36]|S56[14][0129]|S604[124567]|S6094"
)
_SIXTH = re.compile(
    r"(?:C50[0-689]\d|I63[0-5]\d|I702[0-2]|I802\d|I82[4-7ABC]\w|I838\d|N832\d|"
    r"(?:M0[0-28]|M1[0-4A]|M19|M2[145]|M6[0135-8]|M71|M8[04-9]|M90)\d[1-7]|M2[0-2]\dX|M751\d|H35[0-46-9]\d|H40[0-6]\d|"
    r"H18\d\d|" + _EARS_AND_EYES + r"\w\w|S[4578](?!320)\d\d[0-9A-Z]|S9[0235]\d\w|S60\d\w|S62[0125]\d|Z966[45])"
    r"(?P<side>[1239])"
)
_SIDES: dict[str, Laterality] = {"1": "right", "2": "left", "3": "bilateral"}
_REST = re.compile(r"^other\b|\bother\s+(?:specified|unspecified)\b|\bnot\s+elsewhere\s+classified\b|^illness\b")


def family(code: str) -> str:
    """What codes of one disease have in common: "E11" of E11.9 and E11.65, "B18.1" of B18.1 alone."""
    plain = code.upper().replace(".", "")
    if plain[:1] == "Z":
        return _pointed(plain)
    for length in range(len(plain), 2, -1):
        if plain[:length] in _ONE:
            return _ONE[plain[:length]]
    return _pointed(sideless(plain))


def sideless(code: str) -> str:
    """A code (without the point) without what tells the side and the visit: "I8240-" of I82.401."""
    plain = code.upper().replace(".", "")
    if plain[:1] in "ST" and len(plain) == 7:
        plain = plain[:6]
    at = _place(plain)
    return plain if at is None else plain[:at] + "-" + plain[at + 1 :]


def side(code: str) -> Laterality:
    """The side of the body that a code is of by its sign for it; empty where it has none, or says "unspecified"."""
    plain = code.upper().replace(".", "")
    at = None if _WHOLE_BODY.match(plain) else _place(plain)
    return _SIDES.get(plain[at], "") if at is not None else ""


def sided(code: str) -> bool:
    """Whether the side of a code is the side of its disease."""
    return _WHOLE_BODY.match(code.upper()) is None


def catches_the_rest(name: str) -> bool:
    """Whether a code of this name is for whatever has no code of its own ("Other specified disorders of ..."): two
    records with it may be of two diseases."""
    return _REST.search(name.lower()) is not None


def _place(plain: str) -> int | None:
    if _MORE_THAN_SIDES.match(plain):
        return None
    for form in (_FIFTH, _SIXTH):
        found = form.match(plain)
        if found is not None:
            return next(found.start(name) for name, said in found.groupdict().items() if said is not None)
    return None


def _pointed(plain: str) -> str:
    return f"{plain[:3]}.{plain[3:]}" if len(plain) > 3 else plain
