"""What an agent was told of records that a place holds back: until somebody there has decided, they are not hers."""

from typing import TYPE_CHECKING

import sqlalchemy as sql

from medrec.core.manifests.desk import HoldDecidedManifest, RecordHeldManifest
from medrec.node.agent import standing_links
from medrec.node.agent.told import told
from medrec.node.keeping import store
from medrec.node.right_person.contradicting import WHOLE

if TYPE_CHECKING:
    from medrec.node.node import Node


def held_back(node: "Node", account: str) -> set[tuple[str, str]]:
    """(organisation, "Type/id") of each record that is held back by what this agent was told last, and (organisation,
    "Patient") where everything from there is. What was held under a link that was undone since does not count."""
    column = store.notice.c
    rows = told(node, account, "record-held/1", "hold-decided/1")
    last = sql.select(column.organisation, sql.func.max(column.epoch))
    last = last.where(column.account == account, standing_links.is_of_place(column))
    with node.store.read() as connection:
        newest = connection.execute(last.group_by(column.organisation)).all() if rows else []
    links = {str(row[0]): int(row[1]) for row in newest}
    found: dict[tuple[str, str, str], bool] = {}
    for row in rows:
        said = row.manifest
        if row.epoch != links[row.organisation]:
            continue
        if isinstance(said, RecordHeldManifest | HoldDecidedManifest):
            # Of several charts of hers each is held back, and let go, by itself.
            held = isinstance(said, RecordHeldManifest) or said.decision == "another"
            found[row.organisation, said.type, said.record] = held
    every = [(place, kind, record) for (place, kind, record), held in found.items() if held]
    return {(place, WHOLE if kind == WHOLE else f"{kind}/{record}") for place, kind, record in every}
