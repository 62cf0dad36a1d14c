"""Who asks for an organisation: the credential of a practitioner or of a program, and the assertion for one request.

An organisation signs the credential with its signing key: it answers for the name, the role, and for whoever holds
the key in it. With that key the practitioner signs each single request; nobody else's request can be made of it.
"""

import hashlib
from typing import Annotated, Literal

import msgspec

from medrec.core import codec
from medrec.core.manifests.access import PractitionerId, Request, Role
from medrec.core.manifests.record import Hex32
from medrec.core.types import Fields, OrganisationId, TimeMs

LIFE_MS_MAX = 24 * 3_600_000
"""How long a credential may be valid: a long shift."""


class Credential(Fields, frozen=True):
    """An organisation answers for somebody who asks in its name, from `since` until before `until` (ms).

    `id` is how the organisation names her, unique inside it; `role` is "system|code" (SNOMED CT, HL7 v3-RoleCode,
    ...); a `machine` is a program that asks with no person in front of it. `key` is her Ed25519 public key,
    `signature` (hex) the organisation's over `credential_message`.
    """

    credential: Literal["practitioner/1"]
    network: Hex32
    organisation: OrganisationId
    id: PractitionerId
    name: Annotated[str, msgspec.Meta(max_length=200)]
    role: Role
    machine: bool
    since: TimeMs
    until: TimeMs
    key: Hex32
    signature: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{128})?\Z")] = ""


def credential_message(credential: Credential) -> bytes:
    """What an organisation signs: "medrec/practitioner/1" || SHA-256(canonical JSON without `signature`)."""
    value = msgspec.to_builtins(credential)
    del value["signature"]
    return b"medrec/practitioner/1" + hashlib.sha256(codec.encode_json(value)).digest()


def assertion_message(network: bytes, holder: str, account: str, expires: int, request: Request) -> bytes:
    """What a practitioner signs for one request to one organisation (`holder`) about one account.

    SHA-256("medrec/assertion/1" || canonical JSON of network, holder, account, expires and the whole request).
    """
    stated = {
        "account": account,
        "expires": expires,
        "holder": holder,
        "network": network.hex(),
        "request": msgspec.to_builtins(request),
    }
    return hashlib.sha256(b"medrec/assertion/1" + codec.encode_json(stated)).digest()
