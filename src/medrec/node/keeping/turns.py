"""How many threads compute releases at the same moment.

Python computes one thing at a time. Threads that all want to compute hand it to each other at every call of the
database and at every signature, which costs more than the calls. So a few compute for all: whoever has a turn goes on
with everybody's work, step by step. Nobody keeps a turn over one long step, be it a large answer or a source that
hangs: the step goes on by itself, and another thread has the turn.
"""

import threading
import time

PATIENCE_S = 0.01
"""How long one step may take before another thread has the turn."""


class Turn:
    """A thread's turn; `begun` is when its present step began (monotonic seconds)."""

    def __init__(self, begun: float) -> None:
        self.begun = begun


class Turns:
    """So many turns."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._held: set[Turn] = set()
        self._lock = threading.Lock()

    def take(self) -> Turn | None:
        """A turn that is free, or that of a step which takes long; None if there is neither."""
        now = time.monotonic()
        with self._lock:
            if len(self._held) >= self._count:
                late = next((turn for turn in self._held if now - turn.begun > PATIENCE_S), None)
                if late is None:
                    return None
                self._held.remove(late)
            turn = Turn(now)
            self._held.add(turn)
            return turn

    def goes_on(self, turn: Turn) -> bool:
        """Begin the next step; False if the turn is another thread's by now."""
        with self._lock:
            turn.begun = time.monotonic()
            return turn in self._held

    def give(self, turn: Turn) -> None:
        """Let others have it, unless they have."""
        with self._lock:
            self._held.discard(turn)

    @property
    def free(self) -> int:
        """So many are free."""
        return self._count - len(self._held)
