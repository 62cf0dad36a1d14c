"""Whom a Consent's text says that it is about: `patient` (R4) or `subject` (R5).

A signature says whose consent it is. A text that names somebody else was signed for another record than the one that it
would open: a mother who means her child's, or a program that took the wrong text. It opens nothing.
"""

import re
from typing import Any, NamedTuple

from medrec.core.consent import names
from medrec.core.consent.policy import Unreadable

REASON = "about-another"
_PATIENT = "http://hl7.org/fhir/StructureDefinition/Patient"
_REFERENCE = re.compile(r"(?:https?://[^\s#|?]+/)?([A-Z][A-Za-z]{1,63})/([A-Za-z0-9\-.]{1,64})(?:/_history/[^/]+)?\Z")


class About(NamedTuple):
    """The accounts, and the numbers of some organisation, by which a text names the person; none where it names her in
    no form that can be compared."""

    accounts: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()


def about(resource: Any) -> About:
    """Whom a Consent (decoded JSON) is about. Raises Unreadable (about-another) where that is no single person."""
    accounts, numbers = list[str](), list[str]()
    for element in ("patient", "subject"):
        if not isinstance(resource, dict) or element not in resource:
            continue
        value, path = resource[element], f"Consent.{element}"
        if not isinstance(value, dict) or value.get("type", "Patient") not in ("Patient", _PATIENT):
            raise Unreadable(REASON, path)
        literal, identifier = value.get("reference"), value.get("identifier")
        if literal is not None:
            found = _REFERENCE.match(literal) if isinstance(literal, str) else None
            if found is None or found[1] != "Patient":
                raise Unreadable(REASON, f"{path}.reference")
            numbers.append(found[2])
        if identifier is not None:
            named = identifier.get("value") if isinstance(identifier, dict) else None
            is_account = isinstance(identifier, dict) and identifier.get("system") == names.ACCOUNT
            if literal is not None and not is_account:
                # The reference says whom; a number of another system beside it (of a hospital, a state) compares with
                # nothing that is known here.
                continue
            if not isinstance(named, str) or not named:
                raise Unreadable(REASON, f"{path}.identifier")
            (accounts if is_account else numbers).append(named)
    return About(frozenset(accounts), frozenset(numbers))
