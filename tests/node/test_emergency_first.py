"""The first step of an emergency: what may hold anything waits for the second, allergies and medicines do not."""

import json
from typing import Any

from medrec.core.consent.plain import Plain, write
from tests.node.network import Network, Patient
from tests.node.test_emergency import ada, declare, network, seen
from tests.node.test_labels import everything_but

__all__ = ["ada", "network"]


def test_what_may_hold_anything_waits_for_the_second_step_but_allergies_and_medicines(
    network: Network, ada: Patient
) -> None:
    def put(kind: str, identifier: str, **content: Any) -> None:
        whole = {"resourceType": kind, "id": identifier, "subject": {"reference": "Patient/ada"}, **content}
        network["north"].put(kind, identifier, json.dumps(whole))

    ndc = {"coding": [{"system": "http://hl7.org/fhir/sid/ndc", "code": "99999123401"}]}
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


def test_an_allergy_does_not_stay_for_a_visit_of_which_nobody_knows_what_it_is(network: Network, ada: Patient) -> None:
    def put(kind: str, identifier: str, **content: Any) -> None:
        whole = {"resourceType": kind, "id": identifier, "subject": {"reference": "Patient/ada"}, **content}
        network["north"].put(kind, identifier, json.dumps(whole))

    house = {"coding": [{"system": "urn:house", "code": "101", "display": "Zelvatrix visit"}]}
    put("Encounter", "strange", status="finished", type=[house])
    put("Encounter", "sure", status="finished", reasonCode=[{"text": "HIV"}])
    put("Encounter", "leads", status="finished", type=[house], partOf={"reference": "Encounter/sure"})
    for visit in ("strange", "sure", "leads"):
        beside = {"encounter": {"reference": f"Encounter/{visit}"}}
        put(
            "AllergyIntolerance",
            f"latex-{visit}",
            code={"text": "Latex"},
            patient={"reference": "Patient/ada"},
            **beside,
        )
        put("MedicationRequest", f"warfarin-{visit}", status="active", intent="order",
            medicationCodeableConcept={"text": "Warfarin 5 MG"}, **beside)  # fmt: skip
        put("Condition", f"asthma-{visit}", code={"text": "Asthma"}, **beside)
    everything_but(network, ada, "HIV")
    hers = {f"{what}-{visit}" for what in ("latex", "warfarin", "asthma") for visit in ("strange", "sure", "leads")}
    declare(network, ada.account)
    vital = {"latex-strange", "warfarin-strange"}
    assert hers & set(seen(network, ada.account)) == vital
    declare(network, ada.account, scope="restricted", hours=1)
    assert hers & set(seen(network, ada.account)) == vital
    # Outside of an emergency nothing points at what is in doubt.
    assert hers & set(seen(network, ada.account, "TREAT")) == set()


def test_a_no_to_her_own_record_or_to_visits_takes_no_allergy_with_it(network: Network, ada: Patient) -> None:
    """Most systems write her name beside `subject`, and the kind of visit beside `encounter`."""

    def put(kind: str, name: str, **content: Any) -> None:
        network["north"].put(kind, name, json.dumps({"resourceType": kind, "id": name, **content}))

    her = {"reference": "Patient/ada", "display": "Ada Lovelace"}
    number = {**her, "identifier": {"system": "urn:numbers", "value": "12345"}}
    visit = {"encounter": {"reference": "Encounter/v", "display": "Office visit"}}
    text = {"text": {"status": "generated", "div": "<div xmlns='http://www.w3.org/1999/xhtml'>Ada: sodium</div>"}}
    named = {"identifier": [{"system": "urn:numbers", "value": "12345"}], "birthDate": "1975-12-10"}
    put("Patient", "ada", **named)
    put("Encounter", "v", subject=her, status="finished", **{"class": {"code": "AMB"}})
    put("AllergyIntolerance", "latex", patient=her, code={"text": "Latex"}, **visit)
    put("Observation", "sodium", subject=her, status="final", code={"text": "Sodium"}, **text)
    put("Observation", "number", subject=number, status="final", code={"text": "Sodium"})
    put("Observation", "visited", subject=her, status="final", code={"text": "Sodium"}, **visit)
    network.fhir_consent(ada, "north", write(Plain("share"), ada.account, network.time).decode())
    for kind, care, urgent in (
        ("about-me", {"v", "latex", "sodium", "visited"}, {"v", "latex", "sodium", "visited"}),
        ("visits", {"sodium", "number", "ada"}, {"sodium", "number", "ada", "latex"}),
    ):
        network.time += 1000
        no = write(Plain("withhold", kinds=[kind]), ada.account, network.time).decode()
        secret = network.fhir_consent(ada, "north", no)
        hers = {"ada", "v", "latex", "sodium", "number", "visited"}
        assert hers & set(seen(network, ada.account, "TREAT")) == care, kind
        declare(network, ada.account)
        assert "latex" in seen(network, ada.account)
        declare(network, ada.account, scope="restricted", hours=1)
        assert hers & set(seen(network, ada.account)) == urgent, kind
        network.take_back(ada, "north", secret)
        network.time += 1000
