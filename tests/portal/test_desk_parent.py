"""A parent or guardian at the desk: stated by a clerk who saw the papers, looked at again at eleven, ended."""

import json
import re
from typing import Any

import msgspec
import pytest
import sqlalchemy as sql

from medrec.core import manifests
from medrec.core.credential import NewEd25519, signed_by
from medrec.core.delegation import Standing, birthday
from medrec.core.manifests.delegation import (
    DelegationManifest,
    DelegationRest,
    Right,
    delegation_message,
    delegation_rest_message,
)
from medrec.node.account import parents, resting, staff
from medrec.node.account.attested import WAIT_MS
from medrec.node.account.claims import Closed, Why
from medrec.node.account.delegates import DELEGATIONS_PATH
from medrec.node.account.parents import NotAChildError
from medrec.node.account.stated_rights import stated_secret
from medrec.node.keeping import store
from medrec.node.keeping.keys import PersonKey
from medrec.node.peers.peers import PeerError
from medrec.node.refusals import Code, Refusal
from medrec.portal import words
from medrec.portal.people import handle
from tests.node.network import Patient
from tests.portal.reading import read, text_of
from tests.portal.story import Story
from tests.portal.test_desk_consent import NORA, nora

FORM = {"do": "state", "patient": "kid", "name": "Bo  Berg", "right-look": "1", "right-consent": "1", "seen": "1"}
BORN = "2016-05-01"


def born(story: Story, date: str | None) -> None:
    patient = {"resourceType": "Patient", "id": "kid", "name": [{"family": "Berg", "given": ["Kim"]}]}
    story.network["north"].put(
        "Patient", "kid", json.dumps(patient if date is None else {**patient, "birthDate": date})
    )


@pytest.fixture
def bo(empty: Story) -> Patient:
    return empty.network.patient("bo")


@pytest.fixture
def kid(empty: Story) -> Patient:
    person = empty.network.patient("kid", "north")
    empty.settle()
    born(empty, BORN)
    empty.settle()
    return person


def posted(story: Story, bo: Patient, **changes: str) -> Any:
    form = {**FORM, "delegate": bo.account, **changes}
    return story.client("north").post("/desk/parent", data={name: value for name, value in form.items() if value})


def may(story: Story, place: str, kid: Patient, bo: Patient, right: Right = "look") -> bool:
    node: Any = story.network[place]
    return node.delegates.may(kid.account, bo.account, right) is not None


def test_a_parent_is_named_for_a_child_and_may_act_at_her_agent_after_three_days(
    empty: Story, kid: Patient, bo: Patient
) -> None:
    done = posted(empty, bo)
    assert done.status_code == 200 and words.DONE["attested"] in text_of(done.text)
    assert "Bo Berg , for patient kid" in text_of(done.text)
    assert not may(empty, "north", kid, bo) and not may(empty, "guide", kid, bo)
    empty.network.time += WAIT_MS
    for place in ("north", "guide"):
        assert may(empty, place, kid, bo) and may(empty, place, kid, bo, "consent")
        assert not may(empty, place, kid, bo, "add")
    north: Any = empty.network["north"]
    (one,) = parents.stated(north)
    assert (one.kept.delegation.born, one.kept.delegation.until) == (BORN, birthday(BORN, 16))
    with north.store.read() as connection:
        where = store.manifest.c.kind == "delegation/1"
        (digest,) = connection.execute(sql.select(store.manifest.c.hash).where(where)).scalars()
        kept = north.journal.manifest(connection, digest)
    written = manifests.decode(kept[1])
    assert isinstance(written, DelegationManifest) and written.clerk is not None
    (clerk,) = [found for found in staff.members(north) if found.key is not None]
    credential = staff.by_key(north, clerk.key or b"")
    assert credential is not None and written.clerk.name == clerk.name == "Demonstration"
    assert signed_by(credential[1], delegation_message(written.delegation), bytes.fromhex(written.clerk.signature))


@pytest.mark.parametrize(
    ("date", "says"),
    [(None, "no-birth-date"), ("2016", "no-birth-date"), ("2999-01-01", "no-birth-date"), ("1950-01-01", "grown")],
)
def test_the_record_says_who_is_a_child(empty: Story, kid: Patient, bo: Patient, date: str | None, says: str) -> None:
    """Whatever the clerk believes: nobody is the parent of somebody who was born in 1950."""
    born(empty, date)
    refused = posted(empty, bo)
    assert refused.status_code == 200 and words.DESK_PARENT[says] in text_of(refused.text)
    assert not may(empty, "north", kid, bo) and parents.stated(empty.network["north"]) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"patient": "nobody"}, "not-linked"),
        ({"delegate": "medrec1nobody"}, "no-such-helper"),
        ({"seen": ""}, "papers-not-seen"),
    ],
)
def test_what_does_not_hold_is_said_and_nothing_is_stated(
    empty: Story, kid: Patient, bo: Patient, changes: dict[str, str], says: str
) -> None:
    refused = posted(empty, bo, **changes)
    assert words.DESK_PARENT[says] in text_of(refused.text) and 'value="Bo  Berg"' in refused.text
    assert posted(empty, kid).status_code == 200 and not may(empty, "north", kid, kid), "nobody is her own parent"
    assert posted(empty, bo, **{"right-look": "", "right-consent": ""}).status_code == 400
    assert not may(empty, "north", kid, bo)


def test_a_review_takes_the_place_of_what_was_stated_before(empty: Story, kid: Patient, bo: Patient) -> None:
    north: Any = empty.network["north"]
    posted(empty, bo)
    (before,) = parents.stated(north)
    assert words.DESK_PARENT["review"] not in read(empty.client("north"), "/desk/parent")
    empty.network.time = birthday(BORN, 11) + 1
    page = read(empty.client("north"), "/desk/parent")
    assert words.DESK_PARENT["review"] in text_of(page)
    empty.network.time = birthday(BORN, 13)
    assert words.DESK_PARENT["rests"] in text_of(read(empty.client("north"), "/desk/parent"))
    assert not may(empty, "guide", kid, bo)
    hers = text_of(read(empty.client("guide"), f"/people/{handle(kid.account)}/helping"))
    assert words.HELPERS["closed_review"].split("{place}")[0].strip() in hers
    # The child was asked: her parent may look on, and decides no more.
    posted(empty, bo, **{"right-consent": ""})
    (after,) = parents.stated(north)
    assert after.kept.nullifier != before.kept.nullifier and after.held is not None
    assert after.held.standing is Standing.HOLDS
    assert may(empty, "guide", kid, bo) and not may(empty, "guide", kid, bo, "consent")
    empty.settle()
    guide: Any = empty.network["guide"]
    assert [one.ended is None for one in guide.delegates.of(kid.account)] == [False, True]
    empty.network.time = birthday(BORN, 16)
    assert not may(empty, "guide", kid, bo) and parents.stated(north) == []


def test_the_desk_ends_what_it_stated(empty: Story, kid: Patient, bo: Patient) -> None:
    posted(empty, bo)
    page = read(empty.client("north"), "/desk/parent")
    named = re.search(r'name="delegation" value="([0-9a-f]{64})"', page)
    assert named is not None
    client = empty.client("north")
    assert client.post("/desk/parent", data={"do": "end", "delegation": "00" * 32}).status_code == 404
    assert client.post("/desk/parent", data={"do": "end", "delegation": named.group(1)}).status_code == 200
    assert not may(empty, "north", kid, bo)
    empty.settle()
    assert not may(empty, "guide", kid, bo), "its secret is on the ledger"
    guide: Any = empty.network["guide"]
    north: Any = empty.network["north"]
    # What somebody else stated is not this organisation's to end.
    assert parents.stated(guide) == []
    forged = north.keys.sign_request(b"another" + bytes(32))
    with pytest.raises(Refusal):
        north.delegates.end(kid.account, bytes(32), north.keys.key_id, forged)


def ended_at_the_desk(story: Story) -> None:
    """The desk ends all that it lists."""
    client, north = story.client("north"), story.network["north"]
    for one in parents.stated(north):  # type: ignore[arg-type]
        answer = client.post("/desk/parent", data={"do": "end", "delegation": one.kept.nullifier.hex()})
        assert answer.status_code == 200
    assert parents.stated(north) == []  # type: ignore[arg-type]
    story.settle()
    story.network.time += WAIT_MS


@pytest.mark.parametrize("arrived", [True, False])
def test_a_statement_whose_answer_was_lost_is_listed_and_ended(
    empty: Story, kid: Patient, bo: Patient, monkeypatch: pytest.MonkeyPatch, arrived: bool
) -> None:
    north: Any = empty.network["north"]
    call = north.peers.call

    def lost(place: str, path: str, body: bytes) -> bytes:
        if arrived:
            call(place, path, body)
        raise PeerError("unreachable", "Nobody answers.")

    monkeypatch.setattr(north.peers, "call", lost)
    assert posted(empty, bo).status_code == 503 and north.delegates.of(kid.account) == []
    monkeypatch.undo()
    assert words.DESK_PARENT["unconfirmed"] in text_of(read(empty.client("north"), "/desk/parent"))
    # Stated again with less, the right that nobody confirmed is over.
    assert posted(empty, bo, **{"right-consent": ""}).status_code == 200 and len(parents.stated(north)) == 1
    empty.settle()
    empty.network.time += WAIT_MS
    assert may(empty, "guide", kid, bo) and not may(empty, "guide", kid, bo, "consent")
    ended_at_the_desk(empty)
    assert not may(empty, "guide", kid, bo)


def test_a_right_of_before_whose_secret_lies_under_the_child_s_key_is_ended_too(
    empty: Story, kid: Patient, bo: Patient
) -> None:
    north: Any = empty.network["north"]
    posted(empty, bo)
    (one,) = parents.stated(north)
    with north.store.read() as connection:
        person = north.journal.person_of_account(connection, kid.account)
    sealed = north.vault.seal(person.keys.data, one.kept.secret, one.kept.nullifier)
    north.store.write(lambda connection: connection.execute(sql.update(stated_secret).values(sealed=sealed)))
    ended_at_the_desk(empty)
    assert not may(empty, "guide", kid, bo)


def test_what_the_agent_refuses_is_not_kept(
    empty: Story, kid: Patient, bo: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    north: Any = empty.network["north"]

    def refuses(*_: Any) -> bytes:
        raise PeerError("delegation-void", "No.", answered=True)

    monkeypatch.setattr(north.peers, "call", refuses)
    assert posted(empty, bo).status_code == 503 and north.rows(stated_secret) == []


def test_a_right_is_ended_after_the_child_s_link_is_undone(empty: Story, kid: Patient, bo: Patient) -> None:
    posted(empty, bo)
    empty.settle()
    empty.network["guide"].agent.unlink(kid.account, "north", kid.sign)  # type: ignore[union-attr]
    empty.settle()
    empty.network.time += WAIT_MS
    (held,) = empty.network["guide"].delegates.of(kid.account)  # type: ignore[attr-defined]
    assert held.lives and held.closed == Closed(Why.UNLINKED, "north")
    ended_at_the_desk(empty)
    (held,) = empty.network["guide"].delegates.of(kid.account)  # type: ignore[attr-defined]
    assert held.ended is not None


def test_an_answer_that_is_lost_leaves_no_parent_without_an_alarm(
    empty: Story, kid: Patient, bo: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    north: Any = empty.network["north"]
    call = north.peers.call

    def lost(place: str, path: str, body: bytes) -> bytes:
        answer: bytes = call(place, path, body)
        if path == DELEGATIONS_PATH:
            raise PeerError("unreachable", "Nobody answers.")
        return answer

    monkeypatch.setattr(north.peers, "call", lost)
    assert posted(empty, bo).status_code == 503
    assert len(empty.network["guide"].delegates.of(kid.account)) == 1  # type: ignore[attr-defined]
    assert [row.code for row in north.rows(store.alarm)] == ["parent-by-one"]


def test_where_two_clerks_sit_another_one_has_to_sign_too(empty: Story, kid: Patient, bo: Patient) -> None:
    north: Any = empty.network["north"]
    clerk = nora(north)
    posted(empty, bo)
    (one,) = parents.stated(north)
    assert one.kept.waits and one.held is None and not may(empty, "north", kid, bo)
    assert empty.network["guide"].delegates.of(kid.account) == []  # type: ignore[attr-defined]
    page = text_of(read(empty.client("north"), "/desk/parent"))
    assert words.DESK_PARENT["second"] not in page, "not by who signed first"
    again = {"do": "second", "seen": "1", "delegation": one.kept.nullifier.hex()}
    assert empty.client("north").post("/desk/parent", data=again).status_code == 403
    message = delegation_message(one.kept.delegation)
    (first,) = [found for found in staff.members(north) if found.name == "Demonstration"]
    with pytest.raises(Refusal):
        parents.confirm(north, one.kept.nullifier, first, bytes.fromhex(one.kept.clerks[0].signature))
    with pytest.raises(Refusal):
        parents.confirm(north, one.kept.nullifier, clerk, NORA.sign_transaction_id(bytes(32)))
    assert not may(empty, "north", kid, bo)
    parents.confirm(north, one.kept.nullifier, clerk, NORA.sign_transaction_id(message))
    empty.network.time += WAIT_MS
    assert may(empty, "north", kid, bo) and north.rows(store.alarm) == []
    with north.store.read() as connection:
        where = store.manifest.c.kind == "delegation/1"
        (digest,) = connection.execute(sql.select(store.manifest.c.hash).where(where)).scalars()
        written = manifests.decode(north.journal.manifest(connection, digest)[1])
    assert isinstance(written, DelegationManifest) and written.second is not None
    assert written.second.name == clerk.name and written.clerk is not None
    office = text_of(read(empty.client("north"), "/office"))
    assert f"Demonstration and {clerk.name}" in office


def test_two_entries_of_one_person_are_one_clerk(empty: Story, kid: Patient, bo: Patient) -> None:
    north: Any = empty.network["north"]
    posted(empty, bo)
    (first,) = [found for found in staff.members(north) if found.key is not None]
    other = PersonKey.from_seed(b"her other key".ljust(32, b"."))
    identifier, code = staff.invite(north, "Another Name", "desk", same_as=first.id)
    again = staff.register(north, code, NewEd25519(other.public), b"her other key")
    # She sits there alone still: her word counts at once, with its alarm.
    assert posted(empty, bo).status_code == 200
    (alone,) = parents.stated(north)
    assert not alone.kept.waits and len(north.rows(store.alarm)) == 2
    clerk = nora(north)
    assert posted(empty, bo).status_code == 200
    (one,) = [found for found in parents.stated(north) if found.kept.waits]
    message = delegation_message(one.kept.delegation)
    assert not parents.is_second(north, one.kept, again) and parents.is_second(north, one.kept, clerk)
    with pytest.raises(Refusal) as caught:
        parents.confirm(north, one.kept.nullifier, again, other.sign_transaction_id(message))
    assert caught.value.reason is Code.UNKNOWN_CREDENTIAL and identifier == again.id
    parents.confirm(north, one.kept.nullifier, clerk, NORA.sign_transaction_id(message))


def test_a_statement_that_no_second_clerk_signs_is_forgotten(empty: Story, kid: Patient, bo: Patient) -> None:
    north: Any = empty.network["north"]
    clerk = nora(north)
    posted(empty, bo)
    (one,) = parents.stated(north)
    empty.network.time += parents.SECOND_MS + 1
    with pytest.raises(Refusal) as caught:
        parents.confirm(
            north, one.kept.nullifier, clerk, NORA.sign_transaction_id(delegation_message(one.kept.delegation))
        )
    assert caught.value.reason is Code.DELEGATION_OVER
    assert parents.stated(north) == [] and north.rows(stated_secret) == []


def test_stating_a_right_again_does_not_wake_what_the_child_let_rest(empty: Story, kid: Patient, bo: Patient) -> None:
    guide: Any = empty.network["guide"]
    posted(empty, bo)
    empty.network.time = birthday(BORN, 14)
    posted(empty, bo)
    empty.settle()
    assert may(empty, "guide", kid, bo) and may(empty, "north", kid, bo)

    def says(action: Any) -> None:
        empty.network.time += 1
        (held,) = [one for one in guide.delegates.of(kid.account) if one.ended is None]
        said = DelegationRest(
            guide.network.hex(), kid.account, empty.network.time, held.hash.hex(), action, kid.key.key_id.hex()
        )
        signature = kid.key.sign_transaction_id(delegation_rest_message(said))
        assert resting.send(guide, msgspec.structs.replace(said, signature=signature.hex())) == []

    says("rest")
    empty.network.time += 60_000
    assert posted(empty, bo).status_code == 200
    empty.settle()
    assert not may(empty, "guide", kid, bo) and not may(empty, "north", kid, bo)
    assert words.DESK_PARENT["hers"] in text_of(read(empty.client("north"), "/desk/parent"))
    says("go-on")
    assert may(empty, "guide", kid, bo) and may(empty, "north", kid, bo)


def test_a_clerk_who_was_dismissed_or_signs_something_else_states_nothing(
    empty: Story, kid: Patient, bo: Patient
) -> None:
    north: Any = empty.network["north"]
    drafted = parents.draft(north, "kid", bo.account, "Bo Berg", ["look"], nora(north))
    with pytest.raises(Refusal) as caught:
        parents.state_it(north, drafted, NORA.sign_transaction_id(bytes(32)))
    assert caught.value.reason is Code.BAD_SIGNATURE
    proof = NORA.sign_transaction_id(drafted.message)
    staff.dismiss(north, drafted.clerk.id)
    with pytest.raises(Refusal) as caught:
        parents.state_it(north, drafted, proof)
    assert caught.value.reason is Code.UNKNOWN_CREDENTIAL and not may(empty, "north", kid, bo)
    with pytest.raises(NotAChildError):
        parents.draft(north, "nobody", bo.account, "Bo Berg", ["look"], drafted.clerk)
