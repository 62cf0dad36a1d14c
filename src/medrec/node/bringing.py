"""A person's signed word that a place could not take while it was down: her agent keeps it and brings it again.

What is brought is for that one place and signed by her, so it may be brought by whoever, and twice does no harm.
"""

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table

from medrec.node.peers import PeerError
from medrec.node.store import metadata

if TYPE_CHECKING:
    from medrec.node.node import Node

AGAIN_MS = 60_000
"""How long a round of bringing waits for the next."""

to_bring = Table(
    "to_bring",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account", String(80), nullable=False, index=True),
    Column("organisation", String(32), nullable=False),
    Column("path", String(80), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("until", BigInteger, nullable=False),
)

_next_round: "WeakKeyDictionary[Node, int]" = WeakKeyDictionary()


def keep(node: "Node", account: str, organisation: str, path: str, payload: bytes, until: int) -> None:
    """Bring this again until it is answered; after `until` (ms) it is void, and only said to wait."""
    row = {"account": account, "organisation": organisation, "path": path, "payload": payload, "until": until}

    def closure(connection: sql.Connection) -> None:
        connection.execute(sql.insert(to_bring).values(**row))

    node.store.write(closure)


def bring(node: "Node", account: str, organisation: str, path: str, payload: bytes, until: int) -> bool:
    """Bring something now, or keep it for later; whether the place has answered, with a yes or a no."""
    try:
        node.peers.call(organisation, path, payload)
    except PeerError as error:
        if not error.answered:
            keep(node, account, organisation, path, payload, until)
            return False
    return True


def again(node: "Node") -> int:
    """Bring once more what waits, a minute after the last round at the earliest; how many were answered."""
    now = node.clock()
    if now < _next_round.get(node, 0) <= now + AGAIN_MS:
        return 0
    _next_round[node] = now + AGAIN_MS
    with node.store.read() as connection:
        rows = connection.execute(sql.select(to_bring).where(to_bring.c.until >= now).order_by(to_bring.c.id)).all()
    done, down = [], set()
    for row in rows:
        if row.organisation in down:
            continue
        try:
            node.peers.call(row.organisation, row.path, bytes(row.payload))
        except PeerError as error:
            if not error.answered:
                down.add(row.organisation)
                continue
        done.append(row.id)
    if done:
        node.store.write(lambda connection: connection.execute(sql.delete(to_bring).where(to_bring.c.id.in_(done))))
    return len(done)


def unheard(node: "Node", account: str) -> list[str]:
    """The places that have not heard a word of this person yet, by id."""
    query = sql.select(to_bring.c.organisation).where(to_bring.c.account == account).distinct()
    with node.store.read() as connection:
        return sorted(str(one) for one in connection.execute(query).scalars())
