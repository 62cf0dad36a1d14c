"""Records that a consent names, and those around them, in whatever form the consent and the records name others."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.node.forks import ada as ada
from tests.node.forks import fork_of_ada
from tests.node.network import Network, Patient
from tests.node.test_actors import NO, put, seen, to
from tests.node.test_gate import get, names

HERE, THERE = "https://ehr.north.example/r4", "https://ehr.south.example/r4"
ID = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
NUMBER = {"system": "urn:oid:1.2.3", "value": "K-77"}
SURE: list[dict[str, Any]] = [
    {"reference": f"Condition/{ID}"},
    {"reference": f"Condition/{ID}/_history/2"},
    {"reference": f"{HERE}/Condition/{ID}"},
    {"reference": f"{HERE}/Condition/{ID}/_history/2"},
    {"reference": f"urn:uuid:{ID}"},
    {"type": "Condition", "identifier": NUMBER},
    {"identifier": {**NUMBER, "value": " k-77"}},
]
MAYBE: list[dict[str, Any]] = [
    {"reference": f"{THERE}/Condition/{ID}"},
    {"reference": f"Condition?identifier={NUMBER['system']}|K-77"},
    {"reference": f"condition/{ID}"},
    {"identifier": {"value": "K-77"}},
]
NAMES = [SURE[0], SURE[2], SURE[4], {"identifier": NUMBER}]
"""The forms that a consent may have."""


def made(network: Network) -> None:
    network.call("north", servers=[HERE])
    put(network, "Condition", ID, subject="ada", identifier=[NUMBER])
    put(network, "Observation", "other", subject="ada")


@pytest.fixture
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Network]:
    with fork_of_ada(request, tmp_path, made) as forked:
        yield forked


def about(meaning: str, reference: dict[str, Any], effect: str) -> str:
    return to(effect, "Organization/south", data=[{"meaning": meaning, "reference": reference}])


def sent(network: Network, person: Patient) -> set[str]:
    found = seen(network, person)
    return set() if found == NO else set(found)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("pointer", SURE + MAYBE)
def test_what_points_at_a_record_goes_with_it_where_that_is_sure_and_is_kept_back_where_it_may_be(
    network: Network, ada: Patient, name: dict[str, Any], pointer: dict[str, Any]
) -> None:
    put(network, "Observation", "o", subject="ada", hasMember=[pointer])
    opens = network.fhir_consent(ada, "north", about("dependents", name, "permit"))
    assert sent(network, ada) == ({ID, "o"} if pointer in SURE else {ID})
    network.take_back(ada, "north", opens)
    network.consent(ada, "north", "*")
    assert sent(network, ada) == {ID, "o", "other"}
    network.fhir_consent(ada, "north", about("dependents", name, "deny"))
    assert sent(network, ada) == {"other"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("pointer", SURE + MAYBE)
def test_what_a_record_points_at_goes_with_it_where_that_is_sure_and_is_kept_back_where_it_may_be(
    network: Network, ada: Patient, name: dict[str, Any], pointer: dict[str, Any]
) -> None:
    # The record that the consent names is the one that points; it has a number of its own.
    mine = json.loads(json.dumps(name).replace(ID, "o").replace("Condition", "Observation").replace("K-77", "O-1"))
    put(network, "Observation", "o", subject="ada", hasMember=[pointer], identifier=[{**NUMBER, "value": "O-1"}])
    opens = network.fhir_consent(ada, "north", about("related", mine, "permit"))
    assert sent(network, ada) == ({ID, "o"} if pointer in SURE else {"o"})
    network.take_back(ada, "north", opens)
    network.consent(ada, "north", "*")
    network.fhir_consent(ada, "north", about("related", mine, "deny"))
    assert sent(network, ada) == {"other"}


@pytest.mark.parametrize("name", NAMES)
def test_the_record_itself_is_meant_in_every_form(network: Network, ada: Patient, name: dict[str, Any]) -> None:
    opens = network.fhir_consent(ada, "north", about("instance", name, "permit"))
    assert sent(network, ada) == {ID}
    network.take_back(ada, "north", opens)
    network.consent(ada, "north", "*")
    network.fhir_consent(ada, "north", about("instance", name, "deny"))
    assert sent(network, ada) == {"other"}


@pytest.mark.parametrize(
    "name", [{"reference": "urn:uuid:00000000-0000-4000-8000-000000000000"}, {"identifier": {**NUMBER, "value": "?"}}]
)
def test_a_name_that_no_record_here_bears_may_be_any_of_them(
    network: Network, ada: Patient, name: dict[str, Any]
) -> None:
    network.fhir_consent(ada, "north", about("instance", name, "permit"))
    assert sent(network, ada) == set()
    network.consent(ada, "north", "*")
    assert sent(network, ada) == {ID, "other"}
    network.fhir_consent(ada, "north", about("instance", name, "deny"))
    assert sent(network, ada) == set()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("meaning", ["dependents", "related"])
def test_the_same_number_in_another_system_is_somebody_elses(
    network: Network, ada: Patient, name: dict[str, Any], meaning: str
) -> None:
    put(network, "Observation", "o", subject="ada", hasMember=[{"identifier": {**NUMBER, "system": "urn:oid:9"}}])
    opens = network.fhir_consent(ada, "north", about(meaning, name, "permit"))
    assert sent(network, ada) == {ID}
    network.take_back(ada, "north", opens)
    network.consent(ada, "north", "*")
    network.fhir_consent(ada, "north", about(meaning, name, "deny"))
    assert sent(network, ada) == {"o", "other"}


def test_a_record_of_that_number_on_anothers_server_may_be_this_one(network: Network, ada: Patient) -> None:
    foreign = {"reference": f"{THERE}/Condition/{ID}"}
    opens = network.fhir_consent(ada, "north", about("instance", foreign, "permit"))
    assert sent(network, ada) == set()
    network.take_back(ada, "north", opens)
    network.consent(ada, "north", "*")
    network.fhir_consent(ada, "north", about("instance", foreign, "deny"))
    assert sent(network, ada) == {"other"}


@pytest.mark.parametrize("name", NAMES)
def test_a_record_that_is_named_by_its_id_is_looked_up_by_it(
    network: Network, ada: Patient, name: dict[str, Any]
) -> None:
    """Not by going through all of hers; a business identifier may be any record's."""
    for number in range(20):
        put(network, "Observation", f"o{number}", subject="ada")
    put(network, "Observation", "o", subject="ada", hasMember=[name])
    network.fhir_consent(ada, "north", about("dependents", name, "permit"))
    read, north = [0], network["north"]
    north.gate.reader.forget()

    def count() -> None:
        read[0] += 1

    north.source.before_read = count
    assert names(get(network, ada.account, types=["Observation"], ids=["o"])) == ["Observation/o"]
    assert read[0] < 10 if "reference" in name else read[0] > 20
