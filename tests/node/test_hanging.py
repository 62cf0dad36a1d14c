"""A source that hangs, and those who are erased, while others read: nobody is held up, and nothing leaves too late."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from medrec.node.keeping import store
from medrec.node.keeping import turns as turns_room
from medrec.node.keeping.journal import Draft, Line
from medrec.node.keeping.store import TURNS
from medrec.node.looks.disputing import dispute
from medrec.node.peers.peers import PeerError
from medrec.node.refusals import Code, Refusal
from medrec.node.release.receive import request_records
from tests.node.forks import fork_of_ada
from tests.node.network import Network, Patient
from tests.node.test_turns import LONG, until, written_together

KINDS = ("AllergyIntolerance", "Condition", "Observation")
READERS, HANGING = 6, TURNS["sqlite"] + 2


def world_made(network: Network) -> None:
    for kind in KINDS:
        about = "patient" if kind == "AllergyIntolerance" else "subject"
        text = f'{{"resourceType":"{kind}","id":"one","{about}":{{"reference":"Patient/ada"}}}}'
        network["north"].put(kind, "one", text)


@pytest.fixture
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Network]:
    with fork_of_ada(request, tmp_path, world_made) as forked:
        yield forked


class Reading:
    """South reads ada's records at north, in many threads, while north's source hangs for one type from `hang` on."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.north = network["north"]
        self.south: Any = network["south"]
        self.ada: Patient = network.patient("ada", "north")
        self.secret = network.consent(self.ada, "north", "south")
        self.hangs = threading.Semaphore(0)
        self.go_on, self.over = threading.Event(), threading.Event()
        self.done: list[list[tuple[bool, bool]]] = [[] for _ in range(READERS)]
        """Of each thread's readings: whether it began after `ended`, and whether anything came."""
        self.ended = False
        read = self.north.source.read

        def slow(kind: str, identifier: str) -> bytes | None:
            if kind == "Condition":
                self.hangs.release()
                assert self.go_on.wait(LONG)
            return read(kind, identifier)

        self.slow = slow

    def get(self, kind: str, purpose: Any = "TREAT") -> list[str]:
        """The types of what comes; none where it is refused."""
        doctor = self.south.doctor()
        wanted: Any = {"reason": "visit of today", "purpose": purpose, "types": [kind]}
        try:
            found = request_records(self.south, "north", self.ada.account, practitioner=doctor, **wanted)
        except PeerError as error:
            assert error.answered, error.code
            return []
        return [record.type for record in found.records]

    def on_and_on(self, number: int) -> None:
        while not self.over.is_set():
            after = self.ended
            self.done[number].append((after, self.get("Observation") == ["Observation"]))

    def begin(self, pool: ThreadPoolExecutor) -> list[Future[list[str]]]:
        """Read on and on; then some come for whom the source hangs. These."""
        for kind in KINDS:
            assert self.get(kind) == [kind]
        for number in range(READERS):
            pool.submit(self.on_and_on, number)
        until(lambda: all(self.done))
        self.north.source.read = self.slow  # type: ignore[method-assign]
        hanging = [pool.submit(self.get, "Condition") for _ in range(HANGING)]
        assert all(self.hangs.acquire(timeout=LONG) for _ in hanging)
        return hanging

    def each_comes_back(self) -> None:
        """Whoever read before the source hung has an answer, and one more that was asked for since."""
        before = [len(done) for done in self.done]
        until(lambda: all(len(done) > count + 1 for done, count in zip(self.done, before, strict=True)))


@pytest.fixture
def reading(network: Network) -> Iterator[Reading]:
    made = Reading(network)
    yield made
    made.over.set()
    made.go_on.set()


@pytest.mark.parametrize("patience", [turns_room.PATIENCE_S, LONG])
def test_a_source_that_hangs_holds_up_nobody_but_who_waits_for_it(
    reading: Reading, monkeypatch: pytest.MonkeyPatch, patience: float
) -> None:
    """Neither who had asked before, nor who comes then, nor who asks in an emergency; also if no turn were lost."""
    monkeypatch.setattr(turns_room, "PATIENCE_S", patience)
    words: Any = {"code": "unconscious", "text": "Found unconscious at the bus station"}
    reading.south.emergency_reviews.declare("north", reading.ada.account, reading.south.doctor(), **words)
    with ThreadPoolExecutor(READERS + HANGING) as pool:
        hanging = reading.begin(pool)
        try:
            reading.each_comes_back()
            assert reading.get("Observation") == ["Observation"]
            assert reading.get("AllergyIntolerance", "BTG") == ["AllergyIntolerance"]
            assert not any(one.done() for one in hanging)
        finally:
            reading.over.set()
            reading.go_on.set()
        assert [one.result(LONG) for one in hanging] == [["Condition"]] * HANGING
    assert all(came for done in reading.done for _, came in done)


def _revoked(reading: Reading) -> None:
    reading.network.take_back(reading.ada, "north", reading.secret)


def _suspended(reading: Reading) -> None:
    reading.network.vote({"change": "suspend", "id": "south"})


def _disputed(reading: Reading) -> None:
    agent: Any = reading.network["guide"]
    dispute(agent, reading.ada.account, "south", "north", reading.ada.sign, reading.ada.key.key_id, words="Never there")


@pytest.mark.parametrize("end", [_revoked, _suspended, _disputed])
def test_nothing_leaves_after_the_end_however_long_a_source_hung(
    reading: Reading, end: Callable[[Reading], None]
) -> None:
    with ThreadPoolExecutor(READERS + HANGING) as pool:
        hanging = reading.begin(pool)
        try:
            end(reading)
            reading.ended = True
            # Whatever was on its way is answered while the source still hangs: nobody keeps an answer for later.
            reading.each_comes_back()
            assert not any(one.done() for one in hanging)
        finally:
            reading.over.set()
            reading.go_on.set()
        assert [one.result(LONG) for one in hanging] == [[]] * HANGING
    for done in reading.done:
        since = [came for after, came in done if after]
        assert since and not any(since)


def test_who_was_erased_meanwhile_takes_nobody_along(network: Network) -> None:
    """A line of somebody who is gone cannot be written: that one is refused with a sentence, the others are there."""
    north = network["north"]
    gone, other = written_together(
        north.gate._gathering, [Draft("refusal/1", b"of nobody", 999), Draft("refusal/1", b"of somebody")]
    )
    assert isinstance(gone, Refusal) and gone.reason is Code.UNKNOWN_PERSON
    assert isinstance(other, Line) and other.manifest == b"of somebody"
    assert [row.seq for row in north.rows(store.line)][-1] == other.seq


def test_a_release_to_whose_person_is_erased_before_its_line_is_refused(network: Network) -> None:
    north, south = network["north"], network["south"]
    asks: Any = south
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
        request_records(asks, "north", ada.account, practitioner=south.doctor(), reason="visit")
    assert caught.value.code == "not-permitted"
    assert [row.kind for row in north.rows(store.line) if row.kind in ("disclosure/1", "refusal/1")] == ["refusal/1"]


def test_many_who_read_write_and_are_refused_never_wait_for_one_another(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Releases, refusals, alarms raised inside a release and the journal's other writers, where nobody loses a turn."""
    monkeypatch.setattr(turns_room, "PATIENCE_S", LONG)
    north = reading.north
    begun = time.monotonic()

    def work(number: int) -> None:
        for _ in range(5):
            if number % 4 == 0:
                # Changed behind the node's back: the release raises an alarm, which the store's writer writes.
                north.source.raw["Condition", "one"] = b'{"resourceType":"Condition","id":"one","note":"other"}'
                reading.get("Condition")
            elif number % 4 == 1:
                north.put("Basic", f"b-{number}", '{"resourceType":"Basic","subject":{"reference":"Patient/ada"}}')
            elif number % 4 == 2:
                north.anchor()
            else:
                assert reading.get("Observation") == ["Observation"]

    with ThreadPoolExecutor(12) as pool:
        for one in [pool.submit(work, number) for number in range(12)]:
            one.result(LONG)
    assert time.monotonic() - begun < LONG and not north.store.turns._holders
