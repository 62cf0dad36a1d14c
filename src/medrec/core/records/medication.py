"""Medication: what a product is, apart from who takes it (hl7.org/fhir/R4/medication.html)."""

from medrec.core.records import datatypes, medicine
from medrec.core.records.canonical import Value
from medrec.core.records.datatypes import text
from medrec.core.records.dosage import NONE
from medrec.core.records.reading import Around, Marks
from medrec.core.records.understood import Status, Understood

STATUS: dict[str, tuple[Status, str]] = {
    "active": ("active", "available"),
    "inactive": ("stopped", "no longer available"),
    "entered-in-error": ("stopped", "entered in error"),
}


def read(record: Value, around: Around) -> Understood:
    """Understand a Medication. It has no date and often no status; neither is missed."""
    marks = Marks(record, around)
    found = medicine.of_medication(record, marks)
    status, reason = STATUS.get(text(record, "status"), ("unknown", "a product, not a prescription"))
    detail = medicine.detail("definition", found, NONE, marks)
    name = detail.name or "A medicine that is not named"
    made = datatypes.joined(", ".join(detail.ingredient_names), detail.form, by="; ")
    return Understood(
        type="Medication",
        id=text(record, "id"),
        person="",
        codes=medicine.codings_of(found),
        when=None,
        until=None,
        recorded=None,
        status=status,
        status_reason=reason,
        key=medicine.key(found),
        plain=datatypes.one_line(f"{name}: a medicine" + (f" ({made})" if made else "")),
        clinical=datatypes.one_line(f"Product {name}" + (f" ({made})" if made else "")),
        understood=bool(found.ingredients or found.concept.label),
        by=datatypes.who(record, "manufacturer"),
        notes=marks.notes,
        detail=detail,
    )
