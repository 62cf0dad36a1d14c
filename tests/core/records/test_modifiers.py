"""A modifier in a form that nobody can read is never read as its absence."""

from typing import Any

import pytest
from tests.reconcile.test_bad_input import order, read

from medrec.core.records.modifiers import REASON
from medrec.core.records.reading import Around
from medrec.core.records.table import understand
from medrec.core.records.understood import NoteCode, Understood
from medrec.node.terminology.shipped import shipped

ACTIVE = {"clinicalStatus": {"coding": [{"code": "active"}]}}
PROBLEM = {"resourceType": "Condition", "id": "c", "code": {"text": "Asthma"}} | ACTIVE
ALLERGY = {"resourceType": "AllergyIntolerance", "id": "a", "code": {"text": "penicillin"}} | ACTIVE
TAKEN = {"resourceType": "MedicationStatement", "id": "s", "status": "active"}
TAKEN |= {"medicationCodeableConcept": {"text": "lisinopril"}}
GIVEN = {"resourceType": "Immunization", "id": "i", "status": "completed", "vaccineCode": {"text": "flu"}}


def understood(record: dict[str, Any], **more: Any) -> Understood:
    return understand(record | more, Around(shipped(), None, None))


def is_unknown(found: Understood) -> bool:
    """Whether it is unknown, says so in its line, and has a note."""
    noted = any(note.code is NoteCode.ODD_SHAPE and "cannot be read" in note.text for note in found.notes)
    said = found.status_reason == REASON and REASON in found.plain and REASON in found.clinical
    return found.status == "unknown" and said and noted


@pytest.mark.parametrize("held", ["true", "false", "yes", 1, {}, [True], [], {"value": True}, ""])
def test_an_order_not_to_give_it_of_another_form_is_no_active_order(held: Any) -> None:
    assert is_unknown(understood(order("lisinopril 20 mg"), doNotPerform=held))
    (row,) = read(order("lisinopril 20 mg", doNotPerform=held)).medicines
    assert row.status == "unknown" and NoteCode.ODD_SHAPE in row.lines[0].notes


@pytest.mark.parametrize("held", [False, None])
def test_an_order_that_may_be_given_stays_active(held: Any) -> None:
    assert understood(order("lisinopril 20 mg"), doNotPerform=held).status == "active"


@pytest.mark.parametrize("held", [["proposal"], "Proposal", True, "bogus", {}])
def test_an_intent_that_is_no_code_orders_nothing(held: Any) -> None:
    assert is_unknown(understood(order("lisinopril 20 mg"), intent=held))


@pytest.mark.parametrize("intent", ["order", "plan", "reflex-order", "instance-order"])
def test_an_intent_of_fhir_stays_as_it_is(intent: str) -> None:
    assert understood(order("lisinopril 20 mg"), intent=intent).status == "active"


@pytest.mark.parametrize(
    "held",
    [
        "entered-in-error",
        "refuted",
        ["refuted"],
        {"text": "refuted"},
        {"text": "Entered in error"},
        {"coding": [{"code": "bogus"}]},
        {"coding": [{"code": "Refuted"}]},
        {"coding": [{"code": "confirmed by nobody", "display": "confirmed"}]},
        {"coding": ["refuted"]},
        True,
        5,
    ],
)
def test_a_verification_that_cannot_be_read_makes_nothing_active(held: Any) -> None:
    assert is_unknown(understood(PROBLEM, verificationStatus=held))
    assert is_unknown(understood(ALLERGY, verificationStatus=held))


@pytest.mark.parametrize(
    "held",
    [None, "confirmed", {"text": "Confirmed"}, {"coding": [{"code": "confirmed"}]}, {"extension": [{"url": "x"}]}],
)
def test_a_verification_that_can_be_read_leaves_it_active(held: Any) -> None:
    assert understood(PROBLEM, verificationStatus=held).status == "active"
    assert understood(ALLERGY, verificationStatus=held).status == "active"


@pytest.mark.parametrize("more", [{"wasNotTaken": True}, {"notTaken": "y"}, {"taken": "n"}, {"notTaken": "unk"}])
def test_what_an_older_fhir_says_was_not_taken_is_not_active(more: dict[str, Any]) -> None:
    assert is_unknown(understood(TAKEN, **more))


@pytest.mark.parametrize("more", [{"wasNotTaken": False}, {"notTaken": "n"}, {"taken": "y"}])
def test_what_an_older_fhir_says_was_taken_is_active(more: dict[str, Any]) -> None:
    assert understood(TAKEN, **more).status == "active"


def test_a_vaccine_that_an_older_fhir_says_was_not_given_was_not_given() -> None:
    assert is_unknown(understood(GIVEN, wasNotGiven=True)) and is_unknown(understood(GIVEN, notGiven=True))
    assert understood(GIVEN, notGiven=False).status_reason == "completed"


def test_what_is_over_stays_over_and_the_note_is_left() -> None:
    found = understood(order("lisinopril 20 mg"), status="stopped", doNotPerform="true")
    assert found.status == "stopped" and NoteCode.ODD_SHAPE in {note.code for note in found.notes}
