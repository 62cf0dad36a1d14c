"""Votes: more than two thirds of those that have one, counted when the vote comes."""

import called_cases  # noqa: F401  # enters its cases
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_cases import Case, describe, of_family
from ledger_world import GENESIS, World, admission, founder, hash_of, keys, public

from medrec.core import codec, state
from medrec.core.kinds.governance import passes
from medrec.core.outcome import Code


@pytest.mark.parametrize("case", of_family("governance"))
def test_case(case: Case) -> None:
    world = World()
    data = case.build(world)
    assert world.try_out(data).outcomes[0].code == case.code


@given(st.integers(0, 1000), st.integers(1, 1000))
def test_more_than_two_thirds_and_not_two_thirds(in_favour: int, voters: int) -> None:
    assert passes(in_favour, voters) == (in_favour >= (2 * voters) // 3 + 1)


def test_exactly_two_thirds_decide_nothing_and_one_more_vote_decides() -> None:
    world = World()
    proposal = world.propose("north", "admit", **admission("west"))
    world.accept(world.vote("south", proposal))  # two of three
    assert state.organisation(world.view, "west") is None
    world.accept(world.vote("east", proposal))  # three of three
    west = state.organisation(world.view, "west")
    assert west is not None and west.active and west.since == world.tip.height


def test_three_of_four_decide() -> None:
    world = World()
    world.admit("west")
    world.decide("suspend", voters=("north", "south", "west"), id="east")
    east = state.organisation(world.view, "east")
    assert east is not None and not east.active


def test_a_single_voter_decides_alone_and_at_once() -> None:
    world = World(GENESIS | {"organisations": [founder("north", "clinic"), founder("tower", "witness")]})
    world.accept(world.proposal("north", "admit", **admission("west")))
    assert state.organisation(world.view, "west") is not None


def test_the_vote_of_a_suspended_organisation_counts_no_more() -> None:
    world = World()
    world.admit("west")
    proposal = world.propose("west", "validator", id="south", key=hash_of("consensus"), power=1)
    world.decide("suspend", id="west")
    for voter in ("north", "south"):
        world.accept(world.vote(voter, proposal))  # with west's these would be three of four
        assert world.view.get(state.validator_key("south")) is None
    world.accept(world.vote("east", proposal))
    assert world.view.get(state.validator_key("south")) == codec.encode([hash_of("consensus"), 1])


def test_a_reinstated_organisation_has_its_voice_and_its_vote_again() -> None:
    world = World()
    world.decide("suspend", id="east")
    assert world.try_out(describe_east(world)).outcomes[0].code == Code.AUTHOR_SUSPENDED
    world.decide("reinstate", voters=("north", "south"), id="east")
    world.accept(describe_east(world))
    proposal = world.propose("east", "admit", **admission("west"))
    world.accept(world.vote("north", proposal), world.vote("south", proposal))
    assert state.organisation(world.view, "west") is not None


def describe_east(world: World) -> bytes:
    return world.sign("east", "organisation/describe", {"name": "East again", "endpoint": ""})


def test_votes_of_several_organisations_in_one_block() -> None:
    world = World()
    proposal = world.propose("north", "admit", **admission("west"))
    world.accept(world.vote("south", proposal), world.vote("east", proposal))
    assert state.organisation(world.view, "west") is not None


def test_a_vote_at_the_last_moment_counts_and_a_millisecond_later_it_does_not() -> None:
    world = World()
    proposal = world.propose("north", "suspend", id="east")
    record = state.read(world.view, state.proposal_key(proposal), state.Proposal)
    assert record is not None
    vote = world.vote("south", proposal)
    assert world.try_out(vote, time=record.closes).outcomes[0].code == Code.OK
    assert world.try_out(vote, time=record.closes + 1).outcomes[0].code == Code.PROPOSAL_CLOSED


def test_stolen_keys_are_replaced_without_their_signature_and_retire() -> None:
    world = World()
    world.decide("replace-keys", id="north", keys=keys("north 2"), voters=("south", "east", "north"))
    assert world.try_out(describe(world)).outcomes[0].code == Code.RETIRED_KEY
    world.accept(describe(world, by="north 2"))
    north = state.organisation(world.view, "north")
    assert north is not None and north.keys.ed25519 == public("north 2")


def test_a_change_that_can_not_be_made_any_more_refuses_the_deciding_vote_only() -> None:
    world = World()
    late = world.propose("south", "admit", **admission("west"))
    world.admit("west")
    world.accept(world.vote("north", late))
    outcome = world.block(world.vote("east", late)).outcomes[0]
    assert outcome.code == Code.ORGANISATION_EXISTS
    record = state.read(world.view, state.proposal_key(late), state.Proposal)
    assert record is not None and not record.done and set(record.votes) == {"south", "north"}


def test_a_later_upgrade_takes_the_place_of_an_earlier_one() -> None:
    world = World()
    world.decide("upgrade", version=2, height=100)
    world.decide("upgrade", version=2, height=200)
    assert world.view.get(state.UPGRADE) == codec.encode([2, 200])
