"""The recipient's half of what was not asked for: a push, and how it is stated once."""

from typing import TYPE_CHECKING

import sqlalchemy as sql

from medrec.core.manifests.access import Outcome
from medrec.node.release import access
from medrec.node.release.receive import (
    FORGET_AFTER_MS,
    Asking,
    NotGenuineError,
    Opened,
    digest_of,
    raise_alarm,
    state_half,
)

if TYPE_CHECKING:
    from medrec.node.node import Node


def state_pushed(
    node: "Node", connection: sql.Connection, asking: Asking, opened: Opened, outcome: Outcome
) -> int | None:
    """This node's half of what was pushed to it, once; the number of the line, None if it had been stated before."""
    if not _first(node, connection, asking):
        return None
    request = bytes.fromhex(asking.request.id)
    listed = opened.listed if outcome == "received" else []
    digest = digest_of(opened.disclosure_bytes)
    return state_half(
        node, connection, asking.source, asking.account, asking.obligation, request, outcome, listed, digest,
        keys=opened.keys if listed else (),
    )  # fmt: skip


def refuse_pushed(node: "Node", connection: sql.Connection, asking: Asking, failure: NotGenuineError) -> None:
    """An alarm, and this node's half, about something pushed to it that does not verify."""
    raise_alarm(node, connection, asking.source, failure)
    if _first(node, connection, asking):
        request = bytes.fromhex(asking.request.id)
        parts = (asking.source, asking.account, asking.obligation, request)
        state_half(node, connection, *parts, "refused", [], None, failure.code)


def _first(node: "Node", connection: sql.Connection, asking: Asking) -> bool:
    """Whether this is the first word about a push; it is remembered as a request that is done."""
    row = {
        "obligation": asking.obligation,
        "request": bytes.fromhex(asking.request.id),
        "source": asking.source,
        "account": asking.account,
        "expires": node.clock() + FORGET_AFTER_MS * 30,
    }
    known = sql.select(access.asking.c.obligation).where(access.asking.c.obligation == asking.obligation)
    if connection.execute(known).first() is not None:
        return False
    connection.execute(sql.insert(access.asking).values(**row, status="done"))
    return True
