"""The CapabilityStatement: what the FHIR API answers. It is the same for everybody, and says nothing about anybody."""

from typing import TYPE_CHECKING, Any

from medrec.node.fhir.answer import base_url, instant
from medrec.node.fhir.audit import PROFILE, PROFILES
from medrec.node.fhir.bundle import encode
from medrec.node.fhir.search import COMMON

if TYPE_CHECKING:
    from medrec.node.node import Node

FHIR_VERSION = "4.0.1"
TYPES = (
    "AllergyIntolerance",
    "CarePlan",
    "CareTeam",
    "Claim",
    "Condition",
    "Device",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "ExplanationOfBenefit",
    "Goal",
    "ImagingStudy",
    "Immunization",
    "Location",
    "Medication",
    "MedicationAdministration",
    "MedicationDispense",
    "MedicationRequest",
    "MedicationStatement",
    "Observation",
    "Organization",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "Procedure",
    "QuestionnaireResponse",
    "ServiceRequest",
    "Specimen",
)
"""Types that are listed; a record of any other type is answered all the same."""

_KINDS = {"token": "token", "id": "token", "date": "date", "clinical": "date", "reference": "reference"}
_SECURITY = (
    "Every request is signed by an organisation of the network (RFC 9421) and carries, in the field medrec-ask, the "
    "credential and the signature of a practitioner, the purpose of use and a reason. The person's consents decide "
    "about every record of every page."
)

_ANSWERED = (
    "Searches take _count, _sort (date, _lastUpdated, _id), _elements, _summary (true, text, data, count), _include "
    "and, along the same parameters, _revinclude; a read takes _summary and _elements. Records without all of their "
    "elements are tagged SUBSETTED. The history of a record, and the read of a version, know the version that stands. "
    "Chained parameters (with a dot, or _has) and whatever else is not listed are refused, never left out."
)


def statement(node: "Node") -> bytes:
    """The CapabilityStatement of a node."""
    parameters = [{"name": name, "type": _KINDS[found.kind]} for name, found in sorted(COMMON.items())]
    interactions = [{"code": code} for code in ("read", "vread", "history-instance", "search-type")]
    pointing = [name for name, found in sorted(COMMON.items()) if found.kind == "reference"]
    resources: list[dict[str, Any]] = [
        {
            "type": kind,
            "interaction": interactions,
            "versioning": "versioned",
            # The version that stands is the one that is read and listed; earlier ones are proven, not kept.
            "readHistory": False,
            "searchInclude": [f"{kind}:{name}" for name in pointing],
            "searchParam": parameters,
        }
        for kind in TYPES
    ]
    everything = {"name": "everything", "definition": "http://hl7.org/fhir/OperationDefinition/Patient-everything"}
    summary = {"name": "summary", "definition": "http://hl7.org/fhir/uv/ips/OperationDefinition/summary"}
    for resource in resources:
        if resource["type"] == "Patient":
            resource["operation"] = [everything, summary]
    resources += [
        {
            "type": "AuditEvent",
            "supportedProfile": [PROFILE + name for name in PROFILES],
            "interaction": [{"code": "read"}, {"code": "search-type"}],
            "searchParam": [{"name": "patient", "type": "reference"}, {"name": "date", "type": "date"}],
        },
        {
            "type": "Consent",
            "interaction": [{"code": "read"}, {"code": "search-type"}, {"code": "create"}],
            "searchParam": [{"name": "patient", "type": "reference"}, {"name": "status", "type": "token"}],
        },
        {
            "type": "Provenance",
            "interaction": [{"code": "search-type"}],
            "searchParam": [{"name": "target", "type": "reference"}],
        },
    ]
    return encode(
        {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": instant(int(node.genesis["created"]))[:10],
            "kind": "instance",
            "fhirVersion": FHIR_VERSION,
            "format": ["application/fhir+json"],
            "implementation": {"description": f"MedRec node of {node.organisation}", "url": base_url(node)},
            "rest": [
                {
                    "mode": "server",
                    "documentation": _ANSWERED,
                    "security": {"cors": False, "description": _SECURITY},
                    "resource": sorted(resources, key=lambda item: str(item["type"])),
                }
            ],
        }
    )
