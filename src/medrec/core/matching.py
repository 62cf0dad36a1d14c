"""Whether two sets of demographics are of one person: a Fellegi-Sunter score in whole numbers, and plain contradiction.

Each field that both sides give adds a weight: log2(m/u) in hundredths of a bit when it agrees, log2((1-m)/(1-u)) when
it does not, and something in between when it nearly agrees. m is how often the field agrees between two records of one
person, u how often between two of different people; the table WEIGHTS states both. A field that is missing adds
nothing. The score decides nothing by itself: a human confirms every match (docs/spec/right-person.md).
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from medrec.core.records import datatypes
from medrec.core.records.canonical import Value
from medrec.core.records.dates import clinical_date

Agreement: TypeAlias = Literal["agrees", "nearly", "differs", "missing"]


class Field(StrEnum):
    """What is compared."""

    BIRTH = "birth"
    FAMILY = "family"
    GIVEN = "given"
    SEX = "sex"
    POSTCODE = "postcode"
    PHONE = "phone"
    IDENTIFIER = "identifier"


class Weight(NamedTuple):
    """Hundredths of a bit for agreement, near agreement and difference; m and u in parts per million."""

    agrees: int
    nearly: int
    differs: int
    m: int
    u: int


WEIGHTS: dict[Field, Weight] = {
    Field.BIRTH: Weight(1454, 600, -432, 950_000, 40),
    Field.FAMILY: Weight(752, 350, -364, 920_000, 5_000),
    Field.GIVEN: Weight(649, 250, -331, 900_000, 10_000),
    Field.SEX: Weight(97, 0, -464, 980_000, 500_000),
    Field.POSTCODE: Weight(864, 300, -232, 800_000, 2_000),
    Field.PHONE: Weight(1587, 0, -132, 600_000, 10),
    Field.IDENTIFIER: Weight(1990, 0, -564, 980_000, 1),
}
GENERATION_YEARS = 10
"""A slip in a birth that makes so many years may be a father and a son, or two namesakes."""
LIKELY, POSSIBLE = 2000, 1000
"""From LIKELY on a match is proposed as likely, from POSSIBLE on as possible, below it is not shown."""


class Demographics(msgspec.Struct, frozen=True):
    """Who somebody is, as far as it was said; empty where it was not. `birth` is a FHIR date; `identifiers` are
    "system|value" of numbers that mean the same everywhere (a national number, an insurance number)."""

    family: str = ""
    given: str = ""
    birth: str = ""
    sex: str = ""
    postcode: str = ""
    phone: str = ""
    identifiers: tuple[str, ...] = ()


class Comparison(NamedTuple):
    """The score in hundredths of a bit, what became of each field, and the class. `twin`: family name and birth agree,
    and the given names may be of two people (`_may_be_two`)."""

    score: int
    fields: tuple[tuple[Field, Agreement], ...]
    verdict: Literal["likely", "possible", "unlikely"]
    twin: bool

    def of(self, field: Field) -> Agreement:
        """What became of a field."""
        return dict(self.fields)[field]


def compare(a: Demographics, b: Demographics, weights: Mapping[Field, Weight] = WEIGHTS) -> Comparison:
    """The score of two sets of demographics; symmetric. `weights`: a site's own, estimated from its registry."""
    found = (
        (Field.BIRTH, _birth(a.birth, b.birth)),
        (Field.FAMILY, _name(a.family, b.family)),
        (Field.GIVEN, _given(a.given, b.given)),
        (Field.SEX, _equal(a.sex, b.sex)),
        (Field.POSTCODE, _postcode(a.postcode, b.postcode)),
        (Field.PHONE, _equal(digits(a.phone), digits(b.phone))),
        (Field.IDENTIFIER, _identifiers(a.identifiers, b.identifiers)),
    )
    score = sum(_weight(weights[field], agreement) for field, agreement in found)
    by_field = dict(found)
    names_fit = by_field[Field.GIVEN] in ("agrees", "nearly") and by_field[Field.FAMILY] != "differs"
    sure = names_fit and by_field[Field.BIRTH] in ("agrees", "missing") and by_field[Field.SEX] != "differs"
    twin = by_field[Field.BIRTH] == by_field[Field.FAMILY] == "agrees" and _may_be_two(a, b, by_field)
    sure = sure and not twin and by_field[Field.IDENTIFIER] != "differs"
    # Twins and a father and son under one roof agree in everything but the given name or the birth.
    verdict: Literal["likely", "possible", "unlikely"]
    verdict = "likely" if score >= LIKELY and sure else "possible" if score >= POSSIBLE else "unlikely"
    return Comparison(score, found, verdict, twin)


def contradictions(known: Demographics, now: Demographics) -> tuple[Field, ...]:
    """The fields by which `now` cannot be of the person `known`; empty when it can.

    Another date of birth; another family and another given name; another number of a kind that is known, and none that
    agrees. Unless a number that means one person agrees: another given name together with another sex (a brother, a
    husband); the same family name and birth with a given name that may be another's (a twin); a birth that nearly
    agrees and is of another generation (a father and a son of one name). A family name alone may change by marriage,
    and a given name may be a nickname: alone they contradict nothing.
    """
    compared = compare(known, now)
    found = dict(compared.fields)
    different = tuple(field for field, agreement in found.items() if agreement == "differs")
    names = [field for field in (Field.FAMILY, Field.GIVEN) if field in different]
    if Field.BIRTH in different or len(names) == 2 or Field.IDENTIFIER in different:
        return different
    if found[Field.IDENTIFIER] == "agrees":
        return ()
    kin = {Field.GIVEN} if compared.twin or {Field.GIVEN, Field.SEX} <= set(different) else set()
    if found[Field.BIRTH] == "nearly" and _years_apart(known.birth, now.birth) >= GENERATION_YEARS:
        kin.add(Field.BIRTH)
    return tuple(field for field in found if field in different or field in kin) if kin else ()


def changed(known: Demographics, now: Demographics) -> tuple[Field, ...]:
    """The fields by which a newer version of a chart that was confirmed may be another's; empty where it is hers.

    What contradicts; and, unless a number agrees that means one person, whatever of birth, names and sex is not as it
    was, a slip and a marriage, too: at the desk somebody is asked about just that. What is said in part, in a short
    form or no more is no change (1961, A., Lovelace for Lovelace King); alike is not the same (Mario, Maria).
    """
    against, found = contradictions(known, now), dict(compare(known, now).fields)
    if against or found[Field.IDENTIFIER] == "agrees":
        return against
    before, after = plain(known.family).split(), plain(now.family).split()
    is_partial = {*before} <= {*after} or {*after} <= {*before}
    givens = plain(known.given).split(), plain(now.given).split()
    changes = {
        Field.BIRTH: found[Field.BIRTH] == "nearly" and len(known.birth) == len(now.birth) == _WHOLE_DATE,
        Field.FAMILY: found[Field.FAMILY] in ("nearly", "differs") and not is_partial,
        Field.GIVEN: found[Field.GIVEN] != "missing" and _are_apart(*givens, _is_short_form),
        Field.SEX: found[Field.SEX] == "differs",
    }
    return tuple(field for field, is_changed in changes.items() if is_changed)


def is_told(known: Demographics, now: Demographics) -> bool:
    """Whether both say enough to tell who it is: a birth and a given name, which are more than what is written where
    nobody knows. One that has no given name at all may be of somebody who has one name alone."""
    found = compare(known, now)
    one_name = not (plain(known.given) and plain(now.given)) and found.of(Field.FAMILY) == "agrees"
    return found.of(Field.BIRTH) != "missing" and (found.of(Field.GIVEN) != "missing" or one_name)


def doubts(known: Demographics, now: Demographics) -> tuple[Field, ...]:
    """The fields that both give and that are not the same, also where they contradict nothing: a slip, a part of a
    date, a short form of a name; and the given name where one has none."""
    compared = compare(known, now)
    unlike = {Field.GIVEN} if compared.twin or compared.of(Field.GIVEN) == "missing" else set[Field]()
    fields = (Field.BIRTH, Field.FAMILY, Field.GIVEN, Field.SEX, Field.IDENTIFIER)
    return tuple(field for field in fields if field in unlike or compared.of(field) in ("nearly", "differs"))


def is_same(known: Demographics, now: Demographics) -> bool:
    """Whether `now` says who it is, and is surely of the person `known`: the birth and the names agree as written."""
    return is_told(known, now) and not doubts(known, now)


def single(numbers: Sequence[str]) -> tuple[str, ...]:
    """The numbers ("system|value") of which one alone is of its kind: who states several of a kind states none."""
    kinds = [number.partition("|")[0] for number in dict.fromkeys(numbers)]
    return tuple(number for number in dict.fromkeys(numbers) if kinds.count(number.partition("|")[0]) == 1)


def filled(known: Demographics, by: Demographics) -> Demographics:
    """What is known, and of what it does not say what `by` says; of a birth of which it says a part alone, too."""
    missing = {name: getattr(by, name) for name in known.__struct_fields__ if not getattr(known, name)}
    if len(by.birth) > len(known.birth) and by.birth.startswith(known.birth):
        missing["birth"] = by.birth
    return msgspec.structs.replace(known, **missing)


def of_patient(record: Value) -> Demographics:
    """The demographics in a FHIR Patient: its official or first name, home address, first phone, coded identifiers."""
    names = datatypes.many(record, "name")
    names.sort(key=lambda name: {"official": 0, "usual": 1, "": 2}.get(datatypes.text(name, "use"), 3))
    name = names[0] if names else {}
    family, given = datatypes.text(name, "family"), " ".join(datatypes.texts(name, "given"))
    if not family and not given:
        given, _, family = datatypes.text(name, "text").rpartition(" ")
    phone = next((t for t in datatypes.many(record, "telecom") if datatypes.text(t, "system") == "phone"), {})
    identifiers = (
        f"{datatypes.text(item, 'system')}|{datatypes.text(item, 'value')}"
        for item in datatypes.many(record, "identifier")
        if datatypes.code_of(item, "type") in _NATIONAL and datatypes.text(item, "value")
    )
    return Demographics(
        family,
        given,
        datatypes.text(record, "birthDate"),
        datatypes.text(record, "gender"),
        datatypes.text(datatypes.one(record, "address"), "postalCode"),
        datatypes.text(phone, "value"),
        tuple(sorted(dict.fromkeys(identifiers))),
    )


_NO_NAMES = frozenset((
    "unknown", "unk", "unbekannt", "desconocido", "desconocida", "inconnu", "anonymous", "anon", "noname", "no", "name",
    "nn", "none", "test", "patient", "male", "female", "baby", "boy", "girl", "babyboy", "babygirl", "bb", "bg",
    "newborn", "neonate", "infant", "twin", "triplet", "of",
))  # fmt: skip
"""What systems write in place of a name that nobody knows, or of a child's that has none yet."""
_NO_YEARS = ("1900", "1901")
_WHOLE_DATE = len("1961-12-10")
_OTHER_ENDINGS = ("ina", "ine", "ena", "ette", "etta", "ita", "elle", "ella")
"""What makes another name of a name (Paul, Pauline), beside one or two letters (Daniel, Daniela; Victor, Victoria)."""
# Types of identifiers that are the same at every organisation: social security, national, passport, driver's licence.
_NATIONAL = frozenset({"SS", "NI", "NIIP", "PPN", "DL", "SB", "HC", "JHN"})


def _weight(weight: Weight, agreement: Agreement) -> int:
    return {"agrees": weight.agrees, "nearly": weight.nearly, "differs": weight.differs, "missing": 0}[agreement]


def plain(name: str) -> str:
    """A name to compare by: no accents, no case, letters and single spaces only."""
    return " ".join("".join(sign if sign.isalpha() else " " for sign in bare(name)).split())


def bare(text: str) -> str:
    """A text without accents and case, with all its other signs."""
    kept = (sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
    return "".join(kept).casefold()


def _is_no_name(name: str) -> bool:
    """Whether a name is what systems write where nobody knows one, or for a child that has none yet."""
    found = plain(name).split()
    return bool(found) and all(word in _NO_NAMES or len(word) == 1 for word in found) and len(found[0]) > 1


def _as_written(a: str, b: str) -> Agreement:
    """Of two names of which one is none: the same words tell nothing, and all others are another's."""
    return "missing" if a.casefold().split() == b.casefold().split() else "differs"


def _may_be_two(a: Demographics, b: Demographics, found: Mapping[Field, Agreement]) -> bool:
    """Whether two given names may be those of twins: they differ; each has a word or an initial that the other has not
    (Maria Anna, Maria Clara); or they nearly agree, with another sex (Daniel, Daniela)."""
    if found[Field.GIVEN] == "missing":
        return False
    near = found[Field.GIVEN] == "nearly" and found[Field.SEX] == "differs"
    return found[Field.GIVEN] == "differs" or near or _are_apart(plain(a.given).split(), plain(b.given).split())


def _are_apart(a: list[str], b: list[str], is_like: Callable[[str, str], bool] | None = None) -> bool:
    """Whether each of two given names has a word that the other has not."""
    pairs = [(one, other) for one, other in ((a, b), (b, a)) if len(one) <= len(other)]
    like = is_like or _is_like
    return any(not any(like(word, mate) for mate in other) for one, other in pairs for word in one)


def _is_short_form(one: str, other: str) -> bool:
    """Whether two words of a given name are one, or one an initial or a short form of the other (Alex, Alexander)."""
    short, long = sorted((one, other), key=len)
    rest = long[len(short) :]
    is_short = len(short) == 1 or (len(short) >= 3 and len(rest) >= 3 and rest not in _OTHER_ENDINGS)
    return one == other or (long.startswith(short) and is_short)


def _is_like(one: str, other: str) -> bool:
    """Whether two words of a given name may be one: the same, an initial or a beginning of it, or a slip."""
    short, long = sorted((one, other), key=len)
    return one == other or (len(short) != 2 and long.startswith(short)) or _name(one, other) == "nearly"


def _name(a: str, b: str) -> Agreement:
    if _is_no_name(a) or _is_no_name(b):
        return _as_written(a, b)
    x, y = plain(a), plain(b)
    if not x or not y:
        return "missing"
    if x == y or sorted(x.split()) == sorted(y.split()):
        return "agrees"
    # Double names of which one record has a part.
    if set(x.split()) & set(y.split()):
        return "nearly"
    limit = 2 if min(len(x), len(y)) >= 8 else 1 if min(len(x), len(y)) >= 4 else 0
    return "nearly" if _distance(x, y, limit) <= limit else "differs"


def _given(a: str, b: str) -> Agreement:
    if _is_no_name(a) or _is_no_name(b):
        return _as_written(a, b)
    x, y = plain(a), plain(b)
    first, second = x.partition(" ")[0], y.partition(" ")[0]
    if first and first == second:
        return "nearly" if _are_apart(x.split(), y.split()) else "agrees"
    if first and second and (len(first) == 1 or len(second) == 1) and first[0] == second[0]:
        return "nearly"
    found = _name(x, y)
    # "Alex" and "Alexander"; names of which one begins the other.
    short, long = sorted((first, second), key=len)
    return "nearly" if found == "differs" and len(short) >= 3 and long.startswith(short) else found


def _birth(a: str, b: str) -> Agreement:
    x, y = clinical_date(a), clinical_date(b)
    if x is None or y is None:
        return "missing"
    if x.text[:10] == y.text[:10]:
        # What systems write where nobody knows a date is nobody's birth.
        return "missing" if x.text[:4] in _NO_YEARS else "agrees"
    if x.start_ms < y.end_ms and y.start_ms < x.end_ms:
        # One of them is partial and holds the other.
        return "nearly"
    one, other = x.text[:10], y.text[:10]
    if len(one) == len(other) == 10:
        swapped = one[:5] + one[8:] + one[4] + one[5:7]
        if swapped == other or _distance(one, other, 1) == 1:
            return "nearly"
    return "differs"


def _years_apart(a: str, b: str) -> int:
    """Between two whole dates; 0 where one is a part of a date."""
    x, y = clinical_date(a), clinical_date(b)
    if x is None or y is None or len(x.text[:10]) < 10 or len(y.text[:10]) < 10:
        return 0
    return abs(int(x.text[:4]) - int(y.text[:4]))


def postcode(text: str) -> str:
    """A postcode to compare by."""
    return text.upper().replace(" ", "").replace("-", "")


def _postcode(a: str, b: str) -> Agreement:
    x, y = postcode(a), postcode(b)
    if not x or not y:
        return "missing"
    if x == y:
        return "agrees"
    return "nearly" if len(x) >= 5 and len(y) >= 5 and x[:5] == y[:5] else "differs"


def _identifiers(a: tuple[str, ...], b: tuple[str, ...]) -> Agreement:
    if set(a) & set(b):
        return "agrees"
    systems = {item.partition("|")[0] for item in a} & {item.partition("|")[0] for item in b}
    return "differs" if systems else "missing"


def _equal(a: str, b: str) -> Agreement:
    return "missing" if not a or not b or "unknown" in (a, b) else "agrees" if a == b else "differs"


def digits(phone: str) -> str:
    """A telephone number to compare by: its last nine digits."""
    return "".join(sign for sign in phone if sign.isdigit())[-9:]


def _distance(a: str, b: str, most: int) -> int:
    """Insertions, deletions, substitutions and swaps of neighbours between two short names; where it is more than
    `most`, some number that is more."""
    if abs(len(a) - len(b)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row = row, [i] + [0] * len(b)
        for j, y in enumerate(b, 1):
            row[j] = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if before and i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                row[j] = min(row[j], before[j - 2] + 1)
        # What follows is made of these two rows, and never less.
        if min(row) > most and min(last) > most:
            return most + 1
        before = last
    return row[len(b)]
