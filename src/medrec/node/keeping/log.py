"""The write-ahead log of a SQLite store, brought over into its file beside the writer.

What is durable stands in the log, whether it is in the file or not: after a crash the next process finds it there. To
bring it over takes some milliseconds, in which the writer would wait. So a thread does it while the writer goes on;
what came meanwhile the writer brings over itself once the log is long, and then begins the log anew.
"""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

EVERY = 32
"""After so many transactions it is brought over."""
LONG_PAGES = 4_000
"""A log of so many pages is begun anew."""
LONG_PAGES_MAX = 16_000
"""Whoever writes brings a log of so many pages over, if nobody did before."""


class Log:
    """The log of the store in a file."""

    def __init__(self, path: Path) -> None:
        # A file that is not there is not made.
        self._uri = f"{path.absolute().as_uri()}?mode=rw"
        self._count = 0
        self._is_long = False
        self.alone = threading.Lock()
        """Held while the log is brought over: of two who do it at once, one is refused."""
        self._wake = threading.Event()
        self._over = False
        self._thread: threading.Thread | None = None

    def written(self) -> None:
        """Tell, from the writer's thread, that a transaction is durable and told of."""
        self._count += 1
        if self._is_long:
            self._is_long = False
            self.bring_over()
        elif self._count % EVERY == 0:
            self._wake.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="store-log", daemon=True)
                self._thread.start()

    def bring_over(self) -> int:
        """Bring over what stands in the log and nobody reads; the pages of the log, 0 where it is not known.

        A disk that fails, or a process that does the same, leaves the log as it is: nothing is lost by that.
        """
        if not self.alone.acquire(blocking=False):
            return 0
        try:
            with closing(sqlite3.connect(self._uri, uri=True, timeout=0)) as connection:
                _, pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error:
            return 0
        finally:
            self.alone.release()
        return max(0, int(pages))

    def close(self) -> None:
        """Stop. What stands in the log stays there."""
        self._over = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            if self._over:
                return
            self._is_long = self.bring_over() >= LONG_PAGES
