"""Records that point at one other record, in every form there is: one record for each form."""

from typing import Any

from tests.fhir.asking import resource

SYSTEM = "urn:north:problems"


def forms(kind: str, identifier: str, number: str) -> dict[str, Any]:
    """A Reference to this record in each form; its business identifier has this value."""
    name = f"{kind}/{identifier}"
    sought = {"system": SYSTEM, "value": number}
    return {
        "plain": {"reference": name},
        "absolute": {"reference": f"http://ehr.internal:8080/r4/{name}/_history/2"},
        "spaced": {"reference": f" {name}"},
        "small": {"reference": name.lower()},
        "fragment": {"reference": f"{name}#a"},
        "escaped": {"reference": name.replace("/", "%2F")},
        "searched": {"reference": f"{kind}?identifier={SYSTEM}|{number}"},
        "identified": {"type": kind, "identifier": sought, "display": "Asthma"},
        "untyped": {"identifier": sought},
    }


def pointing(prefix: str, kind: str, identifier: str, number: str) -> dict[tuple[str, str], str]:
    """Records that point at it: in a list, by itself, as an entry, contained, in an extension, from a narrative."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    pointers = forms(kind, identifier, number)
    for form, pointer in pointers.items():
        found["MedicationRequest", form] = {"reasonReference": [pointer]}
        found["List", form] = {"entry": [{"item": pointer}]}
        found["ServiceRequest", form] = {"encounter": pointer}
    named = pointers["identified"]
    inside = {"resourceType": "List", "id": "inner", "entry": [{"item": named}]}
    found["Observation", "contained"] = {"contained": [inside], "focus": [{"reference": "#inner"}]}
    found["Observation", "extended"] = {"extension": [{"url": "urn:about", "valueReference": named}]}
    found["Observation", "addressed"] = {"extension": [{"url": "urn:about", "valueUri": f"{kind}/{identifier}"}]}
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{kind}/{identifier}">Asthma</a></div>'
    found["Observation", "linked"] = {"text": {"status": "generated", "div": div}}
    return {(one, f"{prefix}-{form}"): resource(one, f"{prefix}-{form}", **more) for (one, form), more in found.items()}


def named(text: str) -> dict[tuple[str, str], str]:
    """Records that point at Condition/problem and name it, beside the pointer or in the narrative."""
    pointer = {"reference": "Condition/problem"}
    shown = {**pointer, "display": text}
    found: dict[tuple[str, str], dict[str, Any]] = {
        ("MedicationRequest", "shown"): {"reasonReference": [shown]},
        ("ServiceRequest", "shown"): {"encounter": shown},
        ("List", "shown"): {"entry": [{"item": shown}]},
        ("Observation", "shown"): {"extension": [{"url": "urn:about", "valueReference": shown}]},
        ("Observation", "held"): {"contained": [{"resourceType": "List", "id": "i", "entry": [{"item": shown}]}]},
        ("MedicationRequest", "told"): {"reasonReference": [pointer], "text": {"status": "generated", "div": text}},
    }
    return {(kind, f"names-{name}"): resource(kind, f"names-{name}", **more) for (kind, name), more in found.items()}
