"""What is forgotten with a record that people said was wrong: their words, and the hash by which they name its version.

Whoever still waits for an answer is told that the record is gone, and the ledger that nothing is owed any more.
"""

from contextlib import suppress
from typing import TYPE_CHECKING

import sqlalchemy as sql

from medrec.core import manifests
from medrec.core.manifests.correction import CorrectionAnswerManifest, CorrectionTakenManifest
from medrec.node.corrections.corrections_closed import close
from medrec.node.corrections.corrections_kept import correction_here
from medrec.node.keeping import store

if TYPE_CHECKING:
    from medrec.node.node import Node

WORDS = "The record was erased."


def forget(node: "Node", connection: sql.Connection, kind: str, record: str) -> set[bytes]:
    """Close what is asked about a record of this node; the statements (SHA-256) that name a version of it.

    The caller empties their lines. Inside `Store.write` only. Raises VaultError.
    """
    column = correction_here.c
    found: set[bytes] = set()
    for row in connection.execute(sql.select(correction_here)).all():
        opened = node.journal.manifest(connection, bytes(row.taken))
        taken = manifests.decode(opened[1]) if opened is not None else None
        if not isinstance(taken, CorrectionTakenManifest):
            continue
        if (taken.statement.type, taken.statement.record) != (kind, record):
            continue
        found.add(bytes(row.taken))
        if row.status == "open":
            close(node.journal, node.network.hex(), connection, row, taken, "noted", WORDS)
        connection.execute(sql.delete(correction_here).where(column.id == row.id))
    return found | _answers(node, connection, found)


def _answers(node: "Node", connection: sql.Connection, taken: set[bytes]) -> set[bytes]:
    """The answers that name a newer version of what goes."""
    column = store.manifest.c
    where = (column.kind == "correction-answer/1") & (column.sealed != b"")
    found = set()
    for digest in connection.execute(sql.select(column.hash).where(where)).scalars().all() if taken else ():
        opened = node.journal.manifest(connection, bytes(digest))
        answer = None
        # One that a former release wrote too long for anybody to read is in nobody's way.
        with suppress(manifests.ManifestError):
            answer = manifests.decode(opened[1]) if opened is not None else None
        if not isinstance(answer, CorrectionAnswerManifest) or answer.version is None:
            continue
        if answer.taken is not None and bytes.fromhex(answer.taken) in taken:
            found.add(bytes(digest))
    return found
