"""FHIR R4 records of one person at one hospital, built as plain dicts with decimals kept as written."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

from medrec.demo.clinical_tables import (
    ALLERGIES,
    CVX,
    ICD10CM,
    LOINC,
    MEDICINES,
    NO_KNOWN_ALLERGY,
    PROCEDURES,
    PROGRESS_NOTE,
    RELATIVES,
    RXNORM,
    SNOMED,
    UCUM,
    VACCINES,
)
from medrec.demo.sample_illnesses import ILLNESSES
from medrec.demo.sample_people import Doctor, Hospital, Person

Resource = dict[str, Any]

_TERMS = "http://terminology.hl7.org/CodeSystem/"
# Decimals as number literals with their zeros: Decimal("7.10") is written 7.10.
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_SHORT = {
    "Encounter": "enc", "Condition": "con", "MedicationRequest": "rx", "MedicationStatement": "med",
    "AllergyIntolerance": "alg", "Immunization": "imm", "Observation": "obs", "DiagnosticReport": "rep",
    "Procedure": "pro", "DocumentReference": "doc", "FamilyMemberHistory": "fam",
}  # fmt: skip


def to_json(value: object) -> bytes:
    """Return the JSON text of a record or bundle; the same value gives the same bytes everywhere."""
    return _ENCODER.encode(value)


def coding(system: str, pair: tuple[str, str]) -> Resource:
    """Return a Coding of (code, name)."""
    return {"system": system, "code": pair[0], "display": pair[1]}


def concept(system: str, pair: tuple[str, str]) -> Resource:
    """Return a CodeableConcept of one (code, name), the name as its text."""
    return {"coding": [coding(system, pair)], "text": pair[1]}


def _term(system: str, code: str) -> Resource:
    return {"coding": [{"system": _TERMS + system, "code": code}]}


def quantity(value: Decimal, unit: str, ucum: str) -> Resource:
    """Return a Quantity in UCUM."""
    return {"value": value, "unit": unit, "system": UCUM, "code": ucum}


def organization(hospital: Hospital) -> Resource:
    """Return the Organization of a hospital."""
    return {
        "resourceType": "Organization",
        "id": f"org-{hospital.id}",
        "identifier": [{"system": "https://medrec.example.org/organisation", "value": hospital.id}],
        "active": True,
        "type": [concept(_TERMS + "organization-type", ("prov", "Healthcare Provider"))],
        "name": hospital.name,
    }


def practitioner(hospital: Hospital, doctor: Doctor) -> Resource:
    """Return the Practitioner of one doctor of a hospital."""
    return {
        "resourceType": "Practitioner",
        "id": doctor.id,
        "identifier": [{"system": f"https://{hospital.id}.example.org/staff", "value": doctor.id}],
        "active": True,
        "name": [{"text": doctor.name, "family": doctor.family, "given": [doctor.given], "prefix": ["Dr."]}],
        "qualification": [{"code": {"text": doctor.specialty}}],
    }


class Chart:
    """Collects the records of one person at one hospital; ids count up per record type.

    `mark` goes into the ids, so that records of a later day never take an id that is in use.
    """

    def __init__(self, person: Person, hospital: Hospital, mark: str = "") -> None:
        self.person = person
        self.hospital = hospital
        self.records: list[Resource] = []
        self._mrn = person.mrn[hospital.id]
        self._mark = mark
        self._counts: dict[str, int] = {}
        self.patient: Resource = {"reference": f"Patient/{person.patient_ids[hospital.id]}"}

    def add(self, kind: str, body: Resource) -> Resource:
        """Add a record with the next id of its kind and return it; elements of value None are left out."""
        number = self._counts[kind] = self._counts.get(kind, 0) + 1
        identifier = f"{_SHORT[kind]}-{self._mrn.lower()}-{self._mark}{number}"
        record: Resource = {"resourceType": kind, "id": identifier}
        record.update((name, value) for name, value in body.items() if value is not None)
        self.records.append(record)
        return record

    def patient_record(self) -> Resource:
        """Return the Patient: hospitals write the name and street a little differently, as hospitals do."""
        person, position = self.person, self.hospital.position
        name: Resource = {"use": "official", "family": person.family, "given": [person.given]}
        street = person.street
        if position == 1:
            name["text"] = person.name
        elif position == 2:
            name["family"] = person.family.upper()
            street = street.replace(" Street", " St").replace(" Road", " Rd").replace(" Avenue", " Ave")
        number = {"system": f"https://{self.hospital.id}.example.org/mrn", "value": self._mrn}
        place = {"use": "home", "line": [street], "city": person.city, "postalCode": person.postal_code}
        language = coding("urn:ietf:bcp:47", person.language)
        return {
            "resourceType": "Patient",
            "id": person.patient_ids[self.hospital.id],
            "identifier": [{"use": "usual", "type": _term("v2-0203", "MR"), **number}],
            "active": True,
            "name": [name],
            "telecom": [{"system": "phone", "value": person.phone, "use": "home"}],
            "gender": person.sex,
            "birthDate": person.birth_date.isoformat(),
            "address": [{**place, "country": "US"}],
            "communication": [{"language": {"coding": [language], "text": person.language[1]}, "preferred": True}],
            "managingOrganization": {"reference": f"Organization/org-{self.hospital.id}"},
        }

    def visit(self, start: datetime.datetime, doctor: Doctor, kind: str, reason: str) -> Resource:
        """Add an Encounter of 25 minutes; `kind` is a code of ActEncounterCode (AMB, EMER)."""
        display = {"AMB": "ambulatory", "EMER": "emergency"}[kind]
        end = start + datetime.timedelta(minutes=25)
        return self.add(
            "Encounter",
            {
                "status": "finished",
                "class": {"system": _TERMS + "v3-ActCode", "code": kind, "display": display},
                "subject": self.patient,
                "participant": [{"individual": _doctor(doctor)}],
                "period": {"start": instant(start), "end": instant(end)},
                "reasonCode": [{"text": reason}],
                "serviceProvider": {"reference": f"Organization/org-{self.hospital.id}"},
            },
        )

    def condition(self, visit: Resource, doctor: Doctor, illness: str, onset: str, recorded: str) -> None:
        """Add a Condition; hospital 0 codes in both systems, 1 in ICD-10-CM, 2 in SNOMED CT where it has one."""
        entry = ILLNESSES[illness]
        codings = [coding(ICD10CM, entry.icd)]
        if entry.snomed is not None and self.hospital.position != 1:
            codings = [coding(SNOMED, entry.snomed), *codings][: 1 if self.hospital.position == 2 else 2]
        self.add(
            "Condition",
            {
                "clinicalStatus": _term("condition-clinical", entry.clinical_status),
                "verificationStatus": _term("condition-ver-status", "confirmed"),
                "category": [_term("condition-category", "problem-list-item")],
                "code": {"coding": codings, "text": codings[0]["display"]},
                "subject": self.patient,
                "encounter": _to(visit),
                "onsetDateTime": onset,
                "recordedDate": recorded,
                "recorder": _doctor(doctor),
            },
        )

    def prescription(
        self, visit: Resource, doctor: Doctor, medicine: str, authored: str, stopped: str | None, illness: str
    ) -> Resource:
        """Add a MedicationRequest, active or (with the day of the stop) stopped."""
        product = MEDICINES[medicine]
        return self.add(
            "MedicationRequest",
            {
                "status": "stopped" if stopped else "active",
                "statusReason": {"text": f"Stopped on {stopped}"} if stopped else None,
                "intent": "order",
                "medicationCodeableConcept": concept(RXNORM, (product.code, product.name)),
                "subject": self.patient,
                "encounter": _to(visit),
                "authoredOn": authored,
                "requester": _doctor(doctor),
                "reasonCode": [{"text": ILLNESSES[illness].icd[1]}] if illness else None,
                "dosageInstruction": [_dosage(medicine, {"start": authored, "end": stopped} if stopped else None)],
            },
        )

    def statement(self, visit: Resource, medicine: str, since: str, stopped: str | None, illness: str) -> None:
        """Add a MedicationStatement: what the person said to take, prescribed somewhere else."""
        product = MEDICINES[medicine]
        period = {"start": since, "end": stopped} if stopped else {"start": since}
        self.add(
            "MedicationStatement",
            {
                "status": "stopped" if stopped else "active",
                "medicationCodeableConcept": concept(RXNORM, (product.code, product.name)),
                "subject": self.patient,
                "context": _to(visit),
                "effectivePeriod": period,
                "dateAsserted": since,
                "informationSource": self.patient,
                "reasonCode": [{"text": ILLNESSES[illness].icd[1]}] if illness else None,
                "dosage": [_dosage(medicine, None)],
            },
        )

    def allergy(self, visit: Resource, doctor: Doctor, allergy: str | None, recorded: str) -> None:
        """Add an AllergyIntolerance; None is the statement that no allergy is known."""
        body: Resource = {
            "clinicalStatus": _term("allergyintolerance-clinical", "active"),
            "verificationStatus": _term("allergyintolerance-verification", "confirmed"),
        }
        if allergy is None:
            body["code"] = concept(SNOMED, NO_KNOWN_ALLERGY)
        else:
            entry = ALLERGIES[allergy]
            body |= {"type": "allergy", "category": [entry.category], "criticality": entry.criticality}
            body["code"] = concept(entry.system, (entry.code, entry.name))
        body |= {"patient": self.patient, "encounter": _to(visit), "recordedDate": recorded}
        body["recorder"] = _doctor(doctor)
        if allergy is not None:
            body["reaction"] = [{"manifestation": [{"text": ALLERGIES[allergy].reaction}]}]
        self.add("AllergyIntolerance", body)

    def immunization(self, visit: Resource, doctor: Doctor, vaccine: str, day: str, lot: str) -> None:
        """Add an Immunization that was given on `day`."""
        code, name, _ = VACCINES[vaccine]
        self.add(
            "Immunization",
            {
                "status": "completed",
                "vaccineCode": concept(CVX, (code, name)),
                "patient": self.patient,
                "encounter": _to(visit),
                "occurrenceDateTime": day,
                "primarySource": True,
                "lotNumber": lot,
                "performer": [{"actor": _doctor(doctor)}],
            },
        )

    def observation(
        self,
        visit: Resource,
        doctor: Doctor,
        category: str,
        code: tuple[str, str],
        when: str,
        value: Resource,
    ) -> Resource:
        """Add a final Observation; `value` holds its value[x] or component."""
        return self.add(
            "Observation",
            {
                "status": "final",
                "category": [_term("observation-category", category)],
                "code": concept(LOINC, code),
                "subject": self.patient,
                "encounter": _to(visit),
                "effectiveDateTime": when,
                "performer": [_doctor(doctor)],
                **value,
            },
        )

    def report(self, visit: Resource, code: tuple[str, str], when: str, results: Iterable[Resource]) -> None:
        """Add a DiagnosticReport of the laboratory over observations of the same visit."""
        self.add(
            "DiagnosticReport",
            {
                "status": "final",
                "category": [_term("v2-0074", "LAB")],
                "code": concept(LOINC, code),
                "subject": self.patient,
                "encounter": _to(visit),
                "effectiveDateTime": when,
                "issued": when,
                "performer": [{"reference": f"Organization/org-{self.hospital.id}"}],
                "result": [_to(result) for result in results],
            },
        )

    def procedure(self, visit: Resource, doctor: Doctor, procedure: str, when: str) -> None:
        """Add a completed Procedure."""
        self.add(
            "Procedure",
            {
                "status": "completed",
                "code": concept(SNOMED, PROCEDURES[procedure]),
                "subject": self.patient,
                "encounter": _to(visit),
                "performedDateTime": when,
                "performer": [{"actor": _doctor(doctor)}],
            },
        )

    def family_history(self, relative: str, illness: str, day: str) -> None:
        """Add a FamilyMemberHistory; `relative` is a code of v3-RoleCode."""
        entry = ILLNESSES[illness]
        self.add(
            "FamilyMemberHistory",
            {
                "status": "completed",
                "patient": self.patient,
                "date": day,
                "relationship": concept(_TERMS + "v3-RoleCode", (relative, RELATIVES[relative])),
                "condition": [{"code": concept(ICD10CM, entry.icd)}],
            },
        )

    def note(self, visit: Resource, doctor: Doctor, signed: datetime.datetime, text: str) -> None:
        """Add the visit note, base64 text/plain, written and signed by the doctor at `signed`."""
        raw = text.encode()
        attachment = {
            "contentType": "text/plain; charset=utf-8",
            "language": "en",
            "data": base64.b64encode(raw).decode(),
            "size": len(raw),
            "title": "Visit note",
            "creation": instant(signed),
        }
        self.add(
            "DocumentReference",
            {
                "status": "current",
                "docStatus": "final",
                "type": concept(LOINC, PROGRESS_NOTE),
                "subject": self.patient,
                "date": instant(signed),
                "author": [_doctor(doctor)],
                "authenticator": _doctor(doctor),
                "custodian": {"reference": f"Organization/org-{self.hospital.id}"},
                "content": [{"attachment": attachment}],
                "context": {"encounter": [_to(visit)], "period": visit["period"]},
            },
        )


def instant(moment: datetime.datetime) -> str:
    """Return a FHIR instant in UTC, to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _to(record: Resource) -> Resource:
    return {"reference": f"{record['resourceType']}/{record['id']}"}


def _doctor(doctor: Doctor) -> Resource:
    return {"reference": f"Practitioner/{doctor.id}", "display": doctor.name}


def _dosage(medicine: str, bounds: Resource | None) -> Resource:
    """Return a Dosage: directions in words, rhythm (none when taken as needed), dose with the table's zeros."""
    product = MEDICINES[medicine]
    repeat: Resource = {"boundsPeriod": bounds} if bounds else {}
    if product.per_day:
        repeat |= {"frequency": product.per_day, "period": 1, "periodUnit": "d"}
    dosage: Resource = {"text": product.sig}
    if repeat:
        dosage["timing"] = {"repeat": repeat}
    dose = quantity(Decimal(product.dose), product.unit.strip("{}"), product.unit)
    return dosage | {"asNeededBoolean": product.per_day == 0, "doseAndRate": [{"doseQuantity": dose}]}
