"""What publishing tells the staff of: contents that changed without notice, and patients of another server."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sql

from medrec.node.keeping import store


class Altered(NamedTuple):
    """A record whose content changed at the source without notice."""

    type: str
    id: str
    origin: str


def altered(connection: sql.Connection, records: Sequence[Altered], time: int) -> None:
    """An alarm for each record whose content changed without notice, which is marked so. Inside `Store.write` only."""
    for found in records:
        row = store.record.c
        where = (row.type == found.type) & (row.id == found.id)
        if connection.execute(sql.select(row.altered).where(where)).scalar():
            continue
        connection.execute(sql.update(store.record).where(where).values(altered=True))
        sentence = (
            f"{found.type}/{found.id} was changed at its source ({found.origin}) without a new version; "
            "it was not signed again and is not released until a human has looked."
        )
        connection.execute(
            sql.insert(store.alarm).values(
                time=time, code="record-altered", subject=f"{found.type}/{found.id}", sentence=sentence[:500]
            )
        )


def strangers(
    connection: sql.Connection, changed: Sequence[dict[str, Any]], elsewhere: Sequence[str], time: int
) -> None:
    """An alarm for each record that names a patient of another server; what it said of one before is over."""
    for row in changed:
        name = f"{row['type']}/{row['id']}"
        over = (store.alarm.c.code == "subject-elsewhere") & (store.alarm.c.subject == name)
        connection.execute(sql.delete(store.alarm).where(over))
    for name in elsewhere:
        sentence = (
            f"{name} names a patient by an address that is not this organisation's own; it was filed under nobody. "
            "If that is your own FHIR server, have its address voted on; otherwise have the record corrected."
        )
        row = {"time": time, "code": "subject-elsewhere", "subject": name, "sentence": sentence}
        connection.execute(sql.insert(store.alarm).values(**row))
