"""FamilyMemberHistory: what a relative had or has (hl7.org/fhir/R4/familymemberhistory.html)."""

from medrec.core.records import datatypes
from medrec.core.records.canonical import Value
from medrec.core.records.datatypes import concept, flag, many, one, text, untagged
from medrec.core.records.event import event
from medrec.core.records.reading import Around, Marks, key_of
from medrec.core.records.understood import Status, Understood

STATUS: dict[str, tuple[Status, str]] = {
    "partial": ("unknown", "partly known"),
    "completed": ("stopped", "completed"),
    "entered-in-error": ("stopped", "entered in error"),
    "health-unknown": ("unknown", "the relative's health is not known"),
}


def read(record: Value, around: Around) -> Understood:
    """Understand a FamilyMemberHistory. The line never says the relative's name."""
    marks = Marks(record, around)
    relation = concept(record, "relationship")
    name = untagged(marks.name(relation, "relative")).lower()
    conditions = many(record, "condition")
    had = [untagged(concept(item, "code").label) + _age(item) for item in conditions if concept(item, "code").label]
    for item in conditions:
        for coding in concept(item, "code").codings:
            marks.code(coding)
    died = flag(record, "deceasedBoolean") is True or bool(
        one(record, "deceasedAge") or text(record, "deceasedDate") or text(record, "deceasedString")
    )
    said = ", ".join(had) or "no conditions named"
    date = marks.date(record, "date", "date of the statement")
    problems = tuple(concept(item, "code") for item in conditions)
    codes = "+".join(sorted(c.code for found in problems for c in found.codings if c.code))
    return event(
        record,
        marks,
        kind="Family history",
        code=relation,
        name=f"Family history, {name}" if name else "Family history",
        span=(date, None),
        recorded=date,
        statuses=STATUS,
        plain=datatypes.joined(said, "has died" if died else ""),
        clinical=datatypes.joined(said, "deceased" if died else ""),
        key=key_of("family", relation, codes or said.lower()),
        codes=problems,
    )


def _age(condition: Value) -> str:
    age = one(condition, "onsetAge")
    years = datatypes.decimal(age, "value")
    if years and text(age, "code") in ("a", "") and text(age, "unit") in ("a", "yr", "years", "year", ""):
        return f" at {years}"
    said = text(condition, "onsetString")
    return f" ({datatypes.cut(said, 40)})" if said else ""
