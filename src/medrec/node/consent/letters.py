"""Letters that wait to be printed: what was written down at the desk for a person without a device of her own.

A letter is made of the consent itself when it is printed; here stands only that one is owed, to whom, and who posted
it.
"""

from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from medrec.node.keeping.store import metadata

if TYPE_CHECKING:
    from medrec.node.node import Node

CLERK_CHARACTERS_MAX = 120

letter = Table(
    "letter",
    metadata,
    Column("consent", LargeBinary(32), primary_key=True),
    Column("patient", String(64), nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("posted", BigInteger),
    Column("clerk", String(CLERK_CHARACTERS_MAX), nullable=False, default=""),
)


class Letter(NamedTuple):
    """One letter: the SHA-256 of its consent, the local patient, and when it was posted (None: not yet) by whom."""

    consent: bytes
    patient: str
    time: int
    posted: int | None
    clerk: str


def queue(node: "Node", consent: bytes, patient: str) -> None:
    """A letter is owed; once for each consent."""
    row = {"consent": consent, "patient": patient, "time": node.clock(), "clerk": ""}

    def write(connection: sql.Connection) -> None:
        known = connection.execute(sql.select(letter.c.consent).where(letter.c.consent == consent)).first()
        if known is None:
            connection.execute(sql.insert(letter).values(**row))

    node.store.write(write)


def waiting(node: "Node") -> list[Letter]:
    """The letters that nobody has posted, the oldest first."""
    query = sql.select(letter).where(letter.c.posted.is_(None)).order_by(letter.c.time)
    with node.store.read() as connection:
        return [Letter(bytes(row.consent), row.patient, row.time, None, "") for row in connection.execute(query)]


def find(node: "Node", consent: bytes) -> Letter | None:
    """One letter."""
    with node.store.read() as connection:
        row = connection.execute(sql.select(letter).where(letter.c.consent == consent)).one_or_none()
    return None if row is None else Letter(bytes(row.consent), row.patient, row.time, row.posted, row.clerk)


def post(node: "Node", consent: bytes, clerk: str) -> bool:
    """Somebody has printed and posted a letter; False if none waits."""
    where = (letter.c.consent == consent) & letter.c.posted.is_(None)
    update = sql.update(letter).where(where).values(posted=node.clock(), clerk=clerk[:CLERK_CHARACTERS_MAX])
    return bool(node.store.write(lambda connection: connection.execute(update)).rowcount)
