"""Ways back into an account: the ledger's cases (see ledger_cases.py)."""

from ledger_cases import add, case, remove
from ledger_world import DAY, World, address, credential, public
from recovery_world import (
    ADA,
    COMMITTED,
    HOUR,
    MEMBERS,
    NEW,
    OTHER,
    OTHER_HASH,
    REVEALED,
    SALT,
    by_clinic,
    by_guardian,
    by_paper,
    doors,
    finish,
    freeze,
    later,
    paper,
    settled,
    staffed,
    stop,
    veto,
)

from medrec.core import ladder
from medrec.core.crypto import key_id
from medrec.core.ladder import Revealed
from medrec.core.outcome import Code

# --- doors --------------------------------------------------------------------------------------------------


@case("recovery", Code.OK)
def the_first_choice_of_doors_holds_at_once(world: World) -> bytes:
    world.open_account("ada")
    return doors(world)


@case("recovery", Code.OK)
def a_further_paper_code_is_noted_at_once(world: World) -> bytes:
    return doors(settled(world), papers=[paper(1), paper(2), paper(3)])


@case("recovery", Code.TIME_LOCKED)
def a_further_paper_code_begins_nothing_within_a_week(world: World) -> bytes:
    settled(world).accept(doors(world, papers=[paper(1), paper(2), paper(3)]))
    later(world, 7 * DAY - 2000)
    return by_paper(world, 3)


@case("recovery", Code.OK)
def a_further_paper_code_begins_a_recovery_after_a_week(world: World) -> bytes:
    settled(world).accept(doors(world, papers=[paper(1), paper(2), paper(3)]))
    later(world, 7 * DAY - 1000)
    return by_paper(world, 3)


@case("recovery", Code.WRONG_CODE)
def a_paper_code_of_this_week_is_taken_back_at_once(world: World) -> bytes:
    settled(world).accept(doors(world, papers=[paper(1), paper(2), paper(3)]), doors(world))
    later(world, 7 * DAY)
    return by_paper(world, 3)


@case("recovery", Code.OK)
def a_paper_code_of_last_week_is_not_taken_back_at_once(world: World) -> bytes:
    settled(world).accept(doors(world, papers=[paper(1)]))
    return by_paper(world, 2)


@case("recovery", Code.GUARDIANS_TOO_FEW)
def one_guardian_of_three_is_not_enough(world: World) -> bytes:
    world.open_account("ada")
    return doors(world, guardians=COMMITTED | {"needs": 1})


@case("recovery", Code.GUARDIANS_TOO_FEW)
def more_guardians_are_needed_than_there_are(world: World) -> bytes:
    world.open_account("ada")
    return doors(world, guardians=COMMITTED | {"needs": 4})


@case("recovery", Code.BAD_PAYLOAD)
def a_paper_code_stands_twice(world: World) -> bytes:
    world.open_account("ada")
    return doors(world, papers=[paper(1), paper(1)])


@case("recovery", Code.RECOVERY_PENDING)
def doors_are_changed_during_a_recovery(world: World) -> bytes:
    settled(world).accept(by_paper(world))
    return doors(world, papers=[])


@case("recovery", Code.RECOVERY_PENDING)
def a_key_is_added_during_a_recovery(world: World) -> bytes:
    settled(world).accept(by_paper(world))
    return add(world, "phone")


@case("recovery", Code.RECOVERY_PENDING)
def a_key_is_removed_during_a_recovery(world: World) -> bytes:
    settled(world).accept(add(world, "phone"), by_paper(world))
    return remove(world, "ada", by="phone")


# --- the paper code -----------------------------------------------------------------------------------------


@case("recovery", Code.OK)
def a_paper_code_begins_a_recovery(world: World) -> bytes:
    return by_paper(settled(world))


@case("recovery", Code.WRONG_CODE)
def a_paper_code_is_not_hers(world: World) -> bytes:
    return by_paper(settled(world), 7)


@case("recovery", Code.WRONG_CODE)
def a_paper_code_is_used_a_second_time(world: World) -> bytes:
    settled(world).accept(by_paper(world), veto(world))
    return by_paper(world)


@case("recovery", Code.UNKNOWN_KEY)
def a_paper_code_is_named_and_another_key_signs(world: World) -> bytes:
    return by_paper(settled(world), key=key_id(public("bo")))


@case("recovery", Code.BAD_SIGNATURE)
def a_paper_code_is_known_by_its_key_alone(world: World) -> bytes:
    settled(world)
    payload = {"credential": OTHER.credential, "paper": public("paper 1")}
    return world.sign(ADA, "recovery/by-paper", payload, by="bo", key=key_id(public("paper 1")))


@case("recovery", Code.UNKNOWN_AUTHOR)
def a_paper_code_of_no_account(world: World) -> bytes:
    return by_paper(world)


@case("recovery", Code.RECOVERY_PENDING)
def a_second_recovery_begins_beside_the_first(world: World) -> bytes:
    settled(world).accept(by_paper(world))
    return by_paper(world, 2, OTHER)


@case("recovery", Code.OK)
def the_new_key_acts_already(world: World) -> bytes:
    settled(world)
    payload = {"credential": credential("ada"), "paper": public("paper 1")}
    return world.sign(ADA, "recovery/by-paper", payload, by="paper 1")


@case("recovery", Code.BAD_CREDENTIAL)
def the_new_key_is_no_key(world: World) -> bytes:
    settled(world)
    payload = {"credential": NEW.credential | {"key": b"\x04" + bytes(64)}, "paper": public("paper 1")}
    return world.sign(ADA, "recovery/by-paper", payload, by="paper 1")


# --- guardians ----------------------------------------------------------------------------------------------


@case("recovery", Code.OK)
def the_first_guardian_speaks(world: World) -> bytes:
    return by_guardian(settled(world), "bo")


@case("recovery", Code.OK)
def the_second_guardian_begins_the_recovery(world: World) -> bytes:
    settled(world).accept(by_guardian(world, "bo"))
    return by_guardian(world, "cy")


@case("recovery", Code.OK)
def two_guardians_speak_for_two_keys(world: World) -> bytes:
    settled(world).accept(by_guardian(world, "bo", OTHER))
    return by_guardian(world, "cy")


@case("recovery", Code.OK)
def a_hospital_is_one_of_the_guardians(world: World) -> bytes:
    members = sorted([address("bo"), "north"])
    committed = {
        "commitment": ladder.guardians_commitment(Revealed(members, 2, SALT)), "needs": 2, "of": 2,
    }  # fmt: skip
    settled(world, guardians=committed)
    revealed = {"members": members, "needs": 2, "salt": SALT}
    payload = {"account": ADA, "credential": NEW.credential, "guardians": revealed}
    world.accept(world.sign("north", "recovery/by-guardian", payload))
    return by_guardian(world, "bo", guardians=revealed)


@case("recovery", Code.ALREADY_SAID)
def a_guardian_speaks_twice(world: World) -> bytes:
    settled(world).accept(by_guardian(world, "bo"))
    return by_guardian(world, "bo")


@case("recovery", Code.NOT_A_GUARDIAN)
def a_stranger_speaks_as_a_guardian(world: World) -> bytes:
    settled(world).accept(world.opening("eve"))
    return by_guardian(world, "eve")


@case("recovery", Code.WRONG_GUARDIANS)
def other_guardians_are_named(world: World) -> bytes:
    settled(world).accept(world.opening("eve"))
    members = sorted([address("eve"), *MEMBERS[1:]])
    return by_guardian(world, "eve", guardians=REVEALED | {"members": members})


@case("recovery", Code.WRONG_GUARDIANS)
def fewer_guardians_are_said_to_be_needed(world: World) -> bytes:
    return by_guardian(settled(world), "bo", guardians=REVEALED | {"needs": 1})


@case("recovery", Code.DOOR_CLOSED)
def an_account_has_no_guardians(world: World) -> bytes:
    return by_guardian(settled(world, guardians=None), "bo")


@case("recovery", Code.UNKNOWN_ACCOUNT)
def guardians_of_no_account(world: World) -> bytes:
    return by_guardian(settled(world), "bo", account=address("nobody"))


@case("recovery", Code.AUTHOR_SUSPENDED)
def a_guardian_whose_account_is_frozen_speaks(world: World) -> bytes:
    settled(world)
    frozen = {"account": address("bo"), "guardians": None, "staff": []}
    world.accept(world.sign(address("bo"), "account/freeze", frozen, by="bo"))
    return by_guardian(world, "bo")


# --- stopping and finishing -----------------------------------------------------------------------------------


@case("recovery", Code.OK)
def a_live_key_stops_the_first_recovery(world: World) -> bytes:
    settled(world).accept(by_paper(world))
    return veto(world)


@case("recovery", Code.VETO_SPENT)
def a_live_key_does_not_stop_the_second(world: World) -> bytes:
    settled(world).accept(by_paper(world), veto(world), by_paper(world, 2))
    return veto(world)


@case("recovery", Code.OK)
def a_live_key_stops_another_after_a_month(world: World) -> bytes:
    settled(world).accept(by_paper(world), veto(world))
    later(world, 30 * DAY).accept(by_paper(world, 2))
    return veto(world)


@case("recovery", Code.OK)
def a_key_of_a_frozen_account_stops_a_recovery(world: World) -> bytes:
    settled(world).accept(by_paper(world), freeze(world, address("bo"), "bo", guardians=REVEALED))
    return veto(world)


@case("recovery", Code.NO_RECOVERY)
def there_is_nothing_to_stop(world: World) -> bytes:
    return veto(settled(world))


@case("recovery", Code.NO_RECOVERY)
def another_recovery_is_under_way(world: World) -> bytes:
    settled(world).accept(by_paper(world))
    return veto(world, OTHER_HASH)


@case("recovery", Code.OK)
def one_guardian_stops_the_first_at_a_clinic(world: World) -> bytes:
    staffed(settled(world)).accept(by_clinic(world))
    return stop(world, "bo")


@case("recovery", Code.OK)
def a_majority_of_guardians_stops_the_second(world: World) -> bytes:
    settled(world).accept(by_paper(world), veto(world), by_paper(world, 2), stop(world, "bo"))
    return stop(world, "cy")


@case("recovery", Code.ALREADY_SAID)
def a_guardian_is_against_it_twice(world: World) -> bytes:
    settled(world).accept(by_paper(world), stop(world, "bo"))
    return stop(world, "bo")


@case("recovery", Code.TIME_LOCKED)
def the_new_key_comes_too_early(world: World) -> bytes:
    settled(world).accept(by_paper(world))
    later(world, 24 * HOUR - 2000)
    return finish(world)


@case("recovery", Code.OK)
def the_new_key_takes_over_after_the_paper_code_s_day(world: World) -> bytes:
    settled(world).accept(by_paper(world))
    later(world, 24 * HOUR - 1000)
    return finish(world)


@case("recovery", Code.OK)
def the_new_key_takes_over_after_the_guardians_two_days(world: World) -> bytes:
    settled(world).accept(by_guardian(world, "bo"), by_guardian(world, "cy"))
    later(world, 48 * HOUR - 1000)
    return finish(world)


@case("recovery", Code.OK)
def the_new_key_takes_over_after_the_clinic_s_three_days(world: World) -> bytes:
    staffed(settled(world)).accept(by_clinic(world))
    later(world, 72 * HOUR - 1000)
    return finish(world)


@case("recovery", Code.NO_RECOVERY)
def the_new_key_comes_too_late(world: World) -> bytes:
    settled(world).accept(by_paper(world))
    later(world, 24 * HOUR + 7 * DAY)
    return finish(world)


@case("recovery", Code.UNKNOWN_KEY)
def another_key_wants_to_take_over(world: World) -> bytes:
    settled(world).accept(by_paper(world))
    later(world, 24 * HOUR)
    return finish(world, OTHER)


@case("recovery", Code.UNKNOWN_KEY)
def the_old_key_acts_after_the_recovery(world: World) -> bytes:
    settled(world).accept(by_paper(world))
    later(world, 24 * HOUR).accept(finish(world))
    return add(world, "phone")


@case("recovery", Code.WRONG_CODE)
def another_paper_code_is_void_after_the_recovery(world: World) -> bytes:
    settled(world).accept(by_paper(world))
    later(world, 24 * HOUR).accept(finish(world))
    return by_paper(world, 2, OTHER)


@case("recovery", Code.WRONG_GUARDIANS)
def a_thief_s_guardians_who_had_to_wait_stop_nothing(world: World) -> bytes:
    settled(world).accept(world.opening("eve"), world.opening("mal"))
    members = sorted([address("eve"), address("mal")])
    mine = {"commitment": ladder.guardians_commitment(Revealed(members, 2, SALT)), "needs": 2, "of": 2}
    world.accept(doors(world, guardians=mine))
    later(world, 6 * DAY).accept(by_guardian(world, "bo"), by_guardian(world, "cy"))
    later(world, DAY)
    return stop(world, "eve", guardians={"members": members, "needs": 2, "salt": SALT})


@case("recovery", Code.OK)
def other_guardians_speak_after_the_wait(world: World) -> bytes:
    settled(world).accept(world.opening("eve"), world.opening("mal"))
    members = sorted([address("eve"), address("mal")])
    mine = {"commitment": ladder.guardians_commitment(Revealed(members, 2, SALT)), "needs": 2, "of": 2}
    world.accept(doors(world, guardians=mine))
    later(world, 7 * DAY)
    return by_guardian(world, "eve", guardians={"members": members, "needs": 2, "salt": SALT})
