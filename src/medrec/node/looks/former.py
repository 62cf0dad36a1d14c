"""Looks from before a link was undone: they stay what the person may ask about, and she is told what came of it.

The lines of that time lie under the keys that the link had, in a row that is nobody's any more (unlinking.py). What is
written about them stands there too, and is told to the agent that the link was undone with, or that serves her since.
"""

from typing import TYPE_CHECKING

import sqlalchemy as sql

from medrec.core import manifests
from medrec.core.manifests.record import LinkManifest
from medrec.node.agent import agents_of
from medrec.node.agent.redelivery import undone
from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft, Line, Person, waiting
from medrec.node.keeping.vault import VaultError
from medrec.node.looks.kinds import LOOKS

if TYPE_CHECKING:
    from medrec.node.node import Node


def looked_at(
    node: "Node", connection: sql.Connection, account: str, requester: str, obligation: str | None
) -> Person | None:
    """Whose row tells of a look by this requester (under this obligation, if one is named) at an account that is not
    linked here any more; None if none does."""
    column = store.manifest.c
    rows = connection.execute(
        sql.select(column.person, column.hash)
        .join_from(store.manifest, undone, undone.c.person == column.person)
        .where(undone.c.account == account, column.kind.in_(LOOKS))
        .order_by(column.seq.desc())
    ).all()
    for row in rows:
        opened = _opened(node, connection, bytes(row.hash))
        request = getattr(opened, "request", None)
        if request is None or request.requester != requester:
            continue
        if obligation in (None, getattr(opened, "obligation", None)):
            return _told(node, connection, account, row.person)
    return None


def of_line(node: "Node", connection: sql.Connection, account: str, seq: int) -> Person | None:
    """Whose row a line lies in, if it is one of a link of this account that was undone."""
    column = store.manifest.c
    chosen = (
        sql.select(column.person)
        .join_from(store.manifest, undone, undone.c.person == column.person)
        .where(undone.c.account == account, column.seq == seq)
    )
    found = connection.execute(chosen).scalar()
    return None if found is None else _told(node, connection, account, found)


def append(node: "Node", connection: sql.Connection, draft: Draft, who: Person) -> Line:
    """Write a line of a person's row, and have her agent told, also where its link was undone. Inside `Store.write`
    only."""
    column = store.person.c
    row = connection.execute(sql.select(column.account, column.counter).where(column.id == who.id)).one()
    line = node.journal.append(connection, [draft])[0]
    if row.account is None:
        connection.execute(sql.insert(store.outbox).values(**waiting(who, row.counter, line.seq, line.time)))
    return line


def _told(node: "Node", connection: sql.Connection, account: str, row: int) -> Person | None:
    """The person of a row, with the account that its link was undone with, and the agent: of then, or that she has
    moved to since."""
    column = store.manifest.c
    links = sql.select(column.hash).where(column.person == row, column.kind == "link/1").order_by(column.seq.desc())
    ended = connection.execute(links.limit(1)).scalar()
    link = None if ended is None else _opened(node, connection, bytes(ended))
    if not isinstance(link, LinkManifest) or link.agent is None:
        return None
    agent = agents_of.serving(connection, row) or link.agent
    return node.journal.person(connection, row)._replace(account=account, agent=agent)


def _opened(node: "Node", connection: sql.Connection, digest: bytes) -> object | None:
    """A manifest; None for one that was erased."""
    try:
        kept = node.journal.manifest(connection, digest)
    except VaultError:
        return None
    return None if kept is None else manifests.decode(kept[1])
