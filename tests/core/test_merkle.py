"""The RFC 6962 tree: published proofs, published logs, and the stored log against plain recursion."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medrec.core import merkle


def leaves(count: int) -> list[bytes]:
    return [merkle.leaf_hash(str(number).encode()) for number in range(count)]


def stored(count: int) -> dict[bytes, bytes]:
    return merkle.append({}.get, 0, leaves(count))


# The recursion of RFC 6962 section 2.1, written from its text and from nothing else in this package.


def split(count: int) -> int:
    k = 1
    while k * 2 < count:
        k *= 2
    return k


def mth(hashes: list[bytes]) -> bytes:
    if len(hashes) == 1:
        return hashes[0]
    k = split(len(hashes))
    return merkle.node_hash(mth(hashes[:k]), mth(hashes[k:]))


def path(m: int, hashes: list[bytes]) -> list[bytes]:
    if len(hashes) == 1:
        return []
    k = split(len(hashes))
    if m < k:
        return [*path(m, hashes[:k]), mth(hashes[k:])]
    return [*path(m - k, hashes[k:]), mth(hashes[:k])]


def subproof(m: int, hashes: list[bytes], whole: bool) -> list[bytes]:
    if m == len(hashes):
        return [] if whole else [mth(hashes)]
    k = split(len(hashes))
    if m <= k:
        return [*subproof(m, hashes[:k], whole), mth(hashes[k:])]
    return [*subproof(m - k, hashes[k:], False), mth(hashes[:k])]


# --- published proofs -----------------------------------------------------------------------------------


def cases(shared: Path, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((shared / "vectors" / "merkle" / f"{name}.json").read_text())["cases"]
    return found


def b64(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def proof_of(case: dict[str, Any]) -> list[bytes]:
    return [b64(part) for part in case["proof"] or []]


def judge(found: list[dict[str, Any]], verdicts: list[bool]) -> tuple[int, int]:
    wrong = [case["name"] for case, held in zip(found, verdicts, strict=True) if held == case["wantErr"]]
    assert wrong == []
    return sum(verdicts), len(verdicts) - sum(verdicts)


def test_published_inclusion_proofs(shared: Path) -> None:
    found = cases(shared, "inclusion")
    verdicts = [
        merkle.verify_inclusion(b64(c["leafHash"]), c["leafIdx"], c["treeSize"], proof_of(c), b64(c["root"]))
        for c in found
    ]
    assert judge(found, verdicts) == (6, 92)


def test_published_consistency_proofs(shared: Path) -> None:
    found = cases(shared, "consistency")
    verdicts = [
        merkle.verify_consistency(c["size1"], c["size2"], proof_of(c), b64(c["root1"]), b64(c["root2"])) for c in found
    ]
    assert judge(found, verdicts) == (6, 92)


def test_published_subtree_inclusion_proofs(shared: Path) -> None:
    found = cases(shared, "subtreeinclusion")
    verdicts = [
        merkle.verify_subtree_inclusion(
            b64(c["leafHash"]), c["leafIdx"], c["start"], c["end"], proof_of(c), b64(c["root"])
        )
        for c in found
    ]
    assert judge(found, verdicts) == (12, 192)


def test_published_subtree_consistency_proofs(shared: Path) -> None:
    found = cases(shared, "subtreeconsistency")
    verdicts = [
        merkle.verify_subtree_consistency(
            c["start"], c["end"], c["size"], proof_of(c), b64(c["root1"]), b64(c["root2"])
        )
        for c in found
    ]
    assert judge(found, verdicts) == (12, 106)


# --- published logs -------------------------------------------------------------------------------------


def body(checkpoint: Path) -> tuple[int, bytes]:
    lines = checkpoint.read_text().split("\n")
    return int(lines[1]), b64(lines[2])


def entries(bundle: bytes) -> list[bytes]:
    found = []
    while bundle:
        length = int.from_bytes(bundle[:2], "big")
        found.append(bundle[2 : 2 + length])
        bundle = bundle[2 + length :]
    return found


def test_tessera_log_recomputes_at_every_size(shared: Path) -> None:
    folder = shared / "vectors" / "tlog-tiles" / "tessera-log"
    nodes: dict[bytes, bytes] = {}
    for size in range(16):
        if size:
            bundle = (folder / "tile/entries/000.p" / str(size)).read_bytes()
            hashes = [merkle.leaf_hash(entry) for entry in entries(bundle)]
            assert b"".join(hashes) == (folder / "tile/0/000.p" / str(size)).read_bytes()
            nodes |= merkle.append(nodes.get, size - 1, hashes[-1:])
        assert body(folder / f"checkpoint.{size}") == (size, merkle.log_root(nodes.get, size))


def test_sunlight_mirror_recomputes_and_a_changed_leaf_shows(shared: Path) -> None:
    folder = shared / "vectors" / "tlog-tiles" / "sunlight-mirror"
    tiles = (folder / "tile/0/000").read_bytes() + (folder / "tile/0/001.p/44").read_bytes()
    hashes = [tiles[at : at + 32] for at in range(0, len(tiles), 32)]
    nodes = merkle.append({}.get, 0, hashes)
    assert body(folder / "checkpoint") == (300, merkle.log_root(nodes.get, 300))
    assert nodes[merkle.node_key(8, 0)] == (folder / "tile/1/000.p/1").read_bytes()
    hashes[299] = merkle.leaf_hash(b"another")
    assert merkle.root(hashes) != body(folder / "checkpoint")[1]


# --- laws -----------------------------------------------------------------------------------------------


def test_small_trees_agree_with_the_recursion_of_the_rfc() -> None:
    for size in range(1, 40):
        hashes, nodes = leaves(size), stored(size)
        assert merkle.root(hashes) == merkle.log_root(nodes.get, size) == mth(hashes)
        paths = merkle.inclusion_paths(hashes)
        for index in range(size):
            expected = path(index, hashes)
            assert merkle.inclusion_path(hashes, index) == paths[index] == expected
            assert merkle.inclusion_proof(nodes.get, index, size) == expected
            assert merkle.verify_inclusion(hashes[index], index, size, expected, mth(hashes))
        for old in range(1, size + 1):
            proof = merkle.consistency_proof(nodes.get, old, size)
            assert proof == subproof(old, hashes, True)
            assert merkle.verify_consistency(old, size, proof, mth(hashes[:old]), mth(hashes))


@given(st.lists(st.integers(0, 70), max_size=6))
def test_appending_in_any_portions_gives_the_same_log(portions: list[int]) -> None:
    total = sum(portions)
    hashes, nodes, size = leaves(total), dict[bytes, bytes](), 0
    for portion in portions:
        writes = merkle.append(nodes.get, size, hashes[size : size + portion])
        assert not writes.keys() & nodes.keys()
        nodes |= writes
        size += portion
    assert nodes == stored(total)
    assert merkle.log_root(nodes.get, total) == (mth(hashes) if total else merkle.EMPTY_ROOT)


@settings(max_examples=60)
@given(st.data())
def test_any_bit_flipped_in_an_inclusion_proof_is_refused(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 300))
    index = data.draw(st.integers(0, size - 1))
    nodes, leaf = stored(size), leaves(size)[index]
    root, proof = merkle.log_root(nodes.get, size), merkle.inclusion_proof(nodes.get, index, size)
    assert merkle.verify_inclusion(leaf, index, size, proof, root)
    for broken in flips([leaf, root, *proof]):
        assert not merkle.verify_inclusion(broken[0], index, size, broken[2:], broken[1])
    assert not merkle.verify_inclusion(leaf, index, size, [*proof, root], root)
    assert not proof or not merkle.verify_inclusion(leaf, index, size, proof[:-1], root)


@settings(max_examples=60)
@given(st.data())
def test_any_bit_flipped_in_a_consistency_proof_is_refused(data: st.DataObject) -> None:
    new = data.draw(st.integers(1, 300))
    old = data.draw(st.integers(1, new))
    nodes = stored(new)
    roots = [merkle.log_root(nodes.get, old), merkle.log_root(nodes.get, new)]
    proof = merkle.consistency_proof(nodes.get, old, new)
    assert merkle.verify_consistency(old, new, proof, roots[0], roots[1])
    for broken in flips([*roots, *proof]):
        assert not merkle.verify_consistency(old, new, broken[2:], broken[0], broken[1])
    assert not merkle.verify_consistency(old, new, [*proof, roots[0]], roots[0], roots[1])


def flips(hashes: list[bytes]) -> list[list[bytes]]:
    """The hashes with one bit changed, for every one of their bits."""
    found = []
    for position, value in enumerate(hashes):
        for bit in range(256):
            changed = (int.from_bytes(value, "big") ^ 1 << bit).to_bytes(32, "big")
            found.append([*hashes[:position], changed, *hashes[position + 1 :]])
    return found


# --- edges ----------------------------------------------------------------------------------------------


def test_known_answers() -> None:
    assert merkle.EMPTY_ROOT == merkle.root([]) == merkle.log_root({}.get, 0)
    assert merkle.leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert merkle.node_key(3, 258) == b"log/\x03\x00\x00\x00\x00\x00\x00\x01\x02"


def test_a_leaf_never_passes_for_a_node() -> None:
    left, right = leaves(2)
    assert merkle.leaf_hash(left + right) != merkle.node_hash(left, right)


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0), (0, -1), (0, 1 << 63)])
def test_a_leaf_outside_the_tree_has_no_proof(index: int, size: int) -> None:
    nodes, leaf = stored(3), leaves(1)[0]
    with pytest.raises(merkle.ProofError):
        merkle.inclusion_proof(nodes.get, index, size)
    with pytest.raises(merkle.ProofError):
        merkle.root_from_path(leaf, index, size, [])
    with pytest.raises(merkle.ProofError):
        merkle.inclusion_path(leaves(3) if size == 3 else [], index)


@pytest.mark.parametrize(("old", "new"), [(0, 3), (4, 3), (-1, 3), (0, 0)])
def test_no_consistency_proof_from_nothing_or_backwards(old: int, new: int) -> None:
    nodes = stored(4)
    with pytest.raises(merkle.ProofError):
        merkle.consistency_proof(nodes.get, old, new)
    assert not merkle.verify_consistency(old, new, [], merkle.EMPTY_ROOT, merkle.EMPTY_ROOT)


def test_a_missing_node_is_an_error_and_not_another_root() -> None:
    nodes = stored(7)
    del nodes[merkle.node_key(2, 0)]
    with pytest.raises(merkle.ProofError, match="node 0 at level 2"):
        merkle.log_root(nodes.get, 7)
    with pytest.raises(merkle.ProofError, match="node 0 at level 2"):
        merkle.append(nodes.get, 7, leaves(1))


def test_append_takes_whole_hashes_only() -> None:
    with pytest.raises(merkle.ProofError):
        merkle.append({}.get, 0, [b"short"])
    with pytest.raises(merkle.ProofError):
        merkle.append({}.get, -1, leaves(1))
