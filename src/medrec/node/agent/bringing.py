"""A person's signed word, brought to places by her agent: now, and again to those that were down.

`bring` and `queue` are for words that travel in arrays and never grow old: they wait in the outbox. `keep` and `again`
are for one that is void after some time: it waits apart until then. What is brought is signed by her, so it may be
brought by whoever, and twice does no harm.
"""

from collections.abc import Container, Iterable
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table

from medrec.core import codec
from medrec.node.keeping import outgoing
from medrec.node.keeping.store import metadata
from medrec.node.peers.peers import PeerError

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


class Brought(NamedTuple):
    """The places that took a word, those that refused it (with the sentence), and those to hear it later."""

    taken: tuple[str, ...]
    refused: dict[str, str]
    waiting: tuple[str, ...]


def bring(
    node: "Node", places: Iterable[str], path: str, payload: bytes, final: Container[str] | None = None
) -> Brought:
    """Bring a word to each place now, as an array of one. `final` are the codes of refusals that would be the same
    tomorrow (None: all): a place that refuses with another one hears it again, as one that did not answer does."""
    taken: list[str] = []
    refused: dict[str, str] = {}
    waiting: list[str] = []
    for place in places:
        try:
            answer = codec.decode(node.peers.call(place, path, codec.encode([payload])))
            (taken if answer == [True] else waiting).append(place)
        except PeerError as error:
            if error.answered and (final is None or error.code in final):
                refused[place] = error.sentence
            else:
                waiting.append(place)
    return Brought(tuple(taken), refused, tuple(waiting))


def queue(node: "Node", account: str, places: Iterable[str], path: str, payload: bytes) -> None:
    """Have a word of a person brought by the outbox as soon as the places can be reached."""
    rows = [{"organisation": place, "path": path, "payload": payload, "due": node.clock()} for place in places]
    if rows:
        node.store.write(lambda connection: outgoing.queue(connection, node.vault, account, rows))


def keep(node: "Node", account: str, organisation: str, path: str, payload: bytes, until: int) -> None:
    """Bring this again until it is answered, in the place of what waited there; after `until` (ms) it is void, and only
    said to wait."""
    row = {"account": account, "organisation": organisation, "path": path, "payload": payload, "until": until}

    def closure(connection: sql.Connection) -> None:
        connection.execute(sql.delete(to_bring).where(_same(account, organisation, path)))
        connection.execute(sql.insert(to_bring).values(**row))

    node.store.write(closure)


def drop(node: "Node", account: str, organisation: str, path: str) -> None:
    """What waits there of a person is brought no more: a later word of hers was heard."""
    mine = _same(account, organisation, path)
    node.store.write(lambda connection: connection.execute(sql.delete(to_bring).where(mine)))


def _same(account: str, organisation: str, path: str) -> sql.ColumnElement[bool]:
    waits = to_bring.c
    return (waits.account == account) & (waits.organisation == organisation) & (waits.path == path)


def void(node: "Node", account: str, path: str) -> list[str]:
    """The places to which a word of a person was never brought and that is too old now, by id: she signs it anew."""
    waits = to_bring.c
    mine = (waits.account == account) & (waits.path == path) & (waits.until < node.clock())
    with node.store.read() as connection:
        return sorted(str(one) for one in connection.execute(sql.select(waits.organisation).where(mine)).scalars())


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
    """The places that have not heard a word of this person yet and are still told again, by id."""
    waiting = (to_bring.c.account == account) & (to_bring.c.until >= node.clock())
    query = sql.select(to_bring.c.organisation).where(waiting).distinct()
    with node.store.read() as connection:
        return sorted(str(one) for one in connection.execute(query).scalars())
