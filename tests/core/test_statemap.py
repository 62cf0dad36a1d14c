"""The state map against a naive model, its laws, and the numbers of docs/spec/statemap.md."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medrec.core import codec, statemap
from medrec.core.statemap import EMPTY, Proof, prove, root, update, verify_absence, verify_inclusion

SPEC = Path(__file__).parents[2] / "docs" / "spec" / "statemap.md"


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def close_keys(tried: int, pairs: int) -> list[bytes]:
    """Keys whose paths share long prefixes (about 20 bits or more), so that small maps grow deep."""
    keys = sorted((b"key %d" % number for number in range(tried)), key=sha)
    number = [int.from_bytes(sha(key), "big") for key in keys]
    nearest = sorted(range(tried - 1), key=lambda i: number[i] ^ number[i + 1])[:pairs]
    return sorted({keys[i + side] for i in nearest for side in (0, 1)})


def crowd(size: int) -> list[bytes]:
    """Keys that all begin with the bits 0101101, so that many leaves meet below one slot."""
    return [key for key in (b"crowd %d" % number for number in range(size)) if sha(key)[0] >> 1 == 0x5A >> 1]


POOL = [*close_keys(20_000, 8), *crowd(2000), *(b"key %d" % number for number in range(8))]

keys = st.sampled_from(POOL)
values = st.binary(max_size=3)
contents = st.dictionaries(keys, values)
batches = st.lists(st.dictionaries(keys, st.none() | values), max_size=5)


class Store(dict[bytes, bytes]):
    """A key-value store that refuses a pointless write or deletion."""

    def change(self, changes: Mapping[bytes, bytes | None]) -> bytes:
        writes, new_root = update(self.get, changes)
        for key, value in writes.items():
            assert key.startswith(statemap.NODE_PREFIX)
            assert self.get(key) != value
            if value is None:
                del self[key]
            else:
                self[key] = value
        assert root(self.get) == new_root
        return new_root


def built(content: Mapping[bytes, bytes]) -> Store:
    store = Store()
    store.change(content)
    return store


def model_root(content: Mapping[bytes, bytes]) -> bytes:
    """Section 2 of the specification, word for word."""

    def tree(depth: int, leaves: list[tuple[str, bytes]]) -> bytes:
        if not leaves:
            return bytes(32)
        if len(leaves) == 1:
            return leaves[0][1]
        sides = [tree(depth + 1, [leaf for leaf in leaves if leaf[0][depth] == bit]) for bit in "01"]
        return sha(b"\x01" + sides[0] + sides[1])

    return tree(
        0,
        sorted(
            (f"{int.from_bytes(sha(key), 'big'):0256b}", sha(b"\x00medrec/map/1" + sha(key) + sha(value)))
            for key, value in content.items()
        ),
    )


def applied(content: Mapping[bytes, bytes], changes: Mapping[bytes, bytes | None]) -> dict[bytes, bytes]:
    return {key: value for key, value in {**content, **changes}.items() if value is not None}


# --- the root is a function of the content ---


@given(batches)
def test_equals_the_naive_model_and_leaves_no_orphan(history: list[dict[bytes, bytes | None]]) -> None:
    store, content = Store(), dict[bytes, bytes]()
    for changes in history:
        content = applied(content, changes)
        assert store.change(changes) == model_root(content)
        # The same pages as a map that never held anything else: none is left over, none is missing.
        assert store == built(content)


@given(contents, st.randoms(use_true_random=False))
def test_order_and_batching_leave_no_trace(content: dict[bytes, bytes], random: Random) -> None:
    order = list(content)
    random.shuffle(order)
    store = Store()
    for key in order:
        store.change({key: content[key]})
    assert store == built(content)
    shuffled, _ = update(Store().get, {key: content[key] for key in order})
    straight, _ = update(Store().get, content)
    assert list(shuffled.items()) == list(straight.items())


@given(contents, contents)
def test_insert_then_delete_is_the_identity(content: dict[bytes, bytes], more: dict[bytes, bytes]) -> None:
    store = built(content)
    before, before_root = dict(store), root(store.get)
    new = {key: value for key, value in more.items() if key not in content}
    store.change(new)
    for key in new:
        store.change({key: None})
    assert store == before
    assert root(store.get) == before_root


@given(contents, keys)
def test_what_changes_nothing_writes_nothing(content: dict[bytes, bytes], key: bytes) -> None:
    store = built(content)
    for changes in ({}, content, {key: content.get(key)}):
        assert update(store.get, changes) == ({}, model_root(content))


def test_the_empty_map() -> None:
    assert root(Store().get) == EMPTY == bytes(32)
    assert update(Store().get, {b"a": None}) == ({}, EMPTY)
    assert verify_absence(EMPTY, b"a", Proof(()))
    assert not verify_inclusion(EMPTY, b"a", b"", Proof(()))


def test_an_empty_value_is_a_value() -> None:
    store = built({b"a": b""})
    assert verify_inclusion(root(store.get), b"a", b"", prove(store.get, b"a"))
    assert not verify_absence(root(store.get), b"a", prove(store.get, b"a"))


def test_the_pool_reaches_past_the_fifth_page() -> None:
    deepest = max(len(prove(built(dict.fromkeys(POOL, b"")).get, key).siblings) for key in POOL)
    assert deepest > 20


# --- proofs ---


@given(contents)
def test_every_key_is_provably_in_or_out_and_never_both(content: dict[bytes, bytes]) -> None:
    store = built(content)
    top = root(store.get)
    for key in POOL:
        proof = prove(store.get, key)
        assert verify_absence(top, key, proof) == (key not in content)
        for value in {b"", b"\x00", *content.values()}:
            assert verify_inclusion(top, key, value, proof) == (content.get(key) == value)


@settings(max_examples=30)
@given(contents)
def test_a_proof_shown_for_another_key_proves_nothing_false(content: dict[bytes, bytes]) -> None:
    store = built(content)
    top = root(store.get)
    proofs = {key: prove(store.get, key) for key in POOL}
    for key in POOL:
        for owner, proof in proofs.items():
            if key in content:
                assert not verify_absence(top, key, proof)
            if key != owner or key not in content:
                assert not any(verify_inclusion(top, key, value, proof) for value in {b"", *content.values()})
            if owner in content:  # a proof of inclusion is good for its own key alone
                assert not verify_absence(top, key, proof)


def flipped(data: bytes, bit: int) -> bytes:
    at = bit % (len(data) * 8)
    return data[: at >> 3] + bytes((data[at >> 3] ^ 0x80 >> (at & 7),)) + data[(at >> 3) + 1 :]


def mutants(proof: Proof, bit: int) -> list[Proof]:
    """Proofs that differ from this one in one place."""
    rows = proof.siblings
    found = [Proof((*rows[:i], flipped(row, bit), *rows[i + 1 :]), proof.other) for i, row in enumerate(rows)]
    found += [Proof(rows[:i] + rows[i + 1 :], proof.other) for i in range(len(rows))]
    found += [
        Proof((*rows[:i], new, *rows[i:]), proof.other) for i in range(len(rows) + 1) for new in (EMPTY, sha(b""))
    ]
    found += [Proof((*rows[:i], rows[i], *rows[i:]), proof.other) for i in range(len(rows))]
    found += [Proof(rows[::-1], proof.other)]
    if proof.other is None:
        found += [Proof(rows, (sha(b""), sha(b""))), Proof(rows, (EMPTY, EMPTY))]
    else:
        key, value = proof.other
        found += [Proof(rows, other) for other in (None, (flipped(key, bit), value), (key, flipped(value, bit)))]
        found += [Proof(rows, (value, key))]
    return [mutant for mutant in found if mutant != proof]


@settings(max_examples=40)
@given(contents, keys, st.integers(0, 511))
def test_no_mutant_verifies(content: dict[bytes, bytes], key: bytes, bit: int) -> None:
    store = built(content)
    top, proof, value = root(store.get), prove(store.get, key), content.get(key, b"")
    for mutant in mutants(proof, bit):
        assert not verify_inclusion(top, key, value, mutant)
        assert not verify_absence(top, key, mutant)
    assert not verify_inclusion(flipped(top, bit), key, value, proof)
    assert not verify_absence(flipped(top, bit), key, proof)
    for bad_root in (b"", top[:31], top + b"\x00"):
        assert not verify_inclusion(bad_root, key, value, proof)
        assert not verify_absence(bad_root, key, proof)
    if key in content:
        assert not verify_inclusion(top, key, value + b"\x00", proof)
        assert not verify_inclusion(top, key + b"\x00", value, proof)


hashes = st.binary(min_size=32, max_size=32) | st.just(EMPTY)


@given(keys, values, st.lists(hashes, max_size=12), st.lists(hashes, max_size=4), st.none() | keys)
def test_even_a_forged_root_cannot_say_both(
    key: bytes, value: bytes, rows: list[bytes], more: list[bytes], other: bytes | None
) -> None:
    """An attacker who makes the tree up shows one end per path, at any depth they like."""
    neighbour = None if other is None else (sha(other), sha(value))
    included, absent = Proof(tuple(rows)), Proof(tuple(rows), neighbour)
    ends = [sha(b"\x00medrec/map/1" + sha(key) + sha(value)), EMPTY]
    ends += [sha(b"\x00medrec/map/1" + sha(other) + sha(value))] if other is not None else []
    for end in ends:
        forged = statemap._climb(sha(key), end, rows)
        for n in range(len(rows) + 1):
            proofs = [included, absent, Proof(tuple(rows[:n])), Proof(tuple(rows[:n]), neighbour)]
            proofs += [Proof((*rows, *more)), Proof((*rows, *more), neighbour)]
            says_in = any(verify_inclusion(forged, key, value, proof) for proof in proofs)
            says_out = any(verify_absence(forged, key, proof) for proof in proofs)
            assert not (says_in and says_out)


def test_a_leaf_or_nothing_beside_nothing_is_refused() -> None:
    leaf = sha(b"\x00medrec/map/1" + sha(b"a") + sha(b"1"))
    lonely = Proof((sha(b"top"), EMPTY))
    assert not verify_inclusion(statemap._climb(sha(b"a"), leaf, lonely.siblings), b"a", b"1", lonely)
    assert not verify_absence(statemap._climb(sha(b"a"), EMPTY, lonely.siblings), b"a", lonely)


def test_an_other_leaf_off_the_path_is_refused() -> None:
    rows, value_hash = (sha(b"1"), sha(b"2")), sha(b"value")
    on, off = (flipped(sha(b"a"), 2), value_hash), (flipped(sha(b"a"), 1), value_hash)
    for leaf, good in ((on, True), (off, False)):
        forged = statemap._climb(sha(b"a"), sha(b"\x00medrec/map/1" + leaf[0] + leaf[1]), rows)
        assert verify_absence(forged, b"a", Proof(rows, leaf)) == good


@given(contents, keys)
def test_the_wire_form_comes_back(content: dict[bytes, bytes], key: bytes) -> None:
    proof = prove(built(content).get, key)
    assert Proof.from_value(codec.decode(codec.encode(proof.to_value()))) == proof


NOT_PROOFS: list[object] = [None, b"", [], (b"",), [None], [b"x"], [bytes(32)], [bytes(65)], [b"", *[bytes(32)] * 257]]
NOT_PROOFS += [[b"", bad] for bad in (b"", bytes(31), bytes(33), "a" * 32, bytearray(32), [bytes(32)])]


@pytest.mark.parametrize("value", NOT_PROOFS)
def test_from_value_refuses(value: object) -> None:
    with pytest.raises(ValueError, match="map proof"):
        Proof.from_value(value)


def test_malformed_proofs_are_false_not_errors() -> None:
    store = built(dict.fromkeys(POOL, b"1"))
    top, good = root(store.get), prove(store.get, POOL[0])
    apart = prove(store.get, b"absent")
    assert verify_inclusion(top, POOL[0], b"1", good)
    assert verify_absence(top, b"absent", apart)
    siblings: tuple[object, ...] = (list(good.siblings), ("a",), (b"",), (bytes(33),), (None,), (sha(b""),) * 257)
    others: tuple[object, ...] = (b"", (), (b"", b""), (EMPTY,), (EMPTY, None), [EMPTY, EMPTY], (EMPTY,) * 3)
    bad: list[object] = [None, b"", [], good.to_value()]
    bad += [Proof(item) for item in (None, *siblings)]  # type: ignore[arg-type]
    bad += [Proof(good.siblings, item) for item in others]  # type: ignore[arg-type]
    for proof in bad:
        assert not verify_inclusion(top, POOL[0], b"1", proof)  # type: ignore[arg-type]
        assert not verify_absence(top, POOL[0], proof)  # type: ignore[arg-type]
        assert not verify_absence(top, b"absent", proof)  # type: ignore[arg-type]


# --- the deepest tree ---


class _Chosen:
    """SHA-256, except that the keys of this test are their own path."""

    def __init__(self, data: bytes) -> None:
        self._digest = data if len(data) == 32 and data[0] == 0xAA else sha(data)

    def digest(self) -> bytes:
        return self._digest


def test_keys_that_part_at_the_last_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statemap, "sha256", _Chosen)
    left, right = b"\xaa" * 31 + b"\x06", b"\xaa" * 31 + b"\x07"
    store = built({left: b"1"})
    top = root(store.get)
    both = store.change({right: b"2"})
    assert len(store) == 64
    for key, value in ((left, b"1"), (right, b"2")):
        proof = prove(store.get, key)
        assert len(proof.siblings) == 256
        assert Proof.from_value(proof.to_value()) == proof
        assert verify_inclusion(both, key, value, proof)
        assert not verify_absence(both, key, proof)
    bottomless = {**store, max(store, key=len): b"\x02\x00\x00\x00" + sha(b"")}
    with pytest.raises(statemap.CorruptMapError):
        prove(bottomless.get, left)
    assert store.change({right: None}) == top
    assert len(store) == 1
    absent = prove(store.get, right)
    assert absent == Proof((), (left, sha(b"1")))
    assert verify_absence(top, right, absent)


# --- storage ---


def test_reads_grow_with_the_depth_only() -> None:
    store = built({b"%d" % number: b"" for number in range(5000)})
    seen: list[bytes] = []

    def get(key: bytes) -> bytes | None:
        seen.append(key)
        return store.get(key)

    for key in (b"%d" % number for number in range(4900, 5100)):
        seen.clear()
        proof = prove(get, key)
        assert len(seen) <= len(proof.siblings) // 4 + 1
        seen.clear()
        writes, _ = update(get, {key: b"new"})
        assert len(seen) <= len(proof.siblings) // 4 + 1
        assert set(seen) <= set(writes)
    seen.clear()
    update(get, {b"%d" % number: None for number in range(0, 5100, 3)})
    assert len(seen) == len(set(seen)), "a batch reads each page once"


def test_a_damaged_store_is_an_error() -> None:
    store = built(dict.fromkeys(POOL, b""))
    deep = max(store, key=len)
    key = next(key for key in POOL if statemap._page_key(deep[4], sha(key)) == deep)
    for page in (None, b"", store[deep][:-1], store[deep] + b"\x00", b"\x00\x00\x80\x00"):
        damaged = {**store, deep: page}
        with pytest.raises(statemap.CorruptMapError):
            prove(damaged.get, key)
        with pytest.raises(statemap.CorruptMapError):
            update(damaged.get, {key: b"1"})


# --- the document ---


def test_the_numbers_of_the_specification() -> None:
    text = SPEC.read_text(encoding="utf-8")
    assert "\nVersion: medrec/map/1\n" in text
    number = {name: bytes.fromhex(hexes) for name, hexes in re.findall(r"^(\S+) +=\s+([0-9a-f]{16,})$", text, re.M)}
    store = built({b"birch": b"1", b"elm": b"2", b"alder": b"3"})
    proofs = {key: codec.encode(prove(store.get, key).to_value()) for key in (b"elm", b"oak", b"cedar")}
    elm, oak = prove(store.get, b"elm"), prove(store.get, b"oak")
    assert elm.siblings == (number["leaf(birch)"], EMPTY, EMPTY, number["leaf(alder)"])
    assert oak == Proof((number["leaf(birch)"], number["inner(10)"]))
    assert prove(store.get, b"cedar") == Proof((number["inner(1)"],), (sha(b"birch"), sha(b"1")))
    assert number == {
        'H("birch")': sha(b"birch"),
        'H("elm")': sha(b"elm"),
        'H("alder")': sha(b"alder"),
        "leaf(birch)": sha(b"\x00medrec/map/1" + sha(b"birch") + sha(b"1")),
        "leaf(elm)": sha(b"\x00medrec/map/1" + sha(b"elm") + sha(b"2")),
        "leaf(alder)": sha(b"\x00medrec/map/1" + sha(b"alder") + sha(b"3")),
        "inner(101)": sha(b"\x01" + number["leaf(elm)"] + number["leaf(alder)"]),
        "inner(10)": sha(b"\x01" + EMPTY + number["inner(101)"]),
        "inner(1)": sha(b"\x01" + number["inner(10)"] + EMPTY),
        "root": root(store.get),
        "proof(elm)": proofs[b"elm"],
        "proof(oak)": proofs[b"oak"],
        "proof(cedar)": proofs[b"cedar"],
        "page": store[b"map/\x00"],
    }
