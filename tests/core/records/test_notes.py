"""Every note that a reader may leave is documented, and is left by some reader."""

from pathlib import Path
from typing import Any

import pytest
from tests.core.records.pharmacy import coded, reads, request

from medrec.core.records.understood import NoteCode

ROOT = Path(__file__).resolve().parents[3]
SPEC = ROOT / "docs" / "spec" / "records-understood.md"
READERS = [ROOT / "src" / "medrec" / "core" / room for room in ("records", "reconcile")]
"""A record is read by itself, and then beside the others."""


@pytest.mark.parametrize("code", list(NoteCode))
def test_every_note_has_a_heading_and_a_reader_that_leaves_it(code: NoteCode) -> None:
    assert f"\n### {code.value}\n" in SPEC.read_text(encoding="utf-8")
    readers = [path for room in READERS for path in room.glob("*.py") if path.name not in ("understood.py", "aloud.py")]
    sources = [path.read_text(encoding="utf-8") for path in readers]
    assert any(f"NoteCode.{code.name}" in source for source in sources)


def left(record: dict[str, Any]) -> set[NoteCode]:
    return {note.code for note in reads(record).notes}


def test_a_unit_that_nobody_knows_and_a_shape_that_fhir_does_not_allow() -> None:
    once = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}
    dose = {"value": 2, "unit": "glug"}
    dosage = [{"timing": once, "doseAndRate": [{"doseQuantity": dose}]}]
    assert NoteCode.UNIT_NOT_UNDERSTOOD in left(request("aspirin", dosageInstruction=dosage))
    dose["unit"] = "TAB"
    assert NoteCode.UNIT_NOT_UNDERSTOOD not in left(request("aspirin", dosageInstruction=dosage))
    assert NoteCode.ODD_SHAPE in left({"resourceType": "Condition", "id": "c", "code": [coded("s", "1", "Asthma")]})
    assert NoteCode.ODD_SHAPE not in left({"resourceType": "Condition", "id": "c", "code": coded("s", "1", "Asthma")})
