"""The consents that stand of a person, in the form in which they are asked of the ledger at every read."""

from collections.abc import Iterable
from typing import NamedTuple


class Given(NamedTuple):
    """Consents, by their SHA-256, and what is asked of them at every read: their names and their nullifiers."""

    consents: tuple[tuple[str, bytes], ...]
    names: tuple[str, ...]
    nullifiers: tuple[bytes, ...]

    @classmethod
    def read(cls, text: str) -> "Given":
        """From hash and nullifier of each, in any order, all in hex."""
        data = bytes.fromhex(text)
        return cls.of((data[at : at + 32], data[at + 32 : at + 64]) for at in range(0, len(data), 64))

    @classmethod
    def of(cls, rows: Iterable[tuple[bytes, bytes]]) -> "Given":
        """From hash and nullifier of each, in any order."""
        consents = tuple(sorted((digest.hex(), nullifier) for digest, nullifier in rows))
        return cls(consents, tuple(name for name, _ in consents), tuple(nullifier for _, nullifier in consents))
