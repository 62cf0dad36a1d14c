"""Where the acts of people on a list stand at a node, and their end with the link that they came through."""

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from medrec.node.store import metadata

list_act = Table(
    "list_act",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("account", String(80), nullable=False, index=True),
    Column("manifest", LargeBinary(32), nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)


def forget(connection: sql.Connection, account: str) -> None:
    """Take out of the lists what was said through a link that is undone; its lines stay. Inside `Store.write` only."""
    connection.execute(sql.delete(list_act).where(list_act.c.account == account))
