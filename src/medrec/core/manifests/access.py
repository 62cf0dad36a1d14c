"""Both halves of a disclosure, and the refusal."""

from typing import Annotated, Literal

import msgspec

from medrec.core.manifests.record import FhirId, FhirType, Hex16, Hex32
from medrec.core.types import Fields, OrganisationId, TimeMs

Door = Literal["pull", "push", "view"]


class Disclosed(Fields):
    """One record that travelled: which, its canonical hash, and the hash of the manifest that signed it."""

    type: FhirType
    id: FhirId
    sha256: Hex32
    manifest: Hex32


class Request(Fields):
    """What was asked, by whom and why. `id` is the request's own random id, used once."""

    id: Hex16
    requester: OrganisationId
    practitioner: Annotated[str, msgspec.Meta(max_length=200)]
    purpose: Annotated[str, msgspec.Meta(max_length=32)]
    reason: Annotated[str, msgspec.Meta(max_length=500)]
    door: Door
    types: list[FhirType]
    ids: list[FhirId]


class DisclosureManifest(Fields):
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


class ReceivedManifest(Fields):
    """The recipient's half: what it received and verified; settles the source's obligation."""

    manifest: Literal["disclosure-received/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    source: OrganisationId
    request: Hex16
    records: list[Disclosed]
    obligation: Hex16


class RefusalManifest(Fields):
    """Somebody asked and was refused; `code` says why."""

    manifest: Literal["refusal/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    request: Request
    code: str
    decided: list[Hex32]
