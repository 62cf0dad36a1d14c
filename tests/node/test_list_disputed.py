"""A place of whose look a person disputes one hears nothing of her from her agent, until she has settled that."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sql

from medrec.core.manifests.acts import Subject
from medrec.node.agent.told import told
from medrec.node.keeping import outgoing, store
from medrec.node.keeping.store import StoreError
from medrec.node.keeping.vault import VaultError
from medrec.node.lists import acts_later, hearing, stating
from medrec.node.lists.acts_kept import ACTS_PATH
from medrec.node.looks import stopped
from medrec.node.looks.disputes import DISPUTES_PATH
from medrec.node.looks.disputing import Raised, close, dispute, dispute_said
from medrec.node.records import deliver
from tests.node.test_list_brought import clinic as clinic
from tests.node.test_list_brought import east_reads, ids, reviewed
from tests.node.test_list_hearsay import waiting
from tests.node.test_list_later import heard, look, round_
from tests.node.test_lists import Clinic

ALSO = Subject("text:st john's wort", "St John's wort")


@pytest.fixture
def disputed(clinic: Clinic) -> Iterator[Clinic]:
    """East may read what north and south have, had it from north, and she does not know why."""
    east_reads(clinic, "north", "south")
    look(clinic, "east", "north")
    clinic.network.time += 60_000
    yield clinic


def raised(clinic: Clinic) -> Raised:
    return dispute(clinic.guide, clinic.ada.account, "east", "north", clinic.ada.sign, clinic.ada.key.key_id)


def settled(clinic: Clinic, said: Raised) -> None:
    clinic.network.time += 60_000
    close(clinic.guide, clinic.ada.account, said.id, "east", "north", clinic.ada.sign, clinic.ada.key.key_id)
    clinic.story.settle()


def test_what_a_clinician_says_is_not_brought_on_until_she_has_settled_it(disputed: Clinic) -> None:
    said = raised(disputed)
    disputed.story.settle()
    acts = reviewed(disputed)
    for _ in range(2):
        round_(disputed, "north", "guide")
        assert heard(disputed, "east") == [] and not waiting(disputed.guide)
    assert set(heard(disputed, "guide")) > set(ids(acts))
    settled(disputed, said)
    round_(disputed, "north", "guide")
    assert heard(disputed, "east") == ids(acts) and len(acts) == 3


def test_it_stops_from_the_moment_she_signs_although_no_place_has_told_of_it(disputed: Clinic) -> None:
    acts = reviewed(disputed)
    disputed.refresh()
    said = raised(disputed)
    assert stopped.by_her(disputed.guide, disputed.ada.account) == {"east"}
    guide = disputed.guide = disputed.network.crash("guide")
    assert stopped.by_her(guide, disputed.ada.account) == {"east"}
    round_(disputed, "guide")
    assert heard(disputed, "east") == [] and said.taken
    assert not hearing.Hearers(guide, disputed.ada.account, ["east"], disputed.network.time).of_everything(acts)


def test_what_waits_for_it_is_held_and_brought_only_if_she_lets_it_have_that_still(disputed: Clinic) -> None:
    """The words were queued while east could not be reached."""
    acts = reviewed(disputed)
    guide: Any = disputed.guide
    disputed.refresh()
    disputed.network.time += acts_later.ROUND_MS
    acts_later.hand_on_later(guide)
    assert len(waiting(guide)["east"]) == len(acts)
    said = raised(disputed)
    guide.deliverer.step(disputed.network.time)
    assert heard(disputed, "east") == [] and len(waiting(guide)["east"]) == len(acts), "held, before any round"
    disputed.story.settle()
    round_(disputed, "guide")
    assert heard(disputed, "east") == [] and not waiting(guide)
    settled(disputed, said)
    round_(disputed, "guide")
    assert heard(disputed, "east") == ids(acts)


def test_her_own_word_to_everybody_waits_for_it_and_reaches_the_others(disputed: Clinic) -> None:
    guide, ada = disputed.guide, disputed.ada
    said = raised(disputed)
    unsigned = stating.prepare(guide, ada.account, "also-taking", ada.key.key_id, [ALSO], recipients=["*"])
    act = stating.signed(unsigned, ada.sign)
    stated = stating.state(guide, act)
    assert "east" in stated.waiting and {"north", "south"} <= set(stated.taken)
    round_(disputed, "guide")
    assert act.id in heard(disputed, "north") and act.id not in heard(disputed, "east")
    settled(disputed, said)
    round_(disputed, "guide")
    assert act.id in heard(disputed, "east")


def test_a_source_holds_what_waits_for_it_too(disputed: Clinic) -> None:
    """North decided to hand its own word on before she disputed the look."""
    (act, *_) = [one for one in reviewed(disputed) if one.subjects[0].name == "lisinopril"]
    north: Any = disputed.north
    assert set(waiting(north)) == {"east", "guide"}
    said = raised(disputed)
    north.deliverer.step(disputed.network.time)
    assert heard(disputed, "east") == [] and set(waiting(north)) == {"east"}
    settled(disputed, said)
    north.deliverer.step(disputed.network.time)
    assert heard(disputed, "east") == [act.id] and not waiting(north)


def test_a_dispute_that_no_place_takes_stops_nothing_and_another_s_stops_nothing_of_hers(disputed: Clinic) -> None:
    guide, ada = disputed.guide, disputed.ada
    said = dispute(guide, ada.account, "nobody", "north", ada.sign, ada.key.key_id)
    assert said.refused and not said.taken and stopped.by_her(guide, ada.account) == frozenset()
    raised(disputed)
    assert stopped.by_her(guide, "another") == frozenset()
    assert stopped.Stops(guide, "east").holds(ada.account) and not stopped.Stops(guide, "east").holds("another")
    assert not stopped.Stops(guide, "north").holds(ada.account)


@pytest.mark.parametrize("taken", [0, 2])
def test_a_dispute_that_was_being_brought_when_the_process_ended_is_brought_and_can_be_settled(
    disputed: Clinic, monkeypatch: pytest.MonkeyPatch, taken: int
) -> None:
    """She signed it, and the agent's process ended before or between the calls to the places."""
    peers: Any = disputed.guide.peers
    calls, call = list[str](), peers.call

    def until(place: str, path: str, body: bytes) -> bytes:
        if path == DISPUTES_PATH and len(calls) >= taken:
            raise RuntimeError("the process ends")
        calls.append(path)
        answer: bytes = call(place, path, body)
        return answer

    with monkeypatch.context() as patched, pytest.raises(RuntimeError):
        patched.setattr(peers, "call", until)
        raised(disputed)
    guide: Any = disputed.network.crash("guide")
    disputed.guide, account = guide, disputed.ada.account
    assert stopped.by_her(guide, account) == {"east"}
    guide.deliverer.step(disputed.network.time)
    disputed.story.settle()
    places: Any = (disputed.north, disputed.network["south"])
    assert all(place.disputes.stops(account, "east") for place in places)
    lines = told(guide, account, "dispute/1")
    (identifier,) = {line.manifest.statement.id for line in lines}
    acts = reviewed(disputed)
    round_(disputed, "north", "guide")
    assert heard(disputed, "east") == []
    settled(disputed, Raised(bytes.fromhex(identifier), (), {}, ()))
    assert stopped.by_her(guide, account) == frozenset()
    assert not any(row.path == DISPUTES_PATH for row in guide.rows(store.outbox))
    round_(disputed, "north", "guide")
    assert heard(disputed, "east") == ids(acts)


def test_a_dispute_that_cannot_be_written_down_stops_nothing(disputed: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store refuses what is to be brought: then it knows nothing of the dispute either."""

    def full(*_: object) -> None:
        raise StoreError("full", "The disk is full.")

    with monkeypatch.context() as patched, pytest.raises(StoreError):
        patched.setattr(outgoing, "queue", full)
        raised(disputed)
    assert stopped.by_her(disputed.guide, disputed.ada.account) == frozenset()


def brought_to_east(disputed: Clinic) -> list[str]:
    """What clinicians said waits at her agent for east; the ids of that."""
    acts = reviewed(disputed)
    disputed.refresh()
    disputed.network.time += acts_later.ROUND_MS
    acts_later.hand_on_later(disputed.guide)
    assert len(waiting(disputed.guide)["east"]) == len(acts)
    return ids(acts)


def others(disputing: int) -> list[dict[str, Any]]:
    """So many people more who dispute a look of east."""
    return [
        {"account": f"medrec1x{one}", "id": one.to_bytes(16, "big"), "action": "open", "requester": "east"}
        for one in range(disputing)
    ]


def test_words_go_out_and_are_held_although_thousands_dispute_a_look_of_the_place(
    disputed: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    guide, asked = disputed.guide, list[str]()
    acts, by_her = brought_to_east(disputed), stopped.by_her

    def counted(agent: Any, account: str) -> frozenset[str]:
        asked.append(account)
        return by_her(agent, account)

    monkeypatch.setattr(stopped, "by_her", counted)
    guide.store.write(lambda connection: connection.execute(sql.insert(dispute_said), others(3000)))
    for one in others(3000):
        guide.disputes._stops[one["account"], "east"] = {one["id"]}
    said = raised(disputed)
    for _ in range(2):
        guide.deliverer.step(disputed.network.time)
    assert heard(disputed, "east") == [] and len(waiting(guide)["east"]) == len(acts)
    assert asked == [disputed.ada.account], "of nobody of whom nothing waits, and once"
    disputed.network.time += 60_000
    close(guide, disputed.ada.account, said.id, "east", "north", disputed.ada.sign, disputed.ada.key.key_id)
    guide.deliverer.step(disputed.network.time)
    assert heard(disputed, "east") == acts


def test_what_is_held_of_many_keeps_nobody_elses_words_from_going_out(
    disputed: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More is held, and queued earlier, than is looked at together; and what one disputes cannot be read."""
    guide = disputed.guide
    acts, by_her, many = brought_to_east(disputed), stopped.by_her, others(9)
    unread = many[0]["account"]

    def partly(agent: Any, account: str) -> frozenset[str]:
        if account == unread:
            raise VaultError
        return by_her(agent, account)

    def queued(connection: sql.Connection) -> None:
        connection.execute(sql.insert(dispute_said), many)
        rows = connection.execute(sql.select(store.outbox).where(store.outbox.c.path == ACTS_PATH)).all()
        hers = [row for row in rows if row.organisation == "east"]
        connection.execute(sql.delete(store.outbox).where(store.outbox.c.id.in_([row.id for row in hers])))
        for one in many:
            row = {"organisation": "east", "path": ACTS_PATH, "payload": b"{}", "due": 0}
            outgoing.queue(connection, guide.vault, one["account"], [row])
        again = [{"organisation": "east", "path": ACTS_PATH, "payload": row.payload, "due": 0} for row in hers]
        connection.execute(sql.insert(store.outbox), again)

    guide.store.write(queued)
    monkeypatch.setattr(stopped, "by_her", partly)
    monkeypatch.setattr(deliver, "PAGE", 4)
    monkeypatch.setattr(deliver, "ROWS_MAX", 4)
    assert guide.deliverer.step(disputed.network.time) >= len(acts)
    assert heard(disputed, "east") == acts
    with guide.store.read() as connection:
        left = [row.organisation for row in connection.execute(sql.select(store.outbox)).all()]
    assert left.count("east") == len(many)


@pytest.mark.parametrize("length", [0, 1, 23, 24, 80])
def test_whose_a_payload_is_is_read_from_its_head(disputed: Clinic, length: int) -> None:
    account, guide = "m" * length, disputed.guide
    rows = [{"organisation": "east", "path": ACTS_PATH, "payload": b"x" * 300, "due": 0}]

    def found(connection: sql.Connection) -> list[str | None]:
        outgoing.queue(connection, guide.vault, account, rows)
        connection.execute(sql.insert(store.outbox), rows)
        heads = connection.execute(sql.select(outgoing.head()).order_by(store.outbox.c.id.desc()).limit(2))
        return [outgoing.whose(bytes(head)) for head in heads.scalars()]

    assert guide.store.write(found) == [None, account]
