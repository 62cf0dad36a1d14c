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


def tables_there(connection: sql.Connection) -> frozenset[str]:
    """The names of the tables that this store has."""
    if connection.dialect.name == "sqlite":
        # At each opening: SQLAlchemy's inspection took three quarters of it.
        return frozenset(connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars())
    return frozenset(sql.inspect(connection).get_table_names())


def former_keys(connection: sql.Connection, metadata: sql.MetaData, there: frozenset[str]) -> list[str]:
    """The tables that this store has with a former key, of those that are `there`."""
    known = [name for name in REKEYED if name in metadata.tables and name in there]
    keys = {name: _key(connection, name) for name in known}
    return [name for name in known if keys[name] != [column.name for column in metadata.tables[name].primary_key]]


def _key(connection: sql.Connection, table: str) -> list[str]:
    """The columns of a table's primary key, in their order there."""
    if connection.dialect.name == "sqlite":
        asked = "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk"
        return list(connection.exec_driver_sql(asked, (table,)).scalars())
    return list(sql.inspect(connection).get_pk_constraint(table)["constrained_columns"])


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
