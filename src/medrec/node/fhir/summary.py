"""The International Patient Summary as a document: Composition, entries, a Provenance for every line, the receipts.

A pure function of the lists: what was not permitted was not in them, so it leaves no trace here, and every document
says in the same words that it may not be everything. IPS 1.1.0 and 2.0.1 (hl7.org/fhir/uv/ips): the sections for
medications, allergies and problems are always there; where nothing is known they say so by code.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec

from medrec.core.reconcile.held import PATIENT, Held, Line, Medicine
from medrec.core.reconcile.lists import Read
from medrec.core.reconcile.rows import ProblemRow
from medrec.node.fhir import summary_entries as entries
from medrec.node.fhir.summary_entries import IPS, Resource
from medrec.node.fhir.summary_parts import in_sight
from medrec.node.fhir.summary_words import Row, Said, Speech

LOINC = "http://loinc.org"
ORGANISATION = "https://medrec.org/fhir/organisation"
RECORD_VERSION = "https://medrec.org/fhir/record-version"
RECORD_SHA256 = "https://medrec.org/fhir/record-sha256"
NOT_ALL = (
    "Made from the records that may be shown to whoever asked. What is not listed here may still be recorded elsewhere."
)
WORDS_IN_PART = (
    "What the patient or a clinician said of a medicine is in it as far as it may be shown: what stands here as taken "
    "may have been stopped by a word that is not."
)
_SECTIONS = {
    "medications": ("10160-0", "History of Medication use Narrative", "Medication Summary"),
    "allergies": ("48765-2", "Allergies and adverse reactions Document", "Allergies and Intolerances"),
    "problems": ("11450-4", "Problem list - Reported", "Problem List"),
    "immunizations": ("11369-6", "History of Immunization Narrative", "Immunizations"),
    "past": ("11348-0", "History of Past illness Narrative", "History of Past Illness"),
}


class About(msgspec.Struct, frozen=True):
    """What the document says of itself: who made it, when (FHIR instant), and a name that no other document has.

    `speech`: how rows are told. `missing`: sentences about what is not in it, for whoever reads the document whole.
    """

    organisation: str
    organisation_name: str
    instant: str
    seed: bytes
    speech: Speech = Speech()
    missing: tuple[str, ...] = ()
    words_in_part: bool = False
    """Whether what people said of the lists may be missing; the document then says so, in any case."""


class Made(NamedTuple):
    """A document; by the address of an entry the manifests (hex) of what was signed behind it, and it in words."""

    bundle: Resource
    signed: dict[str, list[str]]
    said: dict[str, Said]


def document(
    read: Read,
    held: Sequence[Held],
    subject: Mapping[str, Any] | None,
    receipts: Mapping[str, bytes],
    about: About,
    stamp: Any,
) -> Made:
    """The document Bundle. `subject` is the person's Patient record, if it may be shown; `receipts` by manifest (hex);
    `stamp` turns ms into a FHIR instant."""
    found = _Document(held, subject, receipts, about, stamp)
    return Made(found.made(read), found.signed, found.said)


class _Document:
    def __init__(
        self,
        held: Sequence[Held],
        subject: Mapping[str, Any] | None,
        receipts: Mapping[str, bytes],
        about: About,
        stamp: Any,
    ) -> None:
        self._held = {item.name: item for item in held}
        self._receipts = receipts
        self._about = about
        self._stamp = stamp
        self._entries: list[Resource] = []
        self._proofs: list[Resource] = []
        self._binaries: dict[str, str] = {}
        self.signed: dict[str, list[str]] = {}
        self.said: dict[str, Said] = {}
        self._subject = self._add(entries.patient(subject), "patient")
        self._author = self._add(
            {
                "resourceType": "Organization",
                "meta": {"profile": [IPS + "Organization-uv-ips"]},
                "identifier": [{"system": ORGANISATION, "value": about.organisation}],
                "name": about.organisation_name or about.organisation,
            },
            "author",
        )

    def made(self, read: Read) -> Resource:
        """The whole document."""
        # What every source took back was never true: it is neither there nor of the past.
        problems = [row for row in read.problems if not entries.in_error(row)]
        # A relative's illness, and one whose name denies it, is no problem of hers.
        problems = [row for row in problems if row.standing not in ("family", "denied")]
        going_on = [row for row in problems if row.none_known or not (row.history or row.status == "stopped")]
        past = [row for row in problems if row not in going_on]
        taken = [row for row in read.medicines if (row.status != "stopped" or row.conflicts)]
        taken = [row for row in taken if not entries.in_error(row)]
        allergies = [row for row in read.allergies if not entries.in_error(row)]
        medicine = partial(entries.medicine, names=self._about.speech.names)
        sections = [
            self._section("medications", taken, medicine, "MedicationStatement"),
            self._section("allergies", allergies, entries.allergy, "AllergyIntolerance"),
            self._section("problems", going_on, entries.problem, "Condition"),
        ]
        if past:
            sections.append(self._section("past", past, entries.problem, ""))
        given = [item for item in self._held.values() if _was_given(item)]
        if given:
            sections.append(self._given(given))
        composition = {
            "resourceType": "Composition",
            "meta": {"profile": [IPS + "Composition-uv-ips"]},
            "language": "en",
            "status": "final",
            "type": {"coding": [{"system": LOINC, "code": "60591-5", "display": "Patient summary Document"}]},
            "subject": {"reference": self._subject},
            "date": self._about.instant,
            "author": [{"reference": self._author}],
            "title": "Patient summary",
            "custodian": {"reference": self._author},
            "text": entries.narrative(self._of_itself()),
            "section": sections,
        }
        place = self._urn("composition")
        found = [{"fullUrl": place, "resource": composition}, *self._entries, *self._proofs]
        return {
            "resourceType": "Bundle",
            "meta": {"profile": [IPS + "Bundle-uv-ips"], "lastUpdated": self._about.instant},
            "identifier": {"system": "urn:ietf:rfc:3986", "value": self._urn("document")},
            "type": "document",
            "timestamp": self._about.instant,
            "entry": found,
        }

    def _section(self, name: str, rows: Sequence[Row], make: Any, kind: str) -> Resource:
        said: dict[str, Said] = {}
        for row in rows:
            place = self._add(make(row, self._held, self._subject), f"{name}/{_id_of(row)}")
            said[place] = self._about.speech.of(row)
            for line in row.lines:
                self._prove(place, line)
        if not rows:
            place = self._add(entries.nothing(kind, self._subject), f"{name}/nothing")
            said[place] = Said(self._about.speech.say[f"no_{name}"] + ".")
        return self._titled(name, said)

    def _given(self, given: Sequence[Held]) -> Resource:
        said: dict[str, Said] = {}
        for item in sorted(given, key=lambda found: found.name):
            place = self._add(entries.immunization(item, self._subject), "immunization/" + "/".join(item.name))
            said[place] = Said(item.record.plain)
            made = (item.source, item.record.type, item.record.id, item.version, item.sha256, item.manifest)
            self._provenance(place, *made, item.signed, item.record.plain)
        return self._titled("immunizations", said)

    def _titled(self, name: str, said: dict[str, Said]) -> Resource:
        code, display, title = _SECTIONS[name]
        self.said |= said
        return {
            "title": title,
            "code": {"coding": [{"system": LOINC, "code": code, "display": display}]},
            "text": entries.narrative([one.line for one in said.values()]),
            "entry": [{"reference": place} for place in said],
        }

    def _of_itself(self) -> list[str]:
        """What the document says of what is not in it."""
        return [*self._about.missing, NOT_ALL, *([WORDS_IN_PART] if self._about.words_in_part else [])]

    def _prove(self, place: str, line: Line) -> None:
        names = (line.source, line.type, line.id, line.version, line.sha256, line.manifest)
        clinician = line.by if line.author == "clinician" else ""
        self._provenance(place, *names, line.signed, line.plain, line.medicine, clinician)

    def _provenance(
        self, place: str, source: str, kind: str, identifier: str, version: int, sha256: str, manifest: str,
        signed: int, plain: str, medicine: Medicine | None = None, clinician: str = "",
    ) -> None:  # fmt: skip
        """Where a line of an entry comes from: who signed which version when, its hash, and its receipt; of a word on
        the list, the clinician who said it for her organisation."""
        name = f"{source}/{kind}/{identifier}/_history/{version}"
        # What a person said of a line is no record version and has no content of its own: it stands by its words.
        sources: list[Resource] = [{"role": "source", "what": {"display": plain}}]
        if sha256:
            sources = [
                {"role": "source", "what": {"identifier": {"system": RECORD_VERSION, "value": name}, "display": plain}},
                {"role": "source", "what": {"identifier": {"system": RECORD_SHA256, "value": sha256}}},
            ]
        # All lines of one act have the manifest of that act.
        behind = [manifest.partition("-")[0], *([medicine.manifest] if medicine is not None else [])]
        self.signed.setdefault(place, []).extend(behind)
        receipt = self._receipt(behind[0])
        if receipt:
            sources.append({"role": "source", "what": {"reference": receipt, "display": "Receipt of what was signed"}})
        sources += self._pointed(source, medicine) if medicine is not None else []
        resource = {
            "resourceType": "Provenance",
            "target": [{"reference": place}],
            "recorded": self._stamp(signed),
            "agent": [
                {
                    "type": {
                        "coding": [
                            {
                                "system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
                                "code": "author",
                            }
                        ]
                    },
                    **self._who(source, clinician),
                }
            ],
            "entity": sources,
        }
        self._proofs.append(
            {"fullUrl": self._urn(f"provenance/{place}/{name}/{manifest}"), "resource": in_sight(resource)}
        )

    def _who(self, source: str, clinician: str) -> Resource:
        if source == PATIENT:
            return {"who": {"reference": self._subject, "display": "The patient"}}
        place = {"identifier": {"system": ORGANISATION, "value": source}, "display": source}
        return {"who": {"display": clinician}, "onBehalfOf": place} if clinician else {"who": place}

    def _pointed(self, source: str, medicine: Medicine) -> list[Resource]:
        """The Medication that says which medicine a line is of: its version, its hash, and its receipt."""
        name = f"{source}/Medication/{medicine.id}/_history/{medicine.version}"
        said = [
            {"identifier": {"system": RECORD_VERSION, "value": name}, "display": "The medicine that it points at"},
            {"identifier": {"system": RECORD_SHA256, "value": medicine.sha256}},
        ]
        receipt = self._receipt(medicine.manifest)
        if receipt:
            said.append({"reference": receipt, "display": "Receipt of that medicine"})
        return [{"role": "source", "what": what} for what in said]

    def _receipt(self, manifest: str) -> str:
        """The Binary with a receipt; empty where there is none (yet)."""
        receipt = self._receipts.get(manifest)
        if receipt is None:
            return ""
        if manifest not in self._binaries:
            self._binaries[manifest] = self._urn(f"receipt/{manifest}")
            data = base64.b64encode(receipt).decode()
            binary = {"resourceType": "Binary", "contentType": "application/json", "data": data}
            self._proofs.append({"fullUrl": self._binaries[manifest], "resource": binary})
        return self._binaries[manifest]

    def _add(self, resource: Resource, name: str) -> str:
        place = self._urn(name)
        self._entries.append({"fullUrl": place, "resource": in_sight(resource)})
        return place

    def _urn(self, name: str) -> str:
        """A UUID that follows from the document's seed: two documents share none, so nobody links them by it."""
        found = bytearray(hashlib.sha256(b"medrec/summary/1" + self._about.seed + name.encode()).digest()[:16])
        found[6], found[8] = found[6] & 0x0F | 0x80, found[8] & 0x3F | 0x80
        text = found.hex()
        return f"urn:uuid:{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _was_given(item: Held) -> bool:
    return item.record.type == "Immunization" and item.record.status_reason == "completed" and item.record.understood


def _id_of(row: Row) -> str:
    if isinstance(row, ProblemRow):
        return f"{row.key}/{row.laterality}/{row.history}/{row.onset}/{row.name}"
    return row.key
