"""What a record points at: the Medication of an order, and the birth date of its person, each as its own source has it.

Two hospitals have a Medication/1 each, so a reference is followed at the source of the record alone. Where it names a
server it is followed if the ledger knows that server as the source's own; where it names a version, if what is here
says that it is that version. One that names a Medication by its business identifier alone means the one that has it.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, Generic, Protocol, TypeVar

from medrec.core.consent.pointers import local
from medrec.core.records import datatypes
from medrec.core.records.canonical import RecordError, Value, canonical
from medrec.core.records.dates import ClinicalDate, clinical_date
from medrec.core.records.reading import Around
from medrec.core.records.terms import Terms

# What a record may point at (the gate reads a pointer for all that it may mean), and what it surely means.
_MEDICATION = re.compile(r"(?:.*/)?Medication/(?P<id>[A-Za-z0-9\-.]{1,64})(?:/_history/[^/]*)?")
_LOCAL = re.compile(r"Medication/(?P<id>[A-Za-z0-9\-.]{1,64})(?:/_history/(?P<version>[^/]+))?")
_UUID = re.compile(r"urn:uuid:(?P<id>[0-9a-fA-F\-]{36})")


class Pointing(Protocol):
    """A record version with its source, as the lists have it."""

    @property
    def organisation(self) -> str:
        """Where it is from."""

    @property
    def type(self) -> str:
        """Its FHIR type."""

    @property
    def id(self) -> str:
        """Its id there."""

    @property
    def content(self) -> bytes:
        """Its canonical bytes."""


Found = TypeVar("Found", bound=Pointing)


def medications_of(content: bytes) -> list[str]:
    """The ids of the Medications that a record points at, by a relative or full address, with a version or not."""
    reference = _reference_of(content)
    found = (_MEDICATION.fullmatch(reference) or _UUID.fullmatch(reference)) if reference else None
    return [found["id"]] if found is not None else []


def identifier_of(content: bytes) -> str:
    """The business identifier by which alone a record names its Medication, as datatypes.pointed writes it; else ""."""
    reference = _reference_of(content)
    return reference if reference.startswith(datatypes.NAMED) else ""


def called(medication: bytes) -> list[str]:
    """The business identifiers of a Medication, as references by them are written."""
    return _called(canonical(medication).value)


def _called(medication: Value) -> list[str]:
    found = (datatypes.pointed({"identifier": held}) for held in datatypes.many(medication, "identifier"))
    return [name for name in found if name]


def _reference_of(content: bytes) -> str:
    if b'"medicationReference"' not in content:
        return ""
    value: Any = canonical(content).value
    return datatypes.pointed(value.get("medicationReference"))


class Pointers(Generic[Found]):
    """What the records of several sources may ask of one another, each of its own source.

    `servers` gives the base addresses of an organisation's own FHIR servers (Directory.servers).
    """

    def __init__(
        self, found: Iterable[Found], terms: Terms, now: int, servers: Callable[[str], Iterable[str]] = lambda _: ()
    ) -> None:
        self._terms, self._now, self._servers = terms, now, servers
        self._medications: dict[tuple[str, str], tuple[Found, Value]] = {}
        self._identified: dict[tuple[str, str], list[str]] = {}
        self._births: dict[str, ClinicalDate] = {}
        for source in sorted(found, key=lambda one: (one.organisation, one.type, one.id, one.content)):
            if source.type not in ("Medication", "Patient"):
                continue
            try:
                value = canonical(source.content).value
            except RecordError:
                continue
            birth = clinical_date(value.get("birthDate")) if isinstance(value, dict) else None
            if source.type == "Medication":
                self._medications[source.organisation, source.id] = source, value
                for name in _called(value):
                    self._identified.setdefault((source.organisation, name), []).append(source.id)
            elif birth is not None:
                self._births.setdefault(source.organisation, birth)

    def around(self, organisation: str) -> Around:
        """What a reader of a record of this source may ask."""

        def resolve(reference: str) -> Value:
            found = self._meant(organisation, reference)
            return found[1] if found is not None else None

        any_birth = next(iter(self._births.values()), None)
        return Around(self._terms, self._now, self._births.get(organisation, any_birth), resolve)

    def medicine(self, source: Found) -> Found | None:
        """The Medication by which a record is read; None where it points at none, or it is not here."""
        found = self._meant(source.organisation, _reference_of(source.content))
        return found[0] if found is not None else None

    def _meant(self, organisation: str, reference: str) -> tuple[Found, Value] | None:
        identified = self._identified.get((organisation, reference), [])
        if identified:
            # A business identifier that two have names neither.
            return self._medications[organisation, identified[0]] if len(identified) == 1 else None
        named = _LOCAL.fullmatch(local(reference, self._servers(organisation))) or _UUID.fullmatch(reference)
        found = self._medications.get((organisation, named["id"])) if named is not None else None
        version = named.groupdict().get("version") if named is not None else None
        if found is None or version is None:
            return found
        value: Any = found[1]
        meta = value.get("meta")
        return found if isinstance(meta, dict) and meta.get("versionId") == version else None
