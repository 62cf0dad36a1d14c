"""A code of the desk gives nothing to whoever presents it, before the clerk has compared the digits."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core import codec
from medrec.core.matching import Demographics
from medrec.node.keeping import store
from medrec.node.peers.peers import PeerError
from medrec.node.right_person import given_codes, waiting_links
from medrec.node.right_person.desk import give_code
from medrec.node.right_person.link import LinkError, read_payload
from tests.node.forks import fork
from tests.node.network import Network, Patient
from tests.node.test_right_person import ADA, demographics
from tests.portal.story import ToldNetwork

STATED = dict(zip(("family", "given", "birth"), ADA, strict=True))
MINUTE = 60_000


def _at_the_desk(network: Network) -> Patient:
    north = network["north"]
    north.put("Patient", "ada", demographics("ada", *ADA))
    record = {"resourceType": "Condition", "id": "c1", "code": {"text": "Syphilis"}}
    north.put("Condition", "c1", json.dumps(record | {"subject": {"reference": "Patient/ada"}}))
    return network.patient("ada")


class Desk:
    """Ada stands at north's desk, where there is a record of hers; somebody has seen the code on the screen."""

    def __init__(self, folder: Path) -> None:
        self.network, self.ada = fork(folder, _at_the_desk, kind=ToldNetwork)
        self.north: Any = self.network["north"]
        self.guide: Any = self.network["guide"]
        self.code = self.give()

    def give(self) -> bytes:
        return read_payload(self.network.id, give_code(self.north, "ada", Demographics(*ADA)).payload)[1]

    def present(self, person: Patient, code: bytes | None = None, **stated: str) -> None:
        given = self.code if code is None else code
        self.guide.agent.link(person.account, "north", given, person.sign, STATED | stated)

    def linked(self) -> list[str]:
        return [row.account for row in self.north.rows(store.person) if row.account is not None]

    def given(self) -> given_codes.GivenCode:
        return given_codes.lately(self.north)[0]

    def consent(self, person: Patient) -> None:
        """As the page of her agent gives it, in the same breath."""
        self.network.consent(person, "north", "guide")

    def reads(self, person: Patient) -> list[str]:
        self.network.anchor()
        self.network.deliver()
        self.guide.copies.refresh(person.account)
        return [copy.id for copy in self.guide.copies.all(person.account)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.network.close()


def test_whoever_photographs_the_code_gets_nothing_before_the_clerk_has_compared(desk: Desk) -> None:
    thief = desk.network.patient("thief")
    before = desk.north.rows(store.line)
    desk.present(thief)
    desk.consent(thief)
    assert desk.linked() == [] and desk.reads(thief) == []
    assert desk.north.rows(store.line) == before, "no line of the journal"
    assert desk.north.rows(store.outbox) == [] and desk.guide.agent.notices(thief.account) == []
    assert desk.north.consents.of(thief.account) == []
    with pytest.raises(LinkError, match="does not serve"):
        asked = {"account": thief.account, "epoch": 1, "counters": [0]}
        desk.north.linker.redeliver("guide", codec.encode(asked))
    assert desk.given().state == given_codes.LINKED
    # She has no digits on her page: the clerk says no, and gives her another code.
    assert given_codes.decide(desk.north, desk.given().digest, False)
    assert not given_codes.decide(desk.north, desk.given().digest, True)
    assert desk.linked() == [] and desk.north.rows(waiting_links.waiting_link) == []
    desk.network.time += MINUTE
    desk.present(desk.ada, desk.give())
    assert given_codes.decide(desk.north, desk.given().digest, True)
    assert desk.linked() == [desk.ada.account] and desk.reads(thief) == []


def test_what_she_signed_takes_effect_when_the_clerk_confirms(desk: Desk) -> None:
    desk.present(desk.ada)
    desk.consent(desk.ada)
    assert desk.reads(desk.ada) == []
    desk.network.time += 14 * MINUTE
    assert given_codes.decide(desk.north, desk.given().digest, True)
    assert desk.linked() == [desk.ada.account]
    assert set(desk.reads(desk.ada)) == {"ada", "c1"}
    kinds = [notice.kind for notice in desk.guide.agent.notices(desk.ada.account)]
    assert kinds.count("record/1") == 2 and {"link/1", "consent/1"} <= set(kinds), "the earlier lines came too"
    assert desk.north.rows(waiting_links.waiting_link) == []


def test_nobody_leaves_out_who_she_is(desk: Desk) -> None:
    with pytest.raises((PeerError, LinkError), match="family name"):
        desk.guide.agent.link(desk.ada.account, "north", desk.code, desk.ada.sign)
    for missing in ("family", "given", "birth"):
        with pytest.raises((PeerError, LinkError), match="family name"):
            desk.present(desk.ada, **{missing: ""})
    assert desk.given().state == given_codes.WAITING and desk.linked() == []


def test_two_guesses_at_the_same_moment_are_one(desk: Desk) -> None:
    """While a wrong birth date is being compared a right one comes in: the code is used up by the first."""
    second = desk.network.patient("second")
    found: list[Exception | None] = []
    read, started = desk.north.linker._read, threading.Event()

    def guess() -> None:
        try:
            desk.present(second)
            found.append(None)
        except (PeerError, LinkError) as error:
            found.append(error)

    other = threading.Thread(target=guess)

    def slow(kind: str, identifier: str) -> bytes | None:
        if not started.is_set():
            started.set()
            other.start()
            other.join(1.0)
        return read(kind, identifier)

    desk.north.linker._read = slow
    with pytest.raises((PeerError, LinkError), match="does not fit"):
        desk.present(desk.ada, birth="1999-01-01")
    other.join(120)
    assert len(found) == 1 and found[0] is not None
    assert desk.given().state == given_codes.CONTRADICTED and desk.linked() == []


def test_confirmation_expires_and_what_nobody_confirmed_ends_with_an_alarm(desk: Desk) -> None:
    desk.present(desk.ada)
    desk.network.time += waiting_links.CONFIRM_MS + 1
    assert not given_codes.decide(desk.north, desk.given().digest, True)
    assert desk.linked() == [] and desk.given().state == given_codes.EXPIRED
    assert [row.code for row in desk.north.rows(store.alarm)] == ["link-unconfirmed"]
    assert desk.north.rows(waiting_links.waiting_link) == []
    with pytest.raises((PeerError, LinkError), match="was used"):
        desk.present(desk.ada)
    assert given_codes.end_unconfirmed(desk.north) == 0


def test_an_answer_that_was_lost_is_asked_for_again_by_the_same_account_alone(desk: Desk) -> None:
    desk.present(desk.ada)
    desk.consent(desk.ada)
    desk.present(desk.ada)
    with pytest.raises((PeerError, LinkError), match="was used"):
        desk.present(desk.network.patient("thief"))
    assert given_codes.decide(desk.north, desk.given().digest, True)
    assert desk.linked() == [desk.ada.account] and set(desk.reads(desk.ada)) == {"ada", "c1"}


def test_a_record_that_says_somebody_else_by_now_is_not_linked(desk: Desk) -> None:
    desk.present(desk.ada)
    desk.north.put("Patient", "ada", demographics("ada", "Byron", "Robert", "1948-01-02"), origin="second")
    with pytest.raises(LinkError, match="does not fit"):
        given_codes.decide(desk.north, desk.given().digest, True)
    assert desk.linked() == []


def test_what_she_takes_back_or_ends_while_it_waits_never_begins(desk: Desk) -> None:
    desk.present(desk.ada)
    secret = desk.network.consent(desk.ada, "north", "guide")
    desk.network.take_back(desk.ada, "north", secret)
    assert given_codes.decide(desk.north, desk.given().digest, True)
    assert desk.linked() == [desk.ada.account] and desk.north.consents.of(desk.ada.account) == []
    assert desk.guide.agent.unlink(desk.ada.account, "north", desk.ada.sign)
    desk.network.time += MINUTE
    desk.present(desk.ada, desk.give())
    assert not desk.guide.agent.unlink(desk.ada.account, "north", desk.ada.sign)
    assert not given_codes.decide(desk.north, desk.given().digest, True) and desk.linked() == []


def test_a_crash_between_the_link_and_its_consents_loses_none(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.present(desk.ada)
    desk.consent(desk.ada)
    with monkeypatch.context() as patch:
        patch.setattr(waiting_links, "give_consents", lambda node: 0)
        assert given_codes.decide(desk.north, desk.given().digest, True)
    assert desk.north.consents.of(desk.ada.account) == []
    assert waiting_links.give_consents(desk.north) == 1
    assert len(desk.north.consents.of(desk.ada.account)) == 1 and desk.north.rows(waiting_links.waiting_link) == []


def test_her_agent_reads_as_soon_as_the_place_tells_of_the_permission(desk: Desk) -> None:
    asked: list[str] = []
    desk.guide.agent.permitted = asked.append
    desk.present(desk.ada)
    desk.consent(desk.ada)
    desk.network.deliver()
    assert asked == []
    assert given_codes.decide(desk.north, desk.given().digest, True)
    desk.network.deliver()
    assert asked == [desk.ada.account]
