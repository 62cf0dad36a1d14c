"""How rules read the state, and how their changes pile up before they are kept.

A view is an ordered map from bytes to bytes. A draft lies over a view and holds what was changed; what fails is
dropped with its draft.
"""

from collections.abc import Iterator
from typing import Protocol


class View(Protocol):
    """A point-in-time read of the state."""

    def get(self, key: bytes) -> bytes | None:
        """The value of a key, None if it is not there."""
        ...

    def scan(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values with start <= key < end, in the order of the bytes."""
        ...


class Draft:
    """Changes over a view. A value of None is a deletion."""

    def __init__(self, base: View) -> None:
        self._base = base
        self.changes: dict[bytes, bytes | None] = {}

    def get(self, key: bytes) -> bytes | None:
        """The value as the changes leave it."""
        if key in self.changes:
            return self.changes[key]
        return self._base.get(key)

    def put(self, key: bytes, value: bytes) -> None:
        """Set a value."""
        self.changes[key] = value

    def delete(self, key: bytes) -> None:
        """Remove a key."""
        self.changes[key] = None

    def scan(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The view's keys with the changes laid over them, in the order of the bytes."""
        mine = sorted(key for key in self.changes if start <= key < end)
        position = 0
        for key, value in self._base.scan(start, end):
            while position < len(mine) and mine[position] < key:
                changed = self.changes[mine[position]]
                if changed is not None:
                    yield mine[position], changed
                position += 1
            if position < len(mine) and mine[position] == key:
                continue
            yield key, value
        for key in mine[position:]:
            changed = self.changes[key]
            if changed is not None:
                yield key, changed

    def keep(self, inner: "Draft") -> None:
        """Take over the changes of a draft that was made over this one."""
        self.changes.update(inner.changes)


def prefix_end(prefix: bytes) -> bytes:
    """The first key after all keys that begin with `prefix`, which must not be all 0xff."""
    for index in range(len(prefix) - 1, -1, -1):
        if prefix[index] != 0xFF:
            return prefix[:index] + bytes([prefix[index] + 1])
    raise ValueError("no key lies after this prefix")
