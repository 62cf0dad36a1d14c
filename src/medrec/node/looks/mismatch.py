"""An organisation told a person one thing and put another on the ledger."""

from typing import Any

import sqlalchemy as sql

from medrec.node.keeping import store


def raise_mismatch(connection: sql.Connection, row: dict[str, Any], now: int) -> None:
    """An alarm about a notice's row, once; inside `Store.write` only."""
    subject = f"{row['organisation']} {row['epoch']} {row['counter']}"
    where = (store.alarm.c.code == "notice-mismatch") & (store.alarm.c.subject == subject)
    if connection.execute(sql.select(store.alarm.c.id).where(where)).first() is None:
        sentence = f"{row['organisation']} told of a line that is not the one it put on the ledger; do not trust it."
        values = {"time": now, "code": "notice-mismatch", "subject": subject, "sentence": sentence}
        connection.execute(sql.insert(store.alarm).values(**values))
