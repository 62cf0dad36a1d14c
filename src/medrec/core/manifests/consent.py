"""Consent given and taken back, in the person's own words and under her own signature."""

import hashlib
from typing import Annotated, Literal

import msgspec

from medrec.core import codec
from medrec.core.manifests.record import FhirType, Hex32
from medrec.core.types import Fields, OrganisationId, TimeMs

Recipient = Annotated[str, msgspec.Meta(pattern=r"^(\*|[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?)\Z")]
KeyId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
CONSENT_CHARACTERS_MAX = 64 << 10
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


class Attestation(Fields, frozen=True):
    """A clinic wrote down what a person decided without a device of her own: who took it down, and how."""

    clerk: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    form: Literal["paper", "spoken"]


class FhirConsentManifest(Fields, frozen=True):
    """A person's decision as a FHIR Consent (R4 or R5): `consent` is its JSON text, character for character.

    assurance: `self`, signed by a credential of `account`; `delegate`, by a credential of `acting`, who acts for her;
    `clinic`, by a clerk of `organisation`, with `attested` (what it opens ends after 30 days). `key` is the key id,
    `signature` (hex) is over `fhir_consent_message`. `nullifier` as in ConsentManifest. Whoever takes a
    consent in holds the fields against each other with `misfit`.
    """

    manifest: Literal["consent/2"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    consent: Annotated[str, msgspec.Meta(min_length=2, max_length=CONSENT_CHARACTERS_MAX)]
    assurance: Literal["self", "delegate", "clinic"]
    acting: str | None
    attested: Attestation | None
    nullifier: Hex32
    key: KeyId
    signature: Signature = ""

    @property
    def signer(self) -> str | None:
        """The account whose credential signed; None where the organisation did."""
        return {"self": self.account, "delegate": self.acting, "clinic": None}[self.assurance]


class RevocationManifest(Fields, frozen=True):
    """A person takes a consent back; the entry of this manifest publishes the secret of its nullifier, if there is one:
    of what a place wrote down for her before it kept secrets there is none.

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


def fhir_consent_message(consent: FhirConsentManifest) -> bytes:
    """What is signed of a FHIR consent: SHA-256("medrec/consent/2" || canonical JSON without `signature`)."""
    value = msgspec.to_builtins(consent)
    del value["signature"]
    return hashlib.sha256(b"medrec/consent/2" + codec.encode_json(value)).digest()


def misfit(consent: FhirConsentManifest) -> str:
    """What does not fit together in who signed a FHIR consent, as a sentence; "" if all does."""
    if (consent.assurance == "delegate") != (consent.acting is not None):
        return "A consent names who acted for the person if, and only if, a delegate signed it."
    if (consent.assurance == "clinic") != (consent.attested is not None):
        return "A consent says who took it down if, and only if, a clinic attests it."
    if consent.acting == consent.account:
        return "Nobody is her own delegate."
    return ""


def revocation_message(nullifier: bytes) -> bytes:
    """What a person signs to take a consent back: SHA-256("medrec/revocation/1" || nullifier)."""
    return hashlib.sha256(b"medrec/revocation/1" + nullifier).digest()
