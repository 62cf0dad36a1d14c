"""Which elements of a record go where only some were asked for (`_elements`, `_summary`).

The tables are what the definitions of FHIR R4 (4.0.1) mark as summary, required or modifier, at the top level. FHIR is
published by HL7 under CC0.
"""

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]

ALWAYS = frozenset(("resourceType", "id", "meta", "implicitRules", "modifierExtension"))
"""What goes with every record, whatever was asked for."""
NEEDED: dict[str, frozenset[str]] = {
    kind: frozenset(names.split())
    for kind, names in {
        "AllergyIntolerance": "clinicalStatus patient verificationStatus",
        "CarePlan": "intent status subject",
        "CareTeam": "status",
        "Claim": "created insurance patient priority provider status type use",
        "Condition": "clinicalStatus subject verificationStatus",
        "Device": "status",
        "DiagnosticReport": "code status",
        "DocumentReference": "content status",
        "Encounter": "class status",
        "ExplanationOfBenefit": "created insurance insurer outcome patient provider status type use",
        "Goal": "description lifecycleStatus subject",
        "ImagingStudy": "status subject",
        "Immunization": "isSubpotent occurrence[x] patient status vaccineCode",
        "Location": "status",
        "Medication": "status",
        "MedicationAdministration": "effective[x] medication[x] status subject",
        "MedicationDispense": "medication[x] status",
        "MedicationRequest": "doNotPerform intent medication[x] status subject",
        "MedicationStatement": "medication[x] status subject",
        "Observation": "code status",
        "Organization": "active",
        "Patient": "active deceased[x] link",
        "Practitioner": "",
        "PractitionerRole": "",
        "Procedure": "status subject",
        "QuestionnaireResponse": "status",
        "ServiceRequest": "doNotPerform intent status subject",
        "Specimen": "status",
    }.items()
}
"""Type -> the elements that are required or change the meaning; `[x]` stands for any data type."""
SUMMARY: dict[str, frozenset[str]] = {
    kind: frozenset(names.split())
    for kind, names in {
        "AllergyIntolerance": (
            "asserter category clinicalStatus code criticality identifier patient type verificationStatus"
        ),
        "CarePlan": (
            "addresses author basedOn category created description encounter identifier "
            "instantiatesCanonical instantiatesUri intent partOf period replaces status subject "
            "title"
        ),
        "CareTeam": "category encounter identifier managingOrganization name period status subject",
        "Claim": "billablePeriod created insurance insurer patient priority provider status type use",
        "Condition": (
            "asserter bodySite clinicalStatus code encounter identifier onset[x] recordedDate "
            "recorder subject verificationStatus"
        ),
        "Device": "safety status udiCarrier",
        "DiagnosticReport": (
            "category code effective[x] encounter identifier issued media performer resultsInterpreter status subject"
        ),
        "DocumentReference": (
            "author category content context date description docStatus identifier "
            "masterIdentifier relatesTo securityLabel status subject type"
        ),
        "Encounter": (
            "appointment class diagnosis episodeOfCare identifier participant reasonCode "
            "reasonReference serviceType status subject type"
        ),
        "ExplanationOfBenefit": (
            "billablePeriod created insurance insurer outcome patient provider status total type use"
        ),
        "Goal": (
            "achievementStatus category description expressedBy lifecycleStatus priority start[x] statusDate subject"
        ),
        "ImagingStudy": (
            "basedOn description encounter endpoint identifier interpreter location modality note "
            "numberOfInstances numberOfSeries procedureCode procedureReference reasonCode "
            "reasonReference referrer series started status subject"
        ),
        "Immunization": "isSubpotent note occurrence[x] patient performer primarySource status vaccineCode",
        "Location": (
            "description identifier managingOrganization mode name operationalStatus physicalType status type"
        ),
        "Medication": "amount code identifier manufacturer status",
        "MedicationAdministration": "effective[x] instantiates medication[x] partOf performer status subject",
        "MedicationDispense": "medication[x] status subject whenPrepared",
        "MedicationRequest": (
            "authoredOn basedOn doNotPerform groupIdentifier instantiatesCanonical "
            "instantiatesUri intent medication[x] performerType priority reported[x] requester "
            "status subject"
        ),
        "MedicationStatement": (
            "basedOn category context dateAsserted effective[x] identifier medication[x] partOf status subject"
        ),
        "Observation": (
            "basedOn code component derivedFrom effective[x] encounter focus hasMember identifier "
            "issued partOf performer status subject value[x]"
        ),
        "Organization": "active identifier name partOf type",
        "Patient": ("active address birthDate deceased[x] gender identifier link managingOrganization name telecom"),
        "Practitioner": "active address birthDate gender identifier name telecom",
        "PractitionerRole": "active code identifier location organization period practitioner specialty telecom",
        "Procedure": (
            "asserter basedOn bodySite category code encounter identifier instantiatesCanonical "
            "instantiatesUri location outcome partOf performed[x] performer reasonCode "
            "reasonReference recorder status statusReason subject"
        ),
        "QuestionnaireResponse": (
            "author authored basedOn encounter identifier partOf questionnaire source status subject"
        ),
        "ServiceRequest": (
            "asNeeded[x] authoredOn basedOn bodySite category code doNotPerform encounter "
            "identifier instantiatesCanonical instantiatesUri intent locationCode "
            "locationReference occurrence[x] orderDetail patientInstruction performer "
            "performerType priority quantity[x] reasonCode reasonReference replaces requester "
            "requisition specimen status subject"
        ),
        "Specimen": "accessionIdentifier condition identifier receivedTime status subject type",
    }.items()
}
"""Type -> its summary, with what is needed."""


def keeping(kind: str, elements: frozenset[str], summary: str) -> Callable[[Json], Json]:
    """What is left of a record of a type: of the `elements` asked for, and under `_summary` (true, text, data, "")."""

    def kept(name: str) -> bool:
        bare = name.removeprefix("_")
        if bare in ALWAYS or _among(bare, NEEDED.get(kind, frozenset())):
            return True
        if summary == "true":
            # Of a type without a table here nobody knows what its summary is: all goes but the narrative.
            return _among(bare, SUMMARY[kind]) if kind in SUMMARY else bare not in ("text", "contained")
        if summary == "text":
            return bare == "text"
        if summary == "data":
            return bare != "text"
        return bare in elements or _among(bare, frozenset(name for name in elements if name.endswith("[x]")))

    def keep(record: Json) -> Json:
        left = {name: value for name, value in record.items() if kept(name)}
        if "contained" in record and any(map(_inward, left.values())):
            # What is left points at it.
            left["contained"] = record["contained"]
        return left

    return keep


def _inward(value: Any) -> bool:
    """Whether a reference to a contained resource stands below a value."""
    if isinstance(value, list):
        return any(map(_inward, value))
    if not isinstance(value, dict):
        return False
    literal = value.get("reference")
    return (isinstance(literal, str) and literal.startswith("#")) or any(map(_inward, value.values()))


def _among(name: str, known: frozenset[str]) -> bool:
    """Whether an element is one of these: "valueQuantity" is "value[x]"."""
    if name in known:
        return True
    return any(
        one.endswith("[x]") and name.startswith(one[:-3]) and name[len(one) - 3 :][:1].isupper() for one in known
    )
