"""$summary: through the gate, from what may be shown, a proof behind every line, right for a foreign validator."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core import codec
from medrec.core import receipt as core_receipt
from medrec.core.consent import plain
from medrec.core.manifests.acts import Subject
from medrec.core.records.canonical import canonical
from medrec.node.fhir import bundle
from medrec.node.fhir.client import fetch
from medrec.node.fhir.summary import NOT_ALL, RECORD_SHA256, WORDS_IN_PART
from medrec.node.fhir.summary_own import own_summary
from medrec.node.ledger.receipts import root_file
from medrec.node.lists import stating
from medrec.node.lists.lists import subject_of
from medrec.node.looks.halves import unmatched
from medrec.node.release.practitioners import PHYSICIAN
from medrec.node.release.receive import NotGenuineError
from tests.fhir import hapi
from tests.fhir.asking import Told, ask, resource
from tests.node.forks import fork_of_ada, nothing
from tests.node.network import Network, Patient
from tests.node.test_lists import Clinic

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
SNOMED = "http://snomed.info/sct"
THO = "http://terminology.hl7.org/CodeSystem/"


def coded(system: str, code: str, words: str = "") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]} | ({"text": words} if words else {})


def clinical(kind: str, code: str) -> dict[str, Any]:
    return coded(f"{THO}{kind}-clinical", code)


RECORDS = {
    ("Patient", "ada"): {
        "name": [{"family": "South", "given": ["Ada"]}],
        "birthDate": "1961-02-03",
        "gender": "female",
    },
    ("MedicationRequest", "m1"): {
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": coded(RXNORM, "259255", "atorvastatin 80 MG Oral Tablet"),
        "authoredOn": "2025-01-05",
        "dosageInstruction": [{"text": "1 tablet every evening"}],
    },
    ("MedicationRequest", "m2"): {
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {"text": "Little <pink> pill & more"},
        "authoredOn": "2025-02-05",
    },
    ("Condition", "c1"): {
        "clinicalStatus": clinical("condition", "active"),
        "code": coded("http://hl7.org/fhir/sid/icd-10-cm", "I10", "Hypertension"),
        "onsetDateTime": "2012-03",
    },
    ("Condition", "c2"): {"clinicalStatus": clinical("condition", "resolved"), "code": {"text": "Pneumonia"}},
    ("Condition", "c3"): {"code": {"text": "Knee pain"}, "recordedDate": "2024-05-06"},
    ("Immunization", "i1"): {
        "status": "completed",
        "vaccineCode": coded("http://hl7.org/fhir/sid/cvx", "140", "Influenza"),
        "occurrenceDateTime": "2024-10-01",
    },
}  # fmt: skip
ALLERGY = {
    "resourceType": "AllergyIntolerance",
    "id": "a1",
    "patient": {"reference": "Patient/ada"},
    "clinicalStatus": clinical("allergyintolerance", "active"),
    "verificationStatus": coded(f"{THO}allergyintolerance-verification", "confirmed"),
    "criticality": "high",
    "code": {"text": "Penicillin"},
    "reaction": [{"manifestation": [{"text": "Hives"}], "severity": "severe"}],
}


@pytest.fixture
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Network]:
    with fork_of_ada(request, tmp_path, nothing) as forked:
        yield forked


def filled(network: Network, *left_out: str) -> Patient:
    person = network.patient("ada", "north")
    for (kind, identifier), more in RECORDS.items():
        if kind not in left_out:
            body = dict(more)
            if kind == "Immunization":
                body["patient"] = {"reference": "Patient/ada"}
            network["north"].put(kind, identifier, resource(kind, identifier, **body))
    if "AllergyIntolerance" not in left_out:
        network["north"].put("AllergyIntolerance", "a1", json.dumps(ALLERGY))
    network.anchor()
    return person


def summary(network: Network, person: Patient, identifier: bytes = b"\1" * 16, **changes: Any) -> Told:
    return ask(network, person.account, "Patient/ada/$summary", identifier=identifier, **changes)


def of_type(bundle: Any, kind: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def section(bundle: Any, code: str) -> dict[str, Any]:
    found = bundle["entry"][0]["resource"]["section"]
    return next(part for part in found if part["code"]["coding"][0]["code"] == code)


def test_a_document_with_every_section_and_only_references_inside(network: Network) -> None:
    person = filled(network)
    network.consent(person, "north", "south")
    told = summary(network, person)
    bundle = told.value
    assert told.status == 200 and bundle["type"] == "document"
    assert bundle["entry"][0]["resource"]["resourceType"] == "Composition"
    places = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(set(places)) == len(places)

    def references(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if isinstance(value.get("reference"), str):
                yield value["reference"]
            for item in value.values():
                yield from references(item)
        elif isinstance(value, list):
            for item in value:
                yield from references(item)

    assert set(references(bundle)) <= set(places)
    medicines = of_type(bundle, "MedicationStatement")
    assert [m["status"] for m in medicines] == ["active", "active"]
    assert medicines[0]["medicationCodeableConcept"]["coding"][0]["code"] == "259255" or len(medicines) == 2
    assert [a["criticality"] for a in of_type(bundle, "AllergyIntolerance")] == ["high"]
    knee = next(c for c in of_type(bundle, "Condition") if c["code"]["text"] == "Knee pain")
    assert "clinicalStatus" not in knee, "nobody calls it active"
    pressure = next(c for c in of_type(bundle, "Condition") if c["code"]["text"].startswith("Hypertension"))
    assert pressure["onsetDateTime"] == "2012-03", "as exactly as it was written"
    assert "Little &lt;pink&gt; pill &amp; more" in section(bundle, "10160-0")["text"]["div"]
    assert "; from North</li>" in section(bundle, "10160-0")["text"]["div"], "a place by its name"
    assert section(bundle, "11348-0")["entry"] and section(bundle, "11369-6")["entry"]


def test_every_line_has_its_provenance_and_a_receipt_that_verifies(network: Network) -> None:
    person = filled(network)
    network.consent(person, "north", "south")
    told = summary(network, person)
    bundle = told.value
    listed = list(zip(told.disclosure.records, told.keys, strict=True))

    def disclosed(sha256: str) -> bool:
        return any(record.of_content(key, bytes.fromhex(sha256)) for record, key in listed)

    proofs = of_type(bundle, "Provenance")
    targets = {proof["target"][0]["reference"] for proof in proofs}
    rows = [e for e in bundle["entry"] if e["resource"]["resourceType"] in
            ("MedicationStatement", "Condition", "AllergyIntolerance", "Immunization")]  # fmt: skip
    assert targets == {entry["fullUrl"] for entry in rows} and len(rows) == 7
    for proof in proofs:
        hashes = [e["what"]["identifier"]["value"] for e in proof["entity"] if
                  e["what"].get("identifier", {}).get("system") == RECORD_SHA256]  # fmt: skip
        assert len(hashes) == 1 and disclosed(hashes[0])
    found = receipts_in(bundle)
    assert len(found) == len(proofs) == 7
    root = root_file(network["north"])  # type: ignore[arg-type]
    for data in found:
        stated = json.loads(json.loads(data)["manifest"])["record"]
        raw = network["north"].source.raw[stated["type"], stated["id"]]
        verdict = core_receipt.verify(root, data, raw)
        assert verdict.ok and verdict.facts is not None and verdict.facts["organisation"] == "north"
    # And of the very versions that were disclosed.
    assert all(disclosed(json.loads(json.loads(data)["manifest"])["record"]["sha256"]) for data in found)


def test_without_permission_there_is_no_summary_and_what_is_hidden_leaves_no_trace(network: Network) -> None:
    person = filled(network)
    refused = summary(network, person, b"\2" * 16)
    assert refused.status in (403, 404) and refused.code == "not-permitted"
    network.consent(person, "north", "south", types=("Patient", "MedicationRequest"))
    seen = summary(network, person, b"\3" * 16)
    text = seen.body.decode()
    for hidden in ("Hypertension", "Penicillin", "Hives", "Knee", "Pneumonia", "Influenza"):
        assert hidden not in text
    assert [a["code"]["coding"][0]["code"] for a in of_type(seen.value, "AllergyIntolerance")] == ["no-allergy-info"]


def test_hidden_and_never_there_look_the_same(tmp_path: Path) -> None:
    bodies = []
    for name, left_out in (("hidden", ()), ("absent", ("Condition", "AllergyIntolerance", "Immunization"))):
        (tmp_path / name).mkdir()
        network = Network(tmp_path / name)
        person = filled(network, *left_out)
        network.consent(person, "north", "south", types=("Patient", "MedicationRequest"))
        bundle = summary(network, person).value
        # Receipts and the times of signing differ from run to run; everything else is compared.
        bundle["entry"] = [e for e in bundle["entry"] if e["resource"]["resourceType"] not in ("Binary", "Provenance")]
        bodies.append(json.dumps(bundle, sort_keys=True))
        network.close()
    assert bodies[0] == bodies[1]


def test_a_summary_says_that_something_is_withheld_only_where_she_allows_it(network: Network) -> None:
    person = filled(network)
    for marks, kinds, said in ((None, ["about-me", "medicines"], False), (True, ["about-me", "medicines"], True)):
        sentence = plain.write(plain.Plain("share", kinds=kinds, marks=marks), person.account, network.time)
        secret = network.fhir_consent(person, "north", sentence.decode())
        made = summary(network, person, (b"\4" if marks else b"\5") * 16).value
        assert ("security" in made["meta"]) is said
        network.take_back(person, "north", secret)
        network.time += 1000


def test_a_stranger_s_patient_has_no_summary(network: Network) -> None:
    person = filled(network)
    network.consent(person, "north", "south")
    told = ask(network, person.account, "Patient/eve/$summary", identifier=b"\4" * 16)
    assert told.status in (403, 404)


def test_two_documents_share_no_name(network: Network) -> None:
    person = filled(network)
    network.consent(person, "north", "south")
    first, second = (summary(network, person, bytes([n]) * 16).value for n in (5, 6))
    names = [{entry["fullUrl"] for entry in bundle["entry"]} for bundle in (first, second)]
    assert not names[0] & names[1]


def test_another_organisation_fetches_it_and_both_halves_are_written_down(network: Network) -> None:
    person = filled(network)
    network.consent(person, "north", "south")
    south, doctor = network["south"], network["south"].doctor()
    told = fetch(
        south,
        "north",
        person.account,
        "Patient/ada/$summary",
        practitioner=doctor,
        reason="first visit",  # type: ignore[arg-type]
    )
    ((name, document),) = told.resources
    assert name == "Bundle" and json.loads(document)["type"] == "document"
    assert len(told.disclosure.records) == 8
    network.anchor()
    assert unmatched(network["north"]) == []  # type: ignore[arg-type]


def test_it_says_in_any_case_that_a_word_from_a_list_may_be_missing(network: Network) -> None:
    person = filled(network)
    network.consent(person, "north", "south")
    narrative = summary(network, person).value["entry"][0]["resource"]["text"]["div"]
    assert WORDS_IN_PART in narrative and NOT_ALL in narrative


def test_a_summary_from_records_that_were_not_written_down_is_refused(network: Network) -> None:
    person = filled(network)
    network.consent(person, "north", "south")
    north = network["north"]
    honest = north.answer

    def cheating(path: str, caller: str, body: bytes) -> bytes:
        fields, data = codec.decode(honest(path, caller, body))
        bundle = json.loads(data)
        proof = next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Provenance")
        proof["entity"][1]["what"]["identifier"]["value"] = "0" * 64
        return codec.encode([fields, json.dumps(bundle).encode()])

    network.wires.join("north", cheating)
    with pytest.raises(NotGenuineError) as refused:
        fetch(
            network["south"], "north", person.account, "Patient/ada/$summary",  # type: ignore[arg-type]
            practitioner=network["south"].doctor(), reason="first visit",
        )  # fmt: skip
    assert refused.value.code == "other-records"


def receipts_in(bundle: Any) -> list[bytes]:
    return [base64.b64decode(found["data"]) for found in of_type(bundle, "Binary")]


def own_with_acts(folder: Path) -> tuple[Path, Path]:
    """A person's own summary with what she and a clinician said in it; and the same with the author of one act gone."""
    (folder / "clinic").mkdir()
    clinic = Clinic(folder / "clinic")
    try:
        clinic.network.time += 60_000
        clinic.say("not-taking", clinic.row("metformin"))
        clinic.say("like-this", clinic.row("lisinopril"), words="1 tab daily")
        ada = clinic.ada
        also = [Subject("text:valerian drops", "Valerian drops")]
        act = stating.prepare(clinic.guide, ada.account, "also-taking", ada.key.key_id, also, words="at night")
        stating.state(clinic.guide, stating.signed(act, ada.sign))
        doctor = clinic.north.practitioners.enter("dr-north", "Dr North", PHYSICIAN)
        row = subject_of(clinic.row("lisinopril"))
        clinic.north.acts.enter(ada.account, doctor, "changed", [row], "2 tabs at night")
        clinic.north.acts.enter(ada.account, doctor, "reviewed", [row])
        clinic.refresh()
        clinic.story.checkpoint("north", "south", "guide")
        made = own_summary(clinic.guide, ada.account)
        root = root_file(clinic.guide)
        kept = {(one.organisation, one.type, one.id): one.content for one in clinic.guide.copies.all(ada.account)}
    finally:
        clinic.network.close()
    proofs = of_type(made, "Provenance")
    said = [one for one in proofs if "identifier" not in one["entity"][0]["what"]]
    assert len(said) >= 5, "her three words, and two of a clinician"
    # Each line has its receipt, what people said as well as what places wrote down; they verify.
    assert all("reference" in one["entity"][-1]["what"] for one in proofs)
    for receipt in receipts_in(made):
        stated = json.loads(json.loads(receipt)["manifest"])
        record = stated.get("record")
        content = kept[stated["organisation"], record["type"], record["id"]] if record else None
        assert core_receipt.verify(root, receipt, content).ok
    own, wrong = folder / "own.json", folder / "own-wrong.json"
    own.write_bytes(bundle.encode(made))
    del said[0]["agent"]
    wrong.write_bytes(bundle.encode(made))
    return own, wrong


@pytest.mark.slow
def test_a_foreign_validator_finds_no_error(network: Network, shared: Path, tmp_path: Path) -> None:
    person = filled(network)
    network.consent(person, "north", "south")
    whole = tmp_path / "whole.json"
    whole.write_bytes(summary(network, person).body)
    second = network.patient("bob", "north")
    network.consent(second, "north", "south")
    network["north"].put("Patient", "bob", json.dumps({"resourceType": "Patient", "id": "bob"}))
    empty = tmp_path / "empty.json"
    empty.write_bytes(ask(network, second.account, "Patient/bob/$summary", identifier=b"\7" * 16).body)
    broken = json.loads(whole.read_bytes())
    del broken["entry"][0]["resource"]["status"]
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(broken))
    own, own_wrong = own_with_acts(tmp_path)
    found = hapi.errors(shared, whole, empty, wrong, own, own_wrong)
    assert [line for line in found if "wrong.json" not in line] == []
    for path in (wrong, own_wrong):
        assert any(line.endswith(path.name) for line in found), f"the validator can fail: {path.name}"
    # The same against the profiles of IPS 2.0.0; what they ask for beyond R4 is missed where it is taken away.
    sections = json.loads(whole.read_bytes())
    parts = sections["entry"][0]["resource"]["section"]
    del parts[next(n for n, part in enumerate(parts) if part["code"]["coding"][0]["code"] == "11450-4")]
    coded_ = json.loads(whole.read_bytes())
    del next(e["resource"] for e in coded_["entry"] if e["resource"]["resourceType"] == "Condition")["code"]
    bad = {tmp_path / "sections.json": sections, tmp_path / "coded.json": coded_}
    for path, value in bad.items():
        path.write_text(json.dumps(value))
    found = hapi.errors_of_profiles(shared, whole, empty, own, *bad)
    assert [line for line in found if not line.endswith(("sections.json", "coded.json"))] == []
    for path in bad:
        assert any(line.endswith(path.name) for line in found), path.name


def test_an_order_is_of_the_medicine_that_it_points_at_and_both_are_proven(network: Network) -> None:
    """What it names by a server or a version that is not known to be this one is not taken for another."""
    ada, north = filled(network), network["north"]
    network.consent(ada, "north", "south")
    network.call("north", servers=["https://ehr.north.example/r4"])
    for name, text in (("1", "digoxin 0.25 mg tablet"), ("2", "warfarin 5 mg tablet")):
        body = {"resourceType": "Medication", "id": name, "meta": {"versionId": "1"}, "code": {"text": text}}
        north.put("Medication", name, json.dumps(body))
    references = {
        "o1": "https://ehr.north.example/r4/Medication/1/_history/1", "o2": "Medication/2/_history/4", "o3": "https://x.example/fhir/Medication/2",
    }  # fmt: skip
    for name, reference in references.items():
        more = {"status": "active", "intent": "order", "medicationReference": {"reference": reference}}
        north.put("MedicationRequest", name, resource("MedicationRequest", name, **more))
    network.anchor()
    found = summary(network, ada).value
    called = [entry["medicationCodeableConcept"]["text"] for entry in of_type(found, "MedicationStatement")]
    assert "A medicine that is not named" in called and all(name.strip() for name in called)
    assert len([name for name in called if "digoxin" in name]) == 1 and not any("warfarin" in name for name in called)
    assert "A medicine that is not named" in section(found, "10160-0")["text"]["div"]
    proofs = [
        [told["what"] for told in proof["entity"]]
        for proof in of_type(found, "Provenance")
        if any(told["what"].get("display") == "The medicine that it points at" for told in proof["entity"])
    ]
    (proof,) = proofs
    named = [what["identifier"]["value"] for what in proof if "identifier" in what]
    assert named[0] == "north/MedicationRequest/o1/_history/1" and named[2] == "north/Medication/1/_history/1"
    content = canonical(north.source.raw["Medication", "1"])
    assert named[3] == content.sha256.hex()
    binaries = {entry["fullUrl"]: entry["resource"] for entry in found["entry"]}
    receipt = base64.b64decode(binaries[proof[-1]["reference"]]["data"])
    verdict = core_receipt.verify(root_file(north), receipt, content.data)
    assert verdict.ok and proof[-1]["display"] == "Receipt of that medicine"
