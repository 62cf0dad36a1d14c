"""How many releases compute at the same moment.

Python computes one thing at a time. Threads that all want to compute hand it to each other at every call of the
database, which costs more than the calls; a few at a time are each done sooner, and all of them are. Whoever waits for
a disk or for another system gives its turn away meanwhile, so that a source that hangs holds nobody up.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """So many turns; a thread holds one at most."""

    def __init__(self, count: int) -> None:
        self._free = threading.Semaphore(count)
        self._here = threading.local()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Wait for a turn, and hold it; whoever holds one already goes on with it."""
        if self._held():
            yield
            return
        with self._free:
            self._here.held = True
            try:
                yield
            finally:
                self._here.held = False

    @contextmanager
    def away(self) -> Iterator[None]:
        """Let others have the turn that this thread holds, if it holds one, and wait for one afterwards."""
        if not self._held():
            yield
            return
        self._here.held = False
        self._free.release()
        try:
            yield
        finally:
            self._free.acquire()
            self._here.held = True

    def _held(self) -> bool:
        return getattr(self._here, "held", False)
