"""Whose record it is: the local patient that a FHIR resource speaks of.

R4 names the patient differently from type to type; anything not listed is looked for under `subject`, `patient`
and `beneficiary`. A resource without one (an Organization, a Practitioner) is nobody's.
"""

from typing import Any

PLACES: dict[str, tuple[str, ...]] = {
    "Account": ("subject",),
    "Appointment": ("participant",),
    "AuditEvent": ("entity",),
    "Coverage": ("beneficiary",),
    "Group": (),
    "Person": ("link",),
    "ResearchSubject": ("individual",),
    "Schedule": ("actor",),
    "SupplyDelivery": ("patient",),
    "Task": ("for",),
}
_USUAL = ("subject", "patient", "beneficiary", "for", "individual")
_PREFIX = "Patient/"


def patient_of(resource: dict[str, Any]) -> str | None:
    """The id of the local Patient that the resource belongs to, None if it belongs to nobody here."""
    kind = resource.get("resourceType")
    if kind == "Patient":
        identifier = resource.get("id")
        return identifier if isinstance(identifier, str) else None
    for place in PLACES.get(kind if isinstance(kind, str) else "", _USUAL):
        found = _patient(resource.get(place))
        if found is not None:
            return found
    return None


def _patient(value: Any) -> str | None:
    if isinstance(value, list):
        for item in value:
            found = _patient(item)
            if found is not None:
                return found
        return None
    if not isinstance(value, dict):
        return None
    reference = value.get("reference")
    if isinstance(reference, str):
        tail = reference.split("/_history/")[0]
        if tail.startswith(_PREFIX) or "/" + _PREFIX in tail:
            return tail.rsplit("/", 1)[1]
    # Participants, entities and links hold their reference one level down.
    for inner in ("actor", "what", "target"):
        if inner in value:
            found = _patient(value[inner])
            if found is not None:
                return found
    return None
