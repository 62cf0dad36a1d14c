"""What statements about looks say of a record that is erased, where they are from before there were marks.

Such a half of a disclosure names the record by its plain hashes (decision 0090). The ledger has committed to it, so it
cannot be put otherwise and stay proven: its salt and its manifest go with the record, and what it said stays in their
place, with marks whose key is thrown away at once. Nothing proves that text any more, so it is never sent and has no
receipt; it is what the person reads of who looked.
"""

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sql

from medrec.core import manifests
from medrec.core.commitment import SALT_BYTES
from medrec.core.manifests.access import Disclosed, DisclosureManifest, ReceivedManifest, marked
from medrec.node.keeping import reduced, store
from medrec.node.keeping.journal import Person

if TYPE_CHECKING:
    from medrec.node.node import Node

_KINDS = ("disclosure/1", "disclosure-received/1")
_KEY_BYTES = 32


def restate(node: "Node", connection: sql.Connection, person: Person, kind: str, identifier: str) -> list[Any]:
    """Put marks in the place of this record's hashes in the lines about looks at a person; the lines that changed: seq,
    the manifest's hash, the entry. Inside a write only."""
    column, line = store.manifest.c, store.line.c
    rows = connection.execute(
        sql.select(column.seq, column.hash, reduced.entry_on_ledger.label("entry"))
        .join_from(store.manifest, reduced.lines, line.seq == column.seq)
        .where(column.person == person.id, column.kind.in_(_KINDS))
        .order_by(column.seq)
    ).all()
    changed = []
    for row in rows:
        opened = node.journal.manifest(connection, row.hash)
        stated = manifests.decode(opened[1]) if opened is not None else None
        if not isinstance(stated, DisclosureManifest | ReceivedManifest):
            continue
        records = [_without(node, one) if (one.type, one.id) == (kind, identifier) else one for one in stated.records]
        if records == stated.records:
            continue
        text = manifests.encode(msgspec.structs.replace(stated, records=records))
        digest = hashlib.sha256(text).digest()
        sealed = node.journal.sealed(person, node.vault.random(SALT_BYTES) + text, digest)
        values = {"hash": digest, "sealed": sealed}
        connection.execute(sql.update(store.manifest).where(column.seq == row.seq).values(**values))
        connection.execute(sql.update(store.line).where(line.seq == row.seq).values(manifest=digest))
        changed.append(row)
    return changed


def _without(node: "Node", told: Disclosed) -> Disclosed:
    """The same record, named by marks that nobody has a key for."""
    if told.sha256 is None and told.manifest is None:
        return told
    key = node.vault.random(_KEY_BYTES)
    content, version = (
        marked(key, bytes.fromhex(one)) if one is not None else None for one in (told.sha256, told.manifest)
    )
    return msgspec.structs.replace(told, content=content, version=version, sha256=None, manifest=None)
