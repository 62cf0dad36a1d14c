"""A person's own statement about a look, brought by her agent to every organisation that knows her.

What an organisation has not taken yet because it could not be reached waits in the outbox, and is brought again.
"""

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import sqlalchemy as sql

from medrec.core import codec
from medrec.core.manifests.dispute import Statement, statement_message
from medrec.node.agent import bringing
from medrec.node.consent.consents import Sign
from medrec.node.keeping import store
from medrec.node.looks.disputes import DISPUTES_PATH
from medrec.node.refusals import Code

if TYPE_CHECKING:
    from medrec.node.node import Node


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
    return msgspec.convert(
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
    """Bring a signed statement to every organisation that the person is linked to, and to the source."""
    account, source, identifier = statement.account, statement.source, bytes.fromhex(statement.id)
    payload = codec.encode_json(msgspec.to_builtins(statement))
    places = sorted({*organisations(agent, account), source})
    brought = bringing.bring(agent, places, DISPUTES_PATH, payload, _FINAL)
    bringing.queue(agent, statement.account, brought.waiting, DISPUTES_PATH, payload)
    return Raised(identifier, *brought)


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


def organisations(agent: "Node", account: str) -> list[str]:
    """The organisations that a person is linked to, by id."""
    column = store.relationship.c
    chosen = sql.select(column.organisation).where(column.account == account).distinct()
    with agent.store.read() as connection:
        return sorted(connection.execute(chosen).scalars())
