"""Credentials: the keys that may act for an account, and the one function that says whether one of them signed.

A proof is ["ed25519", signature] or ["webauthn", authenticatorData, clientDataJSON, signature]. Where a place has room
for bytes only (a manifest, a request), the proof is packed: the 64 bytes of an Ed25519 signature as they are, anything
else as the CBOR of the array, which is always longer.
"""

from typing import Any, TypeAlias

from medrec.core import codec
from medrec.core.crypto import verify_ed25519
from medrec.core.types import Bytes32, Count, Fields
from medrec.core.webauthn import (
    AUTHENTICATOR_DATA_BYTES_MAX,
    CLIENT_DATA_BYTES_MAX,
    Fault,
    NewPasskey,
    SignatureRefused,
    check_assertion,
    is_usable,
)

PACKED_BYTES_MAX = CLIENT_DATA_BYTES_MAX + AUTHENTICATOR_DATA_BYTES_MAX + 100
_ED25519_BYTES = 64


class NewEd25519(Fields, frozen=True, tag_field="kind", tag="ed25519"):
    """An Ed25519 key as its owner states it."""

    key: Bytes32


class Ed25519Credential(NewEd25519, frozen=True, tag_field="kind", tag="ed25519"):
    """An Ed25519 key that may act for an account; `since` is the height at which it came."""

    since: Count = 0


class Passkey(NewPasskey, frozen=True, tag_field="kind", tag="webauthn"):
    """A passkey that may act for an account; `since` is the height at which it came."""

    since: Count = 0


NewCredential: TypeAlias = NewEd25519 | NewPasskey
Credential: TypeAlias = Ed25519Credential | Passkey


def entered(new: NewCredential, height: int) -> Credential:
    """The record of a credential that comes at this height."""
    if isinstance(new, NewPasskey):
        return Passkey(new.alg, new.backup, new.key, new.origins, new.rp, height)
    return Ed25519Credential(new.key, height)


def stated(credential: NewCredential) -> NewCredential:
    """A credential as its owner stated it, without what the ledger added."""
    if isinstance(credential, NewPasskey):
        return NewPasskey(credential.alg, credential.backup, credential.key, credential.origins, credential.rp)
    return NewEd25519(credential.key)


def can_sign(new: NewCredential) -> bool:
    """Whether a signature under this credential can ever hold, as far as its bytes tell."""
    return not isinstance(new, NewPasskey) or is_usable(new)


def verify_account_signature(credential: NewCredential, digest: bytes, proof: list[Any]) -> None:
    """Raise SignatureRefused unless `proof` is this credential's signature over the 32 bytes of `digest`."""
    if len(digest) != 32:
        raise ValueError(f"a digest has 32 bytes, not {len(digest)}")
    if any(type(part) is not bytes for part in proof[1:]):
        raise SignatureRefused(Fault.PROOF)
    if isinstance(credential, NewPasskey):
        if len(proof) != 4 or proof[0] != "webauthn":
            raise SignatureRefused(Fault.PROOF)
        check_assertion(credential, digest, proof[1], proof[2], proof[3])
    else:
        if len(proof) != 2 or proof[0] != "ed25519" or len(proof[1]) != _ED25519_BYTES:
            raise SignatureRefused(Fault.PROOF)
        if not verify_ed25519(credential.key, digest, proof[1]):
            raise SignatureRefused(Fault.SIGNATURE)


def pack_proof(proof: list[Any]) -> bytes:
    """A proof as bytes."""
    return proof[1] if proof[0] == "ed25519" else codec.encode(proof)


def unpack_proof(data: bytes) -> list[Any]:
    """The proof in packed bytes. Raises SignatureRefused PROOF."""
    if len(data) == _ED25519_BYTES:
        return ["ed25519", data]
    try:
        proof = codec.decode(data, bytes_max=PACKED_BYTES_MAX)
    except codec.CodecError:
        raise SignatureRefused(Fault.PROOF) from None
    if type(proof) is not list or len(proof) < 2 or proof[0] == "ed25519":
        raise SignatureRefused(Fault.PROOF)
    return proof


def signed_by(credential: NewCredential, digest: bytes, packed: bytes) -> bool:
    """Whether packed bytes are this credential's signature over a digest."""
    try:
        verify_account_signature(credential, digest, unpack_proof(packed))
    except SignatureRefused:
        return False
    return True
