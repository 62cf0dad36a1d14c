"""Elements that change what a record means, and stand there in a form that nobody can read.

FHIR R4 calls them modifiers (hl7.org/fhir/R4/conformance-rules.html#isModifier): who does not understand one must not
read the record as if it were absent. Elements by which STU3 and DSTU2 said that something was not taken or not given
are modifiers too; R4 readers would pass over them.
"""

from collections.abc import Callable

import msgspec

from medrec.core.records import datatypes
from medrec.core.records.canonical import Value
from medrec.core.records.understood import Note, NoteCode, Understood

_INTENTS = frozenset(
    ("proposal", "plan", "order", "original-order", "reflex-order", "filler-order", "instance-order", "option")
)
_CERTAIN = frozenset(("unconfirmed", "provisional", "differential", "presumed", "confirmed"))
_NEVER = frozenset(("refuted", "entered-in-error"))
REASON = "status not understood"


def _is_flag(held: Value) -> bool:
    return type(held) is bool


def _is_intent(held: Value) -> bool:
    return type(held) is str and held.strip() in _INTENTS


def _is_verified(held: Value) -> bool:
    """Whether a code says how sure it is, or else words that it is so: words alone that it is not are nobody's code."""
    found = datatypes.concept_in(held)
    codes = [coding.code for coding in found.codings if coding.code]
    if _CERTAIN.union(_NEVER) & set(codes):
        return True
    words = [word.lower() for word in (*codes, found.words) if word]
    empty = type(held) is dict and not {"coding", "text"} & set(held)
    return empty or (bool(words) and all(word in _CERTAIN for word in words))


def _says_done(held: Value) -> bool:
    return held is False or (type(held) is str and held == "n")


def _says_taken(held: Value) -> bool:
    return type(held) is str and held == "y"


MODIFIERS: dict[str, dict[str, Callable[[Value], bool]]] = {
    "AllergyIntolerance": {"verificationStatus": _is_verified},
    "Condition": {"verificationStatus": _is_verified},
    "Immunization": {"wasNotGiven": _says_done, "notGiven": _says_done},
    "MedicationAdministration": {"wasNotGiven": _says_done, "notGiven": _says_done},
    "MedicationRequest": {"doNotPerform": _is_flag, "intent": _is_intent},
    "MedicationStatement": {"wasNotTaken": _says_done, "notTaken": _says_done, "taken": _says_taken},
}
"""By type: its modifiers, and whether what stands there can be read."""


def held_against(record: dict[str, Value], read: Understood) -> Understood:
    """A record as it was read; of one with a modifier that cannot be read nobody knows whether it is so."""
    odd = [key for key, is_read in MODIFIERS.get(read.type, {}).items() if not _is_fine(record.get(key), is_read)]
    if not odd:
        return read
    notes = tuple(
        Note(NoteCode.ODD_SHAPE, f'The element "{key}" may change the meaning and cannot be read; open the record.')
        for key in odd
    )
    notes = tuple(dict.fromkeys((*read.notes, *notes)))
    is_over = read.status == "stopped" and read.type not in ("Immunization", "MedicationAdministration")
    if is_over or read.status == "unknown":
        return msgspec.structs.replace(read, notes=notes)
    return msgspec.structs.replace(
        read,
        status="unknown",
        status_reason=REASON,
        plain=datatypes.one_line(f"{read.plain}; {REASON}"),
        clinical=datatypes.one_line(f"{read.clinical}; {REASON}"),
        notes=notes,
    )


def _is_fine(held: Value, is_read: Callable[[Value], bool]) -> bool:
    """Whether a modifier is not there, or can be read."""
    return held is None or is_read(held)
