"""ExplanationOfBenefit: what a payer decided, at summary level (hl7.org/fhir/R4/explanationofbenefit.html)."""

from medrec.core.records import datatypes
from medrec.core.records.canonical import Value
from medrec.core.records.claim import identity, items, money, when
from medrec.core.records.datatypes import concept, many, one, text, who
from medrec.core.records.event import FINANCIAL, event
from medrec.core.records.reading import Around, Marks
from medrec.core.records.understood import Understood

_OUTCOMES = {"queued": "queued", "complete": "decided", "error": "refused for an error", "partial": "partly decided"}


def read(record: Value, around: Around) -> Understood:
    """Understand an ExplanationOfBenefit."""
    marks = Marks(record, around)
    kind = concept(record, "type")
    outcome = _OUTCOMES.get(text(record, "outcome"), text(record, "outcome")[:40])
    paid = money(one(one(record, "payment"), "amount"))
    totals = [
        f"{concept(item, 'category').label} {money(one(item, 'amount'))}".strip() for item in many(record, "total")
    ]
    said = datatypes.joined(items(record), outcome, f"paid {paid}" if paid else "")
    return event(
        record,
        marks,
        kind="Benefit",
        code=kind,
        name="Insurer's statement" + (f" ({kind.label})" if kind.label else ""),
        span=when(record, marks),
        recorded=marks.date(record, "created", "date of the statement"),
        statuses=FINANCIAL,
        plain=said,
        clinical=datatypes.joined(said, *totals),
        by=text(one(record, "insurer"), "display") or who(record, "insurer"),
        key=identity(record, "benefit"),
        codes=tuple(concept(item, "productOrService") for item in many(record, "item")),
        understood=True,
    )
