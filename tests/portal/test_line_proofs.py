"""One tap from every line of the lists to what was signed, with files that the standalone tool verifies."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from medrec.core.receipt import verify
from medrec.node.fhir.summary import RECORD_SHA256 as SHA256
from medrec.node.fhir.summary_own import own_summary
from medrec.node.keeping import store
from medrec.node.ledger.receipts import root_file
from medrec.node.lists import lists
from medrec.node.release.practitioners import PHYSICIAN
from medrec.node.right_person.finding import LOOK_LIFE_MS
from medrec.portal import words
from medrec.portal.people import handle
from tests.node.cosigners import run_tool
from tests.node.test_list_sources import medication, pointing
from tests.node.test_lists import Clinic, allergy, order
from tests.portal.reading import text_of
from tests.portal.test_sign_in import csrf_of, visitor

ASKED = {"patient": "ada", "purpose": "TREAT", "reason": "a visit to the clinic", "from-north": "1"}
LINE = re.compile(r'<li>\s*<span class="title">.*?entry__foot.*?</li>', re.DOTALL)
PROOF = re.compile(r'href="([^"]*/(?:lines|versions)/[0-9a-f]+)"')


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    """Records of two places, a word of hers, a word of a clinician of each place; north lets south read. One order at
    north points at a medicine of the pharmacy's own list."""
    made = Clinic(tmp_path)
    made.north.put("Medication", "m", medication("m", "digoxin 0.25 mg tablet"))
    made.north.put("MedicationRequest", "p", pointing("p", "Medication/m"))
    made.north.put("AllergyIntolerance", "x", allergy("x", "penicillin"))
    made.south.put("Patient", "ada", '{"resourceType":"Patient","id":"ada","name":[{"given":["Ada"]}]}')
    made.network.consent(made.ada, "north", "south")
    made.refresh()
    made.network.time += 60_000
    made.say("not-taking", made.row("metformin"))
    for place in ("north", "south"):
        doctor = getattr(made, place).practitioners.enter(f"dr-{place}", f"Dr {place.title()}", PHYSICIAN)
        subject = lists.subject_of(made.row("lisinopril"))
        getattr(made, place).acts.enter(made.ada.account, doctor, "changed", [subject], "1 tab at night")
    made.refresh()
    made.story.checkpoint("north", "south", "guide")
    yield made
    made.network.close()


def proofs(html: str) -> list[str]:
    """The addresses behind each line of a page: of what was signed, and of the medicine that it points at. A line
    without one fails."""
    found = []
    for line in LINE.findall(html):
        links = PROOF.findall(line)
        assert len(links) == (2 if "digoxin" in line else 1), text_of(line)
        found += links
    return found


def checked(clinic: Clinic, client: TestClient, address: str, folder: Path) -> str:
    """What a line is, after the files of its page were verified as a stranger would; a changed record is found out."""
    page = client.get(address)
    assert (
        page.status_code == 200 and words.VERSION["here"] in page.text and words.VERSION["state_bad"] not in page.text
    )
    files = {name: unescape(link) for name, link in re.findall(r'data-(receipt|record)="([^"]+)"', page.text)}
    receipt = client.get(files["receipt"])
    record = client.get(files["record"]).content if "record" in files else None
    assert receipt.status_code == 200, receipt.text
    done = run_tool(folder, clinic.guide, receipt.content, record)
    assert done.returncode == 0, done.stdout + done.stderr
    if record is not None:
        assert run_tool(folder, clinic.guide, receipt.content, record[:-1] + b',"x":1}').returncode == 1
    return "record" if record is not None else "act"


def test_every_line_of_hers(clinic: Clinic, tmp_path: Path) -> None:
    client = clinic.story.client("guide")
    addresses = proofs(client.get(f"/people/{handle(clinic.ada.account)}/list").text)
    kinds = [checked(clinic, client, address, tmp_path) for address in addresses]
    assert kinds.count("record") == 6 and kinds.count("act") == 3


def test_every_line_of_her_own_summary(clinic: Clinic) -> None:
    """The order and the medicine that it points at each have a receipt there, which a stranger verifies."""
    made = own_summary(clinic.guide, clinic.ada.account)["entry"]
    found = {one["fullUrl"]: one["resource"] for one in made}
    hashes = {hashlib.sha256(copy.content).hexdigest(): copy for copy in clinic.guide.copies.all(clinic.ada.account)}
    proven = []
    for proof in (one for one in found.values() if one["resourceType"] == "Provenance"):
        whats = [entity["what"] for entity in proof["entity"]]
        signed = [what["identifier"]["value"] for what in whats if what.get("identifier", {}).get("system") == SHA256]
        receipts = [base64.b64decode(found[what["reference"]]["data"]) for what in whats if "reference" in what]
        assert len(receipts) == max(1, len(signed)), proof
        for digest, receipt in zip(signed, receipts, strict=False):
            content = hashes[digest].content
            assert verify(root_file(clinic.guide), receipt, content).ok
            assert not verify(root_file(clinic.guide), receipt, content[:-1] + b',"x":1}').ok
            proven.append(hashes[digest].type)
    assert proven.count("Medication") == 1 and proven.count("MedicationRequest") == 4


def test_every_entry_of_the_page_to_print(clinic: Clinic, tmp_path: Path) -> None:
    client = clinic.story.client("guide")
    page = client.get(f"/people/{handle(clinic.ada.account)}/summary").text
    items = re.findall(r"<li>(?:(?!</li>).)*?</li>", page[page.index("<h2") :], re.DOTALL)
    found = {text_of(item).split(";")[0]: PROOF.findall(item) for item in items if "No information" not in item}
    counts = {name.split()[0].lower(): len(set(links)) for name, links in found.items() if links}
    assert counts["digoxin"] == 2 and counts["penicillin"] == 1 and counts["lisinopril"] == 4
    for links in found.values():
        for link in links:
            checked(clinic, client, link, tmp_path)


def doctor(clinic: Clinic, place: str) -> TestClient:
    client = visitor(clinic.story, place, demonstration=True)
    client.post("/sign-in/demonstration", data={"role": "clinician"})
    return client


def test_every_line_of_the_doctors_list(clinic: Clinic, tmp_path: Path) -> None:
    client = doctor(clinic, "north")
    why = {"patient": "ada", "purpose": "TREAT", "reason": "Visit this morning"}
    page = client.post("/patient-list", data=why | {"csrf": csrf_of(client.get("/patient-list").text)})
    kinds = [checked(clinic, client, address, tmp_path) for address in proofs(page.text)]
    assert kinds.count("record") == 4 and kinds.count("act") == 2


def test_every_line_of_the_screen_across_places(clinic: Clinic, tmp_path: Path) -> None:
    """South's doctor: its own records, the acts that it wrote down, and what north gave for this look."""
    client = doctor(clinic, "south")
    page = client.post("/clinic/patient", data=ASKED | {"csrf": csrf_of(client.get("/clinic").text)})
    addresses = proofs(page.text)
    kinds = [checked(clinic, client, address, tmp_path) for address in addresses]
    assert kinds.count("record") == 6 and kinds.count("act") >= 2
    own = {bytes(row.hash).hex() for row in clinic.south.rows(store.manifest)}
    given, medicine = [one for one in addresses if one.rpartition("/")[2] not in own][:2]
    # Another of south's clinicians asked for nothing, and the look ends: then it is not here any more.
    other = visitor(clinic.story, "south", demonstration=True)
    other.post("/sign-in/demonstration", data={"role": "privacy-officer"})
    assert other.get(given).status_code == 404 and other.get(medicine).status_code == 404
    assert clinic.story.client("south").get(given).status_code == 404
    clinic.network.time += LOOK_LIFE_MS
    again = doctor(clinic, "south")
    for address in (given, given.replace("/versions/", "/proof/") + ".record.json"):
        assert again.get(address).status_code == 404


def test_a_line_of_nobody_opens_nothing(clinic: Clinic) -> None:
    """A line that is not hers opens nothing under her name."""
    client = clinic.story.client("guide")
    page = f"/people/{handle(clinic.ada.account)}/lines/{'0' * 32}"
    for end in ("", "/receipt.json", "/record.json"):
        assert client.get(page + end).status_code == 404


def test_which_medicine_an_order_points_at_has_a_proof_of_its_own(
    clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line of an order alone would prove any medicine. Both lead to what was signed, also for what others gave; a
    page that has no proof of the medicine says so."""
    medication = {"resourceType": "Medication", "id": "1", "code": {"text": "warfarin 5 mg tablet"}}
    pointing = json.loads(order("w", "1", "x"))
    del pointing["medicationCodeableConcept"]
    clinic.north.put("Medication", "1", json.dumps(medication))
    pointed = pointing | {"medicationReference": {"reference": "Medication/1"}}
    clinic.north.put("MedicationRequest", "w", json.dumps(pointed))
    clinic.refresh()
    clinic.story.checkpoint("north", "south", "guide")
    (signed,) = [row for row in clinic.north.rows(store.record) if row.type == "Medication" and row.id == "1"]
    manifest = bytes(signed.manifest).hex()
    north, south = doctor(clinic, "north"), doctor(clinic, "south")
    why = {"patient": "ada", "purpose": "TREAT", "reason": "Visit this morning"}
    pages = {
        north: north.post("/patient-list", data=why | {"csrf": csrf_of(north.get("/patient-list").text)}).text,
        south: south.post("/clinic/patient", data=ASKED | {"csrf": csrf_of(south.get("/clinic").text)}).text,
    }
    for client, page in pages.items():
        line = next(found for found in LINE.findall(page) if "warfarin" in found)
        addresses = PROOF.findall(line)
        assert len(addresses) == 2 and addresses[1].endswith(f"/{manifest}")
        assert [checked(clinic, client, address, tmp_path) for address in addresses] == ["record", "record"]
    lists = clinic.guide.lists
    tags = lists.tags(clinic.ada.account)
    monkeypatch.setattr(lists, "tags", lambda account: {one: tag for one, tag in tags.items() if one != manifest})
    hers = clinic.story.client("guide").get(f"/people/{handle(clinic.ada.account)}/list").text
    (line,) = [found for found in LINE.findall(hers) if "warfarin" in found]
    assert len(PROOF.findall(line)) == 1 and words.ONE_LIST["medicine_unproven"] in text_of(line)
