"""FHIR Consent, R4 and R5, JSON -> `Policy`. What is not understood whole is not read at all.

An element that this engine does not know could be a condition, and a condition that is left out opens a permit; so
every unknown element, code and form makes the consent Unreadable, with a reason and the element's path.
"""

import re
from typing import Any, cast

import msgspec

from medrec.core.consent import systems, terms
from medrec.core.consent.policy import Effect, Meaning, Policy, Provision, Unreadable
from medrec.core.consent.times import ALWAYS, Span, read_period, read_time

MARKS = "urn:medrec:consent:marks"
DEPTH_MAX = 16
PROVISIONS_MAX = 2000
VALUES_MAX = 2000

REASONS: dict[str, str] = {
    "not-json": "It is not JSON that can be read in one way only.",
    "not-a-consent": "It is not a FHIR Consent.",
    "version-unclear": "It is neither a FHIR R4 nor a FHIR R5 Consent.",
    "status-unknown": "Its status is not one that FHIR has.",
    "scope-unknown": "Its scope is not one that FHIR has.",
    "modifier": "It carries a modifier that could turn its meaning around.",
    "element-unknown": "It has an element that FHIR does not have there, or of the wrong form.",
    "direction-missing": "A provision does not say whether it permits or denies.",
    "date-unreadable": "A date or period in it is not readable, or ends before it starts.",
    "actor-unresolvable": "It does not say who is meant in a form that can be looked up.",
    "role-unknown": "The part that an actor plays is not one that can be decided on.",
    "action-unknown": "An action in it is not known.",
    "purpose-unknown": "A purpose of use in it is not known.",
    "label-unknown": "A security label in it is not known.",
    "code-unreadable": "A class, type or code in it has no code system or no code.",
    "data-unreadable": "The data that it points to cannot be looked up.",
    "expression-unsupported": "It has a condition in a programming language.",
    "about-another": "It says that it is about somebody else, or about nobody who can be told.",
    "too-large": "It is nested too deeply or has too many parts.",
}
"""Why a consent is not read: code -> one sentence for people."""

_RESOURCE = {"resourceType", "id", "meta", "language", "text", "contained", "extension", "identifier", "status",
             "category", "sourceAttachment", "sourceReference", "verification", "provision"}  # fmt: skip
_R4 = _RESOURCE | {"scope", "patient", "dateTime", "performer", "organization", "policy", "policyRule"}
_R5 = _RESOURCE | {"subject", "date", "period", "grantor", "grantee", "manager", "controller", "regulatoryBasis",
                   "policyBasis", "policyText", "decision"}  # fmt: skip
_RULE = {"id", "extension", "period", "actor", "action", "securityLabel", "purpose", "code", "dataPeriod", "data",
         "provision"}  # fmt: skip
_R4_RULE = _RULE | {"type", "class"}
_R5_RULE = _RULE | {"documentType", "resourceType", "expression"}
_R4_ONLY = {"scope", "patient", "dateTime", "performer", "organization", "policy", "policyRule"}
_R5_ONLY = _R5 - _RESOURCE
_STATUS = {
    "R4": {"draft", "proposed", "active", "rejected", "inactive", "entered-in-error"},
    "R5": {"draft", "active", "inactive", "not-done", "entered-in-error", "unknown"},
}
_SCOPES = {"adr", "treatment", "patient-privacy", "research"}
_BASES: dict[str, Effect] = {"OPTIN": "permit", "OPTINR": "permit", "OPTOUT": "deny", "OPTOUTE": "deny"}
_FLIPPED: dict[Effect, Effect] = {"permit": "deny", "deny": "permit"}
_PARTS = {"PRCP": "recipients", "IRCP": "recipients", "CST": "custodians", "AUT": "authors"}
_MEANINGS = ("instance", "related", "dependents", "authoredby")
_REFERENCE = re.compile(r"(https?://[^\s#|?]+/)?[A-Z][A-Za-z]{1,63}/[A-Za-z0-9\-.]{1,64}\Z")
_URN = re.compile(r"urn:(uuid|oid):[0-9A-Za-z.\-]+\Z")


def read_consent(resource: Any, dated: int | None = None, zone: int = 0) -> Policy:
    """The policy of a FHIR Consent (R4 or R5, decoded JSON). Raises Unreadable.

    `dated` (ms) is when the person decided, if that is better known than the resource's own date says; `zone`
    (minutes east of UTC) is where dates without a zone are read.
    """
    if not isinstance(resource, dict) or resource.get("resourceType") != "Consent":
        raise Unreadable("not-a-consent", "Consent")
    version = version_of(resource)
    _known(resource, _R4 if version == "R4" else _R5, "Consent")
    status = resource.get("status")
    if not isinstance(status, str) or status not in _STATUS[version]:
        raise Unreadable("status-unknown", "Consent.status")
    if dated is None:
        name = "dateTime" if version == "R4" else "date"
        dated = _time(resource[name], f"Consent.{name}", zone).start if name in resource else 0
    read = _Reader(version, zone).read_r4 if version == "R4" else _Reader(version, zone).read_r5
    return msgspec.structs.replace(read(resource, dated, status == "active"), marks=_marks(resource))


def _marks(resource: dict[str, Any]) -> bool | None:
    """Whether the person allows marks where something is held back: our one extension of Consent."""
    listed = resource.get("extension", [])
    found = (
        [item for item in listed if isinstance(item, dict) and item.get("url") == MARKS] if type(listed) is list else []
    )
    if not found:
        return None
    if len(found) > 1 or type(found[0].get("valueBoolean")) is not bool:
        raise Unreadable("element-unknown", "Consent.extension")
    return bool(found[0]["valueBoolean"])


def version_of(resource: dict[str, Any]) -> str:
    """ "R4" or "R5", by the elements that only one of them has. Raises Unreadable."""
    r4, r5 = _R4_ONLY & set(resource), _R5_ONLY & set(resource)
    provision = resource.get("provision")
    if isinstance(provision, list) or r5:
        if r4 or isinstance(provision, dict):
            raise Unreadable("version-unclear", "Consent")
        return "R5"
    if not r4 and not isinstance(provision, dict):
        raise Unreadable("version-unclear", "Consent")
    return "R4"


def _known(value: Any, names: set[str], path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unreadable("element-unknown", path)
    if "modifierExtension" in value or "implicitRules" in value:
        raise Unreadable("modifier", path)
    for name in sorted(value):
        if name not in names:
            raise Unreadable("element-unknown", f"{path}.{name}")
    return value


def _time(value: Any, path: str, zone: int) -> Span:
    found = read_time(value, zone)
    if found is None:
        raise Unreadable("date-unreadable", path)
    return found


class _Reader:
    """Reads one consent; counts its provisions and values."""

    def __init__(self, version: str, zone: int) -> None:
        self.names = _R4_RULE if version == "R4" else _R5_RULE
        self.zone = zone
        self.provisions = 0
        self.values = 0

    def read_r4(self, resource: dict[str, Any], dated: int, active: bool) -> Policy:
        scopes = [
            coding["code"]
            for coding in self._codings(resource.get("scope"), "Consent.scope", "scope-unknown")
            if coding["system"] == terms.CONSENT_SCOPE
        ]
        if len(scopes) != 1 or scopes[0] not in _SCOPES:
            raise Unreadable("scope-unknown", "Consent.scope")
        if scopes[0] in ("adr", "treatment"):
            return Policy(None, (), dated, in_force=False)
        silent = cast(Any, "research" if scopes[0] == "research" else "care")
        default = self._policy_rule(resource)
        if "provision" not in resource:
            if default is None:
                raise Unreadable("direction-missing", "Consent.provision")
            return Policy(default, (), dated, in_force=active, silent=silent)
        root = _known(resource["provision"], self.names, "Consent.provision")
        effect = self._type(root, "Consent.provision", default)
        # A root without a type says where the policy rule holds; one that contradicts it is an exception to it. What
        # is denied where no provision speaks stays denied beside a root that denies something; a permit opens no more.
        base = default if default != effect or (default == "deny" and "type" in root) else None
        provision = self._provision(root, "Consent.provision", effect, 1, typed=True)
        return Policy(base, (provision,), dated, in_force=active, silent=silent)

    def read_r5(self, resource: dict[str, Any], dated: int, active: bool) -> Policy:
        decision = resource.get("decision")
        if decision not in ("permit", "deny"):
            raise Unreadable("direction-missing", "Consent.decision")
        period = self._period(resource, "period", "Consent")
        listed = self._list(resource, "provision", "Consent")
        effect = _FLIPPED[cast(Effect, decision)]
        provisions = tuple(
            self._provision(value, f"Consent.provision[{at}]", effect, 1, typed=False)
            for at, value in enumerate(listed)
        )
        return Policy(cast(Effect, decision), provisions, dated, period or ALWAYS, active)

    def _policy_rule(self, resource: dict[str, Any]) -> Effect | None:
        if "policyRule" not in resource:
            return None
        concept = resource["policyRule"]
        if isinstance(concept, dict) and "coding" not in concept and "text" in concept:
            return None
        codings = self._codings(concept, "Consent.policyRule", "code-unreadable")
        found = {_BASES[coding["code"]] for coding in codings
                 if coding["system"] == terms.ACT_CODE and coding["code"] in _BASES}  # fmt: skip
        if len(found) > 1:
            raise Unreadable("direction-missing", "Consent.policyRule")
        return found.pop() if found else None

    def _type(self, value: dict[str, Any], path: str, default: Effect | None) -> Effect:
        said = value.get("type", default)
        if said not in ("permit", "deny"):
            raise Unreadable("direction-missing", f"{path}.type")
        return cast(Effect, said)

    def _provision(self, value: Any, path: str, effect: Effect, depth: int, typed: bool) -> Provision:
        rule = _known(value, self.names, path)
        self.provisions += 1
        if depth > DEPTH_MAX or self.provisions > PROVISIONS_MAX:
            raise Unreadable("too-large", path)
        if "expression" in rule:
            raise Unreadable("expression-unsupported", f"{path}.expression")
        exceptions = []
        for at, child in enumerate(self._list(rule, "provision", path)):
            below = f"{path}.provision[{at}]"
            turned = self._type(_known(child, self.names, below), below, None) if typed else _FLIPPED[effect]
            exceptions.append(self._provision(child, below, turned, depth + 1, typed))
        labels, confidentiality = self._labels(rule, path)
        documents = self._plain_codes(rule, "documentType", path)
        return Provision(
            effect=effect,
            period=self._period(rule, "period", path) or ALWAYS,
            **self._actors(rule, path),
            actions=self._coded(rule, "action", path, terms.CONSENT_ACTION, terms.ACTIONS, "action-unknown", True),
            purposes=self._coded(rule, "purpose", path, terms.ACT_REASON, terms.PURPOSES_BELOW, "purpose-unknown"),
            labels=labels,
            confidentiality=confidentiality,
            kinds=self._plain_codes(rule, "class" if typed else "resourceType", path),
            documents=documents,
            codes=self._concepts(rule, path),
            data_period=self._period(rule, "dataPeriod", path),
            data=self._data(rule, path),
            exceptions=tuple(exceptions),
        )

    def _list(self, value: dict[str, Any], name: str, path: str) -> list[Any]:
        found = value.get(name, [])
        if not isinstance(found, list) or (name in value and not found):
            raise Unreadable("element-unknown", f"{path}.{name}")
        self.values += len(found)
        if self.values > VALUES_MAX:
            raise Unreadable("too-large", path)
        return found

    def _period(self, value: dict[str, Any], name: str, path: str) -> Span | None:
        if name not in value:
            return None
        found = read_period(value[name], self.zone)
        if found is None:
            raise Unreadable("date-unreadable", f"{path}.{name}")
        return found

    def _coding(self, value: Any, path: str, reason: str) -> dict[str, str]:
        if not isinstance(value, dict) or "modifierExtension" in value:
            raise Unreadable(reason, path)
        system, code = value.get("system"), value.get("code")
        if not isinstance(system, str) or not isinstance(code, str) or not system or not code:
            raise Unreadable(reason, path)
        return {"system": systems.system_name(system), "code": code}

    def _codings(self, value: Any, path: str, reason: str) -> list[dict[str, str]]:
        """The codings of a CodeableConcept: different names of one thing."""
        codings = value.get("coding") if isinstance(value, dict) else None
        if not isinstance(codings, list) or not codings:
            raise Unreadable(reason, path)
        return [self._coding(coding, f"{path}.coding[{at}]", reason) for at, coding in enumerate(codings)]

    def _coded(
        self, rule: dict[str, Any], name: str, path: str, system: str, known: Any, reason: str, concept: bool = False
    ) -> frozenset[str] | None:
        """The codes of one system; a value that has none is unknown."""
        if name not in rule:
            return None
        found: list[str] = []
        for at, value in enumerate(self._list(rule, name, path)):
            where = f"{path}.{name}[{at}]"
            codings = self._codings(value, where, reason) if concept else [self._coding(value, where, reason)]
            codes = [coding["code"] for coding in codings if coding["system"] == system and coding["code"] in known]
            if not codes:
                raise Unreadable(reason, where)
            found += codes
        return frozenset(found)

    def _labels(self, rule: dict[str, Any], path: str) -> tuple[frozenset[str] | None, frozenset[str] | None]:
        labels: list[str] = []
        levels: list[str] = []
        for at, value in enumerate(self._list(rule, "securityLabel", path)):
            where = f"{path}.securityLabel[{at}]"
            coding = self._coding(value, where, "label-unknown")
            system, code = coding["system"], coding["code"]
            if system == terms.ACT_CODE and code in terms.SENSITIVITIES_BELOW:
                labels.append(code)
            elif system == terms.CONFIDENTIALITY and code in terms.CONFIDENTIALITY_ORDER:
                levels.append(code)
            else:
                raise Unreadable("label-unknown", where)
        return frozenset(labels) or None, frozenset(levels) or None

    def _plain_codes(self, rule: dict[str, Any], name: str, path: str) -> frozenset[str] | None:
        """Class, resourceType or documentType: a resource type by its name, all else as a token (`systems`)."""
        if name not in rule:
            return None
        found: list[str] = []
        for at, value in enumerate(self._list(rule, name, path)):
            coding = self._coding(value, f"{path}.{name}[{at}]", "code-unreadable")
            found.append(systems.kind(coding["system"], coding["code"]))
        return frozenset(found)

    def _concepts(self, rule: dict[str, Any], path: str) -> frozenset[str] | None:
        if "code" not in rule:
            return None
        found: list[str] = []
        for at, value in enumerate(self._list(rule, "code", path)):
            codings = self._codings(value, f"{path}.code[{at}]", "code-unreadable")
            found += [systems.token(coding["system"], coding["code"]) for coding in codings]
        return frozenset(found)

    def _actors(self, rule: dict[str, Any], path: str) -> dict[str, Any]:
        """Who receives, holds and wrote it. Actors with the same part are alternatives; the parts must all hold."""
        found: dict[str, list[str]] = {}
        for at, value in enumerate(self._list(rule, "actor", path)):
            where = f"{path}.actor[{at}]"
            actor = _known(value, {"id", "extension", "role", "reference"}, where)
            part, roles = "recipients", [""]
            if "role" in actor:
                part, roles = self._role(actor["role"], f"{where}.role")
            if "reference" in actor:
                who = reference(actor["reference"], f"{where}.reference", "actor-unresolvable")
                tokens = [f"{who} {role}".strip() for role in roles]
            elif roles == [""]:
                raise Unreadable("actor-unresolvable", where)
            else:
                tokens = roles
            found.setdefault(part, []).extend(tokens)
        return {part: frozenset(tokens) for part, tokens in found.items()}

    def _role(self, value: Any, path: str) -> tuple[str, list[str]]:
        """The part that an actor plays, and the professional roles that it must hold ("" for none)."""
        codings = self._codings(value, path, "role-unknown")
        parts = {coding["code"] for coding in codings if coding["system"] == terms.PARTICIPATION}
        if not parts <= set(_PARTS) or len({_PARTS[part] for part in sorted(parts)}) > 1:
            raise Unreadable("role-unknown", path)
        others = [coding for coding in codings if coding["system"] != terms.PARTICIPATION]
        held = [systems.token(coding["system"], coding["code"]) for coding in others]
        if parts:
            part = _PARTS[min(parts)]
            if held and part != "recipients":
                raise Unreadable("role-unknown", path)
            return part, held or [""]
        return "recipients", held

    def _data(self, rule: dict[str, Any], path: str) -> frozenset[tuple[Meaning, str]] | None:
        if "data" not in rule:
            return None
        found: list[tuple[Meaning, str]] = []
        for at, value in enumerate(self._list(rule, "data", path)):
            where = f"{path}.data[{at}]"
            data = _known(value, {"id", "extension", "meaning", "reference"}, where)
            if data.get("meaning") not in _MEANINGS:
                raise Unreadable("data-unreadable", f"{where}.meaning")
            pointed = reference(data.get("reference"), f"{where}.reference", "data-unreadable")
            found.append((data["meaning"], pointed))
        return frozenset(found)


def reference(value: Any, path: str, reason: str) -> str:
    """What a FHIR Reference points to: "Type/id", an absolute address, or "identifier:system|value".

    Raises Unreadable for one that points into the resource itself, to one version, or nowhere.
    """
    if not isinstance(value, dict) or "modifierExtension" in value:
        raise Unreadable(reason, path)
    literal, identifier = value.get("reference"), value.get("identifier")
    if literal is not None:
        if not isinstance(literal, str) or not (_REFERENCE.match(literal) or _URN.match(literal)):
            raise Unreadable(reason, path)
        return literal
    if isinstance(identifier, dict):
        system, name = identifier.get("system"), identifier.get("value")
        if isinstance(system, str) and isinstance(name, str) and system and name and " " not in system + name:
            return f"identifier:{system}|{name}"
    raise Unreadable(reason, path)
