"""Where a person allows marks: what is cut says so, and everything else about it does not show.

Two worlds with the same open records and other hidden ones: other parts in the same elements, other records, more of
them, of other types. Every answer is the same byte for byte, so that a mark says no more than that there is something.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from medrec.core.consent.reading import MARKS
from medrec.core.consent.redact import REDACTED
from medrec.node.fhir import client
from medrec.node.release.receive import NotGenuineError
from tests.fhir import cuts
from tests.fhir.asking import SUD, WITHOUT_SUBSTANCE_USE, Told, bare, consent, observation, resource
from tests.fhir.pointing import SYSTEM, pointing
from tests.fhir.test_nothing_shows import HIDDEN, OPEN, follow, interactions, made_world
from tests.node.network import Network, Patient

Worlds = list[tuple[Network, Patient]]
ALLOWED = json.dumps({**json.loads(WITHOUT_SUBSTANCE_USE), "extension": [{"url": MARKS, "valueBoolean": True}]})
POINTING = ("bp-4", "cough", "on-depot")
MANY = {
    name: content
    for name, content in HIDDEN.items()
    if name not in cuts.CUTS and name[1] not in POINTING and not name[1].startswith("at-")
}
AT_HIDDEN = pointing("at-hidden", "Condition", "addiction", "77")
POINTERS = {
    **AT_HIDDEN,
    ("Observation", "points"): observation(
        "points", "55284-4", "126", "2026-03-04", derivedFrom=[{"reference": "Observation/bp-2"}]
    ),
    ("Observation", "on-depot"): HIDDEN["Observation", "on-depot"],
}
FEW = {
    ("Observation", "bp-2"): resource("Observation", "bp-2", status="final", meta={"security": [SUD]}),
    # Another record at which the same pointers point, in all their forms.
    ("Condition", "addiction"): resource(
        "Condition", "addiction", meta={"security": [SUD]}, identifier=[{"system": SYSTEM, "value": "77"}]
    ),
    # Here the order says itself what there its medicine says.
    ("MedicationRequest", "depot-order"): resource(
        "MedicationRequest", "depot-order", status="active", meta={"security": [SUD]}
    ),
}


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    hidden = ({**MANY, **POINTERS, **cuts.CUTS}, {**FEW, **POINTERS, **cuts.cuts(cuts.OTHER)})
    with pytest.MonkeyPatch.context() as patch:
        made = [made_world(tmp_path_factory.mktemp("world"), patch, one, ALLOWED) for one in hidden]
        yield made
        for network, _ in made:
            network.close()


def told(network: Network, person: Patient, query: str) -> list[Any]:
    """What is told, but for the entry on the ledger and the marks, which are salted and so differ by nature."""
    return [_as_told(one) for one in follow(network, person, query)]


def _as_told(one: Told) -> Any:
    if one.disclosure is None:
        return one
    # What a decision rests on names her consents, which are others in each world.
    made = bare(one)
    stated, records = made.disclosure
    return made._replace(disclosure=(stated.request, records, stated.attach))


def again(network: Network) -> None:
    """The same questions may be put once more: their ids follow from the time, too."""
    network.time += 1


def test_a_mark_says_no_more_than_that_there_is_something(worlds: Worlds) -> None:
    (one, her), (other, same) = worlds
    answered = marked = 0
    for query in interactions(("Observation",)):
        answers = told(one, her, query)
        assert answers == told(other, same, query), query
        answered += answers[0].status == 200
        marked += b"REDACTED" in answers[0].body
    assert answered > 150 and marked > 40


def test_what_is_cut_is_marked_and_the_rest_of_it_is_there(worlds: Worlds) -> None:
    (network, person), _ = worlds
    again(network)
    [answer] = follow(network, person, "Patient/ada/$everything?_count=500")
    entries = {
        entry["fullUrl"].rpartition("/fhir/")[2]: entry["resource"]
        for entry in answer.value["entry"]
        if entry.get("search", {}).get("mode") != "outcome"
    }
    pointing = entries["Observation/points"]
    assert "derivedFrom" not in pointing and REDACTED in pointing["meta"]["security"]
    reason = next(value for name, value in entries.items() if name.endswith("/cut-reasoncode"))
    assert reason["reasonCode"] == [{"text": "Fatigue"}] and reason["meta"]["security"] == [REDACTED]
    assert "partOf" not in entries["Observation/on-depot"] and b"depot-order" not in answer.body
    assert "meta" not in entries["Condition/asthma"]
    odd = {"/".join(name) for name in AT_HIDDEN} & set(entries)
    assert len(odd) > 20 and all(REDACTED in entries[name]["meta"]["security"] for name in odd)
    assert b'addiction"' not in answer.body and b'"77"' not in answer.body
    assert cuts.ABOUT.encode() not in answer.body
    assert len(entries) > 40


def test_an_answer_says_that_something_is_withheld_whatever_was_asked(worlds: Worlds) -> None:
    for network, person in worlds:
        again(network)
        for query in ("Observation", "Immunization", "Observation?code=1-1", "Patient/ada/$everything?_count=3"):
            for page in follow(network, person, query):
                outcomes = [e for e in page.value.get("entry", []) if e.get("search", {}).get("mode") == "outcome"]
                assert len(outcomes) == 1 and outcomes[0]["fullUrl"].startswith("urn:uuid:"), query
                [issue] = outcomes[0]["resource"]["issue"]
                assert (issue["severity"], issue["code"]) == ("information", "suppressed")
                assert not any(letter.isdigit() for letter in issue["details"]["text"])


def test_nothing_is_said_where_nothing_is_withheld(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    network, person = made_world(tmp_path, monkeypatch, {}, ALLOWED)
    [page] = follow(network, person, "Patient/ada/$everything?_count=100")
    assert len(page.names) == len(OPEN) and b"suppressed" not in page.body
    network.close()


def _kind(name: str) -> dict[str, str]:
    return {"system": "http://hl7.org/fhir/resource-types", "code": name}


NORMAL = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "N"}
NO_MEDICINE = {
    "permit up to N": {"securityLabel": [NORMAL]},
    "deny SUD": {"provision": [{"type": "deny", "securityLabel": [SUD]}]},
    "deny the medicine": {"provision": [{"type": "deny", "class": [_kind("Medication")]}]},
    "deny orders with SUD": {
        "provision": [{"type": "deny", "class": [_kind("MedicationRequest")], "securityLabel": [SUD]}]
    },
}


@pytest.mark.parametrize("said", NO_MEDICINE.values(), ids=NO_MEDICINE)
def test_a_medicine_that_is_withheld_never_goes_with_an_order_of_which_a_part_is_cut(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, said: dict[str, Any]
) -> None:
    order = json.loads(HIDDEN["MedicationRequest", "depot-order"])
    order["medicationReference"]["display"] = "capsule"
    cut = order | {"id": "depot-cut", "reasonCode": [{"text": "Alcoholism"}, {"text": "Fatigue"}]}
    records = {name: HIDDEN[name] for name in (("Medication", "depot"), ("Observation", "on-depot"))}
    records |= {("MedicationRequest", one["id"]): json.dumps(one) for one in (order, cut)}
    allowed = json.dumps({**json.loads(consent(**said)), "extension": [{"url": MARKS, "valueBoolean": True}]})
    network, person = made_world(tmp_path, monkeypatch, records, allowed, {("Patient", "ada"): OPEN["Patient", "ada"]})
    for query in ("Patient/ada/$everything?_count=500", "MedicationRequest", "Medication", "Medication/depot"):
        for answer in follow(network, person, query):
            assert b"Medication/depot" not in answer.body and b"capsule" not in answer.body, query
            assert not any(name.startswith("Medication") for name in answer.names), query
            # What is withheld for what it is, and not for want of a permit, is not pointed at.
            assert b"depot-order" not in answer.body or "provision" not in said, query
            assert answer.status == (404 if query == "Medication/depot" else 200)
    network.close()


def test_the_recipient_tells_parts_from_records(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    (network, person), _ = worlds
    south = network["south"]
    wanted = {"practitioner": south.doctor(), "reason": "first visit"}
    found = client.fetch(south, "north", person.account, "Observation", **wanted)  # type: ignore[arg-type]
    assert found.withheld and "Observation/points" in found.in_part and "Observation/bp-1" not in found.in_part
    # A source that cuts and does not mark is found out.
    monkeypatch.setattr("medrec.core.consent.redact._marked", lambda resource: resource)
    with pytest.raises(NotGenuineError) as refused:
        client.fetch(south, "north", person.account, "Observation", **wanted)  # type: ignore[arg-type]
    assert refused.value.code == "not-marked"
