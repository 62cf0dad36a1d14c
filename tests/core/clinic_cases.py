"""The way back through a clinic in person: the ledger's cases (see ledger_cases.py)."""

from ledger_cases import case
from ledger_world import DAY, World, credential
from recovery_world import (
    NEW,
    OTHER,
    by_clinic,
    by_guardian,
    later,
    settled,
    staffed,
    veto,
)

from medrec.core import ladder
from medrec.core.kinds.recovery import STAFF_AGE_MS
from medrec.core.outcome import Code
from medrec.core.types import decode_transaction

# --- the clinic ---------------------------------------------------------------------------------------------


@case("recovery", Code.OK)
def two_of_a_clinic_s_staff_begin_a_recovery(world: World) -> bytes:
    return by_clinic(staffed(settled(world)))


@case("recovery", Code.OK)
def the_clinic_is_the_way_back_of_those_who_never_chose(world: World) -> bytes:
    world.open_account("ada")
    return by_clinic(staffed(world))


@case("recovery", Code.STAFF_UNKNOWN)
def one_of_the_staff_signs_twice(world: World) -> bytes:
    return by_clinic(staffed(settled(world)), names=("north nurse", "north nurse"))


@case("recovery", Code.STAFF_UNKNOWN)
def one_of_the_staff_is_another_clinic_s(world: World) -> bytes:
    return by_clinic(staffed(settled(world), "north", "south"), names=("north nurse", "south nurse"))


@case("recovery", Code.STAFF_UNKNOWN)
def the_staff_signed_for_another_key(world: World) -> bytes:
    return by_clinic(staffed(settled(world)), new=NEW, credential=OTHER.credential)


@case("recovery", Code.STAFF_UNKNOWN)
def the_staff_signed_another_check(world: World) -> bytes:
    return by_clinic(staffed(settled(world)), check="known-in-person")


@case("recovery", Code.STAFF_UNKNOWN)
def the_staff_s_keys_are_too_new(world: World) -> bytes:
    settled(world)
    payload = {"credentials": [credential("north nurse"), credential("north doctor")]}
    world.accept(world.sign("north", "organisation/staff", payload))
    later(world, STAFF_AGE_MS - 2000)
    return by_clinic(world)


@case("recovery", Code.NOT_A_CLINIC)
def a_laboratory_vouches(world: World) -> bytes:
    return by_clinic(settled(world), "east")


@case("recovery", Code.OK)
def the_staff_signed_almost_a_day_ago(world: World) -> bytes:
    staffed(settled(world))
    return by_clinic(world, time=world.tip.time - ladder.VOUCH_LIFE_MS + 2000)


@case("recovery", Code.VOUCH_VOID)
def the_staff_signed_a_day_ago(world: World) -> bytes:
    staffed(settled(world))
    return by_clinic(world, time=world.tip.time - ladder.VOUCH_LIFE_MS)


@case("recovery", Code.VOUCH_VOID)
def the_staff_signed_for_a_time_to_come(world: World) -> bytes:
    staffed(settled(world))
    return by_clinic(world, time=world.tip.time + 2 * ladder.VOUCH_AHEAD_MS)


@case("recovery", Code.STAFF_UNKNOWN)
def the_hospital_states_another_time_than_its_staff_signed(world: World) -> bytes:
    staffed(settled(world))
    payload = decode_transaction(by_clinic(world)).body.payload
    return world.sign("north", "recovery/by-clinic", {**payload, "time": payload["time"] + 1})


@case("recovery", Code.VOUCH_VOID)
def a_word_of_the_staff_is_used_a_second_time(world: World) -> bytes:
    """Guardians took the place of what it began, and a key stopped them: nobody stopped the clinic."""
    staffed(settled(world)).accept(by_clinic(world, time=world.tip.time))
    payload = decode_transaction(by_clinic(world, time=world.tip.time - 2000)).body.payload
    world.accept(by_guardian(world, "bo"), by_guardian(world, "cy"))
    world.accept(veto(world))
    return world.sign("north", "recovery/by-clinic", payload)


@case("recovery", Code.VOUCH_VOID)
def a_word_of_the_staff_is_brought_again_after_a_month(world: World) -> bytes:
    """Two people signed once, she said no, and the hospital alone would begin it again."""
    staffed(settled(world))
    word = by_clinic(world)
    world.accept(word, veto(world))
    later(world, 31 * DAY)
    return world.sign("north", "recovery/by-clinic", dict(decode_transaction(word).body.payload))


@case("recovery", Code.DOOR_CLOSED)
def the_clinic_s_door_is_closed(world: World) -> bytes:
    return by_clinic(staffed(settled(world, clinic=False)))


@case("recovery", Code.CLINIC_SPENT)
def a_clinic_that_was_stopped_tries_again(world: World) -> bytes:
    staffed(settled(world)).accept(by_clinic(world), veto(world))
    return by_clinic(world)


@case("recovery", Code.OK)
def a_clinic_that_was_stopped_tries_again_after_a_month(world: World) -> bytes:
    staffed(settled(world)).accept(by_clinic(world), veto(world))
    later(world, 30 * DAY)
    return by_clinic(world)


@case("recovery", Code.OK)
def another_clinic_tries_after_a_veto(world: World) -> bytes:
    staffed(settled(world), "north", "south").accept(by_clinic(world), veto(world))
    return by_clinic(world, "south")


@case("recovery", Code.OK)
def a_hospital_names_its_staff(world: World) -> bytes:
    return world.sign("north", "organisation/staff", {"credentials": [credential("nurse"), NEW.credential]})


@case("recovery", Code.NO_CHANGE)
def a_hospital_names_the_same_staff(world: World) -> bytes:
    world.accept(world.sign("north", "organisation/staff", {"credentials": [credential("nurse")]}))
    return world.sign("north", "organisation/staff", {"credentials": [credential("nurse")]})


@case("recovery", Code.CREDENTIAL_EXISTS)
def a_hospital_names_one_of_the_staff_twice(world: World) -> bytes:
    return world.sign("north", "organisation/staff", {"credentials": [credential("nurse"), credential("nurse")]})


@case("recovery", Code.BAD_CREDENTIAL)
def a_hospital_names_a_key_that_is_none(world: World) -> bytes:
    return world.sign("north", "organisation/staff", {"credentials": [NEW.credential | {"key": bytes(65)}]})
