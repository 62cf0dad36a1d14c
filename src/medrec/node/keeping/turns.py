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
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PATIENCE_S = 0.05
"""Whoever computes for longer than this while others wait is not waited for."""


class Place:
    """A thread's place in the row; open once its turn has come."""

    def __init__(self) -> None:
        self.closed = threading.Lock()
        self.closed.acquire()


class Turns:
    """So many turns; a thread holds one at most."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._here = threading.local()
        self._lock = threading.Lock()
        self._row: deque[Place] = deque()
        self._holders: deque[Place] = deque()
        self._handed = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Wait for a turn, and hold it; whoever holds one already goes on with it."""
        if self._mine() is not None:
            yield
            return
        self._take()
        try:
            yield
        finally:
            self._give()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Let others have the turn that this thread holds, if it holds one, and wait for one afterwards."""
        if self._mine() is None:
            yield
            return
        self._give()
        try:
            yield
        finally:
            self._take()

    def wait(self, place: Place) -> None:
        """Let others have the turn that this thread holds, until somebody has put `place` into the row (`call`) and its
        turn has come: then this thread holds that."""
        self._give()
        seen = self._handed
        while not place.closed.acquire(timeout=PATIENCE_S):
            with self._lock:
                if self._handed == seen and self._row:
                    self._holders.popleft()
                    self._hand_on()
                seen = self._handed
        self._here.mine = place

    def call(self, place: Place) -> None:
        """Put a place into the row."""
        with self._lock:
            self._row.append(place)
            self._hand_on()

    def _take(self) -> None:
        place = Place()
        self.call(place)
        self.wait(place)

    def _give(self) -> None:
        mine = self._mine()
        self._here.mine = None
        with self._lock, suppress(ValueError):
            if mine is not None:
                self._holders.remove(mine)
                self._hand_on()

    def _mine(self) -> Place | None:
        if not hasattr(self._here, "mine"):
            self._here.mine = None
            _wake_without_pushing()
        found: Place | None = self._here.mine
        return found

    def _hand_on(self) -> None:
        while self._row and len(self._holders) < self._count:
            place = self._row.popleft()
            self._holders.append(place)
            self._handed += 1
            place.closed.release()


def _wake_without_pushing() -> None:
    """Whoever is woken waits until whoever woke it pauses: on Linux it would else take the processor from the one that
    still holds Python's lock, only to wait for that lock."""
    if hasattr(os, "SCHED_BATCH"):
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
