"""The reference engine: everything in memory, every height readable, with hooks for faults. Nothing survives it.

Each key keeps its values by height, so a view is a height and costs nothing.
"""

import bisect
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

from medrec.core.genesis import genesis_writes
from medrec.core.types import Block, BlockResult, Tip
from medrec.core.view import View
from medrec.engines.engine import BLOCKS_MAX, CommittedBlock, EngineError
from medrec.engines.local import LocalEngine


class MemoryEngine(LocalEngine):
    """`fault` is called with "keep" before a block is kept and "kept" after; it may raise EngineError."""

    def __init__(
        self,
        genesis: dict[str, Any],
        clock: Callable[[], int],
        fault: Callable[[str], None] = lambda step: None,
    ) -> None:
        super().__init__(clock)
        self._fault = fault
        self._values: dict[bytes, list[tuple[int, bytes | None]]] = {}
        self._ordered: list[bytes] = []
        self._blocks: list[CommittedBlock] = []
        self._tip, writes = genesis_writes(genesis)
        self._write(0, writes)

    def _write(self, height: int, writes: dict[bytes, bytes | None]) -> None:
        fresh: list[bytes] = []
        for key, value in writes.items():
            versions = self._values.get(key)
            if versions is None:
                self._values[key] = [(height, value)]
                fresh.append(key)
            else:
                versions.append((height, value))
        if fresh:
            # A new list: readers of the old one are not disturbed.
            self._ordered = sorted(self._ordered + fresh)

    def _state(self) -> View:
        return self.view()

    def _keep(self, block: Block, result: BlockResult) -> None:
        self._fault("keep")
        self._write(block.height, result.writes)
        self._blocks.append(CommittedBlock(block, result.outcomes, result.leaf_indices, result.tip))
        self._tip = result.tip
        self._fault("kept")

    def _read_blocks(self, after: int) -> list[CommittedBlock]:
        first = max(after, 0)
        return self._blocks[first : first + BLOCKS_MAX]

    def tip(self) -> Tip:
        """Where the ledger stands."""
        return self._tip

    def view(self, height: int | None = None) -> "MemoryView":
        """A read at the tip, or, with this engine only, at any height."""
        # The tip first: keys that come in between belong to a later height, and the view passes over them.
        tip = self._tip
        if height is None or height == tip.height:
            return MemoryView(self._values, self._ordered, tip)
        if not 1 <= height <= len(self._blocks):
            raise EngineError("no-such-height", f"There is no height {height}; the tip is {tip.height}.")
        return MemoryView(self._values, self._ordered, self._blocks[height - 1].tip)


class MemoryView:
    """The state as it was at a tip."""

    def __init__(self, values: dict[bytes, list[tuple[int, bytes | None]]], ordered: list[bytes], tip: Tip) -> None:
        self._values = values
        self._ordered = ordered
        self.tip = tip

    def get(self, key: bytes) -> bytes | None:
        """The value of a key at this tip."""
        for height, value in reversed(self._values.get(key, ())):
            if height <= self.tip.height:
                return value
        return None

    def scan(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values with start <= key < end, in byte order."""
        for position in range(bisect.bisect_left(self._ordered, start), len(self._ordered)):
            key = self._ordered[position]
            if key >= end:
                return
            value = self.get(key)
            if value is not None:
                yield key, value

    def close(self) -> None:
        """Nothing to let go."""

    def __enter__(self) -> "MemoryView":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
