"""Snapshots: the whole ledger in chunks that prove themselves; what is not proven is refused, and nothing is taken."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from abci_driver import Driver
from hypothesis import given
from hypothesis import strategies as st
from ledger_world import World, entry, hash_of
from suite import MANY, NAMES, describe

from medrec.core import codec, statemap
from medrec.engines import cometbft_snapshot
from medrec.engines.abci import messages as abci
from medrec.engines.cometbft_buckets import BUCKETS, bucket_of, fold, subtree
from medrec.engines.cometbft_snapshot import sha256

HEIGHT = 12


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    monkeypatch.setattr(cometbft_snapshot, "CHUNK_BYTES", 4000)
    node = Driver(tmp_path / "source", interval=HEIGHT)
    world = World(MANY)
    for number in range(HEIGHT):
        group = [describe(world, name, number) for name in NAMES]
        due = world.tip.time + 100_000
        batch = world.batch(NAMES[1], [entry(number, owes=[hash_of(f"{number}")[:16], NAMES[2], due])])
        world.block(*group, batch, b"noise", time=world.tip.time + 1000)
        head = world.view.get(b"batch/" + NAMES[1].encode())
        assert head is not None
        world.heads[NAMES[1]], world.counts[NAMES[1]] = codec.decode(head)["transaction"], number + 1
        node.block(*group, batch, b"noise")
    node.snapshots.wait()
    yield node
    node.close()


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Driver]:
    node = Driver(tmp_path / "target")
    yield node
    node.close()


def offered(source: Driver) -> abci.Snapshot:
    (found,) = source.ask(abci.RequestListSnapshots()).snapshots
    assert isinstance(found, abci.Snapshot)
    return found


def chunks_of(source: Driver, snapshot: abci.Snapshot) -> list[bytes]:
    return [source.ask(abci.RequestLoadSnapshotChunk(snapshot.height, 1, n)).chunk for n in range(snapshot.chunks)]


def everything(node: Driver) -> tuple[list[Any], list[Any]]:
    connection = node.storage.connection
    return (
        connection.execute("SELECT * FROM state ORDER BY key").fetchall(),
        connection.execute("SELECT * FROM block ORDER BY height").fetchall(),
    )


def test_a_restored_ledger_is_the_same_byte_for_byte_and_goes_on(source: Driver, target: Driver) -> None:
    snapshot = offered(source)
    chunks = chunks_of(source, snapshot)
    kinds = [part[0] for part in codec.decode(snapshot.metadata)["parts"]]
    assert snapshot.height == HEIGHT and kinds.count("map") > 2 and kinds.count("blocks") > 2
    assert target.ask(abci.RequestOfferSnapshot(snapshot, source.storage.tip().app_hash)).result == 1
    for number, chunk in enumerate(chunks):
        assert target.storage.tip().height == 0
        assert target.ask(abci.RequestApplySnapshotChunk(number, chunk, "peer")).result == 1
    assert target.storage.tip() == source.storage.tip() and target.ask(abci.RequestInfo()).last_block_height == HEIGHT
    assert everything(target) == everything(source)
    target.time = source.time
    assert target.block() == source.block() and target.storage.tip() == source.storage.tip()


def test_all_nodes_make_the_same_bytes(source: Driver, tmp_path: Path) -> None:
    twin = Driver(tmp_path / "twin", interval=HEIGHT)
    for block in source.storage.blocks(0):
        twin.block(*block.block.transactions)
    twin.snapshots.wait()
    assert offered(twin) == offered(source)
    assert chunks_of(twin, offered(twin)) == chunks_of(source, offered(source))
    twin.close()


def test_a_snapshot_of_another_history_is_refused_before_a_byte_is_taken(source: Driver, target: Driver) -> None:
    snapshot, right = offered(source), source.storage.tip().app_hash
    assert target.ask(abci.RequestOfferSnapshot(snapshot, bytes(32))).result == 3
    metadata = codec.decode(snapshot.metadata)
    slots, parts = metadata["slots"], metadata["parts"]
    lies: list[dict[str, Any]] = [
        metadata | {"slots": slots[::-1]},
        metadata | {"slots": slots[:-1]},
        metadata | {"parts": parts[1:]},
        metadata | {"parts": parts[::-1]},
        metadata | {"parts": [*parts[:-1], ["blocks", parts[-1][1], parts[-1][2] + 1]]},
        metadata | {"tip": metadata["tip"][:-1] + b"\x02"},
        {"tip": metadata["tip"]},
    ]
    for lie in lies:
        data = codec.encode(lie)
        chunks = len(lie.get("parts", parts))
        false = abci.Snapshot(snapshot.height, 1, chunks, sha256(data).digest(), data)
        assert target.ask(abci.RequestOfferSnapshot(false, right)).result == 3
    for false in (
        abci.Snapshot(snapshot.height + 1, 1, snapshot.chunks, b"", snapshot.metadata),
        abci.Snapshot(snapshot.height, 2, snapshot.chunks, b"", snapshot.metadata),
        abci.Snapshot(snapshot.height, 1, snapshot.chunks, b"", b"garbage"),
    ):
        assert target.ask(abci.RequestOfferSnapshot(false, right)).result == 3
    assert target.ask(abci.RequestApplySnapshotChunk(0, b"")).result == 2


def tampered(chunk: bytes) -> Iterator[bytes]:
    """The chunk in other forms: cut, longer, one value or transaction or time or outcome index changed."""
    value = codec.decode(chunk)
    yield chunk[:-1]
    yield chunk + b"\x00"
    yield b""
    if type(value[0]) is list and len(value) == 2 and value[0] and type(value[0][0]) is list and len(value[0][0]) == 5:
        rows, proof = value
        for place, change in ((0, 1), (1, 1)):
            row = [*rows[0]]
            row[place] += change
            yield codec.encode_known([[row, *rows[1:]], proof])
        row = [*rows[-1]]
        transactions = codec.decode(row[2])
        row[2] = codec.encode(transactions[1:])
        yield codec.encode_known([[*rows[:-1], row], proof])
        yield codec.encode_known([rows[1:], proof])
        if proof:
            yield codec.encode_known([rows, proof[1:]])
        return
    yield codec.encode_known(value[1:])
    yield codec.encode_known([*value, [b"nullifier/" + bytes(32), b"\x01"]])
    yield codec.encode_known([[value[0][0], value[0][1] + b"\x00"], *value[1:]])
    yield codec.encode_known(value[::-1])
    yield codec.encode_known([*value, [b"map/x", b"\x01"]])


def test_a_chunk_that_was_changed_is_refused_and_asked_for_again(source: Driver, target: Driver) -> None:
    snapshot = offered(source)
    assert target.ask(abci.RequestOfferSnapshot(snapshot, source.storage.tip().app_hash)).result == 1
    tried = 0
    for number, chunk in enumerate(chunks_of(source, snapshot)):
        for false in tampered(chunk):
            said = target.ask(abci.RequestApplySnapshotChunk(number, false, "liar"))
            assert (said.result, said.refetch_chunks, said.reject_senders) == (3, [number], ["liar"])
            tried += 1
        assert target.ask(abci.RequestApplySnapshotChunk(number, chunk, "peer")).result == 1
    assert tried > 6 * snapshot.chunks and everything(target) == everything(source)


def test_a_restore_that_ends_half_way_leaves_the_empty_ledger(source: Driver, target: Driver, tmp_path: Path) -> None:
    before = everything(target)
    snapshot, chunks = offered(source), chunks_of(source, offered(source))
    target.ask(abci.RequestOfferSnapshot(snapshot, source.storage.tip().app_hash))
    for number in range(3):
        target.ask(abci.RequestApplySnapshotChunk(number, chunks[number], "peer"))
    target.close()
    again = Driver(tmp_path / "target")
    assert everything(again) == before and again.storage.tip().height == 0
    assert again.ask(abci.RequestOfferSnapshot(snapshot, source.storage.tip().app_hash)).result == 1
    for number, chunk in enumerate(chunks):
        assert again.ask(abci.RequestApplySnapshotChunk(number, chunk, "peer")).result == 1
    assert again.storage.tip() == source.storage.tip()
    again.close()


@given(st.dictionaries(st.binary(max_size=4), st.binary(max_size=3), max_size=600))
def test_the_cut_map_has_the_root_of_the_whole(content: dict[bytes, bytes]) -> None:
    root = statemap.update({}.get, dict(content))[1]
    buckets: list[list[bytes]] = [[] for _ in range(BUCKETS)]
    for key, value in content.items():
        buckets[bucket_of(key)].append(sha256(key).digest() + sha256(value).digest())
    assert fold([subtree(sorted(leaves)) or b"" for leaves in buckets]) == root


@pytest.mark.parametrize(
    "parts",
    [[[]], [["map", 0, 255, "x"]], [["map", "0", 255]], ["map"], [None], {}, 7, [["map"]]],
    ids=repr,
)
def test_a_liars_metadata_is_refused_and_the_next_snapshot_taken(source: Driver, target: Driver, parts: Any) -> None:
    good, app_hash = offered(source), source.storage.tip().app_hash
    metadata = codec.decode(good.metadata, bytes_max=1 << 20)
    for told in ([*metadata["parts"], *parts], parts) if type(parts) is list else (parts,):
        count = len(told) if isinstance(told, list | dict) else 1
        lie = abci.Snapshot(good.height, 1, count, b"h", codec.encode(metadata | {"parts": told}))
        assert target.ask(abci.RequestOfferSnapshot(lie, app_hash)).result == 3
    assert target.ask(abci.RequestOfferSnapshot(good, app_hash)).result == 1
    for number, chunk in enumerate(chunks_of(source, good)):
        assert target.ask(abci.RequestApplySnapshotChunk(number, chunk, "peer")).result == 1
    assert target.storage.tip() == source.storage.tip()


@pytest.mark.parametrize("metadata", [None, b"", b"\xa1", codec.encode({}), codec.encode([1])], ids=repr)
def test_a_snapshot_whose_removal_was_cut_off_is_offered_to_nobody(source: Driver, metadata: bytes | None) -> None:
    good = offered(source)
    (kept,) = source.snapshots._kept()
    half = kept.with_name(f"{3:012d}")
    half.mkdir()
    if metadata is not None:
        (half / "metadata").write_bytes(metadata)
    assert offered(source) == good
    assert source.ask(abci.RequestLoadSnapshotChunk(3, 1, 0)).chunk == b""
    assert source.ask(abci.RequestLoadSnapshotChunk(good.height, 1, 0)).chunk
