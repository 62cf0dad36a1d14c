"""Directions whose codes say one thing twice, and differently: neither is used, both are shown."""

from typing import Any

import pytest
from tests.core.records.pharmacy import reads, request

from medrec.core.records.understood import MedicineDetail, NoteCode, Understood

DAILY = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}
GTS = "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation"


def told(name: str, amount: dict[str, Any], timing: dict[str, Any] = DAILY, **more: Any) -> Understood:
    dose = {"timing": timing, "doseAndRate": [{"doseQuantity": amount}]}
    return reads(request({"text": name}) | {"dosageInstruction": [dose | more]})


def medicine(found: Understood) -> MedicineDetail:
    assert isinstance(found.detail, MedicineDetail)
    return found.detail


@pytest.mark.parametrize(
    ("name", "unit", "code"),
    [("fentanyl", "mcg", "mg"), ("warfarin 5 mg tablet", "tablet", "mg"), ("Lantus 100 unit/mL", "mL", "[iU]")],
)
def test_a_unit_against_its_code(name: str, unit: str, code: str) -> None:
    found = told(name, {"value": 5, "unit": unit, "code": code, "system": "http://unitsofmeasure.org"})
    assert medicine(found).per_day is None and medicine(found).dose is None
    assert f"5 {unit} by its unit, 5 {code} by its code" in medicine(found).sig
    assert NoteCode.UNIT_NOT_UNDERSTOOD in {note.code for note in found.notes}


@pytest.mark.parametrize(
    ("unit", "code"),
    [
        ("mcg", "ug"), ("tablet", "{tbl}"), ("tab", "TAB"), ("units", "[iU]"), ("mL", "ml"), ("drops", "[drp]"),
        ("tablet", "1"), ("puff", "SPRAY"), ("cc", "mL"), ("mg", "mg"), ("spoonful", "mL"), ("", "mg"), ("mg", ""),
    ],
)  # fmt: skip
def test_a_unit_that_says_what_its_code_says(unit: str, code: str) -> None:
    found = told("warfarin", {"value": 1} | ({"unit": unit} if unit else {}) | ({"code": code} if code else {}))
    assert medicine(found).dose is not None and "by its unit" not in medicine(found).sig


@pytest.mark.parametrize(
    "more",
    [
        {"doseAndRate": [{"doseRange": {"low": {"value": 1, "unit": "mg", "code": "ug"}, "high": {"value": 2}}}]},
        {"maxDosePerPeriod": {"numerator": {"value": 9, "unit": "g", "code": "mg"}, "denominator": {"value": 1}}},
    ],
)
def test_a_unit_against_its_code_in_a_range_and_a_ceiling(more: dict[str, Any]) -> None:
    found = told("warfarin", {"value": 1, "unit": "mg", "code": "mg"}, **more)
    assert medicine(found).per_day is None and "by its code" in medicine(found).sig


def test_a_timing_whose_code_is_not_its_repeat() -> None:
    tablet = {"value": 1, "unit": "tablet"}
    for code, agrees in (("BID", False), ("QD", True), ("AM", True), ("Q6H", False), ("UNKNOWN", True)):
        found = told("lisinopril 20 mg tablet", tablet, DAILY | {"code": {"coding": [{"system": GTS, "code": code}]}})
        assert (medicine(found).per_day is not None) is agrees, code
        assert ("once a day by the times beside it" in medicine(found).sig) is not agrees
        assert (NoteCode.DOSE_PARTLY in {note.code for note in found.notes}) is not agrees
    alone = told("lisinopril 20 mg tablet", tablet, {"code": {"coding": [{"system": GTS, "code": "BID"}]}})
    day = medicine(alone).per_day
    assert day is not None and day.dose.low == "2"


@pytest.mark.parametrize(
    ("words", "every_day"),
    [("skip on Sunday", False), ("hold on dialysis days", False), ("stop if rash", True), ("take with food", True)],
)
def test_an_instruction_that_leaves_out_days(words: str, every_day: bool) -> None:
    found = told("warfarin 5 mg tablet", {"value": 1, "unit": "tablet"}, additionalInstruction=[{"text": words}])
    assert (medicine(found).per_day is not None) is every_day and words in medicine(found).sig
