"""A value that nobody ever had is marked, whatever its unit; one that somebody had, or of an unknown unit, is not."""

from typing import Any

import msgspec
import pytest
from tests.core.records.pharmacy import coded, reads

from medrec.core.records.understood import NoteCode

LOINC = "http://loinc.org"
WEIGHT, HEIGHT, WARMTH, HEART, OXYGEN, UPPER, LOWER = (
    "29463-7", "8302-2", "8310-5", "8867-4", "59408-5", "8480-6", "8462-4"
)  # fmt: skip


def quantity(code: str, value: float, unit: str) -> dict[str, Any]:
    # As the canonical form holds numbers.
    written = value if isinstance(value, int) else msgspec.Raw(str(value).encode())
    return {"code": coded(LOINC, code, "A vital sign"), "valueQuantity": {"value": written, "unit": unit, "code": unit}}


def marked(held: dict[str, Any]) -> bool:
    record = {"resourceType": "Observation", "id": "o", "status": "final", **held}
    return NoteCode.IMPLAUSIBLE in {note.code for note in reads(record).notes}


@pytest.mark.parametrize(
    ("code", "value", "unit", "odd"),
    [
        (WEIGHT, 787, "kg", True), (WEIGHT, 635, "kg", False), (WEIGHT, 0.4, "kg", False), (WEIGHT, 0.1, "kg", True),
        (WEIGHT, 3400, "g", False), (WEIGHT, 787, "[lb_av]", False), (WEIGHT, 1401, "[lb_av]", True),
        (WEIGHT, 787, "stone", False), (WEIGHT, -3, "kg", True), (HEIGHT, 1.78, "cm", True), (HEIGHT, 1.78, "m", False),
        (HEIGHT, 178, "m", True), (WARMTH, 37.2, "Cel", False), (WARMTH, 372, "Cel", True),
        (WARMTH, 98.6, "[degF]", False), (WARMTH, 98.6, "Cel", True), (WARMTH, 37, "[degF]", True),
        (HEART, 0, "/min", False), (HEART, 720, "/min", True), (OXYGEN, 100, "%", False), (OXYGEN, 101, "%", True),
        (UPPER, 1200, "mm[Hg]", True), (UPPER, 300, "mm[Hg]", False), ("2339-0", 10**6, "mg/dL", False),
    ],
)  # fmt: skip
def test_a_value_beyond_what_anybody_had_is_marked(code: str, value: float, unit: str, odd: bool) -> None:
    assert marked(quantity(code, value, unit)) is odd


def test_a_part_of_a_blood_pressure_is_held_to_its_own_bounds() -> None:
    panel = {"code": coded(LOINC, "85354-9", "Blood pressure")}
    good = [quantity(UPPER, 134, "mm[Hg]"), quantity(LOWER, 84, "mm[Hg]")]
    assert not marked({**panel, "component": good})
    assert marked({**panel, "component": [good[0], quantity(LOWER, 840, "mm[Hg]")]})


def test_a_code_of_another_system_names_no_vital_sign() -> None:
    other = quantity(WEIGHT, 787, "kg")
    other["code"]["coding"][0]["system"] = "https://north.example/codes"
    assert not marked(other)
