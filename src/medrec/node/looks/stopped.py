"""Who hears nothing more of a person by this node since she disputes a look of theirs, and what waits for
them meanwhile.

A source decides by what it took (`Disputes.stops`). Her agent, which hands on what others said of her, goes by what she
signed there and by what places told of her disputes: the careful one of the two, since a place that keeps silent about
a dispute ends none.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import sqlalchemy as sql

from medrec.core.manifests.dispute import DisputeManifest
from medrec.node.agent.told import told
from medrec.node.keeping import outgoing, store
from medrec.node.lists.acts_kept import ACTS_PATH
from medrec.node.looks.disputing import closed_by, dispute_said

if TYPE_CHECKING:
    from medrec.node.node import Node

_State = tuple[Any, ...]
_known: "WeakKeyDictionary[Node, tuple[_State, dict[str, frozenset[str]]]]" = WeakKeyDictionary()
"""The lines, by how many and the last, and the words of theirs that each was worked out from, and whom each person's
disputes stop."""


def by_her(agent: "Node", account: str) -> frozenset[str]:
    """At her agent: the organisations of whose looks she disputes one and has not settled it. Raises StoreError,
    VaultError, EngineError."""
    opened, said_closed = dict[str, str](), set[str]()
    with agent.store.read() as connection:
        for row in connection.execute(sql.select(dispute_said).where(dispute_said.c.account == account)):
            identifier = bytes(row.id).hex()
            if row.action == "open":
                opened[identifier] = row.requester
            else:
                said_closed.add(identifier)
    lines = told(agent, account, "dispute/1")
    for line in lines:
        if isinstance(line.manifest, DisputeManifest) and line.manifest.statement.action == "open":
            opened[line.manifest.statement.id] = line.manifest.statement.requester
    closed, gone = closed_by(agent, account, lines)
    # A close that came after its key was gone closes nothing, whoever signed it here.
    over = set(closed) | (said_closed - set(gone))
    return frozenset(requester for identifier, requester in opened.items() if identifier not in over)


def waits(node: "Node", organisation: str, path: str) -> Sequence[sql.ColumnElement[bool]]:
    """The conditions for rows of the outbox that are held: words on the lists of people who dispute a look of this
    organisation. They are sent once that is settled. Raises StoreError, VaultError, EngineError."""
    if path != ACTS_PATH:
        return ()
    accounts = {account for account, stopped in _at_agent(node).items() if organisation in stopped}
    accounts.update(node.disputes.stopping(organisation))
    return [outgoing.is_about(account) for account in sorted(accounts)]


def _at_agent(node: "Node") -> dict[str, frozenset[str]]:
    notice = store.notice.c
    of_disputes = (notice.kind == "dispute/1") & notice.sealed.is_not(None)
    lines, words = sql.select(sql.func.count(), sql.func.max(notice.received)).where(of_disputes), dispute_said.c
    with node.store.read() as connection:
        said = connection.execute(sql.select(words.account, words.id, words.action)).all()
        state = (*connection.execute(lines).one(), sorted(map(tuple, said)))
        before = _known.get(node)
        if before is not None and before[0] == state:
            return before[1]
        both = sql.union(sql.select(notice.account).where(of_disputes), sql.select(dispute_said.c.account))
        accounts = sorted(connection.execute(both).scalars())
    found = {account: by_her(node, account) for account in accounts}
    _known[node] = (state, found)
    return found
