"""A word on a list tells nobody what another place alone told; a clock that went ahead hides nothing; a newer word of
hers closes what was asked by an older one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core import codec
from medrec.core.consent.plain import Plain, write
from medrec.node.keeping import store
from medrec.node.lists import acts_heard, lists
from medrec.node.lists.acts_kept import ACTS_PATH
from medrec.node.lists.acts_whole import Whole
from medrec.node.release import receive
from medrec.node.release.practitioners import PHYSICIAN
from tests.node.test_list_corrections import bring_corrections
from tests.node.test_list_new import review
from tests.node.test_list_worlds import HIV
from tests.node.test_lists import Clinic, order

YEAR = 365 * 86_400_000


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(tmp_path)
    yield made
    made.network.close()


def waiting(node: Any) -> dict[str, list[str]]:
    """To whom acts are on their way, and what they name."""
    found: dict[str, list[str]] = {}
    for row in node.rows(store.outbox):
        if row.path == ACTS_PATH:
            named = [one["name"] for one in codec.decode_json(row.payload)["subjects"]]
            assert len(named) < 2, "each medicine by itself"
            found.setdefault(row.organisation, []).extend(named)
    return found


@pytest.mark.parametrize("own", [False, True])
def test_a_clinicians_word_takes_nothing_of_another_place_to_a_third(clinic: Clinic, own: bool) -> None:
    """South, which she keeps from east, gives north sertraline; north's doctor stops it. East has north's records."""
    network, north, south, account = clinic.network, clinic.north, clinic.south, clinic.ada.account
    east: Any = network["east"]
    clinic.guide.agent.link(account, "east", east.linker.invite("ada"), clinic.ada.sign)
    south.put("MedicationRequest", "s1", order("s1", "312940", "sertraline 25 mg tablet"))
    if own:
        north.put("MedicationRequest", "n1", order("n1", "312940", "sertraline 25 mg tablet"))
    network.consent(clinic.ada, "south", "north")
    network.consent(clinic.ada, "north", "east", "south")
    clinic.refresh()
    doctor = north.practitioners.enter("dr-north", "Dr North", PHYSICIAN)
    seen_there = east.practitioners.enter("dr-east", "Dr East", PHYSICIAN)
    receive.request_records(east, "north", account, practitioner=seen_there, reason="a visit")
    page = receive.request_records(north, "south", account, practitioner=doctor, reason="a visit")
    rows = north.lists.with_received(account, [page]).read.medicines
    row = next(row for row in rows if row.name == "sertraline")
    network.time += 60_000
    against = lists.against(row, "stopped")
    act = north.acts.enter(account, doctor, "stopped", [lists.subject_of(row)], "side effects", None, against)
    told = waiting(north)
    assert told.pop("south") == told.pop("guide") == ["sertraline"]
    assert told == ({"east": ["sertraline"]} if own else {})
    (told_of,) = acts_heard.hearers(north, [Whole(act)])
    assert ("east" in told_of) == own
    # Nor does a review of the whole screen tell east what stands on it, but for what is here: each by itself.
    network.time += 60_000
    north.store.write(lambda connection: connection.execute(store.outbox.delete()))
    subjects = [lists.subject_of(one) for one in rows if one.name in ("lisinopril", "metformin", "sertraline")]
    north.acts.enter(account, doctor, "reviewed", subjects)
    told = waiting(north)
    assert sorted(told["east"]) == (["lisinopril", "sertraline"] if own else ["lisinopril"])
    assert sorted(told["guide"]) == ["lisinopril", "metformin", "sertraline"]


@pytest.mark.parametrize("hidden", [True, False])
def test_what_is_known_here_by_a_hidden_record_alone_is_told_to_nobody_as_known(clinic: Clinic, hidden: bool) -> None:
    """North's own hydrocortisone is a cream; it stops the tablets of south, which she keeps from east."""
    network, north, account = clinic.network, clinic.north, clinic.ada.account
    east: Any = network["east"]
    clinic.guide.agent.link(account, "east", east.linker.invite("ada"), clinic.ada.sign)
    cream = json.loads(order("n1", "1", "hydrocortisone 1% cream"))
    del cream["medicationCodeableConcept"]["coding"]
    north.put("MedicationRequest", "n1", json.dumps(cream | ({"meta": {"security": HIV}} if hidden else {})))
    tablet = json.loads(order("s1", "1", "hydrocortisone 10 mg tablet"))
    del tablet["medicationCodeableConcept"]["coding"]
    clinic.south.put("MedicationRequest", "s1", json.dumps(tablet))
    network.consent(clinic.ada, "south", "north")
    network.consent(clinic.ada, "north", "east")
    withheld = write(Plain("withhold", about=["hiv"]), account, network.time)
    network.fhir_consent(clinic.ada, "north", withheld.decode())
    clinic.refresh()
    doctor = north.practitioners.enter("dr-north", "Dr North", PHYSICIAN)
    reader = east.practitioners.enter("dr-east", "Dr East", PHYSICIAN)
    receive.request_records(east, "north", account, practitioner=reader, reason="a visit")
    page = receive.request_records(north, "south", account, practitioner=doctor, reason="a visit")
    rows = north.lists.with_received(account, [page]).read.medicines
    (row,) = [row for row in rows if row.name == "hydrocortisone" and row.site == "body"]
    north.acts.enter(account, doctor, "stopped", [lists.subject_of(row)])
    assert waiting(north).get("east", []) == ([] if hidden else ["hydrocortisone"])


def test_a_review_by_a_clock_that_went_ahead_hides_nothing_that_comes_later(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    south, journal = clinic.south, clinic.south.journal
    right = journal._clock
    monkeypatch.setattr(journal, "_clock", lambda: right() + YEAR)
    review(clinic, south)
    monkeypatch.setattr(journal, "_clock", right)
    clinic.refresh()
    assert clinic.shown().reviewed is not None and clinic.shown().reviewed.time <= clinic.network.time
    clinic.network.time += 3 * 86_400_000
    south.put("MedicationRequest", "s2", order("s2", "855332", "warfarin sodium 5 mg tablet"))
    clinic.refresh()
    assert clinic.shown().new[clinic.row("warfarin").key] == 1


@pytest.mark.parametrize("late", [False, True])
def test_her_newer_word_closes_what_was_asked_by_the_older_one(clinic: Clinic, late: bool) -> None:
    """Also where the older request comes last."""
    row = clinic.row("metformin")
    for kind, words in (("not-taking", ""), ("like-this", "1 tab daily"), ("not-taking", "")):
        clinic.network.time += 60_000
        clinic.say(kind, row, words=words)
        if not late:
            clinic.story.settle()
            bring_corrections(clinic)
    clinic.story.settle()
    if late:
        assert bring_corrections(clinic) == [True, True, True]
    assert [one.status for one in sorted(clinic.south.corrections.here(), key=lambda one: one.statement.time)] == [
        "noted",
        "noted",
        "open",
    ]
    clinic.story.settle()
    asked = sorted(clinic.guide.corrections.asked(clinic.ada.account), key=lambda one: one.time)
    assert [one.status for one in asked] == ["noted", "noted", "open"] and "newer" in asked[0].answer
