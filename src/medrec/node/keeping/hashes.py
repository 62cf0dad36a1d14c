"""Hashes of content as they lie in the store: sealed, so that a backup of it tells nobody whether a guess is right.

A record's hash, and that of the manifest that signed it, are looked for by their value, and whoever guesses a record
can compute them. So they stand in the store sealed, the same always the same (AES-SIV, RFC 5297), under a key from the
master key and one secret of the key ring (ring.py). An erasure draws a new secret, seals all hashes anew in its own
transaction and destroys the old one: no backup from before then answers a guess. Lines that are about nobody lie under
a second key of the same secret, for the same reason.
"""

from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sql
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from sqlalchemy import LargeBinary, TypeDecorator
from sqlalchemy.sql import operators

from medrec.node.keeping.vault import Vault, VaultError

PLAIN_BYTES = 32
"""A hash that was never sealed: of a store from before, or of one without keys."""


class _Former(bytes):
    """A hash to look for as it was sealed before the last erasure."""


REMEMBERED_MAX = 20_000


class _Keys:
    """The keys of one secret, and what was sealed and opened under them last: it goes when they go.

    The same hash is asked for again and again (each line's manifest stands in two tables, and each record is read by
    many), and always sealed the same.
    """

    def __init__(self, number: int, siv: AESSIV, common: bytes) -> None:
        self.number, self.common = number, common
        self._siv = siv
        self._sealed: dict[bytes, bytes] = {}
        self._opened: dict[bytes, bytes] = {}

    def seal(self, value: bytes) -> bytes:
        found = self._sealed.get(value)
        if found is None:
            found = self._remember(self._siv.encrypt(value, None), value)[0]
        return found

    def open(self, sealed: bytes) -> bytes:
        """Raises InvalidTag, ValueError."""
        found = self._opened.get(sealed)
        if found is None:
            found = self._remember(sealed, self._siv.decrypt(sealed, None))[1]
        return found

    def _remember(self, sealed: bytes, value: bytes) -> tuple[bytes, bytes]:
        if len(self._sealed) >= REMEMBERED_MAX:
            self._sealed, self._opened = {}, {}
        self._sealed[value], self._opened[sealed] = sealed, value
        return sealed, value


class Hashes:
    """Seals and opens the hashes of one store; readings that began under the key before the present one go on."""

    def __init__(self, vault: Vault, look: Callable[[sql.Connection | None], int | None]) -> None:
        """`look` reads the number of the secret that the store is under now, or was when a reading or a transaction
        began."""
        self._vault = vault
        self._look = look
        self._now: _Keys | None = None
        self._former: _Keys | None = None

    @property
    def number(self) -> int | None:
        """The number of the secret on the ring; None until hashes are sealed."""
        return self._now.number if self._now is not None else None

    def follow(self, connection: sql.Connection | None = None) -> int | None:
        """Use the secret that the store is under now, or in the transaction of a connection, whoever brought it there;
        its number. Raises VaultError."""
        self.use(self._look(connection))
        return self.number

    def use(self, number: int | None) -> None:
        """Seal under this secret from now on, and open what lies under the one before as well. Raises VaultError."""
        if number == self.number:
            return
        siv, common = self._vault.hash_keys(number) if number is not None else (b"", b"")
        self._former, self._now = self._now, _Keys(number, AESSIV(siv), common) if number is not None else None

    def forget(self) -> None:
        """Let the key before go: nobody reads what lay under it."""
        self._former = None

    def seal(self, value: bytes) -> bytes:
        """A hash as it stands in the store."""
        keys = self._former if isinstance(value, _Former) else self._now
        if keys is None:
            return bytes(value)
        return keys.seal(bytes(value))

    def open(self, sealed: bytes) -> bytes:
        """A hash as it is. Raises VaultError if the key is lost."""
        if len(sealed) == PLAIN_BYTES:
            return sealed
        found = self._opened(sealed)
        if found is None:
            # Another process may have erased something.
            self.follow()
            found = self._opened(sealed)
        if found is None:
            raise VaultError("the key of the store's hashes is not there any more")
        return found

    def _opened(self, sealed: bytes) -> bytes | None:
        for keys in (self._now, self._former):
            if keys is not None:
                try:
                    return keys.open(sealed)
                except (InvalidTag, ValueError):
                    continue
        return None

    def again(self, sealed: bytes | None) -> bytes | None:
        """A hash of the store as it is sealed now."""
        return None if sealed is None else self.seal(self.open(bytes(sealed)))

    def common_again(self, sealed: bytes, digest: bytes) -> bytes:
        """What is about nobody as it is sealed now; `digest` is its hash as the store has it."""
        context = self.open(bytes(digest))
        return self.seal_common(self.open_common(bytes(sealed), context), context)

    def seal_common(self, plaintext: bytes, context: bytes) -> bytes:
        """Seal what is about nobody."""
        return self._vault.seal(self._now.common if self._now is not None else None, plaintext, context)

    def open_common(self, sealed: bytes, context: bytes) -> bytes:
        """Open it again; from before there was this key, it lies under the master key. Raises VaultError."""
        for keys in (self._now, self._former):
            if keys is not None:
                try:
                    return self._vault.open(keys.common, sealed, context)
                except VaultError:
                    continue
        return self._vault.open(None, sealed, context)


class Hash(TypeDecorator[bytes]):
    """A column of hashes (32 bytes each), as a statement sees them; the store holds them sealed."""

    impl = LargeBinary
    cache_ok = True

    class comparator_factory(TypeDecorator.Comparator[bytes]):  # noqa: N801  the library's name
        """Looks for a hash as it is sealed now, and as it was before the last erasure."""

        def operate(self, op: Any, *other: Any, **rest: Any) -> Any:
            if op is operators.eq and isinstance(other[0], bytes | memoryview):
                op, other = operators.in_op, ([bytes(other[0])],)
            if op is operators.in_op and isinstance(other[0], Iterable) and not isinstance(other[0], sql.ClauseElement):
                values = [bytes(one) for one in other[0]]
                other = ([*values, *map(_Former, values)],)
            return super().operate(op, *other, **rest)

    def process_bind_param(self, value: bytes | None, dialect: sql.Dialect) -> bytes | None:
        """See TypeDecorator."""
        return None if value is None else sealed_for(dialect, value)

    def process_result_value(self, value: Any | None, dialect: sql.Dialect) -> bytes | None:
        """See TypeDecorator."""
        return None if value is None else opened_for(dialect, value)


def sealed_for(dialect: sql.Dialect, value: bytes) -> bytes:
    """A hash as it stands in the store that this dialect is of."""
    hashes: Hashes | None = getattr(dialect, "hashes", None)
    return bytes(value) if hashes is None else hashes.seal(value)


def opened_for(dialect: sql.Dialect, value: bytes) -> bytes:
    """A hash out of the store that this dialect is of. Raises VaultError."""
    hashes: Hashes | None = getattr(dialect, "hashes", None)
    if hashes is None and len(value) != PLAIN_BYTES:
        raise VaultError("the hashes of this store are sealed, and it was opened without its keys")
    return bytes(value) if hashes is None else hashes.open(bytes(value))
