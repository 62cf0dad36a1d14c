"""Labels at the gate: what is sensitive is held back, and nothing that goes out points at it."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medrec.core import commitment, manifests
from medrec.core.consent import terms
from medrec.core.manifests.consent import FhirConsentManifest, fhir_consent_message
from medrec.node.peers.peers import PeerError
from medrec.node.refusals import Code, Refusal
from medrec.node.release.labels import Labels, shipped
from medrec.node.release.receive import request_records
from tests.node.forks import ada as ada
from tests.node.forks import fork_of_ada, nothing
from tests.node.network import Network, Patient


@pytest.fixture
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Network]:
    with fork_of_ada(request, tmp_path, nothing) as forked:
        yield forked


def put(network: Network, kind: str, identifier: str, **content: Any) -> None:
    whole = {"resourceType": kind, "id": identifier, "subject": {"reference": "Patient/ada"}, **content}
    network["north"].put(kind, identifier, json.dumps(whole))


def everything_but(network: Network, person: Patient, *labels: str) -> bytes:
    """She signs a FHIR consent: everything to everybody, but not these sensitivities."""
    denied = [{"system": terms.ACT_CODE, "code": code} for code in labels]
    resource = {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{"system": terms.CONSENT_SCOPE, "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "provision": {"type": "permit", "provision": [{"type": "deny", "securityLabel": denied}]},
    }
    return give(network, person, json.dumps(resource))


def give(network: Network, person: Patient, text: str) -> bytes:
    secret = secrets.token_bytes(32)
    key, _ = person.sign(bytes(32))
    unsigned = FhirConsentManifest(
        "consent/2", network.id.hex(), "north", person.account, network.time, text, "self", None, None,
        commitment.nullifier(secret).hex(), key.hex(),
    )  # fmt: skip
    _, signature = person.sign(fhir_consent_message(unsigned))
    network["north"].consents.give(manifests.encode(msgspec.structs.replace(unsigned, signature=signature.hex())))
    return secret


def seen(network: Network, person: Patient) -> list[str]:
    doctor = network["south"].doctor()
    found = request_records(network["south"], "north", person.account, practitioner=doctor, reason="visit")  # type: ignore[arg-type]
    return [record.id for record in found.records]


def test_what_is_in_doubt_of_herself_takes_no_record_of_hers_with_it(network: Network, ada: Patient) -> None:
    her = {"text": {"status": "additional", "div": "<div xmlns='http://www.w3.org/1999/xhtml'>Ada</div>"}}
    network["north"].put("Patient", "ada", json.dumps({"resourceType": "Patient", "id": "ada", **her}))
    put(network, "Condition", "asthma", code={"text": "Asthma"})
    put(network, "Condition", "points", code={"text": "Asthma"}, recorder={"reference": "Patient/ada"})
    everything_but(network, ada, "HIV")
    assert seen(network, ada) == ["asthma"]


def test_sensitive_records_stay_at_home(network: Network, ada: Patient) -> None:
    put(network, "Condition", "asthma", code={"text": "Asthma"})
    put(network, "Condition", "alcohol", code={"text": "Alcoholism"})
    put(network, "MedicationRequest", "inferred", medicationCodeableConcept={"text": "Buprenorphine 2 MG"})
    put(network, "Observation", "may", code={"text": "Finding"}, note=[{"text": "came with her sister"}])
    everything_but(network, ada, "SUD")
    assert seen(network, ada) == ["asthma"]


def test_a_code_in_any_form_stays_at_home(network: Network, ada: Patient) -> None:
    icd = "http://hl7.org/fhir/sid/icd-10-cm"
    for at, code in enumerate(("B20", "b20", " B20", "B\u200b20")):
        put(network, "Condition", f"c{at}", code={"coding": [{"system": icd, "code": code}]})
    put(network, "Procedure", "detox", status="completed",
        code={"coding": [{"system": "http://www.cms.gov/Medicare/Coding/ICD10", "code": "HZ2ZZZZ"}]})  # fmt: skip
    put(network, "Observation", "labelled", code={"text": "BMI"},
        meta={"security": [{"system": "http://hospital.example/labels", "code": "HIV"}]})  # fmt: skip
    put(network, "Condition", "asthma", code={"coding": [{"system": icd, "code": "j45.909"}]})
    everything_but(network, ada, "HIV", "SUD")
    assert seen(network, ada) == ["asthma"]


def test_what_its_author_restricted_without_a_reason_may_be_what_she_hides(network: Network, ada: Patient) -> None:
    icd, level = "http://hl7.org/fhir/sid/icd-10-cm", terms.CONFIDENTIALITY
    asthma = {"coding": [{"system": icd, "code": "J45.909"}]}
    for code in ("N", "M", "R", "V"):
        put(network, "Condition", code, code=asthma, meta={"security": [{"system": level, "code": code}]})
    put(network, "Condition", "part", code=asthma, contained=[
        {"resourceType": "Observation", "meta": {"security": [{"system": f"{level}|1", "code": "R"}]}}
    ])  # fmt: skip
    for name, reason in (("stated", terms.ACT_CODE), ("ruled", "")):
        labels = [{"system": level, "code": "R"}, *([{"system": reason, "code": "ETHUD"}] if reason else [])]
        why = asthma if reason else {"text": "Alcoholism"}
        put(network, "Condition", name, code=why, meta={"security": labels})
    everything_but(network, ada, "GDIS")
    assert seen(network, ada) == ["M", "N", "ruled", "stated"]


def test_who_hides_no_topic_shares_what_is_restricted(network: Network, ada: Patient) -> None:
    restricted = [{"system": terms.CONFIDENTIALITY, "code": "V"}]
    put(network, "Condition", "asthma", code={"text": "Asthma"}, meta={"security": restricted})
    network.consent(ada, "north", "south")
    assert seen(network, ada) == ["asthma"]


def test_a_record_of_an_odd_form_is_no_fault_and_gives_nothing_away(network: Network, ada: Patient) -> None:
    put(network, "Condition", "asthma", code={"text": "Asthma"})
    put(network, "Condition", "odd", code={"text": "flu"}, meta={"profile": 5})
    network.consent(ada, "north", "south")
    assert seen(network, ada) == ["asthma", "odd"]
    deep: Any = "asthma"
    for _ in range(100_000):
        deep = [deep]
    found = Labels().facts({"resourceType": "Condition", "id": "x", "evidence": deep}, "Condition", "x")
    assert found.labels is None and found.codes is None, "nothing is known of it"


def test_what_points_at_it_stays_as_well(network: Network, ada: Patient) -> None:
    put(network, "Condition", "alcohol", code={"text": "Alcoholism"})
    put(network, "Encounter", "visit", diagnosis=[{"condition": {"reference": "Condition/alcohol"}}])
    put(network, "Observation", "there", code={"text": "BMI"}, encounter={"reference": "urn:uuid:visit"})
    put(network, "Observation", "elsewhere", code={"text": "BMI"}, encounter={"reference": "Encounter/other"})
    everything_but(network, ada, "SUD")
    assert seen(network, ada) == ["elsewhere"]


KIN = {"RelatedPerson/kin": {"relationship": [{"text": "AA sponsor"}]}, "CareTeam/team": {"name": "MAT team"}}
"""People around her whom nobody has read, each a doubt by itself."""
TOLD = {
    "AllergyIntolerance/allergy": {"code": {"text": "Penicillin"}, "asserter": {"reference": "RelatedPerson/kin"}},
    "MedicationRequest/order": {
        "medicationCodeableConcept": {"text": "Warfarin 5 mg tablet"}, "performer": {"reference": "CareTeam/team"},
    },
    "ServiceRequest/test": {"code": {"text": "Creatinine"}, "performer": [{"reference": "CareTeam/team"}]},
    "MedicationStatement/told": {
        "medicationCodeableConcept": {"text": "Warfarin 5 mg tablet"},
        "informationSource": {"reference": "RelatedPerson/kin"},
    },
}  # fmt: skip


def test_who_told_it_and_which_team_does_it_hold_nothing_back_but_themselves(network: Network, ada: Patient) -> None:
    for name, content in {**KIN, **TOLD}.items():
        put(network, *name.split("/"), **content)
    everything_but(network, ada, "HIV")
    assert sorted(seen(network, ada)) == sorted(name.split("/")[1] for name in TOLD)


@pytest.mark.parametrize(
    ("kin", "team"),
    [
        ({"relationship": [{"text": "HIV infection"}]}, {"name": "HIV team"}),
        ({**KIN["RelatedPerson/kin"], "text": {"status": "additional", "div": "<div>Met at the meeting</div>"}},
         {**KIN["CareTeam/team"], "note": [{"text": "Met at the meeting"}]}),
    ],
)  # fmt: skip
def test_people_who_tell_more_than_who_they_are_are_pointed_at_by_nothing(
    network: Network, ada: Patient, kin: dict[str, Any], team: dict[str, Any]
) -> None:
    for name, content in {"RelatedPerson/kin": kin, "CareTeam/team": team, **TOLD}.items():
        put(network, *name.split("/"), **content)
    put(network, "Condition", "asthma", code={"text": "Asthma"})
    everything_but(network, ada, "HIV")
    assert seen(network, ada) == ["asthma"]


def test_a_circle_of_pointers_is_followed_from_every_side(network: Network, ada: Patient) -> None:
    put(network, "Observation", "a", code={"text": "BMI"}, hasMember=[{"reference": "Observation/b"}])
    put(network, "Observation", "b", code={"text": "BMI"},
        partOf=[{"reference": "Observation/a"}, {"reference": "Condition/alcohol"}])  # fmt: skip
    put(network, "Condition", "alcohol", code={"text": "Alcoholism"})
    put(network, "Observation", "c", code={"text": "BMI"}, hasMember=[{"reference": "Observation/c"}])
    everything_but(network, ada, "SUD")
    assert seen(network, ada) == ["c"]


def test_a_type_that_is_not_shared_hides_nobody_who_points_at_it(network: Network, ada: Patient) -> None:
    put(network, "Encounter", "visit", status="finished")
    put(network, "Observation", "there", code={"text": "BMI"}, encounter={"reference": "Encounter/visit"})
    network.consent(ada, "north", "south", types=("Observation",))
    assert seen(network, ada) == ["there"]


def test_rules_that_cannot_be_read_let_nothing_out(network: Network, ada: Patient) -> None:
    put(network, "Condition", "asthma", code={"text": "Asthma"})
    network.consent(ada, "north", "south")
    assert seen(network, ada) == ["asthma"]
    network["north"].labels = broken = Labels([b'{"format": "medrec/labels/1"}'])
    with pytest.raises(PeerError) as refused:
        seen(network, ada)
    assert refused.value.code == Code.RULES_UNREADABLE.value
    assert "cannot be read" in broken.trouble and broken.version == "unreadable"
    with pytest.raises(Refusal):
        broken.check()
    assert broken.facts({"resourceType": "Condition", "id": "c"}, "Condition", "c").labels is None


def test_the_rules_that_ship_are_whole() -> None:
    labels = Labels()
    labels.check()
    assert labels.trouble == "" and labels.version.startswith(labels.labeller.version)  # type: ignore[union-attr]
    assert Labels([shipped().replace(b'"2026', b'"2027')]).version != labels.version


def test_nodes_of_one_process_read_what_ships_once_and_a_site_s_own_rules_stay_its_own() -> None:
    rule = {"id": "house", "labels": ["HIV"], "basis": "stated", "why": "ours", "names": ["zzyzxosis"]}
    base = {**json.loads(shipped()), "version": "house", "rules": [rule], "products": {}, "titles": {}}
    own, condition = Labels([json.dumps(base).encode()]), {"resourceType": "Condition", "code": {"text": "zzyzxosis"}}
    assert Labels().labeller is Labels().labeller and own.labeller is not Labels().labeller
    assert "HIV" in own.of(condition).codes and "HIV" not in Labels().of(condition).codes
    assert own.version.split("/")[0].endswith("+house") and "house" not in Labels().version


def test_rules_that_no_clinician_has_reviewed_say_so_and_reviewed_ones_do_not() -> None:
    assert Labels().note.startswith("No clinician has reviewed the labelling rules (")
    reviewed = {**json.loads(shipped()), "version": "of the house", "rules": [], "products": {}, "titles": {}}
    own = json.dumps({**reviewed, "reviewed_by": "Dr Q. Known, 2026-11-01"}).encode()
    labels = Labels([own])
    assert labels.note and "of the house" not in labels.note and not labels.trouble
    blank = json.dumps({**reviewed, "reviewed_by": " "}).encode()
    assert "of the house" in Labels([blank]).note
