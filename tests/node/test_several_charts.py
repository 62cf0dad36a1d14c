"""Two charts of one person at one place: each with its own link, and one person's to whoever asks."""

import json
import secrets
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from medrec.core.matching import Demographics
from medrec.node.agent import standing_links
from medrec.node.agent.told import told
from medrec.node.keeping import charted, store
from medrec.node.peers.peers import PeerError
from medrec.node.release.practitioners import PHYSICIAN
from medrec.node.right_person import given_codes, holding
from medrec.node.right_person.desk import give_code
from medrec.node.right_person.holding_told import held_back
from medrec.node.right_person.link import LinkError, read_payload
from tests.fhir.asking import Told, ask
from tests.node import test_emergency as emergency
from tests.node.test_desk_links import Desk
from tests.node.test_list_erasure import gone_at_source
from tests.node.test_right_person import ADA, BOB, demographics

MINUTE = 60_000


class Charts(Desk):
    """Ada is linked at north by her chart `ada`; a second one, `b`, was opened by mistake. An allergy stands there."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        for name in ("north", "south"):
            node: Any = self.network[name]
            node.doctor = partial(node.practitioners.enter, f"dr-{name}", f"Dr {name.title()}", PHYSICIAN)
        self.present(self.ada)
        self.consent(self.ada)
        assert given_codes.decide(self.north, self.given().digest, True)
        self.puts("Patient", "b", **json.loads(demographics("b", *ADA)))
        self.puts("AllergyIntolerance", "a9", code={"text": "Penicillin"}, patient={"reference": "Patient/b"})

    def puts(self, kind: str, identifier: str, **more: Any) -> None:
        self.network.time += MINUTE
        self.north.put(kind, identifier, json.dumps({"resourceType": kind, "id": identifier, **more}))

    def says(self, patient: str, who: tuple[str, str, str] = ADA, **more: Any) -> None:
        self.puts("Patient", patient, **json.loads(demographics(patient, *who)) | more)

    def code_for(self, patient: str) -> bytes:
        self.network.time += MINUTE
        return read_payload(self.network.id, give_code(self.north, patient, Demographics(*ADA)).payload)[1]

    def join(self, patient: str = "b") -> None:
        self.present(self.ada, self.code_for(patient))
        assert given_codes.decide(self.north, self.given().digest, True)
        self.network.anchor()
        self.network.deliver()

    def search(self, path: str, parameters: str = "") -> Told:
        self.network.anchor()
        name = secrets.token_bytes(16)
        return ask(self.network, self.ada.account, path, parameters, identifier=name)

    def ids(self, path: str, parameters: str = "") -> set[str]:
        found = self.search(path, parameters)
        assert found.status == 200, found.body
        listed = [one["resource"] for one in json.loads(found.body).get("entry", ())]
        return {one["id"] for one in listed if one["resourceType"] != "OperationOutcome"}

    def charts(self) -> list[str]:
        with self.north.store.read() as connection:
            person = self.north.journal.person_of_account(connection, self.ada.account)
            return [] if person is None else charted.numbers(connection, person.id)

    def person_id(self) -> int:
        return int(next(row.id for row in self.north.rows(store.person) if row.account == self.ada.account))

    def link_lines(self) -> list[tuple[str, Any]]:
        lines = [one.manifest for one in told(self.guide, self.ada.account, "link/1")]
        return sorted((one.action, one.chart == "further") for one in lines if one.organisation == "north")

    def close(self) -> None:
        self.network.close()


@pytest.fixture
def charts(tmp_path: Path) -> Iterator[Charts]:
    made = Charts(tmp_path)
    yield made
    made.close()


def test_a_second_chart_is_linked_by_a_code_of_its_own_and_both_are_one_person_s(charts: Charts) -> None:
    assert set(charts.reads(charts.ada)) == {"ada", "c1"}
    charts.join()
    assert charts.charts() == ["ada", "b"]
    assert set(charts.reads(charts.ada)) == {"ada", "b", "c1", "a9"}
    # What comes under either number from now on is hers.
    charts.puts("Condition", "c2", code={"text": "Asthma"}, subject={"reference": "Patient/b"})
    charts.puts("Condition", "c3", code={"text": "Gout"}, subject={"reference": "Patient/ada"})
    assert set(charts.reads(charts.ada)) == {"ada", "b", "c1", "a9", "c2", "c3"}
    assert charts.link_lines() == [("link", False), ("link", True)]
    # Her agent knows that the place itself is linked by its first link, under the keys of that.
    assert standing_links.standing(charts.guide, charts.ada.account) >= {"north"}
    with charts.guide.store.read() as connection:
        assert standing_links.newest(connection, charts.ada.account)["north"] == 1


def test_a_search_by_either_number_finds_what_the_place_may_see_of_the_account(charts: Charts) -> None:
    charts.network.consent(charts.ada, "north", "south")
    charts.join()
    every = {"ada", "b", "c1", "a9"}
    for number in ("ada", "b"):
        assert charts.ids(f"Patient/{number}/$everything") == every
        assert charts.ids("AllergyIntolerance", f"patient=Patient/{number}") == {"a9"}
        assert charts.ids("Condition", f"subject={number}") == {"c1"}
        assert b"Penicillin" in charts.search(f"Patient/{number}/$summary").body
    # A number that is not hers finds nothing, and is not told from one that nobody has.
    charts.says("bob", BOB)
    charts.puts("Condition", "c8", code={"text": "Gout"}, subject={"reference": "Patient/bob"})
    for number in ("bob", "nobody"):
        assert charts.ids("Condition", f"patient=Patient/{number}") == set()
        assert charts.search(f"Patient/{number}/$everything").status == 404


def test_a_number_that_may_not_be_seen_is_not_told_to_be_hers(charts: Charts) -> None:
    charts.network.consent(charts.ada, "north", "south", types=["Condition"])
    charts.join()
    assert charts.ids("Condition") == {"c1"}
    assert charts.ids("Condition", "patient=Patient/ada") == {"c1"}
    assert charts.ids("Condition", "patient=Patient/b") == charts.ids("Condition", "patient=Patient/z") == set()


def test_unlinking_the_second_takes_what_came_through_it_alone(charts: Charts) -> None:
    charts.network.consent(charts.ada, "north", "south")
    charts.join()
    before = charts.search("Patient/ada/$everything")
    assert before.status == 200
    assert charts.north.linker.unlink("b")
    charts.network.anchor()
    charts.network.deliver()
    assert charts.guide.copies.all(charts.ada.account) == [], "nothing of it stands until it is read again"
    assert set(charts.reads(charts.ada)) == {"ada", "c1"}
    assert charts.charts() == ["ada"] and charts.ids("Patient/ada/$everything") == {"ada", "c1"}
    assert charts.search("Patient/b/$everything").status == 404
    # What she said to the place stands, and so does her link with it.
    assert charts.link_lines() == [("link", False), ("link", True), ("unlink", True)]
    assert "north" in standing_links.standing(charts.guide, charts.ada.account)
    charts.puts("Condition", "c4", code={"text": "Gout"}, subject={"reference": "Patient/b"})
    assert set(charts.reads(charts.ada)) == {"ada", "c1"}
    # It is anybody's again, and hers by another code.
    charts.join()
    assert set(charts.reads(charts.ada)) == {"ada", "b", "c1", "a9", "c4"}


def test_unlinking_the_first_leaves_the_second(charts: Charts) -> None:
    charts.network.consent(charts.ada, "north", "south")
    charts.join()
    assert charts.north.linker.unlink("ada")
    assert charts.charts() == ["b"] and set(charts.reads(charts.ada)) == {"b", "a9"}
    assert charts.ids("Patient/b/$everything") == {"b", "a9"}
    assert charts.search("Patient/ada/$everything").status == 404
    # Who she is is what was confirmed for the chart that stays: a swap there is noticed.
    charts.says("b", BOB)
    assert [(one.type, one.id, one.patient) for one in holding.waiting(charts.north)] == [("Patient", "b", "b")]
    charts.says("b", telecom=[{"value": "1"}])
    assert holding.waiting(charts.north) == []
    assert charts.north.linker.unlink("b") and charts.charts() == [] and charts.reads(charts.ada) == []
    assert "north" not in standing_links.standing(charts.guide, charts.ada.account)


def test_when_she_leaves_the_place_both_are_unlinked(charts: Charts) -> None:
    charts.join()
    assert charts.guide.agent.unlink(charts.ada.account, "north", charts.ada.sign)
    charts.network.anchor()
    charts.network.deliver()
    assert charts.linked() == [] and charts.charts() == [] and charts.reads(charts.ada) == []
    assert charts.north.rows(charted.chart) == [] and charts.north.rows(charted.chart_record) == []
    assert charts.north.rows(holding.identity) == []
    assert "north" not in standing_links.standing(charts.guide, charts.ada.account)
    found = {row.patient for row in charts.north.rows(store.person) if row.patient}
    assert found == {"ada", "b"}, "both stand here, and are nobody's"
    # Linked anew, the first gives what is its own.
    charts.join("ada")
    charts.consent(charts.ada)
    assert set(charts.reads(charts.ada)) == {"ada", "c1"}


def test_the_chart_of_somebody_else_is_not_linked_beside_hers(charts: Charts) -> None:
    charts.says("b", ("Lovelace", "Anne", "1961-12-10"))
    code = charts.north.linker.invite("b", at_desk=True)
    with pytest.raises((LinkError, PeerError)) as refused:
        charts.present(charts.ada, code, given="Anne")
    assert refused.value.code == "already-linked"  # type: ignore[union-attr]
    assert charts.given().state == given_codes.SECOND and charts.charts() == ["ada"]
    # Nor the chart that another account has.
    other = charts.network.patient("other")
    charts.says("b")
    charts.network.time += MINUTE
    code = charts.code_for("b")
    charts.present(other, code)
    assert given_codes.decide(charts.north, charts.given().digest, True)
    with pytest.raises(LinkError) as taken:
        charts.code_for("b")
    assert taken.value.code == "already-linked"


def test_each_chart_is_held_against_what_was_confirmed_for_it(charts: Charts) -> None:
    charts.says("b", birthDate="1961-12-10", gender="female")
    charts.join()
    charts.says("b", gender="female", telecom=[{"value": "2"}])
    charts.says("ada", telecom=[{"value": "2"}])
    assert holding.waiting(charts.north) == []
    charts.puts("Condition", "c7", code={"text": "Gout"}, subject={"reference": "Patient/b", "display": "Robert Byron"})
    waits = holding.waiting(charts.north)
    assert [(one.type, one.id, one.patient) for one in waits] == [("Condition", "c7", "b")]
    # Somebody has looked: it is another's. The chart that it came under is unlinked, and the other one is not.
    assert holding.give_up(charts.north, "Condition", "c7", "office", "of Byron")
    assert charts.charts() == ["ada"] and set(charts.reads(charts.ada)) == {"ada", "c1"}


def test_a_chart_that_is_somebody_else_s_keeps_nothing_of_the_other_one_away(charts: Charts) -> None:
    charts.join()
    charts.says("b", BOB)
    charts.says("ada", BOB)
    charts.network.anchor()
    charts.network.deliver()
    assert held_back(charts.guide, charts.ada.account) == {("north", "Patient")}
    charts.says("ada")
    charts.network.deliver()
    # One of her two Patients is in doubt still, and with it everything that the place has of her.
    assert held_back(charts.guide, charts.ada.account) == {("north", "Patient")} and charts.reads(charts.ada) == []
    assert holding.give_up(charts.north, "Patient", "b", "office", "this is Byron")
    charts.network.deliver()
    assert held_back(charts.guide, charts.ada.account) == set()
    assert set(charts.reads(charts.ada)) == {"ada", "c1"} and charts.guide.copies.hers(charts.ada.account)


def test_a_chart_that_was_merged_into_another_of_hers_is_no_doubt(charts: Charts) -> None:
    into_b = {"link": [{"type": "replaced-by", "other": {"reference": "Patient/b"}}], "active": False}
    charts.says("ada", **into_b)
    assert [one.fields for one in holding.waiting(charts.north)] == [("replaced",)]
    charts.join()
    assert holding.waiting(charts.north) == [] and set(charts.reads(charts.ada)) == {"ada", "b", "c1", "a9"}
    # The source files what she has under the number that stays.
    charts.puts("Condition", "c1", code={"text": "Syphilis"}, subject={"reference": "Patient/b"})
    assert set(charts.reads(charts.ada)) == {"ada", "b", "c1", "a9"}
    # Unlinked, it is a doubt again, and takes with it what lies there by now.
    assert charts.north.linker.unlink("b")
    assert [one.fields for one in holding.waiting(charts.north)] == [("replaced",)]
    assert {row.id for row in charts.north.rows(store.record) if row.person == charts.person_id()} == {"ada"}


def test_what_points_at_a_visit_under_her_other_number_is_hers(charts: Charts) -> None:
    charts.puts("Encounter", "v1", status="finished", subject={"reference": "Patient/b"})
    charts.puts(
        "Condition", "c5", code={"text": "Gout"}, subject={"reference": "Patient/ada"},
        encounter={"reference": "Encounter/v1"},
    )  # fmt: skip
    assert [one.fields for one in holding.waiting(charts.north)] == [("of-another",)]
    charts.join()
    assert holding.waiting(charts.north) == []
    assert charts.north.linker.unlink("b")
    assert [one.fields for one in holding.waiting(charts.north)] == [("of-another",)]


def _grouped(charts: Charts, identifier: str, patient: str, group: str) -> None:
    loinc = [{"system": "http://loinc.org", "code": "882-1"}]
    of = {"subject": {"reference": f"Patient/{patient}"}, "code": {"coding": loinc}}
    charts.puts("Observation", identifier, status="final", valueCodeableConcept={"text": group}, **of)


def test_a_blood_group_that_a_chart_brought_holds_nothing_back_once_it_is_gone(charts: Charts) -> None:
    _grouped(charts, "bg-b", "b", "A Rh positive")
    charts.join()
    _grouped(charts, "bg-1", "ada", "O Rh negative")
    _grouped(charts, "bg-2", "ada", "B Rh negative")
    assert {one.id: one.fields for one in holding.waiting(charts.north)} == {
        "bg-1": ("blood-group",), "bg-2": ("blood-group",),
    }  # fmt: skip
    assert charts.north.linker.unlink("b")
    # The two contradict each other still: the one that came first is hers, as everywhere.
    assert [one.id for one in holding.waiting(charts.north)] == ["bg-2"]
    assert {"bg-1"} == {one for one in charts.reads(charts.ada) if one.startswith("bg")}


def test_a_blood_group_that_contradicts_what_stays_of_hers_is_held_back_still(charts: Charts) -> None:
    _grouped(charts, "bg-1", "ada", "O Rh negative")
    charts.join()
    _grouped(charts, "bg-2", "ada", "A Rh positive")
    assert charts.north.linker.unlink("b")
    assert [one.id for one in holding.waiting(charts.north)] == ["bg-2"]


def test_the_lines_from_before_the_second_link_are_handed_over_under_keys_of_their_own(charts: Charts) -> None:
    charts.join()
    lines = [(line.epoch, line.manifest.record.id) for line in told(charts.guide, charts.ada.account, "record/1")]
    assert sorted(lines) == [(-1, "a9"), (-1, "b"), (0, "ada"), (0, "c1"), (1, "a9"), (1, "b")]
    assert charts.guide.agent.missing() == []
    # An agent that serves her later is told all of it, also after the second is unlinked.
    for _ in range(2):
        told_again = charts.north.store.write(
            lambda connection: charts.north.linker.queue_all(connection, charts.ada.account, "guide")
        )
        hers = [row for row in charts.north.rows(store.manifest) if row.person in (1, 2)]
        assert told_again == len(hers)
        charts.north.linker.unlink("b")


def test_an_emergency_opens_what_lies_under_either_number(charts: Charts) -> None:
    charts.join()
    allergies: dict[str, Any] = {"code": {"text": "Latex"}, "patient": {"reference": "Patient/ada"}}
    charts.puts("AllergyIntolerance", "a1", **allergies)
    charts.network.anchor()
    network: Any = charts.network
    emergency.declare(network, charts.ada.account)
    assert {"a1", "a9"} <= {*emergency.seen(network, charts.ada.account)}
    # Once the second is unlinked, nothing of it is given, in an emergency neither.
    assert charts.north.linker.unlink("b")
    charts.network.anchor()
    assert "a9" not in emergency.seen(network, charts.ada.account)


def test_a_look_under_one_number_of_hers_is_a_look_at_her(charts: Charts) -> None:
    charts.join()
    doctor = charts.north.doctor()
    charts.north.finder.look("b", doctor, "TREAT", "She is here for a check-up.")
    assert charts.north.finder.has_looked(doctor.credential.id, "ada")
    assert {one.patient for one in charts.north.finder.find("lovelace")} == {"ada", "b"}
    assert charts.north.finder.linked({charts.ada.account}) == {charts.ada.account: "ada"}


@pytest.mark.parametrize(("looked", "ended"), [("ada", "b"), ("b", "ada")])
def test_a_look_at_her_does_not_go_on_at_a_chart_that_is_hers_no_more(charts: Charts, looked: str, ended: str) -> None:
    """It is somebody else's, who is told of a look of her own, with its reason."""
    charts.join()
    finder, doctor = charts.north.finder, charts.north.doctor()
    finder.look(looked, doctor, "TREAT", "She is here for a check-up.")
    assert charts.north.linker.unlink(ended)
    assert not finder.has_looked(doctor.credential.id, ended)
    assert finder.has_looked(doctor.credential.id, looked)


def test_a_code_whose_answer_was_lost_ends_nothing_that_she_said_there(
    charts: Charts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key of a link is kept before the place has answered; the place can cause that at will."""
    agent: Any = charts.guide.agent
    call = agent._call

    def lost(organisation: str, path: str, *more: Any, **rest: Any) -> Any:
        if path == "/medrec/link":
            raise PeerError("unreachable", "It did not answer.", answered=False)
        return call(organisation, path, *more, **rest)

    code = charts.code_for("b")
    with monkeypatch.context() as patched, pytest.raises(PeerError):
        patched.setattr(agent, "_call", lost)
        charts.present(charts.ada, code)
    charts.network.time += 3 * 86_400_000
    charts.network.anchor()
    charts.network.deliver()
    over = standing_links.over(charts.guide, charts.ada.account)
    assert not over("north", 1) and not over("north", 0)


def test_erasing_her_by_either_number_erases_all_of_her(charts: Charts) -> None:
    charts.join()
    gone_at_source(charts.north, "Patient", "ada", "b")
    gone_at_source(charts.north, "Condition", "c1")
    gone_at_source(charts.north, "AllergyIntolerance", "a9")
    charts.north.erasures.erase_person("b", "patient-request")
    for table in (store.person, charted.chart, charted.chart_record, store.record, store.version):
        assert charts.north.rows(table) == [], table.name
    kept = [row.sealed for row in charts.north.rows(store.manifest) if row.kind not in ("erasure/1",)]
    assert all(bytes(one) == b"" for one in kept)


def test_erasing_a_chart_that_was_unlinked_erases_what_was_signed_of_it_under_her(charts: Charts) -> None:
    charts.join()
    assert charts.north.linker.unlink("b")
    gone_at_source(charts.north, "Patient", "b")
    gone_at_source(charts.north, "AllergyIntolerance", "a9")
    charts.north.erasures.erase_person("b", "patient-request")
    with charts.north.store.read() as connection:
        rows = connection.execute(sql.select(store.manifest)).all()
        assert all(
            b'"a9"' not in (charts.north.journal.manifest(connection, bytes(row.hash)) or (b"", b""))[1] for row in rows
        )
    assert set(charts.reads(charts.ada)) == {"ada", "c1"}
