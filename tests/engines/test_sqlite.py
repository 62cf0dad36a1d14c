"""The SQLite engine under the suite of all engines, and what a file and a disk can do to it."""

import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ledger_world import CREATED, GENESIS, World, entry
from suite import MANY, NAMES, Clock, EngineSuite, Fault, check_whole, describe

from medrec.core.outcome import Code
from medrec.engines.engine import Engine, EngineError
from medrec.engines.sqlite import SqliteEngine

FILE = "ledger.sqlite"


class TestSqlite(EngineSuite):
    step_before_keeping, step_after_keeping = "begin", "committed"

    @pytest.fixture(autouse=True)
    def closing(self) -> Iterator[None]:
        self.opened: list[SqliteEngine] = []
        yield
        for engine in self.opened:
            engine.close()

    def make(
        self, folder: Path, clock: Callable[[], int], genesis: dict[str, Any] = MANY, fault: Fault = lambda step: None
    ) -> Engine:
        engine = SqliteEngine(folder / FILE, genesis, clock, fault)
        self.opened.append(engine)
        return engine

    @pytest.mark.parametrize("step", ["begin", "state", "block", "commit"])
    def test_a_write_that_fails_did_not_happen(self, tmp_path: Path, step: str) -> None:
        faults: list[Exception] = [sqlite3.OperationalError("disk I/O error"), EngineError("disk", "Broken.")]

        def fault(here: str) -> None:
            if here == step and faults:
                raise faults.pop()

        engine, world = self.make(tmp_path, Clock(), fault=fault), World(MANY)
        data = describe(world, NAMES[0], 1)
        for _ in range(2):
            with pytest.raises(EngineError) as caught:
                engine.submit([data])
            assert caught.value.code == "disk"
            check_whole(engine)
        engine.submit([data])
        assert engine.blocks(0)[0].outcomes[0].code == Code.OK
        check_whole(engine)


def open_engine(folder: Path, genesis: dict[str, Any] = MANY, clock: Callable[[], int] | None = None) -> SqliteEngine:
    return SqliteEngine(folder / FILE, genesis, clock or Clock())


def test_opened_again_it_goes_on_where_it_stood(tmp_path: Path) -> None:
    world = World(MANY)
    engine = open_engine(tmp_path)
    engine.submit([describe(world, NAMES[0], 1), b"noise"])
    tip, blocks = engine.tip(), engine.blocks(0)
    engine.close()
    engine = open_engine(tmp_path)
    assert (engine.tip(), engine.blocks(0)) == (tip, blocks)
    engine.submit([describe(world, NAMES[0], 2)])
    check_whole(engine)
    engine.close()


def test_the_genesis_of_another_network_is_refused(tmp_path: Path) -> None:
    open_engine(tmp_path).close()
    with pytest.raises(EngineError) as caught:
        open_engine(tmp_path, GENESIS)
    assert caught.value.code == "wrong-network"
    open_engine(tmp_path).close()  # and the file is as it was


def test_after_closing_everything_says_closed(tmp_path: Path) -> None:
    engine = open_engine(tmp_path)
    view = engine.view()
    engine.close()
    view.close()
    engine.close()
    for use in (lambda: engine.submit([]), lambda: engine.blocks(0), engine.view, lambda: view.get(b"x")):
        with pytest.raises(EngineError) as caught:
            use()
        assert caught.value.code == "closed"
    open_engine(tmp_path).close()


def test_a_second_opening_in_one_process_is_kept_out(tmp_path: Path) -> None:
    engine = open_engine(tmp_path)
    with pytest.raises(EngineError) as caught:
        open_engine(tmp_path)
    assert caught.value.code == "in-use"
    assert "\n" not in caught.value.sentence and caught.value.sentence.endswith(".")
    engine.submit([])
    engine.close()


HOLD = """
import sys
from pathlib import Path
from medrec.engines.sqlite import SqliteEngine
from suite import MANY, Clock
engine = SqliteEngine(Path(sys.argv[1]), MANY, Clock())
print("open", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_kept_out_until_the_first_is_gone(tmp_path: Path) -> None:
    path = os.pathsep.join(sys.path)
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / FILE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )
    try:
        assert child.stdout is not None and child.stdout.readline() == "open\n"
        with pytest.raises(EngineError) as caught:
            open_engine(tmp_path)
        assert caught.value.code == "in-use"
    finally:
        child.kill()
        child.communicate()
    engine = open_engine(tmp_path)
    check_whole(engine)
    engine.close()


def test_a_place_where_no_file_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file" / FILE, tmp_path):
        with pytest.raises(EngineError) as caught:
            SqliteEngine(path, MANY, Clock())
        assert caught.value.code == "no-file"


# --- a full disk ------------------------------------------------------------------------------------------


def fill(engine: SqliteEngine, world: World) -> list[bytes]:
    """Submit until the disk is full; what was acknowledged until then."""
    kept: list[bytes] = []
    for number in range(2000):
        data = world.batch(NAMES[0], [entry(number * 100 + k, sealed=bytes(200)) for k in range(100)], expires=900)
        try:
            engine.submit([data])
        except EngineError as error:
            assert error.code == "disk-full", error
            return kept
        kept.append(data)
    raise AssertionError("the disk never filled")


def check_full_and_freed(engine: SqliteEngine, make_room: Callable[[], None]) -> None:
    world = World(MANY)
    kept = fill(engine, world)
    before = engine.tip()
    for _ in range(3):
        with pytest.raises(EngineError) as caught:
            engine.submit([describe(world, NAMES[1], 1) + bytes(900_000)])
        assert caught.value.code == "disk-full"
    assert engine.tip() == before
    check_whole(engine)
    make_room()
    again = describe(world, NAMES[2], 1)
    (place,) = engine.submit([again])
    check_whole(engine)
    stored = [data for block in engine.blocks(0) + engine.blocks(100) for data in block.block.transactions]
    assert set(kept) <= set(stored)
    assert engine.blocks(place.height - 1)[0].outcomes[0].code == Code.OK


def test_a_full_disk_by_page_limit(tmp_path: Path) -> None:
    engine = open_engine(tmp_path)
    (pages,) = engine.storage.connection.execute("PRAGMA page_count").fetchone()
    engine.storage.connection.execute(f"PRAGMA max_page_count={pages + 150}")
    check_full_and_freed(engine, lambda: engine.storage.connection.execute("PRAGMA max_page_count=1000000") and None)
    engine.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small disk can be mounted by root only; the page limit test stands in")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_in_earnest(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(3 << 20))
    engine = open_engine(small_disk)
    check_full_and_freed(engine, ballast.unlink)
    engine.close()
    engine = open_engine(small_disk)
    check_whole(engine)
    engine.close()


def test_no_room_even_to_begin(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    with ballast.open("wb") as file, pytest.raises(OSError):
        while True:
            os.write(file.fileno(), bytes(4096))
    with pytest.raises(EngineError) as caught:
        open_engine(small_disk)
    assert caught.value.code in ("disk-full", "no-file")
    ballast.unlink()
    engine = open_engine(small_disk)
    engine.submit([])
    check_whole(engine)
    engine.close()


# --- a damaged file ---------------------------------------------------------------------------------------


def a_ledger(folder: Path) -> Path:
    world = World(MANY)
    engine = open_engine(folder)
    for number in range(6):
        engine.submit([describe(world, name, number) for name in NAMES])
    engine.close()
    return folder / FILE


def test_a_file_that_is_no_ledger(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"This is a letter to my aunt. " * 200)
    with pytest.raises(EngineError) as caught:
        open_engine(tmp_path)
    assert caught.value.code == "corrupted"


def test_a_file_that_lost_its_end(tmp_path: Path) -> None:
    path = a_ledger(tmp_path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(EngineError) as caught:
        open_engine(tmp_path)
    assert caught.value.code == "corrupted"


def test_a_last_block_that_is_gone_or_another_state(tmp_path: Path) -> None:
    path = a_ledger(tmp_path)
    for change in (
        "DELETE FROM block WHERE height = 6",
        "UPDATE state SET value = x'00' WHERE key = CAST('~tip' AS BLOB)",
        "DELETE FROM state WHERE key = CAST('~tip' AS BLOB)",
        "DELETE FROM state WHERE key >= CAST('log/' AS BLOB) AND key < CAST('log0' AS BLOB)",
        "DELETE FROM state WHERE key >= CAST('map/' AS BLOB) AND key < CAST('map0' AS BLOB)",
    ):
        whole = path.read_bytes()
        with sqlite3.connect(path) as connection:
            assert connection.execute(change).rowcount > 0
        connection.close()
        with pytest.raises(EngineError) as caught:
            open_engine(tmp_path)
        assert caught.value.code == "corrupted"
        for rest in tmp_path.glob(FILE + "-*"):
            rest.unlink()
        path.write_bytes(whole)
    open_engine(tmp_path).close()


@pytest.mark.parametrize("seed", range(16))
def test_random_damage_ends_in_words_or_is_not_touched(tmp_path: Path, seed: int) -> None:
    path = a_ledger(tmp_path)
    chance = random.Random(seed)
    data = bytearray(path.read_bytes())
    for _ in range(chance.choice((1, 20, 400))):
        data[chance.randrange(len(data))] = chance.randrange(256)
    path.write_bytes(data)
    try:
        engine = open_engine(tmp_path)
    except EngineError:
        return
    for use in (lambda: engine.blocks(0), lambda: scan_all(engine), lambda: engine.submit([b"x"])):
        try:
            use()
        except EngineError as error:
            assert error.sentence
    engine.close()


def scan_all(engine: Engine) -> int:
    with engine.view() as view:
        return sum(1 for _ in view.scan(b"", b"\xff"))


def test_time_goes_on_after_opening_again_with_a_clock_that_stands_earlier(tmp_path: Path) -> None:
    clock = Clock()
    clock.now = CREATED + 60_000
    engine = open_engine(tmp_path, clock=clock)
    engine.submit([])
    engine.close()
    engine = open_engine(tmp_path)
    engine.submit([])
    assert engine.tip().time == CREATED + 60_000
    engine.close()
