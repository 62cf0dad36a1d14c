"""Records of a form that nobody foresaw: each stays by itself, and takes neither the answer nor another one along."""

import json
import secrets
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medrec.core.consent import decide
from medrec.core.consent.labels import Labeller
from medrec.core.records.canonical import RecordError, canonical_of
from medrec.node.keeping import store
from medrec.node.keeping.store import StoreError
from medrec.node.release import labels
from medrec.node.release.leads import Leads
from medrec.node.release.medicines import Medicines
from tests.fhir.asking import SUD, ask, consent
from tests.node.network import Network, Patient
from tests.node.test_denials import pulled, pushed, viewed
from tests.node.test_gate import refused, written

MARKS = [{"url": "urn:medrec:consent:marks", "valueBoolean": True}]
WRONG: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(("", "#", "Patient/", "?a=b", "2024-02-30", "x" * 150)),
    lambda below: (
        st.lists(below, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ("coding", "system", "code", "reference", "identifier", "value", "start", "event", "display")
            ),
            below,
            max_size=3,
        )
    ),
    max_leaves=6,
)
WHOLE: tuple[dict[str, Any], ...] = (
    {
        "resourceType": "Observation",
        "meta": {"security": [SUD], "tag": [{"system": "a", "code": "b"}], "profile": ["x"], "lastUpdated": "2020"},
        "text": {"status": "generated", "div": "<a href='Condition/c'>"},
        "contained": [{"resourceType": "Practitioner", "id": "c", "name": [{"family": "x"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "1", "display": "HIV"}], "text": "HIV"},
        "performer": [{"reference": "#c"}, {"identifier": {"system": "s", "value": "v"}}],
        "effectiveDateTime": "2020-01-01",
        "valueQuantity": {"system": "u", "code": "m"},
        "component": [{"code": {"text": "x"}}],
        "note": [{"text": "hi"}],
    },
    {
        "resourceType": "MedicationRequest",
        "medicationCodeableConcept": {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm"}]},
        "medicationReference": {"reference": "Medication/x", "identifier": {"system": "s", "value": "1"}},
        "authoredOn": "2020",
        "reasonReference": [{"reference": "Condition/c", "display": "x"}],
        "dosageInstruction": [{"text": "a", "timing": {"event": ["2020"]}}],
    },
    {
        "resourceType": "DocumentReference",
        "type": {"coding": [{"system": "http://loinc.org", "code": "1"}]},
        "content": [{"attachment": {"contentType": "text/xml", "url": "http://x/y"}, "format": {"system": "s"}}],
        "context": {"period": {"start": "2020"}},
    },
)


def paths(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*above, key)
        yield from paths(value[key], (*above, key))


def with_at(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = with_at(copy[path[0]], path[1:], new)
    return copy


@st.composite
def odd(draw: st.DrawFn) -> dict[str, Any]:
    """A record with something of a wrong type at one, two or three places, any of them but its type."""
    found: dict[str, Any] = draw(st.sampled_from(WHOLE))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.sampled_from([path for path in paths(found) if path != ("resourceType",)]))
        found = with_at(found, at, draw(WRONG))
    return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Network, Patient]]:
    opened = Network(tmp_path_factory.mktemp("odd"))
    opened["north"].put("Condition", "sound", json.dumps(record("Condition", "sound", onsetDateTime="2024")))
    yield opened, opened.patient("ada", "north")
    opened.close()


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    opened = Network(tmp_path)
    for one in ("sound", "odd"):
        opened["north"].put("Condition", one, json.dumps(record("Condition", one)))
    yield opened
    opened.close()


@pytest.fixture
def ada(network: Network) -> Patient:
    return network.patient("ada", "north")


def record(kind: str, identifier: str, **more: Any) -> dict[str, Any]:
    return {**more, "resourceType": kind, "id": identifier, "subject": {"reference": "Patient/ada"}}


NUMBERS = count()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(odd(), st.booleans())
def test_no_form_of_a_record_stops_a_door(world: tuple[Network, Patient], made: dict[str, Any], marks: bool) -> None:
    """What it is, is decided; what is sound goes out beside it, at each door and by each parameter of a search."""
    network, ada = world
    kind, name = made["resourceType"], f"r{next(NUMBERS)}"
    whole = {**made, **record(kind, name)}
    try:
        canonical_of(whole)
    except RecordError:
        return
    network["north"].put(kind, name, json.dumps(whole))
    deny = [{"type": "deny", "securityLabel": [SUD]}, {"type": "deny", "dataPeriod": {"end": "2019"}}]
    text = json.loads(consent(provision=deny)) | ({"extension": MARKS} if marks else {})
    secret = network.fhir_consent(ada, "north", json.dumps(text))
    try:
        for seen in (pulled(network, ada), viewed(network, ada), pushed(network, ada)):
            assert "Condition/sound" in seen
        for query in ("", "date=gt2019", "code=x", "patient=ada", "_sort=-date", "_elements=code", "_summary=true"):
            told = ask(network, ada.account, kind, query, identifier=secrets.token_bytes(16))
            assert told.status == 200, told.body
    finally:
        network.take_back(ada, "north", secret)
        network.anchor()


def stumble(at: object, name: str, about: Callable[..., Any], patch: pytest.MonkeyPatch) -> None:
    """Let a function fail in a way that nobody foresaw, where it is about the odd record."""
    own = getattr(at, name)

    def stumbling(*given: Any, **named: Any) -> Any:
        if about(*given) == "odd":
            raise ZeroDivisionError
        return own(*given, **named)

    patch.setattr(at, name, stumbling)


STUMBLES: dict[str, tuple[object, str, Callable[..., Any]]] = {
    "its labels": (Labeller, "label", lambda self, resource, *_: resource.get("id")),
    "its facts": (labels.facts, "facts", lambda resource, *_: resource.get("id")),
    "the decision about it": (decide, "judge", lambda decision, facts: facts.id),
    "its medicines": (Medicines, "whole", lambda self, known: known.facts.id),
    "its pointers": (Leads, "to_hidden", lambda self, facts, *_: facts.id),
}


@pytest.mark.parametrize("marks", [False, True])
@pytest.mark.parametrize("what", STUMBLES)
def test_a_record_over_which_the_node_stumbles_stays_alone_at_each_door(
    network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch, what: str, marks: bool
) -> None:
    """Although everything is permitted, and no law says anything."""
    network["north"].law = ()
    if what == "its pointers" and marks:
        what = "its medicines"
    network.fhir_consent(ada, "north", json.dumps(json.loads(consent()) | ({"extension": MARKS} if marks else {})))
    assert pulled(network, ada) == ["Condition/odd", "Condition/sound"]
    network["north"].gate.reader.forget()
    stumble(*STUMBLES[what], monkeypatch)
    assert pulled(network, ada) == viewed(network, ada) == pushed(network, ada) == ["Condition/sound"]
    found = ask(network, ada.account, "Condition", "", identifier=bytes(16))
    assert found.names[:1] == ["Condition/sound"] and found.value["total"] == 1
    assert ask(network, ada.account, "Condition/odd", "", identifier=bytes([1]) * 16).code == "not-found"
    alarms = [(row.code, row.subject) for row in network["north"].rows(store.alarm)]
    assert alarms == [("record-unread", "Condition/odd")]
    told = [one.id for line in written(network["north"], "disclosure/1")[1:] for one in line.records]
    assert set(told) == {"sound"}


def test_a_part_that_cannot_be_cut_out_keeps_its_record_back(
    network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = record("Observation", "odd", note=[{"text": "x"}], component=[{"code": {"text": "alcoholism"}}])
    network["north"].put("Observation", "odd", json.dumps(whole))
    text = json.loads(consent(provision=[{"type": "deny", "securityLabel": [SUD]}])) | {"extension": MARKS}
    network.fhir_consent(ada, "north", json.dumps(text))
    assert "Observation/odd" in viewed(network, ada)
    stumble(Labeller, "label_part", lambda self, path, name, value, resource: resource.get("id"), monkeypatch)
    assert pulled(network, ada) == viewed(network, ada) == pushed(network, ada) == ["Condition/odd", "Condition/sound"]


def test_what_stops_the_node_is_no_fault_of_a_record(
    network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that fails refuses the whole answer: nothing may seem to be all."""
    network.consent(ada, "north", "south")

    def broken(*given: Any) -> Any:
        raise StoreError("disk", "The disk is full.")

    monkeypatch.setattr(Medicines, "whole", broken)
    assert refused(network, ada.account).code == "store-unusable"
    assert network["north"].rows(store.alarm) == []
