"""Consent given and taken back, in the person's own words and under her own signature."""

import hashlib
from typing import Annotated, Literal

import msgspec

from medrec.core import codec
from medrec.core.manifests.record import FhirType, Hex32
from medrec.core.types import Fields, OrganisationId, TimeMs

Recipient = Annotated[str, msgspec.Meta(pattern=r"^(\*|[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?)\Z")]
KeyId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
Signature = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{2}){0,2048}\Z")]


class Grant(Fields, frozen=True):
    """Who may receive what until when. An empty list of types means every type; `until` null means no end.

    `recipients` are organisation ids; "*" stands for everybody on the ledger.
    """

    effect: Literal["permit", "deny"]
    recipients: Annotated[list[Recipient], msgspec.Meta(min_length=1, max_length=64)]
    types: Annotated[list[FhirType], msgspec.Meta(max_length=64)]
    until: TimeMs | None


class ConsentManifest(Fields, frozen=True):
    """A person's decision. `nullifier` is the hash of the secret that taking it back will publish.

    `signature` is the account credential's (hex) over `consent_message`; `key` is the credential's key id in hex.
    """

    manifest: Literal["consent/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    grant: Grant
    nullifier: Hex32
    key: KeyId
    signature: Signature = ""


class RevocationManifest(Fields, frozen=True):
    """A person takes a consent back; the entry of this manifest publishes the secret of its nullifier.

    `signature` is the account credential's (hex) over `revocation_message`; `key` is the credential's key id.
    """

    manifest: Literal["revocation/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    nullifier: Hex32
    key: KeyId
    signature: Signature


def consent_message(consent: ConsentManifest) -> bytes:
    """What a person signs to consent: SHA-256("medrec/consent/1" || canonical JSON without `signature`)."""
    value = msgspec.to_builtins(consent)
    del value["signature"]
    return hashlib.sha256(b"medrec/consent/1" + codec.encode_json(value)).digest()


def revocation_message(nullifier: bytes) -> bytes:
    """What a person signs to take a consent back: SHA-256("medrec/revocation/1" || nullifier)."""
    return hashlib.sha256(b"medrec/revocation/1" + nullifier).digest()
