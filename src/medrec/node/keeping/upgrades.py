"""Stores of former versions: a table whose key has changed since is made anew when the store opens, rows and all."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sql

FORMER = "?"
"""The organisation of what was written down when nobody wrote down whose it is; no organisation is called so."""

REKEYED: dict[str, dict[str, Any]] = {
    "delegation_rest": {},
    "delegation_ended": {},
    "list_act": {"organisation": FORMER},
    "list_act_ended": {"organisation": FORMER},
    "dispute_about_us": {},
    "dispute_taken": {},
}
"""Tables that had another primary key once, and what stands in the columns that they did not have. delegation_rest,
delegation_ended: of a delegation, whoever said it; now of each account. list_act, list_act_ended: of an act, whosever
it is; now of each organisation's. dispute_about_us: of a dispute, whoever told of it; now of each source's.
dispute_taken: of a dispute, whoever's; now of each account's."""


def former_keys(connection: sql.Connection, metadata: sql.MetaData) -> list[str]:
    """The tables that this store has with a former key."""
    found = sql.inspect(connection)
    there = frozenset(found.get_table_names())
    known = [name for name in REKEYED if name in metadata.tables and name in there]
    keys = {name: found.get_pk_constraint(name)["constrained_columns"] for name in known}
    return [name for name in known if keys[name] != [column.name for column in metadata.tables[name].primary_key]]


def rekey(engine: sql.Engine, metadata: sql.MetaData, former: Sequence[str]) -> None:
    """Make these tables anew, rows and all. Each is one transaction: a crash leaves what was."""
    for name in former:
        table, added = metadata.tables[name], REKEYED[name]
        with engine.begin() as connection:
            kept = [column for column in table.columns if column.name not in added]
            rows = [{**row, **added} for row in connection.execute(sql.select(*kept)).mappings()]
            table.drop(connection)
            table.create(connection)
            if rows:
                connection.execute(sql.insert(table), rows)
