"""What could mislead whoever reads a row alone stands with it: in the narrative, and in the note of its entry."""

from typing import Any

import pytest

from medrec.core.reconcile.aloud import LOUD
from medrec.core.reconcile.rows import Conflict
from medrec.core.records.understood import NoteCode
from medrec.node.fhir.summary_words import PHRASES
from tests.fhir.test_summary_lines import condition, made, of, words
from tests.reconcile.test_bad_input import order


def allergy(text: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "AllergyIntolerance", "code": {"text": text}, "recordedDate": "2024-01-01"} | more


def note(resource: dict[str, Any]) -> str:
    return " ".join(one["text"] for one in resource.get("note", ()))


MARKS = [
    (order("morphine 5000 mg tablet", sig="1 tab daily"), "No product is known with this strength"),
    (
        order("warfarin 5 mg tablet", sig="1 tab daily", note=[{"text": "HOLD until INR below 3"}]),
        "HOLD until INR below 3",
    ),
    (order("digoxin 0.125 mg tablet", sig="2 tablets (0.125 mg total) daily"), "The total in its directions"),
    (order("apixaban 5 mg tablet", sig="1 tab daily", authoredOn="2031-01-01"), "a date that is still to come"),
]


@pytest.mark.parametrize(("record", "mark"), MARKS)
def test_a_mark_stands_in_the_narrative_and_in_the_entry(record: dict[str, Any], mark: str) -> None:
    found = made(record)
    (entry,) = of(found, "MedicationStatement")
    assert mark in words(found, "Medication Summary") and mark in note(entry)


def test_every_mark_has_words() -> None:
    wanted = {f"note_{code}" for code in LOUD if code != NoteCode.REMARK} | {
        f"conflict_{one.value}" for one in Conflict
    }
    assert wanted == {name for name in PHRASES if name.startswith(("note_", "conflict_"))}


def test_what_is_not_certain_and_a_side_are_told() -> None:
    suspected = condition("Lung cancer", verificationStatus={"coding": [{"code": "provisional"}]})
    left = condition("Cataract", bodySite=[{"text": "left eye"}])
    said = words(made(suspected, left), "Problem List")
    assert "Lung cancer; " in said and "not certain" in said and "Cataract (eye); left side" in said


def test_what_is_taken_when_needed_says_so() -> None:
    oxycodone = order(
        "oxycodone 5 mg tablet", dosageInstruction=[{"text": "1 tablet every 6 hours", "asNeededBoolean": True}]
    )
    assert "1 tablet every 6 hours; at most 20 mg a day, when needed" in words(made(oxycodone), "Medication Summary")


def test_an_allergy_of_which_nobody_says_whether_it_lasts() -> None:
    """R4 binds the status to codes none of which says "not known": words say what is known."""
    found = made(allergy("penicillin"))
    (entry,) = of(found, "AllergyIntolerance")
    assert entry["clinicalStatus"]["text"] == "No source says whether it still holds."
    assert [one["code"] for one in entry["clinicalStatus"]["coding"]] == ["active"]
    assert "not known whether it goes on" in words(found, "Allergies and Intolerances")


def test_no_allergy_to_one_thing_is_not_coded_as_none_at_all() -> None:
    (entry,) = of(
        made(allergy("no latex allergy", clinicalStatus={"coding": [{"code": "active"}]})), "AllergyIntolerance"
    )
    assert entry["code"] == {"text": "No known allergy to latex"}


def test_a_name_with_a_semicolon_is_one_name() -> None:
    assert "Breast cancer; right" in words(made(condition("Breast cancer; right")), "Problem List")
