"""What records of events have in common: a name, a date, a status table, a key of code and day, and two lines."""

from medrec.core.records import datatypes
from medrec.core.records.canonical import Value
from medrec.core.records.datatypes import Concept, text, untagged
from medrec.core.records.dates import ClinicalDate
from medrec.core.records.medication_request import status_of
from medrec.core.records.reading import Marks, codes_of, key_of, person_of
from medrec.core.records.understood import NoteCode, Status, Understood

Dates = tuple[ClinicalDate | None, ClinicalDate | None]


def dates(record: Value, stem: str, called: str, marks: Marks) -> Dates:
    """effective[x], performed[x], occurrence[x]: the date or the period, checked; notes where there is none."""
    at = marks.date(record, f"{stem}DateTime", called) or marks.date(record, f"{stem}Instant", called)
    start, end = datatypes.period(record, f"{stem}Period")
    if at is None and start is not None:
        marks.dated(start, called)
    marks.crossed(start, end)
    said = text(record, f"{stem}String")
    if at is None and start is None and end is None:
        if said:
            marks.add(NoteCode.BAD_DATE, f'The {called} is given in words: "{datatypes.one_line(said)[:80]}".')
        else:
            marks.add(NoteCode.NO_DATE, f"The record has no {called}.")
    return at or start or end, end


def event(
    record: Value,
    marks: Marks,
    *,
    kind: str,
    code: Concept,
    name: str,
    span: Dates,
    statuses: dict[str, tuple[Status, str]],
    recorded: ClinicalDate | None = None,
    plain: str = "",
    clinical: str = "",
    by: str = "",
    key: str = "",
    codes: tuple[Concept, ...] = (),
    understood: bool | None = None,
) -> Understood:
    """Put an event together. `plain` and `clinical` are what is said between name and date; `by` who did it."""
    status, reason = status_of(record, statuses, marks)
    when, until = span
    shown = untagged(name) or _unnamed(record, kind, marks)
    if not any(sign.isalpha() for sign in shown):
        shown = f"{kind} {shown}"
    day = when.text[:10] if when is not None else ""
    # A thing done as planned needs no word for it; everything else is said.
    stands = "" if reason in ("completed", "final", "finished", "active") else reason
    return Understood(
        type=text(record, "resourceType"),
        id=text(record, "id"),
        person=person_of(record),
        codes=codes_of(code, *codes),
        when=when,
        until=until,
        recorded=recorded,
        status=status,
        status_reason=reason,
        key=key or key_of(kind.lower().replace(" ", "-"), code, day or text(record, "id")),
        plain=datatypes.one_line(datatypes.joined(shown + (f": {plain}" if plain else ""), _day(when), stands)),
        clinical=datatypes.one_line(f"{shown}{f' {clinical}' if clinical else ''} ({datatypes.joined(day, reason)})"),
        understood=bool(code.label) if understood is None else understood,
        by=by,
        notes=marks.notes,
    )


def _unnamed(record: Value, kind: str, marks: Marks) -> str:
    """What to call a record without a name: the beginning of its narrative, said to be that."""
    words = datatypes.cut(datatypes.narrative(record), 120)
    if not words:
        return f"{kind} that is not named"
    marks.add(NoteCode.TEXT_ONLY, "The record names nothing by code; its own words are shown.")
    return f"{kind}, in its own words: {words}"


def _day(when: ClinicalDate | None) -> str:
    return when.plain if when is not None else ""


DONE: dict[str, tuple[Status, str]] = {
    "preparation": ("unknown", "planned"),
    "planned": ("unknown", "planned"),
    "in-progress": ("active", "going on"),
    "not-done": ("stopped", "not done"),
    "on-hold": ("unknown", "on hold"),
    "stopped": ("stopped", "broken off"),
    "completed": ("stopped", "completed"),
    "entered-in-error": ("stopped", "entered in error"),
    "unknown": ("unknown", "status unknown"),
}
"""The statuses of R4's event pattern."""

RESULTS: dict[str, tuple[Status, str]] = {
    "registered": ("unknown", "no result yet"),
    "partial": ("unknown", "partial result"),
    "preliminary": ("unknown", "preliminary"),
    "final": ("stopped", "final"),
    "amended": ("stopped", "amended"),
    "corrected": ("stopped", "corrected"),
    "appended": ("stopped", "added to"),
    "cancelled": ("stopped", "cancelled"),
    "entered-in-error": ("stopped", "entered in error"),
    "unknown": ("unknown", "status unknown"),
}
"""The statuses of observations and reports."""

FINANCIAL: dict[str, tuple[Status, str]] = {
    "active": ("active", "active"),
    "cancelled": ("stopped", "cancelled"),
    "draft": ("unknown", "a draft"),
    "entered-in-error": ("stopped", "entered in error"),
}
"""The statuses of R4's financial records."""
