"""Disks of simulated nodes: real SQLite files in memory, without the wait for a platter, that survive a crash.

A write is all or nothing, as on the real store. Around each write the process may end (`step`), and a full disk
refuses it. A disk is used again for the next world: its file is put back to the empty tables.
"""

import atexit
import functools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sql

from medrec.node.keeping.connections import Connections
from medrec.node.keeping.log import Log
from medrec.node.keeping.store import Result, Store, StoreError, metadata
from medrec.node.keeping.turns import Turns


def memory_folder() -> Path:
    """A new folder, in memory where the system has such a place."""
    shared = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="medrec-simulator-", dir=shared if shared.is_dir() else None))


def _settings(connection: Any, _: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=OFF")
    cursor.close()


def _begin(connection: sql.Connection) -> None:
    driver: Any = connection.connection.dbapi_connection
    # A prepared statement may have begun already.
    if not driver.in_transaction:
        driver.execute("BEGIN")


class Disk:
    """One node's file. The SQLAlchemy engine outlives worlds, so that a statement is compiled once a process.

    `blank`: in this world nobody has written the file anew.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.engine = sql.create_engine(f"sqlite:///{path}", poolclass=sql.NullPool)
        sql.event.listen(self.engine, "connect", _settings)
        sql.event.listen(self.engine, "begin", _begin)
        metadata.create_all(self.engine)
        self.connections = Connections(self.engine)
        self.wipe()

    def wipe(self) -> None:
        """Empty every table."""
        empty = "".join(f'DELETE FROM "{table.name}";' for table in metadata.sorted_tables)  # our own names
        with self.connections.one() as connection:
            driver: Any = connection.connection.dbapi_connection
            driver.executescript(f"BEGIN;{empty}COMMIT;")
        self.blank = True


class SimulatedStore(Store):
    """The store of one life of a process over its disk: written by whoever calls, in the caller's thread."""

    def __init__(self, disk: Disk, step: Callable[[str], None]) -> None:
        self.engine = disk.engine
        self._disk = disk
        self._connections = disk.connections
        self._step = step
        self.full = False
        self.turns = Turns(1)
        self._log = Log(disk.path)

    @contextmanager
    def read(self) -> Iterator[sql.Connection]:
        with self._connections.one() as connection:
            yield connection

    def write(self, closure: Callable[[sql.Connection], Result]) -> Result:
        self._step("disk: before a write")
        if self.full:
            raise StoreError("disk-full", "The disk is full: nothing was kept and nothing left the node; make room.")
        with self._connections.one() as connection, connection.begin():
            result = closure(connection)
        self._step("disk: after a write")
        return result

    def submit(self, closure: Callable[[sql.Connection], Result]) -> Future[Result]:
        future: Future[Result] = Future()
        try:
            future.set_result(self.write(closure))
        except Exception as error:
            future.set_exception(error)
        return future

    def compact(self) -> None:
        """As the real store does it, but for the first time in a world: then a node has found a file without a row,
        and what its free pages hold is another world's. This was a tenth of what a world takes."""
        if not self._disk.blank:
            super().compact()
        self._disk.blank = False

    def close(self) -> None:
        """Nothing is open."""


class Disks:
    """As many disks as a world needs, kept for the next one."""

    def __init__(self) -> None:
        self.folder = memory_folder()
        self._disks: dict[str, Disk] = {}

    def wiped(self, name: str) -> Disk:
        """The disk of a name, empty."""
        if name not in self._disks:
            self._disks[name] = Disk(self.folder / f"{name}.db")
        else:
            self._disks[name].wipe()
        return self._disks[name]

    def close(self) -> None:
        """Throw all of them away."""
        for disk in self._disks.values():
            disk.connections.let_go()
            disk.engine.dispose()
        shutil.rmtree(self.folder, ignore_errors=True)


@functools.cache
def kept_disks() -> Disks:
    """The disks of this process, for whatever it plays: to make the tables and to compile the statements takes as long
    as several worlds."""
    disks = Disks()
    atexit.register(disks.close)
    return disks
