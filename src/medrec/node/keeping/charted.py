"""Several charts of one person: which local numbers are whose, and which record came under which of them.

Hospitals find late that two numbers are one human's. Each chart has a link of its own, with its own keys, its own
confirmation and its own end; from the link on all that is filed under any of them is filed under one row, and so is one
person's to the gate, the lists, an emergency and an erasure. `person.patient` is the chart that was linked first; the
others stand here (right_person/charts.py makes and ends them).
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, Integer, String, Table

from medrec.node.keeping import store
from medrec.node.keeping.store import metadata

_AT_ONCE = 500

Name = tuple[str, str]

chart = Table(
    "chart",
    metadata,
    Column("patient", String(64), primary_key=True),
    Column("person", Integer, nullable=False, index=True),
    Column("link", Integer, nullable=False),
    Column("time", BigInteger, nullable=False),
)
"""A further chart of the person of a row; `link` is the row that its own link was made with: it has the lines from
before, their keys, and who she is as was confirmed for this chart."""

chart_record = Table(
    "chart_record",
    metadata,
    Column("type", String(64), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("patient", String(64), nullable=False, index=True),
)
"""The records that came under a further chart. What has no row came under the first one."""


class Chart(NamedTuple):
    """A further chart: its local number, and the row that its link was made with."""

    patient: str
    link: int


def under(patient: str) -> Any:
    """The condition on `person` that a local number is hers, by whichever chart."""
    person = store.person.c
    return sql.or_(
        person.patient == patient, person.id.in_(sql.select(chart.c.person).where(chart.c.patient == patient))
    )


def number() -> Any:
    """The local number that a row of `person` is of: of the row of a further chart's link the number of that chart."""
    link = sql.select(chart.c.patient).where(chart.c.link == store.person.c.id).scalar_subquery()
    return sql.func.coalesce(store.person.c.patient, link).label("patient")


def person_of(connection: sql.Connection, patient: str) -> int | None:
    """The row under which a further chart is filed; None for a number that is none."""
    found: int | None = connection.execute(sql.select(chart.c.person).where(chart.c.patient == patient)).scalar()
    return found


def account_of(connection: sql.Connection, patient: str) -> tuple[str, str] | None:
    """The account that a local patient is linked to, and the agent that serves it; None for who is not linked."""
    row = connection.execute(sql.select(store.person.c.account, store.person.c.agent).where(under(patient))).first()
    return None if row is None or row.account is None or row.agent is None else (row.account, row.agent)


def first(connection: sql.Connection, patient: str) -> str:
    """The number of the chart that was linked first of whose this one is; the same for who has one alone."""
    query = sql.select(store.person.c.patient).where(under(patient))
    return connection.execute(query).scalar() or patient


def of_person(connection: sql.Connection, person: int) -> list[Chart]:
    """The further charts of a person, in the order in which they were linked."""
    query = sql.select(chart.c.patient, chart.c.link).where(chart.c.person == person)
    return [Chart(*row) for row in connection.execute(query.order_by(chart.c.time, chart.c.link)).all()]


def numbers(connection: sql.Connection, person: int) -> list[str]:
    """Every local number of a person, the first one first."""
    main = connection.execute(sql.select(store.person.c.patient).where(store.person.c.id == person)).scalar()
    return [*([main] if main is not None else []), *(one.patient for one in of_person(connection, person))]


def file(connection: sql.Connection, filed: Mapping[Name, str]) -> None:
    """Records came under these local numbers. Inside `Store.write` only."""
    row, wanted = chart_record.c, [*dict.fromkeys(filed.values())]
    further: set[str] = set()
    for start in range(0, len(wanted), _AT_ONCE):
        these = chart.c.patient.in_(wanted[start : start + _AT_ONCE])
        further.update(connection.execute(sql.select(chart.c.patient).where(these)).scalars())
    if not further and connection.execute(sql.select(row.id).limit(1)).first() is None:
        return
    there = _filed(connection, filed)
    for name, patient in filed.items():
        now = patient if patient in further else None
        if there.get(name) == now:
            continue
        connection.execute(sql.delete(chart_record).where(row.type == name[0], row.id == name[1]))
        if now is not None:
            connection.execute(sql.insert(chart_record).values(type=name[0], id=name[1], patient=now))


def _filed(connection: sql.Connection, names: Iterable[Name]) -> dict[Name, str]:
    """The further chart under which each of these records came, without those that came under a first one."""
    row, wanted = chart_record.c, dict.fromkeys(names)
    ids, found = [*dict.fromkeys(identifier for _, identifier in wanted)], {}
    for start in range(0, len(ids), _AT_ONCE):
        query = sql.select(chart_record).where(row.id.in_(ids[start : start + _AT_ONCE]))
        for one in connection.execute(query).all():
            if (one.type, one.id) in wanted:
                found[str(one.type), str(one.id)] = str(one.patient)
    return found


def chart_of(connection: sql.Connection, name: Name) -> str | None:
    """The further chart under which a record came; None for the first one."""
    row = chart_record.c
    query = sql.select(row.patient).where(row.type == name[0], row.id == name[1])
    found: str | None = connection.execute(query).scalar()
    return found


def links(connection: sql.Connection, person: int, names: Iterable[Name]) -> dict[Name, int]:
    """Of those of these records that came under a further chart of a person: the row of that chart's link."""
    rows = {one.patient: one.link for one in of_person(connection, person)}
    there = _filed(connection, names) if rows else {}
    return {name: rows[patient] for name, patient in there.items() if patient in rows}


def came_under(connection: sql.Connection, person: int, patient: str | None) -> list[Name]:
    """The records of a person that came under a further chart, or (None) under the first one, in their order."""
    record, row = store.record.c, chart_record.c
    same = (row.type == record.type) & (row.id == record.id)
    joined = store.record.outerjoin(chart_record, same)
    which = row.patient.is_(None) if patient is None else row.patient == patient
    query = sql.select(record.type, record.id).select_from(joined).where(record.person == person, which)
    return [(one.type, one.id) for one in connection.execute(query.order_by(record.type, record.id)).all()]


def forget_record(connection: sql.Connection, kind: str, identifier: str) -> None:
    """A record is erased. Inside `Store.write` only."""
    row = chart_record.c
    connection.execute(sql.delete(chart_record).where(row.type == kind, row.id == identifier))


def forget(connection: sql.Connection, patients: Iterable[str]) -> None:
    """Nothing of these charts is anybody's any more. Inside `Store.write` only."""
    gone = [*patients]
    connection.execute(sql.delete(chart).where(chart.c.patient.in_(gone)))
    connection.execute(sql.delete(chart_record).where(chart_record.c.patient.in_(gone)))
