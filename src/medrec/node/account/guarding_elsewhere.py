"""Guardians whose pages are at another agent: a card tells theirs whom they guard, and a number fetches the new key.

The agents tell each other nothing behind the people's backs. She gives the card to her guardian herself; what stands on
it holds only if the ledger has the very set under her account. The guardian's word is a transaction, as everybody's.
"""

import base64
import binascii
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import sqlalchemy as sql
from sqlalchemy import Column, LargeBinary, String, Table

from medrec.core import codec, ladder
from medrec.core.credential import NewCredential
from medrec.core.ladder import Revealed
from medrec.node.account import recovery, returning
from medrec.node.keeping.store import metadata

if TYPE_CHECKING:
    from medrec.node.node import Node

PREFIX = "medrec-guardian:"
CARD_LENGTH_MAX = 2000

# Whom people served here guard who are served by another agent, and how each is called on her card.
guarded_elsewhere = Table(
    "guarded_elsewhere",
    metadata,
    Column("account", String(80), primary_key=True),
    Column("guardian", String(80), primary_key=True),
    Column("agent", String(32), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)


class Elsewhere(NamedTuple):
    """Somebody who is guarded from here: account, name, and the agent that serves her."""

    account: str
    name: str
    agent: str


def moved(node: "Node", guardian: str, ward: Elsewhere) -> None:
    """Keep where somebody who is guarded from here is served now."""
    column = guarded_elsewhere.c
    where = (column.account == ward.account) & (column.guardian == guardian)
    change = sql.update(guarded_elsewhere).where(where).values(agent=ward.agent)
    node.store.write(lambda connection: connection.execute(change))


def card(node: "Node", account: str, name: str) -> str:
    """The card for the guardians of a person served here, for the set that is coming, else the one in force; "" for
    none."""
    found = chosen(node, account)
    if found is None:
        return ""
    stated = [1, node.network, node.organisation, account, name, found.members, found.needs, found.salt]
    return PREFIX + base64.urlsafe_b64encode(codec.encode(stated)).rstrip(b"=").decode()


def take(node: "Node", guardian: str, text: str) -> Elsewhere:
    """Take the card that somebody gave a guardian who is served here. Raises ValueError for one that fits nobody who
    chose her."""
    account, revealed, found = _read(node, text)
    if guardian not in revealed.members or guardian == account or not stands(node, account, revealed):
        raise ValueError("the card fits nobody who chose this guardian")
    recovery.keep_guardians(node, account, revealed)
    context = f"guarded {account} {guardian}".encode()
    sealed = node.vault.seal(None, codec.encode(found.name), context)
    row = {"account": account, "guardian": guardian, "agent": found.agent, "sealed": sealed}

    def closure(connection: sql.Connection) -> None:
        column = guarded_elsewhere.c
        same = (column.account == account) & (column.guardian == guardian)
        connection.execute(sql.delete(guarded_elsewhere).where(same))
        connection.execute(sql.insert(guarded_elsewhere).values(**row))

    node.store.write(closure)
    return found


def of(node: "Node", guardian: str) -> dict[str, Elsewhere]:
    """Whom somebody guards from here, by account."""
    query = sql.select(guarded_elsewhere).where(guarded_elsewhere.c.guardian == guardian)
    with node.store.read() as connection:
        rows = connection.execute(query).all()
    found = {}
    for row in rows:
        name = codec.decode(node.vault.open(None, bytes(row.sealed), f"guarded {row.account} {guardian}".encode()))
        found[row.account] = Elsewhere(row.account, name, row.agent)
    return found


def new_key(node: "Node", ward: Elsewhere, guardian: str, number: str) -> NewCredential:
    """The new key that waits at a person's agent under a number that she read to her guardian. Raises PeerError,
    ValueError for an answer that is none."""
    asked = codec.encode({"account": ward.account, "number": number, "guardian": guardian})
    answer = codec.decode(node.peers.call(ward.agent, returning.RETURNING_PATH, asked))
    if not isinstance(answer, dict):
        raise ValueError("an answer without a key")
    return returning.credential_in(answer.get("credential"))


def _read(node: "Node", text: str) -> tuple[str, Revealed, Elsewhere]:
    body = "".join(text.split()).removeprefix(PREFIX)
    if len(body) > CARD_LENGTH_MAX or not body.isascii():
        raise ValueError("no card")
    try:
        stated: Any = codec.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        version, network, agent, account, name, members, needs, salt = stated
        form: Any = Revealed
        value = {"members": members, "needs": needs, "salt": salt}
        revealed: Revealed = msgspec.convert(value, form, builtin_types=(bytes,))
    except (binascii.Error, codec.CodecError, TypeError, ValueError):
        raise ValueError("no card") from None
    known = node.directory.find(agent) if isinstance(agent, str) else None
    fits = (version, network) == (1, node.network) and known is not None and "agent" in known.roles
    if not fits or type(account) is not str or type(name) is not str or not 0 < len(name) <= 120:
        raise ValueError("a card of another network, or of no agent")
    return account, revealed, Elsewhere(account, name, agent)


def chosen(node: "Node", account: str) -> Revealed | None:
    """The set of guardians that is coming, else the one in force; None for none."""
    with node.engine.view() as view:
        found, now = ladder.ladder_of(view, account), max(node.clock(), view.tip.time)
    coming = recovery.guardians_of(node, account, found.next_at) if found.waiting_at(now) is not None else None
    return coming or recovery.guardians_of(node, account, now)


def stands(node: "Node", account: str, revealed: Revealed) -> bool:
    """Whether the ledger has this very set under the account, in force or coming."""
    return ladder.guardians_commitment(revealed) in on_ledger(node, account)


def on_ledger(node: "Node", account: str) -> set[bytes]:
    """The commitments to guardians that the ledger has under the account, in force or coming."""
    with node.engine.view() as view:
        found, now = ladder.ladder_of(view, account), max(node.clock(), view.tip.time)
    doors = [one for one in (found.doors_at(now), found.waiting_at(now)) if one is not None]
    return {one.guardians.commitment for one in doors if one.guardians is not None}
