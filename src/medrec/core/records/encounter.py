"""Encounter: a visit or a stay (hl7.org/fhir/R4/encounter.html)."""

from medrec.core.records import datatypes
from medrec.core.records.canonical import Value
from medrec.core.records.datatypes import NOTHING, concepts, one, text, untagged, who
from medrec.core.records.event import event
from medrec.core.records.reading import Around, Marks, key_of
from medrec.core.records.understood import NoteCode, Status, Understood

STATUS: dict[str, tuple[Status, str]] = {
    "planned": ("unknown", "planned"),
    "arrived": ("active", "arrived"),
    "triaged": ("active", "triaged"),
    "in-progress": ("active", "going on"),
    "onleave": ("active", "on leave"),
    "finished": ("stopped", "finished"),
    "cancelled": ("stopped", "cancelled"),
    "entered-in-error": ("stopped", "entered in error"),
    "unknown": ("unknown", "status unknown"),
}
_CLASSES = {
    "AMB": "Visit", "EMER": "Emergency visit", "IMP": "Hospital stay", "ACUTE": "Hospital stay", "NONAC":
    "Hospital stay", "SS": "Short stay", "HH": "Home visit", "VR": "Virtual visit", "OBSENC": "Observation stay",
    "FLD": "Visit in the field", "PRENC": "Visit before admission", "ambulatory": "Visit",
    "emergency": "Emergency visit",
    "inpatient": "Hospital stay", "outpatient": "Visit", "wellness": "Check-up", "urgentcare": "Urgent visit",
}  # fmt: skip


def read(record: Value, around: Around) -> Understood:
    """Understand an Encounter."""
    marks = Marks(record, around)
    kind = one(record, "class")
    code = next(iter(concepts(record, "type")), NOTHING)
    for coding in code.codings:
        marks.code(coding)
    what = _CLASSES.get(text(kind, "code")) or text(kind, "display").capitalize() or "Visit"
    start, end = datatypes.period(record, "period")
    if start is not None:
        marks.dated(start, "date of the visit", planned=text(record, "status") == "planned")
    else:
        marks.add(NoteCode.NO_DATE, "The record has no date of the visit.")
    marks.crossed(start, end)
    why = next((untagged(found.label) for found in concepts(record, "reasonCode") if found.label), "")
    about = untagged(code.label)
    until = f"until {end.plain}" if end is not None and start is not None and end.plain != start.plain else ""
    where = who(record, "serviceProvider")
    place = where if "/" not in where and not where.startswith("urn:") else ""
    return event(
        record,
        marks,
        kind="Encounter",
        code=code,
        name=what,
        span=(start, end),
        statuses=STATUS,
        plain=datatypes.joined(about, f"because of {why}" if why and why != about else "", place, until),
        clinical=datatypes.joined(
            about, f"for {why}" if why and why != about else "", text(kind, "code"), place, until
        ),
        by=where,
        key=key_of("encounter", code, start.text if start is not None else text(record, "id"), text(kind, "code")),
        understood=True,
    )
