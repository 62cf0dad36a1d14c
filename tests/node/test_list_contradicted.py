"""What people say against what stands in the charts: asked about, marked, warned of, and gone with the link."""

import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core.manifests.acts import Subject
from medrec.core.reconcile.rows import Conflict, MedicineRow
from medrec.node.keeping import store
from medrec.node.lists import lists, stating
from medrec.node.release.practitioners import PHYSICIAN
from medrec.portal import saying
from tests.node.test_list_corrections import bring_corrections
from tests.node.test_lists import LISINOPRIL_20, METFORMIN_500, Clinic, order

DAY = 86_400_000


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(tmp_path)
    yield made
    made.network.close()


def alarms(node: Any) -> list[str]:
    return [row.subject for row in node.rows(store.alarm) if row.code == "list-contradicted"]


def put(clinic: Clinic, sig: str = "1 tab bid", **more: Any) -> MedicineRow:
    """South's order of metformin, anew."""
    clinic.network.time += 60_000
    content = order("c", METFORMIN_500, "metformin 500 mg", sig, **more)
    clinic.south.put("MedicationRequest", "c", content, origin=str(clinic.network.time))
    clinic.refresh()
    clinic.network.time += 60_000
    return clinic.row("metformin")


@pytest.mark.parametrize("kind", ["like-this", "also-taking"])
def test_that_she_takes_what_a_place_calls_over_is_asked_there_and_marked(clinic: Clinic, kind: Any) -> None:
    row = put(clinic, status="stopped")
    if kind == "like-this":
        clinic.say(kind, row, words="1 tab twice daily")
    else:
        shown, key = clinic.shown(), clinic.ada.key.key_id
        (named,) = saying._named(clinic.guide, shown, "Metformin 500 mg")
        against, subject = lists.against(named, kind), Subject("text:metformin 500 mg", "Metformin 500 mg")
        act = stating.prepare(
            clinic.guide, clinic.ada.account, kind, key, [subject], words="1 tab twice daily", against=against
        )
        stating.state(clinic.guide, stating.signed(act, clinic.ada.sign))
    row = clinic.row("metformin")
    assert row.status == "active" and Conflict.PATIENT in row.conflicts
    (asked,) = clinic.guide.corrections.asked(clinic.ada.account)
    assert (asked.source, asked.record, asked.proposed) == ("south", "c", "1 tab twice daily")
    clinic.story.settle()
    assert bring_corrections(clinic) == [True] and alarms(clinic.south) == ["MedicationRequest/c"]


def test_a_stop_of_long_ago_is_not_spoken_against_where_it_was_begun_again(clinic: Clinic) -> None:
    old = order("o", METFORMIN_500, "metformin 500 mg", status="stopped", authoredOn="2019-01-01")
    clinic.north.put("MedicationRequest", "o", old)
    clinic.refresh()
    assert clinic.row("metformin").status == "active"
    assert {one.source for one in lists.against(clinic.row("metformin"), "like-this")} == {"south"}
    clinic.say("like-this", clinic.row("metformin"), words="1 tab twice daily")
    assert {one.source for one in clinic.guide.corrections.asked(clinic.ada.account)} == {"south"}


def test_what_she_asked_for_because_of_a_link_ends_with_it(clinic: Clinic) -> None:
    clinic.network.time += 60_000
    clinic.say("not-taking", clinic.row("metformin"))
    clinic.story.settle()
    assert bring_corrections(clinic) == [True] and alarms(clinic.south) == ["MedicationRequest/c"]
    clinic.story.settle()
    assert clinic.south.linker.unlink("ada")
    clinic.story.settle()
    # Nobody is to mend the record that may be another's by now, and nothing turns overdue.
    assert alarms(clinic.south) == [] and [one.status for one in clinic.south.corrections.here()] == ["noted"]
    (asked,) = clinic.guide.corrections.asked(clinic.ada.account)
    assert (asked.status, asked.answer) == ("noted", "The link to the patient was undone here.")


def test_a_notice_that_was_put_away_is_there_again_when_a_word_changes_its_facts(clinic: Clinic) -> None:
    south, account = clinic.south, clinic.ada.account
    put(clinic, "4 tabs twice daily")

    def doses() -> list[str]:
        return [one.sentence for one in south.lists.of(account).notices if one.rule == "dose-far-above"]

    (notice,) = [one for one in south.lists.of(account).notices if one.rule == "dose-far-above"]
    doctor = south.practitioners.enter("dr-south", "Dr South", PHYSICIAN)
    south.acts.enter(account, doctor, "dismissed", [], "Agreed: 4000 mg a day for a week.", notice.id)
    assert doses() == []
    # That somebody went through the list changes nothing of it.
    clinic.network.time += 60_000
    south.acts.enter(account, doctor, "reviewed", [lists.subject_of(clinic.row("metformin"))])
    assert doses() == []
    clinic.network.time += 60_000
    clinic.say("like-this", clinic.row("metformin"), words="10 tabs twice daily")
    assert len(doses()) == 1 and "10000 mg" in doses()[0]
    # Another word with the same dose is another fact behind it.
    (worse,) = [one for one in south.lists.of(account).notices if one.rule == "dose-far-above"]
    south.acts.enter(account, doctor, "dismissed", [], "She is in hospital.", worse.id)
    assert doses() == []
    clinic.network.time += 60_000
    clinic.say("like-this", clinic.row("metformin"), words="5 tabs four times a day")
    assert len(doses()) == 1


@pytest.mark.parametrize("kind", ["not-taking", "like-this"])
def test_a_word_finds_the_row_whose_name_holds_a_bar(clinic: Clinic, kind: Any) -> None:
    text = {"medicationCodeableConcept": {"text": "gingko | ginseng drops"}}
    clinic.south.put("MedicationRequest", "n", json.dumps(json.loads(order("n", "1", "x")) | text))
    clinic.refresh()
    keys = [row.key for row in clinic.shown().read.medicines]
    clinic.network.time += 60_000
    (row,) = [row for row in clinic.shown().read.medicines if "ginseng" in row.name]
    clinic.say(kind, row, words="2 drops")
    (row,) = [row for row in clinic.shown().read.medicines if "gin" in row.name]
    assert sorted(keys) == sorted(row.key for row in clinic.shown().read.medicines)
    assert {line.author for line in row.lines} == {"record", "patient"} and Conflict.PATIENT in row.conflicts


def test_a_link_undone_and_made_again_says_nothing_anew(clinic: Clinic) -> None:
    """An order without a date was said when it was first signed; signed again with the same content it is as old."""
    undated = json.loads(order("u", LISINOPRIL_20, "warfarin"))
    undated["medicationCodeableConcept"] = {"text": "warfarin 5 mg tablet"}
    del undated["authoredOn"]
    clinic.north.put("MedicationRequest", "u", json.dumps(undated))
    clinic.network.time += 10 * DAY
    day = datetime.datetime.fromtimestamp(clinic.network.time / 1000, datetime.UTC).strftime("%Y-%m-%d")
    stopped = {
        "resourceType": "MedicationStatement", "id": "st", "status": "stopped", "dateAsserted": day,
        "subject": {"reference": "Patient/ada"}, "medicationCodeableConcept": {"text": "warfarin"},
        "effectivePeriod": {"end": day},
    }  # fmt: skip
    clinic.south.put("MedicationStatement", "st", json.dumps(stopped))
    clinic.network.time += 10 * DAY
    clinic.refresh()
    before = clinic.row("warfarin")
    assert before.status == "stopped"
    assert clinic.north.linker.unlink("ada")
    clinic.refresh()
    clinic.network.time += 60_000
    agent: Any = clinic.guide.agent
    agent.link(clinic.ada.account, "north", clinic.north.linker.invite("ada"), clinic.ada.sign)
    clinic.network.consent(clinic.ada, "north", "guide")
    clinic.refresh()
    after = clinic.row("warfarin")
    assert {line.source for line in after.lines} == {"north", "south"}
    assert (after.status, after.rules, after.conflicts) == (before.status, before.rules, before.conflicts)
    (own,) = [row for row in clinic.north.lists.of(clinic.ada.account).read.medicines if row.name == "warfarin"]
    assert own.status == "active"
    # With another content it is said anew.
    clinic.north.put("MedicationRequest", "u", json.dumps(undated | {"note": [{"text": "Go on."}]}), origin="2")
    clinic.refresh()
    assert clinic.row("warfarin").status == "active"
