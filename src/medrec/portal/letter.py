"""The letter to a person for whom something was written down at the desk: printed here, and said to be posted."""

from typing import TYPE_CHECKING, Any

from medrec.core.manifests.consent import FhirConsentManifest
from medrec.node.consent import attesting, letters
from medrec.portal import policies, render, words
from medrec.portal.desk import by_whom
from medrec.portal.page import Go, PageError, Visit

if TYPE_CHECKING:
    from medrec.node.node import Node


def show(node: "Node", visit: Visit) -> dict[str, Any] | Go:
    """The values of letter.html; the form field `do` = posted says that it is on its way."""
    try:
        found = letters.find(node, bytes.fromhex(visit.path["consent"]))
    except ValueError:
        found = None
    account = attesting.account_of(node, found.patient) if found is not None else None
    if found is None or account is None:
        raise PageError(404, "unknown-line")
    if visit.form.get("do") == "posted":
        letters.post(node, found.consent, by_whom(visit))
        return Go(visit.link("desk_consent"), "posted")
    if visit.form:
        raise PageError(400, "form-unreadable")
    kept = next((one.consent for one in node.consents.of(account) if one.hash == found.consent), None)
    who = node.linker.patient(found.patient)
    consent = kept if isinstance(kept, FhirConsentManifest) else None
    attested = consent.attested if consent is not None else None
    return {
        "here": visit.link("letter", consent=found.consent.hex()),
        "person": f"{who.given} {who.family}".strip() if who is not None else "",
        "patient": found.patient,
        "said": policies.sentences(consent.consent.encode(), policies.called(node)) if consent is not None else [],
        "clerk": attested.clerk if attested is not None else "",
        "form": words.DESK_CONSENT[attested.form] if attested is not None else "",
        "when": render.date(consent.time) if consent is not None else None,
        "posted": visit.when(found.posted) if found.posted is not None else None,
    }
