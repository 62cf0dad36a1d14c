"""Leaving nothing of lines that are erased but their places."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sql

from medrec.node.keeping import reduced, store
from medrec.node.keeping.resealing import GONE
from medrec.node.keeping.store import metadata
from medrec.node.keeping.vault import Vault

HASH_BYTES = 32


def lines(connection: sql.Connection, where: Any) -> list[Any]:
    """The lines whose manifests go: seq, the manifest's hash, the entry."""
    column = store.manifest.c
    return list(
        connection.execute(
            sql.select(column.seq, column.hash, reduced.entry_on_ledger.label("entry"))
            .join_from(store.manifest, reduced.lines, store.line.c.seq == column.seq)
            .where(where, column.sealed != GONE)
            .order_by(column.seq)
        ).all()
    )


def empty(connection: sql.Connection, vault: Vault, gone: Sequence[Any], *, keep_person: bool) -> None:
    """Leave nothing of these manifests but their places: their hashes could be guessed at, so chance replaces them.
    Inside `Store.write` only."""
    reviews = [table for table in metadata.sorted_tables if table.name == "look_review"]
    for row in gone:
        chance = vault.random(HASH_BYTES)
        values = {"hash": chance, "sealed": GONE} | ({} if keep_person else {"person": None})
        for reviewed in reviews:
            connection.execute(sql.delete(reviewed).where(reviewed.c.look == row.hash))
        connection.execute(sql.update(store.manifest).where(store.manifest.c.hash == row.hash).values(**values))
        connection.execute(sql.update(store.line).where(store.line.c.seq == row.seq).values(manifest=chance))
