"""The rule that a declared emergency adds: the weakest of all, for emergencies alone; and what its scopes open."""

from typing import Any

import pytest
from consent_forms import X, ask, compiled, decided, effect, observation, r4, r5, rule
from hypothesis import given
from test_consent_laws import NOW, consents, records, requests, rules_of

from medrec.core.consent import terms
from medrec.core.consent.decide import decide, judge
from medrec.core.consent.emergency import SUMMARY_CODES, in_scope, may_declare, with_default
from medrec.core.consent.facts import Record, Request, describing, facts, unknown
from medrec.core.consent.policy import Given


@given(consents, requests, records)
def test_it_changes_nothing_but_emergencies(found: list[Given], request: Request, record: Record) -> None:
    rules = rules_of(found)
    before, after = decide(request, rules, NOW), decide(request, with_default(rules), NOW)
    if terms.EMERGENCY.isdisjoint(request.purposes):
        assert judge(after, record).effect == judge(before, record).effect
    if judge(before, record).effect == "permit":
        assert judge(after, record).effect == "permit"


@given(consents, requests, records)
def test_it_lifts_no_denial(found: list[Given], request: Request, record: Record) -> None:
    rules = rules_of(found)
    whole = decide(request, rules, NOW)
    before = judge(whole, record)
    after = judge(decide(request, with_default(rules), NOW), record)
    # A request that nobody permits is refused with all denials that bear on it, also those of other records.
    of_all = {rule.consent for rule in rules.every if rule.effect == "deny" and not rule.tests}
    denied = set(before.decided) & of_all if whole.effect == "deny" else before.decided
    if before.effect == "deny" and before.reason == "denied" and (denied or before.law):
        assert after.effect != "permit"


def test_what_nobody_speaks_of_opens_and_names_the_law() -> None:
    rules = with_default(compiled())
    found = decided(rules, ask(purpose="BTG"))
    assert (found.effect, found.decided, found.law) == ("permit", (), ("law:emergency",))
    assert found.attach == ("break-glass-review",)
    assert effect(rules, ask(purpose="BTG")) == "permit" and effect(rules, ask()) == "deny"
    assert effect(compiled(), ask(purpose="BTG")) == "deny"


def test_every_no_of_the_person_counts() -> None:
    for no in (r4(rule("deny", purpose="ETREAT")), r4(rule("deny")), r4(None, "OPTOUT"), r5("deny"),
               r4(rule("deny", who=X)), r5("deny", rule(None, who="Organization/y"))):  # fmt: skip
        assert effect(with_default(compiled(no)), ask(purpose="BTG")) == "deny", no


def test_scopes() -> None:
    assert in_scope("summary", describing("AllergyIntolerance", "a"))
    assert not in_scope("summary", describing("AllergyIntolerance", "a", labels=["HIV"]))
    assert not in_scope("summary", describing("Condition", "c", labels=["R"]))
    assert not in_scope("summary", observation()) and in_scope("restricted", observation(labels=["SUD", "V"]))
    assert in_scope("summary", observation(codes=[min(SUMMARY_CODES)]))
    assert in_scope("summary", describing("DocumentReference", "d", kinds=["http://loinc.org|42348-3"]))
    assert not in_scope("summary", unknown("AllergyIntolerance", "a"))
    # A note on an allergy may hold anything; it may also save a life, and nothing in it is known to be sensitive.
    assert in_scope("summary", describing("AllergyIntolerance", "a", may=["HIV"]))
    assert not in_scope("summary", describing("Condition", "c", may=["HIV"]))
    document = describing("DocumentReference", "d", kinds=["http://loinc.org|60591-5"], may=["HIV"])
    assert not in_scope("summary", document) and in_scope("restricted", document)


NDC = {"system": "http://hl7.org/fhir/sid/ndc", "code": "12496120803"}


@pytest.mark.parametrize(
    ("medicine", "opens"),
    [
        ({"medicationCodeableConcept": {"coding": [NDC]}}, False),
        ({"medicationCodeableConcept": {"coding": [NDC], "text": "12496120803"}}, False),
        ({"medicationCodeableConcept": {"coding": [NDC], "text": "Zelvatrix"}}, True),
        ({"medicationCodeableConcept": {"coding": [{**NDC, "display": "Zelvatrix"}]}}, True),
        ({"medicationCodeableConcept": {"text": "Zelvatrix"}}, True),
        ({"medication": {"concept": {"coding": [NDC]}}}, False),
        ({"medicationReference": {"identifier": {"system": NDC["system"], "value": NDC["code"]}}}, False),
        ({"medicationReference": {"reference": "Medication/m"}}, True),
        ({"medicationReference": {"reference": "#m"},
          "contained": [{"resourceType": "Medication", "id": "m", "code": {"coding": [NDC]}}]}, False),
    ],
)  # fmt: skip
def test_a_medicine_of_which_nobody_knows_what_is_in_it_opens_first_only_if_it_has_a_name(
    medicine: dict[str, Any], opens: bool
) -> None:
    record = facts({"resourceType": "MedicationRequest", "id": "m", **medicine}, may=["OPIOIDUD"])
    assert in_scope("summary", record) is opens and in_scope("restricted", record)


def test_who_may() -> None:
    assert may_declare("http://snomed.info/sct|158965000", False)
    assert not may_declare("http://snomed.info/sct|158965000", True) and not may_declare("", False)
