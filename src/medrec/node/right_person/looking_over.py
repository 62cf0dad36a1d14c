"""A link was made or ended: what is filed already is looked at like what comes, before any of it is hers."""

from collections.abc import Callable

import sqlalchemy as sql

from medrec.core.impossible import Impossible, blood_group, other_blood
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


def blood(connection: sql.Connection, journal: Journal, network: str, person: int, read: Read) -> None:
    """The link of one of several charts of a person is undone, and her blood group with it, which may have been learnt
    there: what is held back by it is looked at anew, oldest first, unless it contradicts what stays of hers and is not
    held. Inside `Store.write`."""
    waits = [name for name, fields in holding.held_of(connection, person).items() if Impossible.BLOOD in fields]
    if not waits:
        return
    record, manifest = store.record.c, store.manifest.c
    rows = connection.execute(
        sql.select(record.type, record.id, record.sha256)
        .join_from(store.record, store.manifest, manifest.hash == record.manifest)
        .where(record.person == person, record.type == "Observation")
        .where(record.action != "delete", record.altered.is_(False))
        .order_by(manifest.seq)
    ).all()
    read_here = {(row.type, row.id): holding.as_signed(read(row.type, row.id), row.sha256) for row in rows}
    groups = {name: blood_group(value) for name, value in read_here.items() if value is not None}
    stays = [group for name, group in groups.items() if name not in waits]
    again = [
        value
        for name, value in read_here.items()
        if name in waits and value is not None and not any(other_blood(one, groups[name]) for one in stays)
    ]
    holding.look(connection, journal, network, person, again, came_together=False)


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
