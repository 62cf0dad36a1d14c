"""DocumentReference: a document and, where it is text, its words (hl7.org/fhir/R4/documentreference.html)."""

import base64
import binascii

from medrec.core.records import datatypes
from medrec.core.records.canonical import Value
from medrec.core.records.datatypes import concept, many, one, text, untagged
from medrec.core.records.event import event
from medrec.core.records.reading import Around, Marks, key_of
from medrec.core.records.understood import Status, Understood

STATUS: dict[str, tuple[Status, str]] = {
    "current": ("stopped", "final"),
    "superseded": ("stopped", "replaced by a newer one"),
    "entered-in-error": ("stopped", "entered in error"),
}
_TEXT_MAX = 1 << 20
_SHOWN = 120


def read(record: Value, around: Around) -> Understood:
    """Understand a DocumentReference."""
    marks = Marks(record, around)
    code = concept(record, "type")
    for coding in code.codings:
        marks.code(coding)
    attachment = one(one(record, "content"), "attachment")
    title = text(attachment, "title") or text(record, "description") or untagged(code.label)
    date = marks.date(record, "date", "date of the document")
    start, _ = datatypes.period(one(record, "context"), "period")
    note = datatypes.one_line(note_text(record))
    begins = note if len(note) <= _SHOWN else note[:_SHOWN].rstrip() + " …"
    kind = text(attachment, "contentType").partition(";")[0]
    return event(
        record,
        marks,
        kind="Document",
        code=code,
        name=datatypes.cut(title, 120) or "A document",
        span=(start or date, None),
        recorded=date,
        statuses=STATUS,
        plain=f'begins "{begins}"' if begins else "open it to read",
        clinical=f'"{begins}"' if begins else f"[{kind}]" if kind else "",
        by=next((name for item in many(record, "author") if (name := text(item, "display"))), ""),
        key=key_of("document", code, _identity(record, date.text if date is not None else "")),
        understood=bool(title or begins),
    )


def note_text(record: Value) -> str:
    """The words of the document where it carries them as text; empty when it does not or they are unreadable."""
    for content in many(record, "content"):
        attachment = one(content, "attachment")
        kind = text(attachment, "contentType").lower()
        data = text(attachment, "data")
        if kind.startswith("text/") and 0 < len(data) <= _TEXT_MAX:
            try:
                words = base64.b64decode(data, validate=True).decode("utf-8")
            except (binascii.Error, ValueError):
                continue
            return datatypes.unmarked(words) if "html" in kind else words
    return ""


def _identity(record: Value, otherwise: str) -> str:
    """What the sender calls the document, so that two copies are one."""
    master = text(one(record, "masterIdentifier"), "value")
    return master or otherwise or text(record, "id")
