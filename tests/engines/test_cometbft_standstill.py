"""A ledger that stands still while a submission waits: ticks first, one new start of the engine at a height then."""

import os
from typing import Any

import pytest

from medrec.engines import cometbft_standstill
from medrec.engines.cometbft_rpc import RpcError
from medrec.engines.cometbft_standstill import RESTART_S, Standstill


class Engine:
    """Answers as an engine with so many peers and validators; keeps what it is told."""

    def __init__(self) -> None:
        self.peers, self.validators = 2, 4
        self.dead = False
        self.ticks: list[bytes] = []
        self.restarts: list[str] = []

    def call(self, method: str, **parameters: Any) -> Any:
        return {"net_info": {"n_peers": str(self.peers)}, "validators": {"total": str(self.validators)}}[method]

    def broadcast(self, transactions: list[bytes]) -> list[tuple[int, str]]:
        if self.dead:
            raise RpcError(0, "the engine does not answer")
        self.ticks += transactions
        return [(0, "")] * len(transactions)


class Clock:
    """A clock that is put forward."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(cometbft_standstill, "time", made)
    return made


def tick(height: int) -> bytes:
    """A new one every time."""
    return b"tick %d " % height + os.urandom(8)


def wait(standstill: Standstill, clock: Clock, height: int, seconds: int) -> None:
    """A submission that looks every two seconds."""
    for waited in range(2, seconds + 1, 2):
        clock.now += 2
        standstill.look(height, waited)


def test_each_look_sends_another_tick_and_the_engine_starts_anew_once_at_a_height(clock: Clock) -> None:
    engine = Engine()
    standstill = Standstill(engine, tick, engine.restarts.append)
    wait(standstill, clock, 7, int(RESTART_S))
    assert len(set(engine.ticks)) == RESTART_S // 2 and all(one.startswith(b"tick 7 ") for one in engine.ticks)
    assert engine.restarts == []
    wait(standstill, clock, 7, 100)
    assert len(engine.restarts) == standstill.restarts == 1 and "height 7" in engine.restarts[0]
    wait(standstill, clock, 8, 100)
    assert standstill.restarts == 2


def test_a_ledger_that_moves_and_a_submission_that_is_new_are_no_reason_to_start_anew(clock: Clock) -> None:
    engine = Engine()
    standstill = Standstill(engine, tick, engine.restarts.append)
    for height in range(60):
        clock.now += 2
        standstill.look(height, 2 * height)
    for _ in range(60):  # an idle network stands still for hours; each of these waited for two seconds
        clock.now += 1000
        standstill.look(59, 2)
    assert engine.restarts == []


def test_a_member_that_is_cut_off_does_not_start_anew_and_does_when_it_is_back(clock: Clock) -> None:
    engine = Engine()
    engine.peers = 1  # two of four are no majority
    standstill = Standstill(engine, tick, engine.restarts.append)
    wait(standstill, clock, 7, 100)
    assert engine.restarts == []
    engine.peers = 2
    wait(standstill, clock, 7, 100)
    assert len(engine.restarts) == 1


def test_an_engine_that_does_not_answer_is_left_to_its_own_watch(clock: Clock) -> None:
    engine = Engine()
    engine.dead = True
    standstill = Standstill(engine, tick, engine.restarts.append)
    wait(standstill, clock, 7, 10)
    assert engine.ticks == [] and standstill.ticks == 5


def test_many_submissions_send_one_tick_together(clock: Clock) -> None:
    engine = Engine()
    standstill = Standstill(engine, tick, engine.restarts.append)
    for _ in range(50):
        standstill.look(7, 2)
    assert len(engine.ticks) == 1
