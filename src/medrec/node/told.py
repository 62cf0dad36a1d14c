"""What an agent was told about a person, opened again: the statements of some kinds, in the order of their lines."""

from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sql

from medrec.core import codec, manifests
from medrec.node import store

if TYPE_CHECKING:
    from medrec.node.node import Node


class Told(NamedTuple):
    """A statement: the tag of its line, who told it under which epoch of the link, its bytes, what it says, when it was
    written down there, and when it was told here (ms)."""

    tag: bytes
    organisation: str
    epoch: int
    data: bytes
    manifest: Any
    time: int
    received: int


def told(node: "Node", account: str, *kinds: str) -> list[Told]:
    """Everything of these kinds that could be opened, by place, epoch and line. Raises StoreError, VaultError."""
    column = store.notice.c
    chosen = (
        sql.select(column.tag, column.sealed, column.organisation, column.epoch, column.received)
        .where(column.account == account, column.kind.in_(kinds), column.sealed.is_not(None))
        .order_by(column.organisation, column.epoch, column.counter)
    )
    with node.store.read() as connection:
        rows = connection.execute(chosen).all()
    found = []
    for row in rows:
        data, _, _, time = codec.decode(node.vault.open(None, bytes(row.sealed), bytes(row.tag)))
        said, received = manifests.decode(data), row.received or 0
        found.append(Told(bytes(row.tag), row.organisation, row.epoch, data, said, int(time), received))
    return found
