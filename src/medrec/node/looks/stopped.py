"""Who hears nothing more of a person by this node since she disputes a look of theirs, and what waits for
them meanwhile.

A source decides by what it took (`Disputes.stops`). Her agent, which hands on what others said of her, goes by what she
signed there and by what places told of her disputes: the careful one of the two, since a place that keeps silent about
a dispute ends none.
"""

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import sqlalchemy as sql

from medrec.core.manifests.dispute import DisputeManifest
from medrec.node.agent.told import told
from medrec.node.keeping import store
from medrec.node.keeping.vault import VaultError
from medrec.node.looks.disputing import closed_by, dispute_said

if TYPE_CHECKING:
    from medrec.node.node import Node

_State = tuple[Any, ...]
_known: "WeakKeyDictionary[Node, dict[str, tuple[_State, frozenset[str]]]]" = WeakKeyDictionary()
"""Whom each person's disputes stop, with what it was worked out from: her lines (how many there are, the last, how
many stand on the ledger) and her own words."""


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


class Stops:
    """Whose words are held that wait for one organisation: those of people who dispute a look of it. They are sent once
    that is settled. Of one moment; raises StoreError."""

    def __init__(self, node: "Node", organisation: str) -> None:
        self._node, self._organisation = node, organisation
        self._states = _states(node)
        known = _known.get(node, {})
        # Whoever was erased is forgotten here, too.
        self._known = _known[node] = {account: known[account] for account in self._states if account in known}

    def holds(self, account: str) -> bool:
        """Whether what waits of this person is held. Raises StoreError, EngineError."""
        if self._node.disputes.stops(account, self._organisation):
            return True
        state = self._states.get(account)
        if state is None:
            return False
        before = self._known.get(account)
        if before is None or before[0] != state:
            try:
                before = self._known[account] = (state, by_her(self._node, account))
            except VaultError:
                # What she disputes cannot be read: hers waits, and keeps nobody else's from going out.
                return True
        return self._organisation in before[1]


def _states(node: "Node") -> dict[str, _State]:
    """Of each person of whom this agent knows a dispute, what decides whom it stops."""
    notice, words = store.notice.c, dispute_said.c
    of_disputes = (notice.kind == "dispute/1") & notice.sealed.is_not(None)
    count = sql.func.count
    lines = sql.select(notice.account, count(), sql.func.max(notice.received), count(notice.height))
    with node.store.read() as connection:
        told_of = connection.execute(lines.where(of_disputes).group_by(notice.account)).all()
        said = connection.execute(sql.select(words.account, words.id, words.action)).all()
    found = {account: [tuple(state)] for account, *state in told_of}
    for account, *word in sorted(map(tuple, said)):
        found.setdefault(account, []).append(tuple(word))
    return {account: tuple(state) for account, state in found.items()}
