"""Snapshots for state sync: the whole ledger, history included, in chunks that each prove themselves.

A snapshot of height h is a function of the ledger at h, so all nodes make the same bytes. Its metadata holds the tip
and the 256 subtrees of the state map at depth 8; both must lead to the app hash that the network agreed on before a
byte is taken in. A chunk is then either whole subtrees of the map, compared with the metadata, or a run of blocks,
whose log leaves must give the roots that stand in them and whose last log must be a prefix of the tip's (RFC 6962
consistency proof). Indexes that follow from proven records are made anew. What no root covers, refused transactions
and the words of outcomes, is taken from the peer: it decides nothing.

Everything goes into one database transaction: a restore that ends half way leaves the empty ledger it began with.
"""

import contextlib
import os
import shutil
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from medrec.core import codec, indexes, merkle, state, statemap
from medrec.core.genesis import decode_tip, encode_tip
from medrec.core.outcome import Refused
from medrec.core.types import Tip, decode_transaction, log_leaf
from medrec.engines.abci.messages import Snapshot
from medrec.engines.cometbft_buckets import BUCKETS, bucket_of, fold, subtree
from medrec.engines.engine import EngineError
from medrec.engines.storage import Storage, connect, put, read_block

FORMAT = 1
UNFINISHED, OLD = "unfinished", "old"
"""Names below the snapshots' folder of one that is being made, and of one that is being removed."""
CHUNK_BYTES = 4 << 20
CHUNK_BYTES_MAX = 16 << 20
METADATA_BYTES_MAX = 3 << 20
KEEP = 2

# What reading a stranger's chunk can raise.
UNPROVEN = (
    ValueError, TypeError, LookupError, AttributeError, OverflowError, Refused, statemap.CorruptMapError,
    sqlite3.IntegrityError, sqlite3.ProgrammingError,
)  # fmt: skip


class Snapshots:
    """The snapshots on this node's disk: one every `interval` heights (0: none), the newest KEEP of them."""

    def __init__(self, folder: Path, storage: Storage, interval: int) -> None:
        self._folder = folder
        self._storage = storage
        self._interval = interval
        self._making: threading.Thread | None = None
        for left in (UNFINISHED, OLD):
            shutil.rmtree(folder / left, ignore_errors=True)

    def due(self, height: int) -> None:
        """Called after every kept block; makes a snapshot in the background when it is time for one."""
        if not self._interval or height % self._interval or (self._making and self._making.is_alive()):
            return
        connection = connect(self._storage.path, read_only=True)
        connection.execute("BEGIN")
        connection.execute("SELECT value FROM state LIMIT 1").fetchone()  # the read begins here, at this height
        self._making = threading.Thread(target=self._make, args=(connection, self._storage.tip()), daemon=True)
        self._making.start()

    def wait(self) -> None:
        """Until the snapshot under way, if any, is made."""
        if self._making is not None:
            self._making.join()

    def _make(self, connection: sqlite3.Connection, tip: Tip) -> None:
        work = self._folder / UNFINISHED
        try:
            write_snapshot(connection, tip, work)
            work.rename(self._folder / f"{tip.height:012d}")
            _sync(self._folder)
        except (OSError, sqlite3.Error):
            shutil.rmtree(work, ignore_errors=True)  # no room: the next one may find some
        finally:
            connection.close()
        for old in self._kept()[:-KEEP]:
            # Removing takes many steps; to peers it is gone with the first.
            gone = self._folder / OLD
            shutil.rmtree(gone, ignore_errors=True)
            with contextlib.suppress(OSError):
                old.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)

    def _kept(self) -> list[Path]:
        return sorted(folder for folder in self._folder.glob("[0-9]*") if folder.is_dir())

    def list(self) -> list[Snapshot]:
        """What peers may have. What cannot be read, or was removed meanwhile, nobody gets."""
        found = []
        for folder in self._kept():
            try:
                metadata = (folder / "metadata").read_bytes()
                chunks = len(codec.decode(metadata, bytes_max=METADATA_BYTES_MAX)["parts"])
            except (OSError, *UNPROVEN):
                continue
            found.append(Snapshot(int(folder.name), FORMAT, chunks, sha256(metadata).digest(), metadata))
        return found

    def newest(self, height: int) -> int:
        """The height of the newest that the blocks up to `height` prove, which takes two after its own; 0: none."""
        return max((found.height for found in self.list() if found.height + 2 <= height), default=0)

    def chunk(self, height: int, form: int, number: int) -> bytes:
        """A chunk; empty if it is not there."""
        file = self._folder / f"{height:012d}" / f"{number:06d}"
        try:
            return file.read_bytes() if form == FORMAT else b""
        except OSError:
            return b""


def write_snapshot(connection: sqlite3.Connection, tip: Tip, folder: Path) -> None:
    """The snapshot of the ledger that a connection reads, as files: metadata, 000000, 000001..."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    slots: list[bytes] = [b""] * BUCKETS
    parts: list[list[Any]] = []

    def add(kind: str, first: int, last: int, chunk: bytes) -> None:
        _write(folder / f"{len(parts):06d}", chunk)
        parts.append([kind, first, last])

    for first, last, entries in _map_parts(connection, folder / "spool", slots):
        add("map", first, last, codec.encode_known(entries))
    for first, last, rows, size in _block_parts(connection):
        proof = _consistency(connection, size, tip.log_size)
        add("blocks", first, last, codec.encode_known([rows, proof]))
    metadata = codec.encode({"parts": parts, "slots": slots, "tip": encode_tip(tip)})
    _write(folder / "metadata", metadata)
    _sync(folder)


def _sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _map_parts(
    connection: sqlite3.Connection, spool: Path, slots: list[bytes]
) -> Iterator[tuple[int, int, list[list[bytes]]]]:
    """Runs of buckets of the state map with their entries in the order of their paths; fills `slots`."""
    spool.mkdir()
    # The table is in the order of keys, the map in that of their hashes: sort through files, not through memory.
    files = [(spool / f"{number}").open("wb") for number in range(BUCKETS)]
    for key, value in connection.execute("SELECT key, value FROM state"):
        if not key.startswith(state.UNMAPPED):
            record = codec.encode_known([key, value])
            files[bucket_of(key)].write(len(record).to_bytes(4, "big") + record)
    for file in files:
        file.close()
    gathered: list[list[bytes]] = []
    first = size = 0
    for number in range(BUCKETS):
        data = (spool / f"{number}").read_bytes()
        entries, position = [], 0
        while position < len(data):
            end = position + 4 + int.from_bytes(data[position : position + 4], "big")
            entries.append(codec.decode_known(data[position + 4 : end]))
            position = end
        entries.sort(key=lambda entry: sha256(entry[0]).digest())
        slots[number] = subtree([_leaf(*entry) for entry in entries]) or b""
        if gathered and size + len(data) > CHUNK_BYTES:
            yield first, number - 1, gathered
            first, size, gathered = number, 0, []
        gathered += entries
        size += len(data)
    shutil.rmtree(spool)
    yield first, BUCKETS - 1, gathered


def _block_parts(connection: sqlite3.Connection) -> Iterator[tuple[int, int, list[list[Any]], int]]:
    """Runs of block rows, and the log size after each run."""
    rows: list[list[Any]] = []
    size = 0
    for row in connection.execute("SELECT height, time, transactions, results, tip FROM block ORDER BY height"):
        length = sum(map(len, row[2:]))
        if rows and size + length > CHUNK_BYTES:
            yield rows[0][0], rows[-1][0], rows, decode_tip(rows[-1][4]).log_size
            rows, size = [], 0
        rows.append(list(row))
        size += length
    if rows:
        yield rows[0][0], rows[-1][0], rows, decode_tip(rows[-1][4]).log_size


def _consistency(connection: sqlite3.Connection, old: int, new: int) -> list[bytes]:
    def get(key: bytes) -> bytes | None:
        row = connection.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
        return None if row is None else bytes(row[0])

    return merkle.consistency_proof(get, old, new) if old else []


def _leaf(key: bytes, value: bytes) -> bytes:
    return sha256(key).digest() + sha256(value).digest()


class Restoring:
    """A snapshot that is being taken in, chunk after chunk."""

    def __init__(self, storage: Storage, tip: Tip, parts: Sequence[list[Any]], slots: Sequence[bytes]) -> None:
        self._storage = storage
        self._tip = tip
        self._parts = parts
        self._slots = slots
        self._next = 0
        self._height = 0
        self._log_size = 0
        self.complete = False

    @classmethod
    def begin(cls, storage: Storage, offered: Snapshot, app_hash: bytes) -> "Restoring | None":
        """Ready for the first chunk; None if the snapshot does not belong to the app hash or cannot be read."""
        try:
            metadata = codec.decode(offered.metadata, bytes_max=METADATA_BYTES_MAX)
            tip, slots, parts = decode_tip(metadata["tip"]), metadata["slots"], metadata["parts"]
            good = (
                (offered.format, offered.chunks, offered.height) == (FORMAT, len(parts), tip.height)
                and len(slots) == BUCKETS
                and fold(slots) == tip.state_root
                and tip.app_hash == app_hash
                and all(map(_is_part, parts))
                and _covers(parts, tip.height)
            )
        except UNPROVEN:
            return None
        if not good:
            return None
        connection = storage.connection
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM state")
        connection.execute("DELETE FROM block")
        return cls(storage, tip, parts, slots)

    def take(self, index: int, chunk: bytes) -> bool:
        """Take the next chunk in; False, and nothing taken, if it does not prove itself. Raises EngineError."""
        if index != self._next or len(chunk) > CHUNK_BYTES_MAX:
            return False
        kind, first, last = self._parts[index]
        connection = self._storage.connection
        connection.execute("SAVEPOINT chunk")
        try:
            value = codec.decode(chunk, bytes_max=CHUNK_BYTES_MAX)
            good = self._take_map(first, last, value) if kind == "map" else self._take_blocks(first, last, value)
        except UNPROVEN:
            good = False
        if not good:
            connection.execute("ROLLBACK TO chunk")
            connection.execute("RELEASE chunk")
            return False
        connection.execute("RELEASE chunk")
        self._next += 1
        if self._next == len(self._parts):
            self._finish()
        return True

    def _get(self, key: bytes) -> bytes | None:
        row = self._storage.connection.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
        return None if row is None else bytes(row[0])

    def _take_map(self, first: int, last: int, entries: list[list[bytes]]) -> bool:
        changes: dict[bytes, bytes | None] = {}
        buckets: dict[int, list[bytes]] = defaultdict(list)
        for number, group in groupby(entries, key=lambda entry: bucket_of(entry[0])):
            for key, value in group:
                changes[key] = value
                buckets[number].append(_leaf(key, value))
        if any(not first <= number <= last for number in buckets) or len(changes) != len(entries):
            return False
        for number in range(first, last + 1):
            leaves = buckets[number]
            if leaves != sorted(leaves) or (subtree(leaves) or b"") != self._slots[number]:
                return False
        pages, _ = statemap.update(self._get, changes)
        put(self._storage.connection, {**changes, **pages, **_indexes(changes)})
        return True

    def _take_blocks(self, first: int, last: int, value: list[Any]) -> bool:
        rows, proof = value
        if [row[0] for row in rows] != list(range(first, last + 1)) or first != self._height + 1:
            return False
        size = self._log_size
        tip = self._tip
        for row in rows:
            block = read_block(*row)
            leaves: list[bytes] = []
            for data, index in zip(block.block.transactions, block.leaf_indices, strict=True):
                if index is not None and index == size + len(leaves):
                    body = decode_transaction(data).body_bytes
                    leaves.append(merkle.leaf_hash(log_leaf(row[0], row[1], body)))
            put(self._storage.connection, dict(merkle.append(self._get, size, leaves)))
            size += len(leaves)
            tip = block.tip
            if (tip.height, tip.time, tip.log_size) != (row[0], row[1], size):
                return False
            if tip.log_root != merkle.log_root(self._get, size):
                return False
            self._storage.connection.execute("INSERT INTO block VALUES (?, ?, ?, ?, ?)", tuple(row))
        whole = self._tip
        if size and not merkle.verify_consistency(size, whole.log_size, proof, tip.log_root, whole.log_root):
            return False
        if last == whole.height and tip != whole:
            return False
        self._height, self._log_size = last, size
        return True

    def _finish(self) -> None:
        connection = self._storage.connection
        if statemap.root(self._get) != self._tip.state_root or self._log_size != self._tip.log_size:
            connection.execute("ROLLBACK")
            raise EngineError("snapshot", "The snapshot does not give the ledger that it promised; start again.")
        put(connection, {state.TIP: encode_tip(self._tip)})
        connection.execute("COMMIT")
        self._storage.replaced(self._tip)
        self.complete = True


def _is_part(part: Any) -> bool:
    """Whether it is [kind, first, last]."""
    return type(part) is list and [type(item) for item in part] == [str, int, int]


def _covers(parts: Sequence[list[Any]], height: int) -> bool:
    """Whether the parts are all buckets and then all blocks, without a gap."""
    buckets = [part for part in parts if part[0] == "map"]
    blocks = [part for part in parts if part[0] == "blocks"]
    if buckets + blocks != list(parts) or not buckets or not blocks:
        return False
    for run, start, end in ((buckets, 0, BUCKETS - 1), (blocks, 1, height)):
        if run[0][1] != start or run[-1][2] != end or any(part[1] > part[2] for part in run):
            return False
        if any(one[2] + 1 != other[1] for one, other in pairwise(run)):
            return False
    return True


def _indexes(entries: dict[bytes, bytes | None]) -> dict[bytes, bytes | None]:
    """The unproven indexes that follow from proven records."""
    found = (indexes.following(key, value) for key, value in entries.items() if value is not None)
    return dict.fromkeys((key for keys in found for key in keys), b"")
