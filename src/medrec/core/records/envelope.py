"""What the node needs to know of any record without knowing its kind: whose it is, when it says so, its labels."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from medrec.core.consent.pointers import local
from medrec.core.records.canonical import Value

# The elements by which R4 resources point at the person they are about.
_PERSON = ("subject", "patient", "beneficiary", "individual", "for")
# Those that hold the reference one level down.
_WITHIN = {"participant": "actor", "entity": "what", "link": "target"}
_REFERENCE = re.compile(
    r"Patient/(?P<id>[A-Za-z0-9\-.]{1,64})(?:/_history/[^/]*)?|urn:uuid:(?P<uuid>[0-9a-fA-F\-]{36})"
)
_ANY_PATIENT = re.compile(r"(?:^|/)Patient[/?]")


class Envelope(NamedTuple):
    """Type and id; `patients`: ids of Patient records this one is about, in the order found, each once.

    A reference is of a patient of this source if it is relative, or a full address below one of the source's own base
    addresses (FHIR R4, "Resolving references"). Where one names a patient otherwise (`elsewhere`), the record is about
    somebody of whom this source knows no more: it has no patients, not even those whom it names beside.

    A `urn:uuid:` reference counts as a patient id only by position: a Bundle may use it for a Group or Device too, so
    the caller checks the ids against the patients it knows. `updated` is meta.lastUpdated as written, or None.
    `labels` are the codes of meta.security. An element of an unexpected shape is passed over, never an error.
    """

    type: str
    id: str | None
    patients: tuple[str, ...]
    updated: str | None
    labels: tuple[str, ...]
    elsewhere: bool = False


def envelope(value: Value, servers: Iterable[str] = ()) -> Envelope:
    """The envelope of a record's tree as `canonical` returns it, of a source with these base addresses, without a slash
    at the end. Raises ValueError when there is no resourceType."""
    kind = value.get("resourceType") if type(value) is dict else None
    if type(kind) is not str:
        raise ValueError("a record has a resourceType")
    name = _text(value, "id")
    meta = value.get("meta")
    security = meta.get("security") if type(meta) is dict else None
    codes = [_text(item, "code") for item in security] if type(security) is list else []
    labels = tuple(dict.fromkeys(code for code in codes if code))
    read = [(_REFERENCE.fullmatch(local(written, servers)), written, sure) for written, sure in _references(value)]
    elsewhere = any(found is None and _ANY_PATIENT.search(written) for found, written, _ in read)
    patients = [name] if kind == "Patient" and name else []
    for found, _, sure in read if not elsewhere else ():
        if found is not None and found["id"]:
            patients.append(found["id"])
        elif found is not None and sure:
            patients.append(found["uuid"].lower())
    return Envelope(kind, name, tuple(dict.fromkeys(patients)), _text(meta, "lastUpdated"), labels, elsewhere)


def _references(value: Value) -> list[tuple[str, bool]]:
    """The references to whom a record is about, and whether a `urn:uuid:` at that place means a patient."""
    found = []
    for key in _PERSON:
        held = value.get(key)
        found += [(_text(item, "reference"), True) for item in (held if type(held) is list else [held])]
    for key, inner in _WITHIN.items():
        held = value.get(key)
        for item in held if type(held) is list else [held]:
            target = item.get(inner) if type(item) is dict else None
            found.append((_text(target, "reference"), False))
    return [(reference, sure) for reference, sure in found if reference is not None]


def _text(value: Value, key: str) -> str | None:
    found = value.get(key) if type(value) is dict else None
    return found if type(found) is str else None
