"""How a record is read: what a reader is told besides the record, and the marks that it leaves.

A reader is a function (record, Around) -> Understood. It reads nothing else, so the same record with the same
surroundings is understood in the same way on every machine.
"""

import re
from collections.abc import Callable
from typing import TypeAlias

import msgspec

from medrec.core.records import datatypes
from medrec.core.records.canonical import Value
from medrec.core.records.datatypes import Concept
from medrec.core.records.dates import DAY_MS, ClinicalDate, clinical_date
from medrec.core.records.terms import CVX, ICD10CM, LOINC, NDC, RXNORM, SNOMED, UNII, Table, Terms
from medrec.core.records.understood import Coding, Note, NoteCode, Status, Understood, remarked
from medrec.core.signs import as_latin

_PERSON = ("subject", "patient", "beneficiary", "individual", "for")
_OBJECTS = (
    "code", "vaccineCode", "medicationCodeableConcept", "medicationReference", "subject", "patient", "clinicalStatus",
    "verificationStatus", "effectivePeriod", "period",
)  # fmt: skip
# What a code of a system looks like; a code that does not is of another system than it says.
SHAPES = {
    RXNORM: re.compile(r"\d{1,8}", re.ASCII),
    NDC: re.compile(r"\d{4,6}-\d{3,4}(?:-\d{1,2})?|\d{9,11}|[\d*]{11}", re.ASCII),
    UNII: re.compile(r"[0-9A-Z]{10}", re.ASCII),
    SNOMED: re.compile(r"\d{6,18}", re.ASCII),
    LOINC: re.compile(r"(?:L[AGLP]|MTHU)?\d{1,7}-\d", re.ASCII),
    # QA0, of October 2025, begins with two letters.
    ICD10CM: re.compile(r"[A-Z](?:\d[0-9A-Z]|[A-Z]\d)(?:\.?[0-9A-Z]{1,4})?", re.ASCII),
    CVX: re.compile(r"\d{1,3}", re.ASCII),
}
NAMES = {
    RXNORM: "RxNorm",
    NDC: "NDC",
    UNII: "UNII",
    SNOMED: "SNOMED CT",
    LOINC: "LOINC",
    ICD10CM: "ICD-10-CM",
    CVX: "CVX",
}


def nothing_found(_reference: str) -> Value:
    """The lookup of a reader that is handed one record alone."""
    return None


class Around(msgspec.Struct, frozen=True, gc=False):
    """What a reader may ask: the terminology, the time of reading (ms since 1970 UTC; None: dates in the future are
    not marked), the person's date of birth, and the record that a reference points at (None when not at hand)."""

    terms: Terms = Table()
    now_ms: int | None = None
    birth: ClinicalDate | None = None
    resolve: Callable[[str], Value] = nothing_found


Reader: TypeAlias = Callable[[Value, Around], Understood]


class Marks:
    """The notes of one reading, in the order found, each once."""

    def __init__(self, record: Value, around: Around) -> None:
        self.around = around
        self._notes: dict[tuple[NoteCode, str], Note] = {}
        if type(record) is dict and record.get("modifierExtension"):
            self.add(NoteCode.MODIFIER_EXTENSION, "The record has an addition that may change its meaning; open it.")
        for key in _OBJECTS if type(record) is dict else ():
            if key in record and type(record[key]) is not dict:
                self.add(
                    NoteCode.ODD_SHAPE, f'The element "{key}" has a shape that FHIR does not allow; open the record.'
                )

    def add(self, code: NoteCode, sentence: str) -> None:
        """Leave a note."""
        self._notes[code, sentence] = Note(code, sentence)

    def remark(self, record: Value) -> str:
        """What was written beside the record, with a note of it."""
        words = datatypes.remarks(record)
        if words:
            self.add(NoteCode.REMARK, remarked(words).text)
        return words

    def contradicted(self, status: Status, reason: str, over: bool) -> tuple[Status, str]:
        """A status where something else in the record says that it is over or was none (`over`)."""
        if status != "active" or not over:
            return status, reason
        self.add(NoteCode.STATUS_CONFLICT, "The record says that it is active, and that it is over or was none.")
        return "unknown", "said to be active, and to be over"

    @property
    def notes(self) -> tuple[Note, ...]:
        """All notes."""
        return tuple(self._notes.values())

    def date(self, record: Value, key: str, called: str, *, planned: bool = False) -> ClinicalDate | None:
        """The date under a key; notes when it is none, lies in the future (unless planned) or before birth."""
        held = record.get(key) if type(record) is dict else None
        if held is None:
            return None
        found = clinical_date(held)
        if found is None:
            shown = datatypes.one_line(held)[:40] if type(held) is str else "something else"
            self.add(NoteCode.BAD_DATE, f'The {called} "{shown}" is no date.')
            return None
        return self.dated(found, called, planned=planned)

    def dated(self, found: ClinicalDate, called: str, *, planned: bool = False) -> ClinicalDate:
        """Look at a date: in the future, or before birth. A day's grace covers time zones."""
        now, birth = self.around.now_ms, self.around.birth
        if not planned and now is not None and found.start_ms > now + DAY_MS:
            self.add(NoteCode.FUTURE_DATE, f"The {called} ({found.plain}) lies in the future.")
        if birth is not None and found.end_ms + DAY_MS <= birth.start_ms:
            self.add(NoteCode.BEFORE_BIRTH, f"The {called} ({found.plain}) lies before the birth.")
        return found

    def crossed(self, start: ClinicalDate | None, end: ClinicalDate | None) -> None:
        """A note when the end surely lies before the start."""
        if start is not None and end is not None and end.end_ms <= start.start_ms:
            self.add(NoteCode.DATES_CROSSED, f"The end ({end.plain}) lies before the start ({start.plain}).")

    def code(self, coding: Coding) -> bool:
        """Whether a code can be believed to be of its system; notes when it cannot, is unknown or is retired."""
        if not coding.code:
            return False
        shape, system = SHAPES.get(coding.system), NAMES.get(coding.system, coding.system)
        if shape is not None and (
            shape.fullmatch(coding.code) is None or (coding.system == SNOMED and not checks(coding.code))
        ):
            self.add(NoteCode.WRONG_SYSTEM, f'"{coding.code[:40]}" is no code of {system}, as the record says.')
            return False
        validity = self.around.terms.validity(coding.system, coding.code)
        if validity == "unknown":
            self.add(NoteCode.UNKNOWN_CODE, f"{system} has no code {coding.code[:40]}; shown by its name.")
        elif validity == "retired":
            self.add(NoteCode.RETIRED_CODE, f"The {system} code {coding.code[:40]} is no longer in use.")
        return True

    def name(self, found: Concept, called: str) -> str:
        """What to call a concept: its words, the table's name for its code, the code; notes where words are missing.

        Marks each code on the way.
        """
        believed = [coding for coding in found.codings if self.code(coding)]
        if not found.codings:
            if found.text:
                self.add(NoteCode.TEXT_ONLY, f"The {called} is in words only, without a code.")
            else:
                self.add(NoteCode.NO_CODE, f"The record does not say which {called}.")
        if (read := as_latin(found.words)) != found.words:
            said = f"read as {read[:80]} (written: {found.words[:80]})"
            self.add(NoteCode.READ_AS, f"Letters of another alphabet look like Latin ones: it is {said}.")
        if found.words:
            return datatypes.one_line(found.words)
        named = (self.around.terms.name(coding.system, coding.code) for coding in believed)
        name = next((name for name in named if name), "")
        if not name and found.label:
            self.add(NoteCode.UNKNOWN_CODE, "No table here has a name for the code, and the record gives none.")
        return name or found.label

    def once(self, code: NoteCode, sentence: str) -> None:
        """A note, where none says yet that a code is unknown, retired or not of its system."""
        said = (NoteCode.UNKNOWN_CODE, NoteCode.RETIRED_CODE, NoteCode.WRONG_SYSTEM)
        if not any(note.code in said for note in self.notes):
            self.add(code, sentence)

    def lookup(self, record: Value, pointed: str) -> dict[str, Value]:
        """The record that a reference points at, contained or at hand; empty, with a note, when it is not."""
        if not pointed:
            return {}
        found = datatypes.contained(record, pointed) if pointed.startswith("#") else self.around.resolve(pointed)
        if type(found) is not dict or not found:
            self.add(NoteCode.REFERENCE_MISSING, "A record that this one points to is not at hand.")
            return {}
        return found


_DIHEDRAL = tuple(
    tuple((a + b) % 5 + 5 * (b > 4) if a < 5 else (a - b) % 5 + 5 * (b < 5) for b in range(10)) for a in range(10)
)


def checks(code: str) -> bool:
    """Whether the last digit of a SNOMED CT identifier is right (Verhoeff; SNOMED CT Technical Implementation Guide,
    Check-digit). A code of another system that has the shape of one is found by it in nine cases of ten."""
    total = 0
    for place, sign in enumerate(reversed(code)):
        digit = int(sign)
        for _ in range(place % 8):
            digit = _STEP[digit]
        total = _DIHEDRAL[total][digit]
    return total == 0


_STEP = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def person_of(record: Value) -> str:
    """The person a record is about, as it refers to them."""
    return next((found for key in _PERSON if (found := datatypes.reference(record, key))), "")


def codes_of(*found: Concept) -> tuple[Coding, ...]:
    """The codes of concepts, each once, in the order of the record."""
    return tuple({coding: None for concept in found for coding in concept.codings if coding.code})


def key_of(kind: str, concept: Concept, *more: str) -> str:
    """The same-thing key of a coded event: kind, the code (else the words), and what tells two such apart."""
    coded = next((f"{short(coding.system)}|{coding.code}" for coding in concept.codings if coding.code), "")
    return "/".join((kind, coded or f"name|{' '.join(concept.text.lower().split())}", *more))


def short(system: str) -> str:
    """A short, stable name of a code system for keys."""
    return _SHORT.get(system, system)


_SHORT = {
    RXNORM: "rxnorm",
    NDC: "ndc",
    UNII: "unii",
    SNOMED: "snomed",
    LOINC: "loinc",
    ICD10CM: "icd10cm",
    CVX: "cvx",
}
