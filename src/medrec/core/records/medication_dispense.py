"""MedicationDispense: a pharmacy handed it out (hl7.org/fhir/R4/medicationdispense.html).

A fill is not proof of use and its end no stop: the status of a dispense is `unknown` unless it never happened.
"""

from medrec.core.records import course_length, medicine, sig
from medrec.core.records.canonical import Value
from medrec.core.records.datatypes import decimal, joined, many, one, text, who
from medrec.core.records.medication_request import after_remark, clinical_line, plain_line, status_of
from medrec.core.records.reading import Around, Marks, person_of
from medrec.core.records.understood import NoteCode, Status, Understood

STATUS: dict[str, tuple[Status, str]] = {
    "preparation": ("unknown", "being prepared"),
    "in-progress": ("unknown", "being handed out"),
    "cancelled": ("unknown", "not handed out"),
    "on-hold": ("unknown", "on hold at the pharmacy"),
    "completed": ("unknown", "handed out"),
    "entered-in-error": ("stopped", "entered in error"),
    "stopped": ("unknown", "no more handed out"),
    "declined": ("unknown", "declined"),
    "unknown": ("unknown", "status unknown"),
}
_NEVER = frozenset({"preparation", "cancelled", "on-hold", "declined"})
"""Nothing was handed out (yet)."""


def read(record: Value, around: Around) -> Understood:
    """Understand a MedicationDispense."""
    marks = Marks(record, around)
    found = medicine.product(record, marks)
    told = medicine.told_of(many(record, "dosageInstruction"), found, marks)
    status, reason = status_of(record, STATUS, marks)
    prepared = marks.date(record, "whenPrepared", "date of preparation")
    handed = marks.date(record, "whenHandedOver", "date of handing over")
    when = handed or prepared
    if when is None:
        marks.add(NoteCode.NO_DATE, "The record does not say when it was handed out.")
    remark = marks.remark(record)
    after_remark(status, reason, remark, marks)
    supply = course_length.days(one(record, "daysSupply"))
    performer = next((name for item in many(record, "performer") if (name := who(item, "actor"))), "")
    never = text(record, "status") in _NEVER or sig.says_over(remark)
    detail = medicine.detail("dispense", found, told, marks, days_supply=supply, not_taken=never)
    quantity = one(record, "quantity")
    amount = f"{decimal(quantity, 'value')} {text(quantity, 'unit') or text(quantity, 'code')}".strip()
    more = f"for {supply} day{'' if supply == '1' else 's'}" if supply else ""
    handed_out = f"{amount} {more}".strip()
    return Understood(
        type="MedicationDispense",
        id=text(record, "id"),
        person=person_of(record),
        codes=medicine.codings_of(found),
        when=when,
        until=None,
        recorded=when,
        status=status,
        status_reason=reason,
        key=medicine.key(found),
        plain=plain_line(detail.name, reason, when, told.sig, "active", "", more, remark),
        clinical=clinical_line("Dispensed", detail.name, joined(told.sig, remark, by="; "), reason, when, handed_out),
        understood=bool(found.ingredients or found.concept.label),
        by=performer,
        notes=marks.notes,
        detail=detail,
    )
