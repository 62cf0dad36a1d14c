"""The indexes of every state that the cases of all rules lead to follow from its proven records alone."""

import ledger_vectors  # noqa: F401  # enters the cases of all families
import pytest
from ledger_cases import CASES, Case
from ledger_world import World

from medrec.core import indexes, state


def kept(world: World) -> set[bytes]:
    return {key for key in world.view.values if key.startswith(b"~") and key != state.TIP}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_indexes_follow_from_the_proven_records(case: Case) -> None:
    world = World()
    world.block(case.build(world))
    for later in (0, 40 * 86_400_000):
        world.block(time=world.tip.time + later)
        assert {key for pair in world.mapped().items() for key in indexes.following(*pair)} == kept(world)


def test_the_cases_make_indexes_of_every_kind() -> None:
    made = set()
    for case in CASES:
        world = World()
        world.block(case.build(world))
        made |= {key.split(b"/")[0] for key in kept(world)}
    assert made == {b"~due", b"~owes", b"~thaw"}
