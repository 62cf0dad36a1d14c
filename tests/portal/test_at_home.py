"""Inside the house too, nothing of a patient is shown before a look with its reason stands in the journal."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from medrec.core import manifests
from medrec.node.keeping import store
from medrec.node.right_person import finding
from medrec.portal.page import Role
from medrec.portal.session import Who
from medrec.portal.table import PAGES
from tests.node.test_lists import Clinic
from tests.portal.reading import text_of
from tests.portal.test_sign_in import csrf_of, staff_visitor, visitor

WHY = {"purpose": "TREAT", "reason": "Visit this morning"}
LOOKS = {"records", "clinic_patient", "patient_lists", "version"}
"""The pages of the staff who treat that show what is here of a patient."""
QUEUES = {"clinic", "corrections", "desk_vouch", "confirm"}
"""The others: the finder shows who is here, the rest what was sent to the staff and what she signs."""


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(tmp_path)
    made.refresh()
    yield made
    made.network.close()


def looks(clinic: Clinic) -> list[Any]:
    node: Any = clinic.north
    with node.store.read() as connection:
        return [
            manifests.decode(node.journal.manifest(connection, bytes(row.hash))[1])
            for row in node.rows(store.manifest)
            if row.kind == "own-look/1"
        ]


def token(client: TestClient, path: str = "/clinic") -> dict[str, str]:
    return {"csrf": csrf_of(client.get(path).text)}


def test_every_page_for_those_who_treat_is_a_look_or_known_to_be_none() -> None:
    shown = {page.name for page in PAGES if page.role is not Role.AGENT and Who.CLINICIAN in page.who}
    assert shown == LOOKS | QUEUES


@pytest.mark.parametrize(
    ("path", "role"), [("/patient-list", "clinician"), ("/records", "clinician"), ("/records", "privacy-officer")]
)
def test_a_patient_is_shown_with_a_reason_alone_and_the_look_is_told(clinic: Clinic, path: str, role: str) -> None:
    client = staff_visitor(clinic.story, role)
    form = {"patient": "ada"} | token(client, path)
    for bad in ({}, {"purpose": "TREAT"}, {"purpose": "NOSY", "reason": WHY["reason"]}, {"act": "reviewed"}):
        answer = client.post(path, data=form | bad)
        assert answer.status_code == 400 and "isinopril" not in answer.text and "/versions/" not in answer.text
    assert looks(clinic) == []
    shown = client.post(path, data=form | WHY)
    assert shown.status_code == 200 and "/versions/" in shown.text
    (look,) = looks(clinic)
    assert (look.account, look.request.reason, look.request.practitioner) == (
        clinic.ada.account, WHY["reason"], "Nora Nurse"
    )  # fmt: skip
    clinic.story.settle()
    assert "own-look/1" in {notice.kind for notice in clinic.guide.agent.notices(clinic.ada.account)}


def test_what_was_signed_last_names_nobody(clinic: Clinic) -> None:
    page = staff_visitor(clinic.story, "clinician").get("/records").text
    assert "Record" not in text_of(page.split('id="latest"')[1]) and "/versions/" not in page
    assert "ada" not in text_of(page.split('id="latest"')[1]).split()


def test_a_version_opens_under_a_look_that_goes_on(clinic: Clinic) -> None:
    client = staff_visitor(clinic.story, "clinician")
    digest = next(row.manifest.hex() for row in clinic.north.rows(store.version))
    for path in (f"/versions/{digest}", f"/proof/{digest}.receipt.json"):
        assert client.get(path).status_code == 403
    assert client.post("/patient-list", data={"patient": "ada"} | WHY | token(client)).status_code == 200
    assert client.get(f"/versions/{digest}").status_code == 200
    # An act on the list that was opened needs no second reason, for an hour.
    act = {"patient": "ada", "act": "reviewed"} | token(client)
    assert client.post("/patient-list", data=act).status_code == 200 and len(looks(clinic)) == 1
    for _ in range(6):
        clinic.network.time += finding.LOOK_LIFE_MS // 5
        assert client.get("/clinic").status_code == 200
    assert client.get(f"/versions/{digest}").status_code == 403
    assert client.post("/patient-list", data=act).status_code == 400


def test_the_privacy_officer_reads_a_look_without_one_of_her_own(clinic: Clinic) -> None:
    client = staff_visitor(clinic.story, "clinician")
    assert client.post("/patient-list", data={"patient": "ada"} | WHY | token(client)).status_code == 200
    digests = {row.kind: row.hash.hex() for row in clinic.north.rows(store.manifest)}
    officer = visitor(clinic.story, "north", demonstration=True)
    assert officer.post("/sign-in/demonstration", data={"role": "privacy-officer"}).status_code in (200, 303)
    assert officer.get(f"/versions/{digests['own-look/1']}").status_code == 200
    assert officer.get(f"/versions/{digests['record/1']}").status_code == 403
