"""CarePlan: what is meant to be done, for what (hl7.org/fhir/R4/careplan.html)."""

from medrec.core.records import datatypes
from medrec.core.records.canonical import Value
from medrec.core.records.datatypes import NOTHING, concept, concepts, many, one, text, untagged, who
from medrec.core.records.event import event
from medrec.core.records.reading import Around, Marks, key_of
from medrec.core.records.understood import Status, Understood

STATUS: dict[str, tuple[Status, str]] = {
    "draft": ("unknown", "a draft"),
    "active": ("active", "active"),
    "on-hold": ("unknown", "on hold"),
    "revoked": ("stopped", "called off"),
    "completed": ("stopped", "completed"),
    "entered-in-error": ("stopped", "entered in error"),
    "unknown": ("unknown", "status unknown"),
}
_ACTIVITIES_SHOWN = 4


def read(record: Value, around: Around) -> Understood:
    """Understand a CarePlan."""
    marks = Marks(record, around)
    categories = concepts(record, "category")
    code = categories[-1] if categories else NOTHING
    for coding in code.codings:
        marks.code(coding)
    title = text(record, "title") or untagged(code.label)
    start, end = datatypes.period(record, "period")
    marks.crossed(start, end)
    details = [one(item, "detail") for item in many(record, "activity")]
    doing = [
        untagged(concept(detail, "code").label) or datatypes.cut(text(detail, "description"), 80) for detail in details
    ]
    doing = [words for words in doing if words]
    shown = ", ".join(doing[:_ACTIVITIES_SHOWN])
    more = f" and {len(doing) - _ACTIVITIES_SHOWN} more" if len(doing) > _ACTIVITIES_SHOWN else ""
    about = datatypes.cut(text(record, "description"), 120)
    when = start or marks.date(record, "created", "date of the plan")
    return event(
        record,
        marks,
        kind="Care plan",
        code=code,
        name=f"Care plan {title}" if title and "plan" not in title.lower() else title or ("Care plan" if doing else ""),
        span=(when, end),
        recorded=marks.date(record, "created", "date of the plan"),
        statuses=STATUS,
        plain=datatypes.joined(about, shown + more, by="; "),
        clinical=datatypes.joined(about, shown + more, text(record, "intent"), by="; "),
        by=who(record, "author"),
        key=key_of("care-plan", code, start.text[:10] if start else text(record, "id")),
        understood=bool(title or doing or about),
    )
