"""What a record points at: the Medication of an order, and the birth date of its person, each as its own source has it.

Two hospitals have a Medication/1 each, so a reference is followed at the source of the record alone.
"""

import re
from collections.abc import Iterable
from typing import Any, Protocol

from medrec.core.records.canonical import RecordError, Value, canonical
from medrec.core.records.dates import ClinicalDate, clinical_date
from medrec.core.records.reading import Around
from medrec.core.records.terms import Terms

_MEDICATION = re.compile(r"(?:.*/)?Medication/(?P<id>[A-Za-z0-9\-.]{1,64})(?:/_history/[^/]*)?")
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


def medications_of(content: bytes) -> list[str]:
    """The ids of the Medications that a record points at, by a relative or full address, with a version or not."""
    if b'"medicationReference"' not in content:
        return []
    value: Any = canonical(content).value
    held = value.get("medicationReference")
    reference = held.get("reference") if isinstance(held, dict) else None
    name = _name_of(reference) if isinstance(reference, str) else None
    return [name] if name is not None else []


def around_of(found: Iterable[Pointing], terms: Terms, now: int) -> dict[str, Around]:
    """What a reader may ask, by source."""
    found = sorted(found, key=lambda one: (one.organisation, one.type, one.id, one.content))
    pointed: dict[tuple[str, str], Value] = {}
    births: dict[str, ClinicalDate] = {}
    for source in found:
        if source.type not in ("Medication", "Patient"):
            continue
        try:
            value = canonical(source.content).value
        except RecordError:
            continue
        birth = clinical_date(value.get("birthDate")) if isinstance(value, dict) else None
        if source.type == "Medication":
            pointed[source.organisation, source.id] = value
        elif birth is not None:
            births.setdefault(source.organisation, birth)
    any_birth = next(iter(births.values()), None)

    def of(organisation: str) -> Around:
        def resolve(reference: str) -> Value:
            name = _name_of(reference)
            return pointed.get((organisation, name)) if name is not None else None

        return Around(terms, now, births.get(organisation, any_birth), resolve)

    return {organisation: of(organisation) for organisation in {source.organisation for source in found}}


def _name_of(reference: str) -> str | None:
    """The id of the Medication that a reference means."""
    found = _MEDICATION.fullmatch(reference) or _UUID.fullmatch(reference)
    return found["id"] if found is not None else None
