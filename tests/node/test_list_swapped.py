"""Two patients swapped at the source: neither gets a line of the other, the place is told, and it heals by itself."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core.records.canonical import canonical
from medrec.node.keeping import store
from medrec.node.records.publish import Incoming
from medrec.node.right_person import holding
from tests.node.forks import fork
from tests.node.network import Network, Patient
from tests.node.test_lists import LISINOPRIL_20, METFORMIN_500, order
from tests.node.test_right_person import ADA, BOB, demographics
from tests.portal.reading import text_of
from tests.portal.story import Story, ToldNetwork


class Two:
    """Ada takes lisinopril, Bob metformin; both are known at north, and her agent is his too."""

    def __init__(self, folder: Path) -> None:
        network, self.people = fork(folder, _filed, kind=ToldNetwork)
        self.over(network)

    def over(self, network: Network) -> None:
        self.network = network
        self.story = Story(network.folder, lambda _: self.network)
        self.north: Any = self.network["north"]
        self.guide: Any = self.network["guide"]

    def put(self, **filed: tuple[Any, str, str]) -> None:
        """What north files under each of its patient numbers, in one go: who it is, and what she takes."""
        incoming = []
        for name, (who, code, text) in filed.items():
            patient = demographics(name, *who)
            medicine = order(f"m-{name}", code, text, subject={"reference": f"Patient/{name}"})
            for kind, identifier, raw in (("MedicationRequest", f"m-{name}", medicine), ("Patient", name, patient)):
                self.north.source.raw[kind, identifier] = raw.encode()
                incoming.append(Incoming(kind, identifier, canonical(raw.encode()), json.dumps(who)))
        self.north.publisher.publish(incoming)

    def refresh(self) -> None:
        self.story.settle()
        for person in getattr(self, "people", {}).values():
            self.guide.copies.refresh(person.account)
        self.story.settle()

    def lists(self) -> dict[str, dict[str, list[str]]]:
        """The medicines in each person's list, at her agent and at north."""
        return {
            node.organisation: {
                name: [row.name for row in node.lists.of(person.account).read.medicines]
                for name, person in self.people.items()
            }
            for node in (self.guide, self.north)
        }


def _filed(network: Network) -> dict[str, Patient]:
    two = Two.__new__(Two)
    two.over(network)
    two.put(ada=(ADA, LISINOPRIL_20, "lisinopril 20 mg"), bob=(BOB, METFORMIN_500, "metformin 500 mg"))
    two.people = {name: network.patient(name, "north") for name in ("ada", "bob")}
    for person in two.people.values():
        network.consent(person, "north", "guide")
    two.refresh()
    return two.people


RIGHT = {"ada": ["lisinopril"], "bob": ["metformin"]}
NOTHING: dict[str, list[str]] = {"ada": [], "bob": []}


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    made = Two(tmp_path)
    yield made
    made.network.close()


def test_neither_of_two_swapped_patients_gets_a_line_of_the_other(two: Two) -> None:
    assert two.lists() == {"guide": RIGHT, "north": RIGHT}
    two.network.time += 60_000
    two.put(ada=(BOB, METFORMIN_500, "metformin 500 mg"), bob=(ADA, LISINOPRIL_20, "lisinopril 20 mg"))
    two.refresh()
    found = two.lists()
    # North merges nothing of either; nor does her agent, which keeps what it was given and says that reading failed.
    assert found["north"] == NOTHING and found["guide"] == NOTHING
    for person in two.people.values():
        (reading,) = two.guide.copies.readings(person.account)
        assert reading.code and reading.good is not None
    # A human at north sees both, by number alone, and on the page.
    waiting = holding.waiting(two.north)
    assert sorted((item.type, item.id, item.patient) for item in waiting) == [
        ("Patient", "ada", "ada"), ("Patient", "bob", "bob"),
    ]  # fmt: skip
    alarms = [row for row in two.north.rows(store.alarm) if row.code == "record-held"]
    assert sorted(row.subject for row in alarms) == ["Patient/ada", "Patient/bob"]
    assert not any(name in row.sentence for row in alarms for name in ("Lovelace", "Byron", "1961", "1948"))
    page = text_of(two.story.client("north").get("/").text)
    assert "does not fit the person whom its patient is linked to" in page
    # The source puts it right: both lists are whole again, and nothing waits.
    two.network.time += 60_000
    two.put(ada=(ADA, LISINOPRIL_20, "lisinopril 20 mg"), bob=(BOB, METFORMIN_500, "metformin 500 mg"))
    two.refresh()
    assert two.lists() == {"guide": RIGHT, "north": RIGHT} and holding.waiting(two.north) == []


def test_a_swap_that_was_there_before_the_link_is_found_at_the_desk(two: Two) -> None:
    """Who she says she is does not fit the patient whom the desk chose: no link, so no list."""
    from medrec.node.peers.peers import PeerError
    from medrec.node.right_person.link import LinkError

    two.north.put("Patient", "cyd", demographics("cyd", *BOB))
    two.north.put(
        "MedicationRequest", "m-cyd", order("m-cyd", METFORMIN_500, "metformin", subject={"reference": "Patient/cyd"})
    )
    cyd: Patient = two.network.patient("cyd")
    code = two.north.linker.invite("cyd")
    stated = {"family": "Dane", "given": "Cyd", "birth": "1990-02-03"}
    with pytest.raises((PeerError, LinkError)):
        two.guide.agent.link(cyd.account, "north", code, cyd.sign, stated)
    assert two.north.lists.of(cyd.account).read.medicines == ()
    assert "link-contradicted" in [row.code for row in two.north.rows(store.alarm)]


@pytest.mark.parametrize(
    "subject",
    [
        "https://elsewhere.example/fhir/Patient/ada",
        "http://evil.example/Patient/ada/_history/3",
        "https://ehr.north.example/r4x/Patient/ada",
        "Patient/ada?x=1",
    ],
)
def test_a_patient_of_another_server_is_not_the_one_of_the_same_number_here(two: Two, subject: str) -> None:
    here = "https://ehr.north.example/r4"
    two.network.call("north", servers=[here])

    def write(subject: str, **more: Any) -> dict[str, list[str]]:
        two.network.time += 60_000
        raw = json.loads(order("w", "855332", "warfarin 5 mg", subject={"reference": subject})) | more
        two.north.put("MedicationRequest", "w", json.dumps(raw), origin=str(two.network.time))
        two.refresh()
        found = two.lists()
        assert found["guide"] == found["north"]
        return found["north"]

    def alarms() -> list[str]:
        return [one.subject for one in two.north.rows(store.alarm) if one.code == "subject-elsewhere"]

    assert write(subject) == RIGHT
    assert write(subject, patient={"reference": "Patient/bob"}) == RIGHT
    assert alarms() == ["MedicationRequest/w"]
    # Under the address that the members know as north's own it is its own patient.
    assert write(f"{here}/Patient/ada") == RIGHT | {"ada": ["lisinopril", "warfarin"]}
    assert alarms() == []
    assert write(subject) == RIGHT
