"""What the desk of an organisation decides about who somebody is: a match looked at, a record held back, and let go."""

import hashlib
from typing import Annotated, Literal

import msgspec

from medrec.core.manifests.record import FhirId, FhirType, Hex32
from medrec.core.types import Fields, OrganisationId, TimeMs

By = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Words = Annotated[str, msgspec.Meta(max_length=1000)]
MATCH_DECIDED, RECORD_HELD, HOLD_DECIDED = 32, 33, 34
"""The numbers of their summaries."""


class MatchDecidedManifest(Fields, frozen=True):
    """Somebody looked at a person's request to be found, and says whom she means here, or that nobody is meant.

    `request` is `request_name` of the request's id. One that is `confirmed` stands among the lines of the local patient
    and names no account: the person links herself afterwards, or does not, and gets the line with those from before.
    """

    manifest: Literal["match-decided/1"]
    network: Hex32
    organisation: OrganisationId
    account: None
    time: TimeMs
    request: Hex32
    decision: Literal["confirmed", "refused"]
    by: By


class RecordHeldManifest(Fields, frozen=True):
    """A record filed under a linked person contradicts who she is by these fields, and is held back from now on."""

    manifest: Literal["record-held/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    type: FhirType
    record: FhirId
    fields: Annotated[list[str], msgspec.Meta(min_length=1, max_length=16)]


class HoldDecidedManifest(Fields, frozen=True):
    """A record is held back no longer. hers: somebody looked and it is hers; another: it is another person's, and the
    link is undone with the next line; fits: a newer version of it contradicts nothing (`by` is then null)."""

    manifest: Literal["hold-decided/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    type: FhirType
    record: FhirId
    decision: Literal["hers", "another", "fits"]
    by: By | None
    words: Words


def request_name(identifier: bytes) -> str:
    """The name of a request to be found in a manifest (hex): SHA-256("medrec/match-request/1" || id)."""
    return hashlib.sha256(b"medrec/match-request/1" + identifier).hexdigest()


def signs(by: str) -> str:
    """The name of whoever decides, in its bounds. Raises ValueError for nobody."""
    name = " ".join(by.split())[:200]
    if not name:
        raise ValueError("Whoever decides this has to give a name.")
    return name


FORMS: dict[str, type[Fields]] = {
    "match-decided/1": MatchDecidedManifest,
    "record-held/1": RecordHeldManifest,
    "hold-decided/1": HoldDecidedManifest,
}
