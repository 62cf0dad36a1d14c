"""The embedded engine: one file, one process, one transaction a block holding height, roots and state together.

When `submit` returns, the block is on the disk; see `storage` for the file.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from medrec.core.types import Block, BlockResult, Tip
from medrec.core.view import View
from medrec.engines.engine import CommittedBlock, EngineError
from medrec.engines.local import LocalEngine
from medrec.engines.storage import Storage, StoredView


class SqliteEngine(LocalEngine):
    """`fault` is called before each step of keeping a block: begin, state, block, commit, and after it: committed."""

    def __init__(
        self,
        path: Path,
        genesis: dict[str, Any],
        clock: Callable[[], int],
        fault: Callable[[str], None] = lambda step: None,
    ) -> None:
        super().__init__(clock)
        self.storage = Storage(path, genesis, fault)

    def _state(self) -> View:
        return self.storage.state()

    def _keep(self, block: Block, result: BlockResult) -> None:
        self.storage.keep(block, result)

    def _read_blocks(self, after: int) -> list[CommittedBlock]:
        return self.storage.blocks(after)

    def _failure(self, error: Exception) -> EngineError:
        return self.storage.translated(error) if isinstance(error, sqlite3.Error) else super()._failure(error)

    def tip(self) -> Tip:
        """Where the ledger stands."""
        return self.storage.tip()

    def view(self) -> StoredView:
        """A read at the tip."""
        return self.storage.view()

    def close(self) -> None:
        """Close the file and let another process have it."""
        with self._making:
            self._broken = EngineError("closed", "The ledger was closed.")
            self.storage.close()
