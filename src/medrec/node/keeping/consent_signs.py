"""Whether the consents of an account are those that were read before: a sign beside them, drawn anew at every change.

To read forty consents takes longer than all that is decided by them. The sign is drawn by the database itself, in the
transaction that gives, takes back or erases one, by whatever process: two equal signs mean the same consents. It never
comes again, and goes with the last consent of its account. PostgreSQL draws none, and a store without one is read.
"""

from typing import Any

import sqlalchemy as sql
from sqlalchemy import Column, LargeBinary, String, Table

from medrec.node.keeping.store import metadata

consent_sign = Table(
    "consent_sign",
    metadata,
    Column("account", String(80), primary_key=True),
    Column("sign", LargeBinary(16), nullable=False),
    sqlite_with_rowid=False,
)

_CHANGES = {"INSERT": ("NEW",), "DELETE": ("OLD",), "UPDATE": ("OLD", "NEW")}
_DRAWN = """
    DELETE FROM consent_sign WHERE account = ROW.account;
    INSERT INTO consent_sign (account, sign) SELECT ROW.account, randomblob(16)
        WHERE EXISTS (SELECT 1 FROM consent WHERE account = ROW.account);
"""
_UNSIGNED = """
    SELECT account FROM consent WHERE account NOT IN (SELECT account FROM consent_sign) LIMIT 1
"""
_SIGN = """
    INSERT INTO consent_sign (account, sign) SELECT account, randomblob(16) FROM consent
        WHERE account NOT IN (SELECT account FROM consent_sign) GROUP BY account
"""


@sql.event.listens_for(metadata, "after_create")
def _draw(_: sql.MetaData, connection: sql.Connection, **rest: Any) -> None:
    """Whenever a store is opened: have the database draw signs from now on, and one for what lies there unsigned."""
    if connection.dialect.name != "sqlite":
        return
    for change, rows in _CHANGES.items():
        drawn = "".join(_DRAWN.replace("ROW", row) for row in rows)
        named = f"CREATE TRIGGER IF NOT EXISTS consent_sign_{change.lower()} AFTER {change} ON consent"
        connection.execute(sql.text(f"{named} BEGIN {drawn} END"))
    # Another process may be writing: nothing is written but where it is needed.
    if connection.execute(sql.text(_UNSIGNED)).first() is not None:
        connection.execute(sql.text(_SIGN))
