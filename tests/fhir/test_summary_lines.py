"""What one line of the lists becomes in $summary: nothing that matters is lost, and nothing is made up."""

import json
from typing import Any

import msgspec

from medrec.core.manifests.acts import Act
from medrec.core.reconcile.held import Held
from medrec.core.reconcile.lists import Lists
from medrec.core.reconcile.said import said
from medrec.core.records.canonical import canonical
from medrec.core.records.reading import Around
from medrec.core.records.table import understand
from medrec.core.records.terms import ICD10CM, SNOMED
from medrec.node.fhir.summary import About, document
from medrec.node.terminology.shipped import shipped
from tests.reconcile.records_said import NOW
from tests.reconcile.test_bad_input import order

INSTANT = "2025-10-09T00:00:00Z"
IN_ERROR = {"coding": [{"code": "entered-in-error"}]}


def made(*records: dict[str, Any], acts: tuple[Act, ...] = ()) -> dict[str, Any]:
    held = []
    for number, record in enumerate(records):
        form = canonical(json.dumps(record | {"id": record.get("id", f"r{number}")}).encode())
        mark = form.sha256.hex()
        read = understand(form.value, Around(shipped(), NOW, None))
        held.append(Held(record.get("source", "north"), read, 1, mark, mark, NOW))
    for act in acts:
        held += said(act, "ab" * 32, NOW)
    about = About("north", "North", INSTANT, b"x" * 16)
    return document(Lists(shipped(), NOW, held).read(), held, None, {}, about, lambda ms: INSTANT).bundle


def of(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def words(bundle: dict[str, Any], title: str) -> str:
    sections = of(bundle, "Composition")[0]["section"]
    return next((part["text"]["div"] for part in sections if part["title"] == title), "")


def condition(text: str, *codes: dict[str, str], **more: Any) -> dict[str, Any]:
    base = {"resourceType": "Condition", "code": {"text": text, "coding": list(codes)}, "recordedDate": "2024-01-01"}
    return base | {"clinicalStatus": {"coding": [{"code": "active"}]}} | more


def test_strength_form_and_dose_go_out() -> None:
    found = made(order("warfarin 5 mg tablet", sig="2 tabs daily"))
    (entry,) = of(found, "MedicationStatement")
    assert entry["medicationCodeableConcept"]["text"] == "warfarin 5 mg tablet"
    assert [told["text"] for told in entry["dosage"]] == ["2 tabs daily; 10 mg a day"]
    assert "warfarin 5 mg tablet; 2 tabs daily; 10 mg a day" in words(found, "Medication Summary")


def test_each_dose_in_force_goes_out_and_no_code_of_one_of_them() -> None:
    newer = {"id": "b", "source": "south", "authoredOn": "2025-09-20"}
    found = made(
        order("lisinopril 20 mg tablet", "314077", sig="1 tab daily"),
        order("lisinopril 40 mg tablet", sig="1 tab daily", **newer),
    )
    (entry,) = of(found, "MedicationStatement")
    assert [coding["code"] for coding in entry["medicationCodeableConcept"]["coding"]] == ["29046"]
    told = [one["text"] for one in entry["dosage"]]
    assert len(told) == 2 and "40 mg a day (from south)" in told[0] and "20 mg a day (from north)" in told[1]
    assert all(one in words(found, "Medication Summary") for one in told)


def test_a_code_that_nobody_believes_stays_here() -> None:
    found = made(order("warfarin 5 mg tablet", "29046", sig="1 tab daily"))
    (entry,) = of(found, "MedicationStatement")
    assert entry["medicationCodeableConcept"] == {"text": "warfarin 5 mg tablet"}
    found = made(order("warfarin 5 mg tablet", "11289", sig="1 tab daily"))
    assert of(found, "MedicationStatement")[0]["medicationCodeableConcept"]["coding"]


def test_what_was_taken_back_is_no_illness_of_the_past() -> None:
    hiv = {"system": ICD10CM, "code": "B20"}
    allergy = {"resourceType": "AllergyIntolerance", "code": {"text": "penicillin"}, "id": "p"}
    found = made(
        condition("HIV disease", hiv, verificationStatus=IN_ERROR),
        allergy | {"verificationStatus": IN_ERROR},
        order("warfarin", status="entered-in-error", id="w"),
    )
    assert not any(word in json.dumps(found) for word in ("HIV", "penicillin", "warfarin"))
    # Where another source stands by it, it goes out, without the code of the one that took it back.
    kept = condition("HIV disease", id="k", source="south")
    (entry,) = of(made(condition("HIV disease", hiv, verificationStatus=IN_ERROR), kept), "Condition")
    assert entry["clinicalStatus"]["coding"][0]["code"] == "active" and "coding" not in entry["code"]


def test_no_known_problems_is_no_problem_of_the_past() -> None:
    found = made(condition("No known problems", {"system": SNOMED, "code": "160245001"}))
    (entry,) = of(found, "Condition")
    assert entry["code"]["coding"][0]["code"] == "no-known-problems" and "verificationStatus" not in entry
    assert "No known problems" in words(found, "Problem List") and not words(found, "History of Past Illness")


def test_what_a_person_said_has_a_provenance_without_made_up_versions() -> None:
    act = msgspec.convert(
        {
            "network": "00" * 32, "account": "x", "id": "11" * 16, "kind": "also-taking", "author": "patient",
            "organisation": "", "name": "Ada", "time": NOW - 1000,
            "subjects": [{"key": "text:st john's wort", "name": "St John's wort"}],
        },
        Act,
    )  # fmt: skip
    found = made(acts=(act,))
    (proof,) = of(found, "Provenance")
    assert "identifier" not in proof["entity"][0]["what"] and "St John" in proof["entity"][0]["what"]["display"]
    assert proof["agent"][0]["who"]["display"] == "The patient"
    text = json.dumps(found)
    assert "~patient" not in text and '"value": ""' not in text


def test_a_relatives_and_a_denied_illness_is_no_problem_and_a_suspected_one_is_not_confirmed() -> None:
    code = {"system": ICD10CM, "code": "E11.9"}
    names = ("FH: diabetes", "No diabetes", "r/o diabetes", "History of diabetes")
    found = made(*(condition(name, code, id=f"c{n}") for n, name in enumerate(names)))
    said = {one["code"]["text"]: one for one in of(found, "Condition")}
    assert set(said) == {"r/o diabetes", "History of diabetes"}
    doubt = said["r/o diabetes"]
    assert doubt["verificationStatus"]["coding"][0]["code"] == "unconfirmed" and "clinicalStatus" not in doubt
    assert "r/o diabetes" in words(found, "Problem List") and "History" in words(found, "History of Past Illness")
    assert found["entry"][0]["resource"]["language"] == "en"
