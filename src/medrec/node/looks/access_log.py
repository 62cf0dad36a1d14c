"""Who reads the log of a person's looks: each reading is a line of hers, which comes to her as a notice.

write_down(node, account, by, reader, lines)     she, who acts for her, or her agent's program
staff_read(node, reader, {person: lines})        somebody of this organisation's staff, of each whose looks she saw
lines_here(node, connection, person)             what stands in this node's own journal
lines_before(node, connection, account)          the same of each link of hers that was undone
"""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import sqlalchemy as sql

from medrec.core import manifests
from medrec.core.manifests.access import LogReadManifest, RefusalManifest
from medrec.node.agent.own import person_here
from medrec.node.agent.redelivery import undone
from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft, Person
from medrec.node.keeping.vault import VaultError
from medrec.node.looks.kinds import LOG
from medrec.node.looks.look_parts import PARTS, gathered
from medrec.node.release import access

if TYPE_CHECKING:
    from medrec.node.node import Node

STRETCH = 500
By = Literal["herself", "delegate", "agent", "staff"]


def write_down(node: "Node", account: str, by: By, reader: str, lines: int) -> None:
    """A line in this node's journal about a reading of a person's log; hers, where she is known here. Raises
    StoreError."""
    with suppress(LookupError):
        # Entered before, so that an agent's own line about it reaches her.
        person_here(node, account)

    def write(connection: sql.Connection) -> None:
        person = node.journal.person_of_account(connection, account)
        who = person.id if person is not None else None
        node.journal.append(connection, [_draft(node, who, account, by, reader, lines)])

    node.store.write(write)


def staff_read(node: "Node", reader: str, seen: Mapping[int, int]) -> None:
    """A line for each person (her store id) of whose looks somebody of the staff was shown so many. Who was erased
    meanwhile has no log any more. Raises StoreError."""
    people, column = sorted(seen), store.person.c

    def write(connection: sql.Connection, some: list[int]) -> None:
        rows = connection.execute(sql.select(column.id, column.account).where(column.id.in_(some)).order_by(column.id))
        drafts = [_draft(node, row.id, row.account or "", "staff", reader, seen[row.id]) for row in rows.all()]
        node.journal.append(connection, drafts)

    for first in range(0, len(people), STRETCH):
        node.store.write(partial(write, some=people[first : first + STRETCH]))


def _draft(node: "Node", person: int | None, account: str, by: By, reader: str, lines: int) -> Draft:
    time, mark = node.clock(), node.vault.random(16).hex()
    manifest = LogReadManifest(
        "log-read/1", node.network.hex(), node.organisation, account, time, by, reader[:400], lines, mark
    )
    return Draft("log-read/1", manifests.encode(manifest), person, None, [13, time, by, lines])


def lines_here(node: "Node", connection: sql.Connection, person: Person) -> list[tuple[int, Any]]:
    """(number, manifest) of the lines about looks that this node's journal has of a person, newest first.

    Manifests that were erased are left out, and so is a disclosure that was written down and then stopped: the refusal
    that stopped it tells of it, and nothing went out.
    """
    return _lines(node, connection, person.id)


def lines_before(node: "Node", connection: sql.Connection, account: str) -> list[tuple[str, list[tuple[int, Any]]]]:
    """The local patient and the lines about looks of each link of an account that was undone here, the last first: an
    end of a link ends no question about who looked. To whom lines of it are told again says redelivery.py."""
    links = sql.select(undone.c.person, undone.c.patient).where(undone.c.account == account)
    rows = connection.execute(links.order_by(undone.c.epoch.desc())).all()
    return [(str(row.patient), _lines(node, connection, row.person)) for row in rows]


def _lines(node: "Node", connection: sql.Connection, person: int) -> list[tuple[int, Any]]:
    rows = connection.execute(
        sql.select(store.manifest.c.seq, store.manifest.c.hash)
        .where(store.manifest.c.person == person, store.manifest.c.kind.in_(LOG))
        .order_by(store.manifest.c.seq.desc())
    ).all()
    found: list[tuple[int, Any]] = []
    for row in rows:
        try:
            opened = node.journal.manifest(connection, bytes(row.hash))
        except VaultError:
            opened = None
        if opened is not None:
            found.append((row.seq, manifests.decode(opened[1])))
    looks = gathered(_Here(seq, stated) for seq, stated in reversed(found) if stated.manifest in PARTS)
    stopped = {parts.given.seq for parts in looks if parts.given is not None and parts.refused is not None}
    return [(seq, stated) for seq, stated in found if seq not in stopped]


class _Here(NamedTuple):
    """A line of this node's journal."""

    seq: int
    manifest: Any


def was_stopped(node: "Node", obligation: bytes) -> bool:
    """Whether a line of this node's journal says that what it disclosed under an obligation was not sent. Raises
    StoreError."""
    manifest = store.manifest
    disclosed = sql.select(access.asked.c.seq).where(access.asked.c.obligation == obligation)
    person = sql.select(manifest.c.person).where(manifest.c.seq.in_(disclosed))
    with node.store.read() as connection:
        refusals = connection.execute(
            sql.select(manifest.c.hash).where(
                manifest.c.kind == "refusal/1",
                manifest.c.person.in_(person),
                manifest.c.seq > disclosed.scalar_subquery(),
            )
        ).scalars()
        for digest in refusals.all():
            opened = node.journal.manifest(connection, bytes(digest))
            stated = None if opened is None else manifests.decode(opened[1])
            if isinstance(stated, RefusalManifest) and stated.obligation == obligation.hex():
                return True
    return False
