"""The node's own durable store, and the one writer that group-commits to it.

Everything that must be true together is written by one closure in one transaction. Closures that wait while the
disk is busy go together into the next transaction, so a hundred releases pay for one write to the disk. When
`Store.write` returns, what it wrote is durable.
"""

import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sql
from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table

from medrec.node.keeping.connections import Connections, sqlite_settings
from medrec.node.keeping.hashes import Hash, Hashes
from medrec.node.keeping.log import Log
from medrec.node.keeping.turns import Turns
from medrec.node.keeping.upgrades import former_keys, rekey, tables_there
from medrec.node.keeping.writer import Writer

Result = TypeVar("Result")
COMPACT_ATTEMPTS = 5
TURNS = {"sqlite": 1}
TURNS_ELSEWHERE = 16
"""Statements that travel to another process are waited for: more may be on their way."""
SCHEMA_VERSION = 1

metadata = MetaData()

setting = Table(
    "setting", metadata, Column("name", String(64), primary_key=True), Column("value", LargeBinary, nullable=False)
)

line = Table(
    "line",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("time", BigInteger, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("entry", LargeBinary, nullable=False),
    Column("manifest", Hash, nullable=False),
    sqlite_with_rowid=False,
)

batch = Table(
    "batch",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False, index=True),
    Column("transaction", LargeBinary, nullable=False),
    Column("id", LargeBinary(32), nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("height", BigInteger),
    Column("time", BigInteger),
    Column("leaf", BigInteger),
)

person = Table(
    "person",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("patient", String(64), unique=True),
    Column("account", String(80), unique=True),
    Column("agent", String(32)),
    Column("epoch", Integer, nullable=False, default=0),
    Column("counter", BigInteger, nullable=False, default=0),
    Column("keys", LargeBinary, nullable=False),
)

former = Table(
    "former",
    metadata,
    Column("person", Integer, primary_key=True, autoincrement=False),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("keys", LargeBinary, nullable=False),
)

manifest = Table(
    "manifest",
    metadata,
    Column("hash", Hash, primary_key=True),
    Column("seq", BigInteger, nullable=False, index=True),
    Column("kind", String(40), nullable=False),
    Column("person", Integer, index=True),
    Column("sealed", LargeBinary, nullable=False),
)

record = Table(
    "record",
    metadata,
    Column("type", String(64), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("action", String(8), nullable=False),
    Column("sha256", Hash),
    Column("manifest", Hash, nullable=False),
    Column("person", Integer),
    Column("origin", String(500), nullable=False),
    Column("stamp", String(120), nullable=False, default=""),
    Column("altered", Boolean, nullable=False, default=False),
)
Index("record_person", record.c.person, record.c.type)

version = Table(
    "version",
    metadata,
    Column("type", String(64), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("sha256", Hash),
    Column("manifest", Hash, nullable=False),
)

alarm = Table(
    "alarm",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("time", BigInteger, nullable=False),
    Column("code", String(40), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("sentence", String(500), nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("organisation", String(32), nullable=False),
    Column("path", String(100), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("due", BigInteger, nullable=False, index=True),
    Column("attempts", Integer, nullable=False, default=0),
)

position = Table(
    "position", metadata, Column("source", String(500), primary_key=True), Column("token", LargeBinary, nullable=False)
)

delivery = Table(
    "delivery",
    metadata,
    Column("source", String(500), primary_key=True),
    Column("name", String(400), primary_key=True),
    Column("stamp", String(60), nullable=False),
)

consent = Table(
    "consent",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("account", String(80), nullable=False, index=True),
    Column("nullifier", LargeBinary(32), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

checkpoint = Table(
    "checkpoint",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("height", BigInteger, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("note", LargeBinary, nullable=False),
)

invitation = Table(
    "invitation",
    metadata,
    Column("code", LargeBinary(32), primary_key=True),
    Column("patient", String(64), nullable=False),
    Column("expires", BigInteger, nullable=False),
)

# What a node in the role of an agent keeps for its people.
client = Table(
    "client",
    metadata,
    Column("account", String(80), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

relationship = Table(
    "relationship",
    metadata,
    Column("account", String(80), primary_key=True),
    Column("organisation", String(32), primary_key=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("next", BigInteger, nullable=False, default=0),
    Column("end", BigInteger),
    Column("key", LargeBinary, nullable=False),
)

notice = Table(
    "notice",
    metadata,
    Column("account", String(80), primary_key=True),
    Column("organisation", String(32), primary_key=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("counter", BigInteger, primary_key=True, autoincrement=False),
    Column("tag", LargeBinary(16), nullable=False, index=True),
    Column("kind", String(40), nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("received", BigInteger),
    Column("height", BigInteger),
    Column("sealed", LargeBinary),
    Column("digest", LargeBinary(32), nullable=False),
)
Index("notice_time", notice.c.account, notice.c.time)

entry_index = Table(
    "entry_index",
    metadata,
    Column("tag", LargeBinary(16), primary_key=True),
    Column("height", BigInteger, nullable=False),
    Column("place", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
)


class StoreError(Exception):
    """The store could not keep or read something. `code` is a short name, the text one sentence for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class Store:
    """Tables in SQLite (a path) or PostgreSQL (a URL), read by anybody, written by one thread."""

    def __init__(self, target: Path | str) -> None:
        self._log: Log | None = None
        if isinstance(target, Path):
            self._log = Log(target)
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            target.touch(mode=0o600)
            self.engine = sql.create_engine(f"sqlite:///{target}", connect_args={"timeout": 10}, poolclass=sql.NullPool)
            sqlite_settings(self.engine)
        else:
            self.engine = sql.create_engine(target, poolclass=sql.NullPool)
        self._connections = Connections(self.engine)
        try:
            _make_tables(self.engine, self._connections)
        except sql.exc.DBAPIError as error:
            raise _translated(error) from error
        self.hashes: Hashes | None = None
        """What seals the hashes of this store; None until it is given its keys (rehashing.py)."""
        self.turns = Turns(TURNS.get(self.engine.dialect.name, TURNS_ELSEWHERE))
        """Of releases, and of the writer (turns.py)."""
        self._writer = Writer(self._connections, self.turns, lambda: self.hashes, _translated, self._log)

    def read(self) -> AbstractContextManager[sql.Connection]:
        """A connection for reading; all that is read with it is of one moment. Raises StoreError for what the disk
        refuses."""
        return self._connections.one(_translated)

    def write(self, closure: Callable[[sql.Connection], Result]) -> Result:
        """Run the closure in the writer's transaction and return its result once it is durable.

        What the closure raises is raised here, and nothing of it is kept. Raises StoreError if the disk refuses.
        """
        with self.turns.away():
            return self.submit(closure).result()

    def submit(self, closure: Callable[[sql.Connection], Result]) -> Future[Result]:
        """The same without waiting: the future has the result, or what `write` would raise."""
        return self._writer.submit(closure)

    def compact(self) -> None:
        """Write the file anew, so that nothing that was deleted is left in it. PostgreSQL sees to that by itself.

        Raises StoreError, also when somebody reads all the time and the old pages cannot be let go.
        """
        if self._log is None:
            return
        try:
            connection = self.engine.raw_connection()
            try:
                cursor = connection.cursor()
                with self._log.alone:
                    for _ in range(COMPACT_ATTEMPTS):
                        cursor.execute("VACUUM")
                        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                        row = cursor.fetchone()
                        if row is not None and row[0] == 0:
                            return
            finally:
                connection.close()
        except (sql.exc.DBAPIError, sqlite3.Error) as error:
            raise StoreError("disk", f"The node's store could not be rewritten: {error}.") from error
        raise StoreError("busy", "The node's store is being read; what was deleted is still in its file. Try again.")

    def close(self) -> None:
        """Finish what was handed over, then let the file go."""
        self._writer.close()
        if self._log is not None:
            self._log.close()
        self._connections.let_go()
        self.engine.dispose()


def _make_tables(engine: sql.Engine, connections: Connections) -> None:
    """Make the tables that are not there, or not as they are now."""
    # One look at all tables at once: to ask for each by itself took longer than all else that opens a store.
    with connections.one() as connection:
        there = tables_there(connection)
        former = former_keys(connection, metadata, there)
    rekey(engine, metadata, former)
    missing = [table for name, table in metadata.tables.items() if name not in there]
    if missing:
        metadata.create_all(engine, tables=missing)


def _translated(error: sql.exc.DBAPIError) -> StoreError:
    text = str(error.orig)
    if "full" in text:
        return StoreError("disk-full", "The disk is full: nothing was kept and nothing left the node; make room.")
    if "malformed" in text or "not a database" in text:
        return StoreError("corrupted", "The node's store is damaged; restore it from a backup.")
    if "locked" in text:
        return StoreError("in-use", "Another process has the node's store open; stop it first.")
    return StoreError("disk", f"The node's store cannot be used: {text}.")
