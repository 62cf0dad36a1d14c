"""What the node keeps secret, and how it forgets: every person's manifests and salts lie under a key of her own.

The person's keys lie under the node's master key and under her secret on the key ring (ring.py), which is in a file of
its own. Whoever destroys that secret has destroyed every manifest and salt of hers, in the store and in every backup
of the store.
"""

import hmac
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

from medrec.core import codec
from medrec.node.keeping.ring import FileRing, MemoryRing, Ring

KEY_BYTES = 32
NONCE_BYTES, TAG_BYTES = 12, 16
NUMBER_BYTES = 8
KEPT = b"kept/1 "
"""What begins that which is kept under a secret of the ring and names it."""
MARK, MARK_CONTEXT = "master-key-check", b"medrec/master-key-check/1"
"""The setting that holds the mark of the master key that a store belongs to, and what the mark is bound to."""
UNWRAPPED_MAX = 10_000
"""So many persons' keys are kept open in memory: whoever reads asks for the same ones again and again."""


class VaultError(Exception):
    """A secret could not be opened: wrong key, or the bytes were changed."""


class PersonKeys(msgspec.Struct, frozen=True):
    """The keys of one person: `relationship` makes tags, `seal` seals ledger fields, `lines` seals the manifests of
    journal lines, `data` all else that is kept of her. `secret` is the number of her secret on the ring."""

    relationship: bytes
    seal: bytes
    data: bytes
    lines: bytes
    secret: int

    def at_relationship(self, other: "PersonKeys") -> "PersonKeys":
        """The same keys for the relationship of others: what was sealed under `data` and `lines` stays readable."""
        return msgspec.structs.replace(self, relationship=other.relationship, seal=other.seal)

    def __repr__(self) -> str:
        return "PersonKeys(...)"


class Vault:
    """Seals and opens under the master key and under persons' keys. `random(n)` gives n random bytes.

    Without a `ring` the persons' secrets end with the process.
    """

    def __init__(self, master: bytes, random: Callable[[int], bytes], ring: Ring | None = None) -> None:
        if len(master) != KEY_BYTES:
            raise ValueError(f"a master key has {KEY_BYTES} bytes")
        self._master = master
        self._random = random
        self.ring = ring or MemoryRing(random)
        self._unwrapped: dict[int, tuple[bytes, bytes, PersonKeys]] = {}

    @classmethod
    def at(cls, path: Path, random: Callable[[int], bytes]) -> "Vault":
        """The vault whose master key is in a file of mode 0600, made at the first use; the ring lies beside it."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            temporary = path.with_suffix(".new")
            temporary.touch(mode=0o600)
            temporary.write_bytes(random(KEY_BYTES))
            temporary.rename(path)
        return cls(path.read_bytes(), random, FileRing(path.with_suffix(".ring"), random))

    def random(self, count: int) -> bytes:
        """Random bytes from the source that the composition root chose."""
        return self._random(count)

    def new_person_keys(self, relationship: bytes | None = None, seal: bytes | None = None) -> PersonKeys:
        """Keys for a relationship; those not given are drawn at random."""
        chance = self._random
        return PersonKeys(
            relationship or chance(KEY_BYTES),
            seal or chance(KEY_BYTES),
            chance(KEY_BYTES),
            chance(KEY_BYTES),
            self.ring.make(),
        )

    def renewed(self, keys: PersonKeys) -> PersonKeys:
        """The keys of a person of whom a part is forgotten: other keys for what is sealed of her, another secret."""
        chance = self._random
        return msgspec.structs.replace(keys, lines=chance(KEY_BYTES), data=chance(KEY_BYTES), secret=self.ring.make())

    def account_key(self, number: int) -> bytes:
        """The key that follows from a secret for what is kept of somebody who is no patient here.

        Raises VaultError if the secret was destroyed.
        """
        return hmac.digest(self._master, b"medrec/account/1 " + self._secret(number), "sha256")

    def seal_kept(self, number: int, plaintext: bytes, context: bytes) -> bytes:
        """Seal under a secret of the ring, whose number stands before it. Raises VaultError if it was destroyed."""
        return KEPT + number.to_bytes(NUMBER_BYTES, "big") + self.seal(self.account_key(number), plaintext, context)

    def open_kept(self, sealed: bytes, context: bytes) -> bytes:
        """Open what `seal_kept` sealed, or, from before there was a secret for it, what lies under the master key.

        Raises VaultError, also when the secret was destroyed.
        """
        number = kept_under(sealed)
        if number is not None:
            with suppress(VaultError):
                return self.open(self.account_key(number), sealed[len(KEPT) + NUMBER_BYTES :], context)
        return self.open(None, sealed, context)

    def hash_keys(self, number: int) -> tuple[bytes, bytes]:
        """The two keys that follow from a secret for the store's hashes: 64 bytes that they are sealed under, and 32
        for what is about nobody. Raises VaultError if the secret was destroyed."""
        secret = self._secret(number)
        made = hmac.digest(self._master, b"medrec/hashes/1 " + secret, "sha512")
        return made, hmac.digest(self._master, b"medrec/common/1 " + secret, "sha256")

    def said(self, name: str, content: bytes) -> bytes:
        """A mark (32 bytes) of what the record of this name ("Type/id") says: equal for equal contents, and checked
        against a guess by nobody else."""
        key = hmac.digest(self._master, b"medrec/said/1 " + name.encode(), "sha256")
        return hmac.digest(key, content, "sha256")

    def mark(self) -> bytes:
        """What tells this master key from any other when it is kept beside what is sealed under it."""
        return self.seal(None, b"", MARK_CONTEXT)

    def made_mark(self, mark: bytes) -> bool:
        """Whether this is a mark of this master key."""
        try:
            self.open(None, mark, MARK_CONTEXT)
        except VaultError:
            return False
        return True

    def wrap(self, keys: PersonKeys) -> bytes:
        """A person's keys: 8 bytes, the number of her secret; then the keys under the master key and the secret.

        Raises VaultError if the secret was destroyed.
        """
        parts = codec.encode([keys.relationship, keys.seal, keys.data, keys.lines])
        number = keys.secret.to_bytes(NUMBER_BYTES, "big")
        return number + self.seal(self._person_key(keys.secret), parts, b"person")

    def unwrap(self, sealed: bytes) -> PersonKeys:
        """A person's keys. Raises VaultError, also when her secret was destroyed."""
        number = int.from_bytes(sealed[:NUMBER_BYTES], "big")
        # The ring is asked every time: a secret may have been destroyed, by another process too.
        secret = self._secret(number)
        found = self._unwrapped.get(number)
        if found is not None and found[0] == sealed and found[1] == secret:
            return found[2]
        opened = self.open(self._under(secret), sealed[NUMBER_BYTES:], b"person")
        relationship, seal, data, lines = codec.decode(opened)
        keys = PersonKeys(relationship, seal, data, lines, number)
        if len(self._unwrapped) >= UNWRAPPED_MAX:
            self._unwrapped = {}
        self._unwrapped[number] = (sealed, secret, keys)
        return keys

    def destroy(self, number: int) -> None:
        """Forget a person's secret for good, and what was opened with it."""
        self.ring.destroy(number)
        self._unwrapped.pop(number, None)

    def _person_key(self, number: int) -> bytes:
        return self._under(self._secret(number))

    def _secret(self, number: int) -> bytes:
        secret = self.ring.secret(number)
        if secret is None:
            self._unwrapped.pop(number, None)
            raise VaultError("the person's secret was destroyed")
        return secret

    def _under(self, secret: bytes) -> bytes:
        return hmac.digest(self._master, b"medrec/person/1 " + secret, "sha256")

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

    def open_named(self, key: bytes, sealed: bytes, name: Callable[[bytes], bytes]) -> bytes:
        """The plaintext of what is bound to a context that follows from the plaintext. Raises VaultError."""
        # The cipher's own stream begins at block 1 (RFC 8439, 2.8); what comes of it is checked before it is given.
        stream = Cipher(ChaCha20(key, (1).to_bytes(4, "little") + sealed[:NONCE_BYTES]), mode=None).decryptor()
        return self.open(key, sealed, name(stream.update(sealed[NONCE_BYTES:-TAG_BYTES])))


def kept_under(sealed: bytes) -> int | None:
    """The number of the secret that something lies under; None for the master key alone."""
    start = len(KEPT)
    return int.from_bytes(sealed[start : start + NUMBER_BYTES], "big") if sealed.startswith(KEPT) else None


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


def noise(vault: Vault, summary: list[Any]) -> bytes:
    """A sealed field that nobody can open, as long as the real one would be."""
    return seal_field(vault.random(KEY_BYTES), 0, codec.encode(summary))
