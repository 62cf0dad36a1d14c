"""A link undone takes everything that came through it out of the lists again: records, and what its clinicians said."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from medrec.core import codec
from medrec.node.keeping import store
from medrec.node.lists import acts, lists
from medrec.node.lists.acts_kept import ENDS_PATH
from medrec.node.release.practitioners import PHYSICIAN
from tests.node.test_list_later import look
from tests.node.test_lists import Clinic


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(tmp_path)
    yield made
    made.network.close()


def stopped_at_north(clinic: Clinic) -> None:
    """North's clinician, who read what south has, means somebody else: her word stands in Ada's list, by north's notice
    and handed on."""
    clinic.network.consent(clinic.ada, "south", "north")
    look(clinic, "north", "south")
    clinic.network.time += 60_000
    doctor = clinic.north.practitioners.enter("dr-north", "Dr North", PHYSICIAN)
    clinic.north.acts.enter(clinic.ada.account, doctor, "stopped", [lists.subject_of(clinic.row("metformin"))], "no")
    for entry in [row for row in clinic.north.rows(store.outbox) if row.path == acts.ACTS_PATH]:
        clinic.network.wires.peers("north").call(entry.organisation, acts.ACTS_PATH, codec.encode([entry.payload]))
    clinic.refresh()


@pytest.mark.parametrize("who", ["the place", "she"])
def test_records_and_words_of_the_place_are_gone(clinic: Clinic, who: str) -> None:
    before = clinic.row("metformin")
    stopped_at_north(clinic)
    assert clinic.row("metformin").status == "stopped"
    assert {line.source for line in clinic.row("lisinopril").lines} == {"north", "south"}
    if who == "the place":
        assert clinic.north.linker.unlink("ada")
    else:
        assert clinic.guide.agent.unlink(clinic.ada.account, "north", clinic.ada.sign)
    clinic.refresh()
    shown = clinic.shown()
    said = [line for row in (*shown.read.medicines, *shown.read.problems, *shown.read.allergies) for line in row.lines]
    assert {line.source for line in said} == {"south"}
    after = clinic.row("metformin")
    assert (after.status, after.lines, after.rules) == (before.status, before.lines, before.rules)
    assert shown.acts == [] and shown.notices == [] and shown.reviewed is None
    # That it was said stays in her log; it is only no part of her lists.
    assert "list-act/1" in [notice.kind for notice in clinic.guide.agent.notices(clinic.ada.account)]


def test_what_another_place_and_she_herself_said_stays(clinic: Clinic) -> None:
    stopped_at_north(clinic)
    clinic.say("like-this", clinic.row("lisinopril"), words="1 tab daily")
    clinic.network.time += 60_000
    doctor = clinic.south.practitioners.enter("dr-south", "Dr South", PHYSICIAN)
    clinic.south.acts.enter(clinic.ada.account, doctor, "reviewed", [lists.subject_of(clinic.row("lisinopril"))])
    clinic.refresh()
    assert clinic.north.linker.unlink("ada")
    clinic.refresh()
    # One of the two says that she was there, and the other of what.
    assert sorted(kept.act.kind for kept in clinic.shown().acts) == ["like-this", "reviewed", "reviewed"]


def test_after_a_second_link_the_lists_are_read_and_hold_nothing_of_the_first(clinic: Clinic) -> None:
    account = clinic.ada.account
    clinic.network.time += 60_000
    doctor = clinic.north.practitioners.enter("dr-north", "Dr North", PHYSICIAN)
    clinic.north.acts.enter(account, doctor, "stopped", [lists.subject_of(clinic.row("lisinopril"))], "no")
    assert clinic.north.linker.unlink("ada")
    clinic.refresh()
    clinic.network.time += 60_000
    clinic.guide.agent.link(account, "north", clinic.north.linker.invite("ada"), clinic.ada.sign)
    clinic.story.settle()
    assert clinic.north.acts.of(account) == []
    rows = {row.name: row.status for row in clinic.north.lists.of(account).read.medicines}
    assert rows["lisinopril"] == "active"
    said = clinic.north.acts.enter(
        account, doctor, "stopped", [lists.subject_of(clinic.row("lisinopril"))], "now she did"
    )
    assert [kept.act.id for kept in clinic.north.acts.of(account)] == [said.id]


def hand_over(clinic: Clinic) -> None:
    """What waits at north for the others goes out."""
    for entry in [row for row in clinic.north.rows(store.outbox) if row.path in (acts.ACTS_PATH, ENDS_PATH)]:
        clinic.network.wires.peers("north").call(entry.organisation, entry.path, codec.encode([entry.payload]))


@pytest.mark.parametrize(("ahead", "delivered"), [(120_000, True), (120_000, False), (600_000, False)])
def test_a_word_dated_ahead_does_not_outlive_the_link(
    clinic: Clinic, ahead: int, delivered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """North's clock is ahead, or it lies: what it said came through its link all the same."""
    before = clinic.row("lisinopril")
    doctor, clock = clinic.north.practitioners.enter("dr-north", "Dr North", PHYSICIAN), clinic.north.clock
    with monkeypatch.context() as wrong:
        wrong.setattr(clinic.north, "clock", lambda: clock() + ahead)
        said = [lists.subject_of(before)]
        clinic.north.acts.enter(clinic.ada.account, doctor, "stopped", said, "no")
    if delivered:
        hand_over(clinic)
    clinic.refresh()
    # What is dated further ahead than clocks differ counts nothing, not even while the link stands.
    assert {line.author for line in clinic.row("lisinopril").lines} == (
        {"record", "clinician"} if ahead < 300_000 else {"record"}
    )
    clinic.network.time += 30_000
    assert clinic.guide.agent.unlink(clinic.ada.account, "north", clinic.ada.sign)
    if delivered:
        hand_over(clinic)
    for wait in (0, 86_400_000, ahead):
        clinic.network.time += wait
        clinic.refresh()
        row = clinic.row("lisinopril")
        assert row.status == "active" and {line.author for line in row.lines} == {"record"}
        assert {line.source for line in row.lines} == {"south"} and clinic.shown().acts == []


def test_a_word_under_the_second_link_counts_though_the_clock_is_behind(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = clinic.ada.account
    stopped_at_north(clinic)
    assert clinic.guide.agent.unlink(account, "north", clinic.ada.sign)
    clinic.refresh()
    clinic.guide.agent.link(account, "north", clinic.north.linker.invite("ada"), clinic.ada.sign)
    clinic.refresh()
    assert clinic.shown().acts == []
    doctor, clock = clinic.north.practitioners.present("dr-north"), clinic.north.clock
    with monkeypatch.context() as wrong:
        wrong.setattr(clinic.north, "clock", lambda: clock() - 10_000)
        clinic.north.acts.enter(account, doctor, "stopped", [lists.subject_of(clinic.row("lisinopril"))], "yes")
    clinic.refresh()
    assert [kept.act.words for kept in clinic.shown().acts] == ["yes"]
