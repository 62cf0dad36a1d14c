"""A person's own statement about a look, brought by her agent to every organisation that knows her.

What an organisation has not taken waits in the outbox from the moment it is written down, and is brought again. One
that comes to know her while a dispute is open hears of it, too (`bring_on`).
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import msgspec
import sqlalchemy as sql
from sqlalchemy import Column, LargeBinary, String, Table

from medrec.core import codec, manifests
from medrec.core.manifests.dispute import DisputeManifest, Statement, statement_message
from medrec.node.agent import bringing
from medrec.node.agent.gone_keys import Line, late
from medrec.node.agent.standing_links import newest, number, standing
from medrec.node.agent.told import told
from medrec.node.consent.consents import Sign
from medrec.node.keeping import outgoing, store
from medrec.node.keeping.store import metadata
from medrec.node.looks.disputes import DISPUTES_PATH
from medrec.node.refusals import Code, Refusal

if TYPE_CHECKING:
    from medrec.node.node import Node

# What the people served here signed about a look, from the moment they did: a place tells of it only later, or never.
dispute_said = Table(
    "dispute_said",
    metadata,
    Column("account", String(80), primary_key=True),
    Column("id", LargeBinary(16), primary_key=True),
    Column("action", String(5), primary_key=True),
    Column("requester", String(32), nullable=False),
)

_Brought = tuple[str, str, int]
"""Place, dispute, and the number of the link."""


class Raised(NamedTuple):
    """What came of a statement: the dispute's id, who has taken it, who said no and why, who is still to hear it."""

    id: bytes
    taken: tuple[str, ...]
    refused: dict[str, str]
    waiting: tuple[str, ...]


def dispute(
    agent: "Node",
    account: str,
    requester: str,
    source: str,
    sign: Sign,
    key: bytes,
    *,
    obligation: str | None = None,
    words: str = "",
) -> Raised:
    """The one call of a person who does not know why somebody looked: to be made at her agent, signed by her.

    `source` and `obligation` (hex) stand in the line that told her of the look; `sign` and `key` are as in consents.
    Raises LookupError if she is not served here, StoreError.
    """
    return _signed(agent, draft(agent, account, requester, source, key, obligation=obligation, words=words), sign)


def close(agent: "Node", account: str, closing: bytes, requester: str, source: str, sign: Sign, key: bytes) -> Raised:
    """She has her answer, or was mistaken: what the dispute of that id stopped goes on. Raises as `dispute`."""
    return _signed(agent, draft(agent, account, requester, source, key, closing=closing), sign)


def _signed(agent: "Node", unsigned: Statement, sign: Sign) -> Raised:
    _, signature = sign(statement_message(unsigned))
    return send(agent, msgspec.structs.replace(unsigned, signature=signature.hex()))


def draft(
    agent: "Node",
    account: str,
    requester: str,
    source: str,
    key: bytes,
    *,
    closing: bytes | None = None,
    obligation: str | None = None,
    words: str = "",
) -> Statement:
    """The statement that a person signs (over `statement_message`): a new dispute, or the close of the one named.

    Raises LookupError if she is not served here.
    """
    assert agent.agent is not None
    agent.agent.view_secret(account)
    return manifests.made(
        {
            "network": agent.network.hex(),
            "account": account,
            "id": (closing or agent.vault.random(16)).hex(),
            "action": "close" if closing else "open",
            "requester": requester,
            "source": source,
            "obligation": obligation,
            "time": agent.clock(),
            "words": words,
            "key": key.hex(),
        },
        Statement,
    )


def send(agent: "Node", statement: Statement) -> Raised:
    """Bring a signed statement to every organisation that the person is linked to, and to the source.

    Raises StoreError; what was written down by then is brought by the outbox.
    """
    account, source, identifier = statement.account, statement.source, bytes.fromhex(statement.id)
    payload = codec.encode_json(msgspec.to_builtins(statement))
    places = sorted({*organisations(agent, account), source})
    rows = [
        {"organisation": place, "path": DISPUTES_PATH, "payload": payload, "due": agent.clock()} for place in places
    ]
    said = dispute_said.c
    this = (said.account == account) & (said.id == identifier) & (said.action == statement.action)

    def begin(connection: sql.Connection) -> bool:
        # Together: noted and brought nowhere after a crash, it would stop her agent with no line to settle it by.
        outgoing.queue(connection, agent.vault, account, rows)
        return _note(connection, this, statement)

    fresh = agent.store.write(begin)
    brought = bringing.bring(agent, places, DISPUTES_PATH, payload, _FINAL)

    def end(connection: sql.Connection) -> None:
        done = dict.fromkeys((*brought.taken, *brought.refused), payload)
        outgoing.heard(connection, agent.vault, DISPUTES_PATH, account, done)
        if fresh and not brought.taken and not brought.waiting:
            # It holds nowhere, and so not here.
            connection.execute(sql.delete(dispute_said).where(this))

    agent.store.write(end)
    return Raised(identifier, *brought)


def _note(connection: sql.Connection, this: sql.ColumnElement[bool], statement: Statement) -> bool:
    if connection.execute(sql.select(dispute_said.c.id).where(this)).first() is not None:
        return False
    row = {"account": statement.account, "id": bytes.fromhex(statement.id), "action": statement.action}
    connection.execute(sql.insert(dispute_said).values(**row, requester=statement.requester))
    return True


_FINAL = frozenset(
    code.value
    for code in (
        Code.NOT_LINKED,
        Code.BAD_SIGNATURE,
        Code.UNKNOWN_CREDENTIAL,
        Code.UNKNOWN_ACCOUNT,
        Code.WRONG_NETWORK,
        Code.UNKNOWN_DISPUTE,
        Code.MALFORMED,
        Code.REQUEST_EXPIRED,
        Code.UNKNOWN_ORGANISATION,
    )
)
"""Refusals that would be the same tomorrow: a statement that meets one is not sent again."""


def unheard(agent: "Node", account: str, lines: Sequence[Line]) -> dict[str, list[str]]:
    """The places that she is linked to and that have not told of a dispute of hers, by its id: nobody knows whether
    it stops anything there. `lines` are those of her disputes."""
    told_by: dict[str, set[str]] = {}
    for line in lines:
        if isinstance(line.manifest, DisputeManifest):
            told_by.setdefault(line.manifest.statement.id, set()).add(line.manifest.organisation)
    places = sorted(standing(agent, account) - {agent.organisation}) if told_by else []
    return {identifier: [one for one in places if one not in there] for identifier, there in told_by.items()}


def closed_by(agent: "Node", account: str, lines: Sequence[Line]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The lines of her disputes that close one, by its id; and those by a key that was gone, which close nothing."""
    closed, gone = dict[str, Any](), dict[str, Any]()
    for line, went in zip(lines, late(agent, account, lines), strict=True):
        if isinstance(line.manifest, DisputeManifest) and line.manifest.statement.action == "close":
            (closed if went is None else gone).setdefault(line.manifest.statement.id, line.manifest)
    return closed, gone


def organisations(agent: "Node", account: str) -> list[str]:
    """The organisations that a person is linked to, by id."""
    column = store.relationship.c
    chosen = sql.select(column.organisation).where(column.account == account).distinct()
    with agent.store.read() as connection:
        return sorted(connection.execute(chosen).scalars())


_looked: "WeakKeyDictionary[Node, tuple[int, set[_Brought]]]" = WeakKeyDictionary()
"""How many lines there were that decide, and what was brought on, since the process began: twice does no harm."""


def bring_on(agent: "Node") -> int:
    """At an agent: have every open dispute brought to the places that its person was linked to since; how many copies.

    Cheap while no line about a link or a dispute came. Raises EngineError, StoreError.
    """
    notice = store.notice.c
    with agent.store.read() as connection:
        lines = sql.select(sql.func.count()).where(notice.kind.in_(("dispute/1", "link/1")), notice.sealed.is_not(None))
        count = int(connection.execute(lines).scalar() or 0)
        with_disputes = sql.select(notice.account).where(notice.kind == "dispute/1").distinct()
        accounts = sorted(connection.execute(with_disputes).scalars())
    before, brought = _looked.get(agent, (-1, set()))
    if count == before:
        return 0
    copies = 0
    for account in accounts:
        for place, statement, link in _unheard(agent, account):
            if (place, statement.id, link) not in brought:
                brought.add((place, statement.id, link))
                payload = codec.encode_json(msgspec.to_builtins(statement))
                bringing.queue(agent, account, [place], DISPUTES_PATH, payload)
                copies += 1
    _looked[agent] = (count, brought)
    return copies


def _unheard(agent: "Node", account: str) -> Iterator[tuple[str, Statement, int]]:
    """Each place that told of no such dispute under the link of today, an open dispute, and the number of that link."""
    lines = told(agent, account, "dispute/1")
    statements = [(line, line.manifest.statement) for line in lines if isinstance(line.manifest, DisputeManifest)]
    closed = set(closed_by(agent, account, lines)[0])
    opened = {said.id: said for _, said in statements if said.action == "open" and said.id not in closed}
    places = sorted(standing(agent, account) - {agent.organisation}) if opened else []
    with agent.store.read() as connection:
        links = newest(connection, account)
    there = {
        (line.organisation, said.id)
        for line, said in statements
        if number(line.epoch) >= links.get(line.organisation, 0)
    }
    for identifier in sorted(opened):
        said = opened[identifier]
        try:
            agent.consents.check_signature(account, said.key, statement_message(said), said.signature)
        except Refusal:
            # By a key that does not act for her any more: after a way back she is asked what of it stands.
            continue
        for place in places:
            if (place, identifier) not in there:
                yield place, said, links[place]
