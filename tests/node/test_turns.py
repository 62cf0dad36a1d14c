"""Turns: so many compute at once, in order, and whoever waits for something else or hangs holds nobody up."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlalchemy as sql

from medrec.node.keeping import turns as turns_room
from medrec.node.keeping.journal import Draft, Line
from medrec.node.keeping.turns import Place, Turns
from medrec.node.keeping.vault import VaultError
from medrec.node.release.gather import Gathering
from medrec.node.release.reading import QUICK_S
from tests.node.network import Network, TestNode

LONG = 120.0


@pytest.fixture
def in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody loses a turn: what would wait for ever without that waits for as long as a test may take."""
    monkeypatch.setattr(turns_room, "PATIENCE_S", LONG)


@pytest.fixture
def north(tmp_path: Path) -> Iterator[TestNode]:
    network = Network(tmp_path)
    yield network["north"]
    network.close()


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + LONG
    while not true():
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.mark.parametrize("count", [1, 2])
def test_no_more_than_so_many_compute_at_once(count: int, in_order: None) -> None:
    turns, inside, most = Turns(count), [0], [0]
    lock, all_there = threading.Lock(), threading.Barrier(count)

    def work(number: int) -> None:
        with turns.one():
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            if number < count:
                all_there.wait(LONG)
            with lock:
                inside[0] -= 1

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(work, range(count)))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(count, 200)))
    assert most[0] == count and inside[0] == 0


def test_whoever_waits_for_something_else_gives_the_turn_away_and_takes_it_again(in_order: None) -> None:
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


@pytest.mark.parametrize("long", [False, True])
def test_who_is_away_for_a_moment_keeps_the_turn_until_it_is_longer(
    in_order: None, monkeypatch: pytest.MonkeyPatch, long: bool
) -> None:
    if not long:
        # Nobody looks whether it was longer.
        monkeypatch.setattr(turns_room, "AWAY_S", LONG)
    turns, order = Turns(1), list[str]()
    gone, other = threading.Event(), threading.Event()

    def first() -> None:
        with turns.one():
            with turns.away(moment=True):
                gone.set()
                # It is away until the other one has had the turn; or only until that one waits for it.
                until(other.is_set if long else lambda: turns._row)
                (holder,) = turns._holders if not long else [None]
            order.append("first")
            assert turns._here.mine in turns._holders and holder in (None, turns._here.mine)
            assert len(turns._holders) == 1 and not turns._here.mine.away

    def second() -> None:
        assert gone.wait(LONG)
        with turns.one():
            order.append("second")
        other.set()

    with ThreadPoolExecutor(2) as pool:
        for working in [pool.submit(first), pool.submit(second)]:
            working.result(LONG)
    assert order == (["second", "first"] if long else ["first", "second"])
    assert not turns._holders
    # Without a turn there is none to be away with.
    with turns.away(moment=True):
        assert not turns._holders


def test_a_source_is_waited_for_with_the_turn_only_after_it_was_quick(
    north: TestNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[bool] = []
    away, read, slow = north.store.turns.away, north.source.read, [False]

    def watch(moment: bool = False) -> AbstractContextManager[None]:
        kept.append(moment)
        return away(moment)

    def source(kind: str, identifier: str) -> bytes | None:
        if slow[0]:
            time.sleep(QUICK_S)
        # While one is read nobody else counts on it.
        assert not north.gate.reader._quick
        return read(kind, identifier)

    north.put("Observation", "bp", '{"resourceType":"Observation","id":"bp","subject":{"reference":"Patient/ada"}}')
    monkeypatch.setattr(north.store.turns, "away", watch)
    monkeypatch.setattr(north.source, "read", source)
    # Even where the machine is busy one of many is quick.
    until(lambda: (north.gate.reader._raw(_Row("Observation", "bp")), north.gate.reader._quick)[1])
    slow[0] = True
    for _ in range(2):
        north.gate.reader._raw(_Row("Observation", "bp"))
    assert kept[0] is False and kept[-2:] == [True, False]


class _Row(NamedTuple):
    type: str
    id: str


def test_a_turn_inside_a_turn_is_the_same_one_and_comes_back_after_an_error(in_order: None) -> None:
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


def test_turns_are_handed_on_in_the_order_of_the_row(in_order: None) -> None:
    turns, order = Turns(1), list[str]()

    def work(name: str) -> None:
        with turns.one():
            order.append(name)
            with turns.away():
                pass
            order.append(name)

    with ThreadPoolExecutor(3) as pool:
        with turns.one():
            working = []
            for place, name in enumerate("abc"):
                working.append(pool.submit(work, name))
                until(lambda place=place: len(turns._row) == place + 1)  # type: ignore[misc]
        for one in working:
            one.result(LONG)
    # Who gave the turn away stands behind those who waited then.
    assert "".join(order) == "abcabc"


def test_who_computes_for_too_long_loses_the_turn_and_gives_nothing_back() -> None:
    turns, begun, over = Turns(1), threading.Event(), threading.Event()

    def hang() -> None:
        with turns.one():
            begun.set()
            assert over.wait(LONG)

    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(hang)
        assert begun.wait(LONG)
        for _ in range(3):
            with turns.one():
                (mine,) = turns._holders
        with turns.one():
            (mine,) = turns._holders
            over.set()
            hanging.result(LONG)
            # What was lost is not given back: this is still the one turn.
            assert list(turns._holders) == [mine]
    assert not turns._holders


def test_who_waits_for_a_line_takes_no_turn_from_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns_room, "PATIENCE_S", 0.001)
    turns, place, here = Turns(1), Place(), threading.Event()

    def wait_for_it() -> None:
        here.set()
        turns.wait(place)
        turns.give()

    with ThreadPoolExecutor(1) as pool, turns.one():
        (mine,) = turns._holders
        waiting = pool.submit(wait_for_it)
        assert here.wait(LONG)
        time.sleep(0.05)
        assert list(turns._holders) == [mine]
        turns.call(place)
        waiting.result(LONG)


def test_a_turn_that_nobody_came_to_take_goes_to_the_next() -> None:
    turns = Turns(1)
    turns.call(Place())
    with turns.one():
        assert len(turns._holders) == 1
    assert not turns._holders


def test_those_who_are_on_their_way_to_the_journal_go_into_it_together(
    north: TestNode, monkeypatch: pytest.MonkeyPatch, in_order: None
) -> None:
    turns, gathering = north.store.turns, north.gate._gathering
    groups: list[int] = []
    append = north.journal.append

    def watch(connection: sql.Connection, drafts: Sequence[Draft]) -> list[Line]:
        groups.append(len(drafts))
        return append(connection, drafts)

    monkeypatch.setattr(north.journal, "append", watch)
    with ThreadPoolExecutor(5) as pool:
        with turns.one():
            written = [pool.submit(gathering.write, Draft("refusal/1", b"%d" % number), None) for number in range(5)]
            until(lambda: len(turns._row) == 5)
        lines = [one.result(LONG) for one in written]
    assert groups == [5] and sorted(line.seq for line in lines) == [1, 2, 3, 4, 5]
    assert [line.manifest for line in lines] == [b"%d" % number for number in range(5)]


def test_who_writes_while_it_holds_the_turn_gives_it_to_the_writer(north: TestNode, in_order: None) -> None:
    with north.store.turns.one():
        assert north.store.write(lambda connection: 7) == 7
        line = north.gate._gathering.write(Draft("refusal/1", b"one"), None)
        with pytest.raises(KeyError):
            north.store.write(lambda connection: dict[str, int]()["missing"])
        (_,) = north.store.turns._holders
    assert line.seq == 1 and not north.store.turns._holders


def test_the_writer_tells_those_who_wait_without_another_turn(north: TestNode, in_order: None) -> None:
    """It gave its turn back for the disk; whoever has it then may keep it."""
    turns = north.store.turns

    def hold() -> int:
        with turns.one():
            return written.result(LONG)

    def write(_: sql.Connection) -> int:
        holding.append(pool.submit(hold))
        until(lambda: turns._row)
        return 7

    holding: list[Future[int]] = []
    with ThreadPoolExecutor(1) as pool:
        written = north.store.submit(write)
        assert written.result(LONG) == 7
        assert holding[0].result(LONG) == 7
    assert not turns._holders


def written_together(gathering: Gathering, drafts: Sequence[Draft]) -> list[Line | BaseException]:
    """What becomes of drafts that wait for the journal at the same time."""

    def write(draft: Draft) -> Line | BaseException:
        try:
            return gathering.write(draft, None)
        except Exception as error:
            return error

    turns = gathering._turns
    with ThreadPoolExecutor(len(drafts)) as pool:
        with turns.one():
            waiting = []
            for place, draft in enumerate(drafts):
                waiting.append(pool.submit(write, draft))
                until(lambda place=place: len(turns._row) == place + 1)  # type: ignore[misc]
        return [one.result(LONG) for one in waiting]


@pytest.mark.parametrize("spoils", [VaultError("her keys do not open"), OverflowError("a number"), KeyError(2)])
@pytest.mark.parametrize("place", [0, 2])
def test_one_that_cannot_be_appended_takes_nobody_along(
    north: TestNode, monkeypatch: pytest.MonkeyPatch, in_order: None, spoils: Exception, place: int
) -> None:
    append, sizes = north.journal.append, list[int]()

    def spoiled(connection: sql.Connection, drafts: Sequence[Draft]) -> list[Line]:
        sizes.append(len(drafts))
        if any(draft.manifest == b"%d" % place for draft in drafts):
            raise spoils
        return append(connection, drafts)

    monkeypatch.setattr(north.journal, "append", spoiled)
    drafts = [Draft("refusal/1", b"%d" % number) for number in range(4)]
    found = written_together(north.gate._gathering, drafts)
    assert sizes == [4, 1, 1, 1, 1]
    assert found[place] is spoils
    lines = [one for one in found if isinstance(one, Line)]
    assert sorted(line.seq for line in lines) == [1, 2, 3]
    assert [line.manifest for line in lines] == [draft.manifest for draft in drafts if draft is not drafts[place]]
    assert not north.store.turns._holders


def test_a_writer_that_cannot_be_reached_leaves_nobody_waiting(
    north: TestNode, monkeypatch: pytest.MonkeyPatch, in_order: None
) -> None:
    gathering = north.gate._gathering
    with monkeypatch.context() as broken:
        broken.setattr(north.store, "submit", lambda closure: (_ for _ in ()).throw(MemoryError()))
        found = written_together(gathering, [Draft("refusal/1", b"%d" % number) for number in range(3)])
    assert all(isinstance(one, MemoryError) for one in found)
    assert gathering.write(Draft("refusal/1", b"after"), None).seq == 1
    assert not north.store.turns._holders
