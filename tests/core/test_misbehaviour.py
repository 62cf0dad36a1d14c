"""What is proven of a validator is kept, counted once, and moves no votes."""

from ledger_world import World

from medrec.core import state
from medrec.portal import ledger


def counted(world: World, organisation: str) -> int:
    return state.read_integer(world.view, state.faults_key(organisation))


def test_a_misdeed_is_kept_and_counted_once() -> None:
    world = World()
    for height, count in ((3, 1), (3, 1), (4, 2)):
        world.accuse("south", height)
        world.block()
        assert counted(world, "south") == count
    world.accuse("south", 4, "light-client-attack")
    world.block()
    assert counted(world, "south") == 3 and counted(world, "north") == 0
    kept = state.read(world.view, state.misbehaviour_key("south", 3, "double-vote"), state.Misdeed)
    assert kept is not None and (kept.height, kept.since, kept.kind) == (3, 1, "double-vote")


def test_misbehaviour_stands_under_the_state_root_and_suspends_nobody() -> None:
    honest, accused = World(), World()
    accused.accuse("south")
    honest.block(), accused.block()
    assert honest.tip.state_root != accused.tip.state_root and honest.tip.log_root == accused.tip.log_root
    south = state.organisation(accused.view, "south")
    assert south is not None and south.has_vote


def test_the_page_of_the_ledger_shows_the_count() -> None:
    world = World()
    world.accuse("south"), world.accuse("south", 2)
    world.block()
    shown = {name: ledger._organisation(world.view, found)["faults"] for name in ("south", "north")
             if (found := state.organisation(world.view, name)) is not None}  # fmt: skip
    assert shown == {"south": 2, "north": 0}
