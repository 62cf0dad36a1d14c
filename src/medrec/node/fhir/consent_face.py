"""The consents of a person that stand, as FHIR R4 Consent, each under the id of its address.
One that stands no more is read under its address with the status `inactive`.

What was signed in R4 is shown as it was signed. What was signed in another form, or cannot be read, is shown as a
Consent that says what it does here, with the signed text beside it as an attachment: no text that somebody signed
becomes a part of an answer's own structure.
"""

import base64
from typing import Any

from medrec.core.consent.access import read_fhir
from medrec.core.consent.names import organisation
from medrec.core.consent.policy import Unreadable
from medrec.core.consent.reading import version_of
from medrec.core.manifests.consent import FhirConsentManifest, Grant
from medrec.core.records.canonical import canonical
from medrec.node.consent.consents import Kept
from medrec.node.fhir.answer import instant
from medrec.node.keeping.journal import Person

SCOPE = {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}
CATEGORY = {"system": "http://loinc.org", "code": "59284-0"}
RECIPIENT = {"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "PRCP"}
TYPES = "http://hl7.org/fhir/resource-types"
_STATUS_R4 = {"not-done": "rejected", "unknown": "inactive"}
"""The states of an R5 Consent that R4 has under another name, or does not have."""
UNREADABLE = "It cannot be read, and so keeps every record here from everybody until it is taken back."
OTHER_FORM = "It was signed in the form of FHIR R5, and counts as its text says."


def consent_resource(kept: Kept, person: Person) -> dict[str, Any]:
    """The FHIR R4 Consent of a consent that stands."""
    if not isinstance(kept.consent, FhirConsentManifest):
        return _of_grant(kept, kept.consent.grant, person)
    text = kept.consent.consent
    try:
        read_fhir(text.encode())
    except Unreadable:
        return {**_frame(kept, person), "provision": {"type": "deny"}, **_attached(text, "text/plain", UNREADABLE)}
    tree = canonical(text.encode()).value
    if version_of(tree) == "R4":
        return {**tree, "id": kept.hash.hex()}
    form = "application/fhir+json; fhirVersion=5.0"
    status = _STATUS_R4.get(tree["status"], tree["status"])
    return {**_frame(kept, person), "status": status, **_attached(text, form, OTHER_FORM)}


def _of_grant(kept: Kept, grant: Grant, person: Person) -> dict[str, Any]:
    provision: dict[str, Any] = {"type": grant.effect}
    if grant.until is not None:
        # The last millisecond of a period belongs to it.
        provision["period"] = {"end": instant(grant.until - 1)}
    if "*" not in grant.recipients:
        provision["actor"] = [
            {"role": {"coding": [RECIPIENT]}, "reference": {"reference": organisation(name)}}
            for name in grant.recipients
        ]
    if grant.types:
        provision["class"] = [{"system": TYPES, "code": kind} for kind in grant.types]
    return {**_frame(kept, person), "policy": [{"uri": "urn:medrec:consent:grant"}], "provision": provision}


def _frame(kept: Kept, person: Person) -> dict[str, Any]:
    frame = {
        "resourceType": "Consent",
        "id": kept.hash.hex(),
        "status": "active",
        "scope": {"coding": [SCOPE]},
        "category": [{"coding": [CATEGORY]}],
        "dateTime": instant(kept.consent.time),
        "policy": [{"uri": "urn:medrec:consent:signed-text"}],
    }
    if person.patient:
        frame["patient"] = {"reference": f"Patient/{person.patient}"}
    return frame


def _attached(text: str, form: str, title: str) -> dict[str, Any]:
    data = base64.b64encode(text.encode()).decode()
    return {"sourceAttachment": {"contentType": form, "data": data, "title": title}}
