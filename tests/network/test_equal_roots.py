"""Equal transactions make equal roots on four real validators, in memory, in SQLite, and at those who join late."""

import json
import random
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cluster import Cluster, until, whole_chain
from ledger_streams import follow, step
from ledger_world import GENESIS, World
from suite import Clock, check_whole

from medrec.core import state
from medrec.core.types import Tip
from medrec.core.view import View
from medrec.engines.cometbft_files import StateSync, read_engine_settings
from medrec.engines.engine import Engine, TransactionRefused
from medrec.engines.memory import MemoryEngine
from medrec.engines.sqlite import SqliteEngine

pytestmark = pytest.mark.xdist_group("equal_roots")

SEED = 20_240_229
BLOCKS = 18
ORGANISATIONS = tuple(one["id"] for one in GENESIS["organisations"])


@pytest.fixture(scope="module")
def filled(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A network through which a random stream of right and wrong transactions went, through all doors at once."""
    home = tmp_path_factory.mktemp("equal")
    with Cluster(home, ORGANISATIONS, GENESIS, snapshot_every=5, block_pause_ms=20) as cluster:
        chance, world, refused = random.Random(SEED), World(GENESIS), 0
        for _ in range(BLOCKS):
            group = [step(world, chance.randrange(10), chance.randrange(31)) for _ in range(5)]
            doors = [cluster.engines[chance.choice(ORGANISATIONS)] for _ in group]
            with ThreadPoolExecutor(len(group)) as pool:
                refused += sum(pool.map(_submitted, doors, group))
            tip = cluster.even()
            for block in next(iter(cluster.engines.values())).blocks(world.tip.height):
                world.block(*block.block.transactions, time=block.block.time)
            assert world.tip == tip
            follow(world)
            with next(iter(cluster.engines.values())).view() as view:
                world.nonces = {name: _nonce(view, name) for name in ORGANISATIONS}
        assert refused > BLOCKS / 2 and world.tip.log_size > BLOCKS, "the stream holds right and wrong ones"
        yield cluster


def _submitted(engine: Engine, data: bytes) -> bool:
    try:
        engine.submit([data])
    except TransactionRefused:
        return True
    return False


def _nonce(view: View, name: str) -> int:
    return state.read_integer(view, state.nonce_key(name))


def check_same_chain(cluster: Cluster, *names: str) -> int:
    """What all of them have is the same; a block that comes meanwhile may be at some of them alone. How many blocks."""
    top = cluster.even(*names)
    chains = [whole_chain(cluster.engines[name])[: top.height] for name in names]
    assert all(chain == chains[0] for chain in chains) and len(chains[0]) == top.height
    return top.height


def test_memory_and_sqlite_come_to_the_roots_of_the_network(filled: Cluster, tmp_path: Path) -> None:
    tips: set[Tip] = set()
    for engine in filled.engines.values():
        check_whole(engine)
        clock = Clock()
        others = MemoryEngine(GENESIS, clock), SqliteEngine(tmp_path / f"{len(tips)}{id(engine)}", GENESIS, clock)
        for block in whole_chain(engine):
            clock.now = block.block.time
            for other in others:
                other.submit(block.block.transactions)
                assert other.tip() == block.tip
                assert other.blocks(block.block.height - 1)[0].outcomes == block.outcomes
        others[1].close()
        tips.add(engine.tip())
    assert len({(tip.log_root, tip.state_root) for tip in tips}) == 1


def test_a_late_joiner_that_replays_comes_to_the_same_roots(filled: Cluster) -> None:
    filled.join("late-replay")
    engine = filled.open("late-replay")
    top = filled.engines["north"].tip()
    until(lambda: engine.tip().height >= top.height, "the joiner replays every block")
    assert check_same_chain(filled, "north", "late-replay") >= top.height
    check_whole(engine)
    filled.close("late-replay")
    del filled.folders["late-replay"]


def test_a_late_joiner_by_state_sync_comes_to_the_same_roots_and_the_same_history(filled: Cluster) -> None:
    rpc = [f"http://{read_engine_settings(filled.folders[name]).rpc}" for name in ORGANISATIONS[:2]]
    with urllib.request.urlopen(rpc[0] + "/commit?height=2", timeout=30) as answer:
        trusted = json.load(answer)["result"]["signed_header"]["commit"]["block_id"]["hash"]
    filled.engines["north"].submit([])  # a snapshot is taken in two heights after its own
    filled.engines["north"].submit([])
    filled.join("late-sync", state_sync=StateSync(rpc, 2, trusted))
    engine = filled.open("late-sync")
    north = filled.engines["north"]
    until(lambda: engine.tip().height >= north.tip().height, "the joiner takes a snapshot in and follows")
    check_same_chain(filled, "north", "late-sync")
    check_whole(engine)
    status = engine.rpc.call("status")["sync_info"]
    assert int(status["earliest_block_height"]) > 1, "it did not replay from the first block"
    filled.close("late-sync")
    del filled.folders["late-sync"]
