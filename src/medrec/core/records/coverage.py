"""Coverage: who pays (hl7.org/fhir/R4/coverage.html)."""

from medrec.core.records import datatypes
from medrec.core.records.canonical import Value
from medrec.core.records.datatypes import concept, many, text, untagged
from medrec.core.records.event import FINANCIAL, event
from medrec.core.records.reading import Around, Marks, key_of
from medrec.core.records.understood import Understood


def read(record: Value, around: Around) -> Understood:
    """Understand a Coverage. The subscriber's number is not shown in the line."""
    marks = Marks(record, around)
    kind = concept(record, "type")
    for coding in kind.codings:
        marks.code(coding)
    payer = next((name for item in many(record, "payor") if (name := text(item, "display"))), "")
    start, end = datatypes.period(record, "period")
    marks.crossed(start, end)
    plan = next((text(item, "name") or text(item, "value") for item in many(record, "class")), "")
    about = datatypes.joined(untagged(kind.label), payer if payer != kind.label else "", plan)
    return event(
        record,
        marks,
        kind="Coverage",
        code=kind,
        name="Insurance",
        span=(start, end),
        statuses=FINANCIAL,
        plain=datatypes.joined(about, f"until {end.plain}" if end is not None else ""),
        clinical=datatypes.joined(about, f"to {end.text[:10]}" if end is not None else ""),
        by=payer,
        key=key_of("coverage", kind, payer.lower(), start.text[:10] if start is not None else ""),
        understood=True,
    )
