"""Is the journal the one that the ledger knows? The chain of lines alone cannot tell: whoever rewrites a line can
rewrite every hash after it. The ledger holds the hash of the last batch, each batch names the one before it, the
journal's chain hash at its last line, and the root of its entries; so no anchored line can be cut or changed.
"""

from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from medrec.core import codec, merkle, state
from medrec.core.state import BatchHead
from medrec.core.types import transaction_id
from medrec.node.keeping import journal, reduced, store

if TYPE_CHECKING:
    from medrec.node.node import Node


NO_HEAD = (0, state.NO_BATCH)


def audit_journal(node: "Node") -> str | None:
    """None if the journal is whole and is the one on the ledger; else one sentence saying what is wrong."""
    with node.engine.view() as view:
        head = state.read(view, state.batch_key(node.organisation), BatchHead)
    with node.store.read() as connection:
        return journal.verify(connection) or _audit_batches(connection, head)


def _audit_batches(connection: sql.Connection, head: BatchHead | None) -> str | None:
    previous, last = state.NO_BATCH, 0
    for row in connection.execute(
        sql.select(store.batch).where(store.batch.c.height.is_not(None)).order_by(store.batch.c.number)
    ):
        body = bytes(codec.decode(bytes(row.transaction))[0])
        payload = codec.decode(body)["payload"]
        if payload["first"] != last + 1 or payload["previous"] != previous:
            return f"Batch {row.number} does not follow the batch before it."
        previous, last = transaction_id(body), last + payload["count"]
        fault = _audit_lines(connection, row.number, payload)
        if fault is not None:
            return fault
    stands = NO_HEAD if head is None else (head.last, head.transaction)
    if (last, previous) != stands:
        return f"The ledger knows {stands[0]} anchored lines of this journal, and the journal {last}, or others."
    return None


def _audit_lines(connection: sql.Connection, number: int, payload: dict[str, Any]) -> str | None:
    first, last = payload["first"], payload["first"] + payload["count"] - 1
    lines = reduced.stretch(connection, first, last)
    if len(lines) != payload["count"]:
        return f"Lines of batch {number} ({first} to {last}) are missing, though the ledger holds them."
    root = merkle.root([merkle.leaf_hash(line.entry) for line in lines])
    if root != payload["root"] or lines[-1].hash != payload["journal"]:
        return f"Lines of batch {number} ({first} to {last}) are not those that were anchored."
    return None
