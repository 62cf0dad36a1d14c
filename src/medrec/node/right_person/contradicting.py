"""By what a record contradicts the person whom it is filed under, and what ends that."""

import re
from collections.abc import Sequence

from medrec.core import matching
from medrec.core.matching import Demographics
from medrec.core.records import datatypes
from medrec.core.records.canonical import Value

_TITLES = frozenset({"mr", "mrs", "ms", "miss", "dr", "prof", "herr", "frau", "sr", "sra", "jr", "baby", "boy", "girl"})
_LABELS = frozenset({"dob", "born", "birth", "date", "of", "mrn", "id", "nr", "geb", "pid", "patient"})
"""Words that stand beside a name, and are no part of it."""
_HERE = re.compile(r"Patient/([A-Za-z0-9.-]{1,64})(?:/_history/.*)?\Z")
WHOLE = "Patient"
"""A held record of this type holds back everything of the person."""
SAID = "said"
"""The reason of what the person says is not about her (holding_said.py)."""
REPLACED = "replaced"
"""The reason of a Patient that its source replaced by another one: a merge, of which nobody knows whose it is."""


def contradicts(who: Demographics, record: Value) -> tuple[str, ...]:
    """The fields by which a record cannot be of this person: of a Patient its demographics, of any other record the
    name or the number that it gives to its subject, or that it says of two patients that it is theirs."""
    if datatypes.text(record, "resourceType") == WHOLE:
        found = tuple(field.value for field in matching.contradictions(who, matching.of_patient(record)))
        merged = any(datatypes.text(one, "type") == "replaced-by" for one in datatypes.many(record, "link"))
        return (*found, REPLACED) if merged else found
    if _is_numbered_otherwise(who, record) or len(_patients(record)) > 1:
        return (matching.Field.IDENTIFIER.value,)
    hers, of_family = (set(matching.plain(name).split()) for name in (who.given, who.family))
    for named in _subjects(record) if hers and of_family else ():
        if len(named) < 2 or hers & set(named):
            continue
        if of_family & set(named):
            # Of her family, and another given name: somebody of her house, or a nickname; a human looks.
            rest = [word for word in named if word not in of_family and word not in _TITLES and len(word) > 1]
            other = Demographics(who.family, " ".join(rest))
            if rest and matching.compare(who, other).of(matching.Field.GIVEN) == "differs":
                return ("given",)
        elif len(matching.contradictions(who, Demographics(family=named[-1], given=" ".join(named[:-1])))) == 2:
            return ("family", "given")
    return ()


def ends(who: Demographics, fields: Sequence[str], record: Value) -> bool:
    """Whether a version that contradicts nothing ends a hold by these fields. By whom a record names it is ended by a
    version alone that says who it is: one that is silent says no more than that nobody knows, and so does one that
    gives a number of a kind that is not known of her."""
    if SAID in fields or not {*fields} & {*matching.Field, REPLACED}:
        return SAID not in fields
    known = {item.partition("|")[0] for item in who.identifiers}
    if datatypes.text(record, "resourceType") == WHOLE:
        now = matching.of_patient(record)
        said = {item.partition("|")[0] for item in now.identifiers} if matching.Field.IDENTIFIER in fields else set()
        return said <= known and matching.is_same(who, now)
    hers = set(matching.plain(who.given).split())
    said = {system for system, _ in _numbers(record)}
    return said <= known and any(hers & set(named) for named in _subjects(record))


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
    shown = [datatypes.text(one, "display") for one in _pointers(record)]
    named = [[word for word in matching.plain(words).split() if word not in _LABELS] for words in shown]
    return [words for words in named if words]
