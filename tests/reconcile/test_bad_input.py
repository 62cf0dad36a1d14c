"""Bad input, from FHIR records to the lists: each has a visible outcome and none is a silent wrong one."""

import json
import time
from typing import Any

import msgspec
import pytest

from medrec.core.reconcile.held import Held
from medrec.core.reconcile.lists import Lists, Read
from medrec.core.reconcile.rows import Conflict
from medrec.core.records.canonical import canonical
from medrec.core.records.dates import clinical_date
from medrec.core.records.reading import Around
from medrec.core.records.table import understand
from medrec.core.records.terms import ICD10CM, RXNORM, SNOMED
from medrec.core.records.understood import NoteCode
from medrec.node.terminology.shipped import shipped
from tests.reconcile.records_said import NOW

LISINOPRIL_20 = "314077"


def read(*records: dict[str, Any], source: str = "north") -> Read:
    around = Around(shipped(), NOW, clinical_date("1980-05-01"))
    held = []
    for number, record in enumerate(records):
        form = canonical(json.dumps(record | {"id": record.get("id", f"r{number}")}).encode())
        mark = form.sha256.hex()
        held.append(Held(record.get("source", source), understand(form.value, around), 1, mark, mark, NOW))
    return Lists(shipped(), NOW, held).read()


def order(text: str = "", code: str = "", sig: str = "", **more: Any) -> dict[str, Any]:
    concept: dict[str, Any] = {"text": text} if text else {}
    if code:
        concept["coding"] = [{"system": more.pop("system", RXNORM), "code": code}]
    base = {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "authoredOn": "2025-09-01"}
    dosage = {"dosageInstruction": [{"text": sig}]} if sig else {}
    return base | {"medicationCodeableConcept": concept} | dosage | more


def notes(found: Read) -> list[str]:
    return [
        note for row in (*found.medicines, *found.problems, *found.allergies) for l in row.lines for note in l.notes
    ]


def test_one_to_two_tablets_every_four_to_six_hours_as_needed_is_a_range() -> None:
    (row,) = read(order("Tramadol 50 mg tab", sig="1-2 tabs q4-6h prn")).medicines
    assert row.as_needed and row.directions == "1-2 tabs q4-6h prn"
    assert row.per_day == "600 mg"  # as needed: the ceiling is what counts


def test_a_strength_in_the_wrong_unit_is_marked_and_not_merged_into_the_dose() -> None:
    found = read(order("Levothyroxine 50 mg tab"), order("Levothyroxine 50 mcg tab", id="b", source="south"))
    (row,) = found.medicines
    assert len(row.variants) == 2 and row.likeness == "similar" and Conflict.DOSE in row.conflicts
    wrong = read(order("lisinopril 20 g Oral Tablet", LISINOPRIL_20))
    assert "strength-differs" in notes(wrong)


def test_a_code_of_another_system_than_stated_is_not_believed() -> None:
    found = read(order("Warfarin 5 mg", "I10"), order("Aspirin 81 mg", "not-a-code", id="b"))
    assert {row.name for row in found.medicines} == {"warfarin", "aspirin"}
    assert notes(found).count("wrong-system") == 2


def test_a_code_and_a_name_of_different_drugs_stand_alone_with_a_conflict() -> None:
    found = read(order("Warfarin 5 mg", LISINOPRIL_20), order("lisinopril 20 mg", id="b"))
    marked = [row for row in found.medicines if Conflict.CODE_NAME in row.conflicts]
    assert len(found.medicines) == 2 and len(marked) == 1 and not marked[0].ingredients


def test_a_medicine_without_a_code_or_any_name_keeps_its_line() -> None:
    found = read(order("Grandmother's drops"), order(id="b"))
    assert len(found.medicines) == 2 and all(not row.ingredients for row in found.medicines)
    assert {"text-only", "no-code"} <= set(notes(found))


def test_a_date_in_the_future_neither_confirms_nor_stops() -> None:
    future = read(order("lisinopril", authoredOn="2031-01-01"))
    assert "future-date" in notes(future) and future.medicines[0].confirmed is None
    stop = order("lisinopril", id="b", source="south", status="stopped", authoredOn="2031-01-01")
    row = read(order("lisinopril"), stop).medicines[0]
    assert row.status == "active"


def test_an_onset_before_birth_is_marked_and_shown() -> None:
    condition = {"resourceType": "Condition", "code": {"text": "Asthma"}, "onsetDateTime": "1950"}
    found = read(condition)
    assert len(found.problems) == 1 and "before-birth" in notes(found)


def test_ten_thousand_observations_change_nothing_and_cost_little() -> None:
    observation = {"resourceType": "Observation", "status": "final", "code": {"text": "Pulse"}}
    around = Around(shipped(), NOW, None)
    value = understand(canonical(json.dumps(observation).encode()).value, around)
    lists = Lists(shipped(), NOW)
    start = time.process_time()
    for number in range(10_000):
        lists.put(Held("north", msgspec.structs.replace(value, id=str(number)), 1, "", str(number), NOW))
    found = lists.read()
    assert found.others == 10_000 and not found.medicines
    assert time.process_time() - start < 120


@pytest.mark.parametrize("words", ["none", "None", "NKDA", "No known allergies", "nil"])
def test_an_allergy_to_none_is_no_allergy(words: str) -> None:
    none = {"resourceType": "AllergyIntolerance", "code": {"text": words}}
    (row,) = read(none).allergies
    assert row.no_known and not row.ingredients
    real = {
        "resourceType": "AllergyIntolerance",
        "id": "b",
        "code": {"text": "Penicillin"},
        "clinicalStatus": {"coding": [{"code": "active"}]},
    }
    both = read(none, real).allergies
    assert all(Conflict.NONE_KNOWN in row.conflicts for row in both) and len(both) == 2


def test_an_order_that_ends_before_it_begins_is_marked() -> None:
    bounds = {"boundsPeriod": {"start": "2025-09-01", "end": "2025-01-01"}}
    crossed = order("lisinopril")
    crossed["dosageInstruction"] = [{"text": "daily", "timing": {"repeat": bounds}}]
    found = read(crossed)
    assert "dates-crossed" in notes(found) and found.medicines[0].status == "unknown"


@pytest.mark.parametrize(
    ("system", "code", "believed"),
    [
        (SNOMED, "44054006", True), (SNOMED, "73211009", True), (SNOMED, "716186003", True),
        # RxNorm's and a local number under SNOMED's name: the shape fits, the check digit does not.
        (SNOMED, "314077", False), (SNOMED, "861007", False), (SNOMED, "44054007", False), (SNOMED, "I10", False),
    ],
)  # fmt: skip
def test_a_code_of_another_system_is_found_by_its_check_digit(system: str, code: str, believed: bool) -> None:
    value = {
        "resourceType": "Condition",
        "id": "c",
        "code": {"coding": [{"system": system, "code": code}], "text": "X"},
    }
    found = understand(value, Around(shipped()))
    assert (NoteCode.WRONG_SYSTEM in [note.code for note in found.notes]) is not believed


def test_a_code_that_no_table_names_says_so() -> None:
    value: dict[str, Any] = {
        "resourceType": "MedicationRequest", "id": "m", "status": "active", "intent": "order",
        "medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": "99999999"}]},
    }  # fmt: skip
    found = understand(value, Around(shipped()))
    assert NoteCode.UNKNOWN_CODE in [note.code for note in found.notes] and "99999999" in found.plain
    named = value | {"medicationCodeableConcept": value["medicationCodeableConcept"] | {"text": "Little pill"}}
    assert NoteCode.UNKNOWN_CODE in [note.code for note in understand(named, Around(shipped())).notes]


@pytest.mark.parametrize(
    ("code", "known"),
    [
        ("E11.9", True), ("E119", True), ("E11.65", True), ("S72.001A", True), ("T07.XXXA", True), ("C50.911", True),
        ("Q99.ZZZ", False), ("E11.Z", False), ("A99.12", False), ("U99", False),
    ],
)  # fmt: skip
def test_a_code_of_icd_that_does_not_exist_is_marked_beside_a_name_too(code: str, known: bool) -> None:
    value = {"resourceType": "Condition", "id": "c", "code": {"coding": [{"system": ICD10CM, "code": code}]}}
    value["code"]["text"] = "Asthma"  # type: ignore[index]
    found = understand(value, Around(shipped()))
    assert (NoteCode.UNKNOWN_CODE not in [note.code for note in found.notes]) is known


@pytest.mark.parametrize("text", ["Foobarine 5 mg", "warfarin 5 mg tablet"])
def test_a_code_of_a_medicine_that_no_table_knows_is_marked_beside_a_name_too(text: str) -> None:
    value: dict[str, Any] = {
        "resourceType": "MedicationRequest", "id": "m", "status": "active", "intent": "order",
        "medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": "9999999"}], "text": text},
    }  # fmt: skip
    found = understand(value, Around(shipped()))
    assert [note.code for note in found.notes].count(NoteCode.UNKNOWN_CODE) == 1
    value["medicationCodeableConcept"]["coding"][0]["code"] = "855332"
    value["medicationCodeableConcept"]["text"] = "warfarin 5 mg tablet"
    assert NoteCode.UNKNOWN_CODE not in [note.code for note in understand(value, Around(shipped())).notes]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("levothyroxine 50 mg tab", "No product holds 50 mg; there is one of 50 mcg: the unit may be wrong."),
        ("warfarin 5 g", "No product holds 5 g; there is one of 5 mg: the unit may be wrong."),
        ("metformin 500 mcg tab", "No product holds 500 mcg; there is one of 500 mg: the unit may be wrong."),
        ("levothyroxine 50 mcg tab", ""), ("levothyroxine 0.05 mg", ""), ("warfarin 5 mg", ""),
        # Odd, and no slip of a unit: nothing is guessed.
        ("warfarin 5.7 mg", ""), ("Little pill 5 g", ""), ("hydrocortisone cream 30 g", ""),
        # Of what is measured, breathed in or stuck on, what stands before the stroke.
        ("fentanyl 25 mg/hr patch", "No product holds 25 mg/h; there is one of 25 mcg/h: the unit may be wrong."),
        ("fentanyl 25 mg patch", "No product holds 25 mg; there is one of 25 mcg/h: the unit may be wrong."),
        ("heparin 5000 mg/mL", "No product holds 5000 mg/mL; there is one of 5000 units/mL: the unit may be wrong."),
        ("amoxicillin 400 g/5 mL", "No product holds 80 g/mL; there is one of 80 mg/mL: the unit may be wrong."),
        ("albuterol 90 mg/actuation",
         "No product holds 90 mg/actuation; there is one of 90 mcg/actuation: the unit may be wrong."),
        ("potassium chloride 20 mg tab", "No product holds 20 mg; there is one of 20 meq: the unit may be wrong."),
        ("hydrocortisone 2.5 mg cream", "No product holds 2.5 mg; there is one of 2.5 %: the unit may be wrong."),
        ("fentanyl 25 mcg/hr patch", ""), ("fentanyl 25 mcg patch", ""), ("heparin 5000 units/mL", ""),
        ("amoxicillin 400 mg/5 mL", ""), ("albuterol 90 mcg/actuation", ""), ("hydrocortisone 2.5 % cream", ""),
        # No product has the number, and none near so much; or nothing can.
        ("timolol 50 % drops", "No product holds near so much as 50 %: the unit may be wrong."),
        ("metformin 200000 mg/mL", "No product holds near so much as 200000 mg/mL: the unit may be wrong."),
        ("Percocet 5-325 g tablet", "Nothing holds so much as 325 g: the unit may be wrong."),
        ("Little drops 400 g/5 mL", "Nothing holds so much as 80 g/mL: the unit may be wrong."),
    ],
)  # fmt: skip
def test_a_strength_in_the_wrong_unit_is_said_with_the_line(text: str, sentence: str) -> None:
    value = {
        "resourceType": "MedicationRequest", "id": "m", "status": "active", "intent": "order",
        "medicationCodeableConcept": {"text": text},
    }  # fmt: skip
    said = [note.text for note in understand(value, Around(shipped())).notes if note.code == NoteCode.STRENGTH_DIFFERS]
    assert said == ([sentence] if sentence else [])


@pytest.mark.parametrize(
    ("product", "text", "holds"),
    [
        ("warfarin", "warfarin 5 g tab", "No product holds 5 g"),  # An ingredient's code has no strength of its own.
        ("insulin glargine 100 UNT/ML", "insulin glargine 100 mg/mL",
         "The words say 100 mg/mL, the code's product holds 100 units/mL."),
        ("insulin glargine 100 UNT/ML", "insulin glargine 100 units/mL", ""),
    ],
)  # fmt: skip
def test_words_beside_a_code_are_held_against_its_product(product: str, text: str, holds: str) -> None:
    code = next(one.code for one in shipped().all_drugs() if one.name == product)
    value = order(text, code, id="m")
    said = [note.text for note in understand(value, Around(shipped())).notes if note.code == NoteCode.STRENGTH_DIFFERS]
    assert len(said) == bool(holds) and all(sentence.startswith(holds) for sentence in said)


def test_a_contained_medicine_in_the_wrong_unit_is_said_too() -> None:
    for unit, marked in (("g", True), ("mg", False)):
        strength = {"numerator": {"value": 5, "unit": unit}, "denominator": {"value": 1, "unit": "tablet"}}
        parts = [{"itemCodeableConcept": {"text": "warfarin"}, "strength": strength}]
        held = {"resourceType": "Medication", "id": "a", "ingredient": parts}
        value = order(contained=[held], medicationReference={"reference": "#a"}) | {"id": "m"}
        del value["medicationCodeableConcept"]
        (row,) = read(value).medicines
        assert (NoteCode.STRENGTH_DIFFERS in row.lines[0].notes) is marked


def test_a_patch_gives_no_weight_a_day_by_counting_patches() -> None:
    """25 micrograms an hour is no 25 micrograms in a patch; in words and in code it is one medicine of one strength."""
    coded = next(drug for drug in shipped().all_drugs() if drug.name == "72 HR fentanyl 0.025 MG/HR Transdermal System")
    for text in ("fentanyl 25 mcg/hr patch", "Fentanyl 0.025 MG/HR 72 HR Transdermal System"):
        words = order(text, sig="1 patch every 72 hours", id="words", source="south")
        (row,) = read(order(code=coded.code, sig="1 patch every 3 days", id="code"), words).medicines
        assert len(row.lines) == 2 and Conflict.DOSE not in row.conflicts
        assert "mg a day" not in str(row) and "mcg a day" not in str(row)
        assert row.per_day == "" and "patch every" in row.directions and "0.33" not in str(row.variants)
