"""Lines that stand on the ledger with less than this journal holds of them: what they ask of others was refused there.

The line, its hash and all that follows it stay; the entry on the ledger has the same commitment and tag, so that the
statement is proven as any other. Nobody owes anything for it.
"""

from typing import NamedTuple

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table

from medrec.node.keeping import store
from medrec.node.keeping.store import metadata

ALARM = "line-reduced"

# `entry` is what stands on the ledger, or is on its way there; `code` why the ledger refused the whole (core.outcome).
line_reduced = Table(
    "line_reduced",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("entry", LargeBinary, nullable=False),
    Column("code", Integer, nullable=False),
)

entry_on_ledger = sql.func.coalesce(line_reduced.c.entry, store.line.c.entry)
"""The entry of a line of the journal as it is anchored, in a query of `lines`."""

lines = sql.join(store.line, line_reduced, line_reduced.c.seq == store.line.c.seq, isouter=True)


class Anchored(NamedTuple):
    """A line as it is anchored, and the chain hash of the line as the journal holds it."""

    entry: bytes
    hash: bytes


def stretch(connection: sql.Connection, first: int, last: int) -> list[Anchored]:
    """The lines first .. last, as far as they are there."""
    column = store.line.c
    chosen = sql.select(entry_on_ledger, column.hash).select_from(lines).where(column.seq.between(first, last))
    rows = connection.execute(chosen.order_by(column.seq)).all()
    return [Anchored(bytes(entry), bytes(chain)) for entry, chain in rows]


def keep(connection: sql.Connection, seq: int, entry: bytes, code: int, sentence: str, time: int) -> None:
    """Anchor a line by this entry from now on, and tell the operator why. Inside `Store.write` only."""
    connection.execute(sql.delete(line_reduced).where(line_reduced.c.seq == seq))
    connection.execute(sql.insert(line_reduced).values(seq=seq, entry=entry, code=code))
    known = sql.select(store.alarm.c.id).where(store.alarm.c.code == ALARM, store.alarm.c.subject == str(seq))
    if connection.execute(known).first() is None:
        row = {"time": time, "code": ALARM, "subject": str(seq), "sentence": sentence}
        connection.execute(sql.insert(store.alarm).values(**row))


def count(connection: sql.Connection) -> int:
    """How many there are."""
    return int(connection.execute(sql.select(sql.func.count()).select_from(line_reduced)).scalar() or 0)
