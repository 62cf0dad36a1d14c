"""Any record of a type that has no reader of its own: its type, what its common elements say, and that it is so."""

import re

from medrec.core.records import datatypes
from medrec.core.records.canonical import Value
from medrec.core.records.datatypes import Concept, concept, concepts, text
from medrec.core.records.dates import ClinicalDate, clinical_date
from medrec.core.records.reading import Around, Marks, codes_of, person_of
from medrec.core.records.understood import NoteCode, Status, Understood

_CODES = ("code", "type", "serviceType", "vaccineCode", "category", "class", "serviceCategory", "topic")
_WORDS = ("title", "name", "description", "conclusion", "summary")
_DATES = (
    "effectiveDateTime", "occurrenceDateTime", "performedDateTime", "start", "date", "issued", "authoredOn", "created",
    "recorded", "recordedDate", "sent", "dateTime", "birthDate", "dateWritten", "startDate", "timestamp",
)  # fmt: skip
_PERIODS = ("effectivePeriod", "period", "occurrencePeriod", "performedPeriod", "servicedPeriod", "executionPeriod")
_OVER_WORDS = (
    "completed cancelled stopped inactive entered-in-error finished resolved final rejected revoked ended "
    "retired fulfilled noshow superseded replaced abandoned failed"
)
_OVER = frozenset(_OVER_WORDS.split())
_ON_WORDS = "active in-progress arrived planned on booked proposed accepted requested draft"
_ON = frozenset(_ON_WORDS.split())
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def read(record: Value, around: Around) -> Understood:
    """Understand what can be of a record of any type."""
    marks = Marks(record, around)
    kind = text(record, "resourceType") or "Record"
    marks.add(NoteCode.UNKNOWN_TYPE, f"Records of type {kind[:60]} are shown by their main elements only; open it.")
    code = _code(record)
    when, until = _dates(record, marks)
    status, reason = _status(record)
    words = datatypes.untagged(code.label or _words(record))
    title = type_in_words(kind)
    shown = datatypes.joined(title, words, by=": ")
    dated = when.plain if when is not None else ""
    coded = codes_of(code)
    tail = text(record, "id") if not coded else f"{coded[0].system}|{coded[0].code}/{when.text if when else ''}"
    return Understood(
        type=kind,
        id=text(record, "id"),
        person=person_of(record),
        codes=coded,
        when=when,
        until=until,
        recorded=None,
        status=status,
        status_reason=reason,
        key=f"{kind}/{tail or datatypes.one_line(words)}",
        plain=datatypes.one_line(datatypes.joined(shown, dated, reason)),
        clinical=datatypes.one_line(datatypes.joined(shown, when.text[:10] if when else "", reason)),
        understood=False,
        notes=marks.notes,
    )


def type_in_words(kind: str) -> str:
    """ "ImagingStudy" as "Imaging study"; a type that is no name of a type is called a record."""
    if re.fullmatch(r"[A-Za-z]{2,60}", kind) is None:
        return "Record"
    return _CAMEL.sub(" ", kind).capitalize()


def _code(record: Value) -> Concept:
    for key in _CODES:
        found = next((item for item in concepts(record, key) if item.label), None) or concept(record, key)
        if found.label:
            return found
    return datatypes.NOTHING


def _words(record: Value) -> str:
    """A title, a name, or the narrative; never a piece of the JSON."""
    for key in _WORDS:
        if found := text(record, key) or concept(record, key).label:
            return datatypes.one_line(found)
    name = datatypes.one(record, "name")
    human = text(name, "text") or " ".join((*datatypes.texts(name, "given"), text(name, "family"))).strip()
    called = human or next((text(each, "name") for each in datatypes.many(record, "deviceName")), "")
    narrative = datatypes.narrative(record)
    # What a program wrote from the elements alone ("Generated Narrative with Details id: f001") are no words.
    return called or ("" if narrative.startswith("Generated Narrative") else datatypes.cut(narrative, 200))


def _dates(record: Value, marks: Marks) -> tuple[ClinicalDate | None, ClinicalDate | None]:
    for key in _DATES:
        if found := clinical_date(record.get(key)):
            return marks.dated(found, "date", planned=True), None
    for key in _PERIODS:
        start, end = datatypes.period(record, key)
        if start or end:
            return start or end, end
    return None, None


def _status(record: Value) -> tuple[Status, str]:
    code = text(record, "status") or datatypes.code_of(record, "clinicalStatus") or text(record, "lifecycleStatus")
    words = datatypes.one_line(code.replace("-", " "))[:60]
    if code in _OVER:
        return "stopped", words
    return ("active" if code in _ON else "unknown"), words
