"""Where notices went until a while ago: what may be a matter of keys goes there too, for a month.

Whoever holds an unlocked phone with an open page can change where notices go, and would then act unheard. So a change
is told to where they went before, and what a person may have to act on at once goes to both.
"""

from typing import TYPE_CHECKING, Any

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from medrec.core import codec
from medrec.node.keeping.store import metadata

if TYPE_CHECKING:
    from medrec.node.node import Node

KEPT_MS = 30 * 86_400_000
PLACES_MAX = 20

former_way = Table(
    "notice_former",
    metadata,
    Column("account", String(80), nullable=False, index=True),
    Column("channel", String(10), nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)


def keep(node: "Node", account: str, gone: list[tuple[str, dict[str, Any]]]) -> None:
    """Remember where notices no longer go."""
    now = node.clock()
    rows = [
        {"account": account, "channel": channel, "until": now + KEPT_MS, "sealed": _sealed(node, account, target)}
        for channel, target in gone[:PLACES_MAX]
    ]

    def write(connection: sql.Connection) -> None:
        connection.execute(sql.delete(former_way).where(former_way.c.until < now))
        if rows:
            connection.execute(sql.insert(former_way), rows)

    node.store.write(write)


def of(node: "Node", account: str) -> list[tuple[str, dict[str, Any]]]:
    """Where a person's notices went within the last month and do not go any more."""
    row = former_way.c
    query = sql.select(row.channel, row.sealed).where(row.account == account, row.until > node.clock())
    with node.store.read() as connection:
        found = connection.execute(query.order_by(row.until.desc()).limit(PLACES_MAX)).all()
    opened = node.vault.open
    return [(channel, codec.decode(opened(None, bytes(sealed), account.encode()))) for channel, sealed in found]


def _sealed(node: "Node", account: str, target: dict[str, Any]) -> bytes:
    return node.vault.seal(None, codec.encode(target), account.encode())
