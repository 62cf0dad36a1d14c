"""New stores for tests: to make all tables anew takes longer than most tests do."""

import functools
import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from medrec.node.keeping import rehashing
from medrec.node.keeping.store import Store


@functools.cache
def _empty() -> bytes:
    """The file of a store that was made and closed, before any node had it: all tables, and nothing in them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        Store(path).close()
        with closing(sqlite3.connect(path)) as connection:
            # No free page of it holds anything: its first node need not write it anew.
            connection.execute("INSERT INTO setting VALUES (?, ?)", (rehashing.REWRITTEN, b""))
            connection.commit()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return path.read_bytes()


def open_store(path: Path) -> Store:
    """The store in this file. Where there is none, a new one: a copy of an empty store of its own, which shares nothing
    with any other. How tables are made has its own tests (test_upgrades.py), and so has what the first node does to a
    store from before (test_erasure_backups.py)."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(_empty())
    return Store(path)
