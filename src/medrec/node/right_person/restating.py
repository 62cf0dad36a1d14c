"""Stating the records of one row once more for another: what a link, or its end, makes somebody else's.

A line lies for good under the keys of the row that it was written for. So what changes hands is not moved: the next
version of each record, of the same content, is signed for the new row, and names the one before.
"""

import hashlib
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sql
from msgspec import UNSET

from medrec.core import manifests
from medrec.core.manifests.record import RecordManifest, RecordVersion
from medrec.core.records.canonical import FORM
from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft, Journal


def state_again(
    connection: sql.Connection,
    journal: Journal,
    network: bytes,
    old: int,
    fresh: int,
    account: str | None = None,
    names: Collection[tuple[str, str]] | None = None,
) -> None:
    """The records of the old row (those of `names`, if any are named), stated once more for the new one, which is
    `account`'s. Inside `Store.write` only."""
    record = store.record.c
    rows: Sequence[Any] = connection.execute(
        sql.select(store.record).where(record.person == old).order_by(record.type, record.id)
    ).all()
    if names is not None:
        chosen = frozenset(names)
        rows = [row for row in rows if (row.type, row.id) in chosen]
    drafts, changes = [], []
    for row in rows:
        opened = journal.manifest(connection, bytes(row.manifest))
        said: Any = manifests.decode(opened[1]) if opened is not None else None
        labels, signed = (list(said.record.labels), list(said.signed)) if said is not None else ([], [])
        mark = said.record.said if said is not None else UNSET
        action = action_of(row)
        sha256 = bytes(row.sha256) if row.sha256 is not None else None
        version = RecordVersion(
            row.type, row.id, row.version + 1, action,  # type: ignore[arg-type]
            FORM, sha256.hex() if sha256 is not None else None,
            bytes(row.manifest).hex(), labels, mark,
        )  # fmt: skip
        time = journal.now()
        manifest = manifests.encode(
            RecordManifest("record/1", network.hex(), journal.organisation, account, time, version, signed)
        )
        drafts.append(Draft("record/1", manifest, fresh, None, [1, time, row.type, row.id, row.version + 1, action]))
        changes.append((row, sha256, hashlib.sha256(manifest).digest()))
    journal.append(connection, drafts)
    for row, sha256, digest in changes:
        connection.execute(
            sql.update(store.record)
            .where(record.type == row.type, record.id == row.id)
            .values(person=fresh, version=row.version + 1, action=action_of(row), manifest=digest)
        )
        connection.execute(
            sql.insert(store.version).values(
                type=row.type, id=row.id, version=row.version + 1, sha256=sha256, manifest=digest
            )
        )


def action_of(row: Any) -> str:
    """What a version says that changes nothing in the content."""
    return "delete" if row.action == "delete" else "update"
