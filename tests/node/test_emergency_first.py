"""The first step of an emergency: what may hold anything waits for the second, allergies and medicines do not."""

import json
from typing import Any

from tests.node.network import Network, Patient
from tests.node.test_emergency import ada, declare, network, seen

__all__ = ["ada", "network"]


def test_what_may_hold_anything_waits_for_the_second_step_but_allergies_and_medicines(
    network: Network, ada: Patient
) -> None:
    def put(kind: str, identifier: str, **content: Any) -> None:
        whole = {"resourceType": kind, "id": identifier, "subject": {"reference": "Patient/ada"}, **content}
        network["north"].put(kind, identifier, json.dumps(whole))

    ndc = {"coding": [{"system": "http://hl7.org/fhir/sid/ndc", "code": "12496120803"}]}
    note = [{"text": "Told me about a test, and asked to keep it from everybody"}]
    put("Condition", "code-alone", code={"coding": [{"system": "http://snomed.info/sct", "code": "86406008"}]})
    put("Condition", "with-a-note", code={"text": "Asthma"}, note=note)
    put("Condition", "asthma", code={"text": "Asthma"})
    put("MedicationRequest", "ndc-alone", status="active", intent="order", medicationCodeableConcept=ndc)
    put("MedicationRequest", "named", status="active", intent="order", note=note,
        medicationCodeableConcept={**ndc, "text": "Zelvatrix 5 MG"})  # fmt: skip
    summary = {"coding": [{"system": "http://loinc.org", "code": "60591-5", "display": "Patient summary Document"}]}
    content = [{"attachment": {"contentType": "application/pdf", "data": "SElWIHBvc2l0aXZl"}}]
    put("DocumentReference", "document", status="current", type=summary, content=content)
    declare(network, ada.account)
    first = seen(network, ada.account)
    assert {"asthma", "named", "penicillin"} <= set(first)
    waits = {"code-alone", "with-a-note", "ndc-alone", "document"}
    assert waits.isdisjoint(first)
    declare(network, ada.account, scope="restricted", hours=1)
    assert waits <= set(seen(network, ada.account))
