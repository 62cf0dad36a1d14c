"""Freezing an account, and the network's delays: the ledger's cases (see ledger_cases.py)."""

from typing import Any

from ledger_cases import add, case
from ledger_world import DAY, World, address, public, signer
from recovery_world import (
    ADA,
    HOUR,
    REVEALED,
    by_paper,
    finish,
    freeze,
    later,
    settled,
    staffed,
    unfreeze,
)

from medrec.core import ladder
from medrec.core.crypto import key_id
from medrec.core.outcome import Code

# --- freezing -------------------------------------------------------------------------------------------------


@case("recovery", Code.OK)
def the_owner_freezes_her_account(world: World) -> bytes:
    return freeze(settled(world), ADA, "ada")


@case("recovery", Code.OK)
def a_guardian_freezes_it(world: World) -> bytes:
    return freeze(settled(world), address("bo"), "bo", guardians=REVEALED)


def frozen_by_clinic(world: World, **changes: Any) -> bytes:
    """North freezes Ada's account at the word of a nurse."""
    nonce = world.nonces["north"] + 1
    message = ladder.freeze_message(world.network, "north", ADA, changes.pop("signed", nonce))
    proof = [key_id(public("north nurse")), signer("north nurse").sign(message).signature]
    return freeze(world, "north", staff=[proof], **changes)


@case("recovery", Code.OK)
def a_clinic_freezes_it(world: World) -> bytes:
    return frozen_by_clinic(staffed(settled(world)))


@case("recovery", Code.STAFF_UNKNOWN)
def a_clinic_freezes_it_with_an_old_word(world: World) -> bytes:
    return frozen_by_clinic(staffed(settled(world)), signed=1)


@case("recovery", Code.STAFF_UNKNOWN)
def a_clinic_freezes_it_without_its_staff(world: World) -> bytes:
    return freeze(staffed(settled(world)), "north")


@case("recovery", Code.NOT_A_CLINIC)
def a_laboratory_freezes_it(world: World) -> bytes:
    return freeze(settled(world), "east")


@case("recovery", Code.NOT_A_GUARDIAN)
def a_stranger_freezes_it(world: World) -> bytes:
    settled(world).accept(world.opening("eve"))
    return freeze(world, address("eve"), "eve")


@case("recovery", Code.AUTHOR_SUSPENDED)
def a_key_of_a_frozen_account_acts(world: World) -> bytes:
    settled(world).accept(freeze(world, ADA, "ada"))
    return add(world, "phone")


@case("recovery", Code.ALREADY_FROZEN)
def it_is_frozen_twice(world: World) -> bytes:
    settled(world).accept(freeze(world, ADA, "ada"))
    return freeze(world, address("bo"), "bo", guardians=REVEALED)


@case("recovery", Code.FREEZE_SPENT)
def a_guardian_freezes_it_again_and_again(world: World) -> bytes:
    settled(world).accept(freeze(world, address("bo"), "bo", guardians=REVEALED))
    later(world, 5 * DAY)
    return freeze(world, address("bo"), "bo", guardians=REVEALED)


@case("recovery", Code.OK)
def a_freeze_ends_by_itself_after_five_days(world: World) -> bytes:
    settled(world).accept(freeze(world, ADA, "ada"))
    later(world, 5 * DAY)
    return add(world, "phone")


@case("recovery", Code.OK)
def a_key_of_the_account_unfreezes_it(world: World) -> bytes:
    settled(world).accept(freeze(world, address("bo"), "bo", guardians=REVEALED))
    return unfreeze(world, ADA, "ada")


@case("recovery", Code.UNFREEZE_SPENT)
def a_key_does_not_unfreeze_it_a_second_time(world: World) -> bytes:
    settled(world).accept(freeze(world, address("bo"), "bo", guardians=REVEALED), unfreeze(world, ADA, "ada"))
    world.accept(freeze(world, address("cy"), "cy", guardians=REVEALED))
    return unfreeze(world, ADA, "ada")


@case("recovery", Code.OK)
def as_many_guardians_as_are_needed_unfreeze_it(world: World) -> bytes:
    settled(world).accept(freeze(world, ADA, "ada"), unfreeze(world, address("bo"), "bo", REVEALED))
    return unfreeze(world, address("cy"), "cy", REVEALED)


@case("recovery", Code.ALREADY_SAID)
def a_guardian_unfreezes_it_twice(world: World) -> bytes:
    settled(world).accept(freeze(world, ADA, "ada"), unfreeze(world, address("bo"), "bo", REVEALED))
    return unfreeze(world, address("bo"), "bo", REVEALED)


@case("recovery", Code.NOT_FROZEN)
def it_is_not_frozen(world: World) -> bytes:
    return unfreeze(settled(world), ADA, "ada")


@case("recovery", Code.NOT_A_GUARDIAN)
def a_stranger_unfreezes_it(world: World) -> bytes:
    settled(world).accept(world.opening("eve"), freeze(world, ADA, "ada"))
    return unfreeze(world, address("eve"), "eve")


# --- the network's delays -------------------------------------------------------------------------------------


def policy(**changes: int) -> dict[str, int]:
    """The delays in milliseconds."""
    return {
        "paper": 48 * HOUR, "guardians": 96 * HOUR, "clinic": 144 * HOUR, "freeze": 9 * DAY, "doors": 9 * DAY,
    } | changes  # fmt: skip


@case("recovery", Code.TIME_LOCKED)
def the_network_has_voted_for_longer_waits(world: World) -> bytes:
    settled(world).decide("recovery-policy", **policy())
    later(world, 2 * DAY).accept(by_paper(world))
    later(world, 48 * HOUR - 2000)
    return finish(world)


@case("recovery", Code.BAD_PAYLOAD)
def a_wait_of_minutes_is_proposed(world: World) -> bytes:
    return world.proposal("north", "recovery-policy", **policy(paper=60_000))


@case("recovery", Code.NO_CHANGE)
def the_waits_of_today_are_proposed(world: World) -> bytes:
    world.decide("recovery-policy", **policy())
    return world.proposal("north", "recovery-policy", **policy())
