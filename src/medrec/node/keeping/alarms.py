"""Alarms name records and patients ("Condition/x1") for those who have to look; what is erased is named by none."""

import re
from collections.abc import Iterable

import sqlalchemy as sql

from medrec.node.keeping.store import alarm, record

_NAME = re.compile(r"[A-Z][A-Za-z]{1,63}/[A-Za-z0-9\-.]{1,64}")
_CHUNK = 500


def forget(connection: sql.Connection, names: Iterable[str]) -> None:
    """Delete every alarm whose subject or sentence names one of these ("Type/id"). Inside `Store.write` only."""
    gone = set(names)
    rows = connection.execute(sql.select(alarm.c.id, alarm.c.subject, alarm.c.sentence)).all()
    # A name at the end of a sentence is followed by its full stop.
    named = [
        row.id
        for row in rows
        if any(
            one in gone or one.rstrip(".") in gone
            for text in (row.subject, row.sentence)
            for one in [text, *_NAME.findall(text)]
        )
    ]
    for first in range(0, len(named), _CHUNK):
        connection.execute(sql.delete(alarm).where(alarm.c.id.in_(named[first : first + _CHUNK])))


def forget_person(connection: sql.Connection, person: int, patient: str | None) -> None:
    """The same for a local patient and every record of hers, by her store id. Inside `Store.write` only."""
    hers = connection.execute(sql.select(record.c.type, record.c.id).where(record.c.person == person)).all()
    forget(connection, [f"Patient/{patient}", *(f"{row.type}/{row.id}" for row in hers)])
