"""What this organisation keeps of each right that it states, so that it can end it whatever happens.

It is written before anybody is told of the right, under the organisation's own key: also of a right whose arrival
nobody confirmed, and of a person who is not linked any more.
"""

from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sql
from sqlalchemy import Column, LargeBinary, String, Table

from medrec.core import codec, commitment
from medrec.core.manifests.delegation import Clerk, Delegation, decode_delegation
from medrec.node.keeping import store
from medrec.node.keeping.store import metadata
from medrec.node.keeping.vault import VaultError

if TYPE_CHECKING:
    from medrec.node.node import Node

stated_secret = Table(
    "stated_secret",
    metadata,
    Column("nullifier", LargeBinary(32), primary_key=True),
    Column("account", String(80), nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
)


class Kept(msgspec.Struct, frozen=True):
    """A right that this organisation states: of which patient, the secret that ends it, the signed text, the clerks who
    saw the papers in the order in which they signed; whether another clerk has to sign before anybody is told of it,
    and who ended it when (ms)."""

    patient: str
    secret: bytes
    data: bytes
    clerks: list[Clerk]
    waits: bool = False
    ended_by: str = ""
    ended: int | None = None

    @property
    def delegation(self) -> Delegation:
        """What is stated."""
        return decode_delegation(self.data)

    @property
    def nullifier(self) -> bytes:
        """What names it."""
        return commitment.nullifier(self.secret)


def keep(node: "Node", kept: Kept, alarm: dict[str, Any] | None = None) -> None:
    """Write it down, in the place of what was known of it, and with it an alarm (a row of store.alarm)."""
    nullifier = kept.nullifier
    content = codec.encode(msgspec.to_builtins(kept, builtin_types=(bytes,)))
    sealed = node.vault.seal(None, content, nullifier)
    row = {"nullifier": nullifier, "account": kept.delegation.account, "sealed": sealed}

    def write(connection: sql.Connection) -> None:
        connection.execute(sql.delete(stated_secret).where(stated_secret.c.nullifier == nullifier))
        connection.execute(sql.insert(stated_secret).values(**row))
        if alarm is not None:
            connection.execute(sql.insert(store.alarm).values(**alarm))

    node.store.write(write)


def forget(node: "Node", nullifier: bytes) -> None:
    """Of a right that nobody was told of, nothing is kept."""
    where = stated_secret.c.nullifier == nullifier
    node.store.write(lambda connection: connection.execute(sql.delete(stated_secret).where(where)))


def all_kept(node: "Node", account: str = "") -> list[Kept]:
    """Every right that this organisation stated (of one account), the newest first."""
    query = sql.select(stated_secret)
    if account:
        query = query.where(stated_secret.c.account == account)
    with node.store.read() as connection:
        rows = connection.execute(query).all()
    found = [_opened(node, row.account, bytes(row.nullifier), bytes(row.sealed)) for row in rows]
    return sorted((one for one in found if one is not None), key=lambda one: -one.delegation.time)


def find(node: "Node", nullifier: bytes) -> Kept | None:
    """One of them."""
    with node.store.read() as connection:
        row = connection.execute(sql.select(stated_secret).where(stated_secret.c.nullifier == nullifier)).one_or_none()
    return _opened(node, row.account, nullifier, bytes(row.sealed)) if row is not None else None


def secret_of(node: "Node", account: str, nullifier: bytes) -> bytes | None:
    """The secret that ends a person's right, where this organisation stated it for her."""
    kept = find(node, nullifier)
    return kept.secret if kept is not None and kept.delegation.account == account else None


def _opened(node: "Node", account: str, nullifier: bytes, sealed: bytes) -> Kept | None:
    try:
        return msgspec.convert(codec.decode(node.vault.open(None, sealed, nullifier)), Kept)
    except (VaultError, codec.CodecError, msgspec.ValidationError):
        return _older(node, account, nullifier, sealed)


def _older(node: "Node", account: str, nullifier: bytes, sealed: bytes) -> Kept | None:
    """One of before: the secret alone, under the key of the person."""
    with node.store.read() as connection:
        person = node.journal.person_of_account(connection, account)
    held = node.delegates.by_nullifier(account, nullifier)
    if person is None or person.patient is None or held is None:
        return None
    try:
        secret = node.vault.open(person.keys.data, sealed, nullifier)
    except VaultError:
        return None
    return Kept(person.patient, secret, held.data, [], False, "", held.ended)
