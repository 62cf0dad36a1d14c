"""Cases of how else an organisation is called; entered into the table of ledger_cases."""

from ledger_cases import case
from ledger_world import World

from medrec.core.outcome import Code

NPI = "http://hl7.org/fhir/sid/us-npi|1234567893"
CALLED = {
    "names": [NPI, "https://ehr.south.example/fhir/Organization/1"],
    "servers": ["https://ehr.south.example/fhir/"],
}


@case("governance", Code.OK)
def an_organisation_is_called_by_its_identifier(world: World) -> bytes:
    proposal = world.propose("north", "call", id="south", **CALLED)
    world.accept(world.vote("south", proposal))
    return world.vote("east", proposal)


@case("governance", Code.NO_CHANGE)
def an_organisation_is_called_as_it_is_called(world: World) -> bytes:
    world.decide("call", id="south", **CALLED)
    return world.proposal("north", "call", id="south", **CALLED)


@case("governance", Code.NAME_IN_USE)
def a_name_that_was_given_up_is_taken_by_another(world: World) -> bytes:
    world.decide("call", id="south", **CALLED)
    world.decide("call", id="south", names=[], servers=[])
    return world.proposal("north", "call", id="east", names=[NPI], servers=[])


@case("governance", Code.OK)
def a_name_that_was_given_up_is_taken_again(world: World) -> bytes:
    world.decide("call", id="south", **CALLED)
    world.decide("call", id="south", names=[], servers=[])
    return world.proposal("north", "call", id="south", names=[NPI], servers=[])


@case("governance", Code.BAD_PAYLOAD)
def an_organisation_is_called_by_a_name_of_the_ledger(world: World) -> bytes:
    return world.proposal("north", "call", id="south", names=["urn:medrec:organisation|east"], servers=[])


@case("governance", Code.UNKNOWN_ORGANISATION)
def nobody_is_called_by_an_identifier(world: World) -> bytes:
    return world.proposal("north", "call", id="west", **CALLED)
