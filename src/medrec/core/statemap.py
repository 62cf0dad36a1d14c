"""The state map: an authenticated map from byte keys to byte values (docs/spec/statemap.md).

A compact sparse binary Merkle tree. The path of a key is SHA-256(key), most significant bit first, and its leaf
sits at the shallowest depth where no other key shares the prefix. The root is therefore a function of the
content alone: the order of updates leaves no trace, and a deletion moves the lonely neighbour back up.

    leaf  = SHA-256(0x00 || "medrec/map/1" || SHA-256(key) || SHA-256(value))
    inner = SHA-256(0x01 || left || right)
    empty = 32 zero bytes

Hashing is binary; storage is not. Four binary levels share one stored page of sixteen slots, so that a key costs
about a quarter of the reads. A page exists exactly where two or more leaves lie below it (and at the top when
the map is not empty), hence the set of stored pages is a function of the content as well. A slot holds nothing,
the 64 bytes SHA-256(key) || SHA-256(value) of the only leaf below it, or the 32-byte hash of the page below it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

__all__ = [
    "EMPTY",
    "MAX_DEPTH",
    "NODE_PREFIX",
    "CorruptMapError",
    "Get",
    "Proof",
    "prove",
    "root",
    "update",
    "verify_absence",
    "verify_inclusion",
]

Get = Callable[[bytes], bytes | None]
"""Reads one value of the ordered key-value store, None when the key is absent."""

EMPTY: Final = bytes(32)
"""The hash of a subtree without leaves, and the root of the empty map."""

MAX_DEPTH: Final = 256
"""The number of bits of a path; no proof has more siblings."""

NODE_PREFIX: Final = b"map/"
"""Every page key starts with these bytes; nothing else in the store may."""

_LEAF: Final = b"\x00medrec/map/1"
_INNER: Final = b"\x01"
_LEVELS: Final = 4
_SLOTS: Final = 1 << _LEVELS
_FULL: Final = b"\xff\xff\x00\x00"  # the masks of a page with sixteen pages below it, as most upper pages are
_FULL_BYTES: Final = 4 + 32 * _SLOTS
_PAGE_KEYS: Final = tuple(NODE_PREFIX + bytes((depth,)) for depth in range(MAX_DEPTH))

_Slot = bytes | None  # None: no leaf below; 64 bytes: the only leaf below; 32 bytes: hash of two or more leaves


class CorruptMapError(Exception):
    """The store holds a page that this module cannot have written, or misses one (spec section 4)."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What lies beside the path of one key (spec section 3).

    siblings: 32-byte hashes beside the path, from the root downwards, at most 256.
    other: only for absence, when the path ends at the leaf of another key: (SHA-256(key), SHA-256(value)) of it.
    """

    siblings: tuple[bytes, ...]
    other: tuple[bytes, bytes] | None = None

    def to_value(self) -> list[bytes]:
        """The wire form: the other leaf (64 bytes, or none), then the siblings."""
        return [b"" if self.other is None else b"".join(self.other), *self.siblings]

    @classmethod
    def from_value(cls, value: object) -> Proof:
        """The inverse of `to_value`; ValueError for anything that `to_value` does not return."""
        if not isinstance(value, list) or not 1 <= len(value) <= MAX_DEPTH + 1:
            raise ValueError("a map proof is a list of 1 to 257 byte strings")
        if not all(type(item) is bytes for item in value):
            raise ValueError("a map proof holds byte strings only")
        other, *siblings = value
        if len(other) not in (0, 64):
            raise ValueError("the other leaf of a map proof has 0 or 64 bytes")
        if any(len(sibling) != 32 for sibling in siblings):
            raise ValueError("a sibling of a map proof has 32 bytes")
        return cls(tuple(siblings), (other[:32], other[32:]) if other else None)


def update(get: Get, changes: Mapping[bytes, bytes | None]) -> tuple[dict[bytes, bytes | None], bytes]:
    """Set (bytes) or delete (None) keys in one batch; return (page writes, new root).

    A write of None deletes the page. Nothing is stored here: the caller applies the writes to the store behind
    `get`. Each page on a changed path is read and hashed once per call, whatever the number of keys below it.
    Deleting a key that is not there changes nothing. Raises CorruptMapError.
    """
    # A change is SHA-256(key) || SHA-256(value) to set, the form of a leaf slot, and SHA-256(key) to delete.
    batch = sorted(
        sha256(key).digest() + (b"" if value is None else sha256(value).digest()) for key, value in changes.items()
    )
    writes: dict[bytes, bytes | None] = {}
    top = _change_page(get, writes, 0, get(_PAGE_KEYS[0]), batch)
    return writes, _hash(top)


def root(get: Get) -> bytes:
    """The 32-byte root of the stored map; EMPTY for the empty map. One read. Raises CorruptMapError."""
    return _hash(_fold(_unpack(get(_PAGE_KEYS[0]))))


def prove(get: Get, key: bytes) -> Proof:
    """The proof that `key` is present, or that it is absent, whichever is true. Raises CorruptMapError."""
    path = sha256(key).digest()
    siblings: list[bytes] = []
    slots = _unpack(get(_PAGE_KEYS[0]))
    depth = 0
    while True:
        end = _walk_page(slots, _index(path, depth), siblings)
        if end is None:
            return Proof(tuple(siblings))
        if len(end) == 64:
            return Proof(tuple(siblings), None if end[:32] == path else (end[:32], end[32:]))
        depth += _LEVELS
        slots = _unpack(_read(get, depth, path))


def verify_inclusion(root: bytes, key: bytes, value: bytes, proof: Proof) -> bool:
    """Whether the map with this root holds exactly `value` under `key`. Never raises on a malformed proof."""
    if not _well_formed(proof) or proof.other is not None:
        return False
    path = sha256(key).digest()
    return _climb(path, _leaf_hash(path + sha256(value).digest()), proof.siblings) == root


def verify_absence(root: bytes, key: bytes, proof: Proof) -> bool:
    """Whether the map with this root holds nothing under `key`. Never raises on a malformed proof."""
    if not _well_formed(proof):
        return False
    path = sha256(key).digest()
    if proof.other is None:
        return _climb(path, EMPTY, proof.siblings) == root
    other, value_hash = proof.other
    # The other leaf must sit on the path of this key, and must not be the leaf of this key.
    free = MAX_DEPTH - len(proof.siblings)
    if other == path or int.from_bytes(other, "big") >> free != int.from_bytes(path, "big") >> free:
        return False
    return _climb(path, _leaf_hash(other + value_hash), proof.siblings) == root


def _well_formed(proof: Proof) -> bool:
    if type(proof) is not Proof or type(proof.siblings) is not tuple or len(proof.siblings) > MAX_DEPTH:
        return False
    if not all(type(sibling) is bytes and len(sibling) == 32 for sibling in proof.siblings):
        return False
    # A leaf, or nothing, beside an empty subtree would sit one level higher: no map has such a path.
    if proof.siblings and proof.siblings[-1] == EMPTY:
        return False
    other = proof.other
    if other is None:
        return True
    return type(other) is tuple and len(other) == 2 and all(type(part) is bytes and len(part) == 32 for part in other)


def _climb(path: bytes, node: bytes, siblings: Sequence[bytes]) -> bytes:
    """The root over `node`, which sits at depth len(siblings) on `path`."""
    bits = int.from_bytes(path, "big") >> (MAX_DEPTH - len(siblings))
    for sibling in reversed(siblings):
        node = _inner_hash(sibling, node) if bits & 1 else _inner_hash(node, sibling)
        bits >>= 1
    return node


def _change_page(
    get: Get, writes: dict[bytes, bytes | None], depth: int, stored: bytes | None, batch: Sequence[bytes]
) -> _Slot:
    """Apply a sorted batch, all of whose paths share their first `depth` bits, to the page there.

    `stored` is the page as it is now, None when there is none. Returns what is left for the slot above.
    """
    slots = _unpack(stored)
    byte, shift = depth >> 3, 4 - (depth & 4)
    start, count = 0, len(batch)
    while start < count:
        index = batch[start][byte] >> shift & 15
        end = start + 1
        while end < count and batch[end][byte] >> shift & 15 == index:
            end += 1
        slots[index] = _change_slot(get, writes, depth + _LEVELS, slots[index], batch[start:end])
        start = end
    top = _fold(slots)
    # A lonely leaf moves to the page above; the top page has none above and keeps it.
    keep = top is not None and (len(top) == 32 or depth == 0)
    page = _pack(slots) if keep else None
    if page != stored:
        writes[_page_key(depth, batch[0])] = page
    return top


def _change_slot(get: Get, writes: dict[bytes, bytes | None], depth: int, slot: _Slot, batch: Sequence[bytes]) -> _Slot:
    """Apply a sorted batch, all of it below one slot, and return the new slot; `depth` is that of its page."""
    if slot is not None and len(slot) == 32:
        return _change_page(get, writes, depth, _read(get, depth, batch[0]), batch)
    leaves = [change for change in batch if len(change) == 64]
    if slot is not None and all(change[:32] != slot[:32] for change in batch):
        leaves.append(slot)
        leaves.sort()
    if len(leaves) < 2:
        return leaves[0] if leaves else None
    return _change_page(get, writes, depth, None, leaves)


def _walk_page(slots: list[_Slot], index: int, siblings: list[bytes]) -> _Slot:
    """Walk down one page towards slot `index`, adding the siblings; return where the path ends or leaves it."""
    levels = [slots]
    while len(levels[-1]) > 1:
        levels.append(_fold_once(levels[-1]))
    node = levels[_LEVELS][0]
    for level in range(_LEVELS - 1, -1, -1):
        if node is None or len(node) == 64:
            break
        place = index >> level
        siblings.append(_hash(levels[level][place ^ 1]))
        node = levels[level][place]
    return node


def _fold(slots: list[_Slot]) -> _Slot:
    while len(slots) > 1:
        slots = _fold_once(slots)
    return slots[0]


def _fold_once(slots: list[_Slot]) -> list[_Slot]:
    """One binary level up: a leaf beside nothing moves up as it is, anything else is hashed."""
    above: list[_Slot] = []
    pairs = iter(slots)
    for left, right in zip(pairs, pairs, strict=True):
        if left is None:
            above.append(right if right is None or len(right) == 64 else _inner_hash(EMPTY, right))
        elif right is None:
            above.append(left if len(left) == 64 else _inner_hash(left, EMPTY))
        else:
            if len(left) == 64:
                left = sha256(_LEAF + left).digest()
            if len(right) == 64:
                right = sha256(_LEAF + right).digest()
            above.append(sha256(_INNER + left + right).digest())
    return above


def _hash(slot: _Slot) -> bytes:
    if slot is None:
        return EMPTY
    return slot if len(slot) == 32 else _leaf_hash(slot)


def _inner_hash(left: bytes, right: bytes) -> bytes:
    return sha256(_INNER + left + right).digest()


def _leaf_hash(leaf: bytes) -> bytes:
    return sha256(_LEAF + leaf).digest()


def _index(path: bytes, depth: int) -> int:
    """The slot of `path` in its page at `depth`."""
    return path[depth >> 3] >> (4 - (depth & 4)) & 15


def _page_key(depth: int, path: bytes) -> bytes:
    """ "map/" || depth (1 byte) || the first `depth` bits of the path, filled with zero bits to whole bytes."""
    whole = depth >> 3
    if depth & 4:
        return _PAGE_KEYS[depth] + path[:whole] + bytes((path[whole] & 0xF0,))
    return _PAGE_KEYS[depth] + path[:whole]


def _read(get: Get, depth: int, path: bytes) -> bytes:
    page = get(_page_key(depth, path)) if depth < MAX_DEPTH else None
    if page is None:
        raise CorruptMapError(f"the page at depth {depth} of path {path[:32].hex()} is missing")
    return page


def _pack(slots: list[_Slot]) -> bytes:
    """Two 16-bit masks, big-endian, bit 15 for slot 0: the filled slots, the leaves among them; then the slots."""
    filled = leaves = 0
    for slot in slots:
        filled <<= 1
        leaves <<= 1
        if slot is not None:
            filled |= 1
            if len(slot) == 64:
                leaves |= 1
    return (filled << 16 | leaves).to_bytes(4, "big") + b"".join([slot for slot in slots if slot is not None])


def _unpack(page: bytes | None) -> list[_Slot]:
    """The sixteen slots of a page; all empty for None."""
    slots: list[_Slot] = [None] * _SLOTS
    if page is None:
        return slots
    if len(page) == _FULL_BYTES and page.startswith(_FULL):
        return [page[start : start + 32] for start in range(4, _FULL_BYTES, 32)]
    filled, leaves = int.from_bytes(page[:2], "big"), int.from_bytes(page[2:4], "big")
    start = 4
    for index in range(_SLOTS):
        bit = 0x8000 >> index
        if filled & bit:
            end = start + (64 if leaves & bit else 32)
            slots[index] = page[start:end]
            start = end
    if start != len(page) or leaves & ~filled:
        raise CorruptMapError("a page does not have the length that its masks demand")
    return slots
