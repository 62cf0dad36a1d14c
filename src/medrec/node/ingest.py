"""From a folder into the journal: read, sign, remember how far, list what could not be taken; and read back.

A reading that was cut off goes on where the journal stands. A file that was read whole before is known by name,
size and time: if it says something else later, that is a change in place, not a new delivery.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sql

from medrec.node import store
from medrec.node.publish import Incoming, Published, Publisher, position_of, set_position
from medrec.node.sources.folder import FolderSource, Progress
from medrec.node.sources.source import RawRecord, Rejected


class Ingested(NamedTuple):
    """What a reading did: what became of the records, and what was rejected, with the reason."""

    published: Published
    rejected: tuple[Rejected, ...]


def ingest_folder(
    publisher: Publisher,
    kept: store.Store,
    folder: Path,
    progress: Callable[[Progress], None] | None = None,
) -> Ingested:
    """Sign everything in a folder that is new or changed. Raises SourceUnavailable, StoreError."""
    source = f"folder {folder.name}"
    with kept.read() as connection:
        position = (position_of(connection, source) or b"").decode()
        rows = connection.execute(sql.select(store.delivery).where(store.delivery.c.source == source))
        known = {row.name: row.stamp for row in rows}
    # The file in which the last reading was cut off is still being delivered.
    known.pop(_delivery_of(position)[1] if position else "", None)
    rejected: list[Rejected] = []
    seen: dict[str, str] = {}

    def arrivals() -> Iterator[Incoming]:
        for item in FolderSource(folder, progress=progress).read(position):
            stamp, name = _delivery_of(item.position) if item.position else ("", "")
            if name:
                seen[name] = stamp
            if isinstance(item, Rejected):
                rejected.append(item)
            elif known.get(name) != stamp:
                yield Incoming(item.type, item.id, item.content, name, name not in known, item.position)

    def taken(connection: sql.Connection, last: Incoming) -> None:
        set_position(connection, source, last.position.encode())
        whole = sorted(name for name in seen if name < last.origin)
        _delivered(connection, source, {name: seen.pop(name) for name in whole})

    def finish(connection: sql.Connection) -> None:
        # The reading came to its end: begin at the beginning next time.
        _delivered(connection, source, seen)
        set_position(connection, source, b"")

    published = publisher.publish(arrivals(), taken)
    kept.write(finish)
    return Ingested(published, tuple(rejected))


def _delivery_of(position: str) -> tuple[str, str]:
    """Stamp (size and time) and name of the file that a position lies in."""
    _, size, time, name = position.split(" ", 3)
    return f"{size} {time}", name


def _delivered(connection: sql.Connection, source: str, files: dict[str, str]) -> None:
    """Remember files that were read whole."""
    for name, stamp in files.items():
        where = (store.delivery.c.source == source) & (store.delivery.c.name == name)
        connection.execute(sql.delete(store.delivery).where(where))
        connection.execute(sql.insert(store.delivery).values(source=source, name=name, stamp=stamp))


class FolderReader:
    """Reads the present bytes of records from the folder they came from."""

    FILES_MAX = 32

    def __init__(self, folder: Path, kept: store.Store) -> None:
        self._folder = folder
        self._store = kept
        self._files: dict[str, tuple[tuple[int, int], dict[tuple[str, str], bytes]]] = {}

    def read(self, kind: str, identifier: str) -> bytes | None:
        """The canonical bytes of the record as its file states it now, None if it states none."""
        with self._store.read() as connection:
            origin = connection.execute(
                sql.select(store.record.c.origin).where(store.record.c.type == kind, store.record.c.id == identifier)
            ).scalar()
        return None if origin is None else self._file(origin).get((kind, identifier))

    def _file(self, name: str) -> dict[tuple[str, str], bytes]:
        try:
            facts = (self._folder / name).stat()
        except OSError:
            return {}
        stamp = (facts.st_size, facts.st_mtime_ns)
        cached = self._files.get(name)
        if cached is not None and cached[0] == stamp:
            return cached[1]
        records: dict[tuple[str, str], bytes] = {}
        for item in FolderSource(self._folder).read(f"0 0 0 {name}"):
            if item.position and _delivery_of(item.position)[1] != name:
                break
            if isinstance(item, RawRecord):
                if item.content is None:
                    records.pop((item.type, item.id), None)
                else:
                    records[(item.type, item.id)] = item.content.data
        if len(self._files) >= self.FILES_MAX:
            self._files.pop(next(iter(self._files)))
        self._files[name] = (stamp, records)
        return records
