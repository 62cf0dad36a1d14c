"""Since when a node has not seen the head of the ledger. One that is cut off decides by what it knew before: who is
suspended, whose keys were replaced and which consent was revoked since stands in blocks that it does not have.

A ledger in a file of one's own is always seen. For a network's engine there are two witnesses, and either is enough:
the engine's own connections, and other members' nodes, asked over https, which say by their signature at what height
they stand. Of both more than two thirds must have nothing that this node lacks.
"""

import threading
from typing import TYPE_CHECKING, Any, Protocol

from medrec.core import codec
from medrec.engines.engine import EngineError
from medrec.node.peers.peers import PeerError

if TYPE_CHECKING:
    from medrec.node.node import Node

STANDING_PATH = "/medrec/standing"
LOOK_EVERY_MS = 2_000
ASK_EVERY_MS = 30_000
CUT_OFF = "This node has not seen the head of the ledger for too long; only emergencies are answered until it has."


class Reach(Protocol):
    """What a network's engine says of its connections: engines.cometbft_reach.Reach."""

    @property
    def peers(self) -> int:
        """How many are connected."""

    @property
    def seen(self) -> bool:
        """Whether the newest block of the network is here."""


class Sight:
    """Keeps when the head was last seen. `look` may be called from any thread, and as often as one likes."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._lock = threading.Lock()
        self._opened = node.clock()
        self._looked: int | None = None
        self._asked: int | None = None
        self._seen: int | None = None
        self.peers = 0
        """How many other engines were connected at the last look."""

    @property
    def local(self) -> bool:
        """Whether the ledger has no other members' engines behind it."""
        return getattr(self._node.engine, "reach", None) is None

    @property
    def ever(self) -> bool:
        """Whether the head was seen since the node was opened."""
        return self.local or self._seen is not None

    def look(self, ask: bool = False) -> None:
        """See whether the head is here; at most every two seconds. `ask`: other members, too, where it is not."""
        now = self._node.clock()
        if self.local or _recent(self._looked, now, LOOK_EVERY_MS) or not self._lock.acquire(blocking=False):
            return
        try:
            self._looked = now
            found: Reach | None = self._node.engine.reach()  # type: ignore[attr-defined]  # not `local`
            self.peers = 0 if found is None else found.peers
            if found is not None and found.seen:
                self._seen = now
            elif ask and not _recent(self._asked, now, ASK_EVERY_MS):
                self._asked = now
                if self._others_have_nothing_newer():
                    self._seen = now
        finally:
            self._lock.release()

    def overdue(self, now: int, delay: int) -> bool:
        """Whether the head has not been seen for longer than the delay (ms)."""
        if self.local or _recent(self._seen, now, delay // 2):
            return False
        self.look()
        return not _recent(self._seen, self._node.clock(), delay)

    def since(self, now: int, delay: int) -> int | None:
        """Since when the head is not seen (ms), None while it is: when it last was, or the time of the newest block;
        `now` for a node that was opened no longer ago than the delay, and is looking for it.
        """
        if not self.overdue(now, delay):
            return None
        if self._seen is None and _recent(self._opened, now, delay):
            return now
        return min(now, self._node.engine.tip().time if self._seen is None else self._seen)

    def _others_have_nothing_newer(self) -> bool:
        node = self._node
        active = [one.id for one in node.directory.active()]
        others = [name for name in active if name != node.organisation]
        heights = [self._height_of(name) for name in others]
        height = node.engine.tip().height
        level = sum(found is not None and found <= height for found in heights)
        return 3 * (level + 1) > 2 * len(active)

    def _height_of(self, name: str) -> int | None:
        try:
            told: Any = codec.decode(self._node.peers.call(name, STANDING_PATH, b""))
            return int(told["height"]) if told["organisation"] == name else None
        except (PeerError, EngineError, codec.CodecError, KeyError, TypeError, ValueError):
            return None


def _recent(moment: int | None, now: int, within: int) -> bool:
    """Whether it was no longer ago; what lies ahead was set by a clock that has jumped back since."""
    return moment is not None and moment <= now <= moment + within
