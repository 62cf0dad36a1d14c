"""What is reconciled: one version of one record, understood, with where it stands and what proves it."""

import hashlib
from typing import Literal, TypeAlias

import msgspec

from medrec.core.records.dates import DAY_MS, ClinicalDate
from medrec.core.records.understood import NoteCode, Understood, remark_of

Author: TypeAlias = Literal["record", "patient", "clinician"]
"""Who says it: a source's record, or a person's own statement about a line (core.manifests.acts)."""


PATIENT = "~patient"
"""The source of a person's own statements; no organisation can be called so."""


class Medicine(msgspec.Struct, frozen=True, gc=False):
    """The Medication that a record points at, by which it was read: its id at the record's source, its version,
    `sha256` (hex) of its content, `manifest` (hex) that proves it, and when it was signed (ms)."""

    id: str
    version: int
    sha256: str
    manifest: str
    signed: int


class Held(msgspec.Struct, frozen=True, gc=False):
    """One record version that somebody may see.

    `source`: the organisation that signed it; `sha256` (hex) of the content, `manifest` (hex) the SHA-256 of the
    manifest that a receipt proves; `signed`: when, in ms since 1970 UTC; `updated`: when the source says that it last
    changed the record (meta.lastUpdated); `medicine`: what the record points at; `first`: when the same content was
    first signed, if an earlier version had it. Of two versions of a record the higher counts.
    """

    source: str
    record: Understood
    version: int
    sha256: str
    manifest: str
    signed: int
    author: Author = "record"
    updated: int | None = None
    medicine: Medicine | None = None
    first: int | None = None

    @property
    def since(self) -> int:
        """Since when its source says this (ms)."""
        return self.signed if self.first is None else self.first

    @property
    def name(self) -> tuple[str, str, str]:
        """What stays the same from version to version: source, type, id."""
        return self.source, self.record.type, self.record.id

    @property
    def voice(self) -> str:
        """Whose word it is: a source's records are one voice, what its clinicians say of a line another."""
        return f"clinician@{self.source}" if self.author == "clinician" else self.source


class Line(msgspec.Struct, frozen=True, gc=False):
    """A contributor to a row: which record version, what it says, when it said so, and what became of it.

    `at`: the newest date in the record that is not in the future (ms), None where it has none. `outdone`: its word was
    overtaken by a later one elsewhere. `copy`: an equal record of another source was there before; it is no second
    witness. `medicine`: what the record points at says which medicine it is of. `remark`: what was written beside it.
    """

    source: str
    type: str
    id: str
    version: int
    sha256: str
    manifest: str
    signed: int
    author: Author
    says: str
    at: int | None
    clinical: str
    plain: str
    by: str = ""
    outdone: bool = False
    copy: bool = False
    notes: tuple[str, ...] = ()
    medicine: Medicine | None = None
    remark: str = ""


def not_future(date: ClinicalDate | None, now: int) -> int | None:
    """The start of a date, None where there is none or it lies more than a day ahead."""
    return date.start_ms if date is not None and date.start_ms <= now + DAY_MS else None


def latest(*dates: int | None) -> int | None:
    """The latest of those that are known."""
    return max((date for date in dates if date is not None), default=None)


def has_note(record: Understood, code: NoteCode) -> bool:
    """Whether the reader left a note of this code."""
    return any(note.code == code for note in record.notes)


def in_error(record: Understood) -> bool:
    """Whether the record says of itself that it was never true."""
    return bool(record.notes) and has_note(record, NoteCode.ENTERED_IN_ERROR)


def alone(item: Held) -> str:
    """The key of a record that nothing else is ever of the same as; it tells neither its place nor its name."""
    return "only:" + hashlib.sha256("\n".join(item.name).encode()).hexdigest()[:20]


def current(held: "list[Held]") -> list[Held]:
    """The highest version of each record, in one order whatever the order given; equal ones once."""
    newest: dict[tuple[str, str, str], Held] = {}
    for item in held:
        before = newest.get(item.name)
        if before is None or (item.version, item.manifest) > (before.version, before.manifest):
            newest[item.name] = item
    return [newest[name] for name in sorted(newest)]


def line(item: Held, says: str, at: int | None, *, outdone: bool = False, copy: bool = False) -> Line:
    """The line of a record version in a row."""
    record = item.record
    return Line(
        item.source, record.type, record.id, item.version, item.sha256, item.manifest, item.signed, item.author, says,
        at, record.clinical, record.plain, record.by, outdone, copy, tuple(note.code for note in record.notes),
        item.medicine, remark_of(record.notes) if record.notes else "",
    )  # fmt: skip


def order(found: Line) -> tuple[int, str, str, str, int]:
    """Newest first, then by name: the order of lines in a row."""
    return -(found.at if found.at is not None else -(1 << 62)), found.source, found.type, found.id, found.version
