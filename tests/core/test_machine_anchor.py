"""Batches, obligations and revocations."""

import due_cases  # noqa: F401  # enters its cases
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_cases import Case, of_family
from ledger_world import DAY, World, entry, hash_of, id_of

from medrec.core import codec, commitment, state
from medrec.core.kinds import anchor
from medrec.core.outcome import Code, Refused
from medrec.core.view import Draft

ID = bytes(range(16))


@pytest.mark.parametrize("case", of_family("anchor"))
def test_case(case: Case) -> None:
    world = World()
    data = case.build(world)
    assert world.try_out(data).outcomes[0].code == case.code


def dues(world: World, name: str) -> tuple[int, int, int, int]:
    """Open, settled, overdue, late."""
    found = state.read(world.view, state.dues_key(name), state.Dues) or state.Dues()
    return found.open, found.settled, found.overdue, found.late


def status(world: World, creditor: str = "north", identifier: bytes = ID) -> str | None:
    found = state.read(world.view, state.obligation_key(creditor, identifier), state.Obligation)
    return None if found is None else found.status


def owe(world: World, due: int, debtor: str = "south") -> None:
    world.anchor("north", entry(0, owes=[ID, debtor, due]))


def settle(world: World, debtor: str = "south") -> None:
    world.anchor(debtor, entry(1, settles=[["north", ID]]))


def test_the_head_of_a_journal_moves_with_each_batch() -> None:
    world = World()
    world.anchor("north", entry(0), entry(1))
    world.anchor("north", entry(2))
    head = state.read(world.view, state.batch_key("north"), state.BatchHead)
    assert head == state.BatchHead(2, 3, world.heads["north"], hash_of("journal north 3"))


def test_open_then_settled() -> None:
    world = World()
    owe(world, world.tip.time + DAY)
    assert (status(world), dues(world, "south")) == ("open", (1, 0, 0, 0))
    settle(world)
    assert (status(world), dues(world, "south")) == ("settled", (0, 1, 0, 0))
    world.block(time=world.tip.time + 2 * DAY)
    assert (status(world), dues(world, "south")) == ("settled", (0, 1, 0, 0))


def test_open_then_overdue_then_late() -> None:
    world = World()
    due = world.tip.time + DAY
    owe(world, due)
    world.block(time=due)
    assert status(world) == "open"  # at the very millisecond it is not late yet
    world.block(time=due + 1)
    assert (status(world), dues(world, "south")) == ("overdue", (0, 0, 1, 0))
    settle(world)
    assert (status(world), dues(world, "south")) == ("late", (0, 0, 0, 1))
    settle(world)
    assert (status(world), dues(world, "south")) == ("late", (0, 0, 0, 1))


def test_settled_before_it_was_owed() -> None:
    world = World()
    settle(world)
    assert (status(world), dues(world, "south")) == (None, (0, 0, 0, 0))
    assert world.view.get(state.early_key("north", ID, "south")) is not None
    owe(world, world.tip.time + DAY)
    assert (status(world), dues(world, "south")) == ("settled", (0, 1, 0, 0))
    assert world.view.get(state.early_key("north", ID, "south")) is None
    assert not [key for key in world.view.values if key.startswith(b"~due/")]


def test_nobody_settles_what_another_owes() -> None:
    world = World()
    settle(world, debtor="east")
    owe(world, world.tip.time + DAY)
    settle(world, debtor="east")
    assert (status(world), dues(world, "south"), dues(world, "east")) == ("open", (1, 0, 0, 0), (0, 0, 0, 0))


def test_whoever_owes_has_an_hour_whatever_date_is_stated() -> None:
    """A date in the past is no lie where the ledger was away; nobody is overdue by it all the same."""
    least = anchor.ANSWER_MS_MIN
    for stated in (-DAY, 0, least - 1, least, least + DAY):
        world = World()
        date = world.tip.time + stated
        owe(world, date)
        found = state.read(world.view, state.obligation_key("north", ID), state.Obligation)
        assert found is not None and found.due == max(world.tip.time + least, date)
        world.block(time=found.due)
        assert status(world) == "open"
        world.block(time=found.due + 1)
        assert status(world) == "overdue"


def test_owed_and_settled_in_one_block_in_either_order() -> None:
    for order in (0, 1):
        world = World()
        both = [
            world.batch("north", [entry(0, owes=[ID, "south", world.tip.time + DAY])]),
            world.batch("south", [entry(1, settles=[["north", ID]])]),
        ]
        world.accept(*(both if order == 0 else reversed(both)))
        assert (status(world), dues(world, "south")) == ("settled", (0, 1, 0, 0))


def test_obligations_fall_due_oldest_first_and_no_more_than_a_block_can_bear() -> None:
    world = World()
    now = world.tip.time
    world.anchor("north", *[entry(n, owes=[bytes([n]) * 16, "south", now + DAY - n]) for n in range(1, 6)])
    draft = Draft(world.view)
    anchor.mark_overdue(draft, 9, now + DAY, count_max=2)
    found = {
        n: state.read(draft, state.obligation_key("north", bytes([n]) * 16), state.Obligation) for n in range(1, 6)
    }
    assert {n: one.status for n, one in found.items() if one} == {
        1: "open", 2: "open", 3: "open", 4: "overdue", 5: "overdue",
    }  # fmt: skip


def test_a_revocation_stands_under_its_hash_with_the_height_of_the_first() -> None:
    world = World()
    secret = hash_of("secret")
    key = state.nullifier_key(commitment.nullifier(secret))
    world.anchor("north", entry(0, nullifier=secret))
    assert codec.decode(world.view.values[key]) == 1
    world.anchor("south", entry(1, nullifier=secret))
    assert codec.decode(world.view.values[key]) == 1


def test_the_entries_that_come_out_are_those_that_went_in() -> None:
    entries = [entry(n, **({"sealed": b"x"} if n % 3 == 0 else {})) for n in range(300)]
    out, extras = anchor.decode_entries(anchor.encode_attachment(entries))
    assert out == entries
    assert [position for position, _ in extras] == list(range(0, 300, 3))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_changed_attachment_is_refused_or_is_another_list_of_entries(data: st.DataObject) -> None:
    entries = [entry(0), entry(1, sealed=b"abc", owes=[ID, "south", 5]), entry(2, settles=[["south", ID]])]
    attachment = bytearray(anchor.encode_attachment(entries))
    place = data.draw(st.integers(0, len(attachment) - 1))
    attachment[place] = data.draw(st.integers(0, 255))
    try:
        out, _ = anchor.decode_entries(bytes(attachment))
    except Refused as refused:
        assert refused.outcome.code == Code.ENTRY_MALFORMED
    else:
        assert anchor.encode_attachment(out) == bytes(attachment)


def test_a_refused_batch_does_not_move_the_head() -> None:
    world = World()
    world.anchor("north", entry(0))
    before = world.view.values[state.batch_key("north")]
    wrong = world.batch("north", [entry(1, owes=[ID, "south", 1]), entry(2, owes=[ID, "west", 1])])
    result = world.block(wrong)
    assert result.outcomes[0].code == Code.UNKNOWN_DEBTOR
    assert result.outcomes[0].detail.startswith("entry 1")
    assert world.view.values[state.batch_key("north")] == before
    assert status(world) is None
    right = world.batch("north", [entry(1, owes=[ID, "south", 1])])
    world.accept(right)
    assert world.view.values[state.batch_key("north")] != before and id_of(right)
