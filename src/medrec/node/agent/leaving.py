"""Leaving an agent: what it keeps of a person goes, and the key of it; and what a node told itself of its own records.

A node may be an organisation that keeps records and the agent of the same people. What it erases as the one must not
lie with it as the other: the notices of its own lines hold the same manifests and salts.
"""

import hashlib
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sql

from medrec.node.agent.told import manifest_in
from medrec.node.keeping import client_keys, rehashing, store, tables_of_people
from medrec.node.keeping.store import metadata
from medrec.node.keeping.vault import Vault

if TYPE_CHECKING:
    from medrec.node.node import Node


ERASED_BEFORE = "client-erased"
"""The code of the alarm that says how many people of a restored store are served no longer."""


class Gone(NamedTuple):
    """What goes of a record: the manifests (SHA-256) that were told of it, and its name."""

    digests: frozenset[bytes]
    type: str
    id: str


def leave(connection: sql.Connection, account: str) -> list[int]:
    """Delete all that this node keeps as the agent of an account; the secrets that the caller has destroyed when this
    is durable. Inside `Store.write` only."""
    secret, notice = client_keys.number_of(connection, account), store.notice.c
    _unindex(connection, connection.execute(sql.select(notice.tag).where(notice.account == account)).scalars())
    for table in tables_of_people.of_client():
        connection.execute(sql.delete(table).where(table.c.account == account))
    return [secret] if secret is not None else []


def at_opening(kept: store.Store, vault: Vault, now: int) -> None:
    """Bring an agent's store to what may lie in it: under keys of its people, and without those who were erased.

    A backup that was put back knows people whose secret was destroyed since. Nothing of theirs opens: they leave, so
    that everybody else is served. In a store of another master key nobody does: whoever opens the node says so.
    Raises StoreError, VaultError.
    """
    client_keys.seal_former(kept, vault)
    with kept.read() as connection:
        gone = client_keys.destroyed(connection, vault)
    if gone and rehashing.belongs(kept, vault):
        kept.write(partial(_leave_again, vault, now))
    client_keys.rewrite(kept)


def _leave_again(vault: Vault, now: int, connection: sql.Connection) -> None:
    # Looked for anew: another process may have sealed somebody under a new secret, and destroyed the old one.
    accounts = client_keys.destroyed(connection, vault)
    if not accounts:
        return
    for account in accounts:
        leave(connection, account)
    client_keys.to_rewrite(connection)
    # Who was erased is named by no alarm.
    sentence = (
        f"The store is a copy from before an erasure: {len(accounts)} of the people served here cannot be opened any "
        "more, and are served no longer. Who was not erased has to be enrolled and linked again."
    )
    values = {"time": now, "code": ERASED_BEFORE, "subject": "store", "sentence": sentence}
    connection.execute(sql.insert(store.alarm).values(**values))


def forget_own(node: "Node", connection: sql.Connection, account: str, gone: Gone | None = None) -> list[int]:
    """Empty the notices of this node's own lines to somebody whom it serves too, and delete her copies from here: all,
    or those of a record; what stays lies under a new key. The secrets to be destroyed. Inside `Store.write` only.

    The places of the notices stay: a line that is on the ledger and was told is not missing. Raises VaultError.
    """
    notice, copies = store.notice.c, metadata.tables["record_copy"]
    if not client_keys.is_served(connection, account):
        return []
    own = (notice.account == account) & (notice.organisation == node.organisation) & notice.sealed.is_not(None)
    tags = [
        bytes(row.tag)
        for row in connection.execute(sql.select(notice.tag, notice.sealed).where(own)).all()
        if gone is None or hashlib.sha256(manifest_in(node.vault, row)).digest() in gone.digests
    ]
    _unindex(connection, tags)
    for tag in tags:
        connection.execute(sql.update(store.notice).where(own, notice.tag == tag).values(sealed=None, kind=""))
    hers = (copies.c.account == account) & (copies.c.organisation == node.organisation)
    if gone is not None:
        hers &= (copies.c.type == gone.type) & (copies.c.id == gone.id)
    connection.execute(sql.delete(copies).where(hers))
    before = client_keys.renew(connection, node.vault, account)
    return [before] if before is not None else []


def _unindex(connection: sql.Connection, tags: Iterable[bytes]) -> None:
    """Forget the looks that these lines told of; what others told of the same is indexed anew."""
    look, indexed = metadata.tables["look"], metadata.tables["look_indexed"]
    for tag in tags:
        parts = (look.c.given, look.c.received, look.c.refused)
        for row in connection.execute(sql.select(look.c.pair, *parts).where(sql.or_(*(one == tag for one in parts)))):
            connection.execute(sql.delete(look).where(look.c.pair == row.pair))
            told = [bytes(one) for one in row[1:] if one is not None]
            for other in (metadata.tables["look_contrary"], metadata.tables["look_asked"]):
                told += [
                    bytes(one)
                    for one in connection.execute(sql.select(other.c.tag).where(other.c.pair == row.pair)).scalars()
                ]
                connection.execute(sql.delete(other).where(other.c.pair == row.pair))
            connection.execute(sql.delete(indexed).where(indexed.c.tag.in_(told)))
        connection.execute(sql.delete(indexed).where(indexed.c.tag == tag))
