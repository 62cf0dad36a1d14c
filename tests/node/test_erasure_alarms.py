"""What an alarm says of a record or a patient goes with it when it is erased; other alarms stay."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sql

from medrec.node.keeping import store
from medrec.node.keeping.alarms import forget
from medrec.node.peers.peers import PeerError
from medrec.node.refusals import Code
from tests.node.forks import fork_of_ada
from tests.node.network import Network, Patient
from tests.node.test_erasure import gone_at_source, observation, seen


def made(network: Network) -> None:
    for name in ("o1", "o11"):
        network["north"].put("Observation", name, observation(name, 7))


@pytest.fixture
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Network]:
    with fork_of_ada(request, tmp_path, made) as forked:
        yield forked


@pytest.fixture
def altered(network: Network) -> Patient:
    """Both records were changed in place at their source, and asked for: there is an alarm."""
    person, north = network.patient("ada", "north"), network["north"]
    network.consent(person, "north", "south")
    network.anchor()
    for name in ("o1", "o11"):
        north.source.raw["Observation", name] = observation(name, 8).encode()
    with pytest.raises(PeerError) as refused:
        seen(network, person)
    assert refused.value.code == Code.RECORD_ALTERED.value
    return person


def subjects(network: Network) -> list[str]:
    return sorted(row.subject for row in network["north"].rows(store.alarm))


def test_an_alarm_goes_with_the_record_that_it_names_and_with_no_other(network: Network, altered: Patient) -> None:
    assert "Observation/o1" in subjects(network)
    gone_at_source(network["north"], "o1")
    before = set(subjects(network))
    network["north"].erasures.erase_record("Observation", "o1", "patient-request")
    assert set(subjects(network)) == before - {"Observation/o1"}


def test_no_alarm_names_a_person_who_was_erased(network: Network, altered: Patient) -> None:
    north = network["north"]
    for name in ("o1", "o11"):
        gone_at_source(north, name)
    north.erasures.erase_person("ada", "patient-request")
    assert not [row for row in north.rows(store.alarm) if "o1" in row.sentence or "ada" in row.sentence + row.subject]


def test_a_name_is_found_in_subjects_and_sentences_whole(network: Network) -> None:
    told = {
        "Observation/o1": "x",
        "a": "Look at Observation/o1, and soon.",
        "b": "It is not Observation/o1.",
        "c": "Observation/o11 is another",
        "d": "so is Observation/o1-2.",
        "e": "and MyObservation/o1",
    }
    north = network["north"]

    def write(connection: sql.Connection) -> None:
        for subject, sentence in told.items():
            row = {"time": 1, "code": "record-altered", "subject": subject, "sentence": sentence}
            connection.execute(sql.insert(store.alarm).values(**row))
        forget(connection, ["Observation/o1"])

    north.store.write(write)
    assert subjects(network) == ["c", "d", "e"]
