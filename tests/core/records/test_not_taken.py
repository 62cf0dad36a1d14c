"""Words in or beside the directions of an active order that say that it is not taken make it unknown."""

from typing import Any

import pytest
from tests.core.records.pharmacy import reads, request

from medrec.core.records.understood import MedicineDetail, NoteCode, Understood

NOT_TAKEN = [
    "1 tab daily - patient has not been taking since March", "1 tab daily. STOP taking", "D/C", "pt never started",
    "Hasn't taken in months", "has been off this for 6 months", "never filled", "pt refuses", "do not give",
    "allergic - do not give", "no lo toma", "dejó de tomar", "paused", "not needed anymore", "entered in error",
    "1 tab daily; discontinue", "Stop.", "don't take",
]  # fmt: skip
TAKEN = [
    "stop if rash", "do not give with grapefruit", "do not take more than 2 a day", "hasn't taken today's dose yet",
    "no lo tome con leche", "no lo toma con comida", "stop smoking", "on D/C take daily",
    "if she has not taken it, call", "pt refuses blood draws", "do not take on an empty stomach", "off-label",
]  # fmt: skip


def read(**more: Any) -> Understood:
    return reads(request({"text": "lisinopril 10 mg tablet"}) | more)


@pytest.mark.parametrize("words", NOT_TAKEN)
@pytest.mark.parametrize("where", ["text", "patientInstruction", "additionalInstruction", "note"])
def test_not_taken(words: str, where: str) -> None:
    beside: dict[str, Any] = {where: [{"text": words}] if where == "additionalInstruction" else words}
    dosage = {"text": "1 tab daily"} | ({} if where == "note" else beside)
    found = read(dosageInstruction=[dosage], note=[{"text": words}] if where == "note" else [])
    assert found.status == "unknown" and NoteCode.STATUS_CONFLICT in {note.code for note in found.notes}
    assert isinstance(found.detail, MedicineDetail)
    assert where == "note" or found.detail.per_day is None


@pytest.mark.parametrize("words", TAKEN)
@pytest.mark.parametrize("where", ["text", "patientInstruction", "note"])
def test_taken_for_all_that_is_said(words: str, where: str) -> None:
    dosage = {"text": "1 tab daily"} | ({} if where == "note" else {where: words})
    found = read(dosageInstruction=[dosage], note=[{"text": words}] if where == "note" else [])
    assert found.status == "active"


def test_an_order_not_to_give_it_in_a_strange_shape_is_not_active() -> None:
    for value, status in (("true", "unknown"), (1, "unknown"), (True, "stopped"), (False, "active")):
        found = read(doNotPerform=value)
        assert found.status == status
        assert (NoteCode.ODD_SHAPE in {note.code for note in found.notes}) is (status == "unknown")
    assert read(doNotPerform="true", status="stopped").status == "stopped"


@pytest.mark.parametrize("kind", ["MedicationDispense", "MedicationAdministration"])
def test_a_fill_or_a_dose_that_was_completed_counts(kind: str) -> None:
    value = {"resourceType": kind, "status": "completed", "medicationCodeableConcept": {"text": "lisinopril"}}
    found = reads(value | {"note": [{"text": "completed"}]}).detail
    assert isinstance(found, MedicineDetail) and not found.not_taken
