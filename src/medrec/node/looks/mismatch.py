"""An organisation told a person one thing and put another on the ledger, or what two told of a look does not fit."""

from typing import Any

import sqlalchemy as sql

from medrec.node.keeping import store
from medrec.node.looks.look_parts import named


def raise_mismatch(connection: sql.Connection, row: dict[str, Any], now: int) -> None:
    """An alarm about a notice's row, once; inside `Store.write` only."""
    subject = f"{row['organisation']} {row['epoch']} {row['counter']}"
    sentence = f"{row['organisation']} told of a line that is not the one it put on the ledger; do not trust it."
    _raise(connection, "notice-mismatch", subject, sentence, now)


def raise_contradiction(connection: sql.Connection, statement: Any, now: int) -> None:
    """An alarm about a look, by a line of it: what was told of it does not fit together. Once; inside `Store.write`."""
    source, obligation = named(statement) or (statement.organisation, "")
    raise_contradiction_of(connection, source, obligation, now)


def raise_contradiction_of(connection: sql.Connection, source: str, obligation: str, now: int) -> None:
    """The same, by its source and what was owed for it, or the dispute about it."""
    sentence = f"What {source} and whoever asked it have written down about a look does not fit together; call both."
    _raise(connection, "look-contradicted", f"{source} {obligation}", sentence, now)


def raise_gone_key(connection: sql.Connection, organisation: str, now: int) -> None:
    """An alarm about who tells of a person's word that is dated after the key that signed it was gone. Once."""
    sentence = (
        f"{organisation} tells of a word by a key that was gone when it was written; do not trust it, and call them."
    )
    _raise(connection, "key-was-gone", organisation, sentence, now)


def _raise(connection: sql.Connection, code: str, subject: str, sentence: str, now: int) -> None:
    where = (store.alarm.c.code == code) & (store.alarm.c.subject == subject)
    if connection.execute(sql.select(store.alarm.c.id).where(where)).first() is None:
        values = {"time": now, "code": code, "subject": subject, "sentence": sentence}
        connection.execute(sql.insert(store.alarm).values(**values))
