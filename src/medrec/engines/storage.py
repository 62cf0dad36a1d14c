"""The ledger in one SQLite file: blocks, state, log and tip, for every engine that outlives its process.

A block is one transaction that holds height, roots, outcomes and state together. Write-ahead log with
synchronous=FULL: when `keep` returns, the block is on the disk. A second process is kept out by a lock beside the
file. A full disk refuses the block and changes nothing.
"""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from medrec.core import codec, merkle, statemap
from medrec.core.genesis import decode_tip, encode_tip, genesis_writes, network_id
from medrec.core.outcome import Code, Outcome
from medrec.core.state import NETWORK, TIP
from medrec.core.types import Block, BlockResult, Misbehaviour, Tip
from medrec.core.view import View
from medrec.engines.engine import BLOCKS_MAX, CommittedBlock, EngineError
from medrec.engines.local import BLOCK_BYTES_MAX

CACHE_KEYS_MAX = 500_000
_known_tip = lru_cache(16)(decode_tip)  # many views are of one tip
_BLOCKS = "SELECT height, time, transactions, results, tip FROM block WHERE height > ? ORDER BY height LIMIT ?"
_SCAN = "SELECT key, value FROM state WHERE key >= ? AND key < ? ORDER BY key"
_STORED_BYTES_MAX = 2 * BLOCK_BYTES_MAX

# What reading a damaged file can raise: sqlite3 quotes it in messages that are no UTF-8, values do not decode.
_UNREADABLE = (sqlite3.Error, TypeError, ValueError)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS state (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS block (
  height INTEGER PRIMARY KEY, time INTEGER NOT NULL, transactions BLOB NOT NULL,
  results BLOB NOT NULL, tip BLOB NOT NULL
);
"""


class Storage:
    """`fault` is called before each step of keeping a block: begin, state, block, commit, and after it: committed."""

    def __init__(
        self,
        path: Path,
        genesis: dict[str, Any],
        fault: Callable[[str], None] = lambda step: None,
    ) -> None:
        self._path = path
        self._fault = fault
        self._cache: dict[bytes, bytes | None] = {}
        self._readers: list[sqlite3.Connection] = []
        self._readers_lock = threading.Lock()
        self._closed: EngineError | None = None
        self._lock_file = _lock(path)
        try:
            self.connection = connect(path)
        except BaseException:
            self._lock_file.close()
            raise
        try:
            self._tip = self._open(genesis)
        except BaseException:
            self.connection.close()
            self._lock_file.close()
            raise

    def _open(self, genesis: dict[str, Any]) -> Tip:
        network = network_id(genesis)
        try:
            self.connection.executescript(_SCHEMA)
            stored, height = _get(self.connection, NETWORK), self.stored_height()
            if stored == network:
                return self._check_last()
        except _UNREADABLE as error:
            raise _translated(error, self._path) from error
        if stored is not None:
            raise EngineError(
                "wrong-network",
                f"The ledger file {self._path.name} belongs to another network than the genesis file; "
                "give the file that it was made with.",
            )
        if height:  # blocks, but nobody knows of which network: never write a genesis over them
            raise _damaged(self._path)
        tip, writes = genesis_writes(genesis)
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            put(self.connection, writes)
            self.connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise _translated(error, self._path) from error
        return tip

    def _check_last(self) -> Tip:
        """Tip, state and the last block must tell one story."""
        data = _get(self.connection, TIP)
        row = self.connection.execute("SELECT height, tip FROM block ORDER BY height DESC LIMIT 1").fetchone()
        try:
            tip = None if data is None else decode_tip(data)
            agree = tip is not None and self._agrees(tip) and row == ((tip.height, data) if tip.height else None)
        except (TypeError, ValueError, statemap.CorruptMapError):  # none of it can be read
            tip, agree = None, False
        if tip is None or not agree:
            raise _damaged(self._path)
        return tip

    def _agrees(self, tip: Tip) -> bool:
        read = self.state().get
        if statemap.root(read) != tip.state_root:
            return False
        return merkle.log_root(read, tip.log_size) == tip.log_root

    def translated(self, error: sqlite3.Error) -> EngineError:
        """What an error of the database means, in words."""
        return _translated(error, self._path)

    def state(self) -> View:
        """The state that the next block is applied to; for the one thread that makes blocks."""
        return _WriterView(self.connection, self._cache)

    def keep(self, block: Block, result: BlockResult) -> None:
        """Store block, roots and state in one durable step. Raises EngineError; code `unknown` if nobody can tell."""
        connection = self.connection
        rows = [[int(outcome.code), index] for outcome, index in zip(result.outcomes, result.leaf_indices, strict=True)]
        details = [outcome.detail for outcome in result.outcomes]
        proven = [[one.organisation, one.kind, one.height, one.time] for one in block.misbehaviour]
        try:
            self._fault("begin")
            connection.execute("BEGIN IMMEDIATE")
            self._fault("state")
            put(connection, result.writes)
            self._fault("block")
            connection.execute(
                "INSERT INTO block VALUES (?, ?, ?, ?, ?)",
                (
                    block.height,
                    block.time,
                    codec.encode(list(block.transactions)),
                    codec.encode([rows, details, proven] if proven else [rows, details]),
                    encode_tip(result.tip),
                ),
            )
            self._fault("commit")
        except BaseException as error:
            self._roll_back()
            if isinstance(error, sqlite3.Error):
                raise _translated(error, self._path) from error
            raise
        try:
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            # Either it is on the disk or it is not: only opening the file again can tell.
            self._roll_back()
            translated = _translated(error, self._path)
            if translated.code == "disk-full" and self.stored_height() < block.height:
                raise translated from error
            raise EngineError(
                "unknown", "The disk failed while a block was being kept; start the node again."
            ) from error
        if len(self._cache) > CACHE_KEYS_MAX:
            self._cache.clear()
        self._cache.update(result.writes)
        self._tip = result.tip
        self._fault("committed")

    def _roll_back(self) -> None:
        self._cache.clear()
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    def replaced(self, tip: Tip) -> None:
        """The whole content was replaced in one transaction: forget what was read before."""
        self._cache.clear()
        self._tip = tip

    def reread(self) -> None:
        """Begin anew at what is on the disk: a block may be there although keeping it failed. Raises EngineError."""
        self._roll_back()
        with self.view() as view:
            self._tip = view.tip

    def stored_height(self) -> int:
        """The height of the last block in the file."""
        row = self.connection.execute("SELECT max(height) FROM block").fetchone()
        return int(row[0] or 0)

    def blocks(self, after: int) -> list[CommittedBlock]:
        """Stored blocks with height > after, at most BLOCKS_MAX."""
        connection = self._reader()
        try:
            rows = connection.execute(_BLOCKS, (after, BLOCKS_MAX)).fetchall()
        except _UNREADABLE as error:
            raise _translated(error, self._path) from error
        finally:
            self._give_back(connection)
        try:
            return [read_block(*row) for row in rows]
        except _UNREADABLE as error:
            raise _translated(error, self._path) from error

    def tip(self) -> Tip:
        """Where the ledger stands."""
        return self._tip

    def view(self) -> "StoredView":
        """A read at the tip."""
        connection = self._reader()
        try:
            connection.execute("BEGIN")
            tip = _known_tip(_get(connection, TIP) or b"")
        except _UNREADABLE as error:
            connection.close()
            raise _translated(error, self._path) from error
        return StoredView(connection, tip, self._path, self._give_back)

    def _reader(self) -> sqlite3.Connection:
        with self._readers_lock:
            if self._closed is not None:
                raise self._closed
            if self._readers:
                return self._readers.pop()
        return connect(self._path, read_only=True)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._readers_lock:
            if self._closed is None:
                self._readers.append(connection)
            else:
                connection.close()

    def close(self) -> None:
        """Close the file and let another process have it."""
        with self._readers_lock:
            self._closed = EngineError("closed", "The ledger was closed.")
            for connection in self._readers:
                connection.close()
            self._readers.clear()
        self.connection.close()
        self._lock_file.close()


class StoredView:
    """A read transaction: what it sees stands still until it is closed."""

    def __init__(
        self, connection: sqlite3.Connection, tip: Tip, path: Path, give_back: Callable[[sqlite3.Connection], None]
    ) -> None:
        self._connection: sqlite3.Connection | None = connection
        self._give_back = give_back
        self._path = path
        self.tip = tip

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            raise EngineError("closed", "The view was closed.")
        return self._connection

    def get(self, key: bytes) -> bytes | None:
        """The value of a key at this tip."""
        try:
            return _get(self._open(), key)
        except _UNREADABLE as error:
            raise _translated(error, self._path) from error

    def scan(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values with start <= key < end, in byte order."""
        try:
            yield from self._open().execute(_SCAN, (start, end))
        except _UNREADABLE as error:
            raise _translated(error, self._path) from error

    def close(self) -> None:
        """End the read transaction."""
        if self._connection is not None:
            self._connection.execute("ROLLBACK")
            self._give_back(self._connection)
            self._connection = None

    def __enter__(self) -> "StoredView":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _WriterView:
    """The tip as the block maker reads it; what it read or wrote before is remembered."""

    def __init__(self, connection: sqlite3.Connection, cache: dict[bytes, bytes | None]) -> None:
        self._connection = connection
        self._cache = cache

    def get(self, key: bytes) -> bytes | None:
        try:
            return self._cache[key]
        except KeyError:
            value = self._cache[key] = _get(self._connection, key)
            return value

    def scan(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        return self._connection.execute(_SCAN, (start, end))


def connect(path: Path, read_only: bool = False) -> sqlite3.Connection:
    """A connection to a ledger file. Raises EngineError."""
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
    try:
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=10)
    except sqlite3.Error as error:
        raise _translated(error, path) from error
    try:
        if not read_only:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA wal_autocheckpoint=4000")
        connection.execute(f"PRAGMA cache_size={-8192 if read_only else -65536}")
    except _UNREADABLE as error:
        connection.close()
        raise _translated(error, path) from error
    return connection


def _lock(path: Path) -> BinaryIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(path.name + ".lock").open("ab")
    except OSError as error:
        raise EngineError(
            "no-file", f"The ledger file {path.name} cannot be opened: {os.strerror(error.errno or 0)}."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise EngineError(
            "in-use",
            f"Another process has the ledger file {path.name} open; stop it first, or give this node a file "
            "of its own.",
        ) from error
    return lock


def _get(connection: sqlite3.Connection, key: bytes) -> bytes | None:
    row = connection.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
    return None if row is None else bytes(row[0])


def put(connection: sqlite3.Connection, writes: dict[bytes, bytes | None]) -> None:
    """Set and delete keys of the state, in the transaction that is open."""
    connection.executemany(
        "INSERT OR REPLACE INTO state VALUES (?, ?)",
        sorted((key, value) for key, value in writes.items() if value is not None),
    )
    connection.executemany(
        "DELETE FROM state WHERE key = ?", [(key,) for key, value in writes.items() if value is None]
    )


def read_block(height: int, time: int, transactions: bytes, results: bytes, tip: bytes) -> CommittedBlock:
    """The block of a row of the table `block`."""
    rows, details, *proven = codec.decode(results, bytes_max=_STORED_BYTES_MAX)
    outcomes = tuple(Outcome(Code(code), detail) for (code, _), detail in zip(rows, details, strict=True))
    misbehaviour = tuple(Misbehaviour(*one) for one in (proven[0] if proven else ()))
    block = Block(height, time, tuple(codec.decode(transactions, bytes_max=_STORED_BYTES_MAX)), misbehaviour)
    return CommittedBlock(block, outcomes, tuple(index for _, index in rows), decode_tip(tip))


def _damaged(path: Path) -> EngineError:
    return EngineError(
        "corrupted",
        f"The ledger file {path.name} is damaged; restore it from a backup or copy it from another organisation.",
    )


def _translated(error: Exception, path: Path) -> EngineError:
    if not isinstance(error, sqlite3.Error):
        return _damaged(path)
    name = getattr(error, "sqlite_errorname", "")
    if name in ("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"):
        return EngineError("disk-full", "The disk is full: the block was not kept and nothing was lost; make room.")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return _damaged(path)
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return EngineError("in-use", f"Another process holds the ledger file {path.name}; stop it first.")
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")):
        return EngineError("no-file", f"The ledger file {path.name} cannot be opened or written.")
    return EngineError("disk", f"The ledger file {path.name} cannot be used: {error}.")
