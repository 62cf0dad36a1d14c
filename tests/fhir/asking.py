"""Asking north over its FHIR API, without sockets: whole answers, byte for byte."""

import base64
import json
from typing import Any, NamedTuple

import msgspec

from medrec.core import manifests
from medrec.node.fhir import bundle
from medrec.node.fhir.answer import LINE
from medrec.node.fhir.query import read_query
from medrec.node.fhir.routes import serve
from medrec.node.peers.calls import CallRefused
from medrec.node.refusals import Refusal
from medrec.node.release import access
from medrec.node.release.access import SentLine
from tests.node.network import Network

SUD = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "SUD"}
LOINC = "http://loinc.org"


class Told(NamedTuple):
    """All that the one who asks gets to see."""

    status: int
    body: bytes
    fields: tuple[tuple[str, str], ...]
    disclosure: Any
    keys: tuple[bytes, ...] = ()

    @property
    def value(self) -> Any:
        """What is told, without the entry that every listing has (`bundle.no_proof`)."""
        value = json.loads(self.body)
        if "entry" in value:
            value["entry"] = [one for one in value["entry"] if one.get("fullUrl") != bundle.NO_PROOF_URL]
            if not value["entry"]:
                del value["entry"]
        return value

    @property
    def names(self) -> list[str]:
        """Type/id of each entry of a Bundle, in order."""
        return [entry["fullUrl"].rpartition("/fhir/")[2] for entry in self.value.get("entry", [])]

    @property
    def code(self) -> str:
        """The code of an OperationOutcome."""
        return str(self.value["issue"][0]["details"]["coding"][0]["code"])


def ask(
    network: Network,
    account: str,
    path: str,
    parameters: str = "",
    *,
    identifier: bytes,
    by: str = "south",
    purpose: str = "TREAT",
    **changes: Any,
) -> Told:
    """South asks north; a refusal is told as it is over HTTP."""
    doctor = network[by].doctor()
    try:
        query = read_query(path, parameters)
        types, ids = query.asked_types(), query.asked_ids()
    except Refusal:
        types, ids = [], []
    stated = f"{path}?{parameters}" if parameters else path
    wanted = {"types": types, "ids": ids, "query": stated, **changes}
    request = doctor.request(identifier, purpose, "visit", **wanted)
    signed = doctor.ask(network.id, "north", account, network.time + 60_000, request)
    field = base64.urlsafe_b64encode(access.encode(signed)).decode()
    try:
        answer = serve(network["north"], by, "GET", path, parameters, field)  # type: ignore[arg-type]
    except (Refusal, CallRefused) as no:
        return Told(no.status, bundle.outcome(no.code, no.sentence, no.status), (), None)
    fields = dict(answer.fields)
    line = access.decode(base64.urlsafe_b64decode(fields.pop(LINE)), SentLine)
    return Told(
        answer.status, answer.body, tuple(sorted(fields.items())), manifests.decode(line.manifest), tuple(line.keys)
    )


def bare(one: Told) -> Any:
    """What is told, but for what is salted and so differs from world to world: the marks, their keys, and the entry on
    the ledger."""
    if one.disclosure is None:
        return one
    records = [
        (
            record.type,
            record.id,
            record.content is not None,
            record.proven,
            record.part and (record.part.how, record.part.elements),
        )
        for record in one.disclosure.records
    ]
    stated = msgspec.structs.replace(one.disclosure, records=[])
    return one._replace(disclosure=(stated, records), keys=len(one.keys))  # type: ignore[arg-type]


def resource(kind: str, identifier: str, /, **more: Any) -> str:
    """A record of the patient ada."""
    about = {} if kind == "Patient" else {"subject": {"reference": "Patient/ada"}}
    return json.dumps({"resourceType": kind, "id": identifier, **about, **more})


def observation(identifier: str, code: str, value: str, when: str, **more: Any) -> str:
    """An Observation whose number stands as it is written."""
    text = resource(
        "Observation",
        identifier,
        status="final",
        code={"coding": [{"system": LOINC, "code": code, "display": "Blood pressure"}]},
        effectiveDateTime=when,
        valueQuantity={"value": 0, "unit": "mmHg"},
        **more,
    )
    return text.replace('"value": 0', f'"value": {value}')


def consent(effect: str = "permit", recipient: str = "south", **provision: Any) -> str:
    """A FHIR R4 Consent with one provision for one organisation; `provision` adds to it."""
    coding = {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}
    role = {"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "PRCP"}
    actor = {"role": {"coding": [role]}, "reference": {"reference": f"Organization/{recipient}"}}
    return json.dumps(
        {
            "resourceType": "Consent",
            "status": "active",
            "scope": {"coding": [coding]},
            "category": [{"coding": [{"system": LOINC, "code": "59284-0"}]}],
            "provision": {"type": effect, "actor": [actor], **provision},
        }
    )


WITHOUT_SUBSTANCE_USE = consent(provision=[{"type": "deny", "securityLabel": [SUD]}])
"""South may see everything but what is about substance use."""
