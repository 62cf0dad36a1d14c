"""Consent given and taken back, in the person's own words and under her own signature."""

from typing import Annotated, Literal

import msgspec

from medrec.core.manifests.record import Hex32
from medrec.core.types import Fields, OrganisationId, TimeMs


class Grant(Fields):
    """Who may receive what until when. An empty list of types means every type; `until` null means no end.

    `recipients` are organisation ids; "*" stands for everybody on the ledger.
    """

    effect: Literal["permit", "deny"]
    recipients: Annotated[list[str], msgspec.Meta(min_length=1, max_length=64)]
    types: Annotated[list[str], msgspec.Meta(max_length=64)]
    until: TimeMs | None


class ConsentManifest(Fields):
    """A person's decision. `nullifier` is the hash of the secret that taking it back will publish.

    `signature` is the account credential's (hex) over SHA-256("medrec/consent/1" || canonical JSON of the manifest
    without `signature`); `key` is the credential's key id in hex.
    """

    manifest: Literal["consent/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    grant: Grant
    nullifier: Hex32
    key: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
    signature: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]+$")] = ""


class RevocationManifest(Fields):
    """A person takes a consent back; the entry of this manifest publishes the secret of its nullifier."""

    manifest: Literal["revocation/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    nullifier: Hex32
