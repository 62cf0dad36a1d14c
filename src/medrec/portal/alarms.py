"""The alarms that a node has raised: how many for everybody, in words for those who have to see to them."""

from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from medrec.node.keeping import store
from medrec.portal import render, words
from medrec.portal.page import Visit
from medrec.portal.session import Who

if TYPE_CHECKING:
    from medrec.node.node import Node

SHOWN = 20
READERS = (Who.PRIVACY_OFFICER, Who.OPERATOR)


def count(node: "Node") -> int:
    """How many were ever raised and not erased."""
    with node.store.read() as connection:
        return int(connection.execute(sql.select(sql.func.count()).select_from(store.alarm)).scalar() or 0)


def latest(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of the card of alarms. An alarm names a record or a patient: it is for READERS, and in a demonstration
    for whoever has not signed in."""
    session = visit.session
    may_read = visit.demonstration if session is None else session.who in READERS
    if not may_read:
        return {"alarms": [], "alarms_total": 0, "alarms_shut": True}
    with node.store.read() as connection:
        rows = connection.execute(sql.select(store.alarm).order_by(store.alarm.c.id.desc()).limit(SHOWN)).all()
    alarms = [
        render.say(words.FRONT["alarm"], when=visit.when(row.time), sentence=words.in_words(row.sentence))
        for row in rows
    ]
    return {"alarms": alarms, "alarms_total": count(node), "alarms_shut": False}
