"""The RFC 6962 tree: roots, proofs that a leaf is in, proofs that nothing was taken out, and the stored log.

    leaf    SHA-256(0x00 || data)            so that a leaf never passes for a node,
    node    SHA-256(0x01 || left || right)   nor a node for a leaf;
    n > 1   split at the largest power of two below n (RFC 6962 section 2.1).

Everything works on leaf hashes; only `leaf_hash` sees data. The verifiers follow RFC 9162 sections 2.1.3.2
and 2.1.4.2, the subtree forms section 4 of draft-ietf-plants-merkle-tree-certs. `verify_*` answer False to
anything that is not a proof; `root_from_path` and the provers raise ProofError.

The stored log keeps the hash of every complete subtree under `node_key(level, index)`: level 0 are the leaf
hashes, (level, index) covers the leaves index * 2^level to (index + 1) * 2^level - 1. A stored node never
changes, so an append only adds keys, and any proof is read with O(log n) lookups.
"""

import hashlib
import struct
from collections.abc import Callable, Sequence
from typing import TypeAlias

HASH_BYTES = 32
SIZE_MAX = (1 << 63) - 1
EMPTY_ROOT = hashlib.sha256(b"").digest()
NODE_PREFIX = b"log/"

Reader: TypeAlias = Callable[[bytes], bytes | None]
"""Reads the value of a key of the stored log, None where there is none; `view.get` is one."""

_sha256 = hashlib.sha256
_pack_key = struct.Struct(">4sBQ").pack


class ProofError(ValueError):
    """A proof cannot be right or cannot be made; the message says why."""


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 || data)."""
    return _sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return _sha256(b"\x01" + left + right).digest()


# --- a tree held in memory (a batch) ----------------------------------------------------------------------


def root(leaf_hashes: Sequence[bytes]) -> bytes:
    """The root over the leaf hashes; EMPTY_ROOT over none."""
    return _rows(leaf_hashes)[-1][0] if leaf_hashes else EMPTY_ROOT


def inclusion_path(leaf_hashes: Sequence[bytes], index: int) -> list[bytes]:
    """The siblings of leaf `index` from the leaf up (RFC 6962 section 2.1.1). Raises ProofError outside the
    tree.
    """
    if not 0 <= index < len(leaf_hashes):
        raise ProofError(f"there is no leaf {index} in a tree of {len(leaf_hashes)}")
    return _path(_rows(leaf_hashes), index)


def inclusion_paths(leaf_hashes: Sequence[bytes]) -> list[list[bytes]]:
    """The path of every leaf, in order; the tree is hashed once."""
    rows = _rows(leaf_hashes)
    return [_path(rows, index) for index in range(len(leaf_hashes))]


def _rows(leaf_hashes: Sequence[bytes]) -> list[list[bytes]]:
    """The levels of the tree from the leaves up. A node without a sibling rises unchanged, as the RFC's
    split has it.
    """
    rows = [list(leaf_hashes)]
    while len(rows[-1]) > 1:
        row = rows[-1]
        above = [_sha256(b"\x01" + row[i] + row[i + 1]).digest() for i in range(0, len(row) - 1, 2)]
        if len(row) % 2:
            above.append(row[-1])
        rows.append(above)
    return rows


def _path(rows: list[list[bytes]], index: int) -> list[bytes]:
    path = []
    for level, row in enumerate(rows):
        sibling = (index >> level) ^ 1
        if sibling < len(row):
            path.append(row[sibling])
    return path


# --- verification -----------------------------------------------------------------------------------------


def root_from_path(leaf_hash: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that a path implies for leaf `index` of a tree of `size` (RFC 9162 section 2.1.3.2).

    Raises ProofError if the index is not in the tree, the path has the wrong length or a hash is not 32
    bytes.
    """
    if not 0 <= index < size <= SIZE_MAX:
        raise ProofError(f"there is no leaf {index} in a tree of {size}")
    if any(len(part) != HASH_BYTES for part in (leaf_hash, *path)):
        raise ProofError(f"a hash of the path does not have {HASH_BYTES} bytes")
    node, last, value = index, size - 1, leaf_hash
    for sibling in path:
        if last == 0:
            raise ProofError("the path is longer than the tree is high")
        if node & 1 or node == last:
            value = node_hash(sibling, value)
            while not node & 1:  # at the right edge nodes without a sibling rise unchanged
                node, last = node >> 1, last >> 1
        else:
            value = node_hash(value, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise ProofError("the path is shorter than the tree is high")
    return value


def verify_inclusion(leaf_hash: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """True if the path shows the leaf hash at `index` in the tree of `size` leaves with this root."""
    try:
        return root_from_path(leaf_hash, index, size, path) == root
    except ProofError:
        return False


def verify_consistency(size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes) -> bool:
    """True if the tree of size2 starts with the very leaves of the tree of size1 (RFC 9162 section 2.1.4.2).

    False for size1 = 0: every tree extends the empty one, so such a proof would say nothing.
    """
    return size1 > 0 and verify_subtree_consistency(0, size1, size2, proof, root1, root2)


def is_subtree(start: int, end: int) -> bool:
    """True if the leaves start to end - 1 can be a subtree: start is a multiple of the power of two at or
    above their number. An empty range is a subtree anywhere.
    """
    if not 0 <= start <= end <= SIZE_MAX:
        return False
    return start == end or start % (1 << (end - start - 1).bit_length()) == 0


def verify_subtree_inclusion(
    leaf_hash: bytes, index: int, start: int, end: int, path: Sequence[bytes], subtree_root: bytes
) -> bool:
    """True if the path shows the leaf hash in the subtree of leaves start to end - 1.

    `index` counts from the first leaf of the whole log.
    """
    if not is_subtree(start, end) or index < start:
        return False
    return verify_inclusion(leaf_hash, index - start, end - start, path, subtree_root)


def verify_subtree_consistency(
    start: int, end: int, size: int, proof: Sequence[bytes], subtree_root: bytes, root: bytes
) -> bool:
    """True if the tree of `size` leaves holds the subtree of leaves start to end - 1 unchanged.

    An empty subtree is part of every tree: its root is EMPTY_ROOT, its proof empty, and nothing is said
    about `root`.
    """
    if not is_subtree(start, end) or not end <= size <= SIZE_MAX:
        return False
    if start == end:
        return not proof and subtree_root == EMPTY_ROOT
    return _climb(start, end, size, proof, subtree_root) == (subtree_root, root)


def implied_old_root(size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes) -> bytes | None:
    """The root that a tree of size2 with root2 had at size1, as its own proof shows; None if the proof does not lead
    to root2.

    Another root than root1 shows that the two heads are of two histories. Where size1 is a power of two the proof
    leaves the old root out, and then only root1 itself can be found.
    """
    if not 0 < size1 <= size2 <= SIZE_MAX:
        return None
    climbed = _climb(0, size1, size2, proof, root1)
    return climbed[0] if climbed is not None and climbed[1] == root2 else None


def _climb(start: int, end: int, size: int, proof: Sequence[bytes], subtree_root: bytes) -> tuple[bytes, bytes] | None:
    """The roots of the old range and of the whole tree that a proof implies; None for what is no proof."""
    # When each part of the proof has 32 bytes, a root of another length equals nothing computed from it.
    if any(len(part) != HASH_BYTES for part in proof):
        return None
    first, last, top = start, end - 1, size - 1
    # Climb to the largest complete subtree at the right edge of the old range: the proof starts there.
    while first != last and (last == top or last & 1):
        first, last, top = first >> 1, last >> 1, top >> 1
    if first == last:
        old = new = subtree_root
        rest = proof
    elif proof:
        old = new = proof[0]
        rest = proof[1:]
    else:
        return None
    for sibling in rest:
        if top == 0:
            return None
        if last & 1 or last == top:
            if first < last:
                old = node_hash(sibling, old)
            new = node_hash(sibling, new)
            while not last & 1:
                first, last, top = first >> 1, last >> 1, top >> 1
        else:
            new = node_hash(new, sibling)
        first, last, top = first >> 1, last >> 1, top >> 1
    return (old, new) if top == 0 else None


# --- the stored log ---------------------------------------------------------------------------------------


def node_key(level: int, index: int) -> bytes:
    """ "log/" || level (1 byte) || index (8 bytes big-endian), 13 bytes."""
    return _pack_key(NODE_PREFIX, level, index)


def append(get: Reader, size: int, leaf_hashes: Sequence[bytes]) -> dict[bytes, bytes]:
    """What to write so that a log of `size` leaves also holds these leaf hashes: every subtree they complete.

    Reads at most one node per level. Raises ProofError if a node of the old log is missing or the log would
    be full.
    """
    if not 0 <= size <= SIZE_MAX - len(leaf_hashes):
        raise ProofError(f"a log of {size} leaves cannot take {len(leaf_hashes)} more")
    if any(len(leaf) != HASH_BYTES for leaf in leaf_hashes):
        raise ProofError(f"a leaf hash does not have {HASH_BYTES} bytes")
    writes: dict[bytes, bytes] = {}
    level, first, row = 0, size, list(leaf_hashes)
    while row:
        for index, value in enumerate(row, first):
            writes[_pack_key(NODE_PREFIX, level, index)] = value
        if first & 1:  # the first new node is a right child: its left sibling is stored already
            first -= 1
            row.insert(0, _node(get, level, first))
        row = [_sha256(b"\x01" + row[i] + row[i + 1]).digest() for i in range(0, len(row) - 1, 2)]
        level, first = level + 1, first >> 1
    return writes


def log_root(get: Reader, size: int) -> bytes:
    """The root of the first `size` leaves of the stored log. Raises ProofError if a node is missing."""
    if not 0 <= size <= SIZE_MAX:
        raise ProofError(f"{size} is not the size of a log")
    return _range_root(get, 0, size) if size else EMPTY_ROOT


def inclusion_proof(get: Reader, index: int, size: int) -> list[bytes]:
    """The path of leaf `index` in the tree of the first `size` leaves. Raises ProofError outside it."""
    if not 0 <= index < size <= SIZE_MAX:
        raise ProofError(f"there is no leaf {index} in a tree of {size}")
    path = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range_root(get, middle, end))
            end = middle
        else:
            path.append(_range_root(get, start, middle))
            start = middle
    return path[::-1]


def consistency_proof(get: Reader, old: int, new: int) -> list[bytes]:
    """The proof that the first `new` leaves extend the first `old` (RFC 6962 section 2.1.2); empty if they
    are equal.

    Raises ProofError unless 1 <= old <= new.
    """
    if not 1 <= old <= new <= SIZE_MAX:
        raise ProofError(f"no proof leads from a tree of {old} to a tree of {new}")
    proof = []
    start, end = 0, new
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            proof.append(_range_root(get, middle, end))
            end = middle
        else:
            proof.append(_range_root(get, start, middle))
            start = middle
    if start:  # the verifier knows the old root, but not this part of it
        proof.append(_range_root(get, start, end))
    return proof[::-1]


def _split(size: int) -> int:
    """The largest power of two below `size`, which is at least 2."""
    return 1 << (size - 1).bit_length() - 1


def _range_root(get: Reader, start: int, end: int) -> bytes:
    """The root over the leaves start to end - 1, a range that the RFC's splitting reaches: complete
    subtrees, each smaller than the one on its left, joined from the right.
    """
    parts = []
    while start < end:
        level = (end - start).bit_length() - 1
        parts.append(_node(get, level, start >> level))
        start += 1 << level
    value = parts.pop()
    while parts:
        value = node_hash(parts.pop(), value)
    return value


def _node(get: Reader, level: int, index: int) -> bytes:
    value = get(node_key(level, index))
    if value is None:
        raise ProofError(f"the stored log has no node {index} at level {level}")
    return value
