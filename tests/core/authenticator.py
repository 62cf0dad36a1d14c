"""A passkey in software: makes the assertions a phone would make, and on request those that it never should."""

import base64
import hashlib
import json
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from nacl.signing import SigningKey

from medrec.core.credential import pack_proof
from medrec.core.crypto import P256_ORDER, key_id, p256_der, p256_integers
from medrec.core.webauthn import low_s

RP, ORIGIN = "medrec.example", "https://medrec.example"
UP, UV, BE, BS, AT, ED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80
Signs = ec.ECDSA(SHA256(), deterministic_signing=True)


def hash_of(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


class Authenticator:
    """One passkey whose key follows from a name. `flags` and `count` are what it reports when it signs."""

    def __init__(
        self,
        name: str,
        *,
        alg: int = -7,
        rp: str = RP,
        origins: tuple[str, ...] = (ORIGIN,),
        flags: int = UP | UV,
        count: int = 0,
    ) -> None:
        seed = hash_of("authenticator " + name)
        self.alg, self.rp, self.origins, self.flags, self.count = alg, rp, origins, flags, count
        self._p256 = ec.derive_private_key(int.from_bytes(seed, "big") % (P256_ORDER - 1) + 1, ec.SECP256R1())
        self._ed25519 = SigningKey(seed)
        numbers = self._p256.public_key().public_numbers()
        self.x, self.y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
        self.public = b"\x04" + self.x + self.y if alg == -7 else bytes(self._ed25519.verify_key)

    @property
    def key_id(self) -> bytes:
        return key_id(self.public)

    @property
    def credential(self) -> dict[str, Any]:
        """The credential as account/create and account/credential-add take it."""
        return {
            "kind": "webauthn",
            "alg": self.alg,
            "backup": bool(self.flags & BE),
            "key": self.public,
            "origins": list(self.origins),
            "rp": hash_of(self.rp),
        }

    def registration(self, credential_id: bytes | None = None) -> bytes:
        """The authenticatorData that came when the passkey was made, under an id (the public key)."""
        name = self.public if credential_id is None else credential_id
        cose = {1: 2, 3: -7, -1: 1, -2: self.x, -3: self.y} if self.alg == -7 else {1: 1, 3: -8, -1: 6, -2: self.public}
        head = hash_of(self.rp) + bytes([self.flags | AT]) + self.count.to_bytes(4, "big")
        return head + bytes(16) + len(name).to_bytes(2, "big") + name + cbor2.dumps(cose)

    def client_data(self, digest: bytes, **changes: Any) -> bytes:
        """The browser's text; a change to None leaves a member out."""
        members: dict[str, Any] = {
            "type": "webauthn.get",
            "challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "origin": self.origins[0],
            "crossOrigin": False,
        }
        members.update(changes)
        kept = {name: value for name, value in members.items() if value is not None}
        return json.dumps(kept, separators=(",", ":"), ensure_ascii=False).encode()

    def authenticator_data(self, **changes: Any) -> bytes:
        flags, extensions = changes.get("flags", self.flags), changes.get("extensions", b"")
        return hash_of(changes.get("rp", self.rp)) + bytes([flags]) + self.count.to_bytes(4, "big") + extensions

    def signature(self, authenticator_data: bytes, client_data: bytes) -> bytes:
        message = authenticator_data + hashlib.sha256(client_data).digest()
        if self.alg == -8:
            return self._ed25519.sign(message).signature
        return low_s(self._p256.sign(message, Signs))

    def proof(self, digest: bytes, client: bytes | None = None, data: bytes | None = None) -> list[Any]:
        """The proof over a digest, or over other client data and authenticator data."""
        client = self.client_data(digest) if client is None else client
        data = self.authenticator_data() if data is None else data
        return ["webauthn", data, client, self.signature(data, client)]

    def sign(self, digest: bytes) -> bytes:
        """The packed proof over a digest."""
        return pack_proof(self.proof(digest))

    def sign_for(self, digest: bytes) -> tuple[bytes, bytes]:
        """Key id and packed proof, as people's agents ask for them."""
        return self.key_id, self.sign(digest)


def high_s(signature: bytes) -> bytes:
    """The other signature that ECDSA takes for the same statement."""
    integers = p256_integers(signature)
    assert integers is not None
    r, s = integers
    return p256_der(r, max(s, P256_ORDER - s))
