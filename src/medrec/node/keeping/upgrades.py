"""Stores of former versions: a table whose key has changed since is made anew when the store opens, rows and all."""

import sqlalchemy as sql

REKEYED = ("delegation_rest",)
"""Tables that had another primary key once. delegation_rest: of a delegation, whoever said it; now of each account."""


def rekey(engine: sql.Engine, metadata: sql.MetaData) -> list[str]:
    """Make the tables anew that have a former key; which. All of it is one transaction: a crash leaves what was."""
    found = sql.inspect(engine)
    done = []
    for name in REKEYED:
        table = metadata.tables.get(name)
        if table is None or not found.has_table(name):
            continue
        if found.get_pk_constraint(name)["constrained_columns"] == [column.name for column in table.primary_key]:
            continue
        with engine.begin() as connection:
            rows = [dict(row) for row in connection.execute(sql.select(table)).mappings()]
            table.drop(connection)
            table.create(connection)
            if rows:
                connection.execute(sql.insert(table), rows)
        done.append(name)
    return done
