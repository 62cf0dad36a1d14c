"""What organisations do to themselves: keys and directory."""

import pytest
from ledger_cases import Case, of_family
from ledger_world import World, keys, public

from medrec.core import state
from medrec.core.crypto import key_id


@pytest.mark.parametrize("case", of_family("organisation"))
def test_case(case: Case) -> None:
    world = World()
    data = case.build(world)
    assert world.try_out(data).outcomes[0].code == case.code


def test_a_rotation_takes_the_new_keys_and_keeps_the_old_ones_from_ever_coming_back() -> None:
    world = World()
    world.accept(world.sign("north", "organisation/rotate", {"keys": keys("north 2")}))
    north = state.organisation(world.view, "north")
    assert north is not None and north.keys.ed25519 == public("north 2")
    for name in ("north", "north 2"):
        assert world.view.get(state.signing_key_key(key_id(public(name)))) == b"north"


def test_many_rotations_do_not_make_the_record_grow() -> None:
    world = World()
    sizes = set()
    for number in range(5):
        by = "north" if number == 0 else f"north {number}"
        world.accept(world.sign("north", "organisation/rotate", {"keys": keys(f"north {number + 1}")}, by=by))
        sizes.add(len(world.view.values[state.organisation_key("north")]))
    assert len(sizes) == 1


def test_a_description_changes_name_and_endpoint_and_nothing_else() -> None:
    world = World()
    before = state.organisation(world.view, "north")
    payload = {"name": "Nordkrankenhaus", "endpoint": "http://10.0.0.7:8000"}
    world.accept(world.sign("north", "organisation/describe", payload))
    after = state.organisation(world.view, "north")
    assert before is not None and after is not None
    assert (after.name, after.endpoint) == ("Nordkrankenhaus", "http://10.0.0.7:8000")
    assert (after.keys, after.roles, after.active) == (before.keys, before.roles, True)
