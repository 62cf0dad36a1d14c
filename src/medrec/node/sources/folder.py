"""Records from a folder: FHIR Bundles or single resources (.json) and NDJSON (.ndjson), plain or .gz.

Files are read in the order of their relative paths, sub-folders included; names that begin with a dot and other
endings are passed over. A Bundle is split without reading its entries, so that one bad entry costs one entry; only
what breaks the JSON grammar itself (and half characters, and nesting in the hundreds) costs the file. A Bundle is
taken only if its file stood still while it was read. Gzip is checked to its end before anything is taken from it.
"""

import io
import os
import re
import stat
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from medrec.core.records.canonical import BYTES_MAX, Canonical, Code, RecordError, canonical, elements, members
from medrec.node.sources.source import Item, RawRecord, Rejected, SourceUnavailable

_PIECE = 1 << 20
_PROGRESS_EVERY = 1000
_ENDINGS = (".json", ".ndjson", ".json.gz", ".ndjson.gz")
# A Bundle of one of these types is a record itself; of any other type it is only a way to carry records.
_KEPT_WHOLE = (b'"document"', b'"message"')
_TYPE = re.compile(r"[A-Z][A-Za-z]{0,63}")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_DELETE_URL = re.compile(r"([A-Z][A-Za-z]{0,63})/([A-Za-z0-9\-.]{1,64})")
_URN = re.compile(r"urn:uuid:([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})")


class Limits(NamedTuple):
    """Most bytes of: one record; one Bundle or line, unpacked; one packed NDJSON file, unpacked."""

    record: int = BYTES_MAX
    document: int = 256 << 20
    unpacked: int = 16 << 30


class Progress(NamedTuple):
    """How far a reading is; bytes are those of the files as they lie in the folder."""

    files_done: int
    files_total: int
    bytes_done: int
    bytes_total: int
    records: int
    rejected: int


class _Fault(Exception):
    """What is wrong with a whole file."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code, self.sentence = code, sentence


class _Cursor:
    """Counts the items of one file and names the position behind each."""

    def __init__(self, name: str, size: int, mtime: int) -> None:
        self.taken = 0
        self._rest = f" {size} {mtime} {name}"

    def next(self) -> str:
        self.taken += 1
        return f"{self.taken}{self._rest}"


class FolderSource:
    """A folder as a source. `progress` is called after each file and every 1,000 items."""

    def __init__(
        self, folder: Path, limits: Limits | None = None, progress: Callable[[Progress], None] | None = None
    ) -> None:
        self._folder = folder
        self._limits = limits or Limits()
        self._progress = progress

    def read(self, after: str = "") -> Iterator[Item]:
        """All items behind `after`, by file name and place in the file. Raises SourceUnavailable, ValueError.

        ValueError: `after` is not a position of a folder. A file that comes to lie before the position, or that
        changes there, is seen by the next reading from the beginning.
        """
        last = _parse_position(after) if after else None
        names, faults = self._list()
        for name, sentence in faults:
            yield Rejected(name, "unreadable", sentence, after)
        sizes = [self._size(name) for name in names]
        total, bytes_done, counts = sum(sizes), 0, [0, 0]
        for number, (name, size) in enumerate(zip(names, sizes, strict=True)):
            if last is None or name >= last[3]:
                for item in self._file(name, last if last and last[3] == name else None):
                    counts[type(item) is Rejected] += 1
                    yield item
                    if self._progress and sum(counts) % _PROGRESS_EVERY == 0:
                        self._progress(Progress(number, len(names), bytes_done, total, counts[0], counts[1]))
            bytes_done += size
            if self._progress:
                self._progress(Progress(number + 1, len(names), bytes_done, total, counts[0], counts[1]))

    def _list(self) -> tuple[list[str], list[tuple[str, str]]]:
        names: list[str] = []
        faults: list[tuple[str, str]] = []

        def fault(error: OSError) -> None:
            if Path(error.filename) == self._folder:
                raise SourceUnavailable(f"the folder cannot be read: {error.strerror}") from error
            name = Path(error.filename).relative_to(self._folder).as_posix()
            faults.append((_shown(name), f"the folder cannot be read ({error.strerror}); allow access"))

        for folder, folders, files in os.walk(self._folder, onerror=fault):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for file in files:
                if file.endswith(_ENDINGS) and not file.startswith("."):
                    name = (Path(folder) / file).relative_to(self._folder).as_posix()
                    if _shown(name) == name:
                        names.append(name)
                    else:
                        faults.append((_shown(name), "the file name is not UTF-8; rename the file"))
        return sorted(names), sorted(faults)

    def _size(self, name: str) -> int:
        try:
            return (self._folder / name).stat().st_size
        except OSError:
            return 0  # reported when it is opened

    def _file(self, name: str, last: tuple[int, int, int, str] | None) -> Iterator[Item]:
        """The items of one file behind `last`, which counts only if the file is still the same."""
        cursor = _Cursor(name, 0, 0)
        try:
            # Not blocking: a pipe somebody left in the folder must not stop the reading.
            with open(os.open(self._folder / name, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123
                facts = os.fstat(file.fileno())
                if not stat.S_ISREG(facts.st_mode):
                    raise _Fault("not-a-file", "this is no ordinary file; remove it from the folder")
                cursor = _Cursor(name, facts.st_size, facts.st_mtime_ns)
                skip = last[0] if last and last[1:3] == (facts.st_size, facts.st_mtime_ns) else 0
                read = self._ndjson if ".ndjson" in name[-10:] else self._json
                for item in read(name, file, facts, cursor):
                    if cursor.taken > skip:
                        yield item
        except _Fault as fault:
            yield Rejected(name, fault.code, f"{fault.sentence}.", cursor.next())
        except OSError as error:
            if not self._folder.is_dir():
                raise SourceUnavailable("the folder vanished while it was read") from error
            yield Rejected(name, "unreadable", f"the file cannot be read ({error.strerror}).", cursor.next())

    def _json(self, name: str, file: BinaryIO, facts: os.stat_result, cursor: _Cursor) -> Iterator[Item]:
        limit = self._limits.document
        if facts.st_size > limit:
            raise _too_large(limit)
        if name.endswith(".gz"):
            whole = io.BytesIO()
            for piece in _unpack(file, facts.st_size, limit):
                whole.write(piece)
            raw = whole.getvalue()
        else:
            raw = file.read(facts.st_size)
        if _moved(file, facts) or (len(raw) != facts.st_size and not name.endswith(".gz")):
            raise _Fault("changed-while-reading", "the file changed while it was read; it is read next time")
        yield from self._text(_Text(raw, name, 0), cursor)

    def _ndjson(self, name: str, file: BinaryIO, facts: os.stat_result, cursor: _Cursor) -> Iterator[Item]:
        packed = name.endswith(".gz")
        if packed:
            for _ in _unpack(file, facts.st_size, self._limits.unpacked):
                pass  # a wrong checksum shows only at the end, and then nothing of the file may be taken
            file.seek(0)
        pieces = _unpack(file, facts.st_size, self._limits.unpacked) if packed else _pieces(file, facts.st_size)
        for number, line, ended in _lines(pieces, self._limits.document):
            where = f"{name} line {number + 1}"
            if line is None:
                sentence = f"line {number + 1} has more than {self._limits.document} bytes; split it."
                yield Rejected(where, Code.TOO_LARGE, sentence, cursor.next(), number + 1, 1)
            elif not line.strip(b" \t\r"):
                continue
            else:
                yield from self._text(_Text(line, where, number, ended), cursor)
        if _moved(file, facts):
            raise _Fault(
                "changed-while-reading",
                "the file changed while it was read; what was there at the start was taken, the rest is read next time",
            )

    def _text(self, text: "_Text", cursor: _Cursor) -> Iterator[Item]:
        """The items of one whole JSON text: a Bundle that carries records, or one resource."""
        if b'"Bundle"' in text.raw:
            try:
                top = members(text.raw)
                carried = bytes(top.get("resourceType", b"")) == b'"Bundle"'
                if carried and bytes(top.get("type", b""))[:12] not in _KEPT_WHOLE:
                    text.split(top)
            except RecordError as error:
                yield text.rejected(error, cursor)
                return
        if text.entries is None:
            yield self._record(text.raw, text, None, None, cursor)
            return
        for number in range(len(text.entries))[:: -1 if text.newest_first else 1]:
            yield self._entry(bytes(text.entries[number]), text, number, cursor)

    def _entry(self, raw: bytes, text: "_Text", number: int, cursor: _Cursor) -> Item:
        try:
            parts = members(raw)
            request = bytes(parts.get("request", b""))
            if b"DELETE" in request or b"PATCH" in request or b"\\" in request:
                found = canonical(request).value
                if isinstance(found, dict) and found.get("method") == "DELETE":
                    return _deletion(str(found.get("url")), text, number, cursor)
                if isinstance(found, dict) and found.get("method") == "PATCH":
                    return text.refused("patch", "a patch is no record; send the whole record", cursor, number)
        except RecordError as error:
            return text.rejected(error, cursor, number, raw)
        if "resource" not in parts:
            return text.refused("no-resource", "the entry holds no resource; add it or drop it", cursor, number)
        return self._record(bytes(parts["resource"]), text, number, raw, cursor, parts.get("fullUrl"))

    def _record(
        self,
        raw: bytes,
        text: "_Text",
        number: int | None,
        entry: bytes | None,
        cursor: _Cursor,
        full_url: msgspec.Raw | None = None,
    ) -> Item:
        try:
            content = canonical(raw, bytes_max=self._limits.record)
        except RecordError as error:
            return text.rejected(error, cursor, number, entry, raw)
        kind = content.value.get("resourceType") if type(content.value) is dict else None
        if type(kind) is not str or not _TYPE.fullmatch(kind):
            return text.refused("no-type", "there is no usable resourceType; add it", cursor, number)
        name = _id_of(content, full_url)
        if name is None:
            what = "there is no id of 1 to 64 letters, digits, - and . and no urn:uuid fullUrl; add an id"
            return text.refused("no-id", what, cursor, number)
        return RawRecord(text.origin(number), kind, name, "put", content, cursor.next())


class _Text:
    """One JSON text of a file, and where its parts stand."""

    def __init__(self, raw: bytes, name: str, line: int, ended: bool = True) -> None:
        self.raw, self.name, self.line, self.ended = raw, name, line, ended
        self.entries: list[msgspec.Raw] | None = None
        self.newest_first = False
        self._array = b""
        self._starts: list[int] = []

    def split(self, top: dict[str, msgspec.Raw]) -> None:
        """Take the text as a Bundle. A history runs from the newest to the oldest; sources run the other way."""
        self.entries = elements(top["entry"]) if "entry" in top else []
        self._array = bytes(top["entry"])[:64] if "entry" in top else b""
        self.newest_first = bytes(top.get("type", b"")) == b'"history"'

    def origin(self, number: int | None) -> str:
        return self.name if number is None else f"{self.name} entry[{number}]"

    def refused(self, code: str, what: str, cursor: _Cursor, number: int | None) -> Rejected:
        line, column = self._place(number)
        key = "" if number is None else f"entry[{number}]"
        sentence = f"{self.origin(number)}: {what}."
        return Rejected(self.origin(number), code, sentence, cursor.next(), line, column, key)

    def rejected(
        self,
        error: RecordError,
        cursor: _Cursor,
        number: int | None = None,
        entry: bytes | None = None,
        inner: bytes | None = None,
    ) -> Rejected:
        """The rejection for an error in the text, in an entry, or in the resource `inner` of an entry."""
        code, what = str(error.code), error.what
        if not self.ended and number is None:
            code = "unfinished-line"
            what = f"the last line has no end and cannot be read ({what}); it may still be growing, read again later"
        line, column = self._place(number, entry.find(inner) if entry and inner else 0)
        if error.line:
            column = column + error.column - 1 if error.line == 1 else error.column
            line += error.line - 1
        key = error.key
        if number is not None:
            key = ".".join(part for part in (f"entry[{number}]", "resource" if inner else "", key) if part)
        place = f"line {line}, column {column}" + (f", in {key}" if key else "")
        sentence = f"{self.name}, {place}: {what}."
        return Rejected(self.origin(number), code, sentence, cursor.next(), line, column, key)

    def _place(self, number: int | None, within: int = 0) -> tuple[int, int]:
        """Line and column in the file of an entry, `within` bytes further."""
        if number is None or self.entries is None:
            return self.line + 1, 1
        if not self._starts:
            at = self.raw.find(self._array)
            for entry in self.entries:
                piece = bytes(entry)
                at = self.raw.find(piece, at)
                self._starts.append(at)
                at += len(piece)
        at = self._starts[number] + within
        start = self.raw.rfind(b"\n", 0, at) + 1
        column = len(self.raw[start:at].decode("utf-8", "replace")) + 1
        return self.line + self.raw.count(b"\n", 0, at) + 1, column


def _deletion(url: str, text: _Text, number: int, cursor: _Cursor) -> Item:
    found = _DELETE_URL.fullmatch(url)
    if not found:
        what = "a deletion must name one record as Type/id; conditional deletions are not followed"
        return text.refused("bad-deletion", what, cursor, number)
    return RawRecord(text.origin(number), found[1], found[2], "delete", None, cursor.next())


def _id_of(content: Canonical, full_url: msgspec.Raw | None) -> str | None:
    name = content.value.get("id")
    if name is None and "id" not in content.value and full_url is not None:
        try:
            url = canonical(bytes(full_url)).value
        except RecordError:
            return None
        found = _URN.fullmatch(url) if type(url) is str else None
        return found[1].lower() if found else None
    return name if type(name) is str and _ID.fullmatch(name) else None


def _parse_position(text: str) -> tuple[int, int, int, str]:
    try:
        index, size, mtime, name = text.split(" ", 3)
        return int(index), int(size), int(mtime), name
    except ValueError:
        raise ValueError("this is not a position in a folder") from None


def _shown(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()


def _too_large(limit: int) -> _Fault:
    return _Fault(Code.TOO_LARGE, f"more than {limit} bytes (unpacked); split the file or send it as NDJSON")


def _moved(file: BinaryIO, facts: os.stat_result) -> bool:
    now = os.fstat(file.fileno())
    return (now.st_size, now.st_mtime_ns) != (facts.st_size, facts.st_mtime_ns)


def _pieces(file: BinaryIO, size: int) -> Iterator[bytes]:
    """The first `size` bytes; what is appended meanwhile is for the next reading."""
    while size > 0 and (piece := file.read(min(_PIECE, size))):
        size -= len(piece)
        yield piece


def _unpack(file: BinaryIO, size: int, limit: int) -> Iterator[bytes]:
    """The unpacked bytes of gzip members, never more than `limit`; the checksum is known good only at the end."""
    engine = zlib.decompressobj(31)
    total = 0
    try:
        for piece in _pieces(file, size):
            pending = piece
            while pending:
                if engine.eof:
                    pending = pending.lstrip(b"\x00")
                    if not pending:
                        break
                    engine = zlib.decompressobj(31)
                out = engine.decompress(pending, _PIECE)
                total += len(out)
                if total > limit:
                    raise _too_large(limit)
                yield out
                pending = engine.unused_data if engine.eof else engine.unconsumed_tail
    except zlib.error as error:
        raise _Fault("bad-gzip", f"the packed file is damaged ({error}); send it again") from None
    if not engine.eof:
        raise _Fault("truncated-gzip", "the packed file ends too early; send the whole of it")


def _lines(pieces: Iterator[bytes], limit: int) -> Iterator[tuple[int, bytes | None, bool]]:
    """(number from 0, line or None if longer than `limit`, whether it was ended by a line feed)."""
    number, held, size = 0, [b""], 0
    for piece in pieces:
        *ended, rest = piece.split(b"\n")
        for line in ended:
            size += len(line)
            yield number, None if size > limit else b"".join([*held, line]), True
            number, held, size = number + 1, [], 0
        size += len(rest)
        held = [*held, rest] if size <= limit else []
    if size:
        yield number, None if size > limit else b"".join(held), False
