"""Recovery: each way back from its beginning to its end, and the laws that hold for every order of events."""

import clinic_cases  # noqa: F401  # enters its cases
import freezing_cases  # noqa: F401  # enters its cases
import pytest
import recovery_cases  # noqa: F401  # enters its cases
import thief_cases  # noqa: F401  # enters its cases
from authenticator import Authenticator
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_cases import Case, add, of_family
from ledger_world import DAY, World, address, public
from passkey_cases import sign_with
from recovery_world import (
    ADA,
    HOUR,
    NEW,
    NEW_HASH,
    OTHER,
    REVEALED,
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
    unfreeze,
    veto,
)

from medrec.core import ladder, state
from medrec.core.crypto import key_id
from medrec.core.outcome import Code


@pytest.mark.parametrize("case", of_family("recovery"))
def test_case(case: Case) -> None:
    world = World()
    data = case.build(world)
    assert world.try_out(data).outcomes[0].code == case.code


def keys(world: World) -> set[str]:
    account = state.account(world.view, ADA)
    assert account is not None
    return set(account.credentials)


def test_after_a_recovery_the_new_key_is_the_only_one_and_the_address_stays() -> None:
    world = settled(World())
    world.accept(add(world, "tablet"))
    since = state.account(world.view, ADA).since  # type: ignore[union-attr]
    world.accept(by_paper(world))
    later(world, 24 * HOUR).accept(finish(world))
    account = state.account(world.view, ADA)
    assert account is not None and keys(world) == {NEW.key_id.hex()}
    assert (account.since, account.frozen) == (since, False)
    for name in ("ada", "tablet"):
        former = ladder.credential_ever(world.view, ADA, key_id(public(name)))
        assert former is not None and former.key == public(name)
    assert ladder.credential_ever(world.view, ADA, key_id(public("eve"))) is None
    left = ladder.ladder_of(world.view, ADA)
    assert left.attempt is None and left.doors.papers == [] and left.doors.guardians is not None
    tablet = Authenticator("another tablet")
    world.accept(sign_with(world, ADA, "account/credential-add", {"credential": tablet.credential}, NEW))


def test_a_recovery_of_a_frozen_account_unfreezes_it() -> None:
    world = settled(World())
    world.accept(freeze(world, address("bo"), "bo", guardians=REVEALED), by_paper(world))
    later(world, 24 * HOUR).accept(finish(world))
    account = state.account(world.view, ADA)
    assert account is not None and not account.frozen
    later(world, 30 * DAY)
    assert not [key for key in world.view.values if key.startswith(b"~thaw/")]


def test_a_thief_with_a_live_key_does_not_keep_her_out() -> None:
    world = settled(World())
    world.accept(by_guardian(world, "bo"), by_guardian(world, "cy"))
    world.accept(veto(world))
    world.accept(by_guardian(world, "bo"), by_guardian(world, "di"))
    assert world.try_out(veto(world)).outcomes[0].code == Code.VETO_SPENT
    later(world, 48 * HOUR).accept(finish(world))
    assert keys(world) == {NEW.key_id.hex()}


def test_a_hostile_hospital_never_gets_in_alone() -> None:
    world = staffed(settled(World()))
    world.accept(by_clinic(world, new=OTHER))
    world.accept(veto(world, _hash(world)))
    for _ in range(5):
        later(world, DAY)
        assert world.try_out(by_clinic(world, new=OTHER)).outcomes[0].code == Code.CLINIC_SPENT
    assert keys(world) == {key_id(public("ada")).hex()}


def _hash(world: World) -> bytes:
    attempt = ladder.ladder_of(world.view, ADA).attempt
    assert attempt is not None
    return ladder.credential_hash(attempt.credential)


def test_a_guardian_s_veto_at_a_clinic_leaves_the_owner_hers() -> None:
    world = staffed(settled(World()), "north", "south")
    world.accept(by_clinic(world), stop(world, "bo"), by_clinic(world, "south"))
    attempt = ladder.ladder_of(world.view, ADA).attempt
    assert attempt is not None and not attempt.final
    world.accept(veto(world))


def test_a_guardian_who_speaks_for_another_key_holds_nobody_up() -> None:
    world = settled(World())
    world.accept(by_guardian(world, "bo", OTHER), by_guardian(world, "cy"))
    assert ladder.ladder_of(world.view, ADA).attempt is None
    world.accept(by_guardian(world, "di"))
    attempt = ladder.ladder_of(world.view, ADA).attempt
    assert attempt is not None and ladder.credential_hash(attempt.credential) == NEW_HASH


def test_a_word_of_a_guardian_is_forgotten_after_a_week() -> None:
    world = settled(World())
    world.accept(by_guardian(world, "bo"))
    later(world, 7 * DAY).accept(by_guardian(world, "cy"))
    assert ladder.ladder_of(world.view, ADA).attempt is None


def test_present_doors_hold_until_the_others_come_and_choosing_the_present_ones_keeps_them() -> None:
    world = settled(World())
    world.accept(doors(world, clinic=False, papers=[paper(1)]))
    found = ladder.ladder_of(world.view, ADA)
    assert found.doors_at(world.tip.time).clinic and not found.doors_at(world.tip.time + 7 * DAY).clinic
    world.accept(doors(world))
    found = ladder.ladder_of(world.view, ADA)
    assert found.next is None and found.doors_at(world.tip.time + 70 * DAY).clinic


def test_a_lapsed_recovery_is_in_nobody_s_way() -> None:
    world = settled(World())
    world.accept(by_paper(world))
    assert ladder.recovery_waits(world.view, ADA, world.tip.time)
    later(world, 24 * HOUR + 7 * DAY)
    assert not ladder.recovery_waits(world.view, ADA, world.tip.time)
    world.accept(add(world, "phone"), by_paper(world, 2))


def test_staff_who_stay_keep_the_age_of_their_keys() -> None:
    world = staffed(settled(World()))
    before = state.read(world.view, ladder.staff_key("north"), ladder.Staff)
    assert before is not None
    payload = {"credentials": [{"kind": "ed25519", "key": public(name)} for name in ("north nurse", "north new")]}
    world.accept(world.sign("north", "organisation/staff", payload))
    after = state.read(world.view, ladder.staff_key("north"), ladder.Staff)
    assert after is not None
    nurse = key_id(public("north nurse")).hex()
    assert after.keys[nurse] == before.keys[nurse]
    assert after.keys[key_id(public("north new")).hex()].since > before.keys[nurse].since


def test_the_short_code_is_one_for_one_key_and_account() -> None:
    assert ladder.short_code(ADA, NEW_HASH) == ladder.short_code(ADA, NEW_HASH)
    assert len(ladder.short_code(ADA, NEW_HASH)) == 6
    assert ladder.short_code(ADA, NEW_HASH) != ladder.short_code(ADA, bytes(32))


def test_the_new_delays_hold_for_what_begins_after_them() -> None:
    world = settled(World())
    world.accept(by_paper(world))
    hours = {"paper": 48, "guardians": 96, "clinic": 144, "freeze": 200, "doors": 200}
    world.decide("recovery-policy", **{name: count * HOUR for name, count in hours.items()})
    later(world, 24 * HOUR).accept(finish(world))
    assert ladder.policy_of(world.view).paper == 48 * HOUR


EVENTS = st.lists(st.tuples(st.integers(0, 13), st.integers(0, 3)), max_size=14)


@given(EVENTS)
@settings(max_examples=150)
def test_no_order_of_events_gets_a_thief_with_one_key_in_or_locks_the_account(events: list[tuple[int, int]]) -> None:
    """The owner's key set changes by `finish` alone, a time-lock after something that a door asks for; some key always
    acts; nothing that is not frozen stays suspended."""
    world = staffed(settled(World()))
    waits = (1000, 13 * HOUR, 30 * HOUR, 5 * DAY)
    started: int | None = None
    for choice, number in events:
        name = ("bo", "cy", "di", "bo")[number]
        makers = [
            lambda number=number: by_paper(world, number + 1, OTHER),
            lambda name=name: by_guardian(world, name, OTHER),
            lambda: by_clinic(world, new=OTHER),
            lambda: veto(world, _hash(world) if ladder.ladder_of(world.view, ADA).attempt else NEW_HASH),
            lambda name=name: stop(
                world, name, _hash(world) if ladder.ladder_of(world.view, ADA).attempt else NEW_HASH
            ),
            lambda: finish(world, OTHER),
            lambda: freeze(world, ADA, "ada"),
            lambda name=name: freeze(world, address(name), name, guardians=REVEALED),
            lambda: unfreeze(world, ADA, "ada"),
            lambda name=name: unfreeze(world, address(name), name, REVEALED),
            lambda number=number: doors(world, papers=[paper(index + 1) for index in range(number)]),
        ]
        before = keys(world)
        if choice >= len(makers):
            world.block(time=world.tip.time + waits[number])
        else:
            world.block(makers[choice]())
        found = ladder.ladder_of(world.view, ADA)
        account = state.account(world.view, ADA)
        assert account is not None and account.credentials
        assert account.frozen == (found.frozen_until > world.tip.time)
        thaws = [key for key in world.view.values if key.startswith(b"~thaw/")]
        assert len(thaws) == account.frozen
        if keys(world) != before:
            assert choice == 5 and started is not None and world.tip.time >= started + 24 * HOUR
        started = found.attempt.since if found.attempt is not None else None
