"""A disk that keeps a block, and says that it failed: nobody can tell, until what is on it is read again."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from abci_driver import Driver
from ledger_world import World
from suite import MANY, NAMES, describe

from medrec.core.outcome import Code
from medrec.engines.abci import messages as abci
from medrec.engines.abci.server import FatalError


class Doubtful:
    """A connection whose disk keeps a block, and says that it failed."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)

    def execute(self, statement: str, *values: Any) -> Any:
        done = self.connection.execute(statement, *values)
        if statement == "COMMIT":
            raise sqlite3.OperationalError("disk I/O error")
        return done


def test_a_block_that_was_kept_although_the_disk_failed_is_known_when_the_engine_begins_anew(
    tmp_path: Path,
) -> None:
    node = Driver(tmp_path)
    world = World(MANY)
    storage, data = node.storage, describe(world, NAMES[0], 1)
    good, storage.connection = storage.connection, Doubtful(storage.connection)  # type: ignore[assignment]
    with pytest.raises(FatalError, match="start the node again"):
        node.block(data)
    storage.connection = good
    with storage.view() as view:
        assert view.tip.height == 1
    assert storage.tip().height == 0
    storage.reread()
    assert storage.tip() == storage.blocks(0)[0].tip and node.ask(abci.RequestInfo()).last_block_height == 1
    assert node.block(describe(world, NAMES[1], 1)).tx_results[0].code == Code.OK
    assert [block.block.height for block in storage.blocks(0)] == [1, 2]
    node.close()
