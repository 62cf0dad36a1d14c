"""What the node needs to know of any record without knowing its kind: whose it is, when it says so, its labels."""

import re
from typing import NamedTuple

from medrec.core.records.canonical import Value

# The elements by which R4 resources point at the person they are about.
_PERSON = ("subject", "patient", "beneficiary", "individual", "for")
# Those that hold the reference one level down.
_WITHIN = {"participant": "actor", "entity": "what", "link": "target"}
_REFERENCE = re.compile(
    r"(?:.*/)?Patient/(?P<id>[A-Za-z0-9\-.]{1,64})(?:/_history/[^/]*)?|urn:uuid:(?P<uuid>[0-9a-fA-F\-]{36})"
)


class Envelope(NamedTuple):
    """Type and id; `patients`: ids of Patient records this one is about, in the order found, each once.

    A `urn:uuid:` reference counts as a patient id only by position: a Bundle may use it for a Group or Device too, so
    the caller checks the ids against the patients it knows. `updated` is meta.lastUpdated as written, or None.
    `labels` are the codes of meta.security. An element of an unexpected shape is passed over, never an error.
    """

    type: str
    id: str | None
    patients: tuple[str, ...]
    updated: str | None
    labels: tuple[str, ...]


def envelope(value: Value) -> Envelope:
    """The envelope of a record's tree as `canonical` returns it. Raises ValueError when there is no resourceType."""
    kind = value.get("resourceType") if type(value) is dict else None
    if type(kind) is not str:
        raise ValueError("a record has a resourceType")
    name = _text(value, "id")
    found = [name] if kind == "Patient" and name else []
    for key in _PERSON:
        held = value.get(key)
        for item in held if type(held) is list else [held]:
            reference = _REFERENCE.fullmatch(_text(item, "reference") or "")
            if reference:
                found.append(reference["id"] or reference["uuid"].lower())
    for key, inner in _WITHIN.items():
        held = value.get(key)
        for item in held if type(held) is list else [held]:
            target = item.get(inner) if type(item) is dict else None
            reference = _REFERENCE.fullmatch(_text(target, "reference") or "")
            if reference and reference["id"]:
                found.append(reference["id"])
    meta = value.get("meta")
    security = meta.get("security") if type(meta) is dict else None
    codes = [_text(item, "code") for item in security] if type(security) is list else []
    labels = tuple(dict.fromkeys(code for code in codes if code))
    return Envelope(kind, name, tuple(dict.fromkeys(found)), _text(meta, "lastUpdated"), labels)


def _text(value: Value, key: str) -> str | None:
    found = value.get(key) if type(value) is dict else None
    return found if type(found) is str else None
