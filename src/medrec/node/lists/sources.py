"""A record version on its way into a list: where it is from, what it says, and what proves it."""

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from medrec.core.matching import Demographics, contradictions, of_patient
from medrec.core.reconcile.held import PATIENT, Held, Medicine
from medrec.core.records.canonical import RecordError, canonical
from medrec.core.records.dates import clinical_date
from medrec.core.records.table import understand
from medrec.node.release.pointed import Pointers
from medrec.node.release.receive import ReceivedRecord
from medrec.node.release.received_parts import ReceivedPart


class Source(NamedTuple):
    """A record version as it is here: where from, its name, what it says, and the manifest that proves it."""

    organisation: str
    type: str
    id: str
    version: int
    content: bytes
    manifest: bytes
    signed: int
    own: bool = False
    arrived: int = 0
    """When this node was told of it, and had what it says (ms); 0: not known, or its own."""
    first: int | None = None
    """When what it says was first signed (ms), if versions before say the very same; None: not known."""


class Version(NamedTuple):
    """One version of a record: its name (organisation, type, id), number, SHA-256 of its content, when signed."""

    name: tuple[str, str, str]
    number: int
    sha256: str | None
    time: int


def first_signed(versions: Iterable[Version]) -> dict[tuple[tuple[str, str, str], int], int]:
    """When what each version says was first signed, by name and number: a version that says what the one before it said
    (a link was undone, say) says it since then."""
    found: dict[tuple[tuple[str, str, str], int], int] = {}
    before: Version | None = None
    for one in sorted(versions, key=lambda version: (version.name, version.number)):
        if before is not None and before[:1] + before[2:3] == one[:1] + one[2:3] and one.sha256 is not None:
            one = one._replace(time=before.time)
        found[one.name, one.number] = one.time
        before = one
    return found


class Page(Protocol):
    """What another organisation gave: whole records, and those that came in part."""

    @property
    def source(self) -> str:
        """Who gave it."""
        ...

    @property
    def records(self) -> Sequence[ReceivedRecord]:
        """Each as it was signed."""
        ...

    @property
    def parts(self) -> Sequence[ReceivedPart]:
        """What was cut at its source."""
        ...

    @property
    def not_all(self) -> bool:
        """Whether its source says that there is more, which it does not give."""
        ...


def received(page: Page) -> Iterable[Source]:
    """What another organisation gave, record by record."""
    for record in page.records:
        version, manifest = record.manifest.record.version, hashlib.sha256(record.manifest_bytes).digest()
        yield Source(page.source, record.type, record.id, version, record.content, manifest, record.manifest.time)


def strangers(pages: Iterable[Page], who: Demographics) -> tuple[str, ...]:
    """Who gave records with a Patient that cannot be this person: nothing of theirs is merged with hers."""
    found: dict[str, None] = {}
    for page in pages:
        for record in page.records:
            with suppress(RecordError):
                if record.type == "Patient" and contradictions(who, of_patient(canonical(record.content).value)):
                    found[page.source] = None
    return tuple(found)


def held_of(source: Source, pointers: Pointers[Source]) -> Held | None:
    """A source as the lists hold it, understood; None if it cannot be read."""
    try:
        form = canonical(source.content)
        record = understand(form.value, pointers.around(source.organisation))
    except (RecordError, ValueError):
        return None
    value: Any = form.value
    meta = value.get("meta")
    updated = clinical_date(meta.get("lastUpdated")) if isinstance(meta, dict) else None
    return Held(
        PATIENT if source.own else source.organisation,
        record,
        source.version,
        form.sha256.hex(),
        source.manifest.hex(),
        source.signed,
        "patient" if source.own else "record",
        updated.start_ms if updated is not None else None,
        medicine_of(pointers.medicine(source)),
        source.first,
    )


def medicine_of(found: Source | None) -> Medicine | None:
    """The Medication that a record points at, as its line names it."""
    if found is None:
        return None
    digest = hashlib.sha256(found.content).hexdigest()
    return Medicine(found.id, found.version, digest, found.manifest.hex(), found.signed)
