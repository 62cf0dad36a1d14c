"""DiagnosticReport: a laboratory, imaging or other report (hl7.org/fhir/R4/diagnosticreport.html)."""

from medrec.core.records import datatypes
from medrec.core.records.canonical import Value
from medrec.core.records.datatypes import concept, concepts, many, text, untagged
from medrec.core.records.event import RESULTS, dates, event
from medrec.core.records.reading import Around, Marks
from medrec.core.records.understood import Understood


def read(record: Value, around: Around) -> Understood:
    """Understand a DiagnosticReport."""
    marks = Marks(record, around)
    code = concept(record, "code")
    name = marks.name(code, "report")
    span = dates(record, "effective", "date of the report", marks)
    results = many(record, "result")
    named = [text(item, "display") for item in results if text(item, "display")]
    count = f"{len(results)} result{'' if len(results) == 1 else 's'}" if results else ""
    conclusion = datatypes.cut(text(record, "conclusion"), 160)
    coded = ", ".join(untagged(found.label) for found in concepts(record, "conclusionCode") if found.label)
    coded = datatypes.cut(coded, 160)
    listed = ", ".join(named[:6]) + (f" and {len(named) - 6} more" if len(named) > 6 else "")
    return event(
        record,
        marks,
        kind="Report",
        code=code,
        name=name,
        span=span,
        recorded=marks.date(record, "issued", "date of issue"),
        statuses=RESULTS,
        plain=datatypes.joined(conclusion or coded, count, by="; "),
        clinical=datatypes.joined(conclusion or coded, listed or count, by="; "),
        by=next((name for item in many(record, "performer") if (name := text(item, "display"))), ""),
    )
