"""A FHIR consent drafted, tried on the record at its source, signed, and in force."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core.consent.plain import Party, Plain, write
from medrec.core.consent.trial import Asker
from medrec.node.consent import policies
from medrec.node.consent.consents import CONSENTS_PATH
from medrec.node.consent.policies import draft_consent, signed_consent, try_at
from medrec.node.looks.disputing import dispute
from medrec.node.peers.peers import PeerError
from medrec.node.release.receive import request_records
from medrec.node.sources.source import RecordUnavailable, SourceUnavailable
from tests.fhir.asking import consent
from tests.node.forks import ada as ada
from tests.node.forks import fork_of_ada
from tests.node.network import Network, Patient


def made(network: Network) -> None:
    for kind, identifier, name in (("Observation", "bp", "Blood pressure"), ("Condition", "sud", "Alcoholism")):
        content = {"resourceType": kind, "id": identifier, "subject": {"reference": "Patient/ada"}}
        network["north"].put(kind, identifier, json.dumps({**content, "code": {"text": name}}))


@pytest.fixture
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Network]:
    with fork_of_ada(request, tmp_path, made) as forked:
        yield forked


def sign(network: Network, person: Patient, plain: Plain, secret: bytes) -> None:
    text = write(plain, person.account, network.time)
    draft = draft_consent(
        network.id, "north", person.account, network.time, text, secret, person.key.key_id
    )  # fmt: skip
    _, signature = person.sign(draft.message)
    network["guide"].peers.call("north", CONSENTS_PATH, signed_consent(draft, signature))


def seen(network: Network, person: Patient) -> list[str]:
    doctor = network["south"].doctor()
    found = request_records(network["south"], "north", person.account, practitioner=doctor, reason="visit")  # type: ignore[arg-type]
    return [record.id for record in found.records]


def test_tried_then_signed_then_true(network: Network, ada: Patient) -> None:
    sign(network, ada, Plain("share", to=[Party("south")]), secrets.token_bytes(32))
    assert seen(network, ada) == ["sud", "bp"]
    proposed = Plain("withhold", about=["substance-use"])
    text = write(proposed, ada.account, network.time)
    found = try_at(network["guide"], ada.account, "north", text, askers=[Asker("east")])  # type: ignore[arg-type]
    shown = {(one.asker.organisation, one.asker.practitioner): one for one in found.parties}
    assert shown["south", ""].before == ("Condition/sud", "Observation/bp")
    assert shown["south", "dr-south"].after == shown["south", ""].after == ("Observation/bp",)
    assert shown["east", ""].before == shown["east", ""].after == ()
    (look,) = found.looks
    assert look.look.asker.practitioner == "dr-south" and look.look.time == network.time
    assert (look.still, look.stopped) == (("Observation/bp",), ("Condition/sud",))
    sign(network, ada, proposed, secrets.token_bytes(32))
    assert seen(network, ada) == ["bp"]


def test_looks_of_long_ago_are_not_replayed(network: Network, ada: Patient) -> None:
    sign(network, ada, Plain("share", to=[Party("south")]), secrets.token_bytes(32))
    seen(network, ada)
    network.time += 366 * 86_400_000
    found = try_at(network["guide"], ada.account, "north", write(Plain("withhold"), ada.account, network.time))  # type: ignore[arg-type]
    assert found.looks == () and all(one.after == () for one in found.parties)


@pytest.mark.parametrize(("caller", "text", "code"), [("south", b"", "not-permitted"), ("guide", b"{", "malformed")])
def test_only_her_agent_may_try_and_only_what_can_be_read(
    network: Network, ada: Patient, caller: str, text: bytes, code: str
) -> None:
    with pytest.raises(PeerError) as refused:
        try_at(network[caller], ada.account, "north", text)  # type: ignore[arg-type]
    assert refused.value.code == code


def record(network: Network, kind: str, identifier: str, **parts: Any) -> None:
    content = {"resourceType": kind, "id": identifier, "subject": {"reference": "Patient/ada"}, **parts}
    network["north"].put(kind, identifier, json.dumps(content))


def after(network: Network, person: Patient, plain: Plain, *askers: Asker, **more: Any) -> dict[Asker, Any]:
    text = write(plain, person.account, network.time)
    found = try_at(network["guide"], person.account, "north", text, askers=askers, **more)  # type: ignore[arg-type]
    return {one.asker: one.after for one in found.parties} | {"looks": found.looks}  # type: ignore[dict-item]


def test_what_points_at_what_is_hidden_is_hidden_in_the_trial_as_at_the_gate(network: Network) -> None:
    record(network, "DiagnosticReport", "panel", code={"text": "Panel"}, result=[{"reference": "Condition/sud"}])
    ada, wanted = network.patient("ada", "north"), Plain("share", to=[Party("south")], but_not=["substance-use"])
    assert after(network, ada, wanted)[Asker("south")] == ("Observation/bp",)
    sign(network, ada, wanted, secrets.token_bytes(32))
    assert seen(network, ada) == ["bp"]


def test_an_emergency_that_nothing_forbids_is_not_said_to_be_stopped(network: Network, ada: Patient) -> None:
    south = network["south"]
    doctor, wanted = south.doctor(), {"code": "unconscious", "text": "Found unconscious at the bus station"}
    for scope in ("summary", "restricted"):
        south.emergency_reviews.declare("north", ada.account, doctor, scope=scope, **wanted)  # type: ignore[arg-type]
    request_records(south, "north", ada.account, practitioner=doctor, reason=wanted["text"], purpose="BTG")  # type: ignore[arg-type]
    looks = after(network, ada, Plain("share", kinds=["allergies"], to=[Party("east")]))["looks"]  # type: ignore[index]
    assert [(look.still, look.stopped) for look in looks] == [(("Condition/sud", "Observation/bp"), ())]
    looks = after(network, ada, Plain("emergency-no"))["looks"]  # type: ignore[index]
    assert [(look.still, look.stopped) for look in looks] == [((), ("Condition/sud", "Observation/bp"))]


def test_an_allergy_that_an_emergency_opens_is_not_said_to_be_closed(network: Network, ada: Patient) -> None:
    """Its visit is in doubt; an allergy does not stay for that in an emergency, at the gate or in the trial."""
    visit: dict[str, Any] = {"class": {"code": "AMB"}, "reasonCode": [{"text": "xyzzy blorb"}], "status": "finished"}
    record(network, "Encounter", "visit", **visit)
    patient, seen_at = {"reference": "Patient/ada"}, {"reference": "Encounter/visit"}
    record(network, "AllergyIntolerance", "pen", patient=patient, code={"text": "Penicillin"}, encounter=seen_at)
    wanted = Plain("withhold", about=["mental-health"])
    urgent = Asker("south", purposes=("ETREAT",))
    said = after(network, ada, wanted, urgent)[urgent]
    sign(network, ada, wanted, secrets.token_bytes(32))
    south = network["south"]
    doctor, why = south.doctor(), {"code": "unconscious", "text": "Found unconscious at the bus station"}
    for scope in ("summary", "restricted"):
        south.emergency_reviews.declare("north", ada.account, doctor, scope=scope, **why)  # type: ignore[arg-type]
    got = request_records(south, "north", ada.account, practitioner=doctor, reason=why["text"], purpose="BTG")
    assert set(said) == {f"{one.type}/{one.id}" for one in got.records} and "AllergyIntolerance/pen" in said


def tried(network: Network, person: Patient, text: bytes, *replaced: str) -> dict[tuple[str, str], tuple[int, int]]:
    """How many records each organisation sees for each purpose, and would see."""
    found = try_at(network["guide"], person.account, "north", text, replaced)  # type: ignore[arg-type]
    return {(one.asker.organisation, one.asker.purposes[0]): (len(one.before), len(one.after)) for one in found.parties}


@pytest.mark.parametrize(
    ("purpose", "code"),
    [("research", "HRESCH"), ("payment", "HPAYMT"), ("family", "FAMRQT"), ("public-health", "PUBHLTH"),
     ("operations", "HOPERAT")],
)  # fmt: skip
def test_each_purpose_is_tried_as_the_gate_decides_it(network: Network, ada: Patient, purpose: str, code: str) -> None:
    wanted = Plain("share", to=[Party("south")], purposes=[purpose])
    found = tried(network, ada, write(wanted, ada.account, network.time))
    assert found["south", "TREAT"] == (0, 0)
    sign(network, ada, wanted, secrets.token_bytes(32))
    south = network["south"]
    got = request_records(south, "north", ada.account, practitioner=south.doctor(), reason="x", purpose=code)  # type: ignore[arg-type]
    # The law keeps substance use from proceedings, which operations cover.
    assert found["south", code] == (0, len(got.records)) == (0, 1 if purpose == "operations" else 2)


def test_what_stays_open_for_another_purpose_is_said(network: Network, ada: Patient) -> None:
    sign(network, ada, Plain("share", to=[Party("south")], purposes=["any"]), secrets.token_bytes(32))
    found = tried(network, ada, write(Plain("withhold", purposes=["care"]), ada.account, network.time))
    assert found["south", "TREAT"] == (2, 0) and found["south", "HRESCH"] == (2, 2)


def test_everybody_is_every_active_member(network: Network, ada: Patient) -> None:
    found = tried(network, ada, write(Plain("share", purposes=["any"]), ada.account, network.time))
    assert {house for house, _ in found} == {"south", "east", "guide"}
    assert found["east", "HRESCH"] == found["south", "TREAT"] == (0, 2)
    found = tried(network, ada, write(Plain("emergency-no"), ada.account, network.time))
    assert found["east", "ETREAT"] == (2, 0) and found["east", "TREAT"] == (0, 0)


def test_a_role_is_tried_with_the_role(network: Network, ada: Patient) -> None:
    role = {"coding": [{"system": "http://snomed.info/sct", "code": "158965000"}]}
    physicians = json.loads(consent())
    physicians["provision"]["actor"] = [{"role": role, "reference": {"reference": "Organization/south"}}]
    found = tried(network, ada, json.dumps(physicians).encode())
    assert found["south", "TREAT"] == (0, 2)
    network.fhir_consent(ada, "north", json.dumps(physicians))
    assert len(seen(network, ada)) == 2


def test_who_is_disputed_sees_nothing_in_the_trial_either(network: Network, ada: Patient) -> None:
    wanted = Plain("share", to=[Party("south")])
    sign(network, ada, wanted, secrets.token_bytes(32))
    seen(network, ada)
    assert after(network, ada, wanted)[Asker("south")] == ("Condition/sud", "Observation/bp")
    dispute(network["guide"], ada.account, "south", "north", ada.sign, ada.key.key_id, words="Who is this?")
    assert after(network, ada, wanted)[Asker("south")] == ()
    assert after(network, ada, Plain("share", to=[Party("east")]))[Asker("east")] == ("Condition/sud", "Observation/bp")


def test_who_is_suspended_or_unknown_sees_nothing_in_the_trial_as_at_the_gate(network: Network, ada: Patient) -> None:
    wanted = Plain("share", to=[Party("south"), Party("nobody")])
    sign(network, ada, Plain("share", to=[Party("south")]), secrets.token_bytes(32))
    assert seen(network, ada) == ["sud", "bp"]
    tried = after(network, ada, wanted)
    assert tried[Asker("south")] == ("Condition/sud", "Observation/bp") and tried[Asker("nobody")] == ()
    network.vote({"change": "suspend", "id": "south"})
    text = write(wanted, ada.account, network.time)
    found = try_at(network["guide"], ada.account, "north", text)  # type: ignore[arg-type]
    assert all(one.before == one.after == () for one in found.parties)
    assert [(look.still, look.stopped) for look in found.looks] == [((), ("Condition/sud", "Observation/bp"))]
    with pytest.raises(PeerError) as refused:
        seen(network, ada)
    assert refused.value.code == "requester-suspended"


def test_a_record_that_was_altered_does_not_end_the_trial(network: Network, ada: Patient) -> None:
    network["north"].source.raw["Observation", "bp"] = b'{"resourceType":"Observation","id":"bp"}'
    assert after(network, ada, Plain("share", to=[Party("south")]))[Asker("south")] == ("Condition/sud",)


def test_a_trial_says_when_it_tried_only_the_newest(
    network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign(network, ada, Plain("share", to=[Party("south")]), secrets.token_bytes(32))
    seen(network, ada), seen(network, ada)
    text = write(Plain("withhold"), ada.account, network.time)
    assert try_at(network["guide"], ada.account, "north", text).complete
    monkeypatch.setattr(policies, "LOOKS_MAX", 1)
    found = try_at(network["guide"], ada.account, "north", text)
    assert len(found.looks) == 1 and not found.complete


@pytest.mark.parametrize("error", [RecordUnavailable("403"), OSError("reset"), KeyError("sud"), ValueError()])
def test_a_source_that_guards_one_withheld_record_does_not_tell_of_it(
    network: Network, ada: Patient, error: Exception
) -> None:
    """The same answer as without the record; a source that is away altogether says so."""
    sign(network, ada, Plain("share", to=[Party("south")], but_not=["substance-use"]), secrets.token_bytes(32))
    north = network["north"]
    given = north.source.read

    def guarded(kind: str, identifier: str) -> bytes | None:
        if identifier == "sud":
            raise error
        return given(kind, identifier)

    north.source.read = guarded  # type: ignore[method-assign]
    north.gate.reader.forget()
    assert seen(network, ada) == ["bp"]

    def away(kind: str, identifier: str) -> bytes | None:
        raise SourceUnavailable("the whole house is dark")

    north.source.read = away  # type: ignore[method-assign]
    north.gate.reader.forget()
    with pytest.raises(PeerError) as refused:
        seen(network, ada)
    assert refused.value.code == "source-unavailable"


@pytest.mark.parametrize(("born", "out"), [("2012-06-01", ["bp"]), ("2000-06-01", ["bp", "worry"]), ("2012", ["bp"])])
def test_what_family_sees_of_a_young_person_goes_by_her_age_and_state(
    tmp_path: Path, born: str, out: list[str]
) -> None:
    network = Network(tmp_path)
    network["north"].law = ("US", "US-CA-minor")
    record(network, "Observation", "bp", code={"text": "Blood pressure"})
    act_code = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
    record(network, "Observation", "worry", meta={"security": [{"system": act_code, "code": "MH"}]})
    person = network.patient("ada", "north")
    own = {"resourceType": "Patient", "id": "ada", "birthDate": born}
    network["north"].source.raw["Patient", "ada"] = json.dumps(own).encode()
    wanted = Plain("share", to=[Party("south")], purposes=["family"])
    asker = Asker("south", purposes=("FAMRQT",))
    assert after(network, person, wanted, asker)[asker] == tuple(f"Observation/{one}" for one in out)
    sign(network, person, wanted, secrets.token_bytes(32))
    doctor = network["south"].doctor()
    found = request_records(
        network["south"], "north", person.account, practitioner=doctor, reason="visit", purpose="FAMRQT"  # type: ignore[arg-type]
    )  # fmt: skip
    assert sorted(one.id for one in found.records) == out
    network.close()
