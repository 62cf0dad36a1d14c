"""MedicationAdministration: a dose was given, or was not (hl7.org/fhir/R4/medicationadministration.html).

A dose given says nothing about the next one: the status is `active` only while it runs.
"""

from medrec.core.records import datatypes, dosage, medicine
from medrec.core.records.canonical import Value
from medrec.core.records.datatypes import joined, many, one, text, who
from medrec.core.records.medication_request import after_remark, clinical_line, plain_line, reasons, status_of
from medrec.core.records.reading import Around, Marks, person_of
from medrec.core.records.sig import says_over
from medrec.core.records.understood import NoteCode, Status, Understood

STATUS: dict[str, tuple[Status, str]] = {
    "in-progress": ("active", "being given"),
    "not-done": ("unknown", "not given"),
    "on-hold": ("unknown", "on hold"),
    "completed": ("unknown", "given"),
    "entered-in-error": ("stopped", "entered in error"),
    "stopped": ("stopped", "stopped while given"),
    "unknown": ("unknown", "status unknown"),
}


def read(record: Value, around: Around) -> Understood:
    """Understand a MedicationAdministration."""
    marks = Marks(record, around)
    found = medicine.product(record, marks)
    given = one(record, "dosage")
    told = dosage.directions([given] if given else [], marks)
    if told.times_per_day is None:
        # One dose needs no "how often".
        marks = _without_dose_notes(marks, record, around)
    status, reason = status_of(record, STATUS, marks)
    remark = marks.remark(record)
    status, reason = after_remark(status, reason, remark, marks)
    at, end = datatypes.period(record, "effectivePeriod")
    when = marks.date(record, "effectiveDateTime", "time of the dose") or at
    marks.crossed(at, end)
    if when is None:
        marks.add(NoteCode.NO_DATE, "The record does not say when it was given.")
    by = next((name for item in many(record, "performer") if (name := who(item, "actor"))), "")
    detail = medicine.detail(
        "administration",
        found,
        told,
        marks,
        not_taken=text(record, "status") in ("not-done", "on-hold") or says_over(remark),
        reasons=reasons(record),
    )
    how = told.sig or (dosage.amount_in_words(told.dose) if told.dose else "")
    return Understood(
        type="MedicationAdministration",
        id=text(record, "id"),
        person=person_of(record),
        codes=medicine.codings_of(found),
        when=when,
        until=end,
        recorded=when,
        status=status,
        status_reason=reason,
        key=medicine.key(found),
        plain=plain_line(detail.name, reason, when, how, "active", "", remark=remark),
        clinical=clinical_line("Given", detail.name, joined(how, remark, by="; "), reason, when),
        understood=bool(found.ingredients or found.concept.label),
        by=by,
        notes=marks.notes,
        detail=detail,
    )


def _without_dose_notes(marks: Marks, record: Value, around: Around) -> Marks:
    kept = Marks(record, around)
    for note in marks.notes:
        if note.code not in (NoteCode.DOSE_PARTLY, NoteCode.DOSE_NOT_UNDERSTOOD):
            kept.add(note.code, note.text)
    return kept
