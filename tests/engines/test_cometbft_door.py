"""Who asks for an empty block, and whose engine is let in: what an application answers, without a network."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from abci_driver import Driver
from ledger_world import World, admission, id_of, signer
from suite import MANY, NAMES

from medrec.core.outcome import Code
from medrec.engines.cometbft_app import STRANGE
from medrec.engines.cometbft_door import admitted
from medrec.engines.cometbft_tick import TICK, TICKS_MAX, make_tick


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Driver]:
    driver = Driver(tmp_path)
    yield driver
    driver.close()


def test_few_ticks_wait_at_one_height_and_no_block_holds_them(node: Driver) -> None:
    own = signer(NAMES[0] + " consensus")
    first = make_tick(own, node.founders.chain_id, 1)
    taken = [node.check(make_tick(own, node.founders.chain_id, 1)) == 0 for _ in range(TICKS_MAX + 3)]
    assert taken == [True] * TICKS_MAX + [False] * 3
    assert node.propose([first]) == [] and not node.accepts([first])
    node.block()
    assert node.check(first, again=True) != 0 and node.check(make_tick(own, node.founders.chain_id, 2)) == 0


def test_only_who_validates_asks_for_a_block_and_only_for_the_next(node: Driver) -> None:
    chain, own = node.founders.chain_id, signer(NAMES[1] + " consensus")
    good = make_tick(own, chain, 1)
    stranger = make_tick(signer("stranger"), chain, 1)
    borrowed = stranger[: -32 - 64] + good[-32 - 64 : -64] + stranger[-64:]
    for bad in (
        TICK,
        TICK + b"x" * 16,
        good[:-1],
        good + b"x",
        stranger,
        borrowed,
        make_tick(own, "medrec-other", 1),
        make_tick(own, chain, 3),
    ):
        assert node.check(bad) == STRANGE, bad
    assert node.check(good) == 0 and node.check(make_tick(own, chain, 2)) == 0
    node.block()
    node.block()
    assert node.check(good) == STRANGE  # it stands no more for a block that is to come
    world = World(MANY)
    world.tip = node.storage.tip()
    proposal = world.proposal(NAMES[0], "suspend", id=NAMES[1])
    node.block(proposal, *(world.vote(name, id_of(proposal)) for name in NAMES[2:7]))
    assert node.check(make_tick(own, chain, 4)) == STRANGE  # who was suspended makes nobody write
    assert node.check(make_tick(signer(NAMES[2] + " consensus"), chain, 4)) == 0


def test_the_engine_of_who_is_about_to_join_is_let_in_and_stays(node: Driver) -> None:
    world, engine = World(MANY), "e1" * 20
    assert admitted(node.storage.state()) == set()
    proposal = world.proposal(NAMES[0], "admit", **admission("west"), engine=engine)
    node.block(proposal, world.proposal(NAMES[1], "admit", **admission("east-end")))
    assert admitted(node.storage.state()) == {engine}
    node.time += 31 * 86_400_000
    node.block()
    assert admitted(node.storage.state()) == set()  # nobody voted
    world.tip = node.storage.tip()
    again = world.proposal(NAMES[0], "admit", **admission("west"), engine=engine)
    node.block(again, *(world.vote(name, id_of(again)) for name in NAMES[1:6]))
    node.time += 31 * 86_400_000
    node.block()
    assert admitted(node.storage.state()) == {engine}
    for bad in (engine.upper(), engine[1:], engine + "\n", "", None, 7):
        answer = node.block(world.proposal(NAMES[2], "admit", **admission("late"), engine=bad))
        assert answer.tx_results[0].code == Code.BAD_PAYLOAD
