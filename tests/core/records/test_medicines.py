"""Medicines in records: codes, names, directions and status, and what happens when they contradict each other."""

from typing import Any

import pytest
from tests.core.records.pharmacy import coded, reads, request

from medrec.core.records.terms import NDC, RXNORM, SNOMED, UNII
from medrec.core.records.understood import MedicineDetail, NoteCode, Understood


def medicine(found: Understood) -> MedicineDetail:
    assert isinstance(found.detail, MedicineDetail)
    return found.detail


def marks(found: Understood) -> set[NoteCode]:
    return {note.code for note in found.notes}


SAME = [
    coded(RXNORM, "83367", "atorvastatin"),
    coded(RXNORM, "259255", "atorvastatin 80 MG Oral Tablet"),
    coded(RXNORM, "262095", "Lipitor 80 MG Oral Tablet"),
    coded(RXNORM, "153165"),
    coded(NDC, "0071-0155-23"),
    coded(SNOMED, "373444002", "Atorvastatin 80mg tablet (product)"),
    {"text": "Lipitor 80 mg tab"},
    {"text": "ATORVASTATIN CALCIUM 80MG TABLET"},
    {"text": "Atorvastatin (Lipitor) 80 mg"},
]


@pytest.mark.parametrize("concept", SAME, ids=str)
def test_however_it_is_written_it_is_atorvastatin(concept: dict[str, object]) -> None:
    found = reads(request(concept))
    assert medicine(found).ingredients == ("83367",) and found.key == "medicine/83367"
    assert found.status == "active" and found.understood


@pytest.mark.parametrize("name", ["lisinopril/hctz 10/12.5", "Lisinopril-Hydrochlorothiazide", "lisinopril and HCTZ"])
def test_a_combination_typed_by_its_parts(name: str) -> None:
    assert medicine(reads(request(name))).ingredients == ("29046", "5487")


def test_a_combination_with_a_part_that_is_not_known_is_not_half_understood() -> None:
    found = medicine(reads(request("lisinopril / zyxotril")))
    assert found.ingredients == () and found.basis == "text"


def test_the_day_in_the_ingredient() -> None:
    found = medicine(reads(request(coded(RXNORM, "259255"), "1-2 tabs q12h prn")))
    assert found.per_day is not None and found.per_day.at_most
    assert (found.per_day.dose.low, found.per_day.dose.high, found.per_day.dose.unit) == ("2", "4", "tablet")
    assert [(s.value, s.unit) for s in found.per_day.ingredients] == [("160", "mg")]
    assert [(s.value, s.unit) for s in found.per_day.ingredients_high] == [("320", "mg")]


def test_a_dose_in_another_unit_is_turned_exactly() -> None:
    found = medicine(reads(request(coded(RXNORM, "259255"), "80000 mcg daily")))
    assert found.per_day is not None and [(s.value, s.unit) for s in found.per_day.ingredients] == [("80", "mg")]


def test_each_ingredient_of_a_combination_has_its_day() -> None:
    found = medicine(reads(request(coded(RXNORM, "197885"), "2 tablets daily")))
    assert found.per_day is not None
    assert [(s.ingredient, s.value) for s in found.per_day.ingredients] == [("29046", "20"), ("5487", "25")]


def test_as_needed_as_written_keeps_its_words() -> None:
    found = reads(request("aspirin 81 mg", "1-2 tabs q4-6h prn"))
    assert "1-2 tabs q4-6h prn" in found.plain and medicine(found).as_needed


def test_coded_timing_and_words_that_differ_are_both_disbelieved() -> None:
    dosage = {
        "text": "1 tablet three times daily",
        "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
    }
    found = reads(request(coded(RXNORM, "259255"), dosageInstruction=[dosage]))
    assert medicine(found).per_day is None and NoteCode.DOSE_PARTLY in marks(found)


@pytest.mark.parametrize(
    ("name", "words", "a_day"),
    [
        ("lisinopril 5 mg tablet", "Take 2 tablets (10 mg total) by mouth daily", "10"),
        ("levothyroxine 0.05 mg tablet", "2 tablets (100 mcg total) daily", "0.1"),
        ("lisinopril 5 mg tablet", "2 tablets (5 mg) daily", ""),
        ("lisinopril 5 mg tablet", "2 tablets 5 mg daily", "10"),
        ("lisinopril 5 mg tablet", "2 tablets (5 mg each) daily", "10"),
        ("lisinopril 2.5 mg tablet", "Take 2 tablets (10 mg total) by mouth daily", ""),
        ("lisinopril 5 mg tablet", "2 tablets (5 mg total) daily", ""),
        ("lisinopril 5 mg tablet", "2 tablets (7 mg) daily", ""),
        ("lisinopril 5 mg tablet", "2 tablets (2.5 mg each) daily", ""),
        ("lisinopril 5 mg tablet", "2 tablets of 10 mg daily", ""),
        ("lisinopril 5 mg tablet", "Take 5 mg (2 tablets) daily", ""),
        ("lisinopril 2.5 mg tablet", "Take 5 mg (2 tablets) daily", "5"),
        ("lisinopril 5 mg tablet", "1 tablet (5 mg) in the morning and 2 tablets (10 mg) at bedtime", "15"),
        ("lisinopril 5 mg tablet", "1 tablet (5 mg) in the morning and 2 tablets (20 mg) at bedtime", ""),
        ("lisinopril 5 mg tablet", "2 tablets 10 mg daily", "10"),
        ("lisinopril 5 mg tablet", "2 tablets 20 mg daily", ""),
        ("metformin 500 mg tablet", "Take 2 tablets (2,000 mg total) twice daily", ""),
        ("insulin glargine 100 units/mL", "0.02 mL (2 units) daily", "2"),
        ("insulin glargine 100 units/mL", "0.2 mL (2 units) daily", ""),
        ("insulin glargine 100 units/mL", "20 units (0.2 mL) daily", "20"),
        ("insulin glargine 100 units/mL", "2 units (0.2 mL) daily", ""),
        ("morphine 10 mg/5 mL oral solution", "5 mL (10 mg) daily", "10"),
        ("morphine 10 mg/5 mL oral solution", "5 mL (100 mg) daily", ""),
        ("morphine 10 mg/5 mL oral solution", "5 mL (10,000 mcg) daily", "10"),
        ("amoxicillin 250 mg/5 mL", "10 mL (500 mg) daily", "500"),
        ("amoxicillin 250 mg/5 mL", "10 mL (250 mg) daily", ""),
        ("amoxicillin 250 mg/5 mL", "3.3 mL (160 mg) daily", "165"),
    ],
)
def test_a_total_that_contradicts_the_strength_is_noticed(name: str, words: str, a_day: str) -> None:
    found = reads(request(name, words))
    day = medicine(found).per_day
    assert (day.ingredients[0].value if day is not None else "") == a_day
    assert (NoteCode.TOTAL_DIFFERS in marks(found)) is (not a_day)


@pytest.mark.parametrize(("words", "agree"), [("10 mg daily", True), ("20 mg daily", False), ("2 tablets daily", True)])
def test_a_coded_dose_and_words_in_another_unit_are_held_against_the_strength(words: str, agree: bool) -> None:
    dosage = {"text": words, "doseAndRate": [{"doseQuantity": {"value": 2, "unit": "tablet"}}]}
    found = reads(request("lisinopril 5 mg tablet", dosageInstruction=[dosage]))
    assert (medicine(found).per_day is not None) is agree
    assert (NoteCode.TOTAL_DIFFERS in marks(found)) is not agree


def test_of_a_combination_any_part_or_all_of_it_may_be_the_total() -> None:
    for words, agree in (("(10 mg)", True), ("(12.5 mg)", True), ("(22.5 mg)", True), ("(20 mg)", False)):
        found = reads(request("lisinopril 10 mg / hydrochlorothiazide 12.5 mg tablet", f"1 tablet {words} daily"))
        assert (NoteCode.TOTAL_DIFFERS in marks(found)) is not agree, words


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("lisinopril 5 mg tablet", "tablet"),
        ("lisinopril 5 mg", "tablet"),
        ("omeprazole 20 mg capsule", "capsule"),
        ("lisinopril", ""),
        ("lisinopril 1 mg/mL oral solution", ""),
    ],
)
def test_a_number_alone_counts_pieces_where_the_product_has_some(name: str, unit: str) -> None:
    found = reads(request(name, "1 in the morning and 2 at bedtime"))
    day = medicine(found).per_day
    assert ((day.dose.low, day.dose.unit) if day is not None else ("", "")) == ("3" if unit else "", unit)
    assert (NoteCode.DOSE_PARTLY in marks(found)) is (not unit)


@pytest.mark.parametrize("kind", ["MedicationRequest", "MedicationStatement"])
def test_an_active_order_whose_directions_say_stop_is_not_active(kind: str) -> None:
    record = request("lisinopril 5 mg tablet", "STOP taking 1 tablet daily") | {"resourceType": kind}
    if kind == "MedicationStatement":
        record["dosage"] = record.pop("dosageInstruction")
    found = reads(record)
    assert found.status == "unknown" and NoteCode.STATUS_CONFLICT in marks(found) and medicine(found).per_day is None
    going_on = reads(request("lisinopril 5 mg tablet", "1 tablet daily, stop if rash"))
    assert going_on.status == "active" and NoteCode.STATUS_CONFLICT not in marks(going_on)


@pytest.mark.parametrize(
    ("repeat", "a_day"),
    [
        ({"frequency": 1, "period": 1, "periodUnit": "wk", "dayOfWeek": ["mon"]}, "0.7143"),
        ({"frequency": 1, "period": 7, "periodUnit": "d", "dayOfWeek": ["mon"]}, "0.7143"),
        ({"frequency": 2, "period": 1, "periodUnit": "wk", "dayOfWeek": ["mon", "thu"]}, "1.4286"),
        ({"frequency": 1, "period": 1, "periodUnit": "d", "dayOfWeek": ["mon", "wed", "fri"]}, "2.1429"),
        ({"dayOfWeek": ["mon"], "timeOfDay": ["08:00:00"]}, "0.7143"),
        ({"frequency": 1, "period": 1, "periodUnit": "wk", "dayOfWeek": ["mon", "thu"]}, ""),
        ({"frequency": 1, "period": 2, "periodUnit": "d", "dayOfWeek": ["mon"]}, ""),
        ({"frequency": 2, "period": 1, "periodUnit": "d", "when": ["MORN", "NIGHT"]}, "10"),
        ({"frequency": 1, "period": 1, "periodUnit": "d", "when": ["MORN", "NIGHT"]}, ""),
    ],
)
def test_days_of_the_week_in_codes_count_once(repeat: dict[str, Any], a_day: str) -> None:
    dosage = {"timing": {"repeat": repeat}, "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}]}
    found = reads(request("lisinopril 5 mg tablet", dosageInstruction=[dosage]))
    day = medicine(found).per_day
    assert (day.ingredients[0].value if day is not None else "") == a_day
    assert (NoteCode.DOSE_PARTLY in marks(found)) is (not a_day)


def test_a_taper_gives_no_daily_dose() -> None:
    steps = [{"sequence": n, "text": f"{n} tablets daily"} for n in (1, 2)]
    found = reads(request(coded(RXNORM, "259255"), dosageInstruction=steps))
    assert medicine(found).per_day is None and NoteCode.DOSE_PARTLY in marks(found)


def test_parts_at_the_same_time_add_up() -> None:
    parts = [{"sequence": 1, "text": "1 tablet daily"}, {"sequence": 1, "text": "2 tablets at bedtime"}]
    found = medicine(reads(request(coded(RXNORM, "259255"), dosageInstruction=parts)))
    assert found.per_day is not None and found.per_day.dose.high == "3"


def test_a_code_and_a_name_of_different_drugs_are_not_merged_with_either() -> None:
    found = reads(request(coded(RXNORM, "83367", "Metformin 500 mg")))
    assert NoteCode.NAME_DIFFERS in marks(found)
    assert medicine(found).ingredients == () and found.key == "medicine/name|metformin"


def test_a_strength_in_the_wrong_unit_is_marked() -> None:
    found = reads(request(coded(RXNORM, "259255", "Atorvastatin 80 mcg tablet")))
    assert NoteCode.STRENGTH_DIFFERS in marks(found)
    assert NoteCode.STRENGTH_DIFFERS not in marks(reads(request(coded(RXNORM, "259255", "Atorvastatin 80 mg tablet"))))


def test_a_code_of_another_system_falls_back_to_the_name() -> None:
    found = reads(request(coded(RXNORM, "I10", "aspirin 81 mg")))
    assert NoteCode.WRONG_SYSTEM in marks(found) and medicine(found).ingredients == ("1191",)
    assert medicine(found).basis == "name"


def test_unknown_and_retired_codes_are_shown_as_such() -> None:
    unknown = reads(request(coded(RXNORM, "99999999", "Wonderpill 5 mg")))
    assert NoteCode.UNKNOWN_CODE in marks(unknown) and "Wonderpill" in unknown.plain
    retired = reads(request(coded(RXNORM, "91692", "Adalat 20 mg")))
    assert NoteCode.RETIRED_CODE in marks(retired) and medicine(retired).ingredients == ("7417",)


def test_a_medicine_without_any_name_still_has_a_line() -> None:
    found = reads(request({}))
    assert NoteCode.NO_CODE in marks(found) and not found.understood and "not named" in found.plain


def test_a_contained_medication_and_one_by_reference() -> None:
    medication = {"resourceType": "Medication", "id": "med", "code": coded(UNII, "R16CO5Y76E")}
    pointing: dict[str, object] = {"medicationReference": {"reference": "#med"}, "contained": [medication]}
    bare = {key: value for key, value in request("x").items() if key != "medicationCodeableConcept"}
    assert medicine(reads(bare | pointing)).ingredients == ("1191",)
    away = bare | {"medicationReference": {"reference": "Medication/med"}}
    assert medicine(reads(away, resolve={"Medication/med": medication}.get)).ingredients == ("1191",)
    lost = reads(away)
    assert NoteCode.REFERENCE_MISSING in marks(lost) and medicine(lost).ingredients == ()


def test_a_fill_is_no_proof_of_use_and_its_end_no_stop() -> None:
    for status in ("completed", "in-progress", "stopped", "cancelled", "declined"):
        dispense = request("aspirin") | {"resourceType": "MedicationDispense", "status": status}
        assert reads(dispense).status == "unknown"


@pytest.mark.parametrize(
    ("status", "expected"),
    [("active", "active"), ("on-hold", "unknown"), ("completed", "stopped"), ("stopped", "stopped"),
     ("draft", "unknown"), ("entered-in-error", "stopped"), ("nonsense", "unknown"), ("", "unknown")],
)  # fmt: skip
def test_status_of_a_prescription(status: str, expected: str) -> None:
    assert reads(request("aspirin", status=status)).status == expected


def test_a_proposal_and_an_order_not_to_take_are_never_active() -> None:
    assert reads(request("aspirin", intent="proposal")).status == "unknown"
    found = reads(request("aspirin", doNotPerform=True))
    assert found.status == "stopped" and medicine(found).do_not_take and "do not take" in found.plain


def test_dates_in_the_future_are_marked() -> None:
    assert NoteCode.FUTURE_DATE in marks(reads(request("aspirin", authoredOn="2031-01-01")))
    assert NoteCode.FUTURE_DATE not in marks(reads(request("aspirin", authoredOn="2026-11")))
    assert NoteCode.BAD_DATE in marks(reads(request("aspirin", authoredOn="01/02/2026")))


def test_a_statement_that_has_ended_is_not_active() -> None:
    statement = {
        "resourceType": "MedicationStatement",
        "status": "active",
        "subject": {"reference": "Patient/p"},
        "medicationCodeableConcept": {"text": "aspirin"},
        "effectivePeriod": {"start": "2020", "end": "2021"},
    }
    found = reads(statement)
    assert found.status == "unknown" and NoteCode.STATUS_CONFLICT in marks(found)


@pytest.mark.parametrize(
    ("words", "low", "high"),
    [
        ("1 tablet as needed, at most 3 a day", "0", "240"),
        ("1 tablet every 6 hours, max 3 tablets daily", "240", "240"),
        ("1 tablet every 6 hours, max 200 mg daily", "200", "200"),
        ("1 tablet every 6 hours, max 600 mg daily", "320", "320"),
    ],
)
def test_a_ceiling_bounds_the_day_and_is_no_plan(words: str, low: str, high: str) -> None:
    day = medicine(reads(request(coded(RXNORM, "259255"), words))).per_day
    assert day is not None
    assert [one.value for one in day.ingredients + day.ingredients_high] == [low, high]
    assert day.at_most is (low == "0")


def test_weekly_tablets_and_the_same_weight_weekly_are_one_dose() -> None:
    days = [
        medicine(reads(request(coded(RXNORM, "259255"), words))).per_day
        for words in ("4 tablets once weekly", "320 mg once weekly", "atorvastatin 80 mg: 4 tablets weekly")
    ]
    assert days[0] is not None and days[0].ingredients[0].value.startswith("45.71")
    assert all(day is not None and day.ingredients == days[0].ingredients for day in days)


def test_directions_that_say_to_stop_have_a_note_and_no_amount_even_beside_codes() -> None:
    dosage = {"text": "STOP taking 1 tablet daily",
              "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
              "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}]}  # fmt: skip
    found = reads(request(coded(RXNORM, "259255"), dosageInstruction=[dosage]))
    assert medicine(found).per_day is None and NoteCode.DOSE_PARTLY in marks(found)


def test_right_codes_stand_beside_words_that_say_the_same_in_doubles() -> None:
    dosage = {"text": "Take 1 tablet by mouth 2 (two) times daily",
              "timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}},
              "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}]}  # fmt: skip
    found = reads(request(coded(RXNORM, "259255"), dosageInstruction=[dosage]))
    day = medicine(found).per_day
    assert day is not None and day.dose.high == "2" and NoteCode.DOSE_PARTLY not in marks(found)


REMARKS: list[dict[str, Any]] = [
    {"note": [{"text": "STOPPED 3/2025"}]},
    {"statusReason": {"text": "patient refused"}},
    {"dosageInstruction": [{"text": "1 tablet daily", "additionalInstruction": [{"text": "on hold"}]}]},
    {"dosageInstruction": [{"text": "1 tablet daily", "patientInstruction": "not taking"}]},
]


@pytest.mark.parametrize("more", REMARKS)
def test_a_stop_that_stands_beside_an_active_order_makes_it_unknown(more: dict[str, Any]) -> None:
    found = reads(request("lisinopril 5 mg tablet", **more))
    assert found.status == "unknown" and NoteCode.STATUS_CONFLICT in marks(found)


def test_what_stands_beside_an_order_is_shown_and_marked() -> None:
    found = reads(request("lisinopril 5 mg tablet", "1 tablet daily", note=[{"text": "watch the potassium"}]))
    assert found.status == "active" and NoteCode.REMARK in marks(found) and "watch the potassium" in found.plain
    dosage = {"text": "1 tablet daily", "additionalInstruction": [{"text": "with food"}]}
    found = reads(request("lisinopril 5 mg tablet", dosageInstruction=[dosage]))
    assert "with food" in found.plain and medicine(found).per_day is not None
    dosage["additionalInstruction"] = [{"text": "except Sundays"}]
    assert medicine(reads(request("lisinopril 5 mg tablet", dosageInstruction=[dosage]))).per_day is None


def _pointing(words: str, pointed: str, status: str = "active", own: dict[str, Any] | None = None) -> Understood:
    held = {"resourceType": "Medication", "id": "a", "status": status, "code": {"text": pointed}}
    own = own or ({"text": words} if words else None)
    value = request("x") | {"contained": [held], "medicationReference": {"reference": "#a"}}
    del value["medicationCodeableConcept"]
    return reads(value | ({"medicationCodeableConcept": own} if own else {}))


def test_a_record_that_names_one_medicine_and_points_at_another_is_believed_of_neither() -> None:
    found = _pointing("warfarin 5 mg tablet", "aspirin 81 mg tablet")
    assert NoteCode.NAME_DIFFERS in marks(found) and not medicine(found).ingredients
    assert "warfarin" in found.plain and "aspirin" in found.plain
    coded_alone = _pointing("", "aspirin 81 mg tablet", own=coded(RXNORM, "83367"))
    assert NoteCode.NAME_DIFFERS in marks(coded_alone) and not medicine(coded_alone).ingredients
    unknown = _pointing("little pill", "aspirin 81 mg tablet")
    assert NoteCode.NAME_DIFFERS in marks(unknown) and "little pill" in unknown.plain
    for same in ("Aspirin", "aspirin 81 mg tablet", "see note"):
        alike = _pointing(same, "aspirin 81 mg tablet")
        assert NoteCode.NAME_DIFFERS not in marks(alike) and medicine(alike).ingredients == ("1191",)


def test_a_medicine_that_was_entered_by_mistake_is_not_said_to_be_taken() -> None:
    found = _pointing("", "warfarin 5 mg tablet", "entered-in-error")
    assert found.status == "unknown" and NoteCode.STATUS_CONFLICT in marks(found) and "warfarin" in found.plain
    assert _pointing("", "warfarin 5 mg tablet", "inactive").status == "active"
