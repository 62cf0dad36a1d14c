"""What a thief with one live key tries against the ways back: the ledger's cases (see ledger_cases.py)."""

from ledger_cases import case
from ledger_world import DAY, World, hash_of
from recovery_world import (
    ADA,
    COMMITTED,
    OTHER,
    OTHER_HASH,
    by_clinic,
    by_guardian,
    by_paper,
    doors,
    later,
    paper,
    settled,
    staffed,
    veto,
)

from medrec.core.outcome import Code


@case("recovery", Code.OK)
def a_thief_closes_the_clinic_of_an_account_that_never_chose(world: World) -> bytes:
    world.open_account("ada")
    world.accept(doors(world, guardians=None, papers=[], clinic=False))
    return by_clinic(staffed(world))


@case("recovery", Code.DOOR_CLOSED)
def guardians_of_this_week_do_not_speak(world: World) -> bytes:
    world.accept(*(world.opening(name) for name in ("ada", "bo", "cy", "di")))
    world.accept(doors(world))
    return by_guardian(world, "bo")


@case("recovery", Code.VETO_SPENT)
def guardians_take_the_place_of_what_a_paper_began(world: World) -> bytes:
    settled(world).accept(by_guardian(world, "bo", OTHER), by_guardian(world, "cy", OTHER), veto(world, OTHER_HASH))
    world.accept(by_paper(world, 1, OTHER), by_guardian(world, "bo"), by_guardian(world, "cy"))
    return veto(world)


@case("recovery", Code.OK)
def a_paper_younger_than_the_veto_begins_nothing_final(world: World) -> bytes:
    settled(world).accept(by_paper(world), veto(world), doors(world, papers=[paper(2), paper(3)]))
    later(world, 7 * DAY).accept(by_paper(world, 3, OTHER))
    return veto(world, OTHER_HASH)


@case("recovery", Code.OK)
def the_account_s_numbers_are_used_up(world: World) -> bytes:
    settled(world)
    world.nonces[ADA] = (1 << 53) - 2
    world.accept(doors(world, papers=[paper(1), paper(2), paper(3)]))
    world.nonces[ADA] = 0
    return by_paper(world)


@case("recovery", Code.OK)
def other_guardians_have_to_wait(world: World) -> bytes:
    return doors(settled(world), guardians=COMMITTED | {"commitment": hash_of("a thief's friends")})
