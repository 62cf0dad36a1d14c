"""Turns: a few threads compute for all, and whoever takes long or waits for something else holds nobody up."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sql

from medrec.node.keeping import turns as turns_room
from medrec.node.keeping.journal import Draft, Line
from medrec.node.keeping.store import TURNS
from medrec.node.keeping.turns import PATIENCE_S, Turns
from medrec.node.release import gather, reading
from medrec.node.release.reading import Reader
from medrec.node.release.receive import request_records
from tests.node.network import Network

LONG = 120.0


def test_there_are_so_many_turns_and_whoever_gives_one_back_frees_one() -> None:
    turns = Turns(2)
    first, second = turns.take(), turns.take()
    assert first is not None and second is not None and turns.free == 0
    assert turns.take() is None and turns.goes_on(first)
    turns.give(first)
    assert turns.free == 1 and not turns.goes_on(first)
    # Once given, it frees no other.
    turns.give(first)
    assert turns.free == 1 and turns.take() is not None and turns.take() is None


def test_a_step_that_takes_long_loses_its_turn_and_a_new_step_begins_a_new_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    turns = Turns(1)
    first = turns.take()
    assert first is not None
    now[0] = PATIENCE_S
    assert turns.take() is None and turns.goes_on(first)
    now[0] = PATIENCE_S * 2
    assert turns.take() is None
    now[0] = PATIENCE_S * 2.5
    second = turns.take()
    assert second is not None and not turns.goes_on(first) and turns.goes_on(second)
    turns.give(first)
    assert turns.goes_on(second)


class Releases:
    """Steps that write one line each, and the groups in which the lines went into the journal."""

    def __init__(self, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
        node = network["north"]
        self.gathering = gather.Gathering(node.journal, Turns(1))
        self.groups: list[int] = []
        append = node.journal.append

        def watch(connection: sql.Connection, drafts: Sequence[Draft]) -> list[Line]:
            self.groups.append(len(drafts))
            return append(connection, drafts)

        monkeypatch.setattr(node.journal, "append", watch)

    def steps(
        self, before: Callable[[], object] = lambda: None, after: Callable[[], object] = lambda: None
    ) -> gather.Steps[int]:
        """The number of the line."""
        before()
        line = yield from self.gathering.write(Draft("refusal/1", os.urandom(16)), None)
        after()
        return line.seq

    def waits_for(self, count: int) -> None:
        """Until so many came."""
        assert until(lambda: len(self.gathering._ready) >= count)


@pytest.fixture
def releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Releases]:
    network = Network(tmp_path)
    yield Releases(network, monkeypatch)
    network.close()


def until(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + LONG
    while not holds() and time.monotonic() < end:
        time.sleep(0.001)
    return holds()


def test_those_who_come_meanwhile_are_computed_by_one_thread_and_written_together(
    releases: Releases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns_room, "PATIENCE_S", LONG)
    threads: set[int] = set()
    begun, run = threading.Event(), releases.gathering.run

    def first() -> None:
        begun.set()
        releases.waits_for(5)

    with ThreadPoolExecutor(6) as pool:
        leader = pool.submit(run, releases.steps(first))
        assert begun.wait(LONG)
        rest = [pool.submit(run, releases.steps(lambda: threads.add(threading.get_ident()))) for _ in range(5)]
        assert sorted(one.result(LONG) for one in [leader, *rest]) == [1, 2, 3, 4, 5, 6]
    assert len(threads) == 1 and releases.groups == [6]


def test_what_goes_wrong_in_one_release_is_its_own_matter(releases: Releases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns_room, "PATIENCE_S", LONG)
    begun, run = threading.Event(), releases.gathering.run

    class Died(BaseException):
        pass

    def die() -> None:
        raise Died

    def first() -> None:
        begun.set()
        releases.waits_for(3)

    with ThreadPoolExecutor(4) as pool:
        leader = pool.submit(run, releases.steps(first))
        assert begun.wait(LONG)
        early, late, whole = (pool.submit(run, releases.steps(*calls)) for calls in ((die,), (lambda: None, die), ()))
        for one in (early, late):
            with pytest.raises(Died):
                one.result(LONG)
        assert leader.result(LONG) and whole.result(LONG)
    assert releases.groups == [3]


def test_a_step_that_takes_long_holds_up_nobody_and_is_written_afterwards(releases: Releases) -> None:
    begun, go_on, run = threading.Event(), threading.Event(), releases.gathering.run

    def long() -> None:
        begun.set()
        assert go_on.wait(LONG)

    with ThreadPoolExecutor(3) as pool:
        for place in range(2):
            begun.clear()
            go_on.clear()
            calls = (long,) if place == 0 else (lambda: None, long)
            waiting = pool.submit(run, releases.steps(*calls))
            assert begun.wait(LONG)
            assert pool.submit(run, releases.steps()).result(LONG)
            assert not waiting.done()
            go_on.set()
            assert waiting.result(LONG)


def test_who_says_that_a_step_waits_lets_others_have_the_turn_at_once(
    releases: Releases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns_room, "PATIENCE_S", LONG)
    monkeypatch.setattr(gather, "PATIENCE_S", LONG)
    begun, go_on, run = threading.Event(), threading.Event(), releases.gathering.run

    def waits() -> None:
        releases.waits_for(1)
        releases.gathering.let_go()
        releases.gathering.let_go()
        begun.set()
        assert go_on.wait(LONG)

    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(run, releases.steps(waits))
        assert pool.submit(run, releases.steps()).result(LONG)
        assert begun.wait(LONG) and not waiting.done()
        go_on.set()
        assert waiting.result(LONG)
    # Who has no turn has none to give.
    releases.gathering.let_go()


def test_a_reader_asks_a_slow_source_without_a_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network, gone, took = Network(tmp_path), [0], [0.0]
    north = network["north"]
    now = [0.0]

    def read(kind: str, identifier: str) -> None:
        now[0] += took[0]

    try:
        reader = Reader(north, lambda: gone.__setitem__(0, gone[0] + 1))  # type: ignore[arg-type]
        monkeypatch.setattr(reading.time, "monotonic", lambda: now[0])
        monkeypatch.setattr(north.source, "read", read)
        for slow, expected in ((0.0, 0), (reading.SLOW_S * 2, 0), (reading.SLOW_S * 2, 1), (0.0, 2), (0.0, 2)):
            took[0] = slow
            reader._from_source("Observation", "one")
            assert gone[0] == expected
    finally:
        network.close()


def test_who_is_alone_waits_for_nobody_and_who_answered_several_waits_a_moment_for_them(
    releases: Releases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns_room, "PATIENCE_S", LONG)
    slept: list[float] = []
    monkeypatch.setattr(gather.time, "sleep", slept.append)
    run = releases.gathering.run
    for _ in range(3):
        run(releases.steps())
    assert slept == [] and releases.groups == [1, 1, 1]
    begun = threading.Event()

    def first() -> None:
        begun.set()
        end = threading.Event()
        while len(releases.gathering._ready) < 2 and not end.wait(0.001):
            pass

    with ThreadPoolExecutor(3) as pool:
        leader = pool.submit(run, releases.steps(first))
        assert begun.wait(LONG)
        for one in [leader, *(pool.submit(run, releases.steps()) for _ in range(2))]:
            one.result(LONG)
    run(releases.steps())
    assert slept == [gather.BACK_S] and releases.groups == [1, 1, 1, 3, 1]


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
