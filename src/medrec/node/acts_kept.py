"""Where the acts of people on a list stand at a node, and their end with the link that they came through."""

from typing import NamedTuple

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from medrec.core.manifests.acts import Act
from medrec.node.store import metadata


class KeptAct(NamedTuple):
    """An act that stands here: the act, the SHA-256 of the manifest that proves it, and when it was written down."""

    act: Act
    manifest: bytes
    time: int


list_act = Table(
    "list_act",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("account", String(80), nullable=False, index=True),
    Column("manifest", LargeBinary(32), nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

list_seen = Table(
    "list_seen",
    metadata,
    Column("account", String(80), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
"""Of each person the lines that the list held when somebody here went through it last (reviews.py)."""


def forget(connection: sql.Connection, account: str) -> None:
    """Take out of the lists what was said through a link that is undone, and what its list held at the last review; the
    lines stay. Inside `Store.write` only."""
    for table in (list_act, list_seen):
        connection.execute(sql.delete(table).where(table.c.account == account))
