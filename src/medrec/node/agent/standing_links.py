"""Which links of a person stand, as far as her agent knows.

A link ends where its organisation says so by a line of its own, and for her agent as soon as she has signed that it
should: an organisation that keeps silent about it does not keep her.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sql
from msgspec import UNSET
from sqlalchemy import Column, Integer, String, Table

from medrec.core.manifests.record import LinkManifest
from medrec.node.agent.told import told
from medrec.node.keeping import store
from medrec.node.keeping.store import metadata

if TYPE_CHECKING:
    from medrec.node.node import Node

# The last link to an organisation that each person signed to be undone, by its epoch.
link_left = Table(
    "link_left",
    metadata,
    Column("account", String(80), primary_key=True),
    Column("organisation", String(32), primary_key=True),
    Column("epoch", Integer, nullable=False),
)

# The links of further charts at a place that knows her, by their epoch: they begin and end beside the link to it.
chart_epoch = Table(
    "chart_epoch",
    metadata,
    Column("account", String(80), primary_key=True),
    Column("organisation", String(32), primary_key=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
)


class Undone(NamedTuple):
    """When a person's link to an organisation was undone last (ms), and the number of its epoch."""

    time: int
    epoch: int


def undone(node: "Node", account: str) -> dict[str, Undone]:
    """At her agent: the end of her last link to each organisation, and not of one of several charts there. What it says
    of its own clock is not relied on."""
    found: dict[str, Undone] = {}
    for line in told(node, account, "link/1") if node.agent is not None else ():
        said = line.manifest
        ends = isinstance(said, LinkManifest) and said.action == "unlink" and said.chart is UNSET
        if isinstance(said, LinkManifest) and ends and line.organisation == said.organisation:
            before = found.get(said.organisation, Undone(0, 0))
            time = max(said.time, line.received, before.time)
            found[said.organisation] = Undone(time, max(number(line.epoch), before.epoch))
    return found


def number(epoch: int) -> int:
    """Which link an epoch is of: the lines from before a link have one of their own."""
    return epoch if epoch > 0 else 1 - epoch


def newest(connection: sql.Connection, account: str) -> dict[str, int]:
    """The epoch of a person's newest link to each organisation, undone or not; not that of a further chart."""
    link = store.relationship.c
    query = (
        sql.select(link.organisation, sql.func.max(link.epoch))
        .where(link.account == account, link.epoch > 0, is_of_place(link))
        .group_by(link.organisation)
    )
    return {str(organisation): int(epoch) for organisation, epoch in connection.execute(query)}


def is_of_place(link: Any) -> Any:
    """The condition that an epoch, or that of the lines before it, is of the link to a place and not of a further chart
    there; `link`: columns account, organisation and epoch."""
    chart = chart_epoch.c
    same = (chart.account == link.account) & (chart.organisation == link.organisation)
    return ~sql.exists().where(same, (chart.epoch == link.epoch) | (chart.epoch == 1 - link.epoch))


def note_chart(connection: sql.Connection, account: str, organisation: str, epoch: int) -> None:
    """A link is that of a further chart. Inside `Store.write` only."""
    row = chart_epoch.c
    same = (row.account == account) & (row.organisation == organisation) & (row.epoch == epoch)
    connection.execute(sql.delete(chart_epoch).where(same))
    connection.execute(sql.insert(chart_epoch).values(account=account, organisation=organisation, epoch=epoch))


def leave(connection: sql.Connection, account: str, organisation: str) -> None:
    """She has signed that the link is undone, whatever becomes of her word there. Inside `Store.write` only."""
    mine = (link_left.c.account == account) & (link_left.c.organisation == organisation)
    epoch = newest(connection, account).get(organisation, 0)
    connection.execute(sql.delete(link_left).where(mine))
    connection.execute(sql.insert(link_left).values(account=account, organisation=organisation, epoch=epoch))


def over(node: "Node", account: str) -> Callable[[str, int], bool]:
    """At her agent: whether what an organisation told under an epoch is of a link that has ended, by the id and the
    epoch. What she permitted and forbade under it ended with it (right_person/unlinking.py).

    A newer link ends the one before, whatever the organisation says of that one; so does an erasure of all that it had
    of her. A link counts once its own line is told: its key is kept before the organisation has answered, and may
    never be that of a link, or may be that of a further chart.
    """
    ends = {organisation: one.epoch for organisation, one in undone(node, account).items()}
    for line in told(node, account, "link/1", "erasure/1"):
        said, last = line.manifest, 0
        if isinstance(said, LinkManifest):
            last = number(line.epoch) - 1 if said.action == "link" and said.chart is UNSET else 0
        elif said.scope == "person":
            last = number(line.epoch)
        if last and line.organisation == said.organisation:
            ends[line.organisation] = max(ends.get(line.organisation, 0), last)
    with node.store.read() as connection:
        query = sql.select(link_left.c.organisation, link_left.c.epoch).where(link_left.c.account == account)
        for organisation, epoch in connection.execute(query):
            ends[organisation] = max(ends.get(organisation, 0), int(epoch))
    return lambda organisation, epoch: number(epoch) <= ends.get(organisation, 0)


def standing(node: "Node", account: str) -> set[str]:
    """At her agent: the organisations that she has a link with which is not undone, by id."""
    ends = undone(node, account)
    with node.store.read() as connection:
        query = sql.select(link_left.c.organisation, link_left.c.epoch).where(link_left.c.account == account)
        left = {str(organisation): int(epoch) for organisation, epoch in connection.execute(query)}
        links = newest(connection, account)
    return {
        organisation
        for organisation, epoch in links.items()
        if epoch > max(left.get(organisation, 0), ends[organisation].epoch if organisation in ends else 0)
    }
