"""What came under one patient, and what a linked person's records that were here before point at: a visit that comes
later than the order that was given in it, or that its source files under somebody else since."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sql

from medrec.node.keeping import contents, store
from medrec.node.keeping.journal import Draft, Journal
from medrec.node.right_person import holding
from medrec.node.right_person.contradicting import OF_ANOTHER
from medrec.node.right_person.holding import held
from medrec.node.right_person.pointing import Name, points_at

_AT_ONCE = 500


def look(connection: sql.Connection, journal: Journal, network: str, filed: Mapping[Name, int | None]) -> None:
    """Hold back what points at a record that is another patient's now and was not when it was looked at, and let go
    what nothing else speaks against once all that it points at is hers. Each is a line. What somebody has looked at is
    not asked again for a newer version of the same visit. `filed`: the person of each record that came. Inside
    `Store.write`, after what came was looked at itself (`holding.look`)."""
    if not filed or connection.execute(sql.select(points_at.c.id).limit(1)).first() is None:
        return
    _forget(connection, filed)
    changed: dict[Name, int] = {}
    for row in _pointing(connection, [name[1] for name in filed]):
        whose = filed.get((row.at_type, row.at_id))
        other = None if whose is None else whose != row.person
        if whose is not None and other != row.other:
            this = [points_at.c[key] == getattr(row, key) for key in ("type", "id", "at_type", "at_id")]
            connection.execute(sql.update(points_at).where(*this).values(other=other))
            changed[row.type, row.id] = int(row.person)
    drafts = [draft for name in sorted(changed) for draft in _asked(connection, journal, network, name, changed[name])]
    if drafts:
        journal.append(connection, drafts)


def forget(connection: sql.Connection, kind: str, identifier: str) -> None:
    """A record is erased. Inside `Store.write` only."""
    row = points_at.c
    this = (row.type == kind) & (row.id == identifier)
    connection.execute(sql.delete(points_at).where(this | ((row.at_type == kind) & (row.at_id == identifier))))


def _asked(connection: sql.Connection, journal: Journal, network: str, name: Name, identifier: int) -> list[Draft]:
    """Hold one record, or let it go, as what it points at is whose now."""
    person = journal.person(connection, identifier)
    if person.account is None:
        return []
    row, this = points_at.c, (held.c.type == name[0]) & (held.c.id == name[1])
    said = connection.execute(sql.select(held.c.fields).where(this)).scalar()
    fields = tuple(said.split(",")) if said else ()
    where = (row.type == name[0]) & (row.id == name[1])
    others = connection.execute(sql.select(row.at_id).where(where, row.other.is_(True)).limit(1)).first() is not None
    if others and OF_ANOTHER not in fields:
        rest = () if fields == contents.WITH else fields
        return [holding.hold(connection, journal, network, person, name, (OF_ANOTHER, *rest))]
    if not others and fields == (OF_ANOTHER,):
        connection.execute(sql.delete(held).where(this))
        return [holding.decided(journal, network, person.account, person.id, name, "fits", None, "")]
    return []


def _pointing(connection: sql.Connection, ids: Sequence[str]) -> list[Any]:
    """What points at records of these ids, and is there still."""
    record, row = store.record.c, points_at.c
    found: list[Any] = []
    query = sql.select(points_at).join_from(points_at, store.record, (record.type == row.type) & (record.id == row.id))
    query = query.where(record.action != "delete")
    wanted = [*dict.fromkeys(ids)]
    for start in range(0, len(wanted), _AT_ONCE):
        found += connection.execute(query.where(row.at_id.in_(wanted[start : start + _AT_ONCE]))).all()
    return found


def _forget(connection: sql.Connection, filed: Mapping[Name, int | None]) -> None:
    """Where records pointed that are filed under another person by now is nothing of the one before."""
    row, ids = points_at.c, [*dict.fromkeys(name[1] for name in filed)]
    for start in range(0, len(ids), _AT_ONCE):
        query = sql.select(row.type, row.id, row.person).where(row.id.in_(ids[start : start + _AT_ONCE])).distinct()
        for one in connection.execute(query).all():
            if filed.get((one.type, one.id), one.person) != one.person:
                connection.execute(sql.delete(points_at).where(row.type == one.type, row.id == one.id))
