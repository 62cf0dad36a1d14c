"""Helpers: a person lets somebody act for her, a clinic states that somebody may, an end of it, and what was done so.

A delegation names who (an account, or an organisation that helps people and names its staff), what for, of which kinds,
until when, and on what basis. It is never passed on: whoever it names acts, nobody else.
"""

import hashlib
from typing import Annotated, Literal

import msgspec

from medrec.core import codec
from medrec.core.manifests.consent import KeyId, Signature
from medrec.core.manifests.record import FhirType, Hex16, Hex32
from medrec.core.manifests.sharing import ShareManifest
from medrec.core.types import Fields, OrganisationId, TimeMs

__all__ = [
    "ActingManifest", "Clerk", "Delegation", "DelegationEndManifest", "DelegationManifest", "DelegationRest",
    "DelegationRestManifest", "Right", "ShareManifest", "decode_delegation", "delegation_end_message",
    "delegation_message", "delegation_rest_message", "encode_delegation",
]  # fmt: skip

Right = Literal["look", "consent", "correct", "add"]
Basis = Literal["consent", "parental", "best-interest", "legal"]
Delegate = Annotated[str, msgspec.Meta(min_length=1, max_length=65)]
BirthDate = Annotated[str, msgspec.Meta(pattern=r"^[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\Z")]
PersonName = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Delegation(Fields, frozen=True):
    """Somebody may act for a person until a time. No types means every type.

    basis `consent`: the person's own credential signed; otherwise the organisation `attested` did, which has seen the
    papers: parental (`born` is the child's date of birth), best-interest, legal. `name` is how the delegate is called
    in every log line. `nullifier` is the hash of the secret that ending it publishes. `signature` (hex) is over
    `delegation_message`; `key` is the key id.
    """

    network: Hex32
    account: str
    time: TimeMs
    delegate: Delegate
    name: PersonName
    rights: Annotated[list[Right], msgspec.Meta(min_length=1, max_length=4)]
    types: Annotated[list[FhirType], msgspec.Meta(max_length=64)]
    until: TimeMs
    basis: Basis
    attested: OrganisationId | None
    born: BirthDate | None
    nullifier: Hex32
    key: KeyId
    signature: Signature = ""


class Clerk(Fields, frozen=True):
    """Who of an organisation's staff saw the papers, or ended a right: her name, her key and its signature (hex) over
    `delegation_message`, or over `delegation_end_message`."""

    name: PersonName
    key: KeyId
    signature: Signature


class DelegationManifest(Fields, frozen=True, omit_defaults=True):
    """A delegation was taken in at an organisation; one signed statement may stand in several journals. `clerk` stands
    where that organisation itself stated it at its desk, `second` where another clerk saw the papers too."""

    manifest: Literal["delegation/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    delegation: Delegation
    clerk: Clerk | None = None
    second: Clerk | None = None


class DelegationEndManifest(Fields, frozen=True, omit_defaults=True):
    """A delegation ended here; its secret goes on the ledger with this line, where the organisation has it. `by` is who
    signed that it should. Where the organisation stated it, `clerk` is who of its staff ended it (a name alone in lines
    of before her key signed), or `followed` the SHA-256 of the delegation that took its place, which a clerk signed."""

    manifest: Literal["delegation-end/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    by: Literal["person", "delegate", "attested"]
    nullifier: Hex32
    key: KeyId
    signature: Signature
    clerk: Clerk | PersonName | None = None
    followed: Hex32 | None = None


class DelegationRest(Fields, frozen=True):
    """A person lets a helper's right rest, or go on: her own key says so, over `delegation_rest_message`.

    `delegation` is the SHA-256 of the delegation; `time` orders her words.
    """

    network: Hex32
    account: str
    time: TimeMs
    delegation: Hex32
    action: Literal["rest", "go-on"]
    key: KeyId
    signature: Signature = ""


class DelegationRestManifest(Fields, frozen=True):
    """A helper's right rests, or goes on, at an organisation."""

    manifest: Literal["delegation-rest/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    stated: DelegationRest


class ActingManifest(Fields, frozen=True):
    """Somebody acted for a person: who, by which delegation (its SHA-256), what she did, and with which record.

    `name` is both names, as in "Bo Berg for Ada Ahlgren". `id` is random: two equal acts are two statements.
    """

    manifest: Literal["acting/1"]
    network: Hex32
    organisation: OrganisationId
    account: str
    time: TimeMs
    delegate: Delegate
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=410)]
    delegation: Hex32
    right: Right
    subject: Annotated[str, msgspec.Meta(max_length=200)]
    id: Hex16


def delegation_message(delegation: Delegation) -> bytes:
    """What is signed of a delegation: SHA-256("medrec/delegation/1" || canonical JSON without `signature`)."""
    value = msgspec.to_builtins(delegation)
    del value["signature"]
    return hashlib.sha256(b"medrec/delegation/1" + codec.encode_json(value)).digest()


def delegation_end_message(nullifier: bytes) -> bytes:
    """What is signed to end a delegation: SHA-256("medrec/delegation-end/1" || nullifier)."""
    return hashlib.sha256(b"medrec/delegation-end/1" + nullifier).digest()


def delegation_rest_message(stated: DelegationRest) -> bytes:
    """What is signed: SHA-256("medrec/delegation-rest/1" || canonical JSON without `signature`)."""
    value = msgspec.to_builtins(stated)
    del value["signature"]
    return hashlib.sha256(b"medrec/delegation-rest/1" + codec.encode_json(value)).digest()


def encode_delegation(delegation: Delegation) -> bytes:
    """The canonical bytes of a delegation, its signature included; their SHA-256 names it."""
    return codec.encode_json(msgspec.to_builtins(delegation))


def decode_delegation(data: bytes) -> Delegation:
    """The delegation in canonical bytes. Raises ValueError."""
    try:
        return msgspec.convert(codec.decode_json(data), Delegation)
    except (codec.CodecError, msgspec.ValidationError) as error:
        raise ValueError(str(error)) from None
