"""Answers of the FHIR API as bytes: Bundles in which every record stands byte for byte as it was signed."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from medrec.core.consent.floor import PART_2_NOTICE, PART_2_TEXT
from medrec.node.refusals import Code, Refusal

JSON = "application/fhir+json"
_encoder = msgspec.json.Encoder()

ISSUES: dict[str, str] = {
    "not-permitted": "forbidden",
    "not-found": "not-found",
    "query-unknown": "not-supported",
    "too-large": "too-costly",
    "request-replayed": "duplicate",
    "request-expired": "expired",
    "credential-over": "expired",
    "signature-stale": "expired",
    "malformed": "structure",
    "record-altered": "conflict",
    "record-changed": "conflict",
    "actor-strange": "informational",
}
"""Code of a refusal -> code of http://hl7.org/fhir/issue-type; all others are `security`, or `transient` under 503."""

REFUSAL_SYSTEM = "https://medrec.org/fhir/CodeSystem/refusal"
NOTICES = {PART_2_NOTICE: PART_2_TEXT}


WITHHELD = (
    "Not all of this person's record is shown here: some of it is withheld, or waits until somebody has looked whose "
    "it is, or its source left parts out."
)


NO_PROOF = (
    "This may not be everything. What the person or the law keeps back is not here. That something is not here is no "
    "sign that it is not so: ask the person."
)
"""What stands in every answer that lists records, whatever is withheld: what is missing must not be read as absent."""
NO_PROOF_URL = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, 'https://medrec.org/fhir/no-proof')}"


class Entry(NamedTuple):
    """One resource in a Bundle: where it is, its bytes, and why it is there (match, include, outcome; "" in no
    search)."""

    url: str
    content: bytes
    mode: str


def encode(value: Any) -> bytes:
    """The bytes of a resource that the node writes itself."""
    return _encoder.encode(value)


def searchset(
    identifier: str,
    time: str,
    entries: Iterable[Entry],
    links: Sequence[tuple[str, str]],
    total: int | None,
    attach: Sequence[str] = (),
) -> bytes:
    """A searchset; `total` counts the permitted matches on all pages, None leaves it out."""
    value: dict[str, Any] = {
        "resourceType": "Bundle",
        "id": identifier,
        "meta": {"lastUpdated": time},
        "type": "searchset",
    }
    if attach:
        # Notices that the law lets no record travel without.
        value["meta"]["extension"] = notices(attach)
    if total is not None:
        value["total"] = total
    value["link"] = [{"relation": relation, "url": url} for relation, url in links]
    found = []
    for entry in entries:
        one: dict[str, Any] = {"fullUrl": entry.url, "resource": msgspec.Raw(entry.content)}
        if entry.mode:
            one["search"] = {"mode": entry.mode}
        found.append(one)
    if found:
        value["entry"] = found
    return encode(value)


def history(
    identifier: str, time: str, entry: dict[str, Any], content: bytes, here: str, attach: Sequence[str] = ()
) -> bytes:
    """A Bundle of history with the one version that can be shown; `entry` is that one without its resource."""
    meta: dict[str, Any] = {"lastUpdated": time}
    if attach:
        meta["extension"] = notices(attach)
    return encode(
        {
            "resourceType": "Bundle",
            "id": identifier,
            "meta": meta,
            "type": "history",
            "total": 1,
            "link": [{"relation": "self", "url": here}],
            "entry": [{**entry, "resource": msgspec.Raw(content)}],
        }
    )


def notices(attach: Sequence[str]) -> list[dict[str, str]]:
    """Extensions of a Bundle's meta: the texts that have to travel with its records."""
    url = "https://medrec.org/fhir/StructureDefinition/notice"
    return [{"url": url, "valueString": NOTICES.get(code, code)} for code in attach]


def no_proof() -> bytes:
    """The OperationOutcome of NO_PROOF. It depends on nothing, and so tells nothing."""
    issue = {"severity": "information", "code": "informational", "details": {"text": NO_PROOF}, "diagnostics": NO_PROOF}
    return encode({"resourceType": "OperationOutcome", "issue": [issue]})


def withheld() -> bytes:
    """The OperationOutcome that says, to whom the person allows to be told it, that something is withheld. It is the
    same whatever that is, and how much."""
    issue = {"severity": "information", "code": "suppressed", "details": {"text": WITHHELD}, "diagnostics": WITHHELD}
    return encode({"resourceType": "OperationOutcome", "issue": [issue]})


def outcome(code: str, sentence: str, status: int, severity: str = "error") -> bytes:
    """An OperationOutcome for a refusal, or a warning beside what was done."""
    issue = ISSUES.get(code, "transient" if status == 503 else "security" if status in (401, 403) else "invalid")
    coding = {"system": REFUSAL_SYSTEM, "code": code}
    return encode(
        {
            "resourceType": "OperationOutcome",
            "issue": [
                {
                    "severity": severity,
                    "code": issue,
                    "details": {"coding": [coding], "text": sentence},
                    "diagnostics": sentence,
                }
            ],
        }
    )


def outcome_of(refusal: Refusal) -> bytes:
    """The OperationOutcome of a refusal as the one who asked may see it."""
    # A name behind the sentence would say of a record that it is here.
    shown = refusal.reason if refusal.reason is not Code.NOT_FOUND else Code.NOT_FOUND
    sentence = refusal.sentence if shown is not Code.NOT_FOUND else Code.NOT_FOUND.sentence
    return outcome(refusal.code, sentence, refusal.status)
