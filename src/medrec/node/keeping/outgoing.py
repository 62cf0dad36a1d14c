"""What people said, or was said of them, and waits in the outbox: under the key that this node has for each of them.

    queue(connection, vault, account, rows)             put it there, sealed
    opened(connection, vault, payload)                  as it is sent
    waiting(connection, vault, path, account)           what waits of one kind, opened
    heard(connection, vault, path, account, copies)     who has heard them, or has said no
    drop(connection, account)                           whoever is erased: nothing of hers is sent any more

The payload of such a row is CBOR ["sealed", account, sealed]. With her key (account_keys.py) goes what lies in backups,
too.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import sqlalchemy as sql

from medrec.core import codec
from medrec.node.keeping import account_keys, store
from medrec.node.keeping.vault import Vault, VaultError

_MARK = "sealed"
_CONTEXT = b"outbox"
_START = codec.encode([_MARK, "", b""])[:-2]
_TEXT, _LENGTH_FOLLOWS = 0x60, 24
_HEAD_MAX = len(_START) + 2 + 80


class Outgoing(NamedTuple):
    """A row that waits: its id, where it goes, and what is sent."""

    id: int
    organisation: str
    payload: bytes


def queue(connection: sql.Connection, vault: Vault, account: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Put rows of the outbox there that speak of a person: organisation, path, payload, due. Inside `Store.write`."""
    sealed = [
        {
            **row,
            "payload": codec.encode(
                [_MARK, account, account_keys.seal_for(connection, vault, account, row["payload"], _CONTEXT)]
            ),
        }
        for row in rows
    ]
    if sealed:
        connection.execute(sql.insert(store.outbox), sealed)


def opened(connection: sql.Connection, vault: Vault, payload: bytes) -> bytes:
    """What is sent of a row. Raises VaultError when its person's key was destroyed."""
    # What speaks of nobody is sent as it lies there; so is what was queued before any was sealed.
    about = _about(payload)
    return payload if about is None else account_keys.open_for(connection, vault, *about, _CONTEXT)


def head() -> sql.ColumnElement[bytes]:
    """As much of a row's payload as says whose it is: for `whose`."""
    return sql.func.substr(store.outbox.c.payload, 1, _HEAD_MAX)


def whose(head: bytes) -> str | None:
    """Whose a payload is that begins so (`head`); None for one that lies there as it is sent."""
    if not head.startswith(_START):
        return None
    start = len(_START)
    # CBOR's own length of a text: in the first byte up to 23, else in the one that follows (an account has 80 at most).
    length, begin = head[start] - _TEXT, start + 1
    if length == _LENGTH_FOLLOWS:
        length, begin = head[begin], begin + 1
    return head[begin : begin + length].decode()


def _about(payload: bytes) -> tuple[str, bytes] | None:
    """Whose a sealed payload is, and what lies sealed in it; None for one that lies there as it is sent."""
    try:
        value = codec.decode(payload)
    except codec.CodecError:
        return None
    if type(value) is not list or len(value) != len((_MARK, "account", "sealed")) or value[0] != _MARK:
        return None
    return value[1], value[2]


def waiting(connection: sql.Connection, vault: Vault, path: str, account: str | None = None) -> list[Outgoing]:
    """What waits for one path, oldest first, as it is sent, without what does not open any more.

    Of one person's, with what was queued before any was sealed, whosever that is; None: of everybody's."""
    column, found = store.outbox.c, list[Outgoing]()
    for row in connection.execute(sql.select(store.outbox).where(column.path == path).order_by(column.id)).all():
        about = _about(bytes(row.payload))
        if account is not None and about is not None and about[0] != account:
            continue
        with suppress(VaultError):
            found.append(Outgoing(row.id, row.organisation, opened(connection, vault, bytes(row.payload))))
    return found


def heard(connection: sql.Connection, vault: Vault, path: str, account: str, copies: Mapping[str, bytes]) -> None:
    """Take out what waits of a person for one path where it is what these organisations, by id, have heard already, or
    have said no to. Inside `Store.write`."""
    for row in waiting(connection, vault, path, account):
        if copies.get(row.organisation) == row.payload:
            connection.execute(sql.delete(store.outbox).where(store.outbox.c.id == row.id))


def drop(connection: sql.Connection, account: str) -> None:
    """Take out what waits of a person. Inside `Store.write`."""
    connection.execute(sql.delete(store.outbox).where(is_about(account)))


def is_about(account: str) -> sql.ColumnElement[bool]:
    """The condition for the rows of the outbox that wait under a person's key."""
    start = codec.encode([_MARK, account, b""])[:-1]
    return sql.func.substr(store.outbox.c.payload, 1, len(start)) == start
