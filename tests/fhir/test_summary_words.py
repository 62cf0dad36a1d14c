"""What people said of a list in $summary: each word to whom it may go, with author and proof, and no trace else."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from medrec.core import receipt as core_receipt
from medrec.core.commitment import SALT_BYTES
from medrec.core.consent.plain import Plain, write
from medrec.core.manifests.access import DisclosureManifest, marked, marks_key
from medrec.core.manifests.acts import Subject, against_of
from medrec.node.fhir.client import fetch
from medrec.node.keeping import store
from medrec.node.lists import acts, stating
from medrec.node.lists.lists import against, subject_of
from medrec.node.release.parts import opened
from medrec.node.release.practitioners import PHYSICIAN
from tests.fhir.asking import ask
from tests.fhir.test_summary import of_type, receipts_in
from tests.node.test_lists import METFORMIN_500, Clinic, order
from tests.node.test_receipts import root_file


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    found = made(tmp_path)
    yield found
    found.network.close()


def made(folder: Path) -> Clinic:
    """North knows Ada, lisinopril and metformin; south may read all of it."""
    clinic = Clinic(folder)
    clinic.north.put("Patient", "ada", json.dumps({"resourceType": "Patient", "id": "ada", "name": [{"family": "L"}]}))
    clinic.north.put("MedicationRequest", "m", order("m", METFORMIN_500, "metformin 500 mg", "1 tab bid"))
    clinic.network.consent(clinic.ada, "north", "south")
    clinic.refresh()
    clinic.network.time += 60_000
    clinic.south.doctor = lambda: clinic.south.practitioners.enter("dr-south", "Dr South", PHYSICIAN)
    return clinic


def patient_row(clinic: Clinic) -> tuple[Any, Any]:
    """Whose it is, and the row of her own record with the manifest that signed it."""
    record, manifest = store.record.c, store.manifest
    chosen = sql.select(record.manifest, record.person, manifest.c.sealed).join_from(
        store.record, manifest, manifest.c.hash == record.manifest
    )
    with clinic.north.store.read() as connection:
        person = clinic.north.journal.person_of_account(connection, clinic.ada.account)
        return person, connection.execute(chosen.where(record.type == "Patient", record.id == "ada")).one()


def row(clinic: Clinic, name: str) -> Any:
    rows = clinic.north.lists.of(clinic.ada.account).read.medicines
    return next(one for one in rows if one.name == name)


def doctor_says(clinic: Clinic, kind: Any, name: str, words: str = "") -> Any:
    doctor = clinic.north.practitioners.enter("dr-north", "Dr North", PHYSICIAN)
    found = row(clinic, name)
    return clinic.north.acts.enter(
        clinic.ada.account, doctor, kind, [subject_of(found)], words, against=against(found, kind)
    )


def she_says(clinic: Clinic, kind: Any, name: str, words: str = "", **more: Any) -> None:
    found = clinic.row(name) if kind != "also-taking" else None
    subject = subject_of(found) if found is not None else Subject(f"text:{name.lower()}", name)
    act = stating.prepare(
        clinic.guide, clinic.ada.account, kind, clinic.ada.key.key_id, [subject], words=words,
        against=against(found, kind) if found is not None else [], **more,
    )  # fmt: skip
    stating.state(clinic.guide, stating.signed(act, clinic.ada.sign))


def summary(clinic: Clinic, number: int = 1, **changes: Any) -> Any:
    return ask(
        clinic.network, clinic.ada.account, "Patient/ada/$summary", identifier=bytes([number]) * 16, **changes
    ).value


def statements(bundle: Any) -> dict[str, Any]:
    return {one["medicationCodeableConcept"]["text"].split()[0]: one for one in of_type(bundle, "MedicationStatement")}


def test_what_they_said_is_in_it_with_author_status_and_receipt(clinic: Clinic) -> None:
    she_says(clinic, "not-taking", "metformin", "it made me sick", recipients=["*"])
    she_says(clinic, "also-taking", "Valerian", "at night", recipients=["*"])
    doctor_says(clinic, "changed", "lisinopril", "2 tabs daily")
    doctor_says(clinic, "reviewed", "lisinopril")
    clinic.refresh()
    clinic.story.checkpoint("north", "south", "guide")
    bundle = summary(clinic)
    found = statements(bundle)
    person = next(e["fullUrl"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Patient")
    hers, also, changed = (found[name] for name in ("metformin", "Valerian", "lisinopril"))
    assert hers["status"] == "not-taken" and hers["informationSource"] == {"reference": person}
    assert hers["note"][-1]["authorReference"] == {"reference": person} and "sick" in hers["note"][-1]["text"]
    assert also["status"] == "active" and also["informationSource"] == {"reference": person}
    assert changed["status"] == "active" and "informationSource" not in changed
    assert next(note["authorString"] for note in changed["note"] if "authorString" in note).startswith("Dr North, ")
    assert "40 mg a day" in json.dumps(changed["dosage"]) and "2 tabs daily" in json.dumps(changed["note"])
    # Each has a Provenance of its own, with the receipt of its manifest, which verifies.
    proofs = [one for one in of_type(bundle, "Provenance") if "identifier" not in one["entity"][0]["what"]]
    who = sorted(one["agent"][0]["who"].get("display", "") for one in proofs)
    assert who == ["Dr North", "Dr North", "The patient", "The patient"]
    assert {one["agent"][0].get("onBehalfOf", {}).get("display") for one in proofs} == {None, "north"}
    assert all("reference" in one["entity"][-1]["what"] for one in proofs)
    kinds = [json.loads(json.loads(one)["manifest"])["manifest"] for one in receipts_in(bundle)]
    assert kinds.count("list-act/1") == 4
    root = root_file(clinic.guide)
    for one in receipts_in(bundle):
        if json.loads(json.loads(one)["manifest"])["manifest"] == "list-act/1":
            assert core_receipt.verify(root, one, None).ok


def test_the_disclosure_says_that_they_went(clinic: Clinic) -> None:
    doctor_says(clinic, "stopped", "metformin", "kidneys")
    clinic.refresh()
    doctor = clinic.south.practitioners.enter("dr-south", "Dr South", PHYSICIAN)
    told = fetch(
        clinic.south, "north", clinic.ada.account, "Patient/ada/$summary", practitioner=doctor, reason="a visit"
    )
    assert isinstance(told.disclosure, DisclosureManifest)
    (own,) = [one for one in told.disclosure.records if one.type == "Patient"]
    (kept,) = clinic.north.acts.of(clinic.ada.account)
    assert len(own.beside) == 1
    # Under the key of her own record: whoever holds that line and the act sees that they belong together.
    unsealed = opened(clinic.north.journal, *patient_row(clinic))
    key = marks_key(unsealed[:SALT_BYTES], bytes.fromhex(told.disclosure.obligation))
    assert [one.version for one in own.beside] == [marked(key, kept.manifest)]


def test_her_word_goes_only_to_whom_she_addressed_it(clinic: Clinic) -> None:
    she_says(clinic, "not-taking", "metformin", recipients=["north"])
    clinic.refresh()
    assert statements(summary(clinic))["metformin"]["status"] == "active"


@pytest.mark.parametrize("how", ["record", "words"])
def test_a_word_that_tells_what_is_withheld_leaves_no_trace(tmp_path: Path, how: str) -> None:
    """Two worlds: a clinician spoke of something that is withheld from south, and nobody ever did (nor is it there)."""
    found = []
    for said in (True, False):
        folder = tmp_path / str(said)
        folder.mkdir()
        clinic = made(folder)
        hidden = write(Plain("withhold", about=["hiv"]), clinic.ada.account, clinic.network.time)
        clinic.network.fhir_consent(clinic.ada, "north", hidden.decode())
        doctor_says(clinic, "changed", "lisinopril", "1 tab at night")
        if said and how == "record":
            record = json.loads(order("h", "197361", "amlodipine 5 mg"))
            record["meta"] = {
                "security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV"}]
            }
            clinic.north.put("MedicationRequest", "h", json.dumps(record))
            clinic.refresh()
            for kind in ("stopped", "changed", "reviewed"):
                doctor_says(clinic, kind, "amlodipine", "1 tab daily")
        elif said:
            doctor_says(clinic, "stopped", "metformin", "interacts with ritonavir")
        clinic.refresh()
        bundle = summary(clinic)
        assert len(statements(bundle)["lisinopril"]["note"]) >= 1, "what is open is there in both"
        proofs = [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Provenance"]
        entries = [e for e in bundle["entry"] if e["resource"]["resourceType"] not in ("Binary", "Provenance")]
        found.append((json.dumps(entries, sort_keys=True), len(proofs)))
        clinic.network.close()
    assert found[0] == found[1]


def test_no_receipt_of_a_word_names_what_stands_elsewhere(clinic: Clinic) -> None:
    """North's clinician speaks against south's record as well; a reader of the receipt learns nothing of it."""
    clinic.network.consent(clinic.ada, "south", "north")
    subject = subject_of(row(clinic, "metformin"))
    doctor = clinic.north.practitioners.enter("dr-north", "Dr North", PHYSICIAN)
    found = against(clinic.row("metformin"), "stopped")
    assert {one.source for one in found} == {"north", "south"}
    clinic.north.acts.enter(clinic.ada.account, doctor, "stopped", [subject], "kidneys", against=found)
    clinic.refresh()
    clinic.story.checkpoint("north", "south", "guide")
    (said,) = [json.loads(one)["manifest"] for one in receipts_in(summary(clinic)) if "list-act/1" in one.decode()]
    assert "south" not in said
    (kept,) = clinic.north.acts.of(clinic.ada.account)
    assert {one.source for one in against_of(kept.act)} == {"north"} and acts.acts_told.genuine(clinic.north, kept.act)


def test_a_consent_that_ends_in_between_takes_the_word_with_it(clinic: Clinic) -> None:
    doctor_says(clinic, "stopped", "metformin", "kidneys")
    clinic.refresh()
    gate = clinic.north.gate

    def step(name: str) -> None:
        if name == "read":
            clinic.network.consent(clinic.ada, "north", "south", effect="deny", types=("MedicationStatement",))

    gate.step = step
    told = ask(clinic.network, clinic.ada.account, "Patient/ada/$summary", identifier=b"\x09" * 16)
    assert told.status != 200 and b"kidneys" not in told.body
    gate.step = lambda name: None
    later = ask(clinic.network, clinic.ada.account, "Patient/ada/$summary", identifier=b"\x0a" * 16)
    assert later.status == 200 and b"kidneys" not in later.body
