"""What the node keeps secret, and how it forgets: every person's manifests and salts lie under a key of her own.

The person's key lies under the node's master key. Whoever destroys the person's key has destroyed every manifest
and salt sealed with it, in the store and in every backup of the store.
"""

import hmac
from collections.abc import Callable
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from medrec.core import codec

KEY_BYTES = 32
NONCE_BYTES = 12


class VaultError(Exception):
    """A secret could not be opened: wrong key, or the bytes were changed."""


class PersonKeys(msgspec.Struct, frozen=True):
    """The keys of one relationship: `relationship` makes tags, `seal` seals ledger fields, `data` seals manifests."""

    relationship: bytes
    seal: bytes
    data: bytes

    def __repr__(self) -> str:
        return "PersonKeys(...)"


class Vault:
    """Seals and opens under the master key and under persons' keys. `random(n)` gives n random bytes."""

    def __init__(self, master: bytes, random: Callable[[int], bytes]) -> None:
        if len(master) != KEY_BYTES:
            raise ValueError(f"a master key has {KEY_BYTES} bytes")
        self._master = master
        self._random = random

    @classmethod
    def at(cls, path: Path, random: Callable[[int], bytes]) -> "Vault":
        """The vault whose master key is in a file of mode 0600, made at the first use."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            temporary = path.with_suffix(".new")
            temporary.touch(mode=0o600)
            temporary.write_bytes(random(KEY_BYTES))
            temporary.rename(path)
        return cls(path.read_bytes(), random)

    def random(self, count: int) -> bytes:
        """Random bytes from the source that the composition root chose."""
        return self._random(count)

    def new_person_keys(self, relationship: bytes | None = None, seal: bytes | None = None) -> PersonKeys:
        """Keys for a relationship; those not given are drawn at random."""
        return PersonKeys(
            relationship or self._random(KEY_BYTES), seal or self._random(KEY_BYTES), self._random(KEY_BYTES)
        )

    def wrap(self, keys: PersonKeys) -> bytes:
        """A person's keys under the master key."""
        return self.seal(self._master, codec.encode([keys.relationship, keys.seal, keys.data]), b"person")

    def unwrap(self, sealed: bytes) -> PersonKeys:
        """A person's keys. Raises VaultError."""
        return PersonKeys(*codec.decode(self.open(self._master, sealed, b"person")))

    def seal(self, key: bytes | None, plaintext: bytes, context: bytes) -> bytes:
        """Nonce and ChaCha20-Poly1305 ciphertext; key None means the master key, `context` must be given again."""
        nonce = self._random(NONCE_BYTES)
        return nonce + ChaCha20Poly1305(key or self._master).encrypt(nonce, plaintext, context)

    def open(self, key: bytes | None, sealed: bytes, context: bytes) -> bytes:
        """The plaintext. Raises VaultError if the key is wrong or a byte was changed."""
        try:
            return ChaCha20Poly1305(key or self._master).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)
        except (InvalidTag, ValueError) as error:
            raise VaultError("the sealed bytes cannot be opened with this key") from error


def derive(secret: bytes, purpose: str, name: str = "") -> bytes:
    """A key for one purpose from a secret: HMAC-SHA256(secret, "medrec/" purpose "/1 " name), 32 bytes."""
    return hmac.digest(secret, f"medrec/{purpose}/1 {name}".encode(), "sha256")


def seal_field(key: bytes, counter: int, plaintext: bytes) -> bytes:
    """The sealed field of an entry: its nonce is the relationship's counter, which is used once."""
    return ChaCha20Poly1305(key).encrypt(counter.to_bytes(NONCE_BYTES, "big"), plaintext, b"medrec/sealed/1")


def open_field(key: bytes, counter: int, sealed: bytes) -> bytes:
    """The plaintext of a sealed field. Raises VaultError."""
    try:
        return ChaCha20Poly1305(key).decrypt(counter.to_bytes(NONCE_BYTES, "big"), sealed, b"medrec/sealed/1")
    except (InvalidTag, ValueError) as error:
        raise VaultError("the sealed field cannot be opened with this key") from error
