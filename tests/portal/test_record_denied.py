"""A line of her record that denies its own title says so, on the page of its kind, by date, and among what is new."""

import json
from pathlib import Path
from typing import Any

import pytest

from medrec.portal.people import handle
from tests.node.test_lists import Clinic
from tests.portal.reading import text_of

NEW = {"text": "warfarin 5 mg tablet"}
RECORDS: list[tuple[str, str, dict[str, Any], str]] = [
    ("medicines", "MedicationRequest", {"doNotPerform": True, "medicationCodeableConcept": NEW}, "not to take this"),
    ("medicines", "MedicationRequest", {"status": "entered-in-error", "medicationCodeableConcept": NEW}, "by mistake"),
    ("medicines", "MedicationStatement", {"status": "not-taken", "medicationCodeableConcept": NEW}, "not taken"),
    ("treatments", "Procedure", {"status": "not-done", "code": {"text": "left nephrectomy"}}, "It was not done."),
    ("vaccines", "Immunization", {"status": "not-done", "vaccineCode": {"text": "measles vaccine"}}, "not given"),
    (
        "problems",
        "Condition",
        {"code": {"text": "Gout"}, "verificationStatus": {"coding": [{"code": "refuted"}]}},
        "found not to be so",
    ),
    (
        "problems",
        "Condition",
        {"code": {"text": "Lung cancer"}, "verificationStatus": {"coding": [{"code": "provisional"}]}},
        "It is not certain.",
    ),
    (
        "medicines",
        "MedicationRequest",
        {"medicationCodeableConcept": {"text": "digoxin 0.25 mg"}, "note": [{"text": "HOLD until level is known"}]},
        "HOLD until level is known",
    ),
]


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = Clinic(Path(tmp_path_factory.mktemp("denied")))
    for number, (_, kind, record, _) in enumerate(RECORDS):
        whose = "patient" if kind == "Immunization" else "subject"
        base = {"resourceType": kind, "id": f"d{number}", whose: {"reference": "Patient/ada"}, "status": "active"}
        made.north.put(kind, f"d{number}", json.dumps({**base, "intent": "order", **record}))
    made.refresh()
    yield made
    made.network.close()


@pytest.mark.parametrize(("group", "kind", "record", "said"), RECORDS)
def test_what_a_record_denies_stands_with_its_line(
    clinic: Clinic, group: str, kind: str, record: dict[str, Any], said: str
) -> None:
    client, address = clinic.story.client("guide"), f"/people/{handle(clinic.ada.account)}"
    for page in (f"record/kinds/{group}", "timeline"):
        assert said in text_of(client.get(f"{address}/{page}").text), page


def test_what_is_new_says_it_too(clinic: Clinic) -> None:
    page = clinic.story.client("guide").get(f"/people/{handle(clinic.ada.account)}/news").text
    assert "It was not done." in text_of(page)
