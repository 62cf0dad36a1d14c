"""The key ring: one small secret a person, in a file of its own, so that forgetting her is forgetting 32 bytes.

A person's keys lie in the store under the master key *and* her secret here. The store may be backed up as often as its
operator likes; the ring is not in those backups. Whoever destroys the secret has destroyed what it opens, in the store
and in every backup of the store.

The file: 8 bytes, the number of the next secret that was never given out; then 32 bytes a secret. Zeros are none.
"""

import fcntl
import os
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

SECRET_BYTES = 32
HEAD_BYTES = 8
BLOCK = 256
"""So many secrets are drawn and made durable at once."""


class Ring(Protocol):
    """Numbered secrets."""

    def make(self) -> int:
        """The number of a new secret."""
        ...

    def secret(self, number: int) -> bytes | None:
        """A secret; None if there is none of this number, or no longer."""
        ...

    def is_destroyed(self, number: int) -> bool:
        """Whether a secret of this number was given out and destroyed; not where a ring is cut short."""
        ...

    def destroy(self, number: int) -> None:
        """Forget a secret for good; durable when this returns."""
        ...


class MemoryRing:
    """A ring that ends with the process."""

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._random = random
        self._secrets: list[bytes | None] = []

    def make(self) -> int:
        """See Ring."""
        self._secrets.append(self._random(SECRET_BYTES))
        return len(self._secrets) - 1

    def secret(self, number: int) -> bytes | None:
        """See Ring."""
        return self._secrets[number] if 0 <= number < len(self._secrets) else None

    def is_destroyed(self, number: int) -> bool:
        """See Ring."""
        return 0 <= number < len(self._secrets) and self._secrets[number] is None

    def destroy(self, number: int) -> None:
        """See Ring."""
        self._secrets[number] = None


class FileRing:
    """A ring in a file of mode 0600. Several processes may use it: each draws secrets of its own."""

    def __init__(self, path: Path, random: Callable[[int], bytes]) -> None:
        self._random = random
        self._lock = threading.Lock()
        # What an earlier process drew and did not give out is passed over: no two people share a secret.
        self._next = self._drawn = 0
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        weakref.finalize(self, os.close, self._file)

    def make(self) -> int:
        """See Ring."""
        with self._lock:
            if self._next == self._drawn:
                self._draw()
            self._next += 1
            return self._next - 1

    def _draw(self) -> None:
        secrets = b"".join(self._random(SECRET_BYTES) for _ in range(BLOCK))
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            first = int.from_bytes(os.pread(self._file, HEAD_BYTES, 0), "big")
            os.pwrite(self._file, secrets, _place(first))
            os.pwrite(self._file, (first + BLOCK).to_bytes(HEAD_BYTES, "big"), 0)
            os.fsync(self._file)
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        self._next, self._drawn = first, first + BLOCK

    def secret(self, number: int) -> bytes | None:
        """See Ring."""
        if number < 0:
            return None
        found = os.pread(self._file, SECRET_BYTES, _place(number))
        return found if len(found) == SECRET_BYTES and found != bytes(SECRET_BYTES) else None

    def is_destroyed(self, number: int) -> bool:
        """See Ring."""
        drawn = int.from_bytes(os.pread(self._file, HEAD_BYTES, 0), "big")
        return 0 <= number < drawn and os.pread(self._file, SECRET_BYTES, _place(number)) == bytes(SECRET_BYTES)

    def destroy(self, number: int) -> None:
        """See Ring. The place is overwritten twice: with chance, then with zeros."""
        for data in (self._random(SECRET_BYTES), bytes(SECRET_BYTES)):
            os.pwrite(self._file, data, _place(number))
            os.fsync(self._file)


def ring_bytes(number: int) -> int:
    """How long the file of a ring is at least that has given out a secret of this number."""
    return _place(number) + SECRET_BYTES


def _place(number: int) -> int:
    return HEAD_BYTES + number * SECRET_BYTES
