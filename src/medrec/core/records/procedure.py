"""Procedure: something that was done to somebody (hl7.org/fhir/R4/procedure.html)."""

from medrec.core.records import datatypes
from medrec.core.records.canonical import Value
from medrec.core.records.datatypes import concept, concepts, many, untagged, who
from medrec.core.records.event import DONE, dates, event
from medrec.core.records.reading import Around, Marks
from medrec.core.records.understood import Understood


def read(record: Value, around: Around) -> Understood:
    """Understand a Procedure."""
    marks = Marks(record, around)
    code = concept(record, "code")
    name = marks.name(code, "procedure")
    span = dates(record, "performed", "date of the procedure", marks)
    sites = ", ".join(untagged(found.label) for found in concepts(record, "bodySite") if found.label)
    why = ", ".join(untagged(found.label) for found in concepts(record, "reasonCode") if found.label)
    outcome = untagged(concept(record, "outcome").label)
    return event(
        record,
        marks,
        kind="Procedure",
        code=code,
        name=name,
        span=span,
        statuses=DONE,
        plain=datatypes.joined(sites, f"because of {why}" if why else "", outcome),
        clinical=datatypes.joined(sites, f"for {why}" if why else "", outcome),
        by=next((name for item in many(record, "performer") if (name := who(item, "actor"))), ""),
    )
