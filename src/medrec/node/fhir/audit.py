"""Lines of the journal as FHIR AuditEvents, by the profiles of IHE BALP 1.1.4.

A disclosure becomes PrivacyDisclosure.Source, and where it answered the FHIR API PatientRead or PatientQuery as well;
a recipient's half becomes PrivacyDisclosure.Recipient. Both ends carry the same X-Request-Id. Where consents decided,
for it or against it, an AuthZconsent names them. A refusal itself follows no profile of BALP, which has those of
successes only: it is an AuditEvent with the outcome that FHIR has for it. A look at the place itself is a PatientRead
of the person; a declared emergency is DICOM's "Emergency Override Started", for which BALP has no profile.
"""

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from medrec.core.consent.names import ACCOUNT, PRACTITIONER
from medrec.core.manifests.access import DisclosureManifest, LogReadManifest, ReceivedManifest, RefusalManifest, Request
from medrec.core.manifests.emergency import EmergencyManifest
from medrec.core.manifests.inside import OwnLookManifest
from medrec.node.fhir.answer import instant

if TYPE_CHECKING:
    from medrec.node.node import Node

PROFILE = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
PROFILES = ("AuthZconsent", "PatientQuery", "PatientRead", "PrivacyDisclosure.Recipient", "PrivacyDisclosure.Source")
DCM = "http://dicom.nema.org/resources/ontology/DCM"
ENTITY, ROLE = (
    "http://terminology.hl7.org/CodeSystem/audit-entity-type",
    "http://terminology.hl7.org/CodeSystem/object-role",
)
ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
INTERACTION = "http://hl7.org/fhir/restful-interaction"
REQUEST_ID = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
REST = {"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest"}
DISCLOSE = {"system": "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle", "code": "disclose"}
SOURCE, DESTINATION = {"system": DCM, "code": "110153"}, {"system": DCM, "code": "110152"}
CUSTODIAN = {"system": "http://snomed.info/sct", "code": "159541003"}
BY_CONSENT = {"system": "https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType", "code": "AuthZ-Consent"}
APPLICATION = {"system": DCM, "code": "110150"}
PROVIDER = {"system": "http://terminology.hl7.org/CodeSystem/v3-RoleClass", "code": "PROV"}
AUTHORIZER = {"system": "http://terminology.hl7.org/CodeSystem/extra-security-role-type", "code": "authserver"}
CONSENT = {"system": "http://hl7.org/fhir/resource-types", "code": "Consent"}


class Auditor:
    """Writes the AuditEvents of one node about one person; `patient` is her local id ("" where she has none)."""

    def __init__(self, node: "Node", account: str, patient: str) -> None:
        self._node = node
        self._account = account
        self._patient = patient
        self._endpoints = {one.id: one.endpoint for one in node.directory.organisations()}

    def events(self, seq: int, stated: Any) -> list[dict[str, Any]]:
        """The AuditEvents of a line; none for one that tells of no look."""
        made = _EVENTS.get(type(stated))
        return made(self, seq, stated) if made is not None else []

    def _given(self, seq: int, stated: DisclosureManifest) -> list[dict[str, Any]]:
        found = [*self._decided(seq, stated, "0"), self._disclosure(seq, stated)]
        return [*found, self._interaction(seq, stated)] if stated.request.query else found

    def _refused(self, seq: int, stated: RefusalManifest) -> list[dict[str, Any]]:
        return [*self._decided(seq, stated, "8", outcomeDesc=stated.code), self._refusal(seq, stated)]

    def _event(self, identifier: str, profile: str, time: int, **parts: Any) -> dict[str, Any]:
        me = self._organisation(self._node.organisation)
        event: dict[str, Any] = {"resourceType": "AuditEvent", "id": identifier}
        if profile:
            event["meta"] = {"profile": [PROFILE + profile]}
        source = {"site": self._node.organisation, "observer": me}
        return {**event, "recorded": instant(time), "outcome": "0", "source": source, **parts}

    def _disclosure(self, seq: int, stated: DisclosureManifest) -> dict[str, Any]:
        request = stated.request
        return self._event(
            f"{seq}-disclosure",
            "PrivacyDisclosure.Source",
            stated.time,
            type={"system": DCM, "code": "110106", "display": "Export"},
            subtype=[DISCLOSE],
            action="R",
            purposeOfEvent=[_purpose(request)],
            agent=[
                self._machine(SOURCE, stated.organisation),
                self._machine(DESTINATION, request.requester),
                {"type": {"coding": [CUSTODIAN]}, "who": self._organisation(stated.organisation), "requestor": False},
                self._user(request),
            ],
            entity=[self._person(), _transaction(request.id), *self._records(stated)],
        )

    def _interaction(self, seq: int, stated: DisclosureManifest) -> dict[str, Any]:
        """The same as a RESTful read or search."""
        request = stated.request
        path = request.query.partition("?")[0]
        code = "vread" if "/_history/" in path else "read" if path.count("/") == 1 else "search"
        reads = code != "search"
        # In a read the server is the source, in a search the client is: so BALP has it, after DICOM.
        client, server = (DESTINATION, SOURCE) if reads else (SOURCE, DESTINATION)
        query = {
            "type": {"system": ENTITY, "code": "2"},
            "role": {"system": ROLE, "code": "24"},
            "query": base64.b64encode(request.query.encode()).decode(),
        }
        return self._event(
            f"{seq}-{code}",
            "PatientRead" if reads else "PatientQuery",
            stated.time,
            type=REST,
            subtype=[{"system": INTERACTION, "code": code}],
            action="R" if reads else "E",
            purposeOfEvent=[_purpose(request)],
            agent=[
                self._machine(client, request.requester),
                self._machine(server, stated.organisation),
                self._user(request),
            ],
            entity=[self._person(), _transaction(request.id), *(self._records(stated) if reads else [query])],
        )

    def _decided(
        self, seq: int, stated: DisclosureManifest | RefusalManifest, outcome: str, **parts: Any
    ) -> list[dict[str, Any]]:
        """That consents of the person decided, and which; nothing where none did."""
        if not stated.decided:
            return []
        request = stated.request
        house = request.vouched_by(self._node.organisation)
        event = self._event(
            f"{seq}-decision",
            "AuthZconsent",
            stated.time,
            type={"system": DCM, "code": "110113", "display": "Security Alert"},
            subtype=[BY_CONSENT],
            action="E",
            outcome=outcome,
            purposeOfEvent=[_purpose(request)],
            agent=[
                self._machine(APPLICATION, house),
                self._user(request),
                {"type": {"coding": [PROVIDER]}, "who": self._organisation(house), "requestor": False},
                {"type": {"coding": [AUTHORIZER]}, "who": self._organisation(stated.organisation), "requestor": False},
            ],
            entity=[
                self._person(),
                *({"type": CONSENT, "what": {"reference": f"Consent/{one}"}} for one in stated.decided),
            ],
            **parts,
        )
        return [event]

    def _received(self, seq: int, stated: ReceivedManifest) -> list[dict[str, Any]]:
        failed = {"received": "0", "viewed": "0", "refused": "8", "nothing": "4"}[stated.outcome]
        event = self._event(
            f"{seq}-received",
            "PrivacyDisclosure.Recipient",
            stated.time,
            type={"system": DCM, "code": "110107", "display": "Import"},
            subtype=[DISCLOSE],
            action="C",
            outcome=failed,
            outcomeDesc=stated.outcome,
            agent=[self._machine(SOURCE, stated.source), self._machine(DESTINATION, stated.organisation)],
            entity=[self._person(), _transaction(stated.request), *self._records(stated)],
        )
        return [event]

    def _refusal(self, seq: int, stated: RefusalManifest) -> dict[str, Any]:
        request = stated.request
        # Of so many others, which have no line of their own, it is the last.
        more = {"detail": [{"type": "refusals", "valueString": str(stated.more)}]} if stated.more else {}
        return self._event(
            f"{seq}-refusal",
            "",
            stated.time,
            type=REST,
            subtype=[{"system": INTERACTION, "code": "read"}],
            action="R",
            outcome="4",
            outcomeDesc=stated.code,
            purposeOfEvent=[_purpose(request)],
            agent=[
                self._machine(DESTINATION, request.requester),
                self._machine(SOURCE, stated.organisation),
                self._user(request),
            ],
            entity=[self._person(), {**_transaction(request.id), **more}],
        )

    def _inside(self, seq: int, stated: OwnLookManifest) -> list[dict[str, Any]]:
        """Somebody of the place itself opened what is there: it is client and server at once."""
        request, person = stated.request, self._person()
        data = {"type": {"system": ENTITY, "code": "2"}, "role": {"system": ROLE, "code": "4"}, "what": person["what"]}
        event = self._event(
            f"{seq}-inside",
            "PatientRead",
            stated.time,
            type=REST,
            subtype=[{"system": INTERACTION, "code": "read"}],
            action="R",
            purposeOfEvent=[_purpose(request)],
            agent=[
                self._machine(DESTINATION, stated.organisation),
                self._machine(SOURCE, stated.organisation),
                self._user(request),
            ],
            entity=[person, _transaction(request.id), data],
        )
        return [event]

    def _emergency(self, seq: int, stated: EmergencyManifest) -> list[dict[str, Any]]:
        request = stated.request
        event = self._event(
            f"{seq}-emergency",
            "",
            stated.time,
            type={"system": DCM, "code": "110113", "display": "Security Alert"},
            subtype=[{"system": DCM, "code": "110127", "display": "Emergency Override Started"}],
            action="E",
            period={"start": instant(stated.time), "end": instant(stated.until)},
            outcomeDesc=stated.code,
            purposeOfEvent=[{**_purpose(request), "text": request.reason}],
            agent=[
                self._machine(DESTINATION, request.requester),
                self._machine(SOURCE, stated.organisation),
                self._user(request),
            ],
            entity=[self._person(), _transaction(request.id)],
        )
        return [event]

    def _log_read(self, seq: int, stated: LogReadManifest) -> list[dict[str, Any]]:
        reader = {"type": {"coding": [{"system": PARTICIPATION, "code": "IRCP"}]}, "requestor": True}
        event = self._event(
            f"{seq}-log",
            "",
            stated.time,
            type={"system": DCM, "code": "110101", "display": "Audit Log Used"},
            action="R",
            agent=[{**reader, "name": stated.reader or stated.by, "who": {"display": stated.by}}],
            entity=[self._person()],
        )
        return [event]

    def _organisation(self, name: str) -> dict[str, Any]:
        return {"identifier": {"system": "urn:medrec:organisation", "value": name}, "display": name}

    def _machine(self, kind: dict[str, str], name: str) -> dict[str, Any]:
        """A node that takes part, with its address on the ledger."""
        return {
            "type": {"coding": [kind]},
            "who": self._organisation(name),
            "requestor": False,
            "network": {"address": self._endpoints.get(name) or f"urn:medrec:organisation:{name}", "type": "5"},
        }

    def _user(self, request: Request) -> dict[str, Any]:
        """Who asked: a person, or a program, which says so."""
        house = request.vouched_by(self._node.organisation)
        system, _, code = request.role.partition("|")
        user: dict[str, Any] = {
            "type": {"coding": [{"system": PARTICIPATION, "code": "IRCP"}]},
            "who": {"identifier": {"system": PRACTITIONER + house, "value": request.identity or "unknown"}},
            "requestor": True,
            "purposeOfUse": [_purpose(request)],
        }
        if request.practitioner:
            user["name"] = request.practitioner
        if code:
            user["role"] = [{"coding": [{"system": system, "code": code}]}]
        if request.machine:
            user["who"]["type"] = "Device"
        return user

    def _person(self) -> dict[str, Any]:
        what: dict[str, Any] = {"type": "Patient", "identifier": {"system": ACCOUNT, "value": self._account}}
        if self._patient:
            what["reference"] = f"Patient/{self._patient}"
        return {"type": {"system": ENTITY, "code": "1"}, "role": {"system": ROLE, "code": "1"}, "what": what}

    def _records(self, stated: DisclosureManifest | ReceivedManifest) -> list[dict[str, Any]]:
        return [
            {
                "type": {"system": ENTITY, "code": "2"},
                "role": {"system": ROLE, "code": "4"},
                "what": {"reference": f"{record.type}/{record.id}"},
            }
            for record in stated.records
        ]


_EVENTS: dict[type, Callable[[Auditor, int, Any], list[dict[str, Any]]]] = {
    DisclosureManifest: Auditor._given,
    RefusalManifest: Auditor._refused,
    ReceivedManifest: Auditor._received,
    OwnLookManifest: Auditor._inside,
    EmergencyManifest: Auditor._emergency,
    LogReadManifest: Auditor._log_read,
}
"""How each kind of node.looks.kinds.LOG is written."""


def _purpose(request: Request) -> dict[str, Any]:
    return {"coding": [{"system": ACT_REASON, "code": request.purpose}]}


def _transaction(identifier: str) -> dict[str, Any]:
    return {"type": {"system": REQUEST_ID, "code": "XrequestId"}, "what": {"identifier": {"value": identifier}}}
