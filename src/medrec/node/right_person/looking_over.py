"""A link was made or ended: what is filed already is looked at like what comes, before any of it is hers."""

from collections.abc import Callable

import sqlalchemy as sql

from medrec.node.keeping import charted, store
from medrec.node.keeping.journal import Journal
from medrec.node.right_person import holding, holding_by
from medrec.node.right_person.contradicting import WHOLE
from medrec.node.right_person.holding import held

Read = Callable[[str, str], bytes | None]
"""Gives a record from its source."""


def all_of(connection: sql.Connection, journal: Journal, network: str, person: int, read: Read) -> None:
    """A person was linked: what stands under her patient is looked at, oldest first. What came in one delivery then is
    not known. Inside `Store.write`."""
    _look(connection, journal, network, person, read, None)


def charts(
    connection: sql.Connection, journal: Journal, network: str, person: int, read: Read, patient: str | None = None
) -> None:
    """A further chart of a person was linked, or the link of one is undone: the same for what came under `patient`, and
    for each Patient of hers, since these say of one another what they are. Inside `Store.write`."""
    fresh = charted.came_under(connection, person, patient) if patient is not None else []
    _look(connection, journal, network, person, read, frozenset(fresh))


def _look(
    connection: sql.Connection,
    journal: Journal,
    network: str,
    person: int,
    read: Read,
    fresh: frozenset[charted.Name] | None,
) -> None:
    record, manifest = store.record.c, store.manifest.c
    rows = connection.execute(
        sql.select(record.type, record.id, record.sha256)
        .join_from(store.record, store.manifest, manifest.hash == record.manifest)
        .where(record.person == person, record.action != "delete", record.altered.is_(False))
        .order_by(manifest.seq)
    ).all()
    found = []
    for row in rows:
        if fresh is not None and row.type != WHOLE and (row.type, row.id) not in fresh:
            continue
        # What differs from what was signed does not leave, and is looked at when it is signed.
        content = holding.as_signed(read(row.type, row.id), row.sha256)
        if content is not None:
            found.append(content)
    linked = journal.person(connection, person)
    holding_by.take_over(connection, held, person, linked.account or "", journal.now())
    before = holding.held_of(connection, person)
    holding.look(connection, journal, network, person, found, came_together=False)
    # What was held back under a former link, and is still, is held back under this one: nobody has looked.
    after = holding.held_of(connection, person)
    names = sorted(name for name, fields in after.items() if before.get(name) == fields)
    stays = [name for name in names if fresh is None or name in fresh]
    if stays:
        drafts = [holding.hold(connection, journal, network, linked, name, after[name]) for name in stays]
        journal.append(connection, drafts)
