"""Turns: so many compute at once, and whoever waits for something else holds nobody up."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sql

from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft, Line
from medrec.node.keeping.store import TURNS
from medrec.node.keeping.turns import Turns
from medrec.node.peers.peers import PeerError
from medrec.node.refusals import Code, Refusal
from medrec.node.release import gather
from medrec.node.release.receive import request_records
from tests.node.network import Network

LONG = 120.0


def test_no_more_than_so_many_compute_at_once() -> None:
    turns, inside, most = Turns(2), [0], [0]
    lock = threading.Lock()
    both = threading.Barrier(2)

    def work(number: int) -> None:
        with turns.one():
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            if number < 2:
                both.wait(LONG)
            with lock:
                inside[0] -= 1

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(2)))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(2, 200)))
    assert most[0] == 2 and inside[0] == 0


def test_whoever_waits_for_something_else_gives_the_turn_away_and_takes_it_again() -> None:
    turns = Turns(1)
    gone, done = threading.Event(), threading.Event()
    order: list[str] = []

    def slow() -> None:
        with turns.one():
            with turns.away():
                gone.set()
                assert done.wait(LONG)
            order.append("slow")

    def quick() -> None:
        assert gone.wait(LONG)
        with turns.one():
            order.append("quick")
        done.set()

    with ThreadPoolExecutor(2) as pool:
        for working in [pool.submit(slow), pool.submit(quick)]:
            working.result(LONG)
    assert order == ["quick", "slow"]


def test_a_turn_inside_a_turn_is_the_same_one_and_comes_back_after_an_error() -> None:
    turns = Turns(1)
    for _ in range(2):
        with pytest.raises(KeyError), turns.one(), turns.one(), turns.away():
            raise KeyError
    # Without a turn there is none to give away: nobody gets one more.
    with turns.away():
        pass
    taken = threading.Event()

    def other() -> None:
        with turns.one():
            taken.set()

    with turns.one():
        thread = threading.Thread(target=other)
        thread.start()
        assert not taken.wait(0.05)
    thread.join(LONG)
    assert taken.is_set()


def test_whoever_waits_for_quiet_waits_while_somebody_computes_and_no_longer_than_said() -> None:
    turns, begun, over = Turns(2), threading.Event(), threading.Event()

    def compute() -> None:
        with turns.one():
            begun.set()
            over.wait(LONG)

    with ThreadPoolExecutor(2) as pool:
        computing = pool.submit(compute)
        assert begun.wait(LONG)
        turns.quiet(0.01)
        waiting = pool.submit(turns.quiet, LONG)
        assert not waiting.done()
        over.set()
        waiting.result(LONG)
        computing.result(LONG)
    # Whoever gave the turn away does not compute.
    with turns.one(), turns.away():
        turns.quiet(LONG)


def test_those_who_are_on_their_way_to_the_journal_go_into_it_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Network(tmp_path)
    node = network["north"]
    turns = Turns(2)
    gathering = gather.Gathering(node.journal, turns)
    monkeypatch.setattr(gather, "WAIT_S", LONG)
    groups: list[int] = []
    append = node.journal.append

    def watch(connection: sql.Connection, drafts: Sequence[Draft]) -> list[Line]:
        groups.append(len(drafts))
        return append(connection, drafts)

    monkeypatch.setattr(node.journal, "append", watch)
    arrived, leads = threading.Event(), threading.Event()
    quiet = turns.quiet

    def lead(seconds: float) -> None:
        leads.set()
        quiet(seconds)

    monkeypatch.setattr(turns, "quiet", lead)

    def computes() -> Line:
        with turns.one():
            arrived.set()
            # The other leads already, and waits for this one.
            assert leads.wait(LONG)
            with turns.away():
                return gathering.write(Draft("refusal/1", b"2"), None)

    def comes_first() -> Line:
        assert arrived.wait(LONG)
        return gathering.write(Draft("refusal/1", b"1"), None)

    try:
        with ThreadPoolExecutor(2) as pool:
            written = [pool.submit(computes), pool.submit(comes_first)]
            assert sorted(one.result(LONG).seq for one in written) == [1, 2]
        assert groups == [2]
    finally:
        network.close()


def test_a_source_that_hangs_holds_up_nobody_but_who_waits_for_it(tmp_path: Path) -> None:
    network, hanging = Network(tmp_path), TURNS["sqlite"] + 1
    north, south = network["north"], network["south"]
    for kind in ("Condition", "Observation"):
        text = f'{{"resourceType":"{kind}","id":"one","subject":{{"reference":"Patient/ada"}}}}'
        north.put(kind, "one", text)
    ada = network.patient("ada", "north")
    network.consent(ada, "north", "south")
    asked, go_on = threading.Semaphore(0), threading.Event()

    def get(kind: str) -> list[str]:
        doctor = south.doctor()
        found = request_records(south, "north", ada.account, practitioner=doctor, reason="visit", types=[kind])  # type: ignore[arg-type]
        return [record.type for record in found.records]

    def hang() -> None:
        asked.release()
        assert go_on.wait(LONG)

    assert get("Condition") == ["Condition"]
    north.source.before_read = hang
    try:
        with ThreadPoolExecutor(hanging) as pool:
            waiting = [pool.submit(get, "Condition") for _ in range(hanging)]
            assert all(asked.acquire(timeout=LONG) for _ in waiting)
            north.source.before_read = lambda: None
            try:
                assert get("Observation") == ["Observation"]
            finally:
                go_on.set()
            assert [one.result(LONG) for one in waiting] == [["Condition"]] * hanging
    finally:
        network.close()


def test_who_was_erased_meanwhile_takes_nobody_along(tmp_path: Path) -> None:
    """A line of somebody who is gone cannot be written: that one is refused with a sentence, the others are there."""
    network = Network(tmp_path)
    try:
        north = network["north"]
        gathering = north.gate._gathering
        gone = gather._Waiting(Draft("refusal/1", b"of nobody", 999), None, Future())
        gathering._waiting.append(gone)
        line = gathering.write(Draft("refusal/1", b"of somebody"), None)
        assert line.manifest == b"of somebody" and [row.seq for row in north.rows(store.line)] == [line.seq]
        with pytest.raises(Refusal) as caught:
            gone.line.result(LONG)
        assert caught.value.reason is Code.UNKNOWN_PERSON
    finally:
        network.close()


def test_a_release_to_whose_person_is_erased_before_its_line_is_refused(tmp_path: Path) -> None:
    network = Network(tmp_path)
    try:
        north, south = network["north"], network["south"]
        north.put(
            "Observation", "one", '{"resourceType":"Observation","id":"one","subject":{"reference":"Patient/ada"}}'
        )
        ada = network.patient("ada", "north")
        network.consent(ada, "north", "south")
        network.deliver()

        def erased(step: str) -> None:
            if step == "journal":
                north.gate.step = lambda name: None
                north.source.raw.clear()
                north.erasures.erase_person("ada", "patient-request", "All of it.")

        north.gate.step = erased
        with pytest.raises(PeerError) as caught:
            request_records(south, "north", ada.account, practitioner=south.doctor(), reason="visit")
        assert caught.value.code == "not-permitted"
        assert [row.kind for row in north.rows(store.line) if row.kind in ("disclosure/1", "refusal/1")] == [
            "refusal/1"
        ]
    finally:
        network.close()
