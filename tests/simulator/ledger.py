"""The ledger of a simulated network: one order of blocks, and each organisation's own copy, which may lag.

A copy answers from its own height and never waits. What is submitted is ordered at once, unless the organisation is
cut off; the answer may be lost on the way back, which is told as `unknown`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from medrec.core.types import Tip
from medrec.engines.engine import BLOCKS_MAX, CommittedBlock, EngineError, Position
from medrec.engines.memory import MemoryEngine, MemoryView


class Ledger:
    """The agreed history; `clock` is the network's time in milliseconds."""

    def __init__(self, genesis: dict[str, Any], clock: Callable[[], int]) -> None:
        self.genesis = genesis
        self.engine = MemoryEngine(genesis, clock)

    def all_blocks(self) -> Iterator[CommittedBlock]:
        """Every block in order."""
        after = 0
        while blocks := self.engine.blocks(after):
            yield from blocks
            after = blocks[-1].block.height


class Copy:
    """One organisation's engine. `step` is called where the process may end."""

    def __init__(self, ledger: Ledger, step: Callable[[str], None]) -> None:
        self._ledger = ledger
        self._step = step
        self._height = 0
        self.lags = False
        self.cut_off = False
        self.loses_answers: Callable[[], bool] = lambda: False

    @property
    def height(self) -> int:
        """How far this copy is: it keeps up unless it lags or is cut off."""
        if not self.lags and not self.cut_off:
            self._height = self._ledger.engine.tip().height
        return self._height

    def submit(self, transactions: Sequence[bytes]) -> list[Position]:
        self._step("ledger: before submitting")
        if self.cut_off:
            raise EngineError("unavailable", "The ledger cannot be reached.")
        positions = self._ledger.engine.submit(transactions)
        self._height = self._ledger.engine.tip().height
        self._step("ledger: after submitting")
        if self.loses_answers():
            raise EngineError("unknown", "The answer of the ledger was lost.")
        return positions

    def blocks(self, after: int, wait_s: float = 0.0) -> list[CommittedBlock]:
        count = min(BLOCKS_MAX, self.height - max(after, 0))
        return self._ledger.engine.blocks(after)[:count] if count > 0 else []

    def view(self) -> MemoryView:
        return self._ledger.engine.view(self.height) if self.height else MemoryEngine.view(self._ledger.engine)

    def tip(self) -> Tip:
        height = self.height
        if height == self._ledger.engine.tip().height:
            return self._ledger.engine.tip()
        return self._ledger.engine.blocks(height - 1)[0].tip


class Forked(Copy):
    """A copy that went its own way: it holds the ledger up to a block, and then other blocks than everybody else.

    For a planted fault only.
    """

    def __init__(self, ledger: Ledger, step: Callable[[str], None], clock: Callable[[], int]) -> None:
        super().__init__(ledger, step)
        self._own = MemoryEngine(ledger.genesis, clock)
        self._taken = 0
        self._follow()

    def _follow(self) -> None:
        for committed in self._ledger.engine.blocks(self._taken):
            # Every seventh block it loses a transaction: the fault.
            lost = committed.block.height % 7 == 0
            self._own.submit(committed.block.transactions[1:] if lost else committed.block.transactions)
            self._taken = committed.block.height

    def submit(self, transactions: Sequence[bytes]) -> list[Position]:
        positions = super().submit(transactions)
        self._follow()
        return positions

    def blocks(self, after: int, wait_s: float = 0.0) -> list[CommittedBlock]:
        self._follow()
        return self._own.blocks(after)

    def view(self) -> MemoryView:
        self._follow()
        return self._own.view()

    def tip(self) -> Tip:
        self._follow()
        return self._own.tip()
