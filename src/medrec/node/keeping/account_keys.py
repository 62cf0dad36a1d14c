"""Keys for what is kept of people who are no patients here: one a person, under the master key and a secret of its own.

A provider takes referrals about people whom it does not know yet. What came is sealed under this key, so that whoever
is forgotten is forgotten in every backup of the store, too: the secret lies on the ring (ring.py), and is destroyed.
"""

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, String, Table

from medrec.node.keeping import store
from medrec.node.keeping.store import metadata
from medrec.node.keeping.vault import Vault, VaultError

account_secret = Table(
    "account_secret",
    metadata,
    Column("account", String(80), primary_key=True),
    Column("secret", BigInteger, nullable=False),
)


def seal_for(connection: sql.Connection, vault: Vault, account: str, plaintext: bytes, context: bytes) -> bytes:
    """Seal something of a person's under her key here, which is made when it is first needed. Inside a write."""
    number = number_of(connection, account)
    if number is None:
        number = vault.ring.make()
        connection.execute(sql.insert(account_secret).values(account=account, secret=number))
    return vault.seal(vault.account_key(number), plaintext, context)


def open_for(connection: sql.Connection, vault: Vault, account: str, sealed: bytes, context: bytes) -> bytes:
    """Open it again. Raises VaultError, also when her secret was destroyed."""
    number = number_of(connection, account)
    if number is None:
        raise VaultError("there is no key for this person here")
    return open_either(vault, vault.account_key(number), sealed, context)


def data_key(connection: sql.Connection, vault: Vault, person: int) -> bytes:
    """The key `data` of a person of this node. Raises VaultError if her secret was destroyed."""
    keys = sql.select(store.person.c["keys"]).where(store.person.c.id == person)
    return vault.unwrap(bytes(connection.execute(keys).scalar_one())).data


def open_either(vault: Vault, key: bytes, sealed: bytes, context: bytes) -> bytes:
    """Open what lies under a person's key, or, from before it did, under the master key. Raises VaultError."""
    try:
        return vault.open(key, sealed, context)
    except VaultError:
        return vault.open(None, sealed, context)


def number_of(connection: sql.Connection, account: str) -> int | None:
    """The number of a person's secret on the ring; None if she has none."""
    column = account_secret.c
    return connection.execute(sql.select(column.secret).where(column.account == account)).scalar()
