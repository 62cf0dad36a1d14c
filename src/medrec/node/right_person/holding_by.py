"""At the source: whose word it is that a record is not about her. It ends where somebody else is linked to the chart:
whose a record is not does not say whose it is."""

import sqlalchemy as sql
from sqlalchemy import Column, String, Table

from medrec.node.keeping.store import metadata
from medrec.node.right_person.contradicting import SAID

held_said = Table(
    "held_said",
    metadata,
    Column("type", String(64), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("account", String(80), nullable=False, index=True),
)
"""The account that said so last of each record. What was said before this was written down stays."""


def note(connection: sql.Connection, name: tuple[str, str], account: str) -> None:
    """Remember who says of a record that it is not about her. Inside `Store.write` only."""
    row = held_said.c
    connection.execute(sql.delete(held_said).where(row.type == name[0], row.id == name[1]))
    connection.execute(sql.insert(held_said).values(type=name[0], id=name[1], account=account))


def end_of_others(connection: sql.Connection, held: Table, person: int, account: str) -> None:
    """An account is linked to this person's chart: what others said of it holds nothing back any more; what speaks
    against a record beside that does. `held`: what is held back. Inside `Store.write` only."""
    column, row = held.c, held_said.c
    same = (row.type == column.type) & (row.id == column.id)
    said = sql.select(column.type, column.id, column.fields).join_from(held, held_said, same)
    for one in connection.execute(said.where(column.person == person, row.account != account)).all():
        rest = [field for field in one.fields.split(",") if field != SAID]
        this = (column.type == one.type) & (column.id == one.id)
        if rest:
            connection.execute(sql.update(held).where(this).values(fields=",".join(rest)))
        else:
            connection.execute(sql.delete(held).where(this))
        connection.execute(sql.delete(held_said).where(row.type == one.type, row.id == one.id))
