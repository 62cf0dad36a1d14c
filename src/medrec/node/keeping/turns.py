"""How many releases compute at the same moment.

Python computes one thing at a time. Threads that all want to compute hand it to each other at every call of the
database, which costs more than the calls; a few at a time are each done sooner, and all of them are. Whoever waits for
a disk or for another system gives its turn away meanwhile, so that a source that hangs holds nobody up.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

LOOK_S = 0.0005
"""How often whoever waits for the others looks whether they are there."""


class Turns:
    """So many turns; a thread holds one at most."""

    def __init__(self, count: int) -> None:
        self._free = threading.Semaphore(count)
        self._here = threading.local()
        self._lock = threading.Lock()
        self._held = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Wait for a turn, and hold it; whoever holds one already goes on with it."""
        if self._mine():
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
        if not self._mine():
            yield
            return
        self._give()
        try:
            yield
        finally:
            self._take()

    def quiet(self, seconds: float) -> None:
        """Wait until nobody holds a turn, this long at most."""
        for _ in range(int(seconds / LOOK_S)):
            if not self._held:
                return
            time.sleep(LOOK_S)

    def _take(self) -> None:
        self._free.acquire()
        self._here.held = True
        with self._lock:
            self._held += 1

    def _give(self) -> None:
        with self._lock:
            self._held -= 1
        self._here.held = False
        self._free.release()

    def _mine(self) -> bool:
        return getattr(self._here, "held", False)
