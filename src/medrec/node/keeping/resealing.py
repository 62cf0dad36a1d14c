"""Sealing anew what stays of a person when a part of what is kept of her is forgotten.

Her keys `lines` and `data` and her secret on the ring change together: a backup from before then opens nothing of hers,
neither with the keys of its own nor with those that she has now.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql
from sqlalchemy import Table

from medrec.core import codec
from medrec.node.keeping import account_keys, store
from medrec.node.keeping.journal import NOTICES_PATH, WAITING, WAITING_PARTS, Person, parts_of
from medrec.node.keeping.store import metadata
from medrec.node.keeping.vault import PersonKeys

if TYPE_CHECKING:
    from medrec.node.node import Node

GONE = b""
"""What stands in the place of a manifest that was erased."""

UNDER_DATA: dict[str, Callable[[Any], bytes]] = {
    "consent": lambda row: bytes(row.hash),
    "delegation": lambda row: bytes(row.hash),
    "list_act": lambda row: bytes(row.id),
    "list_seen": lambda row: b"list seen",
    "list_put_away": lambda row: bytes(row.id),
    "own_entry": lambda row: f"entry {row.type}/{row.id}".encode(),
    "half_keys": lambda row: bytes(row.obligation),
    "share_link": lambda row: bytes(row.id),
    "stated_secret": lambda row: bytes(row.nullifier),
    "attested_secret": lambda row: bytes(row.nullifier),
}
"""Tables with rows that are sealed under the key `data` of the person whose account they name; how each is bound."""

UNDER_DATA_BY_PERSON = {"identity": "identity", "body_known": "body"}
"""Tables with a row that is sealed under the key `data` of the person whose id it names, and what it is bound to."""


def renew(node: "Node", connection: sql.Connection, person: Person, gone: set[bytes]) -> PersonKeys:
    """Seal everything of a person under new keys, but the manifests (SHA-256) that go. Her old secret is still there:
    the caller has it destroyed when this is durable. Raises VaultError."""
    keys = node.vault.renewed(person.keys)
    column = store.manifest.c
    for row in connection.execute(sql.select(column.hash, column.sealed).where(column.person == person.id)).all():
        digest = bytes(row.hash)
        if bytes(row.sealed) == GONE or digest in gone:
            continue
        sealed = _anew(node, person.keys.lines, keys.lines, bytes(row.sealed), digest)
        connection.execute(sql.update(store.manifest).where(column.hash == digest).values(sealed=sealed))
    if person.account is not None:
        for name, context in UNDER_DATA.items():
            if name in metadata.tables:
                _renew_table(node, connection, metadata.tables[name], context, person, keys)
    for name, bound in UNDER_DATA_BY_PERSON.items():
        if name in metadata.tables:
            _renew_own(node, connection, metadata.tables[name], codec.encode([bound, person.id]), person, keys)
    _renew_waiting(node, connection, person, keys)
    former = store.former.c
    for row in connection.execute(sql.select(store.former).where(former.person == person.id)).all():
        wrapped = node.vault.wrap(keys.at_relationship(node.vault.unwrap(bytes(row.keys))))
        where = (former.person == person.id) & (former.epoch == row.epoch)
        connection.execute(sql.update(store.former).where(where).values(keys=wrapped))
    values = {"keys": node.vault.wrap(keys)}
    connection.execute(sql.update(store.person).where(store.person.c.id == person.id).values(**values))
    return keys


def _renew_table(
    node: "Node",
    connection: sql.Connection,
    table: Table,
    context: Callable[[Any], bytes],
    person: Person,
    keys: PersonKeys,
) -> None:
    for row in connection.execute(sql.select(table).where(table.c.account == person.account)).all():
        sealed = _anew(node, person.keys.data, keys.data, bytes(row.sealed), context(row))
        same = sql.and_(*(column == row._mapping[column.name] for column in table.primary_key.columns))
        connection.execute(sql.update(table).where(same).values(sealed=sealed))


def _renew_waiting(node: "Node", connection: sql.Connection, person: Person, keys: PersonKeys) -> None:
    """Notices that wait as they were sealed once lie under `lines` as well."""
    column = store.outbox.c
    for row in connection.execute(sql.select(column.id, column.payload).where(column.path == NOTICES_PATH)).all():
        value = parts_of(bytes(row.payload))
        if len(value) == WAITING_PARTS and value[1] == person.id:
            payload = codec.encode([*value[:2], _anew(node, person.keys.lines, keys.lines, value[2], WAITING)])
            connection.execute(sql.update(store.outbox).where(column.id == row.id).values(payload=payload))


def _renew_own(
    node: "Node", connection: sql.Connection, table: Table, context: bytes, person: Person, keys: PersonKeys
) -> None:
    where = table.c.person == person.id
    sealed = connection.execute(sql.select(table.c.sealed).where(where)).scalar()
    if sealed is not None:
        anew = node.vault.seal(
            keys.data, account_keys.open_either(node.vault, person.keys.data, bytes(sealed), context), context
        )
        connection.execute(sql.update(table).where(where).values(sealed=anew))


def _anew(node: "Node", before: bytes, after: bytes, sealed: bytes, context: bytes) -> bytes:
    return node.vault.seal(after, node.vault.open(before, sealed, context), context)
