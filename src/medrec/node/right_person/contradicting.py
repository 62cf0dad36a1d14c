"""By what a record contradicts the person whom it is filed under, and what ends that."""

import re
from collections.abc import Collection, Sequence

from medrec.core import matching, signs
from medrec.core.matching import Demographics
from medrec.core.records import datatypes
from medrec.core.records.canonical import Value
from medrec.node.keeping.contents import INACTIVE, OTHER_NAME
from medrec.node.right_person.said_in_words import WORDS, in_words

_TITLES = frozenset({"mr", "mrs", "ms", "miss", "dr", "prof", "herr", "frau", "sr", "sra", "jr"})
_LABELS = frozenset({"dob", "born", "birth", "date", "of", "mrn", "id", "nr", "geb", "pid", "patient", "sex", "age"})
"""Words that stand beside a name, and are no part of it."""
_SEXES = frozenset({"female", "male", "other", "unknown", "yrs", "years", "year", "old", "yo", "mujer", "hombre"})
"""What is said of somebody behind a stroke beside a name."""
_NOBODY = frozenset({
    "unknown", "anonymous", "self", "subject", "person", "client", "member", "resident", "name", "none", "test",
    "newborn", "infant", "child", "mother", "father", "withheld", "redacted", "confidential", "paciente", "desconocido",
    "desconocida", "doe", "baby", "boy", "girl",
})  # fmt: skip
"""Words that stand in place of a name, and are nobody's."""
_NOW = ("", "official", "usual")
"""The uses of a name that somebody goes by today."""
_KIN = re.compile(
    r"\b(?:baby|newborn|infant|fetus|foetus|child|son|daughter|twin|mother|father|sister|brother|wife|husband|donor|bebe"
    r"|feto|hij[oa]|madre|padre|herman[oa]|espos[oa]|donante)\W+(?:boy\W+|girl\W+|[ab]\W+)?(?:of|to|de|del)\b"
)
"""Somebody of hers: "Fetus of Ada Lovelace" is not Ada Lovelace."""
_WHOSE = frozenset({"subject", "patient", "beneficiary", "for", "individual"})
"""The elements by which a record, or what it holds within itself, says whose it is."""
_AND = re.compile(r"\s(?:&|and|und|et)\s")
"""Between two people. An "y" stands within one name, too."""
_HERE = re.compile(r"Patient/([A-Za-z0-9.-]{1,64})(?:/_history/.*)?\Z")
WHOLE = "Patient"
"""A held record of this type holds back everything of the person."""
SAID = "said"
"""The reason of what the person says is not about her (holding_said.py)."""
REPLACED = "replaced"
"""The reason of a Patient that its source replaced by another one: a merge, of which nobody knows whose it is."""
OF_ANOTHER = "of-another"
"""The reason of a record whose visit or order is another patient's (pointing.py)."""
REPLACES = "replaces"
"""The reason of a Patient in whose place another linked person's stood: a merge, of which nobody knows whose it is."""
_BY_NAME = frozenset({*matching.Field, REPLACED, REPLACES, INACTIVE, OTHER_NAME, OF_ANOTHER, WORDS})
"""What ends only by a version that says who it is."""


def contradicts(who: Demographics, record: Value, hers: Collection[str] = ()) -> tuple[str, ...]:
    """The fields by which a record cannot be of this person: of a Patient its demographics, of any other record the
    name, the number or the birth that it gives to its subject, or that it says of two patients, or of another one, that
    it is theirs. `hers`: the numbers of her charts at this source; one that was merged into another is both."""
    if datatypes.text(record, "resourceType") == WHOLE:
        found = [field.value for field in matching.changed(who, matching.of_patient(record))]
        found += [OTHER_NAME] if not found and _has_other_name(who, record) else []
        return (*found, *closed(record, hers))
    if _is_numbered_otherwise(who, record) or len(_patients(record) - {*hers}) + bool(_patients(record) & {*hers}) > 1:
        return (matching.Field.IDENTIFIER.value,)
    if _is_of_kin(who, record):
        return (matching.Field.GIVEN.value,)
    written, inside = in_words(who, record), _inside(record)
    names = [*_subjects(record), *(_words(name) for name in (*written.names, *(_whole_name(one) for one in inside)))]
    named = next((fields for name in names if (fields := _named_otherwise(who, name))), ())
    against = [*(field.value for one in inside for field in matching.contradictions(who, one)), *written.against]
    return (*named, *(field for field in dict.fromkeys(against) if field not in named))


def closed(patient: Value, hers: Collection[str] = ()) -> tuple[str, ...]:
    """Why a Patient is not the one of its source that is in use: it was merged into another, or is inactive. Nothing of
    it is a doubt where it was merged into one of `hers`."""
    into = merged_into(patient)
    inactive = type(patient) is dict and patient.get("active") is False
    if into and {*into} <= {*hers}:
        return ()
    return (REPLACED,) if into else (INACTIVE,) if inactive else ()


def merged_into(patient: Value) -> tuple[str, ...]:
    """The local numbers that a Patient was merged into, as its source says; "" for what is no number here."""
    merged = [one for one in datatypes.many(patient, "link") if datatypes.text(one, "type") == "replaced-by"]
    named = (_HERE.match(datatypes.text(datatypes.one(one, "other"), "reference")) for one in merged)
    return tuple(found[1] if found else "" for found in named)


def _named_otherwise(who: Demographics, named: list[str]) -> tuple[str, ...]:
    """By what a name, as its words, is of somebody else; empty where it may be hers."""
    hers, of_family = (set(matching.plain(name).split()) for name in (who.given, who.family))
    if not (hers and of_family and named) or hers & set(named):
        return ()
    if len(named) == 1:
        # One word may be any part of a name.
        found = matching.compare(who, Demographics(family=named[0], given=named[0]))
        is_name = len(named[0]) > 2 and named[0] not in _TITLES | _NOBODY
        is_like = {found.of(matching.Field.FAMILY), found.of(matching.Field.GIVEN)} != {"differs"}
        # Where names are written without a space between them, one word is the whole of hers.
        whole = "".join(matching.plain(who.family + who.given).split())
        is_whole = sorted(named[0]) == sorted(whole) and named[0].startswith((*of_family, *hers))
        return ("family", "given") if is_name and not is_like and not is_whole else ()
    if of_family & set(named):
        # Of her family, and another given name: somebody of her house, or a nickname; a human looks.
        rest = [word for word in named if word not in of_family and word not in _TITLES and len(word) > 1]
        other = Demographics(who.family, " ".join(rest))
        differs = bool(rest) and matching.compare(who, other).of(matching.Field.GIVEN) == "differs"
        return ("given",) if differs else ()
    other = Demographics(family=named[-1], given=" ".join(named[:-1]))
    return ("family", "given") if len(matching.contradictions(who, other)) == 2 else ()


def _has_other_name(who: Demographics, record: Value) -> bool:
    """Whether a Patient goes by a name today that shares nothing with hers, in the letters of hers."""
    for name in datatypes.many(record, "name"):
        family, given = datatypes.text(name, "family"), " ".join(datatypes.texts(name, "given"))
        over = bool(datatypes.text(datatypes.one(name, "period"), "end"))
        if datatypes.text(name, "use") not in _NOW or over or not (family and given):
            continue
        other = Demographics(family, given)
        # The same name in other letters shares nothing with it.
        same_letters = signs.alphabets(family + given) == signs.alphabets(who.family + who.given)
        if same_letters and len(matching.contradictions(who, other)) == 2:
            return True
    return False


def ends(who: Demographics, fields: Sequence[str], record: Value, of_hers: bool = False) -> bool:
    """Whether a version that contradicts nothing ends a hold by these fields. By whom a record names it is ended by a
    version alone that says who it is: one that is silent says no more than that nobody knows, and so does one that
    gives a number of a kind that is not known of her. What was of another's visit ends by one `of_hers`, too."""
    if SAID in fields or not {*fields} & _BY_NAME:
        return SAID not in fields
    if of_hers and {*fields} & _BY_NAME == {OF_ANOTHER}:
        return True
    known = {item.partition("|")[0] for item in who.identifiers}
    if datatypes.text(record, "resourceType") == WHOLE:
        now = matching.of_patient(record)
        said = {item.partition("|")[0] for item in now.identifiers} if matching.Field.IDENTIFIER in fields else set()
        return said <= known and matching.is_same(who, now)
    hers = set(matching.plain(who.given).split())
    said = {system for system, _ in _numbers(record)}
    is_named = any(hers & set(named) for named in _subjects(record))
    return said <= known and (is_named or any(matching.is_same(who, one) for one in _inside(record)))


def _is_of_kin(who: Demographics, record: Value) -> bool:
    """Whether a record says that its subject is somebody of hers, or she and somebody beside her."""
    hers, of_family = (set(matching.plain(name).split()) for name in (who.given, who.family))
    for one in _pointers(record):
        shown = matching.bare(datatypes.text(one, "display"))
        parts = [set(matching.plain(part).split()) - _TITLES - _LABELS for part in _AND.split(shown)]
        # A stroke stands before a sex or a ward as well: two words behind it are a name.
        parts += [two for part in shown.split(" / ") if len(two := _names_in(part)) > 1]
        beside = any(hers & part for part in parts) and any(part - of_family and not hers & part for part in parts)
        if _KIN.search(shown) or beside:
            return True
    return False


def _names_in(words: str) -> set[str]:
    return {word for word in matching.plain(words).split() if len(word) > 1} - _TITLES - _LABELS - _SEXES


def _pointers(record: Value) -> list[Value]:
    """Where a record says whose it is; a document says it also of whom its source took it for."""
    found: list[Value] = [datatypes.one(record, key) for key in ("subject", "patient", "beneficiary")]
    return [*found, datatypes.one(datatypes.one(record, "context"), "sourcePatientInfo")]


def _patients(record: Value) -> set[str]:
    """The patients of this source whose a record says that it is."""
    named = (_HERE.match(datatypes.text(one, "reference")) for one in _pointers(record))
    return {found[1] for found in named if found}


def _is_numbered_otherwise(who: Demographics, record: Value) -> bool:
    """Whether a record gives its subject another number of a kind that is known of this person."""
    known = [item.partition("|")[::2] for item in who.identifiers]
    for system, value in _numbers(record):
        of_kind = {number for kind, number in known if kind and kind == system}
        if of_kind and value not in of_kind:
            return True
    return False


def _numbers(record: Value) -> list[tuple[str, str]]:
    """The numbers that a record gives to its subject, each with its system."""
    said = [datatypes.one(one, "identifier") for one in _pointers(record)]
    found = [(datatypes.text(one, "system"), datatypes.text(one, "value")) for one in said]
    return [(system, value) for system, value in found if value]


def _subjects(record: Value) -> list[list[str]]:
    """The words of each name that a record gives to its subject."""
    return [words for one in _pointers(record) if (words := _words(datatypes.text(one, "display")))]


def _inside(record: Value) -> list[Demographics]:
    """Who the Patients are that a record holds within itself, but for those whom it names beside its subject (the
    subscriber of a policy, say): one at which nothing points says as much as one at which the subject does."""
    held = [one for one in datatypes.many(record, "contained") if datatypes.text(one, "resourceType") == WHOLE]
    beside = _beside(record) if held else frozenset[str]()
    return [matching.of_patient(one) for one in held if datatypes.text(one, "id") not in beside]


def _beside(record: Value) -> frozenset[str]:
    """What a record holds within itself and points at elsewhere than where it says whose it is."""
    found: dict[str, None] = {}
    todo: list[tuple[str, Value]] = [("", record)]
    while todo:
        name, value = todo.pop()
        if isinstance(value, list):
            todo += [(name, one) for one in value]
        elif isinstance(value, dict):
            pointer = datatypes.text(value, "reference")
            if pointer.startswith("#") and name not in _WHOSE:
                found[pointer[1:]] = None
            todo += value.items()
    return frozenset(found)


def _whole_name(who: Demographics) -> str:
    return f"{who.given} {who.family}"


def _words(name: str) -> list[str]:
    return [word for word in matching.plain(name).split() if word not in _LABELS]
