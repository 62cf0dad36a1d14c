"""Consents that name teams, groups, roles and people: looked up in the records of the place, at every door alike."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medrec.core import codec, manifests
from medrec.core.consent.facts import facts
from medrec.core.consent.replay import differences
from medrec.core.consent.trial import Asker
from medrec.node.consent.consents import CONSENTS_PATH, write_fhir_consent
from medrec.node.consent.policies import try_at
from medrec.node.fhir.faces import create_consent
from medrec.node.peers.peers import PeerError
from medrec.node.refusals import Code, Refusal
from medrec.node.release.receive import request_records
from tests.fhir.asking import ask, consent
from tests.node.forks import ada as ada
from tests.node.forks import fork_of_ada
from tests.node.network import HOUR, Network, Patient
from tests.node.test_doors import look, shown
from tests.node.test_emergency import TEXT, declare, written

RECIPIENT = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "PRCP"}],
}
X = {"identifier": [{"system": "urn:medrec:practitioner:south", "value": "dr-south"}], "name": [{"family": "South"}]}


def made(network: Network) -> None:
    for kind, identifier in (("Observation", "bp"), ("AllergyIntolerance", "nuts"), ("Condition", "gout")):
        put(network, kind, identifier, subject="ada")


@pytest.fixture
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Network]:
    with fork_of_ada(request, tmp_path, made) as forked:
        yield forked


def put(network: Network, kind: str, name: str, /, subject: str = "", **parts: Any) -> None:
    content: dict[str, Any] = {"resourceType": kind, "id": name, **parts}
    if subject:
        field = "patient" if kind == "AllergyIntolerance" else "subject"
        content[field] = {"reference": f"Patient/{subject}"}
    network["north"].put(kind, name, json.dumps(content), origin=f"{len(network['north'].source.raw)}")


def team(network: Network, *members: str, identifier: str = "t1", subject: str = "ada", **parts: Any) -> None:
    listed = [{"member": {"reference": member}} for member in members]
    put(network, "CareTeam", identifier, subject, **{"status": "active", "participant": listed, **parts})


def to(effect: str, reference: str, **parts: Any) -> str:
    return consent(effect, actor=[{"role": RECIPIENT, "reference": {"reference": reference}}], **parts)


def seen(network: Network, person: Patient, by: str = "south", name: str = "", purpose: str = "TREAT") -> Any:
    """The ids that somebody is sent, or the code of the refusal."""
    node = network[by]
    doctor = node.doctor(name or f"Dr {by.title()}")
    try:
        found = request_records(node, "north", person.account, practitioner=doctor, reason=TEXT, purpose=purpose)  # type: ignore[arg-type]
    except PeerError as error:
        return error.code
    return sorted(record.id for record in found.records)


def why(network: Network) -> str:
    return str(written(network["north"], "refusal/1")[-1].code)


ALL = ["bp", "gout", "nuts"]
NO = Code.NOT_PERMITTED.value


@pytest.mark.parametrize("reference", ["CareTeam/t1", "Group/g1", "PractitionerRole/r1", "Practitioner/p1"])
def test_who_is_named_by_the_records_of_the_place_is_let_in_and_kept_out(
    network: Network, ada: Patient, reference: str
) -> None:
    put(network, "Practitioner", "p1", **X)
    team(network, "Practitioner/p1")
    put(network, "Group", "g1", type="practitioner", actual=True, member=[{"entity": {"reference": "Practitioner/p1"}}])
    put(network, "PractitionerRole", "r1", practitioner={"reference": "Practitioner/p1"},
        organization={"reference": "Organization/south"})  # fmt: skip
    opens = network.fhir_consent(ada, "north", to("permit", reference))
    # Her team is a record of hers, and goes along.
    assert set(ALL) <= set(seen(network, ada))
    assert seen(network, ada, name="Dr Tomas Berg") == NO and seen(network, ada, "east") == NO
    network.take_back(ada, "north", opens)
    network.consent(ada, "north", "*")
    network.fhir_consent(ada, "north", to("deny", reference))
    assert seen(network, ada) == NO and why(network) == "denied"
    assert set(ALL) <= set(seen(network, ada, name="Dr Tomas Berg")) and set(ALL) <= set(seen(network, ada, "east"))


NPI, STAFF = "http://hl7.org/fhir/sid/us-npi", "http://south.example/staff"


@pytest.mark.parametrize("system", [NPI, STAFF])
def test_who_is_named_by_a_number_that_a_record_of_the_place_bears(network: Network, ada: Patient, system: str) -> None:
    """As a FHIR server names people: an NPI or a number of staff, in the consent itself or in a team's members."""
    named = {"identifier": {"system": system, "value": "1234567893"}}
    bears = {**X, "identifier": [*X["identifier"], {"use": "official", **named["identifier"]}]}
    opens = consent("permit", actor=[{"role": RECIPIENT, "reference": named}])
    secret = network.fhir_consent(ada, "north", opens)
    assert seen(network, ada) == NO and why(network) == "actor-unresolved"
    put(network, "Practitioner", "p1", **bears)
    assert set(ALL) <= set(seen(network, ada))
    assert seen(network, ada, name="Dr Tomas Berg") == NO and seen(network, ada, "east") == NO
    network.take_back(ada, "north", secret)
    team(network, participant=[{"member": {"type": "Practitioner", **named}}])
    network.fhir_consent(ada, "north", to("permit", "CareTeam/t1"))
    assert set(ALL) <= set(seen(network, ada)) and seen(network, ada, name="Dr Tomas Berg") == NO
    # Two who bear it: nobody says which is meant.
    put(network, "Practitioner", "p2", name=[{"family": "Berg"}], **named | {"identifier": [named["identifier"]]})
    assert seen(network, ada) == NO and why(network) == "actor-unresolved"


def test_a_number_of_staff_that_is_hers_in_another_system_is_a_doubt(network: Network, ada: Patient) -> None:
    number = {"system": STAFF, "value": "dr-south"}
    put(network, "Practitioner", "p1", name=[{"family": "Quite-Otherwise"}], identifier=[number])
    network.consent(ada, "north", "*")
    network.fhir_consent(ada, "north", to("deny", "Practitioner/p1"))
    assert seen(network, ada) == NO and why(network) == "actor-unresolved"
    assert set(ALL) <= set(seen(network, ada, name="Dr Tomas Berg"))


def test_a_team_counts_as_it_is_now(network: Network, ada: Patient) -> None:
    put(network, "Practitioner", "p1", **X)
    member = {"member": {"reference": "Practitioner/p1"}, "period": {"end": "2025-06-15T16:00:00Z"}}
    team(network, participant=[member])
    network.fhir_consent(ada, "north", to("permit", "CareTeam/t1"))
    assert set(ALL) <= set(seen(network, ada))
    network["north"].anchor()
    network.time += HOUR
    network.anchor()
    assert seen(network, ada) == NO and why(network) == "no-consent"
    team(network, "Practitioner/p1", meta={"versionId": "2"})
    assert set(ALL) <= set(seen(network, ada))
    team(network, "Practitioner/p1", status="inactive", meta={"versionId": "3"})
    assert seen(network, ada) == NO


def test_another_persons_team_and_a_record_that_was_altered_say_nothing(network: Network, ada: Patient) -> None:
    put(network, "Practitioner", "p1", **X)
    team(network, "Practitioner/p1", identifier="bobs", subject="bob")
    secret = network.fhir_consent(ada, "north", to("permit", "CareTeam/bobs"))
    assert seen(network, ada) == NO and why(network) == "actor-unresolved"
    network.take_back(ada, "north", secret)
    network.fhir_consent(ada, "north", to("permit", "Practitioner/p1"))
    assert seen(network, ada) == ALL
    raw = network["north"].source.raw
    raw["Practitioner", "p1"] = raw["Practitioner", "p1"].replace(b"dr-south", b"dr-other")
    assert seen(network, ada, name="Dr Other") == NO and why(network) == "actor-unresolved"


def test_a_denial_of_whom_nobody_can_look_up_keeps_out_who_may_be_meant_and_leaves_an_emergency_its_summary(
    network: Network, ada: Patient
) -> None:
    network.fhir_consent(ada, "north", consent())
    network.fhir_consent(ada, "north", to("deny", "CareTeam/nowhere"))
    assert seen(network, ada) == NO and why(network) == "actor-unresolved"
    declare(network, ada.account)
    assert seen(network, ada, purpose="BTG") == ["gout", "nuts"]
    stated = written(network["north"], "disclosure/1")[-1]
    assert len(stated.basis.doubted) == 1 and stated.basis.actors == "?"
    with pytest.raises(PeerError):
        declare(network, ada.account, scope="restricted")
    assert why(network) == "actor-unresolved"
    assert seen(network, ada, purpose="BTG") == ["gout", "nuts"]


HELD = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "CST"}]}


@pytest.mark.parametrize(
    "reference",
    [
        {"reference": "CareTeam/nowhere"},
        {"reference": "https://ehr.north.example/fhir/Organization/north"},
        {"identifier": {"system": "urn:oid:2.16.840.1", "value": "99"}},
        {"reference": "urn:uuid:11111111-1111-1111-1111-111111111111"},
    ],
)
def test_a_denial_of_a_holder_whom_nobody_knows_closes_and_leaves_an_emergency_its_summary(
    network: Network, ada: Patient, reference: dict[str, Any]
) -> None:
    text, key = consent("deny", actor=[{"role": HELD, "reference": reference}]), ada.key.key_id
    network.consent(ada, "north", "*")
    assert seen(network, ada) == ALL
    signed = write_fhir_consent(network.id, "north", ada.account, network.time, text, bytes(32), key, ada.sign)
    tried = try_at(network["guide"], ada.account, "north", text.encode())  # type: ignore[arg-type]
    answer = codec.decode(network["guide"].peers.call("north", CONSENTS_PATH, signed))
    assert len(answer["strange"]) == 1 and tuple(answer["strange"]) == tried.strange
    assert seen(network, ada) == NO and why(network) == "actor-unresolved"
    declare(network, ada.account)
    assert seen(network, ada, purpose="BTG") == ["gout", "nuts"]
    assert len(written(network["north"], "disclosure/1")[-1].basis.doubted) == 1


def test_one_consent_that_cannot_be_read_leaves_an_emergency_its_summary(network: Network, ada: Patient) -> None:
    network.fhir_consent(ada, "north", consent(unless={"text": "I say otherwise"}))
    declare(network, ada.account)
    assert seen(network, ada, purpose="BTG") == ["gout", "nuts"] and seen(network, ada) == NO
    with pytest.raises(PeerError):
        declare(network, ada.account, scope="restricted")
    assert why(network) == "consent-broken"
    # What she forbids in words that can be read stays forbidden, with the broken one beside it.
    network.fhir_consent(ada, "north", to("deny", "Organization/south"))
    assert seen(network, ada, purpose="BTG") == NO and why(network) == "denied"


def test_a_second_step_that_stands_gives_no_more_than_the_summary_once_there_is_a_doubt(
    network: Network, ada: Patient
) -> None:
    for scope in ("summary", "restricted"):
        declare(network, ada.account, scope=scope)
    assert seen(network, ada, purpose="BTG") == ALL
    network.fhir_consent(ada, "north", to("deny", "Group/nowhere"))
    assert seen(network, ada, purpose="BTG") == ["gout", "nuts"]


def test_a_doubt_that_comes_while_the_answer_is_made_stops_it(network: Network, ada: Patient) -> None:
    for scope in ("summary", "restricted"):
        declare(network, ada.account, scope=scope)
    north = network["north"]

    def late(name: str) -> None:
        if name == "recheck":
            north.gate.step = lambda name: None
            network.fhir_consent(ada, "north", to("deny", "Group/nowhere"))

    north.gate.step = late
    assert seen(network, ada, purpose="BTG") == NO and why(network) == "consent-changed"


def test_a_denial_of_a_team_that_comes_while_the_answer_is_made_stops_it(network: Network, ada: Patient) -> None:
    team(network, "Organization/south")
    network.fhir_consent(ada, "north", consent())
    north = network["north"]

    def late(name: str) -> None:
        if name == "recheck":
            north.gate.step = lambda name: None
            network.fhir_consent(ada, "north", to("deny", "CareTeam/t1"))

    north.gate.step = late
    assert seen(network, ada) == NO and why(network) == "consent-changed"


def test_the_trial_decides_as_the_gate_and_says_whom_nobody_knows(network: Network, ada: Patient) -> None:
    put(network, "Practitioner", "p1", **X)
    team(network, "Practitioner/p1", subject="")
    put(network, "Practitioner", "p2", name=[{"family": "Berg"}])
    network.consent(ada, "north", "*")
    for name in ("Dr South", "Dr Tomas Berg"):
        assert seen(network, ada, name=name) == ALL
    text = to("deny", "CareTeam/t1").encode()
    found = try_at(network["guide"], ada.account, "north", text, askers=[Asker("east")])  # type: ignore[arg-type]
    shown = {(one.asker.practitioner, one.asker.name): len(one.after) for one in found.parties}
    # The one who is in the team stands there as it names him, and in the role in which he looked.
    assert shown.pop(("dr-south", "")) == 0
    assert shown == {("dr-south", "Dr South"): 0, ("dr-tomas-berg", "Dr Tomas Berg"): 3, ("", ""): 3}
    assert {look.look.asker.practitioner: len(look.stopped) for look in found.looks} == {
        "dr-south": 3,
        "dr-tomas-berg": 0,
    }
    assert found.strange == ()
    for reference in ("Practitioner/p2", "CareTeam/nowhere"):
        tried = try_at(network["guide"], ada.account, "north", to("deny", reference).encode())  # type: ignore[arg-type]
        assert reference in tried.strange
        network.fhir_consent(ada, "north", to("deny", reference))
        gate = {name: len(seen(network, ada, name=name)) for name in ("Dr South", "Dr Tomas Berg")}
        sees = {one.asker.name: len(one.after) for one in tried.parties if one.asker.name}
        assert {name: count if count != len(NO) else 0 for name, count in gate.items()} == sees


@pytest.mark.parametrize(("reference", "strange"), [("CareTeam/t1", []), ("Group/nowhere", ["Group/nowhere"])])
def test_who_signs_is_told_whom_the_place_does_not_know(
    network: Network, ada: Patient, reference: str, strange: list[str]
) -> None:
    team(network, "Organization/south", subject="")
    text, key = to("permit", reference), ada.key.key_id
    signed = write_fhir_consent(network.id, "north", ada.account, network.time, text, bytes(32), key, ada.sign)
    answer = codec.decode(network["guide"].peers.call("north", CONSENTS_PATH, signed))
    assert answer["strange"] == strange
    told = create_consent(network["north"], signed)  # type: ignore[arg-type]
    outcome = json.loads(told.body) if strange else {}
    assert strange == [] or (outcome["issue"][0]["severity"] == "warning" and reference in told.body.decode())
    assert bool(told.body) is bool(strange)


def test_what_was_decided_is_decided_again_without_the_records_of_the_team(network: Network, ada: Patient) -> None:
    team(network, "Organization/south", subject="")
    network.fhir_consent(ada, "north", to("permit", "CareTeam/t1"))
    network.fhir_consent(ada, "north", to("deny", "Group/nowhere", purpose=[{
        "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HRESCH"}]))  # fmt: skip
    assert seen(network, ada) == ALL and seen(network, ada, "east") == NO
    declare(network, ada.account)
    assert seen(network, ada, purpose="BTG") == ["gout", "nuts"]
    north = network["north"]
    kept = {one.hash.hex(): one.consent for one in north.consents.of(ada.account)}
    known = {
        f"{kind}/{identifier}": facts(json.loads(raw), [])
        for (kind, identifier), raw in north.source.raw.items()
    }  # fmt: skip
    stated = [*written(north, "disclosure/1"), *written(north, "refusal/1")]
    assert [differences(one, kept, known) for one in stated] == [[]] * len(stated)
    # The recipient reads how it came out for her, and no name of a team or group.
    assert [one.basis.actors for one in stated] == ["+?", "+?", "-?"]
    assert b"CareTeam" not in manifests.encode(stated[0]) and b"Group" not in manifests.encode(stated[0])
    wrong = msgspec.structs.replace(stated[0], basis=msgspec.structs.replace(stated[0].basis, actors="-?"))
    assert differences(wrong, kept, known) == ["the request was to be refused: no-consent"]


@pytest.mark.parametrize(
    ("effect", "reference", "opens"),
    [
        ("permit", "CareTeam/t1", True),
        ("deny", "CareTeam/t1", False),
        ("deny", "CareTeam/other", True),
        ("permit", "CareTeam/other", False),
        ("deny", "CareTeam/nowhere", False),
    ],
)
def test_every_door_decides_alike(network: Network, ada: Patient, effect: str, reference: str, opens: bool) -> None:
    team(network, "Organization/south", subject="")
    team(network, "Organization/east", identifier="other", subject="")
    if effect == "deny":
        network.consent(ada, "north", "*")
    network.fhir_consent(ada, "north", to(effect, reference))
    north = network["north"]

    def pushed() -> bool:
        try:
            north.referrals.refer(ada.account, "south", practitioner=north.doctor("Dr North"), reason="Her heart")
        except Refusal:
            return False
        return north.referrals.step(network.time) == 1

    def viewed() -> bool:
        try:
            return bool(shown(network, look(network, ada)).records)
        except Refusal:
            return False

    def searched() -> bool:
        return ask(network, ada.account, "Observation", identifier=bytes(16)).status == 200

    tried = try_at(network["guide"], ada.account, "north", to("permit", "Organization/guide").encode())  # type: ignore[arg-type]
    named = {one.asker.organisation: bool(one.before) for one in tried.parties}
    doors = {"pull": seen(network, ada) == ALL, "push": pushed(), "view": viewed(), "fhir": searched()}
    assert doors == dict.fromkeys(doors, opens)
    assert named.get("south", opens) is opens


@pytest.mark.parametrize("by", ["role", "record of a role"])
def test_a_denial_of_a_role_stops_what_is_pushed(network: Network, ada: Patient, by: str) -> None:
    """Nobody says who opens it over there: one of those whom she forbids it may. A doctor who asks herself is none."""
    nurse = {"coding": [{"system": "http://snomed.info/sct", "code": "224535009"}]}
    network.consent(ada, "north", "south")
    if by == "role":
        network.fhir_consent(ada, "north", consent("deny", actor=[{"role": nurse}]))
        assert seen(network, ada) == ["bp", "gout", "nuts"]
    else:
        here = {"reference": "Organization/south"}
        put(network, "PractitionerRole", "nurses", active=True, organization=here, code=[nurse])
        network.fhir_consent(ada, "north", to("deny", "PractitionerRole/nurses"))
    north = network["north"]
    with pytest.raises(Refusal) as caught:
        north.referrals.refer(ada.account, "south", practitioner=north.doctor("Dr North"), reason="Her heart")
    assert caught.value.reason is Code.NOT_PERMITTED
    assert [one.code for one in written(north, "refusal/1")] == ["actor-unresolved"]  # type: ignore[attr-defined]
