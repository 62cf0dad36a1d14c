"""Short ways to write consents, requests and records in tests, and to decide about them."""

from typing import Any

from decision_basis import RECORD, REQUEST

from medrec.core.consent import terms
from medrec.core.consent.compiling import Floor, Rules, compile_consents
from medrec.core.consent.decide import Decision, Judgement, decide, judge
from medrec.core.consent.facts import Record, Request, asking, describing
from medrec.core.consent.floor import floor_of
from medrec.core.consent.policy import Given, Policy, Unreadable
from medrec.core.consent.reading import read_consent
from medrec.core.consent.systems import RESOURCE_TYPES
from medrec.core.consent.times import Span, read_time

Json = dict[str, Any]
X, Y = "Organization/x", "Organization/y"


def ms(text: str) -> int:
    """The first millisecond of a FHIR date or time."""
    found = read_time(text)
    assert found is not None, text
    return found.start


NOW = ms("2026-01-15T12:00:00Z")


def concept(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code}]}


def actor(reference: str | None = None, role: str = "PRCP", system: str = terms.PARTICIPATION) -> Json:
    found: Json = {"role": concept(system, role)}
    return found if reference is None else {**found, "reference": {"reference": reference}}


def rule(says: str | None = None, /, *below: Json, **parts: Any) -> Json:
    """A provision: who, by (author), held (custodian), purpose, label, level, type, code, action: one or several."""

    def several(name: str) -> list[Any]:
        value = parts.pop(name, [])
        return value if isinstance(value, list) else [value]

    actors = [actor(who) for who in several("who")]
    actors += [actor(who, "AUT") for who in several("by")] + [actor(who, "CST") for who in several("held")]
    labels = [{"system": terms.ACT_CODE, "code": code} for code in several("label")]
    labels += [{"system": terms.CONFIDENTIALITY, "code": code} for code in several("level")]
    found: Json = {
        "type": says,
        "actor": actors,
        "action": [concept(terms.CONSENT_ACTION, code) for code in several("action")],
        "securityLabel": labels,
        "purpose": [{"system": terms.ACT_REASON, "code": code} for code in several("purpose")],
        "class": [{"system": RESOURCE_TYPES, "code": code} for code in several("kind")],
        "code": [concept(*code.split("|")) for code in several("code")],
        "provision": list(below),
    }
    found = {name: value for name, value in found.items() if value}
    return {**found, **parts}


def r4(provision: Json | None = None, policy: str | None = None, **changes: Any) -> Json:
    """An active FHIR R4 consent about privacy."""
    found: Json = {
        "resourceType": "Consent",
        "status": "active",
        "scope": concept(terms.CONSENT_SCOPE, "patient-privacy"),
        "category": [concept("http://loinc.org", "59284-0")],
        "patient": {"reference": "Patient/ada"},
        "dateTime": "2025-01-01T00:00:00Z",
    }
    if policy is not None:
        found["policyRule"] = concept(terms.ACT_CODE, policy)
    if provision is not None:
        found["provision"] = provision
    return {**found, **changes}


def r5(decision: str, *provisions: Json, **changes: Any) -> Json:
    """An active FHIR R5 consent."""
    found: Json = {
        "resourceType": "Consent",
        "status": "active",
        "category": [concept("http://loinc.org", "59284-0")],
        "subject": {"reference": "Patient/ada"},
        "date": "2025-01-01T00:00:00Z",
        "decision": decision,
    }
    if provisions:
        found["provision"] = [as_r5(provision) for provision in provisions]
    return {**found, **changes}


def as_r5(provision: Json) -> Json:
    """An R4 provision as R5 writes it: without type, and with its class in two elements."""
    found = {name: value for name, value in provision.items() if name not in ("type", "class", "provision")}
    types = [coding for coding in provision.get("class", []) if coding["system"] == RESOURCE_TYPES]
    documents = [coding for coding in provision.get("class", []) if coding["system"] != RESOURCE_TYPES]
    if types:
        found["resourceType"] = types
    if documents:
        found["documentType"] = documents
    if provision.get("provision"):
        found["provision"] = [as_r5(child) for child in provision["provision"]]
    return found


def give(resource: Json, name: str = "", revoked: int | None = None, dated: int | None = None) -> Given:
    """A consent as it is handed to the decision; one that cannot be read as such."""
    content: Policy | Unreadable
    try:
        content = read_consent(resource, dated)
    except Unreadable as error:
        content = error
    return Given(name or "c", content, revoked)


def compiled(*resources: Json | Given, floor: tuple[str, ...] = ("none",)) -> Rules:
    """The rules of these consents, with ids a, b, c ..."""
    given = [item if isinstance(item, Given) else give(item, "abcdefgh"[at]) for at, item in enumerate(resources)]
    law = floor_of(*floor)
    return compile_consents(given, law.rules, law.notices)


def ask(*references: str, purpose: str | list[str] = "TREAT", **parts: Any) -> Request:
    """A request of X, or of whoever is named."""
    purposes = [purpose] if isinstance(purpose, str) else purpose
    return asking(references=references or (X,), purposes=purposes, **parts)


def observation(identifier: str = "o1", **parts: Any) -> Record:
    return describing("Observation", identifier, **parts)


def verdict(rules: Rules, request: Request, record: Record | None = None, now: int = NOW) -> Judgement:
    """The verdict about one record."""
    return judge(decide(request, rules, now), observation() if record is None else record)


def effect(rules: Rules, request: Request, record: Record | None = None, now: int = NOW) -> str:
    return verdict(rules, request, record, now).effect


def decided(rules: Rules, request: Request, now: int = NOW) -> Decision:
    return decide(request, rules, now)


# --- plain facts, as in the vectors ----------------------------------------------------------------------------------


def plain_request(**changes: Any) -> Json:
    return {**REQUEST, **changes}


def plain_record(kind: str = "Observation", identifier: str = "o1", **changes: Any) -> Json:
    return {"type": kind, "id": identifier, **RECORD, **changes}


def request_of(plain: Json) -> Request:
    rest = {name: value for name, value in plain.items() if name != "action"}
    return asking(**rest, actions=actions_of(plain))


def actions_of(plain: Json) -> list[str]:
    """The actions of a request of the vectors: one, or several."""
    return [plain["action"]] if isinstance(plain["action"], str) else list(plain["action"])


def record_of(plain: Json) -> Record:
    rest = {name: value for name, value in plain.items() if name not in ("type", "id", "dates")}
    dates = plain["dates"]
    return describing(plain["type"], plain["id"], **rest, dates=None if dates is None else Span(*dates))


def plain_floor(rules: tuple[Floor, ...]) -> list[Json]:
    """The legal floor for the second interpreter."""
    return [{"labels": law.labels, "purposes": law.purposes, "lifted": law.lifted} for law in rules]
