"""MedicationStatement: what somebody says is, was or will be taken (hl7.org/fhir/R4/medicationstatement.html)."""

from medrec.core.records import datatypes, medicine
from medrec.core.records.canonical import Value
from medrec.core.records.datatypes import joined, many, text, who
from medrec.core.records.medication_request import (
    after_directions,
    after_name,
    after_remark,
    clinical_line,
    plain_line,
    reasons,
    status_of,
)
from medrec.core.records.reading import Around, Marks, person_of
from medrec.core.records.understood import NoteCode, Status, Understood

STATUS: dict[str, tuple[Status, str]] = {
    "active": ("active", "taken"),
    "completed": ("stopped", "completed"),
    "entered-in-error": ("stopped", "entered in error"),
    "intended": ("unknown", "intended"),
    "stopped": ("stopped", "stopped"),
    "on-hold": ("unknown", "on hold"),
    "unknown": ("unknown", "status unknown"),
    "not-taken": ("stopped", "not taken"),
}
_WHAT = {"active": "taken", "not-taken": "not taken", "intended": "to be taken", "stopped": "stopped"}


def read(record: Value, around: Around) -> Understood:
    """Understand a MedicationStatement."""
    marks = Marks(record, around)
    found = medicine.product(record, marks)
    told = medicine.told_of(many(record, "dosage"), found, marks)
    status, reason = status_of(record, STATUS, marks)
    at, end = datatypes.period(record, "effectivePeriod")
    start = marks.date(record, "effectiveDateTime", "date of use") or at
    if at is not None:
        marks.dated(at, "start of use")
    marks.crossed(start, end)
    asserted = marks.date(record, "dateAsserted", "date of the statement")
    now = around.now_ms
    if status == "active" and end is not None and now is not None and end.end_ms <= now:
        marks.add(NoteCode.STATUS_CONFLICT, f"The record says that it is taken, and that this ended {end.plain}.")
        status, reason = "unknown", f"said to be taken, ended {end.plain}"
    if start is None and asserted is None:
        marks.add(NoteCode.NO_DATE, "The record does not say when it was taken or when this was said.")
    status, reason = after_directions(status, reason, told, marks)
    remark = marks.remark(record)
    status, reason = after_remark(status, reason, remark, marks)
    status, reason = after_name(status, reason, found, marks)
    source = who(record, "informationSource")
    detail = medicine.detail(
        "statement",
        found,
        told,
        marks,
        not_taken=text(record, "status") == "not-taken",
        reasons=reasons(record),
        reported=True,
        asserter=source,
    )
    what = _WHAT.get(text(record, "status"), "taken or meant to be")
    return Understood(
        type="MedicationStatement",
        id=text(record, "id"),
        person=person_of(record),
        codes=medicine.codings_of(found),
        when=start,
        until=end or told.end,
        recorded=asserted,
        status=status,
        status_reason=reason,
        key=medicine.key(found),
        plain=plain_line(
            detail.name, what, start or asserted, told.sig, status, "" if what == reason else reason, remark=remark
        ),
        clinical=clinical_line("Reported", detail.name, joined(told.sig, remark, by="; "), reason, asserted or start),
        understood=bool(found.ingredients or found.concept.label),
        by=source,
        notes=marks.notes,
        detail=detail,
    )
