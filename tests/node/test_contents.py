"""Records that name nobody and cannot be of the person they are filed under: held back with all that came with them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core.records.canonical import canonical
from medrec.core.records.terms import CVX, ICD10CM, LOINC
from medrec.node.keeping import contents, store
from medrec.node.records.publish import Incoming
from medrec.node.right_person import holding
from tests.node.forks import fork
from tests.node.network import Network, Patient
from tests.node.test_lists import LISINOPRIL_20, METFORMIN_500, order
from tests.node.test_right_person import ADA, BOB, demographics
from tests.portal.reading import text_of
from tests.portal.story import Story, ToldNetwork


class Ward:
    """Bob and Ada are linked at north; what arrives names nobody."""

    def __init__(self, folder: Path) -> None:
        network, (self.ada, self.bob) = fork(folder, _filed, kind=ToldNetwork)
        self.over(network)

    def over(self, network: Network) -> None:
        self.network = network
        self.story = Story(network.folder, lambda _: self.network)
        self.north: Any = self.network["north"]
        self.round = 0

    def file(self, **records: list[str]) -> None:
        """One delivery."""
        self.round += 1
        incoming = []
        for kind, texts in records.items():
            for text in texts:
                identifier = json.loads(text)["id"]
                self.north.source.raw[kind, identifier] = text.encode()
                incoming.append(Incoming(kind, identifier, canonical(text.encode()), str(self.round)))
        self.north.publisher.publish(incoming)
        self.network.time += 60_000

    def held(self) -> dict[str, tuple[str, ...]]:
        return {f"{one.type}/{one.id}": one.fields for one in holding.waiting(self.north)}

    def medicines(self, person: Patient) -> list[str]:
        return [row.name for row in self.north.lists.of(person.account).read.medicines]

    def problems(self, person: Patient) -> list[str]:
        return [row.name for row in self.north.lists.of(person.account).read.problems]


def _filed(network: Network) -> tuple[Patient, Patient]:
    ward = Ward.__new__(Ward)
    ward.over(network)
    ward.file(Patient=[demographics("ada", *ADA, gender="female"), demographics("bob", *BOB, gender="male")])
    ward.file(MedicationRequest=[order("m-ada", LISINOPRIL_20, "lisinopril 20 mg", **of("ada"))])
    ada, bob = (network.patient(name, "north") for name in ("ada", "bob"))
    for person in (ada, bob):
        network.consent(person, "north", "guide")
    ward.story.settle()
    return ada, bob


def of(patient: str) -> dict[str, Any]:
    return {"subject": {"reference": f"Patient/{patient}"}}


def condition(identifier: str, code: str, text: str, patient: str, **more: Any) -> str:
    concept = {"coding": [{"system": ICD10CM, "code": code}], "text": text}
    active = {"coding": [{"code": "active"}]}
    body = {"resourceType": "Condition", "id": identifier, "code": concept, "clinicalStatus": active, **of(patient)}
    return json.dumps(body | more)


def blood(identifier: str, group: str, patient: str) -> str:
    code = {"coding": [{"system": LOINC, "code": "882-1"}]}
    body = {"resourceType": "Observation", "id": identifier, "status": "final", "code": code, "valueString": group}
    return json.dumps(body | of(patient))


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    made = Ward(tmp_path)
    yield made
    made.network.close()


def swapped(ward: Ward) -> None:
    """Ada's visit is filed under Bob: a delivery in which nothing names her, and one thing cannot be his."""
    ward.file(
        Condition=[condition("c1", "N80.0", "Endometriosis", "bob"), condition("c2", "J45.909", "Asthma", "bob")],
        MedicationRequest=[order("m1", METFORMIN_500, "metformin 500 mg", **of("bob"))],
    )


def test_a_visit_filed_under_the_wrong_patient_is_merged_with_nothing(ward: Ward) -> None:
    swapped(ward)
    assert ward.held() == {
        "Condition/c1": ("content-sex",), "Condition/c2": contents.WITH, "MedicationRequest/m1": contents.WITH,
    }  # fmt: skip
    assert ward.problems(ward.bob) == [] and ward.medicines(ward.bob) == []
    # One alarm for the visit, without a word of what it says; the desk sees why.
    alarms = [row for row in ward.north.rows(store.alarm) if row.code == "record-held"]
    assert [row.subject for row in alarms] == ["Condition/c1"]
    assert "Endometriosis" not in alarms[0].sentence and "N80" not in alarms[0].sentence
    page = text_of(ward.story.client("north").get("/desk").text)
    assert "something that only people of the other sex have" in page
    # What comes next under Bob's number and fits goes on; what he had before did as well.
    ward.file(MedicationRequest=[order("m2", LISINOPRIL_20, "lisinopril 20 mg", **of("bob"))])
    assert ward.medicines(ward.bob) == ["lisinopril"]
    ward.story.settle()
    told = [one.kind for one in ward.network["guide"].agent.notices(ward.bob.account)]  # type: ignore[union-attr]
    assert told.count("record-held/1") == 3


def test_the_source_files_it_where_it_belongs(ward: Ward) -> None:
    swapped(ward)
    ward.file(
        Condition=[condition("c1", "N80.0", "Endometriosis", "ada"), condition("c2", "J45.909", "Asthma", "ada")],
        MedicationRequest=[order("m1", METFORMIN_500, "metformin 500 mg", **of("ada"))],
    )
    assert ward.held() == {}
    assert sorted(ward.problems(ward.ada)) == ["Asthma", "Endometriosis"] and ward.problems(ward.bob) == []
    assert ward.medicines(ward.ada) == ["lisinopril", "metformin"]


def test_the_source_corrects_what_cannot_be_his(ward: Ward) -> None:
    swapped(ward)
    ward.file(Condition=[condition("c2", "J45.909", "Asthma, mild", "bob")])
    assert set(ward.held()) == {"Condition/c1", "Condition/c2", "MedicationRequest/m1"}, "it waits for the other"
    ward.file(Condition=[condition("c1", "N41.0", "Prostatitis", "bob")])
    assert ward.held() == {} and ward.medicines(ward.bob) == ["metformin"]


def test_a_human_lets_the_visit_go_and_is_not_asked_the_same_again(ward: Ward) -> None:
    swapped(ward)
    assert holding.let_go(ward.north, "Condition", "c1", "Dr North", "He has it.")
    assert ward.held() == {} and sorted(ward.problems(ward.bob)) == ["Asthma", "Endometriosis"]
    ward.file(Condition=[condition("c9", "N80.3", "Endometriosis of ovary", "bob")])
    assert ward.held() == {}
    # Another reason is asked again.
    ward.file(Condition=[condition("c8", "P07.3", "Preterm", "bob", onsetDateTime="1990-01-01")])
    assert ward.held() == {"Condition/c8": ("content-age",)}


def test_it_is_hers_the_link_is_undone_and_nothing_stays(ward: Ward) -> None:
    swapped(ward)
    assert holding.give_up(ward.north, "Condition", "c1", "Dr North", "Another person's chart.")
    assert ward.held() == {} and ward.problems(ward.bob) == [] and ward.medicines(ward.ada) == ["lisinopril"]
    assert ward.north.rows(contents.body_known) == []


def test_another_blood_group_is_looked_at(ward: Ward) -> None:
    ward.file(Observation=[blood("o1", "A+", "ada")])
    ward.file(Observation=[blood("o2", "A", "ada"), blood("o3", "Rh positive", "ada")])
    assert ward.held() == {}
    (kept,) = ward.north.rows(contents.body_known)
    assert b"A+" not in bytes(kept.sealed) and b"group" not in bytes(kept.sealed)
    both = {"Observation": [blood("o4", "B+", "ada")], "Condition": [condition("c4", "I10", "HTN", "ada")]}
    ward.file(**both)
    assert ward.held() == {"Observation/o4": ("blood-group",), "Condition/c4": contents.WITH}
    # Somebody looked: the first was wrong. From now on the other one is.
    assert holding.let_go(ward.north, "Observation", "o4", "Dr North", "Typed wrongly before.")
    ward.file(Observation=[blood("o5", "B pos", "ada")])
    assert ward.held() == {}
    ward.file(Observation=[blood("o6", "A+", "ada")])
    assert ward.held() == {"Observation/o6": ("blood-group",)}


def test_vaccines_of_a_small_child_and_dates_before_the_birth(ward: Ward) -> None:
    code = {"coding": [{"system": CVX, "code": "146"}]}
    shot = {"resourceType": "Immunization", "id": "i1", "status": "completed", "vaccineCode": code}
    ward.file(
        Immunization=[json.dumps(shot | {"patient": {"reference": "Patient/bob"}, "occurrenceDateTime": "2025-03-01"})]
    )
    assert ward.held() == {"Immunization/i1": ("content-age",)}
    ward.file(MedicationRequest=[order("old", METFORMIN_500, "metformin", authoredOn="1950-01-01", **of("ada"))])
    assert ward.held()["MedicationRequest/old"] == ("before-birth",) and ward.medicines(ward.ada) == ["lisinopril"]


def test_who_is_said_to_have_died_is_looked_at_once(ward: Ward) -> None:
    """A death that was typed into the wrong chart takes nothing away from the living before somebody has looked, and
    gives nothing out either."""
    dead = demographics("ada", *ADA, gender="female", deceasedDateTime="2025-01-01")
    ward.file(Patient=[dead])
    assert ward.held() == {"Patient/ada": ("death",)} and ward.medicines(ward.ada) == []
    assert holding.let_go(ward.north, "Patient", "ada", "Dr North", "She has died.")
    ward.file(Patient=[demographics("ada", *ADA, gender="female", deceasedDateTime="2025-01-02")])
    assert ward.held() == {} and ward.medicines(ward.ada) == ["lisinopril"]
