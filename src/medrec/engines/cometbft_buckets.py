"""The state map cut at depth 8: 256 subtrees, and the root over them (docs/spec/statemap.md, sections 1 and 2).

A slot is b"" or None where no key lies below, the 64 bytes SHA-256(key) || SHA-256(value) of a lonely leaf, or the
32-byte hash of a subtree with two leaves or more.
"""

from collections.abc import Sequence
from hashlib import sha256

from medrec.core.statemap import EMPTY

BUCKETS = 256
_DEPTH = 8

Slot = bytes | None


def bucket_of(key: bytes) -> int:
    """The subtree that a key lies in: the first byte of its path."""
    return sha256(key).digest()[0]


def subtree(leaves: Sequence[bytes], depth: int = _DEPTH) -> Slot:
    """The slot over leaves of 64 bytes, sorted, whose paths share their first `depth` bits."""
    if len(leaves) < 2:
        return leaves[0] if leaves else None
    byte, mask = depth >> 3, 0x80 >> (depth & 7)
    middle = next((i for i, leaf in enumerate(leaves) if leaf[byte] & mask), len(leaves))
    return _join(subtree(leaves[:middle], depth + 1), subtree(leaves[middle:], depth + 1))


def fold(slots: Sequence[bytes]) -> bytes:
    """The root of the map over its 256 slots. Raises ValueError for a slot of another length."""
    if any(len(slot) not in (0, 32, 64) for slot in slots) or len(slots) != BUCKETS:
        raise ValueError("a slot has 0, 32 or 64 bytes, and there are 256")
    row: list[Slot] = [slot or None for slot in slots]
    while len(row) > 1:
        row = [_join(row[i], row[i + 1]) for i in range(0, len(row), 2)]
    return _hash(row[0])


def _join(left: Slot, right: Slot) -> Slot:
    """One level up: a leaf beside nothing moves up as it is, anything else is hashed."""
    for one, other in ((left, right), (right, left)):
        if one is None and (other is None or len(other) == 64):
            return other
    return sha256(b"\x01" + _hash(left) + _hash(right)).digest()


def _hash(slot: Slot) -> bytes:
    if slot is None:
        return EMPTY
    return slot if len(slot) == 32 else sha256(b"\x00medrec/map/1" + slot).digest()
