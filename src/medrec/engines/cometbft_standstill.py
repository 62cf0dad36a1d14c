"""What is done while a submission waits and the ledger stands still although the other members are reachable.

A member that takes no part in the consensus yet, because it looks first for blocks that it lacks, forgets whatever
transaction its peers send it meanwhile, and they never send it again. Members that do not know of it then wait for a
reason to make a block; if the proposer is one of them, nothing comes of those who do know. A fresh network, used in
the moment in which it starts, showed that in one of 12 to 40 starts. So a transaction that waits is followed by ticks:
each is new to everybody, whoever hears one makes a block, and in turn everybody proposes, also the member that holds
the transaction.

If not even that helps the engine is started again, once at a height: it meets its peers anew, and the submission hands
over the same bytes, which is always safe.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from medrec.engines.cometbft_rpc import RpcError

_log = logging.getLogger("medrec.engine")

RESTART_S = 20.0
"""So long a submission waits at one height before the engine is started again."""
TICK_S = 1.0
"""The shortest time between two ticks."""


class Calls(Protocol):
    """What is asked of the engine."""

    def call(self, method: str, **parameters: Any) -> Any:
        """One call's result."""

    def broadcast(self, transactions: list[bytes]) -> list[tuple[int, str]]:
        """Hand transactions to the pool."""


class Standstill:
    """Looked at by every submission that waits; from any thread. `tick` makes one for the block after a height,
    `restart` ends the engine, so that it starts anew.
    """

    def __init__(self, rpc: Calls, tick: Callable[[int], bytes], restart: Callable[[str], None]) -> None:
        self._rpc = rpc
        self._tick = tick
        self._restart = restart
        self._lock = threading.Lock()
        self._height = -1
        self._since = 0.0
        self._restarted_at = -1
        self._ticked = float("-inf")
        self.ticks = 0
        self.restarts = 0

    def look(self, height: int, waited_s: float) -> None:
        """A submission has waited so many seconds, and the ledger stands at this height."""
        if not self._lock.acquire(blocking=False):
            return  # another submission sees to it
        try:
            self._look(height, waited_s, time.monotonic())
        except RpcError:
            return  # the engine does not answer: it is being started, or its own watch sees to it
        finally:
            self._lock.release()

    def _look(self, height: int, waited_s: float, now: float) -> None:
        if height != self._height:
            self._height, self._since = height, now
        stood = min(waited_s, now - self._since)
        if stood >= RESTART_S and self._restarted_at != height and self._reachable():
            self._restarted_at = height
            self.restarts += 1
            _log.error("the ledger stands at height %d although enough members are reachable", height)
            self._restart(f"it stood still at height {height}; start number {self.restarts} for this reason")
        elif now - self._ticked >= TICK_S:
            self._ticked = now
            self.ticks += 1
            self._rpc.broadcast([self._tick(height)])

    def _reachable(self) -> bool:
        """Do more than two thirds of the validators seem to be there? Raises RpcError."""
        peers = int(self._rpc.call("net_info")["n_peers"])
        return 3 * (peers + 1) > 2 * int(self._rpc.call("validators")["total"])
