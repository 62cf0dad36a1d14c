"""A third party decides again what a source decided, from the manifest, the consents and the records alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medrec.core.consent.replay import differences
from medrec.core.records.canonical import canonical
from medrec.node.release.labels import Labels
from tests.fhir.asking import SUD, WITHOUT_SUBSTANCE_USE, consent, observation
from tests.node.forks import ada as ada
from tests.node.forks import fork_of_ada
from tests.node.network import Network, Patient
from tests.node.test_gate import get, refused, written
from tests.node.test_list_sources import medication, pointing

RECORDS = {
    "Observation/bp": observation("bp", "55284-4", "120", "2026-03-01"),
    "Observation/sud": observation("sud", "1-1", "1", "2026-03-02", meta={"security": [SUD]}),
}


def made(network: Network) -> None:
    for name, content in RECORDS.items():
        network["north"].put("Observation", name.partition("/")[2], content)


@pytest.fixture
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Network]:
    with fork_of_ada(request, tmp_path, made) as forked:
        yield forked


def held(network: Network, ada: Patient) -> dict[str, Any]:
    return {kept.hash.hex(): kept.consent for kept in network["north"].consents.of(ada.account)}


def facts() -> dict[str, Any]:
    labels = Labels()
    return {
        name: labels.facts(canonical(content.encode()).value, *name.split("/", 1)) for name, content in RECORDS.items()
    }


def test_what_was_disclosed_is_decided_again(network: Network, ada: Patient) -> None:
    network.fhir_consent(ada, "north", WITHOUT_SUBSTANCE_USE)
    network.consent(ada, "north", "east", effect="deny")
    get(network, ada.account)
    (stated,) = written(network["north"], "disclosure/1")
    assert [record.id for record in stated.records] == ["bp"] and len(stated.basis.consents) == 2
    assert stated.basis.labels == Labels().version
    assert differences(stated, held(network, ada), facts()) == []


def test_a_disclosure_that_should_not_have_been_is_found(network: Network, ada: Patient) -> None:
    network.fhir_consent(ada, "north", WITHOUT_SUBSTANCE_USE)
    get(network, ada.account)
    (stated,) = written(network["north"], "disclosure/1")
    consents, known = held(network, ada), facts()
    hidden = msgspec.structs.replace(stated.records[0], id="sud")
    more = msgspec.structs.replace(stated, records=[*stated.records, hidden])
    assert differences(more, consents, known) == ["Observation/sud was not to go out: denied"]
    stranger = msgspec.structs.replace(stated, request=msgspec.structs.replace(stated.request, requester="east"))
    assert differences(stranger, consents, known) == ["the request was to be refused: no-consent"]
    research = msgspec.structs.replace(stated, request=msgspec.structs.replace(stated.request, purpose="HRESCH"))
    # The denial inside the consent names no purpose, so it stands where the permit does not cover this one.
    assert differences(research, consents, known) == ["the request was to be refused: denied"]
    assert differences(msgspec.structs.replace(stated, decided=[]), consents, known) == ["other consents decide"]
    assert differences(msgspec.structs.replace(stated, attach=["x"]), consents, known) == [
        "other notices were to travel along"
    ]
    assert differences(stated, {}, known)[0].endswith("is not here")
    assert differences(msgspec.structs.replace(stated, basis=None), consents, known)


def test_refusals_are_decided_again_too(network: Network, ada: Patient) -> None:
    network.fhir_consent(ada, "north", consent("deny"))
    assert refused(network, ada.account).code == "not-permitted"
    (stated,) = written(network["north"], "refusal/1")
    assert stated.code == "denied" and differences(stated, held(network, ada), {}) == []
    permitted = held(network, ada)
    network.fhir_consent(ada, "north", consent())
    other = [name for name in held(network, ada) if name not in permitted]
    lied = msgspec.structs.replace(stated, basis=msgspec.structs.replace(stated.basis, consents=other))
    assert differences(lied, held(network, ada), {}) == ["the request was to be permitted"]


def test_a_medicine_that_went_with_an_order_is_decided_with_it(network: Network, ada: Patient) -> None:
    north = network["north"]
    north.put("Medication", "m1", medication("m1", "digoxin 0.25 mg tablet"))
    north.put("MedicationRequest", "n", pointing("n", "Medication/m1"))
    network.consent(ada, "north", "south", types=("MedicationRequest",))
    get(network, ada.account, types=["Medication"])
    (stated,) = written(north, "disclosure/1")
    assert [(record.type, record.id) for record in stated.records] == [("Medication", "m1")]
    labels, known = Labels(), {}
    for name, content in (
        ("Medication/m1", medication("m1", "digoxin 0.25 mg tablet")),
        ("MedicationRequest/n", pointing("n", "Medication/m1")),
    ):
        known[name] = labels.facts(canonical(content.encode()).value, *name.split("/", 1))
    assert differences(stated, held(network, ada), known) == []
    # By itself, or with another order, it had not to go.
    alone = {"Medication/m1": known["Medication/m1"]}
    assert len(differences(stated, held(network, ada), alone)) == 1
    other = pointing("n", "Medication/m2")
    alone["MedicationRequest/n"] = labels.facts(canonical(other.encode()).value, "MedicationRequest", "n")
    assert len(differences(stated, held(network, ada), alone)) == 1
