"""Where emergencies that others declared here stand, and how one ends before its time."""

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from medrec.node.keeping.store import metadata

# Emergencies that somebody of another organisation declared here. status: open, reviewed. What ended before its time
# has its end at its beginning.
broken_glass = Table(
    "broken_glass",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("account", String(80), nullable=False, index=True),
    Column("requester", String(32), nullable=False),
    Column("identity", String(64), nullable=False),
    Column("scope", String(12), nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("status", String(10), nullable=False),
    Column("seq", BigInteger, nullable=False),
)


def end(connection: sql.Connection, where: sql.ColumnElement[bool]) -> None:
    """These open nothing any more, however the clock goes; their review stays owed. Inside `Store.write` only."""
    connection.execute(sql.update(broken_glass).where(where).values(until=broken_glass.c.since))
