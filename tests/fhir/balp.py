"""The constraints of IHE BALP 1.1.4 (profiles PatientRead, PatientQuery, PrivacyDisclosure.Source and .Recipient,
AuthZconsent) and of FHIR R4 AuditEvent, as checks on JSON: each function gives what breaks them.

They are our own transcription of the profiles' definitions, element by element; the profiles come in no package that
could be installed. A foreign validator holds the same events against FHIR R4 (test_validated.py)."""

from typing import Any

DCM = "http://dicom.nema.org/resources/ontology/DCM"
ENTITY = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
PROFILE = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
SOURCE, DESTINATION = (DCM, "110153"), (DCM, "110152")
USER = ("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP")
DISCLOSE = ("http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle", "disclose")
REST = ("http://terminology.hl7.org/CodeSystem/audit-event-type", "rest")
INTERACTION = "http://hl7.org/fhir/restful-interaction"
RESOURCE = "http://hl7.org/fhir/resource-types"
PROVIDER = ("http://terminology.hl7.org/CodeSystem/v3-RoleClass", "PROV")
AUTHORIZER = ("http://terminology.hl7.org/CodeSystem/extra-security-role-type", "authserver")
BY_CONSENT = ("https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType", "AuthZ-Consent")
TRANSACTION = ("https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType", "XrequestId")
ELEMENTS = {
    "resourceType", "id", "meta", "type", "subtype", "action", "period", "recorded", "outcome", "outcomeDesc",
    "purposeOfEvent", "agent", "source", "entity",
}  # fmt: skip


def pair(coding: Any) -> tuple[Any, Any]:
    return coding.get("system"), coding.get("code")


def kinds(agent: Any) -> set[tuple[Any, Any]]:
    return {pair(coding) for coding in agent.get("type", {}).get("coding", [])}


def of_type(event: Any, code: tuple[str, str]) -> list[Any]:
    return [entity for entity in event.get("entity", []) if pair(entity.get("type", {})) == code]


def base(event: Any) -> list[str]:
    """What breaks FHIR R4 AuditEvent itself, as far as our events use it."""
    wrong = [f"element {name}" for name in event if name not in ELEMENTS]
    wrong += [f"{name} missing" for name in ("type", "recorded", "agent", "source") if not event.get(name)]
    wrong += ["source.observer missing"] if not event.get("source", {}).get("observer") else []
    wrong += ["action"] if event.get("action") not in ("C", "R", "U", "D", "E") else []
    wrong += ["outcome"] if event.get("outcome") not in ("0", "4", "8", "12") else []
    for agent in event.get("agent", []):
        wrong += ["agent.requestor missing"] if type(agent.get("requestor")) is not bool else []
        wrong += ["agent.network.type"] if agent.get("network", {"type": "5"}).get("type") not in "12345" else []
    return wrong


def agents(event: Any, wanted: dict[str, tuple[str, str]]) -> list[str]:
    """Each of these types of agent once, with who and network."""
    wrong = []
    for name, code in wanted.items():
        found = [agent for agent in event["agent"] if code in kinds(agent)]
        if len(found) != 1:
            wrong.append(f"agent[{name}] stands {len(found)} times")
        elif not found[0].get("who") or not found[0].get("network", {}).get("address"):
            wrong.append(f"agent[{name}] without who or network")
    users = [agent for agent in event["agent"] if USER in kinds(agent)]
    wrong += ["agent[user]"] if len(users) > 1 else []
    for user in users:
        wrong += ["agent[user] is no requestor"] if user.get("requestor") is not True else []
        wrong += ["agent[user].who"] if not user.get("who") else []
        wrong += ["agent[user].network"] if "network" in user or "media" in user else []
    return wrong


def patient(event: Any) -> list[str]:
    found = of_type(event, (ENTITY, "1"))
    if len(found) != 1:
        return [f"entity[patient] stands {len(found)} times"]
    wrong = ["entity[patient].role"] if pair(found[0].get("role", {})) != (ROLE, "1") else []
    what = found[0].get("what", {})
    named = what.get("reference", "").startswith("Patient/") or what.get("type") == "Patient"
    return wrong + ([] if named else ["entity[patient].what"])


def transaction(event: Any) -> list[str]:
    found = of_type(event, TRANSACTION)
    wrong = ["entity[transaction]"] if len(found) > 1 else []
    return wrong + [
        "entity[transaction].what" for one in found if not one.get("what", {}).get("identifier", {}).get("value")
    ]


def rest(event: Any, code: str, action: str) -> list[str]:
    wrong = ["type"] if pair(event["type"]) != REST else []
    wrong += ["subtype"] if (INTERACTION, code) not in {pair(one) for one in event.get("subtype", [])} else []
    wrong += ["action"] if event["action"] != action else []
    return wrong + (["outcome"] if event["outcome"] != "0" else [])


def patient_read(event: Any) -> list[str]:
    data = of_type(event, (ENTITY, "2"))
    wrong = [f"entity[data] stands {len(data)} times"] if len(data) != 1 else []
    wrong += ["entity[data].role" for one in data if pair(one["role"]) not in {(ROLE, r) for r in ("3", "4", "20")}]
    wrong += ["entity[data].what" for one in data if not one.get("what")]
    wrong += agents(event, {"client": DESTINATION, "server": SOURCE})
    code = "vread" if "vread" in {one.get("code") for one in event.get("subtype", [])} else "read"
    return wrong + rest(event, code, "R") + patient(event) + transaction(event)


def patient_query(event: Any) -> list[str]:
    query = of_type(event, (ENTITY, "2"))
    wrong = [f"entity[query] stands {len(query)} times"] if len(query) != 1 else []
    for one in query:
        wrong += ["entity[query].role"] if pair(one["role"]) != (ROLE, "24") else []
        wrong += ["entity[query].query"] if not one.get("query") else []
        wrong += ["entity[query] has more"] if {"what", "lifecycle", "detail"} & set(one) else []
    wrong += agents(event, {"client": SOURCE, "server": DESTINATION})
    return wrong + rest(event, "search", "E") + patient(event) + transaction(event)


def disclosure(event: Any, code: str, action: str, itself: tuple[str, str]) -> list[str]:
    wrong = ["type"] if pair(event["type"]) != (DCM, code) else []
    wrong += ["action"] if event["action"] != action else []
    wrong += ["subtype"] if DISCLOSE not in {pair(one) for one in event.get("subtype", [])} else []
    wrong += ["modifierExtension"] if "modifierExtension" in event else []
    wrong += ["entity 2..*"] if len(event.get("entity", [])) < 2 else []
    wrong += agents(event, {"source": SOURCE, "recipient": DESTINATION})
    # val-audit-source: the audit source is this agent, too.
    own = [agent["who"] for agent in event["agent"] if itself in kinds(agent)]
    wrong += ["val-audit-source"] if own != [event["source"]["observer"]] else []
    return wrong + patient(event) + transaction(event)


def decision(event: Any) -> list[str]:
    """AuthZconsent: client, user, her organisation and who decided, each once; the patient, and the consents."""
    wrong = ["type"] if pair(event["type"]) != (DCM, "110113") else []
    wrong += ["action"] if event["action"] != "E" else []
    wrong += ["subtype"] if [pair(one) for one in event.get("subtype", [])] != [BY_CONSENT] else []
    wrong += ["outcomeDesc of a deny"] if event["outcome"] != "0" and not event.get("outcomeDesc") else []
    wrong += ["modifierExtension"] if "modifierExtension" in event else []
    wrong += agents(event, {"client": (DCM, "110150")})
    wrong += ["agent[user] 1..1"] if not [agent for agent in event["agent"] if USER in kinds(agent)] else []
    allowed = {
        "userorg": (PROVIDER, {"type", "who", "requestor", "purposeOfUse"}),
        "authorizer": (AUTHORIZER, {"type", "who", "requestor"}),
        "client": ((DCM, "110150"), {"type", "who", "requestor", "network", "policy"}),
        "user": (USER, {"type", "who", "requestor", "role", "name", "policy", "purposeOfUse"}),
    }
    for name, (code, elements) in allowed.items():
        found = [agent for agent in event["agent"] if code in kinds(agent)]
        wrong += [f"agent[{name}] stands {len(found)} times"] if len(found) != 1 else []
        wrong += [f"agent[{name}].{more}" for one in found for more in sorted(set(one) - elements)]
        wrong += [f"agent[{name}].requestor" for one in found if one.get("requestor") is not (name == "user")]
        wrong += [f"agent[{name}].who" for one in found if not one.get("who")]
    # val-audit-source: the audit source is who decided.
    own = [agent["who"] for agent in event["agent"] if AUTHORIZER in kinds(agent)]
    wrong += ["val-audit-source"] if own != [event["source"]["observer"]] else []
    consents = of_type(event, (RESOURCE, "Consent"))
    wrong += [] if consents and all(one.get("what") for one in consents) else ["entity[consent]"]
    # The slices of entity are closed.
    wrong += ["entity"] if len(consents) + 1 != len(event.get("entity", [])) else []
    return wrong + patient(event)


CHECKS = {
    "AuthZconsent": decision,
    "PatientRead": patient_read,
    "PatientQuery": patient_query,
    "PrivacyDisclosure.Source": lambda event: disclosure(event, "110106", "R", SOURCE),
    "PrivacyDisclosure.Recipient": lambda event: disclosure(event, "110107", "C", DESTINATION),
}


def broken(event: Any) -> list[str]:
    """What breaks the profile that an event claims, and FHIR itself."""
    wrong = base(event)
    for profile in event.get("meta", {}).get("profile", []):
        check = CHECKS.get(profile.removeprefix(PROFILE))
        wrong += [f"no such profile: {profile}"] if check is None else check(event)
    return wrong
