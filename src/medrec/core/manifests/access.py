"""Both halves of a disclosure, and the refusal."""

import hashlib
from typing import Annotated, Literal

import msgspec

from medrec.core.manifests.record import FhirId, FhirType, Hex16, Hex32
from medrec.core.types import Fields, OrganisationId, TimeMs

Door = Literal["pull", "push", "view"]
Outcome = Literal["received", "refused", "nothing"]


class Disclosed(Fields, frozen=True):
    """One record that travelled: which, its canonical hash, and the hash of the manifest that signed it."""

    type: FhirType
    id: FhirId
    sha256: Hex32
    manifest: Hex32


class Request(Fields, frozen=True):
    """What was asked, by whom and why. `id` is the request's own random id, used once.

    Empty `types` and `ids` ask for everything; `after` ("Type/id") goes on behind the last record of a page.
    """

    id: Hex16
    requester: OrganisationId
    practitioner: Annotated[str, msgspec.Meta(max_length=200)]
    purpose: Annotated[str, msgspec.Meta(max_length=32)]
    reason: Annotated[str, msgspec.Meta(max_length=500)]
    door: Door
    types: Annotated[list[FhirType], msgspec.Meta(max_length=200)]
    ids: Annotated[list[FhirId], msgspec.Meta(max_length=500)]
    after: Annotated[str, msgspec.Meta(pattern=r"^([A-Z][A-Za-z]{1,63}/[A-Za-z0-9\-.]{1,64})?\Z")] = ""


class DisclosureManifest(Fields, frozen=True):
    """The source's half: what it let go, to whom, on whose decision; `obligation` is what the recipient owes."""

    manifest: Literal["disclosure/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    request: Request
    records: list[Disclosed]
    decided: list[Hex32]
    obligation: Hex16


class ReceivedManifest(Fields, frozen=True):
    """The recipient's half; settles the source's obligation.

    outcome: `received` (and verified: `records`), `refused` (what came did not verify, `code` says how, nothing was
    kept), `nothing` (the source anchored a disclosure and nothing came). `disclosure` is the SHA-256 of the source's
    half, null if it did not come.
    """

    manifest: Literal["disclosure-received/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    source: OrganisationId
    request: Hex16
    records: list[Disclosed]
    obligation: Hex16
    disclosure: Hex32 | None
    outcome: Outcome
    code: Annotated[str, msgspec.Meta(max_length=40)] = ""


class RefusalManifest(Fields, frozen=True):
    """Somebody asked and was refused; `code` says why. `id` is random: two equal refusals are two statements.

    `obligation` names the disclosure that was journalled and then not sent, null if it did not come to that.
    """

    manifest: Literal["refusal/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    request: Request
    code: str
    decided: list[Hex32]
    id: Hex16
    obligation: Hex16 | None = None


def obligation_of(source: str, requester: str, request: bytes) -> bytes:
    """The id (16 bytes) of what a requester owes for a disclosure. Both ends compute it from the request's id, so
    it cannot be made to collide with another obligation, and is known even when no answer came."""
    parts = source.encode() + b"/" + requester.encode() + b"/" + request
    return hashlib.sha256(b"medrec/obligation/1" + parts).digest()[:16]
