"""Bad input at the gate: each ends in a refusal with a code, a line in the journal, and nothing released."""

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from nacl.signing import SigningKey

from medrec.core import codec, manifests
from medrec.core.manifests.consent import FhirConsentManifest
from medrec.core.manifests.practitioner import Credential, credential_message
from medrec.node.refusals import Code
from medrec.node.release.access import Ask
from medrec.node.release.actors import strange
from medrec.node.release.labels import Labels
from medrec.node.release.practitioners import PHYSICIAN, Practitioner
from tests.fhir.asking import consent
from tests.node.network import HOUR, Network, Patient
from tests.node.test_gate import ada as ada
from tests.node.test_gate import codes, direct, get, names, refused, release, written
from tests.node.test_gate import network as network


def nothing_left(network: Network, *expected: str) -> None:
    """The journal says why, by its own code, and nothing was disclosed."""
    assert codes(network["north"]) == list(expected)
    assert written(network["north"], "disclosure/1") == []


# --- consents ------------------------------------------------------------------------------------------------------


def test_consents_that_contradict_each_other_at_the_same_instant(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south")
    network.consent(ada, "north", "south", effect="deny")
    assert refused(network, ada.account).code == "not-permitted"
    nothing_left(network, "denied")
    # Both stand for the same moment, and neither their order nor which of them came last makes a difference.
    assert len({kept.consent.time for kept in network["north"].consents.of(ada.account)}) == 1


def test_a_consent_that_ends_between_two_pages(network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    from medrec.node.release import access

    monkeypatch.setattr(access, "PAGE_RECORDS", 1)
    network.consent(ada, "north", "south", until=network.time + HOUR)
    first = get(network, ada.account)
    network["north"].anchor()
    network.time += HOUR
    assert refused(network, ada.account, after=first.more).code == "not-permitted"
    assert codes(network["north"]) == ["no-consent"]
    assert len(written(network["north"], "disclosure/1")) == 1


UNREADABLE = {
    "an unknown code system of labels": consent(
        provision=[{"type": "deny", "securityLabel": [{"system": "http://example.org/labels", "code": "SECRET"}]}]
    ),
    "an unknown label": consent(
        provision=[
            {
                "type": "deny",
                "securityLabel": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "NOSUCH"}],
            }
        ]
    ),
    "an unknown purpose": consent(
        purpose=[{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "NOSUCH"}]
    ),
    "an unknown action": consent(action=[{"coding": [{"system": "http://example.org", "code": "peek"}]}]),
    "an unknown element": consent(unless={"text": "I say otherwise"}),
    "an actor without a reference": consent(provision=[{"type": "deny", "actor": [{"role": {"text": "my aunt"}}]}]),
    "a modifier": json.dumps({**json.loads(consent()), "modifierExtension": [{"url": "x", "valueBoolean": True}]}),
    "no JSON": "{ ",
    "two equal keys": '{"resourceType":"Consent","status":"active","status":"inactive"}',
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=list(UNREADABLE))
def test_a_consent_that_cannot_be_read_whole_closes_everything(network: Network, ada: Patient, text: str) -> None:
    network.consent(ada, "north", "south")
    secret = network.fhir_consent(ada, "north", text)
    assert refused(network, ada.account).code == "not-permitted"
    nothing_left(network, "consent-broken")
    assert len(written(network["north"], "refusal/1")[0].decided) == 1
    # Taken back, it closes nothing any more.
    network.take_back(ada, "north", secret)
    assert names(get(network, ada.account))


SNOMED_ASTHMA = {"system": "http://snomed.info/sct", "code": "195967001"}
CALLED_OTHERWISE = (
    "urn:oid:2.16.840.1.113883.6.96",
    "2.16.840.1.113883.6.96",
    "https://snomed.info/sct/",
    "http://snomed.info/sct/900000000000207008/version/20250101",
    "http://snomed.info/sct|http://snomed.info/sct/731000124108",
)


def _denied(network: Network, ada: Patient, **parts: Any) -> list[str]:
    """What goes out beside a denial of this, where all the rest is permitted."""
    network.consent(ada, "north", "south")
    network.fhir_consent(ada, "north", consent(provision=[{"type": "deny", **parts}]))
    return names(get(network, ada.account))


@pytest.mark.parametrize("system", CALLED_OTHERWISE)
def test_a_code_system_by_another_name_is_the_same_one(network: Network, ada: Patient, system: str) -> None:
    code = [{"coding": [{"system": system, "code": "195967001"}]}]
    coded = {"resourceType": "Condition", "id": "coded", "code": {"coding": [SNOMED_ASTHMA]}}
    network["north"].put("Condition", "coded", json.dumps(coded | {"subject": {"reference": "Patient/ada"}}))
    assert "Condition/coded" not in _denied(network, ada, code=code)


@pytest.mark.parametrize("system", CALLED_OTHERWISE)
def test_a_record_coded_by_another_name_is_held_against_the_same_one(
    network: Network, ada: Patient, system: str
) -> None:
    coding = {"coding": [{"system": system, "code": "195967001"}]}
    coded = {"resourceType": "Condition", "id": "coded", "code": coding, "subject": {"reference": "Patient/ada"}}
    network["north"].put("Condition", "coded", json.dumps(coded))
    found = _denied(network, ada, code=[{"coding": [SNOMED_ASTHMA]}])
    assert "Condition/coded" not in found and "Observation/bp" in found


NOBODY_KNOWS: dict[str, dict[str, Any]] = {
    "a code": {"code": [{"coding": [{"system": "http://nowhere.example/x", "code": "A"}]}]},
    "a class": {"class": [{"system": "http://nowhere.example", "code": "Condition"}]},
    "a type": {"class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Conditions"}]},
    "a value set": {"class": [{"system": "http://hl7.org/fhir/ValueSet/c80-doc-typecodes", "code": "34133-9"}]},
    "a profile": {"class": [{"system": "urn:ietf:rfc:3986", "code": "http://nowhere.example/StructureDefinition/x"}]},
}


@pytest.mark.parametrize("parts", NOBODY_KNOWS.values(), ids=list(NOBODY_KNOWS))
def test_a_denial_by_what_nobody_knows_refuses_and_is_said_when_it_is_signed(
    network: Network, ada: Patient, parts: dict[str, Any]
) -> None:
    network.consent(ada, "north", "south")
    network.fhir_consent(ada, "north", consent(provision=[{"type": "deny", **parts}]))
    assert refused(network, ada.account).code == "not-permitted"
    nothing_left(network, "codes-unknown")
    (signed,) = (
        one.consent for one in network["north"].consents.of(ada.account) if isinstance(one.consent, FhirConsentManifest)
    )
    assert len(strange(network["north"], manifests.encode(signed))) == 1


def test_an_actor_whom_nobody_can_look_up(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south")
    actor = {
        "role": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "PRCP"}]},
        "reference": {"reference": "Group/the-people-i-do-not-trust"},
    }
    network.fhir_consent(ada, "north", consent("deny", actor=[actor]))
    assert refused(network, ada.account).code == "not-permitted"
    nothing_left(network, "actor-unresolved")


def test_rules_of_labels_that_do_not_parse(network: Network, ada: Patient) -> None:
    network.consent(ada, "north", "south")
    for own in (b"{", b"[]", b'{"rules": 1}'):
        network["north"].labels = Labels([own])
        assert network["north"].labels.trouble
        assert refused(network, ada.account).code == "rules-unreadable"
    nothing_left(network, *["rules-unreadable"] * 3)


# --- requests ------------------------------------------------------------------------------------------------------


def asked(network: Network, ada: Patient, doctor: Practitioner | None = None, **changes: Any) -> Ask:
    who = doctor or network["south"].doctor()
    purpose, reason = changes.pop("purpose", "TREAT"), changes.pop("reason", "visit")
    request = who.request(secrets.token_bytes(16), purpose, reason, **changes)
    return who.ask(network.id, "north", ada.account, network.time + 60_000, request)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"purpose": ""}, Code.PURPOSE_MISSING),
        ({"purpose": "CURIOSITY"}, Code.PURPOSE_UNKNOWN),
        ({"reason": "  "}, Code.REASON_MISSING),
    ],
)
def test_a_request_without_purpose_or_reason(
    network: Network, ada: Patient, changes: dict[str, Any], code: Code
) -> None:
    network.consent(ada, "north", "south")
    assert direct(network, asked(network, ada, **changes)) is code
    # The answer is the same for somebody who is unknown here.
    assert direct(network, asked(network, network.patient("bob"), **changes)) is code
    nothing_left(network, code.value, code.value)


def altered(world: Network, **changes: Any) -> Practitioner:
    """South's doctor with a credential that says something else, signed by south; `by` signs instead."""
    by = changes.pop("by", "south")
    doctor = world["south"].doctor()
    credential = msgspec.structs.replace(doctor.credential, **changes, signature="")
    signature = world.keys[by].sign_request(credential_message(credential))
    credential = msgspec.structs.replace(credential, signature=signature.hex())
    return Practitioner(credential, codec.encode_json(msgspec.to_builtins(credential)), doctor.key)


def _without(network: Network, ada: Patient) -> Ask:
    return msgspec.structs.replace(asked(network, ada), credential=b"")


def _torn(network: Network, ada: Patient) -> Ask:
    ask = asked(network, ada)
    return msgspec.structs.replace(ask, credential=ask.credential[:-1])


def _another_signer(network: Network, ada: Patient) -> Ask:
    return asked(network, ada, altered(network, by="east"))


def _foreign(network: Network, ada: Patient) -> Ask:
    east = network["east"].doctor("Dr East")
    request = east.request(secrets.token_bytes(16), "TREAT", "visit", requester="south")
    return east.ask(network.id, "north", ada.account, network.time + 60_000, request)


def _another_network(network: Network, ada: Patient) -> Ask:
    return asked(network, ada, altered(network, network="00" * 32))


def _over(network: Network, ada: Patient) -> Ask:
    return asked(network, ada, altered(network, since=network.time - 2 * HOUR, until=network.time))


def _not_yet(network: Network, ada: Patient) -> Ask:
    return asked(network, ada, altered(network, since=network.time + 1, until=network.time + HOUR))


def _for_a_year(network: Network, ada: Patient) -> Ask:
    return asked(network, ada, altered(network, until=network.time + 365 * 24 * HOUR))


def _another_name(network: Network, ada: Patient) -> Ask:
    return asked(network, ada, practitioner="Dr Somebody Else")


def _a_person_for_a_program(network: Network, ada: Patient) -> Ask:
    return asked(network, ada, machine=True)


def _another_role(network: Network, ada: Patient) -> Ask:
    return asked(network, ada, role="http://snomed.info/sct|224535009")


def _stolen(network: Network, ada: Patient) -> Ask:
    """Somebody has the credential, and not the key."""
    doctor = network["south"].doctor()
    return asked(network, ada, Practitioner(doctor.credential, doctor.credential_bytes, SigningKey.generate()))


def _for_another_source(network: Network, ada: Patient) -> Ask:
    doctor = network["south"].doctor()
    request = doctor.request(secrets.token_bytes(16), "TREAT", "visit")
    return doctor.ask(network.id, "east", ada.account, network.time + 60_000, request)


def _about_somebody_else(network: Network, ada: Patient) -> Ask:
    bob = network.patient("bob", "north")
    return msgspec.structs.replace(asked(network, ada), account=bob.account)


def _with_more_asked(network: Network, ada: Patient) -> Ask:
    ask = asked(network, ada, types=["Observation"])
    return msgspec.structs.replace(ask, request=msgspec.structs.replace(ask.request, types=[]))


CREDENTIALS: dict[Callable[[Network, Patient], Ask], Code] = {
    _without: Code.CREDENTIAL_MISSING,
    _torn: Code.CREDENTIAL_BAD,
    _another_signer: Code.CREDENTIAL_BAD,
    _foreign: Code.CREDENTIAL_BAD,
    _another_network: Code.CREDENTIAL_FOREIGN,
    _over: Code.CREDENTIAL_OVER,
    _not_yet: Code.CREDENTIAL_OVER,
    _for_a_year: Code.CREDENTIAL_TOO_LONG,
    _another_name: Code.NOT_THE_PRACTITIONER,
    _a_person_for_a_program: Code.NOT_THE_PRACTITIONER,
    _another_role: Code.NOT_THE_PRACTITIONER,
    _stolen: Code.ASSERTION_BAD,
    _for_another_source: Code.ASSERTION_BAD,
    _about_somebody_else: Code.ASSERTION_BAD,
    _with_more_asked: Code.ASSERTION_BAD,
}


@pytest.mark.parametrize("make", CREDENTIALS, ids=lambda make: make.__name__.strip("_"))
def test_who_asks_must_be_who_the_credential_says(
    network: Network, ada: Patient, make: Callable[[Network, Patient], Ask]
) -> None:
    network.consent(ada, "north", "*")
    assert direct(network, make(network, ada)) is CREDENTIALS[make]
    nothing_left(network, CREDENTIALS[make].value)


def test_a_good_request_is_answered_all_the_same(network: Network, ada: Patient) -> None:
    """The checks above do not refuse everything."""
    network.consent(ada, "north", "south")
    assert release(network, asked(network, ada))
    assert release(network, asked(network, ada, altered(network, role=PHYSICIAN)))
    assert isinstance(network["south"].doctor().credential, Credential)


def test_who_is_dismissed_asks_no_more_when_her_shift_is_over(network: Network, ada: Patient) -> None:
    south = network["south"]
    network.consent(ada, "north", "south")
    doctor = south.doctor()
    south.practitioners.dismiss("dr-south")
    with pytest.raises(LookupError):
        south.practitioners.present("dr-south")
    assert south.practitioners.all() == []
    network.time += 13 * HOUR
    assert direct(network, asked(network, ada, doctor)) is Code.CREDENTIAL_OVER


def test_every_refusal_has_a_line_in_the_specification() -> None:
    from medrec.node.refusals import HIDDEN, SENTENCES

    spec = (Path(__file__).parents[2] / "docs" / "spec" / "gate.md").read_text(encoding="utf-8")
    for code in Code:
        mark = "*" if code in HIDDEN else ""
        assert f"| `{code.value}`{mark} | {SENTENCES[code]} |" in spec, code
