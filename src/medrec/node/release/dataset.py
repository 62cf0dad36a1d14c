"""Writing a data set to a folder, and checking one that was delivered (core/dataset.py says what it is).

For places where the network is a USB stick and the statement comes by SMS. The set is `index.ndjson` with a row for
every journal line of the run, and one file in `records/` for every record whose newest version lies in it.
"""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sql

from medrec.core import dataset, manifests, merkle
from medrec.core.dataset import (
    ENTRY_ONLY,
    LINES_MAX,
    ROW_BYTES_MAX,
    WITH_CONTENT,
    WITH_MANIFEST,
    Finding,
    Statement,
    StatementError,
)
from medrec.core.manifests.record import RecordManifest
from medrec.core.records.canonical import BYTES_MAX, RecordError, canonical
from medrec.core.root import Root
from medrec.node.keeping import store
from medrec.node.keeping.vault import VaultError

if TYPE_CHECKING:
    from medrec.node.node import Node

INDEX = "index.ndjson"
NAMED_MAX = 10


class DatasetError(Exception):
    """A set was not written, or cannot be looked at. `code` is a short name, the text one sentence for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class Checked(NamedTuple):
    """Who stated what about a set, and everything that is wrong with it: nothing if it is whole and unaltered. `former`
    says in a sentence that the statement is signed with a key that holds no more; empty if it holds.
    """

    organisation: str
    statement: Statement
    findings: tuple[Finding, ...]
    former: str = ""

    @property
    def whole(self) -> bool:
        """True if nothing is missing, added, reordered or changed."""
        return not self.findings


class _Line(NamedTuple):
    seq: int
    entry: bytes
    delivered: int
    told: tuple[bytes, bytes] | None


def export_dataset(node: "Node", first: int, last: int, folder: Path) -> str:
    """Write the lines first to last as a set into a new folder, and return the statement for the SMS.

    Nothing leaves the node here: to whom the folder is handed is a disclosure, and the operator's to journal. Raises
    DatasetError (no-such-lines, too-many-lines, in-the-way, records-altered, disk), StatementError too-long,
    StoreError; then nothing is left behind. About 2 kB of memory a line.
    """
    if not 1 <= first <= last:
        raise DatasetError("no-such-lines", "A run of the journal goes from a line to the same or a later one.")
    if last - first + 1 > LINES_MAX:
        raise DatasetError("too-many-lines", f"A set has at most {LINES_MAX} lines; write several.")
    if folder.exists():
        raise DatasetError("in-the-way", f"{folder.name} is there already; name a new folder.")
    partial = folder.with_name(f".{folder.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        (partial / "records").mkdir(parents=True, mode=0o700)
        partial.chmod(0o700)
        lines = _collect(node, first, last, partial)
        leaves = [dataset.leaf(line.seq, line.delivered, line.entry) for line in lines]
        with (partial / INDEX).open("wb") as file:
            for line, path in zip(lines, merkle.inclusion_paths(leaves), strict=True):
                row = dataset.make_row(line.seq, line.delivered, line.entry, path, line.told)
                file.write(dataset.render_row(row))
        delivered = sum(line.delivered == WITH_CONTENT for line in lines)
        text = _state(node, first, last, delivered, merkle.root(leaves))
        partial.rename(folder)
    except OSError as error:
        raise DatasetError("disk", f"The folder cannot be written: {error.strerror}.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return text


def _state(node: "Node", first: int, last: int, delivered: int, root: bytes) -> str:
    message = dataset.statement_message(node.network, node.organisation, first, last, delivered, root)
    # The key signs requests and transaction ids too: the message begins with its own label and is longer than an id.
    signature = node.keys.sign_request(message)
    return dataset.render_statement(Statement(node.organisation, first, last, delivered, root, signature))


def _collect(node: "Node", first: int, last: int, folder: Path) -> list[_Line]:
    """The lines of the run, their content written to the folder."""
    lines: list[_Line] = []
    altered: list[str] = []
    with node.store.read() as connection:
        where = store.line.c
        rows = connection.execute(sql.select(store.line).where(where.seq.between(first, last)).order_by(where.seq))
        for row in rows.all():
            told = _told(node, connection, row)
            delivered = ENTRY_ONLY if told is None else WITH_MANIFEST
            manifest = None if told is None else manifests.decode(told[1])
            if isinstance(manifest, RecordManifest) and _is_newest(connection, manifest, bytes(row.manifest)):
                data = _content(node, manifest)
                if data is None:
                    altered.append(f"{manifest.record.type}/{manifest.record.id}")
                    continue
                (folder / dataset.content_name(row.seq, manifest)).write_bytes(data)
                delivered = WITH_CONTENT
            lines.append(_Line(row.seq, bytes(row.entry), delivered, told))
    if altered:
        names = ", ".join(altered[:NAMED_MAX]) + (" and others" if len(altered) > NAMED_MAX else "")
        raise DatasetError("records-altered", f"The source no longer holds what was signed: {names}.")
    if len(lines) != last - first + 1:
        raise DatasetError("no-such-lines", f"The journal does not have all of the lines {first} to {last}.")
    return lines


def _told(node: "Node", connection: sql.Connection, row: Any) -> tuple[bytes, bytes] | None:
    """Salt and manifest of a record's line; None for other lines, and for what was erased."""
    if row.kind != "record/1":
        return None
    try:
        return node.journal.manifest(connection, bytes(row.manifest))
    except VaultError:
        return None


def _is_newest(connection: sql.Connection, manifest: RecordManifest, digest: bytes) -> bool:
    """Whether the source still holds the content of this version."""
    where = store.record.c
    query = sql.select(where.manifest).where(where.type == manifest.record.type, where.id == manifest.record.id)
    return manifest.record.sha256 is not None and connection.execute(query).scalar() == digest


def _content(node: "Node", manifest: RecordManifest) -> bytes | None:
    """The canonical bytes that were signed, None if the source holds others or none."""
    raw = node.source.read(manifest.record.type, manifest.record.id)
    try:
        found = None if raw is None else canonical(raw)
    except RecordError:
        return None
    return None if found is None or found.sha256.hex() != manifest.record.sha256 else found.data


def check_dataset(folder: Path, statement: str, root: Root) -> Checked:
    """Check a delivered folder against a statement, trusting the organisations of a root file: those of now, and those
    of before with the keys that they had.

    Raises StatementError if the statement cannot be read, is of nobody known, or is not signed; DatasetError if the
    folder cannot be read.
    """
    said = dataset.parse_statement(statement)
    signer, former = _signer(said, root)
    try:
        names = _names(folder)
        findings = dataset.check(said, root.network, signer, _rows(folder), lambda name: _file(folder, name), names)
    except OSError as error:
        raise DatasetError("unreadable", f"The folder cannot be read: {error.strerror}.") from error
    return Checked(signer, said, tuple(findings), former)


def _signer(said: Statement, root: Root) -> tuple[str, str]:
    """Who signed, under the newest set of members whose keys fit, and a sentence if that key holds no more. Raises
    StatementError.
    """
    refused: StatementError | None = None
    for _, members in reversed(root.sets):
        try:
            keys = {name: member.keys.ed25519 for name, member in members.items()}
            signer = dataset.verify_statement(said, root.network, keys)
        except StatementError as error:
            if refused is None or refused.code == "unknown-signer":
                refused = error
            continue
        now = root.members.get(signer)
        if now is None:
            return signer, (
                f"{signer} is no member any more: it left, or was suspended. If its key was stolen, somebody else may "
                "have signed this."
            )
        if now.keys.ed25519 != members[signer].keys.ed25519:
            return signer, (
                f"It is signed with a key that {signer} has replaced since. If that key was stolen, somebody else may "
                f"have signed this: ask {signer} for a new statement."
            )
        return signer, ""
    assert refused is not None  # a network begins with a set
    raise refused


def _names(folder: Path) -> list[str]:
    """Everything in the folder but the index and the folders themselves; links are named and not followed."""

    def fault(error: OSError) -> None:
        raise error

    found: list[str] = []
    for place, folders, files in os.walk(folder, onerror=fault):
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        found += [(Path(place) / name).relative_to(folder).as_posix() for name in (*files, *links)]
    return [name for name in found if name != INDEX]


def _rows(folder: Path) -> Iterator[bytes]:
    path = folder / INDEX
    # Without an index every line is missing; a link would show another folder's.
    if not path.exists() or path.is_symlink() or not path.is_file():
        return
    with path.open("rb") as file:
        while row := file.readline(ROW_BYTES_MAX + 1):
            yield row


def _file(folder: Path, name: str) -> bytes | None:
    path = folder / name
    facts = path.lstat()
    if not stat.S_ISREG(facts.st_mode) or facts.st_size > BYTES_MAX:
        return None
    return path.read_bytes()


__all__ = ["Checked", "DatasetError", "Finding", "StatementError", "check_dataset", "export_dataset"]
