"""Turns to compute, handed on in order: with SQLite one thread computes at a moment, and nobody waits for one that
hangs.

Python computes one thing at a time. Threads that all want to compute hand it to each other at every call of the
database and at every signature, which costs more than the calls. Here a thread computes until it has to wait: for a
disk, for another system, for its line. Then it gives its turn to whoever has waited longest.

A turn is a courtesy, not a lock: nothing is safe because of it. Whoever keeps one too long while others wait loses it
to the next of them, and both go on.
"""

import os
import threading
from collections import deque
from contextlib import AbstractContextManager, suppress
from time import monotonic

PATIENCE_S = 0.05
"""Whoever computes for longer than this while others wait is not waited for."""
AWAY_S, AWAY_S_MAX = 0.005, 0.05
"""Whoever waits looks after so long whether the turn is with somebody who is away for a moment; the longer nobody was,
the more rarely."""


class Place:
    """A thread's place in the row; open once its turn has come."""

    def __init__(self) -> None:
        self.closed = threading.Lock()
        self.closed.acquire()
        self.away = False
        """Whether who holds the turn waits for something else, and others may go on if that takes longer."""


class Turns:
    """So many turns; a thread holds one at most."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._here = threading.local()
        self._lock = threading.Lock()
        self._row: deque[Place] = deque()
        self._holders: deque[Place] = deque()
        self._handed = 0

    def one(self) -> AbstractContextManager[None]:
        """Wait for a turn, and hold it; whoever holds one already goes on with it."""
        return _One(self)

    def away(self, moment: bool = False) -> AbstractContextManager[None]:
        """Let others have the turn that this thread holds, if it holds one, and wait for one afterwards.

        For a `moment`: not at once, but once that turns out to be longer (`AWAY_S`): to look into memory, or into a
        small file, takes less than to hand a turn on.
        """
        return _Away(self, moment)

    def wait(self, place: Place) -> None:
        """Let others have the turn that this thread holds, until somebody has put `place` into the row (`call`) and its
        turn has come: then this thread holds that."""
        self.give()
        seen, since, pause = self._handed, monotonic(), AWAY_S
        while not place.closed.acquire(timeout=min(pause, PATIENCE_S)):
            now = monotonic()
            with self._lock:
                if self._handed != seen:
                    seen, since = self._handed, now
                if self._row:
                    self._pass_by(now - since >= PATIENCE_S)
            pause = min(2 * pause, AWAY_S_MAX)
        self._here.mine = place

    def call(self, place: Place) -> None:
        """Put a place into the row."""
        with self._lock:
            self._row.append(place)
            self._hand_on()

    def _take(self) -> None:
        if not hasattr(self._here, "mine"):
            _wake_without_pushing()
        place = Place()
        self.call(place)
        self.wait(place)

    def give(self) -> None:
        """Give the turn back that this thread holds, if it holds one."""
        mine: Place | None = getattr(self._here, "mine", None)
        if mine is None:
            return
        self._here.mine = None
        with self._lock:
            # Whoever kept it for too long has lost it already.
            if mine in self._holders:
                self._holders.remove(mine)
                self._hand_on()

    def _holds(self) -> bool:
        return getattr(self._here, "mine", None) is not None

    def _pass_by(self, tired: bool) -> None:
        """Take the turn from whoever is away, or, if those who wait are tired of it, from whoever had it first."""
        gone = next((one for one in self._holders if one.away), self._holders[0] if tired else None)
        if gone is not None:
            self._holders.remove(gone)
            self._hand_on()

    def _leave(self) -> bool:
        """Be away with the turn, if this thread holds one."""
        mine: Place | None = getattr(self._here, "mine", None)
        if mine is not None:
            mine.away = True
        return mine is not None

    def _come_back(self) -> None:
        """Go on with the turn that this thread was away with, or wait for another one."""
        mine: Place = self._here.mine
        with self._lock:
            mine.away = False
            kept = mine in self._holders
        if not kept:
            self._here.mine = None
            self._take()

    def _hand_on(self) -> None:
        while self._row and len(self._holders) < self._count:
            place = self._row.popleft()
            self._holders.append(place)
            self._handed += 1
            place.closed.release()


class _One:
    """See Turns.one: what is done some ten thousand times a second is written out."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._taken = False

    def __enter__(self) -> None:
        if not self._turns._holds():
            self._turns._take()
            self._taken = True

    def __exit__(self, *_: object) -> None:
        if self._taken:
            self._turns.give()


class _Away:
    """See Turns.away."""

    def __init__(self, turns: Turns, moment: bool) -> None:
        self._turns = turns
        self._moment = moment
        self._left = False

    def __enter__(self) -> None:
        if self._moment:
            self._left = self._turns._leave()
        elif self._turns._holds():
            self._turns.give()
            self._left = True

    def __exit__(self, *_: object) -> None:
        if self._left and self._moment:
            self._turns._come_back()
        elif self._left:
            self._turns._take()


def _wake_without_pushing() -> None:
    """Whoever is woken waits until whoever woke it pauses: on Linux it would else take the processor from the one that
    still holds Python's lock, only to wait for that lock."""
    if hasattr(os, "SCHED_BATCH"):
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
