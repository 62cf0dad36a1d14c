"""The table of readers: one line per FHIR type, and the one function by which any record is understood.

To add a type: write its file, add its line, give it a row in docs/spec/records-understood.md.
"""

from medrec.core.records import (
    allergy_intolerance,
    anything_else,
    care_plan,
    claim,
    condition,
    coverage,
    diagnostic_report,
    document_reference,
    encounter,
    explanation_of_benefit,
    family_member_history,
    immunization,
    medication,
    medication_administration,
    medication_dispense,
    medication_request,
    medication_statement,
    modifiers,
    observation,
    procedure,
)
from medrec.core.records.canonical import Value
from medrec.core.records.reading import Around, Reader
from medrec.core.records.understood import Understood

READERS: dict[str, Reader] = {
    "AllergyIntolerance": allergy_intolerance.read,
    "CarePlan": care_plan.read,
    "Claim": claim.read,
    "Condition": condition.read,
    "Coverage": coverage.read,
    "DiagnosticReport": diagnostic_report.read,
    "DocumentReference": document_reference.read,
    "Encounter": encounter.read,
    "ExplanationOfBenefit": explanation_of_benefit.read,
    "FamilyMemberHistory": family_member_history.read,
    "Immunization": immunization.read,
    "Medication": medication.read,
    "MedicationAdministration": medication_administration.read,
    "MedicationDispense": medication_dispense.read,
    "MedicationRequest": medication_request.read,
    "MedicationStatement": medication_statement.read,
    "Observation": observation.read,
    "Procedure": procedure.read,
}


def understand(record: Value, around: Around) -> Understood:
    """What a record means: a tree as `canonical` returns it. Any object with any content gives an answer.

    Raises ValueError for what is no object, which no node keeps as a record.
    """
    if type(record) is not dict:
        raise ValueError("a record is an object")
    kind = record.get("resourceType")
    read = READERS.get(kind if type(kind) is str else "", anything_else.read)(record, around)
    return modifiers.held_against(record, read)
