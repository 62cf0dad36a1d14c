"""At the source: whose word it is that a record is not about her. It rests where somebody else is linked to the chart:
whose a record is not does not say whose it is."""

from collections.abc import Iterable

import sqlalchemy as sql
from sqlalchemy import Column, String, Table

from medrec.node.keeping import store
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


def forget(connection: sql.Connection, names: Iterable[tuple[str, str]]) -> None:
    """It is taken back, or somebody has looked. Inside `Store.write` only."""
    row = held_said.c
    for name in names:
        connection.execute(sql.delete(held_said).where(row.type == name[0], row.id == name[1]))


def take_over(connection: sql.Connection, held: Table, person: int, account: str, time: int) -> None:
    """An account is linked to this person's chart: what she said of it before holds back again, and what others said
    no more; what speaks against a record beside that does. `held`: what is held back. Inside `Store.write` only."""
    record, row, column = store.record.c, held_said.c, held.c
    same = (row.type == record.type) & (row.id == record.id)
    here = sql.select(row.type, row.id, row.account).join_from(held_said, store.record, same)
    for one in connection.execute(here.where(record.person == person, record.action != "delete")).all():
        this = (column.type == one.type) & (column.id == one.id)
        before = connection.execute(sql.select(column.fields, column.time).where(this)).first()
        fields = [field for field in before.fields.split(",") if field != SAID] if before is not None else []
        if one.account == account:
            fields.append(SAID)
        connection.execute(sql.delete(held).where(this))
        if fields:
            found = {"type": one.type, "id": one.id, "person": person, "fields": ",".join(fields)}
            connection.execute(sql.insert(held).values(**found, time=before.time if before is not None else time))
