"""What somebody wrote beside a medicine's record is shown and marked, of whatever kind it is; a line says where it was
cut."""

from typing import Any

import pytest
from tests.reconcile.test_bad_input import order
from tests.reconcile.test_bad_input import read as lists

from medrec.core.records.canonical import canonical
from medrec.core.records.datatypes import cut
from medrec.core.records.reading import Around
from medrec.core.records.table import understand
from medrec.core.records.understood import MedicineDetail, NoteCode, Understood
from medrec.node.terminology.shipped import shipped

KINDS: dict[str, dict[str, Any]] = {
    "MedicationRequest": {"status": "active", "intent": "order", "authoredOn": "2025-10-01"},
    "MedicationStatement": {"status": "active", "dateAsserted": "2025-10-01"},
    "MedicationDispense": {"status": "completed", "whenHandedOver": "2025-10-01"},
    "MedicationAdministration": {"status": "completed", "effectiveDateTime": "2025-10-01"},
}
ENDS = [
    "not taken",
    "HELD",
    "patient refused",
    "patient stopped 3/2025",
    "Patient cannot take acetaminophen",
    "dose withheld",
]


def record(kind: str, **more: Any) -> dict[str, Any]:
    return (
        {"resourceType": kind, "id": kind, "medicationCodeableConcept": {"text": "lisinopril 20 mg"}}
        | KINDS[kind]
        | more
    )


def reads(value: dict[str, Any]) -> Understood:
    return understand(value, Around(shipped()))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("words", [*ENDS, "watch the potassium"])
def test_a_remark_stands_in_both_lines_and_is_marked(kind: str, words: str) -> None:
    found = reads(record(kind, note=[{"text": words}]))
    assert words in found.plain and words in found.clinical
    assert NoteCode.REMARK in [note.code for note in found.notes]
    assert (
        found.status == "active" if kind in ("MedicationRequest", "MedicationStatement") and words not in ENDS else True
    )
    assert words not in ENDS or found.status != "active"


@pytest.mark.parametrize("kind", ["MedicationDispense", "MedicationAdministration"])
@pytest.mark.parametrize("words", ENDS)
def test_what_was_not_taken_is_neither_a_fill_nor_a_dose(kind: str, words: str) -> None:
    detail = reads(record(kind, note=[{"text": words}])).detail
    assert isinstance(detail, MedicineDetail) and detail.not_taken
    (row,) = lists(record(kind, note=[{"text": words}])).medicines
    assert row.lines[0].says == "withheld" and row.status == "unknown"


@pytest.mark.parametrize(
    ("kind", "status", "says"),
    [
        ("MedicationDispense", "completed", "filled"), ("MedicationDispense", "declined", "withheld"),
        ("MedicationDispense", "cancelled", "withheld"), ("MedicationDispense", "preparation", "withheld"),
        ("MedicationAdministration", "completed", "given"), ("MedicationAdministration", "not-done", "withheld"),
    ],
)  # fmt: skip
def test_what_was_never_handed_out_is_not_called_so(kind: str, status: str, says: str) -> None:
    """Nor does it keep an order from counting as not confirmed, or stand against an end."""
    (row,) = lists(record(kind, status=status)).medicines
    assert row.lines[0].says == says
    if kind == "MedicationDispense":
        old = order("lisinopril 20 mg", authoredOn="2022-01-01", id="old")
        (row,) = lists(old, record(kind, status=status)).medicines
        assert row.status == ("active" if says == "filled" else "unknown")


def test_the_reason_why_nothing_was_handed_out_is_shown() -> None:
    found = reads(
        record("MedicationDispense", status="declined", statusReasonCodeableConcept={"text": "Patient declined"})
    )
    assert "Patient declined" in found.plain


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (
            {"resourceType": "Goal", "description": {"text": "HbA1c < 7"}, "lifecycleStatus": "accepted"},
            "Goal: HbA1c < 7",
        ),
        (
            {"resourceType": "ServiceRequest", "code": {"text": "Bench Press (regime/therapy)"}},
            "Service request: Bench Press",
        ),
        (
            {"resourceType": "Device", "text": {"div": "<div>Generated Narrative with Details id: f001</div>"}},
            "Device",
        ),
        ({"resourceType": "Device", "deviceName": [{"name": "Pacemaker X"}]}, "Device: Pacemaker X"),
    ],
)
def test_a_type_without_a_reader_is_called_by_its_words_and_by_no_markup(value: dict[str, Any], line: str) -> None:
    plain = reads(value | {"id": "x"}).plain
    assert plain.partition(", ")[0] == line


def test_a_cut_is_at_a_word_and_marked() -> None:
    assert cut("a walk up and down a big hill", 15) == "a walk up and …" and cut("a walk", 15) == "a walk"
    assert len(cut("x" * 50, 20)) <= 21
    plan = {
        "resourceType": "CarePlan",
        "id": "p",
        "status": "active",
        "activity": [{"detail": {"description": "walk " * 40}}],
    }
    assert reads(plan).plain.count("…") == 1


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("21.484823394184154", "about 21.48"), ("0.000512345", "about 0.0005"), ("7.4", "7.4"), ("120", "120"),
        ("0.00000012", "0.00000012"),
    ],
)  # fmt: skip
def test_a_number_with_many_decimals_is_said_shortly(value: str, shown: str) -> None:
    raw = '{"resourceType":"Observation","id":"o","status":"final","code":{"text":"Ratio"},"valueQuantity":'
    found = canonical(f'{raw}{{"value":{value},"unit":"mg/g"}}}}'.encode())
    assert f"Ratio: {shown} mg/g" in reads(found.value).plain
