"""From a folder into the journal: read, sign, remember how far, list what could not be taken; and read back.

A reading that was cut off goes on where the journal stands. A file that was read whole before is known by its path,
size and time: if it says something else later, that is a change in place, not a new delivery. A thorough reading
looks into every file again and finds a change that kept size and time, too. A file that vanished with records in it
is an alarm.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sql

from medrec.node.keeping import store
from medrec.node.records.publish import Incoming, Published, Publisher, position_of, set_position
from medrec.node.sources.folder import FolderSource, Progress
from medrec.node.sources.source import RawRecord, Rejected


class Ingested(NamedTuple):
    """What a reading did: what became of the records, what was rejected and why, and which files are gone."""

    published: Published
    rejected: tuple[Rejected, ...]
    gone: tuple[str, ...]


def ingest_folder(
    publisher: Publisher,
    kept: store.Store,
    folder: Path,
    progress: Callable[[Progress], None] | None = None,
    *,
    thorough: bool = False,
) -> Ingested:
    """Sign everything in a folder that is new or changed. Raises SourceUnavailable, StoreError."""
    folder = folder.resolve()
    source = f"folder {folder}"
    with kept.read() as connection:
        position = (position_of(connection, source) or b"").decode()
        rows = connection.execute(sql.select(store.delivery).where(store.delivery.c.source == source))
        known = {row.name: row.stamp for row in rows}
    rejected: list[Rejected] = []
    seen: dict[str, str] = {}

    def arrivals() -> Iterator[Incoming]:
        for item in FolderSource(folder, progress=progress).read(position):
            stamp, name = _delivery_of(item.position) if item.position else ("", "")
            if name:
                seen[name] = stamp
            if isinstance(item, Rejected):
                rejected.append(item)
            elif thorough or known.get(name) != stamp:
                origin = str(folder / name)
                yield Incoming(item.type, item.id, item.content, origin, name not in known, item.position)

    def taken(connection: sql.Connection, last: Incoming) -> None:
        set_position(connection, source, last.position.encode())
        whole = sorted(name for name in seen if name < _delivery_of(last.position)[1])
        _delivered(connection, source, {name: seen.pop(name) for name in whole})

    def finish(connection: sql.Connection) -> tuple[str, ...]:
        # The reading came to its end: begin at the beginning next time.
        _delivered(connection, source, seen)
        set_position(connection, source, b"")
        return _missing(connection, publisher, folder)

    published = publisher.publish(arrivals(), taken)
    return Ingested(published, tuple(rejected), kept.write(finish))


def _missing(connection: sql.Connection, publisher: Publisher, folder: Path) -> tuple[str, ...]:
    """Files of this folder that are not there any more although records stand in them; an alarm for each, once."""
    record, alarm = store.record.c, store.alarm.c
    standing = sql.select(record.origin, sql.func.count()).where(record.action != "delete").group_by(record.origin)
    gone = []
    for origin, count in connection.execute(standing.order_by(record.origin)).all():
        path = Path(origin)
        if not path.is_relative_to(folder) or path.exists():
            continue
        gone.append(origin)
        told = sql.select(alarm.id).where(alarm.code == "file-gone", alarm.subject == origin[-200:])
        if connection.execute(told.limit(1)).scalar() is None:
            sentence = f"{path.name} is gone, and with it {count} records that were signed and never deleted."
            row = {"time": publisher.now(), "code": "file-gone", "subject": origin[-200:], "sentence": sentence[:500]}
            connection.execute(sql.insert(store.alarm).values(**row))
    return tuple(gone)


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
    """Reads the present bytes of records from the files they came from."""

    FILES_MAX = 32

    def __init__(self, kept: store.Store) -> None:
        self._store = kept
        self._files: dict[str, tuple[tuple[int, int], dict[tuple[str, str], bytes]]] = {}

    def read(self, kind: str, identifier: str) -> bytes | None:
        """The canonical bytes of the record as its file states it now, None if it states none."""
        with self._store.read() as connection:
            origin = connection.execute(
                sql.select(store.record.c.origin).where(store.record.c.type == kind, store.record.c.id == identifier)
            ).scalar()
        return None if origin is None else self._file(Path(origin)).get((kind, identifier))

    def _file(self, path: Path) -> dict[tuple[str, str], bytes]:
        try:
            facts = path.stat()
        except OSError:
            return {}
        stamp = (facts.st_size, facts.st_mtime_ns)
        cached = self._files.get(str(path))
        if cached is not None and cached[0] == stamp:
            return cached[1]
        records: dict[tuple[str, str], bytes] = {}
        for item in FolderSource(path.parent).read(f"0 0 0 {path.name}"):
            if item.position and _delivery_of(item.position)[1] != path.name:
                break
            if isinstance(item, RawRecord):
                if item.content is None:
                    records.pop((item.type, item.id), None)
                else:
                    records[(item.type, item.id)] = item.content.data
        if len(self._files) >= self.FILES_MAX:
            self._files.pop(next(iter(self._files)))
        self._files[str(path)] = (stamp, records)
        return records
