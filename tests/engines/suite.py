"""One suite for every engine: what `submit`, `blocks`, `view` and `tip` promise."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ledger_world import CREATED, GENESIS, World, founder, id_of

from medrec.core import merkle, state, statemap
from medrec.core.outcome import Code
from medrec.core.types import TRANSACTION_BYTES_MAX, decode_transaction, log_leaf
from medrec.engines.engine import BLOCKS_MAX, CommittedBlock, Engine, EngineError, Position, Snapshot
from medrec.engines.local import BLOCK_TRANSACTIONS_MAX

NAMES = [f"site-{number}" for number in range(8)]
MANY = GENESIS | {"organisations": [founder(name, "hospital") for name in NAMES]}
Fault = Callable[[str], None]


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = CREATED

    def __call__(self) -> int:
        return self.now


def describe(world: World, author: str, number: int) -> bytes:
    """A transaction that is accepted once."""
    payload = {"name": f"{author} {number}", "endpoint": ""}
    return world.sign(author, "organisation/describe", payload, expires=world.tip.height + 900)


def check_whole(engine: Engine) -> None:
    """Recompute both roots from what is stored, and compare heights: one story. Others may make blocks meanwhile: what
    is held together is of one height."""
    with still(engine) as view:
        check_view(engine, view)


def still(engine: Engine, seconds: float = 60.0) -> Snapshot:
    """A view of where the engine says that its ledger stands; no block came between the two."""
    end = time.monotonic() + seconds
    while True:
        tip, view = engine.tip(), engine.view()
        if view.tip == tip:
            return view
        view.close()
        assert time.monotonic() < end, f"tip and view are apart: {tip.height}, {view.tip.height}"


def check_view(engine: Engine, view: Snapshot) -> None:
    """The same at the height of a view."""
    blocks: list[CommittedBlock] = []
    while len(blocks) < view.tip.height and (found := engine.blocks(len(blocks))):
        blocks += found
    blocks, tip = blocks[: view.tip.height], view.tip
    assert [block.block.height for block in blocks] == list(range(1, tip.height + 1))
    leaves = []
    for block in blocks:
        assert len(block.outcomes) == len(block.leaf_indices) == len(block.block.transactions)
        for data, outcome, index in zip(block.block.transactions, block.outcomes, block.leaf_indices, strict=True):
            if outcome.code == Code.OK and index == len(leaves):
                leaf = log_leaf(block.block.height, block.block.time, decode_transaction(data).body_bytes)
                leaves.append(merkle.leaf_hash(leaf))
        assert block.tip.log_root == merkle.root(leaves) and block.tip.log_size == len(leaves)
    if blocks:
        assert blocks[-1].tip == tip
    mapped = {key: value for key, value in view.scan(b"", b"\xff" * 64) if not key.startswith(state.UNMAPPED)}
    assert statemap.update({}.get, mapped)[1] == tip.state_root


class EngineSuite(ABC):
    """Subclass it as TestX and make the engine."""

    step_before_keeping: str
    step_after_keeping: str

    @abstractmethod
    def make(
        self, folder: Path, clock: Callable[[], int], genesis: dict[str, Any] = MANY, fault: Fault = lambda step: None
    ) -> Engine:
        """A new engine; in the same folder it goes on where the last one stopped, if it can."""

    def test_a_check_sees_that_a_view_stays_behind(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        engine = self.make(tmp_path, Clock())
        with engine.view() as old:
            engine.submit([])
            monkeypatch.setattr(engine, "view", lambda: old)
            monkeypatch.setattr(old, "close", lambda: None)
            with pytest.raises(AssertionError, match="are apart: 1, 0"):
                still(engine, 0)
            monkeypatch.undo()

    def test_a_new_ledger_stands_at_height_nothing(self, tmp_path: Path) -> None:
        engine = self.make(tmp_path, Clock())
        tip = engine.tip()
        assert (tip.height, tip.time, tip.log_size, tip.protocol) == (0, CREATED, 0, 1)
        assert engine.blocks(0) == []
        check_whole(engine)

    def test_submit_gives_places_in_order_and_the_outcome_stands_in_the_block(self, tmp_path: Path) -> None:
        engine, world = self.make(tmp_path, Clock()), World(MANY)
        good, late = describe(world, NAMES[0], 1), describe(world, NAMES[1], 1)
        assert engine.submit([good, b"noise", late]) == [Position(1, 0), Position(1, 1), Position(1, 2)]
        (block,) = engine.blocks(0)
        assert [outcome.code for outcome in block.outcomes] == [Code.OK, Code.MALFORMED, Code.OK]
        assert block.leaf_indices == (0, None, 1)
        assert block.block.transactions == (good, b"noise", late)
        assert engine.submit([good]) == [Position(2, 0)]
        assert engine.blocks(1)[0].outcomes[0].detail == "replay"
        assert engine.blocks(1)[0].leaf_indices == (0,)
        check_whole(engine)

    def test_no_transactions_make_an_empty_block(self, tmp_path: Path) -> None:
        engine = self.make(tmp_path, Clock())
        assert engine.submit([]) == []
        assert engine.tip().height == 1

    def test_blocks_come_in_order_without_gaps_and_a_hundred_at_once(self, tmp_path: Path) -> None:
        engine = self.make(tmp_path, Clock())
        for _ in range(BLOCKS_MAX + 5):
            engine.submit([])
        heights = [block.block.height for block in engine.blocks(0)]
        assert heights == list(range(1, BLOCKS_MAX + 1))
        assert [block.block.height for block in engine.blocks(100)] == [101, 102, 103, 104, 105]
        assert engine.blocks(105) == engine.blocks(1000) == []
        assert [block.block.height for block in engine.blocks(-7)] == heights

    def test_blocks_waits_for_the_next_one_and_not_longer_than_asked(self, tmp_path: Path) -> None:
        engine = self.make(tmp_path, Clock())
        assert engine.blocks(0, wait_s=0.05) == []
        found: list[int] = []
        waiting = threading.Thread(
            target=lambda: found.extend(block.block.height for block in engine.blocks(0, wait_s=30))
        )
        waiting.start()
        time.sleep(0.05)
        engine.submit([])
        waiting.join(10)
        assert found == [1]

    def test_a_view_stands_still(self, tmp_path: Path) -> None:
        engine, world = self.make(tmp_path, Clock()), World(MANY)
        engine.submit([describe(world, NAMES[0], 1)])
        old = engine.view()
        before = list(old.scan(b"", b"\xff"))
        engine.submit([describe(world, NAMES[0], 2), world.opening("ada")])
        assert old.tip.height == 1 and list(old.scan(b"", b"\xff")) == before
        assert old.get(state.organisation_key(NAMES[0])) == dict(before)[state.organisation_key(NAMES[0])]
        with engine.view() as new:
            assert new.tip.height == 2 and list(new.scan(b"", b"\xff")) != before
            north = state.organisation(new, NAMES[0])
            assert north is not None and north.name == f"{NAMES[0]} 2"
            assert new.get(b"nothing") is None
        old.close()

    def test_scan_is_in_byte_order_and_half_open(self, tmp_path: Path) -> None:
        engine = self.make(tmp_path, Clock())
        with engine.view() as view:
            start, end = state.organisation_key(NAMES[2]), state.organisation_key(NAMES[5])
            assert [key for key, _ in view.scan(start, end)] == [state.organisation_key(n) for n in NAMES[2:5]]
            every = [key for key, _ in view.scan(b"", b"\xff")]
            assert every == sorted(every)

    def test_a_clock_that_jumps_back_does_not_take_the_ledger_with_it(self, tmp_path: Path) -> None:
        clock = Clock()
        engine = self.make(tmp_path, clock)
        times = []
        for now in (CREATED + 5000, CREATED - 100_000, 0, CREATED + 6000):
            clock.now = now
            engine.submit([])
            times.append(engine.tip().time)
        assert times == [CREATED + 5000, CREATED + 5000, CREATED + 5000, CREATED + 6000]

    def test_a_clock_beyond_the_year_9999_fails_in_words_and_heals(self, tmp_path: Path) -> None:
        clock = Clock()
        engine = self.make(tmp_path, clock)
        clock.now = 1 << 60
        with pytest.raises(EngineError) as caught:
            engine.submit([])
        assert caught.value.code == "failed" and engine.tip().height == 0
        clock.now = CREATED
        assert engine.submit([]) == [] and engine.tip().height == 1

    def test_what_is_too_large_is_refused_before_it_is_ordered(self, tmp_path: Path) -> None:
        engine = self.make(tmp_path, Clock())
        with pytest.raises(EngineError) as caught:
            engine.submit([b"", bytes(TRANSACTION_BYTES_MAX + 1)])
        assert caught.value.code == "too-large"
        for group in ([b""] * (BLOCK_TRANSACTIONS_MAX + 1), [bytes(TRANSACTION_BYTES_MAX)] * 9):
            with pytest.raises(EngineError) as caught:
                engine.submit(group)
            assert caught.value.code == "too-much"
        assert engine.tip().height == 0
        assert len(engine.submit([b""] * BLOCK_TRANSACTIONS_MAX)) == BLOCK_TRANSACTIONS_MAX
        check_whole(engine)

    def test_details_that_quote_a_stranger_do_not_make_a_block_unreadable(self, tmp_path: Path) -> None:
        engine, world = self.make(tmp_path, Clock()), World(MANY)
        payload = {"name": "N", "endpoint": "", "x" * 15_000: 1}
        group = [world.sign(NAMES[0], "organisation/describe", payload, nonce=1, expires=900 - n) for n in range(500)]
        engine.submit(group)
        (block,) = engine.blocks(0)
        assert {outcome.code for outcome in block.outcomes} == {Code.BAD_PAYLOAD}

    def test_eight_threads(self, tmp_path: Path) -> None:
        engine, world = self.make(tmp_path, Clock()), World(MANY)
        streams = {name: [describe(world, name, number) for number in range(15)] for name in NAMES}
        places: dict[str, list[Position]] = {}

        def run(name: str) -> None:
            places[name] = [place for data in streams[name] for place in engine.submit([data])]

        threads = [threading.Thread(target=run, args=(name,)) for name in NAMES]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        blocks = {block.block.height: block for block in engine.blocks(0) + engine.blocks(100)}
        taken = [place for found in places.values() for place in found]
        assert len(taken) == len(set(taken)) == 8 * 15
        for name, found in places.items():
            assert found == sorted(found)
            for data, place in zip(streams[name], found, strict=True):
                assert blocks[place.height].block.transactions[place.index] == data
                assert blocks[place.height].outcomes[place.index].code == Code.OK
        check_whole(engine)

    def test_who_waits_while_a_block_is_kept_goes_together_into_the_next(self, tmp_path: Path) -> None:
        begun, go_on = threading.Event(), threading.Event()

        def fault(step: str) -> None:
            if step == self.step_before_keeping and not begun.is_set():
                begun.set()
                assert go_on.wait(30)

        engine, world = self.make(tmp_path, Clock(), fault=fault), World(MANY)
        places: list[Position] = []
        group = [describe(world, name, 1) for name in NAMES]
        threads = [threading.Thread(target=lambda data=data: places.extend(engine.submit([data]))) for data in group]
        threads[0].start()
        assert begun.wait(30)
        for thread in threads[1:]:
            thread.start()
        while len(engine._queue) < 7:  # type: ignore[attr-defined]
            time.sleep(0.001)
        go_on.set()
        for thread in threads:
            thread.join(30)
        assert sorted(place.height for place in places) == [1] + [2] * 7
        assert engine.tip().height == 2

    def test_a_fault_before_keeping_changes_nothing_and_the_next_block_is_made(self, tmp_path: Path) -> None:
        faults = ["disk-full"]

        def fault(step: str) -> None:
            if step == self.step_before_keeping and faults:
                raise EngineError(faults.pop(), "No room.")

        engine, world = self.make(tmp_path, Clock(), fault=fault), World(MANY)
        data = describe(world, NAMES[0], 1)
        with pytest.raises(EngineError, match="No room"):
            engine.submit([data])
        assert engine.tip().height == 0 and engine.blocks(0) == []
        check_whole(engine)
        assert engine.submit([data]) == [Position(1, 0)]
        assert engine.blocks(0)[0].outcomes[0].code == Code.OK
        check_whole(engine)

    def test_a_fault_after_keeping_says_unknown_and_the_block_is_there(self, tmp_path: Path) -> None:
        def fault(step: str) -> None:
            if step == self.step_after_keeping:
                raise EngineError("unknown", "Nobody knows.")

        engine, world = self.make(tmp_path, Clock(), fault=fault), World(MANY)
        data = describe(world, NAMES[0], 1)
        for _ in range(2):  # once broken it stays so until it is opened again
            with pytest.raises(EngineError) as caught:
                engine.submit([data])
            assert caught.value.code == "unknown"
        assert [block.block.transactions for block in engine.blocks(0)] == [(data,)]
        check_whole(engine)

    def test_a_surprise_while_a_block_is_kept_is_told_to_everybody_as_unknown(self, tmp_path: Path) -> None:
        def fault(step: str) -> None:
            raise ZeroDivisionError

        engine = self.make(tmp_path, Clock(), fault=fault)
        with pytest.raises(EngineError) as caught:
            engine.submit([])
        assert caught.value.code == "unknown"
        check_whole(engine)

    def test_an_upgrade_that_the_software_does_not_know_stops_it_in_words(self, tmp_path: Path) -> None:
        engine, world = self.make(tmp_path, Clock()), World(MANY)
        proposal = world.proposal(NAMES[0], "upgrade", version=2, height=3)
        engine.submit([proposal, *[world.vote(name, id_of(proposal)) for name in NAMES[1:6]]])
        engine.submit([])
        with pytest.raises(EngineError, match="upgrade it") as caught:
            engine.submit([describe(world, NAMES[0], 1)])
        assert caught.value.code == "protocol" and engine.tip().height == 2
        check_whole(engine)
