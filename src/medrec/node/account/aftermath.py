"""After a way back: what was given away in the month before is looked through, one by one, by the person who came back.

Whoever had her key before that may have named helpers, given permissions or chosen other guardians. The ledger cannot
tell his acts from hers, so she says of each whether it stays. Until she has, her page asks.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, String, Table

from medrec.node.keeping.store import metadata

if TYPE_CHECKING:
    from medrec.node.node import Node

BEFORE_MS = 30 * 86_400_000
"""How long before a recovery what was given is looked through."""
FINISHED = "recovery/finish"
PLACES = "places"
"""What stays when all her places were told, with her key of now, which agent serves her."""

# When each account served here was last taken back by a new key.
taken_back = Table(
    "taken_back",
    metadata,
    Column("account", String(80), primary_key=True),
    Column("time", BigInteger, nullable=False),
)

# What its owner has said since that it stays.
stays = Table(
    "stays",
    metadata,
    Column("account", String(80), primary_key=True),
    Column("item", String(80), primary_key=True),
)


# When the words that find a person's record again were shown, to whoever had a key of hers.
words_shown = Table(
    "words_shown",
    metadata,
    Column("account", String(80), primary_key=True),
    Column("time", BigInteger, primary_key=True, autoincrement=False),
)


def note_shown(node: "Node", account: str) -> None:
    """The words of her record are shown now."""
    row, now = words_shown.c, node.clock()

    def closure(connection: sql.Connection) -> None:
        connection.execute(sql.delete(words_shown).where(row.account == account, row.time == now))
        connection.execute(sql.insert(words_shown).values(account=account, time=now))

    node.store.write(closure)


def shown(node: "Node", account: str) -> list[int]:
    """When they were shown (ms)."""
    query = sql.select(words_shown.c.time).where(words_shown.c.account == account)
    with node.store.read() as connection:
        return [int(time) for time in connection.execute(query).scalars()]


def note(connection: sql.Connection, account: str, time: int) -> None:
    """An account was taken back; what stayed after an earlier time is asked anew."""
    for table in (taken_back, stays):
        connection.execute(sql.delete(table).where(table.c.account == account))
    connection.execute(sql.insert(taken_back).values(account=account, time=time))


def window(node: "Node", account: str) -> tuple[int, int] | None:
    """From when to when what was given is looked through; None for an account that was never taken back here."""
    query = sql.select(taken_back.c.time).where(taken_back.c.account == account)
    with node.store.read() as connection:
        time = connection.execute(query).scalar()
    return None if time is None else (time - BEFORE_MS, time)


def open_among(node: "Node", account: str, items: Iterable[str]) -> list[str]:
    """Those of these of which she has not said yet that they stay."""
    with node.store.read() as connection:
        kept = set(connection.execute(sql.select(stays.c.item).where(stays.c.account == account)).scalars())
    return [item for item in items if item not in kept]


def keep(node: "Node", account: str, item: str) -> None:
    """She says that this stays."""

    def closure(connection: sql.Connection) -> None:
        mine = (stays.c.account == account) & (stays.c.item == item)
        if connection.execute(sql.select(stays.c.item).where(mine)).first() is None:
            connection.execute(sql.insert(stays).values(account=account, item=item))

    node.store.write(closure)
