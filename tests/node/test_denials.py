"""A denial counts however it and the record are written, at every door of a node."""

import json
import secrets
from typing import Any

import pytest

from medrec.node.peers.peers import PeerError
from medrec.node.refusals import Refusal
from medrec.node.release.receive import request_records
from medrec.node.release.views import view_at
from tests.fhir.asking import ask, consent
from tests.node.network import Network, Patient
from tests.node.test_gate import get, names
from tests.node.test_labels import network as network

ACTIONS = "http://terminology.hl7.org/CodeSystem/consentaction"
REASONS = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
NUMBER = {"system": "urn:medrec:practitioner:north", "value": "dr-p"}


@pytest.fixture
def ada(network: Network) -> Patient:
    put(network, "Condition", "c1", code={"text": "asthma"}, onsetDateTime="2025-01-01")
    return network.patient("ada", "north")


def put(network: Network, kind: str, identifier: str, **content: Any) -> None:
    whole = {"resourceType": kind, "id": identifier, "subject": {"reference": "Patient/ada"}, **content}
    network["north"].put(kind, identifier, json.dumps(whole))


def pulled(network: Network, person: Patient, **wanted: Any) -> list[str]:
    try:
        return names(get(network, person.account, **wanted))
    except PeerError:
        return []


def viewed(network: Network, person: Patient) -> list[str]:
    try:
        ticket = view_at(network["south"], "north", person.account, practitioner=network["south"].doctor(), reason="x")
        return [f"{kind}/{one}" for kind, one, *_ in network["north"].views.open(ticket.rpartition("/")[2]).records]
    except (PeerError, Refusal):
        return []


def pushed(network: Network, person: Patient) -> list[str]:
    north = network["north"]
    try:
        north.referrals.refer(person.account, "south", practitioner=north.doctor("Dr North"), reason="please see")
    except Refusal:
        return []
    north.referrals.step(network.time)
    return [f"{kind}/{one}" for taken in network["south"].referrals.taken() for kind, one, *_ in taken.records]


def actions(*codes: str) -> list[dict[str, Any]]:
    return [{"coding": [{"system": ACTIONS, "code": code}]} for code in codes]


def purposes(*codes: str) -> list[dict[str, str]]:
    return [{"system": REASONS, "code": code} for code in codes]


@pytest.mark.parametrize("action", ["access", "collect", "disclose", "use", "correct"])
def test_a_denial_of_an_action_closes_the_doors_that_it_follows_from(
    network: Network, ada: Patient, action: str
) -> None:
    network.consent(ada, "north", "south")
    network.fhir_consent(ada, "north", consent("deny", action=actions(action)))
    copies = action == "correct"
    assert bool(pulled(network, ada)) is copies
    assert (
        bool(ask(network, ada.account, "Condition", identifier=secrets.token_bytes(16)).body.find(b"asthma") > 0)
        is copies
    )
    assert bool(pushed(network, ada)) is copies
    assert bool(viewed(network, ada)) is (action != "access"), "a page that is looked at is neither collected nor used"


@pytest.mark.parametrize(
    ("named", "pull", "push", "view"),
    [(["access"], False, False, True), (["access", "collect"], True, False, True), (["disclose"], False, True, False)],
)
def test_a_permit_of_actions_opens_the_doors_that_need_no_other(
    network: Network, ada: Patient, named: list[str], pull: bool, push: bool, view: bool
) -> None:
    network.fhir_consent(ada, "north", consent(action=actions(*named)))
    assert (bool(pulled(network, ada)), bool(pushed(network, ada)), bool(viewed(network, ada))) == (pull, push, view)


@pytest.mark.parametrize(
    "written",
    [
        {"reference": "Practitioner/p1"}, {"reference": "Practitioner/p1/_history/2"}, {"reference": "practitioner/p1"},
        {"reference": "https://north.example/fhir/Practitioner/p1"}, {"reference": "#c"}, {"identifier": NUMBER},
        {"type": "Practitioner", "identifier": NUMBER, "display": "Dr Pea"}, {"display": "Dr Pea"},
        {"reference": "PractitionerRole/r1"}, None,
    ],
)  # fmt: skip
@pytest.mark.parametrize("named", [{"reference": "Practitioner/p1"}, {"identifier": NUMBER}])
def test_what_somebody_may_have_written_stays_where_that_is_denied(
    network: Network, ada: Patient, written: dict[str, Any] | None, named: dict[str, Any]
) -> None:
    held = [{"resourceType": "Practitioner", "id": "c", "identifier": [NUMBER]}]
    by: dict[str, Any] = {} if written is None else {"performer": [written]}
    put(network, "Observation", "hers", status="final", code={"text": "weight"}, contained=held, **by)
    other = {"reference": "Practitioner/p2"} if "reference" in named else {"identifier": NUMBER}
    put(network, "Observation", "another", status="final", code={"text": "BMI"}, performer=[other])
    network.consent(ada, "north", "south", types=("Observation",))
    network.fhir_consent(ada, "north", consent("deny", data=[{"meaning": "authoredby", "reference": named}]))
    assert pulled(network, ada) == (["Observation/another"] if "reference" in named else [])


@pytest.mark.parametrize(
    ("denied", "asked", "given"),
    [("HRESCH", "PurposeOfUse", False), ("CLINTRCH", "HRESCH", False), ("HMARKT", "HOPERAT", True),
     ("ETREAT", "TREAT", True), ("FAMRQT", "PATRQT", True), ("HRESCH", "HPAYMT", True)],
)  # fmt: skip
def test_who_asks_for_more_than_what_is_denied_gets_nothing(
    network: Network, ada: Patient, denied: str, asked: str, given: bool
) -> None:
    network.fhir_consent(ada, "north", consent(purpose=purposes("PurposeOfUse")))
    network.fhir_consent(ada, "north", consent("deny", purpose=purposes(denied)))
    assert bool(pulled(network, ada, purpose=asked)) is given


def test_what_the_law_forbids_is_not_given_for_more(network: Network, ada: Patient) -> None:
    opioid = {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "F11.20"}
    put(network, "Condition", "c2", code={"coding": [opioid]})
    network.fhir_consent(ada, "north", consent(purpose=purposes("PurposeOfUse")))
    for asked in ("HLEGAL", "GOV", "HOPERAT", "PurposeOfUse"):
        assert pulled(network, ada, purpose=asked) == ["Condition/c1"], "42 CFR 2.12(d)"
    assert pulled(network, ada, purpose="TREAT") == ["Condition/c1", "Condition/c2"]


def test_what_no_provision_speaks_of_is_denied_beside_a_denial(network: Network, ada: Patient) -> None:
    everybody = json.loads(consent())
    everybody["provision"] = {"type": "permit"}
    network.fhir_consent(ada, "north", json.dumps(everybody))
    assert pulled(network, ada, by="east") == ["Condition/c1"]
    network.time += 1000
    policy = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTOUT"}]}
    network.fhir_consent(ada, "north", json.dumps({**json.loads(consent("deny")), "policyRule": policy}))
    assert pulled(network, ada) == pulled(network, ada, by="east") == []


@pytest.mark.parametrize("reason", ["\u200b", "\u2060\u200d", "\x00", "\u3164", "\u00a0 "])
def test_a_reason_that_nobody_sees_is_none(network: Network, ada: Patient, reason: str) -> None:
    network.consent(ada, "north", "south")
    south = network["south"]
    with pytest.raises(PeerError) as refused:
        request_records(south, "north", ada.account, practitioner=south.doctor(), reason=reason)  # type: ignore[arg-type]
    assert refused.value.code == "reason-missing"
