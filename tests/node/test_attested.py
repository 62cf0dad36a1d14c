"""One organisation's word lets nobody act for a person at once, against her record, or in its own favour."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sql

from medrec.core import manifests, state
from medrec.core.credential import NewCredential
from medrec.core.manifests.delegation import (
    Clerk,
    DelegationEndManifest,
    DelegationManifest,
    decode_delegation,
    delegation_end_message,
    delegation_message,
)
from medrec.node.account import ending, heard, recovery, resting, stated_rights
from medrec.node.account.attested import WAIT_MS, delegation_begins
from medrec.node.account.claims import Closed, Why
from medrec.node.account.delegates import delegation_table
from medrec.node.account.parents import attest
from medrec.node.agent.copies import record_copy
from medrec.node.agent.own import person_here
from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft
from medrec.node.keeping.keys import PersonKey
from medrec.node.ledger.rebuild import Rebuilt, rebuild
from medrec.node.peers.peers import PeerError
from medrec.node.refusals import Code, Refusal
from tests.node.helping import DAY, Help
from tests.node.test_delegates import consent_of, given_at_north
from tests.portal.test_resting import word

CHILD = "2020-01-01"


@pytest.fixture
def help_(tmp_path: Path) -> Iterator[Help]:
    made = Help(tmp_path)
    yield made
    made.close()


def stated(help_: Help, place: str, **changes: Any) -> bytes:
    """What a place states about Ada: Bo is her parent, or what `changes` say."""
    fields: dict[str, Any] = {"basis": "parental", "born": CHILD, "attested": place, "rights": ["look", "consent"]}
    return attest(help_.network[place], help_.delegation(os.urandom(32), **{**fields, **changes}))  # type: ignore[arg-type]


def may(help_: Help, right: str = "look", node: Any = None) -> bool:
    return (node or help_.guide).delegates.may(help_.ada.account, help_.bo.account, right) is not None


def copied(help_: Help, place: str, birth: str) -> None:
    """Ada's agent has read her Patient record at a place."""
    content, tag = json.dumps({"resourceType": "Patient", "id": "ada", "birthDate": birth}).encode(), os.urandom(16)
    row = {
        "account": help_.ada.account, "organisation": place, "type": "Patient", "id": "ada", "tag": tag,
        "sealed": help_.guide.vault.seal(None, content, tag),
    }  # fmt: skip
    help_.guide.store.write(lambda connection: connection.execute(sql.insert(record_copy).values(**row)))


@pytest.mark.parametrize("birth", ["1950-03-04", "1950", "2020-01-02"])
def test_no_hospital_makes_a_child_of_somebody_whose_record_says_otherwise(help_: Help, birth: str) -> None:
    south: Any = help_.network["south"]
    south.put("Patient", "ada", json.dumps({"resourceType": "Patient", "id": "ada", "birthDate": birth}))
    copied(help_, "south", birth)
    data = stated(help_, "north")
    for place in (help_.guide, south):
        with pytest.raises(Refusal) as no:
            place.delegates.take(data, caller="guide")
        assert no.value.reason is Code.DELEGATION_VOID and not may(help_, node=place)


def test_a_record_that_comes_later_closes_what_was_taken_in(help_: Help) -> None:
    copied(help_, "south", CHILD)
    help_.guide.delegates.take(stated(help_, "north"))
    help_.network.time += WAIT_MS
    assert may(help_)
    copied(help_, "north", "1950-03-04")
    assert not may(help_)


@pytest.mark.parametrize("more", [{}, {"basis": "legal", "born": None}, {"basis": "best-interest", "born": None}])
def test_one_organisation_s_word_begins_after_three_days_and_the_person_is_told(
    help_: Help, more: dict[str, Any]
) -> None:
    changes = {"rights": ["look"], **more}
    help_.guide.delegates.take(stated(help_, "north", **changes))
    assert isinstance(help_.told(help_.ada.account)[-1], DelegationManifest)
    (held,) = help_.guide.delegates.of(help_.ada.account)
    assert held.closed == Closed(Why.WAITS) and held.begins == help_.network.time + WAIT_MS and not may(help_)
    assert help_.guide.delegates.for_delegate(help_.bo.account) == []
    # Stated again by the same place it does not begin sooner.
    help_.guide.delegates.take(stated(help_, "north", name="Bo", **changes))
    help_.network.time += WAIT_MS - 1
    assert not may(help_)
    help_.network.time += 1
    assert may(help_)
    # A review of what has begun goes on; one that gives more waits.
    help_.guide.delegates.take(stated(help_, "north", name="Bo B", **changes))
    assert help_.guide.delegates.of(help_.ada.account)[-1].holds
    help_.guide.delegates.take(stated(help_, "north", **{**changes, "rights": ["look", "add"]}))
    assert may(help_) and not may(help_, "add")


def test_a_second_place_that_states_the_same_makes_it_begin(help_: Help) -> None:
    help_.guide.delegates.take(stated(help_, "north"))
    help_.guide.delegates.take(stated(help_, "south", born="2020-01-02"))
    assert not may(help_), "they do not say the same"
    help_.guide.delegates.take(stated(help_, "south"))
    assert may(help_) and may(help_, "consent")


def permit(place: str, effect: str = "permit") -> str:
    role = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "PRCP"}]}
    return json.dumps({"actor": [{"role": role, "reference": {"reference": place}}], "type": effect})


def test_nobody_whom_an_organisation_named_opens_anything_to_it(help_: Help) -> None:
    help_.north.delegates.take(stated(help_, "south"), caller="guide")
    for provision in (permit("Organization/south"), '{"type":"permit"}', permit("Practitioner/x")):
        assert given_at_north(help_, consent_of(help_, provision)) is Code.NOT_A_DELEGATE
    outside = f'{{"type":"deny","provision":[{permit("Organization/south")}]}}'
    assert given_at_north(help_, consent_of(help_, outside)) is Code.NOT_A_DELEGATE
    assert given_at_north(help_, consent_of(help_, permit("Organization/east"))) is None
    assert given_at_north(help_, consent_of(help_, permit("Organization/south", "deny"))) is None
    # Another place's word carries it: from when it may be used there too.
    help_.north.delegates.take(stated(help_, "north", rights=["look", "consent", "add"]))
    assert given_at_north(help_, consent_of(help_, permit("Organization/south"))) is Code.NOT_A_DELEGATE
    help_.network.time += WAIT_MS
    assert given_at_north(help_, consent_of(help_, permit("Organization/south"))) is None


def test_what_the_person_herself_gave_has_no_wait(help_: Help) -> None:
    help_.name_bo(until=help_.network.time + DAY)
    assert may(help_)


@pytest.mark.parametrize("by", ["ada", "bo"])
def test_the_person_and_the_delegate_end_what_an_organisation_stated(help_: Help, by: str) -> None:
    """Without the secret, which that organisation has: here, there, and on the ledger."""
    guide, who = help_.guide, getattr(help_, by)
    secret = os.urandom(32)
    data = attest(help_.north, help_.delegation(secret, basis="legal", attested="north"))
    stated_rights.keep(help_.north, stated_rights.Kept("ada", secret, data, []))
    for node in (guide, help_.north, help_.network["south"]):
        node.delegates.take(data, caller="guide")  # type: ignore[attr-defined]
    (held,) = guide.delegates.of(help_.ada.account)
    message = delegation_end_message(bytes.fromhex(held.delegation.nullifier))
    eve = help_.network.patient("eve").key
    with pytest.raises(Refusal) as no:
        ending.send(guide, held, eve.key_id, eve.sign_transaction_id(message))
    assert no.value.reason is Code.BAD_SIGNATURE and may(help_, node=help_.north)
    assert ending.send(guide, held, who.key.key_id, who.key.sign_transaction_id(message)) == []
    help_.network.time += WAIT_MS
    for node in (guide, help_.north, help_.network["south"]):
        assert not may(help_, node=node)
    assert guide.delegates.of(help_.ada.account)[0].ended is not None
    help_.story.settle()
    with guide.engine.view() as view:
        assert view.get(state.nullifier_key(bytes.fromhex(held.delegation.nullifier))) is not None


def test_a_rest_is_inherited_by_what_an_organisation_states_of_the_same_delegate(help_: Help) -> None:
    help_.north.delegates.take(help_.signed(os.urandom(32)))
    (own,) = help_.north.delegates.of(help_.ada.account)
    assert resting.let_rest(help_.north, word(help_, help_.ada, own.hash, "rest"))
    help_.network.time += 1
    help_.north.delegates.take(stated(help_, "south"), caller="guide")
    assert not may(help_, node=help_.north)
    # Her own word wakes: she names Bo anew herself.
    help_.north.delegates.take(help_.signed(os.urandom(32)))
    assert may(help_, node=help_.north) and not may(help_, "consent", help_.north)


def left(help_: Help, place: str) -> None:
    help_.guide.agent.unlink(help_.ada.account, place, help_.ada.sign)
    help_.story.settle()


def closed(help_: Help) -> Closed | None:
    found: Closed | None = help_.guide.delegates.of(help_.ada.account)[-1].closed
    return found


def test_a_hospital_that_she_left_names_nobody(help_: Help) -> None:
    legal: dict[str, Any] = {"basis": "legal", "born": None}
    left(help_, "north")
    with pytest.raises(Refusal) as no:
        help_.guide.delegates.take(stated(help_, "north", **legal))
    assert no.value.reason is Code.DELEGATION_VOID and "no link" in no.value.sentence


def test_what_a_hospital_stated_closes_when_she_leaves_it_and_counts_for_no_second_word(help_: Help) -> None:
    help_.guide.delegates.take(stated(help_, "north"))
    left(help_, "north")
    help_.network.time += WAIT_MS
    assert closed(help_) == Closed(Why.UNLINKED, "north") and not may(help_)
    help_.network.time += 1
    help_.guide.delegates.take(stated(help_, "south"))
    assert closed(help_) == Closed(Why.WAITS) and not may(help_)


def test_what_she_undid_counts_for_no_second_word_though_nobody_asked_in_between(help_: Help) -> None:
    legal: dict[str, Any] = {"basis": "legal", "born": None}
    help_.guide.delegates.take(stated(help_, "north", **legal))
    left(help_, "north")
    help_.network.time += 1
    help_.guide.delegates.take(stated(help_, "south", **legal))
    assert closed(help_) == Closed(Why.WAITS) and not may(help_)


def test_a_hospital_that_does_not_answer_does_not_keep_her(help_: Help) -> None:
    help_.guide.delegates.take(stated(help_, "north"))
    help_.network.wires.leave("north")
    with pytest.raises(PeerError):
        left(help_, "north")
    help_.network.time += WAIT_MS
    assert closed(help_) == Closed(Why.UNLINKED, "north")


def test_the_wait_begins_anew_when_a_record_contradicts_no_more(help_: Help) -> None:
    help_.guide.delegates.take(stated(help_, "north"))
    copied(help_, "south", "1950-03-04")
    assert closed(help_) == Closed(Why.CONTRADICTED, "south")
    help_.network.time += WAIT_MS
    help_.guide.store.write(lambda connection: connection.execute(sql.delete(record_copy)))
    assert closed(help_) == Closed(Why.WAITS)
    help_.network.time += WAIT_MS - 1
    assert not may(help_)
    help_.network.time += 1
    assert may(help_)


def test_elsewhere_it_is_taken_from_her_agent_and_at_its_own_place_it_waits(help_: Help) -> None:
    south: Any = help_.network["south"]
    data = stated(help_, "north")
    with pytest.raises(Refusal) as no:
        south.delegates.take(data, caller="north")
    assert no.value.reason is Code.DELEGATION_VOID
    help_.north.delegates.take(data)
    assert not may(help_, node=help_.north)
    # Her agent, where the wait was over first (a second place has said the same), shows it.
    for place in (help_.north, south):
        place.delegates.take(data, caller="guide")
        assert may(help_, node=place)


@pytest.mark.parametrize("source", ["places", "ledger"])
@pytest.mark.parametrize("how", ["end", "rest"])
def test_an_agent_that_is_new_to_her_knows_what_she_said(help_: Help, how: str, source: str) -> None:
    """South, which never saw the statement, keeps her word and tells it; before that the index on the ledger does."""
    guide, ada = help_.guide, help_.ada
    data = stated(help_, "north", basis="legal", born=None)
    guide.delegates.take(data)
    (held,) = guide.delegates.of(ada.account)
    if how == "end":
        message = delegation_end_message(bytes.fromhex(held.delegation.nullifier))
        assert ending.send(guide, held, ada.key.key_id, ada.key.sign_transaction_id(message)) == []
    else:
        assert resting.send(guide, word(help_, ada, held.hash, "rest")) == []
    help_.story.settle()
    # What the agent kept is thrown away; what places told stands, or what is on the ledger.
    for table in (delegation_table, delegation_begins, ending.delegation_ended, resting.delegation_rest):
        guide.store.write(lambda connection, table=table: connection.execute(sql.delete(table)))
    if source == "ledger":
        guide.store.write(lambda connection: connection.execute(sql.delete(store.notice)))
        lines = rebuild(guide.engine, guide.agent.view_secret(ada.account))
        guide.store.write(lambda connection: heard.remember(connection, ada.account, lines, guide.clock()))
    help_.network.time += DAY
    if how == "end":
        with pytest.raises(Refusal) as no:
            guide.delegates.take(data)
        assert no.value.reason is Code.DELEGATION_OVER
    else:
        guide.delegates.take(data)
        help_.network.time += WAIT_MS
        assert closed(help_) == Closed(Why.RESTS)
    assert not may(help_)


@pytest.mark.parametrize("whose", ["hers", "of another"])
def test_an_end_in_a_rebuilt_index_closes_no_right_of_another_and_none_that_she_signed(help_: Help, whose: str) -> None:
    """Any place writes into the index of whoever is linked there; what a person signs is ended on the ledger."""
    guide, ada, bo = help_.guide, help_.ada, help_.bo
    secret = os.urandom(32)
    data = stated(help_, "north", basis="legal", born=None) if whose == "of another" else help_.signed(secret)
    nullifier = bytes.fromhex(json.loads(data)["nullifier"])
    account = bo.account if whose == "of another" else ada.account
    line = Rebuilt("south", 1, 0, 1, [41, 1, "person", nullifier])
    guide.store.write(lambda connection: heard.remember(connection, account, [line], guide.clock()))
    guide.delegates.take(data)
    help_.network.time += WAIT_MS
    assert may(help_)
    # The same line in her own index does close what an organisation states.
    guide.store.write(lambda connection: heard.remember(connection, ada.account, [line], guide.clock()))
    assert may(help_) == (whose == "hers")


def test_nobody_ends_anothers_right_before_it_comes(help_: Help) -> None:
    guide, mallory = help_.guide, help_.network.patient("mallory", "north")
    data = stated(help_, "north", basis="legal", born=None)
    nullifier = bytes.fromhex(json.loads(data)["nullifier"])
    signature = mallory.key.sign_transaction_id(delegation_end_message(nullifier))
    assert ending.take_signed(guide, mallory.account, nullifier, mallory.key.key_id, signature)
    guide.delegates.take(data)
    help_.network.time += WAIT_MS
    assert may(help_)
    # Her own word of it, which is the same text, is another one.
    signature = help_.ada.key.sign_transaction_id(delegation_end_message(nullifier))
    assert ending.take_signed(guide, help_.ada.account, nullifier, help_.ada.key.key_id, signature)
    assert not may(help_)


def test_nobody_makes_an_organisation_publish_what_ends_anothers_right(help_: Help) -> None:
    """North stated it and has its secret; another person's word of the same nullifier ends nothing on the ledger."""
    guide, north, mallory = help_.guide, help_.north, help_.network.patient("mallory", "north")
    secret = os.urandom(32)
    data = attest(north, help_.delegation(secret, basis="legal", rights=["look"]))
    stated_rights.keep(north, stated_rights.Kept("ada", secret, data, []))
    guide.delegates.take(data)
    help_.network.time += WAIT_MS
    nullifier = bytes.fromhex(json.loads(data)["nullifier"])
    signature = mallory.key.sign_transaction_id(delegation_end_message(nullifier))
    ending.take_signed(north, mallory.account, nullifier, mallory.key.key_id, signature)
    help_.network.anchor()
    assert may(help_)
    with guide.engine.view() as view:
        assert view.get(state.nullifier_key(nullifier)) is None


@pytest.mark.parametrize("what", ["stated", "ended"])
def test_a_line_that_claims_the_word_of_a_clerk_who_did_not_sign_is_not_taken(help_: Help, what: str) -> None:
    """Her key stands on the ledger among north's staff: north says nothing in her name."""
    north, ada = help_.north, help_.ada
    rose = PersonKey.generate()
    recovery.name_staff(north, [msgspec.convert({"kind": "ed25519", "key": rose.public}, NewCredential)])
    delegation = decode_delegation(stated(help_, "north"))
    message = delegation_message(delegation)
    if what == "ended":
        message = delegation_end_message(bytes.fromhex(delegation.nullifier))
    head = (north.network.hex(), "north", ada.account, help_.network.time)

    def told(signature: bytes) -> bool:
        clerk = Clerk("Rose", rose.key_id.hex(), signature.hex())
        line: Any = DelegationManifest("delegation/1", *head, delegation, clerk)
        if what == "ended":
            line = DelegationEndManifest(
                "delegation-end/1", *head, "attested", delegation.nullifier, delegation.key, delegation.signature, clerk
            )
        draft = Draft(line.manifest, manifests.encode(line), person_here(north, ada.account).id)
        north.store.write(lambda connection: north.journal.append(connection, [draft]))
        return line in help_.told(ada.account)

    assert not told(rose.sign_transaction_id(b"x" * 32))
    assert told(rose.sign_transaction_id(message))
