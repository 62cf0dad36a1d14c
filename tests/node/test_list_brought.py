"""A clinician's word on what others told goes, by her agent, to each place that she lets have it all, and no other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core.manifests.acts import Act, ActEnd
from medrec.node.lists import acts_ended, acts_later, lists
from medrec.node.lists.acts_kept import list_act_brought
from medrec.node.refusals import Code, Refusal
from medrec.node.release.practitioners import PHYSICIAN
from medrec.node.release.receive import request_records
from tests.node.test_list_hearsay import waiting
from tests.node.test_list_later import heard, link, look, round_
from tests.node.test_lists import Clinic, order


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(tmp_path)
    made.network.time += 60_000
    made.south.put("MedicationRequest", "s1", order("s1", "312940", "sertraline 25 mg tablet"))
    made.network.consent(made.ada, "south", "north")
    link(made, "east")
    yield made
    made.network.close()


def reviewed(clinic: Clinic, words: str = "") -> list[Act]:
    """North's doctor goes through a screen on which sertraline stands, which south alone ordered; what she says of each
    medicine, oldest first as lists have it."""
    account, north = clinic.ada.account, clinic.north
    doctor = north.practitioners.enter("dr-north", "Dr North", PHYSICIAN)
    page = request_records(north, "south", account, practitioner=doctor, reason="a visit")
    rows = north.lists.with_received(account, [page]).read.medicines
    assert "sertraline" in {row.name for row in rows}
    north.acts.enter(account, doctor, "reviewed", [lists.subject_of(row) for row in rows], words)
    clinic.story.settle()
    return [kept.act for kept in north.acts.of(account) if kept.act.subjects]


def ids(acts: list[Act], *names: str) -> list[str]:
    """The ids of these acts, or of those on medicines of these names."""
    return [act.id for act in acts if not names or act.subjects[0].name in names]


def east_reads(clinic: Clinic, *sources: str) -> None:
    for source in sources:
        clinic.network.consent(clinic.ada, source, "east")
    clinic.refresh()


@pytest.mark.parametrize("sources", [["north", "south"], ["north"], ["south"], []])
def test_a_review_reaches_the_place_that_may_read_all_behind_it_and_the_reviewer(
    clinic: Clinic, sources: list[str]
) -> None:
    east_reads(clinic, *sources)
    if sources == ["north", "south"]:
        look(clinic, "east", "north")
    acts = reviewed(clinic)
    round_(clinic, "north", "guide")
    assert heard(clinic, "east") == (ids(acts) if len(sources) == 2 else [])
    assert set(heard(clinic, "guide")) > set(ids(acts)), "and that she was there, which her agent alone hears"


def test_it_comes_when_she_lets_them_later_and_once(clinic: Clinic) -> None:
    east_reads(clinic, "north")
    acts = reviewed(clinic)
    round_(clinic, "north", "guide")
    assert heard(clinic, "east") == []
    east_reads(clinic, "south")
    for _ in range(3):
        round_(clinic, "guide")
        assert heard(clinic, "east") == ids(acts)
    assert len(clinic.network["east"].rows(list_act_brought)) == len(acts) == 3


def test_what_she_keeps_from_a_place_keeps_nothing_else_from_it(clinic: Clinic) -> None:
    """East may read what north has, and had it; sertraline and metformin are south's."""
    east_reads(clinic, "north")
    look(clinic, "east", "north")
    acts = reviewed(clinic)
    round_(clinic, "north", "guide")
    assert heard(clinic, "east") == ids(acts, "lisinopril") and len(acts) == 3


def test_words_that_name_another_medicine_count_as_what_it_is_about(clinic: Clinic) -> None:
    """Her agent lets nobody hear of a medicine in words who may not read it in a row."""
    clinic.network.consent(clinic.ada, "north", "east")
    account, north = clinic.ada.account, clinic.north
    doctor = north.practitioners.enter("dr-north", "Dr North", PHYSICIAN)
    row = next(row for row in north.lists.of(account).read.medicines if row.name == "lisinopril")
    clinic.refresh()
    north.acts.enter(account, doctor, "reviewed", [lists.subject_of(row)], "with sertraline of South")
    clinic.story.settle()
    round_(clinic, "guide")
    assert heard(clinic, "east") == []


def test_it_ends_with_the_link_that_it_was_said_under(clinic: Clinic) -> None:
    east_reads(clinic, "north", "south")
    acts = reviewed(clinic)
    round_(clinic, "guide")
    assert heard(clinic, "east") == ids(acts)
    clinic.network.time += 60_000
    clinic.guide.agent.unlink(clinic.ada.account, "north", clinic.ada.sign)
    clinic.story.settle()
    round_(clinic, "guide")
    assert heard(clinic, "east") == [] and heard(clinic, "guide") == []
    # Nor does what was ended come back.
    assert not clinic.network["east"].acts.take("guide", acts[0])
    round_(clinic, "guide")
    assert heard(clinic, "east") == []


def test_a_stop_reaches_a_place_that_has_the_medicine_too_if_its_own_organisation_does_not_bring_it(
    clinic: Clinic,
) -> None:
    """North does not know that east ordered it; her agent does, and waits a day for north."""
    east_reads(clinic, "north", "south")
    clinic.network["east"].put("MedicationRequest", "e1", order("e1", "312940", "sertraline 25 mg tablet"))
    clinic.network.consent(clinic.ada, "east", "guide")
    clinic.refresh()
    account, north = clinic.ada.account, clinic.north
    doctor = north.practitioners.enter("dr-north", "Dr North", PHYSICIAN)
    page = request_records(north, "south", account, practitioner=doctor, reason="a visit")
    row = next(one for one in north.lists.with_received(account, [page]).read.medicines if one.name == "sertraline")
    act = north.acts.enter(account, doctor, "stopped", [lists.subject_of(row)], "rash")
    clinic.story.settle()
    round_(clinic, "north", "guide")
    assert heard(clinic, "east") == []
    clinic.network.time += 25 * 3_600_000
    round_(clinic, "north", "guide")
    assert heard(clinic, "east") == [act.id]


def test_what_waits_for_a_place_that_is_down_ends_with_the_link(clinic: Clinic) -> None:
    east_reads(clinic, "north", "south")
    reviewed(clinic)
    guide: Any = clinic.network["guide"]
    clinic.refresh()
    clinic.network.time += acts_later.ROUND_MS
    acts_later.hand_on_later(guide)
    assert "east" in waiting(guide)
    clinic.network.time += 60_000
    clinic.guide.agent.unlink(clinic.ada.account, "north", clinic.ada.sign)
    clinic.network.time += acts_later.ROUND_MS
    clinic.refresh()
    acts_later.hand_on_later(guide)
    assert "east" not in waiting(guide) and heard(clinic, "east") == []


def test_nobody_but_her_agent_brings_it_and_it_ends_what_it_brought_alone(clinic: Clinic) -> None:
    east_reads(clinic, "north", "south")
    east: Any = clinic.network["east"]
    acts = reviewed(clinic)
    (act,) = [act for act in acts if act.subjects[0].name == "lisinopril"]
    with pytest.raises(Refusal) as no:
        east.acts.take("south", act)
    assert no.value.reason is Code.CREDENTIAL_FOREIGN and heard(clinic, "east") == []
    forged = act.__class__(**{name: getattr(act, name) for name in act.__struct_fields__} | {"kind": "stopped"})
    with pytest.raises(Refusal) as no:
        east.acts.take("guide", forged)
    assert no.value.reason is Code.CREDENTIAL_BAD and heard(clinic, "east") == []
    # South had it from north itself, so north alone ends it there.
    clinic.network.consent(clinic.ada, "north", "south")
    look(clinic, "south", "north")
    round_(clinic, "north")
    assert heard(clinic, "south") == ids(acts)
    end = ActEnd(act.network, act.account, act.id, "north", clinic.network.time)
    for caller in ("guide", "east"):
        with pytest.raises(Refusal) as no:
            acts_ended.take(clinic.south, caller, end)
        assert no.value.reason is Code.CREDENTIAL_FOREIGN
    assert heard(clinic, "south") == ids(acts)
