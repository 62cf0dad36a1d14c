"""Breaking the glass: declared, narrow, open for hours, reviewed by somebody else, told to the person; at 3 a.m."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from medrec.core import manifests, state
from medrec.core.consent.plain import Party, Plain, write
from medrec.core.manifests import UnwritableError
from medrec.core.state import Dues, Obligation
from medrec.engines.cometbft_reach import Reach
from medrec.node.account import staff
from medrec.node.consent.consents import CONSENTS_PATH
from medrec.node.consent.policies import draft_consent, signed_consent
from medrec.node.keeping import store
from medrec.node.peers.peers import Fault, PeerError
from medrec.node.refusals import Code, Refusal
from medrec.node.release.emergency import REVIEWS_PATH, Declared
from medrec.node.release.emergency_reviews import our_emergency
from medrec.node.release.practitioners import PHYSICIAN, Practitioner
from medrec.node.release.receive import request_records
from tests.node.forks import ada as ada
from tests.node.forks import fork_of_ada
from tests.node.network import HOUR, Network, Patient, TestNode

TEXT = "Found unconscious at the bus station"
RECORDS = (
    ("AllergyIntolerance", "penicillin", "Penicillin"),
    ("MedicationRequest", "warfarin", "Warfarin 5 MG"),
    ("MedicationRequest", "buprenorphine", "Buprenorphine 2 MG"),
    ("Observation", "bp", "Blood pressure"),
)


def made(network: Network) -> None:
    for kind, identifier, name in RECORDS:
        content = {"resourceType": kind, "id": identifier, "patient": {"reference": "Patient/ada"}}
        network["north"].put(kind, identifier, json.dumps({**content, "code": {"text": name}}))
    group = {"coding": [{"system": "http://loinc.org", "code": "882-1", "display": "ABO and Rh group"}]}
    content = {"resourceType": "Observation", "id": "group", "subject": {"reference": "Patient/ada"}, "code": group}
    network["north"].put("Observation", "group", json.dumps(content))


@pytest.fixture
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Network]:
    with fork_of_ada(request, tmp_path, made) as forked:
        yield forked


def declare(network: Network, account: str, doctor: Practitioner | None = None, **wanted: Any) -> Declared:
    wanted = {"code": "unconscious", "text": TEXT, **wanted}
    south = network["south"]
    return south.emergency_reviews.declare("north", account, doctor or south.doctor(), **wanted)


def seen(network: Network, account: str, purpose: str = "BTG") -> list[str]:
    doctor = network["south"].doctor()
    found = request_records(
        network["south"], "north", account, practitioner=doctor, reason=TEXT, purpose=purpose  # type: ignore[arg-type]
    )  # fmt: skip
    return sorted(record.id for record in found.records)


def refused(network: Network, account: str, purpose: str = "BTG") -> str:
    with pytest.raises(PeerError) as caught:
        seen(network, account, purpose)
    return caught.value.code


def decide(network: Network, person: Patient, plain: Plain) -> None:
    text = write(plain, person.account, network.time)
    secret = secrets.token_bytes(32)
    draft = draft_consent(network.id, "north", person.account, network.time, text, secret, person.key.key_id)
    _, signature = person.sign(draft.message)
    network["guide"].peers.call("north", CONSENTS_PATH, signed_consent(draft, signature))


def written(node: TestNode, kind: str) -> list[Any]:
    with node.store.read() as connection:
        column = store.line.c
        hashes = connection.execute(sql.select(column.manifest).where(column.kind == kind).order_by(column.seq))
        opened = [node.journal.manifest(connection, found) for found in hashes.scalars().all()]
    return [manifests.decode(found[1]) for found in opened if found is not None]


def deliver(network: Network, path: str) -> list[bool]:
    """Bring what waits under a path to where it goes, as the deliverer does."""
    from medrec.core import codec

    answers: list[bool] = []
    for node in network.nodes.values():
        for row in [row for row in node.rows(store.outbox) if row.path == path]:
            answers += codec.decode(node.peers.call(row.organisation, path, codec.encode([row.payload])))
    return answers


def test_the_summary_first_and_one_more_step_for_the_rest(network: Network, ada: Patient) -> None:
    assert refused(network, ada.account) == Code.EMERGENCY_UNDECLARED.value
    declared = declare(network, ada.account)
    assert declared.scope == "summary" and declared.until == network.time + 4 * HOUR
    assert seen(network, ada.account) == ["group", "penicillin", "warfarin"]
    declare(network, ada.account, scope="restricted", hours=1)
    assert seen(network, ada.account) == ["bp", "buprenorphine", "group", "penicillin", "warfarin"]
    network.time += HOUR
    assert seen(network, ada.account) == ["group", "penicillin", "warfarin"]
    network.time = declared.until
    network["north"].anchor()
    assert refused(network, ada.account) == Code.EMERGENCY_UNDECLARED.value
    # Treatment as usual stays what the person decided: she permitted nothing.
    assert refused(network, ada.account, "TREAT") == Code.NOT_PERMITTED.value


def test_the_second_step_needs_the_first(network: Network, ada: Patient) -> None:
    with pytest.raises(PeerError) as caught:
        declare(network, ada.account, scope="restricted")
    assert caught.value.code == Code.EMERGENCY_STEP.value


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"code": "curiosity"}, Code.EMERGENCY_REASON),
        ({"code": "Bad Code"}, Code.MALFORMED),
        ({"hours": 120, "purpose": "TREAT"}, Code.MALFORMED),
    ],
)
def test_what_is_no_declaration(network: Network, ada: Patient, wanted: dict[str, Any], code: Code) -> None:
    with pytest.raises((PeerError, UnwritableError)) as caught:
        declare(network, ada.account, **wanted)
    assert not isinstance(caught.value, PeerError) or caught.value.code == code.value
    assert written(network["north"], "emergency/1") == []


def test_too_few_words_and_too_long_a_time_go_nowhere(network: Network, ada: Patient) -> None:
    few, long = Code.EMERGENCY_REASON, Code.EMERGENCY_HOURS
    wrong: list[tuple[dict[str, Any], Code]] = [
        ({"text": "he is ill"}, few), ({"text": "x" + " " * 40 + "y"}, few), ({"text": "12345678901234567890"}, few),
        ({"hours": 121}, long), ({"hours": 0}, long), ({"hours": -1}, long),
    ]  # fmt: skip
    for wanted, code in wrong:
        with pytest.raises(Refusal) as caught:
            declare(network, ada.account, **wanted)
        assert caught.value.reason is code, wanted
    assert written(network["south"], "emergency-declared/1") == []


def test_only_some_roles_may_and_no_program(network: Network, ada: Patient) -> None:
    people = network["south"].practitioners
    clerk = people.enter("clerk", "A Clerk", "http://snomed.info/sct|159483005")
    machine = people.enter("machine", "A Program", PHYSICIAN, machine=True)
    for somebody in (clerk, machine):
        with pytest.raises(PeerError) as caught:
            declare(network, ada.account, somebody)
        assert caught.value.code == Code.EMERGENCY_ROLE.value
    assert [one.status for one in network["south"].emergency_reviews.all()] == ["refused", "refused"]
    assert [one.code for one in written(network["north"], "refusal/1")] == ["emergency-role"] * 2


def test_it_is_for_the_one_who_declared_it(network: Network, ada: Patient) -> None:
    declare(network, ada.account, network["south"].practitioners.enter("other", "Another", PHYSICIAN))
    assert refused(network, ada.account) == Code.EMERGENCY_UNDECLARED.value


@pytest.mark.parametrize("plain", [Plain("emergency-no"), Plain("withhold"), Plain("withhold", to=[Party("south")])])
def test_what_the_person_forbids_stays_forbidden(network: Network, ada: Patient, plain: Plain) -> None:
    decide(network, ada, plain)
    with pytest.raises(PeerError) as caught:
        declare(network, ada.account)
    assert caught.value.code == Code.NOT_PERMITTED.value
    assert written(network["north"], "emergency/1") == []
    assert [one.code for one in written(network["north"], "refusal/1")] == ["denied"]


def test_a_no_that_comes_while_it_is_open_stops_it(network: Network, ada: Patient) -> None:
    declare(network, ada.account)
    assert seen(network, ada.account)
    decide(network, ada, Plain("emergency-no"))
    assert refused(network, ada.account) == Code.NOT_PERMITTED.value


def test_a_topic_that_she_withholds_is_not_opened_by_the_second_step(network: Network, ada: Patient) -> None:
    decide(network, ada, Plain("withhold", about=["substance-use"]))
    declare(network, ada.account)
    declare(network, ada.account, scope="restricted")
    assert seen(network, ada.account) == ["bp", "group", "penicillin", "warfarin"]


def test_unknown_people_and_those_who_forbid_look_the_same(network: Network, ada: Patient) -> None:
    bob = network.patient("bob")
    with pytest.raises(PeerError) as caught:
        declare(network, bob.account)
    assert caught.value.code == Code.NOT_PERMITTED.value


def test_the_review_settles_what_is_owed_and_reaches_the_person(network: Network, ada: Patient) -> None:
    declared = declare(network, ada.account)
    network.anchor()

    def owed() -> str:
        with network.engine.view() as view:
            found = state.read(view, state.obligation_key("north", declared.id), Obligation)
        assert found is not None and found.debtor == "south" and found.due == declared.due
        return found.status

    assert owed() == "open" and declared.due == network.time + 72 * HOUR
    reviews = network["south"].emergency_reviews
    (ours,) = reviews.all()
    assert (ours.status, ours.name, ours.text, ours.code) == ("open", "Dr South", TEXT, "unconscious")
    with pytest.raises(Refusal) as caught:
        reviews.review(declared.id, "dr-south", "Dr South", "justified", "It was I.")
    assert caught.value.reason is Code.OWN_EMERGENCY
    # Nor by an entry of another id that bears her name.
    for name in ("Dr South", "south, DR", "Dr. Joan South", "Dr S\u200bou\u00adth"):
        with pytest.raises(Refusal) as caught:
            reviews.review(declared.id, "another-entry", name, "justified", "It was I.")
        assert caught.value.reason is Code.OWN_EMERGENCY
    # Nor under another name, where her organisation says that both entries are hers.
    south: Any = network["south"]
    first, _ = staff.invite(south, "Dr South", "clinician")
    second, _ = staff.invite(south, "Joan Maiden", "privacy-officer", same_as=first)
    third, _ = staff.invite(south, "Joan Third", "privacy-officer", same_as=second)
    south.store.write(lambda connection: connection.execute(sql.update(our_emergency).values(identity=first)))
    for entry in (second, third):
        with pytest.raises(Refusal) as caught:
            reviews.review(declared.id, entry, "Joan Maiden", "justified", "It was I.")
        assert caught.value.reason is Code.OWN_EMERGENCY
    with pytest.raises(staff.StaffError):
        staff.invite(south, "Joan Fourth", "desk", same_as="nobody")
    reviews.review(declared.id, "privacy", "P. Officer", "not-justified", "The patient was awake.")
    with pytest.raises(Refusal):
        reviews.review(declared.id, "privacy", "P. Officer", "justified", "Again.")
    assert deliver(network, REVIEWS_PATH) == [True]
    network.anchor()
    assert owed() == "settled"
    (told,) = written(network["north"], "emergency-reviewed/1")
    assert (told.outcome, told.words, told.requester) == ("not-justified", "The patient was awake.", "south")
    assert [one.status for one in network["north"].emergencies.all()] == ["reviewed"]
    agent = network["guide"].agent
    assert agent is not None
    network.deliver()
    kinds = {notice.kind for notice in agent.notices(ada.account)}
    assert {"emergency/1", "emergency-reviewed/1"} <= kinds
    # Again, and from somebody else: nothing more is told.
    assert deliver(network, REVIEWS_PATH) == [True] and len(written(network["north"], "emergency-reviewed/1")) == 1
    assert not network["north"].emergencies.take_review("east", network["south"].rows(store.outbox)[0].payload)


def test_a_review_that_does_not_come_is_counted_in_public(network: Network, ada: Patient) -> None:
    declared = declare(network, ada.account)
    network.anchor()
    network.time = declared.due + 1
    network.engine.submit([])
    with network.engine.view() as view:
        found = state.read(view, state.obligation_key("north", declared.id), Obligation)
        counted = state.read(view, state.dues_key("south"), Dues)
    assert found is not None and found.status == "overdue"
    assert counted is not None and counted.overdue == 1
    assert [one.status for one in network["north"].emergencies.all()] == ["overdue"]
    assert [one.status for one in network["south"].emergency_reviews.all()] == ["overdue"]


def test_it_works_while_the_ledger_cannot_be_reached_and_is_marked_late(network: Network, ada: Patient) -> None:
    began = network.time
    network.consent(ada, "north", "south")
    network.time += 10 * 60_000
    assert refused(network, ada.account, "TREAT") == Code.MERGE_DELAY.value
    declare(network, ada.account)
    assert "warfarin" in seen(network, ada.account)
    (line,) = written(network["north"], "emergency/1")
    assert line.waiting_since is not None and line.waiting_since <= began and line.time == network.time
    network.anchor()
    declare(network, ada.account, scope="restricted")
    assert written(network["north"], "emergency/1")[1].waiting_since is None


def test_who_does_not_see_the_head_of_the_ledger_lets_out_only_what_an_emergency_needs(
    network: Network, ada: Patient
) -> None:
    network.consent(ada, "north", "south")
    network.anchor()
    seen(network, ada.account, "TREAT")
    network.engine.reach = lambda: None  # type: ignore[attr-defined]  # an engine that finds nobody
    network.time += 10 * 60_000
    assert refused(network, ada.account, "TREAT") == Code.MERGE_DELAY.value
    declare(network, ada.account)
    assert "warfarin" in seen(network, ada.account)
    network.anchor()
    network.engine.reach = lambda: Reach(False, 3, 3, 4)  # type: ignore[attr-defined]
    network.time += 3000
    seen(network, ada.account, "TREAT")


def test_an_answer_that_is_lost_is_reviewed_all_the_same(network: Network, ada: Patient) -> None:
    network.wires.fault = lambda caller, organisation, path: Fault(drop_answer=path.endswith("/emergency"))
    with pytest.raises(PeerError):
        declare(network, ada.account)
    (ours,) = network["south"].emergency_reviews.all()
    assert ours.status == "asked" and len(written(network["south"], "emergency-declared/1")) == 1
    network["south"].emergency_reviews.review(ours.id, "privacy", "", "justified", "It was one.")
    assert deliver(network, REVIEWS_PATH) == [True]


@pytest.mark.parametrize("answer", [Code.STORE_UNUSABLE, Code.DENIED])
def test_what_the_ledger_says_is_owed_is_reviewed_whatever_was_answered(
    network: Network, ada: Patient, monkeypatch: pytest.MonkeyPatch, answer: Code
) -> None:
    north, reviews = network["north"], network["south"].emergency_reviews
    take = north.emergencies.declare

    def wrong(caller: str, asked: Any) -> Declared:
        take(caller, asked)
        raise Refusal(answer)

    monkeypatch.setattr(north.emergencies, "declare", wrong)
    with pytest.raises(PeerError):
        declare(network, ada.account)
    # A fault is no word about what was opened; a lie is found out by the ledger.
    assert [one.status for one in reviews.all()] == ["refused" if answer is Code.DENIED else "asked"]
    network.anchor()
    (ours,) = reviews.all()
    assert ours.status in ("asked", "open")
    network.time = ours.due
    assert [one.status for one in reviews.all()] == ["overdue"]
    reviews.review(ours.id, "privacy", "P. Officer", "justified", "It was one.")
    assert [one.status for one in reviews.all()] == ["reviewed"]
    network.anchor()
    with network.engine.view() as view:
        counted = state.read(view, state.dues_key("south"), Dues)
    assert counted is not None and (counted.open, counted.overdue) == (0, 0)
    assert deliver(network, REVIEWS_PATH) == [True]


def test_what_was_refused_is_not_reviewed(network: Network) -> None:
    with pytest.raises(PeerError):
        declare(network, network.patient("bob").account)
    reviews = network["south"].emergency_reviews
    (ours,) = reviews.all()
    assert ours.status == "refused"
    with pytest.raises(Refusal) as caught:
        reviews.review(ours.id, "privacy", "", "justified", "It was one.")
    assert caught.value.reason is Code.UNKNOWN_EMERGENCY


def test_a_declaration_counts_once(network: Network, ada: Patient) -> None:
    network.wires.fault = lambda caller, organisation, path: Fault(duplicate=path.endswith("/emergency"))
    with pytest.raises(PeerError) as caught:
        declare(network, ada.account)
    assert caught.value.code == Code.REQUEST_REPLAYED.value
    assert len(written(network["north"], "emergency/1")) == 1


def test_an_emergency_whose_words_cannot_be_opened_is_shown_beside_the_others_and_reviewed(
    network: Network, ada: Patient
) -> None:
    broken, whole = declare(network, ada.account), declare(network, ada.account)
    south = network["south"]
    update = sql.update(our_emergency).where(our_emergency.c.id == broken.id).values(sealed=bytes(40))
    south.store.write(lambda connection: connection.execute(update))
    south_node: Any = south
    entry, _ = staff.invite(south_node, "Dr South", "clinician")
    south.store.write(lambda connection: connection.execute(sql.update(staff.staff).values(sealed=bytes(40))))
    assert staff.person_of(south_node, entry) == entry
    shown = {one.id: (one.name, one.text, one.status) for one in south.emergency_reviews.all()}
    assert shown == {broken.id: ("", "", "open"), whole.id: ("Dr South", TEXT, "open")}
    with pytest.raises(Refusal) as caught:
        south.emergency_reviews.review(broken.id, "dr-south", "Joan", "justified", "It was I.")
    assert caught.value.reason is Code.OWN_EMERGENCY
    south.emergency_reviews.review(broken.id, "privacy", "P. Officer", "justified", "By the letter.")
    assert {one.id: one.status for one in south.emergency_reviews.all()}[broken.id] == "reviewed"


@pytest.mark.parametrize(("outcome", "ends"), [("justified", False), ("unclear", False), ("not-justified", True)])
def test_what_was_not_justified_opens_nothing_any_more(
    network: Network, ada: Patient, outcome: Any, ends: bool
) -> None:
    declared = declare(network, ada.account, hours=24)
    assert seen(network, ada.account)
    network["south"].emergency_reviews.review(declared.id, "privacy", "P. Officer", outcome, "Looked into.")
    assert deliver(network, REVIEWS_PATH) == [True]
    if ends:
        assert refused(network, ada.account) == Code.EMERGENCY_UNDECLARED.value
    else:
        assert seen(network, ada.account)
