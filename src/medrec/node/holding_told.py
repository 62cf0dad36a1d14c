"""What an agent was told of records that a place holds back: until somebody there has decided, they are not hers."""

from typing import TYPE_CHECKING

import sqlalchemy as sql

from medrec.core import codec, manifests
from medrec.core.manifests.desk import HoldDecidedManifest, RecordHeldManifest
from medrec.node import holding, store

if TYPE_CHECKING:
    from medrec.node.node import Node


def held_back(node: "Node", account: str) -> set[tuple[str, str]]:
    """(organisation, "Type/id") of each record that is held back by what this agent was told last, and (organisation,
    "Patient") where everything from there is. What was held under a link that was undone since does not count."""
    column = store.notice.c
    chosen = (
        sql.select(column.tag, column.sealed, column.organisation, column.epoch)
        .where(
            column.account == account,
            column.kind.in_(("record-held/1", "hold-decided/1")),
            column.sealed.is_not(None),
        )
        .order_by(column.organisation, column.epoch, column.counter)
    )
    last = sql.select(column.organisation, sql.func.max(column.epoch)).where(column.account == account)
    with node.store.read() as connection:
        rows = connection.execute(chosen).all()
        newest = connection.execute(last.group_by(column.organisation)).all() if rows else []
    links = {str(row[0]): int(row[1]) for row in newest}
    found: dict[tuple[str, str], bool] = {}
    for row in rows:
        if row.epoch != links[row.organisation]:
            continue
        told = manifests.decode(codec.decode(node.vault.open(None, bytes(row.sealed), bytes(row.tag)))[0])
        if isinstance(told, RecordHeldManifest | HoldDecidedManifest):
            name = holding.WHOLE if told.type == holding.WHOLE else f"{told.type}/{told.record}"
            held = isinstance(told, RecordHeldManifest) or told.decision == "another"
            found[row.organisation, name] = held
    return {name for name, held in found.items() if held}
