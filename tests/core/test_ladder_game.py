"""The promise of the ladder, played as a game: a thief holds one live key of Ada's and does whatever that key, papers
and friends of his own can do, in any order and at any time. Ada's other ways speak within a week of the first notice.

Whatever he does, hers is the only key in the end; and no recovery ever brings him in.
"""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_cases import add, remove
from ledger_world import DAY, World, address, public
from passkey_cases import sign_with
from recovery_world import (
    ADA,
    HOUR,
    NEW,
    NEW_HASH,
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
    paper,
    settled,
    staffed,
    unfreeze,
    veto,
)

from medrec.core import ladder, state
from medrec.core.crypto import key_id
from medrec.core.ladder import Revealed
from medrec.core.outcome import Code

FRIENDS = sorted([address("eve"), address("mal")])
HIS = {"commitment": ladder.guardians_commitment(Revealed(FRIENDS, 2, SALT)), "needs": 2, "of": 2}
SHOWN = {"members": FRIENDS, "needs": 2, "salt": SALT}
GUARDIANS, PAPERS, CLINICS, NEVER_CHOSE = "guardians", "papers", "clinics", "clinics of an account that never chose"
TRICKS = 15
MOVES = st.lists(st.tuples(st.integers(0, 18), st.integers(0, TRICKS - 1)), max_size=14)


def ada(way: str) -> World:
    """Ada's account with the ways back of the case, and the thief's two friends."""
    if way == NEVER_CHOSE:
        world = World()
        world.open_account("ada")
    else:
        world = settled(World())
    world.accept(world.opening("eve"), world.opening("mal"))
    return staffed(world, "north", "south")


def keys(world: World) -> set[str]:
    account = state.account(world.view, ADA)
    assert account is not None
    return set(account.credentials)


def attempt(world: World) -> ladder.Attempt | None:
    return ladder.ladder_of(world.view, ADA).attempt_at(world.tip.time)


def trick(world: World, number: int) -> bytes:
    """One of the things that a thief can do who holds the key "ada"."""
    present = ladder.ladder_of(world.view, ADA).doors
    hers = [paper(1), paper(2)]
    wait = attempt(world)
    against = ladder.credential_hash(wait.credential) if wait is not None else NEW_HASH
    makers: list[Callable[[], bytes]] = [
        lambda: veto(world, against),
        lambda: veto(world, against),
        lambda: doors(world, guardians=_plain(present), papers=[*hers, paper(3), paper(4)], clinic=present.clinic),
        lambda: doors(world, guardians=_plain(present), papers=[paper(3), paper(4)], clinic=present.clinic),
        lambda: doors(world, guardians=HIS, papers=[paper(3), paper(4)], clinic=False),
        lambda: doors(world, guardians=None, papers=[], clinic=False),
        lambda: by_paper(world, 3, OTHER),
        lambda: by_paper(world, 4, OTHER),
        lambda: by_guardian(world, "eve", OTHER, guardians=SHOWN),
        lambda: by_guardian(world, "mal", OTHER, guardians=SHOWN),
        lambda: add(world, "his second"),
        lambda: remove(world, "tablet", by="ada"),
        lambda: freeze(world, ADA, "ada"),
        lambda: unfreeze(world, ADA, "ada"),
        lambda: finish(world, OTHER),
    ]
    return makers[number]()


def _plain(present: ladder.Doors) -> dict[str, object] | None:
    chosen = present.guardians
    return None if chosen is None else {"commitment": chosen.commitment, "needs": chosen.needs, "of": chosen.of}


def speak(world: World, way: str, tries: int) -> list[bytes]:
    """Ada's way, for the first time or once more."""
    if way == GUARDIANS:
        return [by_guardian(world, "bo"), by_guardian(world, "cy")]
    if way == PAPERS:
        return [by_paper(world, tries + 1)]
    return [by_clinic(world, ("north", "south")[tries])]


@pytest.mark.parametrize("way", [GUARDIANS, PAPERS, CLINICS, NEVER_CHOSE])
@given(before=MOVES, during=MOVES)
@settings(max_examples=60, deadline=None)
def test_who_holds_one_live_key_never_stays_the_only_one(
    way: str, before: list[tuple[int, int]], during: list[tuple[int, int]]
) -> None:
    world = ada(way)
    world.accept(add(world, "tablet"))
    begun = world.tip.time
    for hours, number in before:
        # Ada answers the first notice within three days.
        if world.tip.time + hours * HOUR > begun + 3 * DAY:
            break
        world.block(trick(world, number), time=world.tip.time + hours * HOUR)
        never_his(world)
    end, tries, moves = world.tip.time + 7 * DAY, 0, list(during)
    while keys(world) != {NEW.key_id.hex()}:
        assert world.tip.time < end and tries < 3, "a week, and two words of each"
        now = attempt(world)
        if now is None or ladder.credential_hash(now.credential) != NEW_HASH:
            world.block(*speak(world, way, tries))
            assert attempt(world) is not None, "nothing keeps her way from beginning"
            tries += 1
        hours, number = moves.pop(0) if moves else (24, 0)
        world.block(trick(world, number), time=world.tip.time + max(1, hours) * HOUR)
        never_his(world)
        world.block(finish(world))
    later_on(world)


def never_his(world: World) -> None:
    """No recovery is under way that brings him in, and none has."""
    now = attempt(world)
    assert now is None or ladder.credential_hash(now.credential) != OTHER_HASH
    assert OTHER.key_id.hex() not in keys(world)


def later_on(world: World) -> None:
    """What he prepared is void, and she acts."""
    held = state.account(world.view, ADA)
    assert held is not None and not held.frozen
    for number in range(TRICKS):
        world.block(trick(world, number), time=world.tip.time + DAY)
    assert keys(world) == {NEW.key_id.hex()} and key_id(public("ada")).hex() not in keys(world)


def test_a_thief_with_one_paper_is_stopped_by_the_owner_s_key_and_by_her_guardians() -> None:
    world = settled(World())
    world.accept(by_paper(world, 1, OTHER), veto(world, OTHER_HASH))
    assert world.try_out(by_paper(world, 1, OTHER)).outcomes[0].code == Code.WRONG_CODE
    lost = settled(World())
    lost.accept(by_paper(lost, 1, OTHER), by_guardian(lost, "bo"), by_guardian(lost, "cy"))
    assert lost.try_out(finish(lost, OTHER)).outcomes[0].code == Code.UNKNOWN_KEY
    lost.block(time=lost.tip.time + 2 * DAY)
    lost.accept(finish(lost))
    assert keys(lost) == {NEW.key_id.hex()}


def test_a_guardian_s_freeze_is_not_ended_by_a_paper_of_the_thief() -> None:
    world = settled(World())
    world.accept(doors(world, papers=[paper(1), paper(2), paper(3)]))
    world.accept(freeze(world, address("bo"), "bo", guardians=REVEALED))
    assert world.try_out(by_paper(world, 3, OTHER)).outcomes[0].code == Code.TIME_LOCKED
    world.block(time=world.tip.time + 2 * DAY)
    held = state.account(world.view, ADA)
    assert held is not None and held.frozen


def test_a_paper_while_guardians_wait_does_not_make_them_wait_anew() -> None:
    world = World()
    world.accept(*(world.opening(name) for name in ("ada", "bo", "cy", "di")))
    world.accept(doors(world, papers=[]))
    due = ladder.ladder_of(world.view, ADA).next_at
    world.block(time=world.tip.time + DAY)
    world.accept(doors(world, papers=[paper(1)]))
    found = ladder.ladder_of(world.view, ADA)
    assert found.next_at == due and found.doors.papers == [paper(1)] and found.doors.guardians is None
    world.block(time=due)
    world.accept(by_guardian(world, "bo"), by_guardian(world, "cy"))


def test_a_thief_who_uses_up_the_numbers_does_not_keep_her_out() -> None:
    world = settled(World())
    world.nonces[ADA] = (1 << 53) - 2
    world.accept(doors(world, papers=[paper(1), paper(2), paper(3)]))
    world.nonces[ADA] = 0
    assert world.try_out(add(world, "phone")).outcomes[0].code == Code.STALE_NONCE
    world.accept(by_guardian(world, "bo"), by_guardian(world, "cy"))
    world.block(time=world.tip.time + 2 * DAY)
    world.accept(finish(world))
    world.accept(sign_with(world, ADA, "account/freeze", {"account": ADA, "guardians": None, "staff": []}, NEW))


def test_a_thief_who_adds_the_new_key_himself_does_not_keep_it_from_coming() -> None:
    world = settled(World())
    world.accept(by_guardian(world, "bo"))
    world.accept(world.sign(ADA, "account/credential-add", {"credential": NEW.credential}, by="ada"))
    world.accept(by_guardian(world, "cy"))
    world.block(time=world.tip.time + 2 * DAY)
    world.accept(finish(world))
    assert keys(world) == {NEW.key_id.hex()}
