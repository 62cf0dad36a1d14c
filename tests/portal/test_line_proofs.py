"""One tap from every line of the lists to what was signed, with files that the standalone tool verifies."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from medrec.node.keeping import store
from medrec.node.lists import lists
from medrec.node.release.practitioners import PHYSICIAN
from medrec.node.right_person.finding import LOOK_LIFE_MS
from medrec.portal import words
from medrec.portal.people import handle
from tests.node.cosigners import run_tool
from tests.node.test_lists import Clinic, allergy
from tests.portal.reading import text_of
from tests.portal.test_sign_in import csrf_of, visitor

ASKED = {"patient": "ada", "purpose": "TREAT", "reason": "a visit to the clinic", "from-north": "1"}
LINE = re.compile(r'<li>\s*<span class="title">.*?entry__foot.*?</li>', re.DOTALL)
PROOF = re.compile(r'href="([^"]*/(?:lines|versions)/[0-9a-f]+)"')


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    """Records of two places, a word of hers, a word of a clinician of each place; north lets south read."""
    made = Clinic(tmp_path)
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
    """The address behind each line of a page; a line without one fails."""
    found = []
    for line in LINE.findall(html):
        links = PROOF.findall(line)
        assert len(links) == 1, text_of(line)
        found.append(links[0])
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
    assert kinds.count("record") == 4 and kinds.count("act") == 3


def doctor(clinic: Clinic, place: str) -> TestClient:
    client = visitor(clinic.story, place, demonstration=True)
    client.post("/sign-in/demonstration", data={"role": "clinician"})
    return client


def test_every_line_of_the_doctors_list(clinic: Clinic, tmp_path: Path) -> None:
    client = doctor(clinic, "north")
    why = {"patient": "ada", "purpose": "TREAT", "reason": "Visit this morning"}
    page = client.post("/patient-list", data=why | {"csrf": csrf_of(client.get("/patient-list").text)})
    kinds = [checked(clinic, client, address, tmp_path) for address in proofs(page.text)]
    assert kinds.count("record") == 2 and kinds.count("act") == 2


def test_every_line_of_the_screen_across_places(clinic: Clinic, tmp_path: Path) -> None:
    """South's doctor: its own records, the acts that it wrote down, and what north gave for this look."""
    client = doctor(clinic, "south")
    page = client.post("/clinic/patient", data=ASKED | {"csrf": csrf_of(client.get("/clinic").text)})
    addresses = proofs(page.text)
    kinds = [checked(clinic, client, address, tmp_path) for address in addresses]
    assert kinds.count("record") == 4 and kinds.count("act") >= 2
    own = {bytes(row.hash).hex() for row in clinic.south.rows(store.manifest)}
    (given, *_) = [one for one in addresses if one.rpartition("/")[2] not in own]
    # Another of south's clinicians asked for nothing, and the look ends: then it is not here any more.
    other = visitor(clinic.story, "south", demonstration=True)
    other.post("/sign-in/demonstration", data={"role": "privacy-officer"})
    assert other.get(given).status_code == 404
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
