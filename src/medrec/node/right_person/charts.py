"""Two charts of one person at one place: each is linked, confirmed and unlinked by itself, and both are one person's.

A link to a further chart is made as any other: a code of the desk, her signature, the digits compared. The row that
it was made with keeps what is that link's own: its keys, the lines from before it, and who she is as was confirmed for
this chart. What is filed under the chart is stated for the row of her first link, and what comes under it is filed
there (keeping/charted.py): consents, the gate, an emergency, the lists and an erasure know one person and no charts.

Its end takes what came under this chart and nothing else. If it is the one that was linked first, the next one is first
from then on; her keys and her lines stay what they are.
"""

from collections.abc import Collection
from typing import Any, Literal

import sqlalchemy as sql

from medrec.core import manifests
from medrec.core.manifests.record import LinkManifest
from medrec.node.agent import redelivery
from medrec.node.keeping import charted, contents, store
from medrec.node.keeping.journal import Draft, Journal, Person
from medrec.node.lists import acts_moved
from medrec.node.right_person import holding, pointing_later, restating
from medrec.node.right_person.anothers import Read, is_anothers
from medrec.node.right_person.pointing import points_at

FURTHER: Literal["further"] = "further"


def aside(connection: sql.Connection, person: Person) -> None:
    """While a further link of the account is made its row has the account: one row alone can. Inside `Store.write`
    only, before `join` in the same write."""
    row = store.person
    connection.execute(sql.update(row).where(row.c.id == person.id).values(account=None))


def join(connection: sql.Connection, journal: Journal, network: bytes, person: Person, linked: Person) -> None:
    """What is filed under the chart of a link that was just made is this person's from now on. `linked`: the row of
    that link, with its chart. Inside `Store.write` only."""
    assert linked.patient is not None
    row, time = store.person, journal.now()
    nobody: dict[str, Any] = {"patient": None, "account": None, "agent": None}
    connection.execute(sql.update(row).where(row.c.id == linked.id).values(**nobody))
    connection.execute(sql.update(row).where(row.c.id == person.id).values(account=person.account))
    # Its lines are handed over, asked for again and erased as those of a link that is over.
    ended = {"person": linked.id, "account": person.account, "epoch": linked.epoch, "patient": linked.patient}
    connection.execute(sql.insert(redelivery.undone).values(**ended))
    made = {"patient": linked.patient, "person": person.id, "link": linked.id, "time": time}
    connection.execute(sql.insert(charted.chart).values(**made))
    names = charted.came_under(connection, linked.id, None)
    charted.file(connection, dict.fromkeys(names, linked.patient))
    _move(connection, linked.id, person.id, names)
    restating.state_again(connection, journal, network, linked.id, person.id, person.account)
    _point_again(connection, journal, network, person.id, names)
    acts_moved.come_back(connection, journal, person, names)


def part(
    connection: sql.Connection, journal: Journal, network: bytes, person: Person, patient: str, read: Read
) -> None:
    """Undo the link of one of several charts of a person: what came under it is its patient's, who starts anew, and the
    rest stays what it is. `read` gives a record from its source. Inside `Store.write` only."""
    assert person.account is not None and person.agent is not None
    further = charted.of_person(connection, person.id)
    link = next((one.link for one in further if one.patient == patient), None)
    names = charted.came_under(connection, person.id, patient if link is not None else None)
    time = journal.now()
    manifest = LinkManifest(
        "link/1", network.hex(), journal.organisation, person.account, time, "unlink", person.agent, 0, FURTHER
    )
    drafts = [Draft("link/1", manifests.encode(manifest), person.id, None, [30, time, FURTHER])]
    # What is hers no more is held back under her no more: a Patient that is would keep all from here out of her lists.
    held = holding.held_of(connection, person.id)
    drafts += [
        holding.decided(journal, network.hex(), person.account, person.id, name, "fits", None, "")
        for name in names
        if name in held
    ]
    journal.append(connection, drafts)
    is_his = is_anothers(connection, journal.vault, read, person, patient)
    acts_moved.end(connection, journal, network.hex(), person, names if is_his else (), () if is_his else names)
    if link is not None:
        charted.forget(connection, [patient])
        connection.execute(sql.delete(holding.identity).where(holding.identity.c.person == link))
    else:
        _promote(connection, journal, person, further[0])
    fresh = journal.person_of_patient(connection, patient)
    _move(connection, person.id, fresh, names)
    # What was learnt of her body may have been learnt of these records.
    contents.forget(connection, person.id)
    restating.state_again(connection, journal, network, person.id, fresh, None, names)
    _point_again(connection, journal, network, fresh, names)


def _promote(connection: sql.Connection, journal: Journal, person: Person, next_: charted.Chart) -> None:
    """The next chart is the first one from now on, and who she is is what was confirmed for it."""
    who = holding.known(connection, journal.vault, next_.link)
    connection.execute(sql.delete(holding.identity).where(holding.identity.c.person.in_([person.id, next_.link])))
    charted.forget(connection, [next_.patient])
    row = store.person
    connection.execute(sql.update(row).where(row.c.id == person.id).values(patient=next_.patient))
    if who is not None:
        holding.remember(connection, journal.vault, person.id, who, "desk", journal.now())


def _move(connection: sql.Connection, before: int, after: int, names: Collection[charted.Name]) -> None:
    """What is held back of these records, and where they point, is written down for another row."""
    for table in (holding.held, points_at):
        row = table.c
        for kind, identifier in names:
            where = (row.person == before) & (row.type == kind) & (row.id == identifier)
            connection.execute(sql.update(table).where(where).values(person=after))


def _point_again(
    connection: sql.Connection, journal: Journal, network: bytes, person: int, names: Collection[charted.Name]
) -> None:
    """What points at these records is looked at as if they had come under this row."""
    pointing_later.look(connection, journal, network.hex(), dict.fromkeys(names, person))
