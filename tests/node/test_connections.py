"""However many read at one moment, each gets a connection at once, and the writer too."""

import threading
from contextlib import ExitStack
from pathlib import Path

import sqlalchemy as sql

from medrec.node.keeping.connections import KEPT_MAX
from medrec.node.keeping.store import Store, setting


def test_more_readers_than_are_kept_wait_for_nobody(tmp_path: Path) -> None:
    store = Store(tmp_path / "node.db")
    readers = KEPT_MAX * 3
    try:
        with ExitStack() as stack:
            for _ in range(readers):
                # All stay open: one that waited for another would wait for ever.
                stack.enter_context(store.read()).execute(sql.select(setting))
            assert store.write(lambda connection: connection.execute(sql.select(sql.literal(7))).scalar()) == 7
        # Most were let go; those that are kept serve again.
        done = []

        def look() -> None:
            with store.read() as connection:
                done.append(connection.execute(sql.select(sql.literal(1))).scalar())

        threads = [threading.Thread(target=look) for _ in range(readers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert done == [1] * readers
    finally:
        store.close()
