"""Entering lines that an agent was told of, or met on the ledger, in whichever order they come."""

from typing import Any

import sqlalchemy as sql

from medrec.node.agent.known import PART, heights, reduced_of
from medrec.node.keeping import store
from medrec.node.keeping.vault import Vault
from medrec.node.looks.mismatch import raise_mismatch


def enter(connection: sql.Connection, rows: list[dict[str, Any]], now: int, vault: Vault) -> None:
    """Enter lines that are new; fill in what was not known of the others. Notice and ledger come in any order.

    A notice counts as anchored only if the very entry it came with stands on the ledger under its tag, or what is left
    of it where the ledger refused a part.
    """
    table = store.notice
    unique = {row["tag"]: row for row in rows}
    on_ledger = heights(connection, list(unique))
    known: dict[bytes, Any] = {}
    marks = list(unique)
    for start in range(0, len(marks), PART):
        chosen = table.c.tag.in_(marks[start : start + PART])
        for stored in connection.execute(sql.select(table).where(chosen)):
            known[bytes(stored.tag)] = stored
    fresh: list[dict[str, Any]] = []
    for mark, row in unique.items():
        before = known.get(mark)
        if before is not None and before.received is not None:
            # What was told first stands; only its place on the ledger may still be unknown.
            row = {**row, "digest": bytes(before.digest), "received": before.received}
        hit = on_ledger.get(mark)
        same = hit is not None and (hit[1] == row["digest"] or hit[1] in reduced_of(vault, row, before))
        row["height"] = hit[0] if hit is not None and same else None
        if hit is not None and row["height"] is None:
            raise_mismatch(connection, row, now)
        if before is None:
            fresh.append(row)
        elif before.received is None and row["received"] is not None:
            values = {name: row[name] for name in ("kind", "time", "received", "sealed", "digest", "height")}
            connection.execute(sql.update(table).where(table.c.tag == mark).values(**values))
        elif before.height is None and row["height"] is not None:
            connection.execute(sql.update(table).where(table.c.tag == mark).values(height=row["height"]))
    if fresh:
        connection.execute(sql.insert(table), fresh)
