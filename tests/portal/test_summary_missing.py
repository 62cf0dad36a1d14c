"""Paper and card say what the list says: what is held back, both sides of a body, how she is called now."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.portal.people import handle
from tests.node.test_lists import Clinic, order
from tests.node.test_right_person import ADA, BOB, demographics
from tests.portal.reading import text_of
from tests.portal.story import Story


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(tmp_path)
    yield made
    made.network.close()


def read(clinic: Clinic, page: str, language: str = "en") -> str:
    address = f"/people/{handle(clinic.ada.account)}/{page}"
    return text_of(clinic.story.client("guide").get(address, headers={"accept-language": language}).text)


def put(node: Any, kind: str, name: str, **record: Any) -> None:
    whose = "patient" if kind == "AllergyIntolerance" else "subject"
    node.put(kind, name, json.dumps({"resourceType": kind, "id": name, whose: {"reference": "Patient/ada"}} | record))


def allergy(node: Any, name: str, text: str, **more: Any) -> None:
    active = {"coding": [{"code": "active"}]}
    put(node, "AllergyIntolerance", name, code={"text": text}, clinicalStatus=active, **more)


class Named(Clinic):
    """Both places have her Patient before she is linked, so they know who she is."""

    def __init__(self, folder: Path) -> None:
        self.story = Story(folder)
        self.network = self.story.network
        self.north, self.south, self.guide = (self.network[name] for name in ("north", "south", "guide"))
        for node in (self.north, self.south):
            node.put("Patient", "ada", demographics("ada", *ADA))
        self.ada = self.network.patient("ada", "north", "south")
        for place in ("north", "south"):
            self.network.consent(self.ada, place, "guide")
        self.refresh()


def test_paper_and_file_say_that_something_is_held_back(tmp_path: Path) -> None:
    clinic = Named(tmp_path)
    try:
        allergy(clinic.south, "none", "NKDA")
        clinic.refresh()
        before = read(clinic, "summary")
        assert "No known allergies to medicines" in before and "does not fit you" not in before
        clinic.network.time += 60_000
        clinic.north.put("Patient", "ada", demographics("ada", *BOB), origin="2")
        clinic.refresh()
        after = read(clinic, "summary")
        document = clinic.story.client("guide").get(f"/people/{handle(clinic.ada.account)}/summary.fhir.json").json()
    finally:
        clinic.network.close()
    assert "North has something under your name that does not fit you" in after
    assert "North holds back what is filed there" in document["entry"][0]["resource"]["text"]["div"]


def test_both_sides_stand_on_the_card(clinic: Clinic) -> None:
    for side in ("left", "right"):
        site = [{"text": f"{side} eye"}]
        active = {"coding": [{"code": "active"}]}
        put(clinic.north, "Condition", side, code={"text": "Cataract"}, bodySite=site, clinicalStatus=active)
    clinic.refresh()
    card, paper = read(clinic, "card"), read(clinic, "summary")
    assert "Left side." in card and "Right side." in card
    assert "Left side" in paper and "Right side" in paper


def test_a_remark_stands_in_its_own_words_on_card_and_paper(clinic: Clinic) -> None:
    record = json.loads(order("w", "", "warfarin 5 mg tablet", "1 tab daily")) | {
        "note": [{"text": "HOLD until INR below 3"}]
    }
    record["medicationCodeableConcept"] = {"text": "warfarin 5 mg tablet"}
    clinic.north.put("MedicationRequest", "w", json.dumps(record))
    clinic.refresh()
    for page in ("card", "summary", "list"):
        assert "HOLD until INR below 3" in read(clinic, page), page
    assert "Al lado está escrito" in read(clinic, "summary", "es")


def test_she_is_called_by_the_name_that_she_goes_by(clinic: Clinic) -> None:
    old, now = (
        {"use": "old", "family": "Noel", "given": ["Ada"]},
        {"use": "official", "family": "Lovelace", "given": [None, "Ada"]},
    )
    clinic.north.put("Patient", "ada", json.dumps(json.loads(demographics("ada", *ADA)) | {"name": [old, now]}))
    clinic.refresh()
    for page in ("card", "summary"):
        said = read(clinic, page)
        assert "Ada Lovelace" in said and "Noel" not in said and "None Ada" not in said, page
