"""A word on a list reaches those who may hear it only later: by a consent, a look or a link that came after it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core.manifests.acts import Subject, against_of
from medrec.node.keeping import store
from medrec.node.lists import acts_later, stating
from medrec.node.lists.acts_kept import list_act_against, list_act_hearer
from medrec.node.lists.lists import against, subject_of
from medrec.node.release.practitioners import PHYSICIAN
from medrec.node.release.receive import request_records
from tests.node.test_lists import Clinic


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(tmp_path)
    made.network.time += 60_000
    yield made
    made.network.close()


def round_(clinic: Clinic, *names: str) -> None:
    """These look again, and what waits is brought."""
    clinic.refresh()
    clinic.network.time += acts_later.ROUND_MS
    for name in names:
        node: Any = clinic.network[name]
        acts_later.hand_on_later(node)
        node.deliverer.step(clinic.network.time)
    clinic.refresh()


def look(clinic: Clinic, requester: str, source: str) -> None:
    node: Any = clinic.network[requester]
    doctor = node.practitioners.enter(f"dr-{requester}", f"Dr {requester}", PHYSICIAN)
    request_records(node, source, clinic.ada.account, practitioner=doctor, reason="a visit")


def stopped_at_north(clinic: Clinic) -> Any:
    """North's doctor read what south has, and stops a medicine that south ordered."""
    clinic.network.consent(clinic.ada, "south", "north")
    look(clinic, "north", "south")
    clinic.refresh()
    found = clinic.row("lisinopril")
    doctor = clinic.north.practitioners.enter("dr-north", "Dr North", PHYSICIAN)
    objections = against(found, "stopped")
    assert {one.source for one in objections} == {"north", "south"}
    return clinic.north.acts.enter(
        clinic.ada.account, doctor, "stopped", [subject_of(found)], "cough", against=objections
    )


def link(clinic: Clinic, place: str) -> None:
    """She comes to be known there."""
    node: Any = clinic.network[place]
    clinic.guide.agent.link(clinic.ada.account, place, node.linker.invite("ada"), clinic.ada.sign)
    clinic.refresh()


def heard(clinic: Clinic, place: str) -> list[str]:
    node: Any = clinic.network[place]
    return [kept.act.id for kept in node.acts.of(clinic.ada.account)]


def test_a_clinicians_word_goes_when_she_lets_it_later_and_asks_then(clinic: Clinic) -> None:
    act = stopped_at_north(clinic)
    round_(clinic, "north")
    assert heard(clinic, "south") == [], "south may not receive medicines from north"
    assert clinic.south.corrections.here() == []
    clinic.network.consent(clinic.ada, "north", "south")
    round_(clinic, "north")
    assert heard(clinic, "south") == [act.id]
    # It asks south to correct what it says against, as it would have at once.
    (asked,) = clinic.south.corrections.here()
    assert (asked.statement.record, asked.statement.act.id) == ("b", act.id)
    (kept,) = clinic.south.acts.of(clinic.ada.account)
    assert {one.source for one in against_of(kept.act)} == {"south"}
    # Once is enough, however often they look.
    clinic.network.time += 3 * 86_400_000
    assert acts_later.hand_on_later(clinic.north) == 0
    assert sorted(row.organisation for row in clinic.north.rows(list_act_hearer)) == ["guide", "south"]


def test_it_goes_to_who_received_her_records_only_after_it_was_said(clinic: Clinic) -> None:
    clinic.network.consent(clinic.ada, "north", "south")
    doctor = clinic.north.practitioners.enter("dr-north", "Dr North", PHYSICIAN)
    row = next(one for one in clinic.north.lists.of(clinic.ada.account).read.medicines)
    act = clinic.north.acts.enter(clinic.ada.account, doctor, "changed", [subject_of(row)], "half a tab")
    round_(clinic, "north")
    assert heard(clinic, "south") == []
    look(clinic, "south", "north")
    round_(clinic, "north")
    assert heard(clinic, "south") == [act.id]


def test_what_the_node_knew_when_it_stopped_is_looked_at_when_it_starts(clinic: Clinic) -> None:
    act = stopped_at_north(clinic)
    round_(clinic, "north")
    clinic.network.consent(clinic.ada, "north", "south")
    acts_later._looked.clear()
    round_(clinic, "north")
    assert heard(clinic, "south") == [act.id]


def test_what_it_says_against_others_is_sealed_and_ends_with_the_link(clinic: Clinic) -> None:
    act = stopped_at_north(clinic)
    (kept,) = clinic.north.rows(list_act_against)
    assert bytes(kept.id).hex() == act.id and b"south" not in bytes(kept.sealed)
    clinic.network.consent(clinic.ada, "north", "south")
    assert clinic.north.linker.unlink("ada")
    assert clinic.north.rows(list_act_against) == []
    assert acts_later.hand_on_later(clinic.north) == 0 and heard(clinic, "south") == []


def for_all(clinic: Clinic, kind: Any, subject: Subject) -> str:
    act = stating.prepare(clinic.guide, clinic.ada.account, kind, clinic.ada.key.key_id, [subject], recipients=["*"])
    stating.state(clinic.guide, stating.signed(act, clinic.ada.sign))
    clinic.refresh()
    return act.id


def test_what_she_said_to_everybody_reaches_a_place_that_knows_her_later_and_may_read_it(clinic: Clinic) -> None:
    also = for_all(clinic, "also-taking", Subject("text:melatonin", "Melatonin"))
    of_south = for_all(clinic, "not-taking", subject_of(clinic.row("metformin")))
    unsure = for_all(clinic, "also-taking", Subject("text:my metformn pill", "my metformn pill"))
    assert set(heard(clinic, "north")) == set(heard(clinic, "south")) == {also, of_south, unsure}
    link(clinic, "east")
    round_(clinic, "guide")
    # What south wrote is not open to east: her word would tell it, and so may a name that nobody knows.
    assert heard(clinic, "east") == [also]
    clinic.network.consent(clinic.ada, "south", "east")
    round_(clinic, "guide")
    assert set(heard(clinic, "east")) == {also, of_south}
    clinic.network.consent(clinic.ada, "north", "east")
    round_(clinic, "guide")
    assert set(heard(clinic, "east")) == {also, of_south, unsure}
    clinic.network.time += 3 * 86_400_000
    assert acts_later.hand_on_later(clinic.guide) == 0


def test_what_she_said_to_some_goes_to_no_later_place(clinic: Clinic) -> None:
    act = stating.prepare(
        clinic.guide, clinic.ada.account, "also-taking", clinic.ada.key.key_id, [Subject("text:hops", "Hops")],
        recipients=["north"],
    )  # fmt: skip
    stating.state(clinic.guide, stating.signed(act, clinic.ada.sign))
    clinic.refresh()
    link(clinic, "east")
    round_(clinic, "guide")
    assert heard(clinic, "north") == [act.id] and heard(clinic, "east") == heard(clinic, "south") == []


def test_after_a_second_link_what_she_said_to_everybody_comes_again(clinic: Clinic) -> None:
    also = for_all(clinic, "also-taking", Subject("text:melatonin", "Melatonin"))
    assert clinic.south.linker.unlink("ada")
    clinic.refresh()
    assert heard(clinic, "south") == []
    round_(clinic, "guide")
    assert not [row for row in clinic.guide.rows(store.outbox) if row.organisation == "south"]
    link(clinic, "south")
    clinic.network.time += 60_000
    round_(clinic, "guide")
    assert heard(clinic, "south") == [also]
