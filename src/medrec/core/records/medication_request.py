"""MedicationRequest: a prescription, or a plan or proposal of one (hl7.org/fhir/R4/medicationrequest.html)."""

import re

from medrec.core.records import course_length, datatypes, dosage, medicine, name_denied, sig
from medrec.core.records.canonical import Value
from medrec.core.records.datatypes import concepts, joined, many, one, text, who
from medrec.core.records.dates import ClinicalDate
from medrec.core.records.general import names_nothing
from medrec.core.records.reading import Around, Marks, person_of
from medrec.core.records.understood import NoteCode, Status, Understood

STATUS: dict[str, tuple[Status, str]] = {
    "active": ("active", "active"),
    "on-hold": ("unknown", "on hold"),
    "cancelled": ("stopped", "cancelled"),
    "completed": ("stopped", "completed"),
    "entered-in-error": ("stopped", "entered in error"),
    "stopped": ("stopped", "stopped"),
    "draft": ("unknown", "a draft"),
    "unknown": ("unknown", "status unknown"),
}
_ORDER = re.compile(r"(?:MedicationRequest/|urn:uuid:)([A-Za-z0-9\-.]{1,64})(?:/_history/[^/?#\s]*)?")
# Intents of which nobody has yet ordered anything.
_NOT_ORDERED = {"proposal": "only proposed", "option": "one option of several"}


def read(record: Value, around: Around) -> Understood:
    """Understand a MedicationRequest."""
    marks = Marks(record, around)
    found = medicine.product(record, marks)
    told = medicine.told_of(many(record, "dosageInstruction"), found, marks)
    status, reason = status_of(record, STATUS, marks)
    intent = text(record, "intent")
    if status == "active" and intent in _NOT_ORDERED:
        status, reason = "unknown", _NOT_ORDERED[intent]
    status, reason = after_directions(status, reason, told, marks)
    remark = marks.remark(record)
    status, reason = after_remark(status, reason, remark, marks)
    status, reason = after_name(status, reason, found, marks)
    never = datatypes.flag(record, "doNotPerform") is True
    if never:
        status, reason = "stopped", "an order not to give it"
    authored = marks.date(record, "authoredOn", "date of the prescription")
    if authored is None and "authoredOn" not in record:
        marks.add(NoteCode.NO_DATE, "The record does not say when it was prescribed.")
    supply = one(record, "dispenseRequest")
    start = told.start or authored
    end = told.end or datatypes.period(supply, "validityPeriod")[1]
    end = end or course_length.end_of(record, start, told.times_per_day)
    marks.crossed(start, told.end)
    by = who(record, "requester")
    detail = medicine.detail(
        "order",
        found,
        told,
        marks,
        intent=intent,
        do_not_take=never,
        days_supply=course_length.days(one(supply, "expectedSupplyDuration")),
        lasting=course_length.lasts(record),
        reasons=reasons(record),
        reported=datatypes.flag(record, "reportedBoolean") is True or bool(one(record, "reportedReference")),
        recorder=who(record, "recorder"),
        asserter=who(record, "reportedReference"),
        group=_group(record),
        replaces=_replaces(record),
    )
    what = "do not take" if never else "proposed" if intent in _NOT_ORDERED else "prescribed"
    return Understood(
        type="MedicationRequest",
        id=text(record, "id"),
        person=person_of(record),
        codes=medicine.codings_of(found),
        when=start,
        until=end,
        recorded=authored,
        status=status,
        status_reason=reason,
        key=medicine.key(found),
        plain=plain_line(detail.name, what, authored or start, told.sig, status, reason, remark=remark),
        clinical=clinical_line("Rx", detail.name, joined(told.sig, remark, by="; "), reason, authored or start, intent),
        understood=bool(found.ingredients or found.concept.label),
        by=by,
        notes=marks.notes,
        detail=detail,
    )


def _replaces(record: Value) -> str:
    """The id of the order in whose place this one stands; of another server's nothing."""
    found = _ORDER.fullmatch(text(one(record, "priorPrescription"), "reference"))
    return found[1] if found is not None and found[1] != text(record, "id") else ""


def _group(record: Value) -> str:
    """What all orders of one prescription share, which one author wrote (groupIdentifier)."""
    named = one(record, "groupIdentifier")
    return f"{text(named, 'system')}|{text(named, 'value')}" if text(named, "value") else ""


def status_of(record: Value, table: dict[str, tuple[Status, str]], marks: Marks) -> tuple[Status, str]:
    """The three-valued status of a record and the words for it; notes where it is absent or no code of R4."""
    code = text(record, "status")
    if code in table:
        if code == "entered-in-error":
            marks.add(NoteCode.ENTERED_IN_ERROR, "The source says that this was entered by mistake.")
        return table[code]
    if code:
        marks.add(NoteCode.UNKNOWN_STATUS, f'The status "{datatypes.one_line(code)[:40]}" is not one that FHIR knows.')
        return "unknown", "status not understood"
    marks.add(NoteCode.NO_STATUS, "The record does not say whether this goes on.")
    return "unknown", "no status given"


def after_directions(status: Status, reason: str, told: dosage.Directions, marks: Marks) -> tuple[Status, str]:
    """A status where the directions say not to take it: who calls it active then says two things."""
    if status != "active" or not told.over:
        return status, reason
    marks.add(NoteCode.STATUS_CONFLICT, "The record says that it is active, and its directions say not to take it.")
    return "unknown", "said to be active, with directions not to take it"


def after_name(status: Status, reason: str, found: medicine.Product, marks: Marks) -> tuple[Status, str]:
    """A status where what stands in place of the medicine says nothing, or that there is none, or its name that it is
    not taken, or where the medicine itself was entered by mistake."""
    if status != "active":
        return status, reason
    words = datatypes.one_line(found.concept.words)
    if found.in_error:
        marks.add(NoteCode.STATUS_CONFLICT, "The record points at a medicine that was entered by mistake.")
        return "unknown", "of a medicine that was entered by mistake"
    if name_denied.says_none(words):
        marks.add(NoteCode.STATUS_CONFLICT, f'The record says that "{words[:60]}" is taken.')
        return "unknown", "no medicine is named"
    if not found.ingredients and names_nothing(found.concept):
        marks.add(NoteCode.NO_CODE, f'The record does not say which: "{words[:60]}" is not understood.')
        return "unknown", "does not say which"
    if name_denied.says_not_taken(words, marks.around.terms):
        marks.add(NoteCode.STATUS_CONFLICT, f'The record says that it is active, and calls it "{words[:60]}".')
        return "unknown", "said to be active, by a name that says otherwise"
    return status, reason


def after_remark(status: Status, reason: str, remark: str, marks: Marks) -> tuple[Status, str]:
    """A status where something is written beside the record: where it says that this was stopped or is not taken, who
    calls it active says two things."""
    if status != "active" or not sig.says_over(remark):
        return status, reason
    marks.add(NoteCode.STATUS_CONFLICT, "The record says that it is active, and a remark that it is not taken.")
    return "unknown", "said to be active, with a remark that it is not taken"


def reasons(record: Value) -> tuple[str, ...]:
    """What the medicine is for, in the record's words."""
    words = [found.label for found in concepts(record, "reasonCode")]
    words += [text(item, "display") for item in many(record, "reasonReference")]
    return tuple({datatypes.one_line(word): None for word in words if word})


def plain_line(
    name: str,
    what: str,
    when: ClinicalDate | None,
    sig: str,
    status: Status,
    reason: str,
    by: str = "",
    remark: str = "",
) -> str:
    """One line for the person: the medicine, what happened, how to take it, how it stands, what stands beside it."""
    event = datatypes.joined(what, when.plain if when is not None else "", by, by=" ")
    stands = "" if status == "active" else reason
    return datatypes.one_line(
        datatypes.joined(name or "A medicine that is not named", event, sig, stands, remark, by="; ")
    )


def clinical_line(kind: str, name: str, sig: str, reason: str, when: ClinicalDate | None, more: str = "") -> str:
    """One line for a clinician: kind, name, directions, status and the date as written."""
    stands = datatypes.joined(reason, when.text[:10] if when is not None else "no date", more)
    return datatypes.one_line(f"{kind} {name or 'unnamed medicine'}{f': {sig}' if sig else ''} ({stands})")
