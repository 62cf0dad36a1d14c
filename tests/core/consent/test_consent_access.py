"""The way into the decision: signed consents in, a decision out."""

import json
from typing import Any

import msgspec
import pytest
from consent_forms import NOW, X, Y, give, ms, r4, r5, rule

from medrec.core import manifests
from medrec.core.consent import names
from medrec.core.consent.access import broken, given, parties, read_fhir, requested, rules_of
from medrec.core.consent.compiling import Rules
from medrec.core.consent.decide import decide, judge
from medrec.core.consent.facts import describing, facts
from medrec.core.consent.meant import Meant
from medrec.core.consent.policy import Given, Policy, Unreadable
from medrec.core.manifests.consent import (
    Attestation,
    ConsentManifest,
    FhirConsentManifest,
    Grant,
    fhir_consent_message,
    misfit,
)

RECORD = describing("Observation", "o1")
DAY = 86_400_000


def fhir(resource: Any, time: int = NOW, **changes: Any) -> FhirConsentManifest:
    text = resource if isinstance(resource, str) else json.dumps(resource)
    made = FhirConsentManifest(
        "consent/2", "00" * 32, "x", "mr1ada", time, text, "self", None, None, "11" * 32, "22" * 16, "aa"
    )
    return msgspec.structs.replace(made, **changes)


def grant(effect: str, recipients: list[str], time: int = NOW) -> ConsentManifest:
    said = Grant(effect, recipients, [], None)  # type: ignore[arg-type]
    return ConsentManifest("consent/1", "00" * 32, "x", "mr1ada", time, said, "11" * 32, "22" * 16)


def effect(rules: Rules, now: int = NOW, **parts: Any) -> tuple[str, str]:
    asked = {"requester": "x", "holder": "south", "purposes": ["TREAT"], **parts}
    found = judge(decide(requested(rules, **asked), rules, now), RECORD)
    return found.effect, found.reason


def test_a_fhir_consent_goes_through_a_manifest_unchanged() -> None:
    manifest = fhir(r4(rule("permit", who=X)))
    assert manifests.decode(manifests.encode(manifest)) == manifest
    other = msgspec.structs.replace(manifest, consent=manifest.consent + " ")
    assert fhir_consent_message(manifest) != fhir_consent_message(other)
    assert fhir_consent_message(manifest) == fhir_consent_message(msgspec.structs.replace(manifest, signature=""))


def test_r4_r5_and_grants_open_alike() -> None:
    for manifest in (fhir(r4(rule("permit", who=X))), fhir(r5("deny", rule(None, who=X))), grant("permit", ["x"])):
        rules = rules_of([given(manifest, "a")])
        assert effect(rules) == ("permit", "permitted")
        assert effect(rules, requester="y")[0] == "deny"


def test_a_consent_is_as_old_as_its_signature_says() -> None:
    """The date inside the resource is a claim; the manifest's time is what was signed and journalled."""
    claims_newer = fhir(r4(None, "OPTIN", dateTime="2030-01-01"), time=NOW - 2)
    assert effect(rules_of([given(claims_newer, "a"), given(fhir(r4(None, "OPTOUT"), time=NOW - 1), "b")]))[0] == "deny"


@pytest.mark.parametrize("text", ["{", '{"a": 1, "a": 2}', "null", json.dumps({"resourceType": "Patient"})])
def test_what_cannot_be_read_closes_everything(text: str) -> None:
    rules = rules_of([given(grant("permit", ["*"]), "a"), given(fhir(text), "b")])
    assert effect(rules) == ("indeterminate", "consent-broken")
    assert effect(rules_of([given(grant("permit", ["*"]), "a"), broken("b")])) == ("indeterminate", "consent-broken")
    assert effect(rules_of([given(grant("permit", ["*"]), "a"), broken("b", NOW)])) == ("permit", "permitted")


def test_what_a_clinic_attests_opens_for_thirty_days_and_closes_for_good() -> None:
    attested = {"assurance": "clinic", "attested": Attestation("desk 3", "spoken")}
    opens = rules_of([given(fhir(r4(rule("permit", rule("deny", label="SUD"))), **attested), "a")])
    assert effect(opens, NOW + 30 * DAY - 1) == ("permit", "permitted")
    assert effect(opens, NOW + 30 * DAY) == ("deny", "no-consent") or effect(opens, NOW + 30 * DAY)[0] == "deny"
    closes = given(fhir(r4(rule("deny", who=X)), **attested), "b")
    assert effect(rules_of([given(grant("permit", ["*"]), "a"), closes]), NOW + 300 * DAY) == ("deny", "denied")
    self_signed = rules_of([given(fhir(r4(rule("permit"))), "a")])
    assert effect(self_signed, NOW + 300 * DAY) == ("permit", "permitted")


def test_practitioners_are_named_inside_their_organisation() -> None:
    named = {"role": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType",
                                  "code": "PRCP"}]},
             "reference": {"identifier": {"system": f"{names.PRACTITIONER}x", "value": "dr-x"}}}  # fmt: skip
    rules = rules_of([given(fhir(r4({"type": "permit", "actor": [named]})), "a")])
    assert effect(rules, practitioner="dr-x") == ("permit", "permitted")
    assert effect(rules)[0] == "deny"
    assert effect(rules, practitioner="dr-x", requester="y")[0] == "deny"


def test_whom_nobody_can_look_up_opens_nothing_and_closes() -> None:
    for stranger in ("Group/g", "CareTeam/c", "Practitioner/dr-x", "https://elsewhere.example/fhir/Organization/x"):
        opens = rules_of([given(fhir(r4(rule("permit", who=stranger))), "a")])
        assert effect(opens) == ("indeterminate", "actor-unresolved")
        assert effect(opens, meant=Meant(also=frozenset([stranger]))) == ("permit", "permitted")
        assert effect(opens, meant=Meant(apart=frozenset([stranger]))) == ("deny", "no-consent")
        closes = rules_of([given(fhir(r4(rule("permit", rule("deny", who=stranger)))), "a")])
        assert effect(closes) == ("indeterminate", "actor-unresolved")
        assert effect(closes, meant=Meant(apart=frozenset([stranger]))) == ("permit", "permitted")


def test_a_role_in_a_group_matters_only_to_who_holds_it() -> None:
    nurse = {"role": {"coding": [{"system": "s", "code": "nurse"}]}, "reference": {"reference": "Group/g"}}
    rules = rules_of([given(fhir(r4(rule("permit", {"type": "deny", "actor": [nurse]}))), "a")])
    assert effect(rules) == ("indeterminate", "actor-unresolved"), "what is not vouched for may be hers"
    assert effect(rules, meant=Meant(apart=frozenset(["Group/g"]))) == ("permit", "permitted")
    assert effect(rules, roles=["s|nurse"]) == ("indeterminate", "actor-unresolved")
    assert effect(rules, roles=["s|nurse"], meant=Meant(also=frozenset(["Group/g"]))) == ("deny", "denied")


def test_the_parties_of_a_consent() -> None:
    policy = read_fhir(json.dumps(r4(rule("permit", rule("deny", by="Practitioner/p", held=Y), who=X))).encode())
    assert parties(policy) == {X, Y}
    assert names.organisation_of(X) == "x" and names.organisation_of("Organization/Upper.Case") is None
    assert names.organisation_of(names.practitioner("x", "dr-x")) == "x"


def test_who_signed_fits_what_it_is() -> None:
    assert misfit(fhir(r4(rule("permit")))) == ""
    assert misfit(fhir(r4(rule("permit")), acting="mr1bob")) != ""
    assert misfit(fhir(r4(rule("permit")), assurance="delegate")) != ""
    assert misfit(fhir(r4(rule("permit")), assurance="delegate", acting="mr1ada")) != ""
    assert misfit(fhir(r4(rule("permit")), assurance="clinic")) != ""
    assert misfit(fhir(r4(rule("permit")), attested=Attestation("desk", "paper"))) != ""
    delegate = fhir(r4(rule("permit")), assurance="delegate", acting="mr1bob")
    assert misfit(delegate) == "" and delegate.signer == "mr1bob"


def test_an_author_under_another_name_is_in_doubt() -> None:
    record = describing("Observation", "o1", authors=["Practitioner/p"])
    for author in ("https://elsewhere.example/fhir/Practitioner/p", "urn:uuid:1"):
        rules = rules_of([give(r4(rule("permit", rule("deny", by=author))))])
        decision = decide(requested(rules, requester="x", holder="y", purposes=["TREAT"]), rules, NOW)
        assert judge(decision, record).reason == "author-unknown"
    rules = rules_of([give(r4(rule("permit", rule("deny", by="Practitioner/q"))))])
    decision = decide(requested(rules, requester="x", holder="y", purposes=["TREAT"]), rules, NOW)
    assert judge(decision, record).effect == "permit"


def test_a_label_that_nobody_knows_is_no_label() -> None:
    def labelled(system: str, code: str) -> Any:
        return facts(
            {"resourceType": "Observation", "id": "o", "meta": {"security": [{"system": system, "code": code}]}}
        )

    act = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
    assert labelled(act, "NEWSENS").labels is None
    assert labelled(act, "NORDSCLCD").labels == frozenset()
    assert labelled("http://hl7.org/fhir/v3/ActCode", "ETH").labels == {"ETH"}
    assert labelled("urn:oid:2.16.840.1.113883.5.25", "R").level == 4
    assert labelled("http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "SUBSETTED").labels == frozenset()
    # The same systems hold codes that are no labels of integrity, purpose or action: nobody knows what those say.
    hl7 = "http://terminology.hl7.org/CodeSystem/"
    for name, code, other in (
        ("v3-ObservationValue", "PATRPT", "ALC"), ("v3-ActReason", "TREAT", "DRUGINTER"),
        ("consentaction", "access", "peek"), ("common-tags", "actionable", "hiv-clinic"),
    ):  # fmt: skip
        assert labelled(f"{hl7}{name}", code).labels == frozenset()
        assert labelled(f"{hl7}{name}", other).labels is None
    for system in ("http://example.org/own", "http://terminology.hl7.org/ValueSet/v3-ActCode", SNOMED, f"{act}-x"):
        assert labelled(system, "HIV").labels is None, "it may be any sensitivity"


def test_a_policy_is_given_once_whatever_its_copies() -> None:
    policy = Policy("permit", (), 0)
    copies = [Given("a", policy), Given("a", policy, ms("2020-01-01"))]
    assert effect(rules_of(copies))[0] == effect(rules_of(copies[::-1]))[0] == "deny"
    assert isinstance(broken("b").content, Unreadable)


HL7_ROLE, SNOMED = "http://terminology.hl7.org/CodeSystem/practitioner-role", "http://snomed.info/sct"
NURSE, DOCTOR = f"{SNOMED}|224535009", f"{SNOMED}|158965000"


def by_role(says: str, system: str, code: str, reference: str | None = None) -> dict[str, Any]:
    actor: dict[str, Any] = {"role": {"coding": [{"system": system, "code": code}]}}
    if reference is not None:
        actor["reference"] = {"reference": reference}
    return {"type": says, "actor": [actor]}


@pytest.mark.parametrize(
    "system", [HL7_ROLE, HL7_ROLE.replace("http:", "https:") + "/", "http://nowhere.example/roles"]
)
def test_a_denial_of_a_role_is_never_without_effect_under_another_name(system: str) -> None:
    open_to_all = given(fhir(r4(rule("permit"))), "a")
    denied = rules_of([open_to_all, given(fhir(r4(by_role("deny", system, "nurse"))), "b")])
    assert effect(denied, roles=[NURSE], practitioner="p") == ("indeterminate", "actor-unresolved")
    strange = "nowhere" in system
    assert effect(denied, roles=[DOCTOR], practitioner="p")[0] == ("indeterminate" if strange else "permit")
    permitted = rules_of([given(fhir(r4(by_role("permit", system, "nurse", X))), "a")])
    assert effect(denied, roles=[], practitioner="p") == ("indeterminate", "actor-unresolved"), (
        "nobody says what she is"
    )
    for roles in ([NURSE], []):
        assert effect(permitted, roles=roles) == ("indeterminate", "actor-unresolved")
    assert effect(permitted, roles=[f"{system}|nurse"]) == ("permit", "permitted")
    assert effect(permitted, roles=[NURSE], requester="y") == ("deny", "no-consent")


def test_the_same_role_by_an_oid_is_the_same_role() -> None:
    permitted = rules_of([given(fhir(r4(by_role("permit", "urn:oid:2.16.840.1.113883.6.101", "163W00000X"))), "a")])
    assert effect(permitted, roles=["http://nucc.org/provider-taxonomy|163W00000X"]) == ("permit", "permitted")


@pytest.mark.parametrize(
    "said",
    [
        {"onsetAge": {"value": 30, "unit": "a"}}, {"onsetString": "2015"}, {"onsetRange": {"low": {"value": 20}}},
        {"_onsetDateTime": {"extension": [{"url": "u", "valueCode": "masked"}]}}, {"onsetPeriod": {"start": "20x"}},
    ],
)  # fmt: skip
def test_a_time_that_nobody_can_read_is_not_the_day_it_was_written_down(said: dict[str, Any]) -> None:
    since_2020 = {"dataPeriod": {"start": "2020"}}
    opened = rules_of([given(fhir(r4(rule("permit", **since_2020))), "a")])
    closed = rules_of([given(fhir(r4(rule("permit", rule("deny", **since_2020)))), "a")])
    for rules, then in ((opened, "2021-05-05"), (closed, "2015-05-05")):
        record = facts({"resourceType": "Condition", "id": "c", "recordedDate": then, **said})
        asked = requested(rules, requester="x", holder="south", purposes=["TREAT"])
        found = judge(decide(asked, rules, NOW), record)
        assert (found.effect, found.reason) == ("indeterminate", "record-undated")
        told = facts({"resourceType": "Condition", "id": "c", "recordedDate": then, "onsetPeriod": {"start": then}})
        assert judge(decide(asked, rules, NOW), told).effect == "permit" or rules is closed


def test_what_is_attached_is_of_its_media_type_wherever_it_hangs() -> None:
    cda = {"system": "urn:ietf:bcp:13", "code": "application/hl7-cda+xml"}
    rules = rules_of([given(fhir(r4(rule("permit", {"type": "deny", "class": [cda]}))), "a")])
    decision = decide(requested(rules, requester="x", holder="south", purposes=["TREAT"]), rules, NOW)
    for resource, expected in (
        ({"content": [{"attachment": {"contentType": "application/hl7-cda+xml; charset=utf-8"}}]}, "deny"),
        ({"content": [{"attachment": {"contentType": "text/xml"}}]}, "indeterminate"),
        ({"content": [{"attachment": {"url": "Binary/1"}}]}, "indeterminate"),
        ({"presentedForm": [{"contentType": "application/hl7-cda+xml"}]}, "deny"),
        ({"contentType": "application/xml"}, "indeterminate"),
        ({"content": [{"attachment": {"contentType": "application/pdf"}}]}, "permit"),
        ({"status": "final"}, "permit"),
    ):
        found = judge(decision, facts({"resourceType": "DocumentReference", "id": "d", **resource}))
        assert found.effect == expected, resource
