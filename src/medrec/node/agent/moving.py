"""Moving to another agent: the new one finds a person's whole index on the ledger by the secret on her paper.

adopt(agent, ...)     at the new agent: rebuild from the ledger, then ask every organisation that was found
  -> answer_move      there: her signature names the new agent, and every notice is queued again, to it

The old agent is not asked. What it knew that stands in no organisation's journal is lost with it; what is on the ledger
is not.
"""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, Integer, Table

from medrec.core import codec
from medrec.node.account import guarding_index, heard
from medrec.node.agent import agents_of, bringing, redelivery
from medrec.node.consent.consents import AHEAD_MS_MAX
from medrec.node.keeping import store
from medrec.node.keeping.store import metadata
from medrec.node.ledger.rebuild import Rebuilt, rebuild, relationship_key
from medrec.node.peers.peers import PeerError
from medrec.node.refusals import Code, Refusal
from medrec.node.right_person.unlinking import linked_at

if TYPE_CHECKING:
    from medrec.node.consent.consents import Sign
    from medrec.node.node import Node

MOVE_PATH = "/medrec/move"
MOVE_LIFE_MS = 7 * 86_400_000
"""How long a signed move may be presented; organisations that are down are asked again meanwhile. After that she signs
anew."""


# When (ms, by the time that she signed) each linked person last moved: what she signed before is over.
moved = Table(
    "moved",
    metadata,
    Column("person", Integer, primary_key=True, autoincrement=False),
    Column("time", BigInteger, nullable=False),
)


class Moved(NamedTuple):
    """What became of a move: the lines found on the ledger, the organisations that know the new agent now, and those
    that did not answer. Where her link was undone nobody is; what she asked there comes here all the same."""

    lines: list[Rebuilt]
    told: list[str]
    silent: list[str]


def move_message(network: bytes, account: str, agent: str, time: int) -> bytes:
    """What a person signs to be served by another agent: SHA-256("medrec/move/1" || CBOR [network, account, agent,
    time])."""
    return hashlib.sha256(b"medrec/move/1" + codec.encode([network, account, agent, time])).digest()


def adopt(node: "Node", account: str, name: str, view_secret: bytes, sign: "Sign", time: int | None = None) -> Moved:
    """Serve a person who comes with the secret on her paper; `time` is what she signed, now if she is asked only now.

    It may be done again, for those who were silent, for what was not yet on the ledger, and with her own words where
    others were taken for them. Raises StoreError, EngineError.
    """
    agent = node.agent
    assert agent is not None
    agent.enroll(account, name, view_secret)
    lines = rebuild(node.engine, view_secret)
    relationships: dict[tuple[str, int], tuple[bytes, int | None]] = {}
    for line in lines:
        if line.epoch > 0:
            key = relationship_key(view_secret, line.organisation, line.epoch)
            relationships.setdefault((line.organisation, line.epoch), (key, None))
        if line.epoch > 0 and line.summary is not None and line.summary[0] == 2 and line.summary[3]:
            relationships[line.organisation, 1 - line.epoch] = (bytes(line.summary[2]), int(line.summary[3]))

    def relate(connection: sql.Connection) -> None:
        for (organisation, epoch), (key, end) in relationships.items():
            agent.relate(connection, account, organisation, epoch, key, end)
        heard.remember(connection, account, lines, node.clock())
        # What is on the ledger is found now: on a quiet network the next block may be long in coming.
        agent.walk(connection)

    node.store.write(relate)
    guarding_index.restore(node, account, lines)
    time = node.clock() if time is None else time
    key, signature = sign(move_message(node.network, account, node.organisation, time))
    known = sorted({organisation for organisation, _ in relationships})
    told, silent, gone = tell(node, account, known, key, signature, time)
    for organisation, epoch in relationships:
        if organisation in gone:
            # Every link with it is undone: it has nobody to tell of, and what is missing from there is explained.
            redelivery.explain(node.store, account, organisation, epoch, node.clock())
    return Moved(lines, told, silent)


def tell(
    node: "Node", account: str, places: Sequence[str], key: bytes, signature: bytes, time: int
) -> tuple[list[str], list[str], list[str]]:
    """Bring places what a person signed with `key` at a time, that this agent serves her: those that know it now, those
    that do not (who did not answer at all is told again, bringing.py), and those that she is linked to no more."""
    asked = codec.encode({"account": account, "key": key, "signature": signature, "time": time})
    told: list[str] = []
    silent: list[str] = []
    gone: list[str] = []
    for place in places:
        # Kept before the first is called: a node that stops in between goes on with the others.
        bringing.keep(node, account, place, MOVE_PATH, asked, time + MOVE_LIFE_MS)
    for place in places:
        try:
            node.peers.call(place, MOVE_PATH, asked)
            told.append(place)
        except PeerError as error:
            if not error.answered:
                silent.append(place)
                continue
            (gone if error.code == redelivery.NOT_LINKED else silent).append(place)
        bringing.drop(node, account, place, MOVE_PATH)
    return told, silent, gone


def answer_move(node: "Node", caller: str, body: bytes) -> bytes:
    """POST /medrec/move, by the new agent: CBOR {account, key, signature, time} -> CBOR {"lines": queued again}."""
    try:
        asked = codec.decode(body)
        account, key, signature, time = (asked[name] for name in ("account", "key", "signature", "time"))
    except (codec.CodecError, KeyError, TypeError):
        raise Refusal(Code.MALFORMED) from None
    if (type(account), type(key), type(signature), type(time)) != (str, bytes, bytes, int):
        raise Refusal(Code.MALFORMED)
    now = node.clock()
    if not now - MOVE_LIFE_MS <= time <= now + AHEAD_MS_MAX:
        raise Refusal(Code.REQUEST_EXPIRED if time <= now else Code.FROM_THE_FUTURE)
    found = node.directory.find(caller)
    if found is None or "agent" not in found.roles:
        raise Refusal(Code.NOT_PERMITTED)
    node.consents.check_signature(
        account, key.hex(), move_message(node.network, account, caller, time), signature.hex()
    )

    def closure(connection: sql.Connection) -> int | None:
        who = node.journal.person_of_account(connection, account)
        ended = sql.select(redelivery.undone.c.person).where(redelivery.undone.c.account == account)
        for one in connection.execute(ended).scalars().all():
            if _is_latest(connection, one, agents_of.serving(connection, one), caller, time):
                agents_of.serve(connection, one, caller)
                if who is None:
                    redelivery.queue_undone(node.journal, connection, one, account, caller)
        if who is None:
            return None
        if not _is_latest(connection, who.id, who.agent, caller, time):
            raise Refusal(Code.REQUEST_EXPIRED)
        if who.agent is not None and who.agent != caller:
            agents_of.leave(connection, who.id, who.agent, time)
        connection.execute(sql.update(store.person).where(store.person.c.id == who.id).values(agent=caller))
        return node.linker.queue_all(connection, account, caller)

    lines = node.store.write(closure)
    if lines is None:
        # What she asked under a link that was undone is told there all the same.
        raise Refusal(Code.NOT_LINKED)
    return codec.encode({"lines": lines})


def _is_latest(connection: sql.Connection, person: int, serves: str | None, agent: str, time: int) -> bool:
    """Whether a move is her latest word about who serves her, which is noted then. An agent that she has left would
    take her back with what she signed for it once; the same word again is none. Inside `Store.write` only."""
    latest = connection.execute(sql.select(moved.c.time).where(moved.c.person == person)).scalar()
    again = latest == time and serves == agent
    if not again and (time <= (latest or 0) or time < linked_at(connection, person)):
        return False
    connection.execute(sql.delete(moved).where(moved.c.person == person))
    connection.execute(sql.insert(moved).values(person=person, time=time))
    return True
