"""The log as files: kept up step by step, whole after every step and every crash, and proven from the files alone."""

import pytest

from medrec.core import merkle, tiles
from medrec.core.checkpoint import Checkpoint, Note, parse_checkpoint
from medrec.core.witness import log_key
from medrec.engines.memory import MemoryEngine
from medrec.engines.sqlite import SqliteEngine
from medrec.node.ledger import tiles as room
from medrec.node.ledger.tiles import Tiles, TilesError, check_tiles

from ..node.cosigners import grow
from ..node.world import World


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path / "nodes")
    yield made
    for name in ("north", "south", "helper"):
        getattr(made, name).store.close()


def head(world, engine, tip=None) -> Note:
    """The head of a ledger, signed by north as the log."""
    tip = tip or engine.tip()
    text = Checkpoint(
        world.network, tip.log_size, tip.log_root, tip.height, tip.time, tip.state_root, tip.protocol
    ).text()
    return Note(text, (world.keys["north"].sign_as_log(text),))


def keys(world):
    origin = "medrec/" + world.network.hex()
    return [log_key(origin, bytes.fromhex(world.keys["north"].public()["cosign_ed25519"]))]


def fetch(folder):
    return lambda path: (folder / path).read_bytes() if (folder / path).is_file() else None


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_paths_are_those_of_the_specification():
    assert tiles.tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tiles.tile_path("entries", 5, 7) == "tile/entries/005.p/7"
    assert tiles.tile_path(2, 1000, 255) == "tile/2/x001/000.p/255"
    # The example of the specification: 70,000 leaves.
    assert [len(list(tiles.spans(level, 0, 70_000))) for level in range(tiles.levels(70_000))] == [274, 2, 1]
    assert list(tiles.spans(0, 0, 70_000))[-1] == (273, 112)
    assert list(tiles.spans(1, 0, 70_000)) == [(0, 256), (1, 17)]
    assert list(tiles.spans(2, 0, 70_000)) == [(0, 1)]
    assert list(tiles.spans(1, 0, 256)) == [(0, 1)] and list(tiles.spans(0, 256, 256)) == []


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_the_folder_is_whole_after_every_step(world, tmp_path, kind):
    engine = world.engine if kind == "memory" else SqliteEngine(tmp_path / "l.db", world.genesis, world.clock)
    folder = tmp_path / "log"
    made = Tiles(folder, engine, world.network)
    size = 0
    for more in (1, 2, 250, 1, 1, 1, 300):
        grow(engine, world, more)
        size += more
        assert made.publish(head(world, engine)) == more
        assert check_tiles(fetch(folder), keys(world)).size == size
        assert made.published().size == size
        # What was partial and is full now is gone; what the head needs is there.
        assert not [*folder.glob("tile/0/000.p"), *folder.glob("tile/entries/000.p")] or size < 256
    # Somebody who comes anew writes the very same files.
    other = Tiles(tmp_path / "other", engine, world.network)
    assert other.publish(head(world, engine)) == size
    assert files(tmp_path / "other").items() <= files(folder).items()
    # Proofs of the log come out of the files alone.
    reader = tiles.tile_reader(fetch(folder), size)
    with engine.view() as view:
        assert merkle.log_root(reader, size) == merkle.log_root(view.get, size)
        assert merkle.consistency_proof(reader, 200, size) == merkle.consistency_proof(view.get, 200, size)
    if kind == "sqlite":
        engine.close()


def test_a_crash_anywhere_leaves_a_whole_log(world, tmp_path, monkeypatch):
    grow(world.engine, world, 254)
    folder = tmp_path / "log"
    made = Tiles(folder, world.engine, world.network)
    made.publish(head(world, world.engine))
    grow(world.engine, world, 5)
    note = head(world, world.engine)
    write = room.write_whole
    for survives in range(8):
        left = [survives]

        def failing(path, data, mode=0o644, left=left):
            if not left[0]:
                raise OSError(28, "No space left on device")
            left[0] -= 1
            write(path, data, mode)

        monkeypatch.setattr(room, "write_whole", failing)
        try:
            made.publish(note)
        except OSError:
            # What a reader finds is the old log, whole.
            assert check_tiles(fetch(folder), keys(world)).size == 254
        monkeypatch.undo()
    assert made.publish(note) in (0, 5)
    assert check_tiles(fetch(folder), keys(world)).size == 259


def test_heads_and_folders_of_others_are_refused(world, tmp_path):
    grow(world.engine, world, 5)
    folder = tmp_path / "log"
    made = Tiles(folder, world.engine, world.network)
    note = head(world, world.engine)
    made.publish(note)
    other = MemoryEngine(world.genesis, world.clock)
    grow(other, world, 9)
    with pytest.raises(TilesError) as error:
        made.publish(head(world, other))
    assert error.value.code == "not-this-log"
    with pytest.raises(TilesError) as error:
        Tiles(folder, other, world.network).publish(head(world, other))
    assert error.value.code == "other-log"
    with pytest.raises(TilesError) as error:
        Tiles(folder, world.engine, bytes(32)).publish(note)
    assert error.value.code == "other-log"
    # An older head is passed over.
    grow(world.engine, world, 1)
    made.publish(head(world, world.engine))
    assert made.publish(note) == 0 and made.published().size == 6


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("checkpoint", "bad-signature"),
        ("tile/0/000", "bad-file"),
        ("tile/1/000.p/1", "bad-file"),
        ("tile/0/001.p/4", "bad-file"),
        ("tile/entries/000", "bad-file"),
        ("tile/entries/001.p/4", "bad-file"),
    ],
)
def test_a_file_that_was_changed_or_lost_is_named(world, tmp_path, path, code):
    grow(world.engine, world, 260)
    folder = tmp_path / "log"
    Tiles(folder, world.engine, world.network).publish(head(world, world.engine))
    held = files(folder)
    assert check_tiles(held.get, keys(world)).size == 260
    data = held[path]
    changed = (
        data[:-9] + bytes([data[-9] ^ 1]) + data[-8:] if path != "checkpoint" else data.replace(b"time 1", b"time 2")
    )
    with pytest.raises(TilesError) as error:
        check_tiles({**held, path: changed}.get, keys(world))
    assert error.value.code == code and path.split("/")[0] in error.value.sentence + "checkpoint"
    with pytest.raises(TilesError) as error:
        check_tiles({**held, path: None}.get, keys(world))
    assert (error.value.code, error.value.sentence) == ("missing", f"{path} is not there.")


def test_entries_are_what_the_log_hashes(world, tmp_path):
    tip = grow(world.engine, world, 3)
    folder = tmp_path / "log"
    Tiles(folder, world.engine, world.network).publish(head(world, world.engine))
    entries = tiles.decode_bundle((folder / "tile/entries/000.p/3").read_bytes())
    assert merkle.root([merkle.leaf_hash(entry) for entry in entries]) == tip.log_root
    assert parse_checkpoint(head(world, world.engine).text).size == 3
