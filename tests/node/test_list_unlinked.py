"""A link undone takes everything that came through it out of the lists again: records, and what its clinicians said."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from medrec.core import codec
from medrec.node.keeping import store
from medrec.node.lists import acts, lists
from medrec.node.release.practitioners import PHYSICIAN
from tests.node.test_lists import Clinic


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(tmp_path)
    yield made
    made.network.close()


def stopped_at_north(clinic: Clinic) -> None:
    """North's clinician means somebody else: her word stands in Ada's list, by north's notice and handed on."""
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
    assert sorted(kept.act.kind for kept in clinic.shown().acts) == ["like-this", "reviewed"]


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
