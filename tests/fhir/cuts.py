"""Records of which one part is sensitive, one for each element that may be cut out; and the same with another part."""

import json
from typing import Any

from medrec.core.consent.redact import REMOVABLE
from tests.fhir.asking import resource

KINDS = ("Observation", "Condition", "Encounter", "MedicationRequest")
ABOUT = "Alcoholism"
OTHER = "Cocaine dependence"


def part(element: str, about: str) -> Any:
    """A value of this element that is about something withheld."""
    if element == "text":
        return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{about}</div>'}
    if element == "contained":
        return [{"resourceType": "Condition", "id": "inner", "code": {"text": about}}]
    if element in ("comment", "description", "instructions", "conclusion", "patientInstruction", "detail"):
        return about
    if element in ("note", "dosageInstruction", "content", "presentedForm", "photo", "media"):
        return [{"text": about}]
    return [{"text": about, "coding": [{"display": about}]}, {"text": "Fatigue"}]


def cuts(about: str) -> dict[tuple[str, str], str]:
    """One record for each element, of several types."""
    found: dict[tuple[str, str], str] = {}
    for at, element in enumerate(sorted(REMOVABLE)):
        kind, identifier = KINDS[at % len(KINDS)], f"cut-{element.lower()}"
        found[kind, identifier] = resource(kind, identifier, status="final", **{element: part(element, about)})
    return found


CUTS = cuts(ABOUT)


def same_shape(one: str, other: str) -> bool:
    """Whether two records have the same type, id and elements."""
    return json.loads(one).keys() == json.loads(other).keys()
