"""Cases of those who validate: consensus keys, misbehaviour, and going; entered into the table of ledger_cases."""

from ledger_cases import case
from ledger_world import World, hash_of

from medrec.core.outcome import Code


@case("organisation", Code.OK)
def an_organisation_goes(world: World) -> bytes:
    return world.sign("north", "organisation/leave", {})


@case("organisation", Code.BAD_PAYLOAD)
def an_organisation_goes_and_says_why(world: World) -> bytes:
    return world.sign("north", "organisation/leave", {"reason": "budget"})


@case("organisation", Code.AUTHOR_SUSPENDED)
def an_organisation_speaks_after_it_has_gone(world: World) -> bytes:
    world.accept(world.sign("north", "organisation/leave", {}))
    return world.sign("north", "organisation/describe", {"name": "North again", "endpoint": ""})


@case("organisation", Code.LAST_VOTERS)
def the_last_voter_goes(world: World) -> bytes:
    world.accept(world.sign("north", "organisation/leave", {}))
    world.accept(world.sign("south", "organisation/leave", {}))
    return world.sign("east", "organisation/leave", {})


@case("governance", Code.AUTHOR_SUSPENDED)
def a_suspended_organisation_votes(world: World) -> bytes:
    proposal = world.propose("north", "validator", id="south", key=hash_of("key"), power=1)
    world.decide("suspend", id="east", voters=("north", "south", "east"))
    return world.vote("east", proposal)


@case("governance", Code.OK)
def a_reinstated_organisation_votes(world: World) -> bytes:
    world.accept(world.sign("east", "organisation/leave", {}))
    world.decide("reinstate", id="east", voters=("north", "south"))
    proposal = world.propose("north", "validator", id="south", key=hash_of("key"), power=1)
    return world.vote("east", proposal)


@case("governance", Code.KEY_IN_USE)
def a_consensus_key_of_another_organisation(world: World) -> bytes:
    world.decide("validator", id="south", key=hash_of("key"), power=1)
    world.decide("validator", id="south", key=hash_of("newer key"), power=1)
    return world.proposal("north", "validator", id="north", key=hash_of("key"), power=1)


@case("governance", Code.OK)
def a_vote_that_makes_a_validator(world: World) -> bytes:
    proposal = world.propose("north", "validator", id="south", key=hash_of("key"), power=1)
    world.accept(world.vote("south", proposal))
    return world.vote("east", proposal)


@case("block", Code.OK)
def a_block_that_brings_proof_of_misbehaviour(world: World) -> bytes:
    world.accuse("south", 1)
    world.block()
    world.accuse("south", 1)
    world.accuse("south", 2)
    world.accuse("east", 2, "light-client-attack")
    return world.sign("north", "organisation/describe", {"name": "North", "endpoint": ""})
