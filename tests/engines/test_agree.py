"""Equal transactions make equal roots, outcomes and blocks, whatever engine orders them."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from ledger_cases import CASES
from ledger_streams import STREAMS, follow, step
from ledger_world import GENESIS, SECOND, World
from suite import Clock, check_whole

from medrec.engines.memory import MemoryEngine
from medrec.engines.sqlite import SqliteEngine


@settings(max_examples=30, deadline=None)
@given(STREAMS)
def test_random_streams(stream: list[list[tuple[int, int]]]) -> None:
    clock, world = Clock(), World(GENESIS)
    with tempfile.TemporaryDirectory() as folder:
        memory, sqlite = MemoryEngine(GENESIS, clock), SqliteEngine(Path(folder) / "ledger", GENESIS, clock)
        for numbers in stream:
            clock.now += SECOND
            transactions = [step(world, *pair) for pair in numbers]
            world.block(*transactions, time=clock.now)
            follow(world)
            assert memory.submit(transactions) == sqlite.submit(transactions)
            assert memory.tip() == sqlite.tip() == world.tip
            assert memory.tip().app_hash == sqlite.tip().app_hash
        assert memory.blocks(0) == sqlite.blocks(0)
        with memory.view() as one, sqlite.view() as other:
            assert list(one.scan(b"", b"\xff")) == list(other.scan(b"", b"\xff"))
        sqlite.close()


def test_every_case_of_the_rules_on_one_ledger(tmp_path: Path) -> None:
    """The last transactions of all cases, in one stream, with an opening anew in between."""
    clock = Clock()
    memory, sqlite = MemoryEngine(GENESIS, clock), SqliteEngine(tmp_path / "ledger", GENESIS, clock)
    for number, case in enumerate(CASES):
        world = World(GENESIS)
        last = case.build(world)
        group = [data for block in world.blocks for data in block.transactions] + [last]
        clock.now += SECOND
        assert memory.submit(group) == sqlite.submit(group)
        assert memory.tip() == sqlite.tip(), case.name
        if number % 40 == 39:
            sqlite.close()
            sqlite = SqliteEngine(tmp_path / "ledger", GENESIS, clock)
    assert memory.blocks(0) == sqlite.blocks(0)
    check_whole(sqlite)
    check_whole(memory)
    sqlite.close()
