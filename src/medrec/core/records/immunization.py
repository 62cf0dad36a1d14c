"""Immunization: a vaccine was given, or was not (hl7.org/fhir/R4/immunization.html)."""

from medrec.core.records import datatypes
from medrec.core.records.canonical import Value
from medrec.core.records.datatypes import concept, many, one, text, who
from medrec.core.records.event import dates, event
from medrec.core.records.reading import Around, Marks
from medrec.core.records.understood import Status, Understood

STATUS: dict[str, tuple[Status, str]] = {
    "completed": ("stopped", "completed"),
    "not-done": ("stopped", "not given"),
    "entered-in-error": ("stopped", "entered in error"),
}


def read(record: Value, around: Around) -> Understood:
    """Understand an Immunization."""
    marks = Marks(record, around)
    code = concept(record, "vaccineCode")
    name = marks.name(code, "vaccine")
    span = dates(record, "occurrence", "date of the vaccination", marks)
    protocol = one(record, "protocolApplied")
    number = datatypes.decimal(protocol, "doseNumberPositiveInt") or text(protocol, "doseNumberString")
    why = concept(record, "statusReason").label
    reported = datatypes.flag(record, "primarySource") is False
    lot = text(record, "lotNumber")
    return event(
        record,
        marks,
        kind="Immunization",
        code=code,
        name=name if "vaccin" in name.lower() else f"Vaccine {name}" if name else "",
        span=span,
        recorded=marks.date(record, "recorded", "date of recording"),
        statuses=STATUS,
        plain=datatypes.joined(f"dose {number}" if number else "", why, "as reported" if reported else ""),
        clinical=datatypes.joined(
            f"dose {number}" if number else "", f"lot {lot}" if lot else "", why, "reported" if reported else ""
        ),
        by=next((name for item in many(record, "performer") if (name := who(item, "actor"))), ""),
    )
