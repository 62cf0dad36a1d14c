"""Keys for what an agent keeps of the people it serves: one a person, under the master key and a secret of its own.

Her view secret, the keys of her relationships, the notices (manifests and salts) and her copies of records lie under
it. The secret lies on the ring (ring.py): who leaves her agent is forgotten in every backup of its store, too. It is
not that of what the same node may hold of her as an organisation (account_keys.py): either ends without the other.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, String, Table

from medrec.node.keeping import store
from medrec.node.keeping.store import metadata
from medrec.node.keeping.vault import Vault, VaultError, kept_under

client_secret = Table(
    "client_secret",
    metadata,
    Column("account", String(80), primary_key=True),
    Column("secret", BigInteger, nullable=False),
)

TO_REWRITE = "agent-to-rewrite"
"""The setting that stands while free pages of the file may hold what was sealed anew, or went."""
SEALED: dict[str, tuple[str, Callable[[Any], bytes]]] = {
    "client": ("sealed", lambda row: row.account.encode()),
    "relationship": ("key", lambda row: f"{row.account} {row.organisation} {row.epoch}".encode()),
    "notice": ("sealed", lambda row: bytes(row.tag)),
    "record_copy": ("sealed", lambda row: bytes(row.tag)),
}
"""Tables with rows that lie under the key of the person whose account they name: the column, and how each is bound."""


def is_served(connection: sql.Connection, account: str) -> bool:
    """Whether this node is the agent of an account."""
    return (
        connection.execute(sql.select(store.client.c.account).where(store.client.c.account == account)).first()
        is not None
    )


def number_of(connection: sql.Connection, account: str) -> int | None:
    """The number of a person's secret on the ring; None where she is not served here."""
    column = client_secret.c
    return connection.execute(sql.select(column.secret).where(column.account == account)).scalar()


def begin(connection: sql.Connection, vault: Vault, account: str) -> int:
    """The number of the secret of somebody who is served from now on, made if she has none. Inside a write."""
    number = number_of(connection, account)
    if number is None:
        number = vault.ring.make()
        connection.execute(sql.insert(client_secret).values(account=account, secret=number))
    return number


def seal_for(connection: sql.Connection, vault: Vault, account: str, plaintext: bytes, context: bytes) -> bytes:
    """Seal something of a person who is served here (`Vault.open_kept` opens it). Raises LookupError if she is not."""
    number = number_of(connection, account)
    if number is None:
        raise LookupError("This account is not served by this agent.")
    return vault.seal_kept(number, plaintext, context)


def standing(connection: sql.Connection, vault: Vault, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of rows of notices that were sealed before this write, those whose person is still served, under the secret that
    she has now. Inside a write: what was erased in the meantime does not come back."""
    found = []
    for row in rows:
        number = number_of(connection, row["account"])
        if number is None:
            continue
        sealed = row["sealed"]
        if kept_under(sealed) != number:
            with suppress(VaultError):
                sealed = vault.seal_kept(number, vault.open_kept(sealed, row["tag"]), row["tag"])
            if kept_under(sealed) != number:
                continue
        found.append({**row, "sealed": sealed})
    return found


def renew(connection: sql.Connection, vault: Vault, account: str) -> int | None:
    """Seal all of a person that lies under her key under a new one. The number of the secret of before (None: she had
    none), which the caller has destroyed when this is durable. Raises VaultError."""
    before, number = number_of(connection, account), vault.ring.make()
    connection.execute(sql.delete(client_secret).where(client_secret.c.account == account))
    connection.execute(sql.insert(client_secret).values(account=account, secret=number))
    for name, (column, context) in SEALED.items():
        if name not in metadata.tables:
            continue
        table = metadata.tables[name]
        hers = sql.select(table).where(table.c.account == account, table.c[column].is_not(None))
        for row in connection.execute(hers).all():
            bound = context(row)
            sealed = vault.seal_kept(number, vault.open_kept(bytes(row._mapping[column]), bound), bound)
            same = sql.and_(*(one == row._mapping[one.name] for one in table.primary_key.columns))
            connection.execute(sql.update(table).where(same).values({column: sealed}))
    return before


def _renew_for(vault: Vault, account: str, connection: sql.Connection) -> None:
    renew(connection, vault, account)
    to_rewrite(connection)


def seal_former(kept: store.Store, vault: Vault) -> None:
    """Bring what a former version left under the master key alone under keys of the people served; one person a write.

    A crash leaves the others for the next time. Raises StoreError, VaultError.
    """
    secret = sql.select(client_secret.c.account)
    with kept.read() as connection:
        chosen = sql.select(store.client.c.account).where(store.client.c.account.not_in(secret))
        without = list(connection.execute(chosen.order_by(store.client.c.account)).scalars())
    for account in without:
        kept.write(partial(_renew_for, vault, account))


def destroyed(connection: sql.Connection, vault: Vault) -> list[str]:
    """The accounts of those whose secret was destroyed and who stand in the store all the same: it is a copy from
    before an erasure. Nobody, where it opens none of the others: then the ring is another's."""
    rows = connection.execute(sql.select(client_secret).order_by(client_secret.c.account)).all()
    gone = [row.account for row in rows if vault.ring.is_destroyed(row.secret)]
    if not gone:
        return []
    lost, every = set(gone), connection.execute(sql.select(store.client)).all()
    others = [row for row in every if row.account not in lost]
    return gone if not others or any(_opens(vault, row) for row in others) else []


def _opens(vault: Vault, row: Any) -> bool:
    try:
        vault.open_kept(bytes(row.sealed), row.account.encode())
    except VaultError:
        return False
    return True


def to_rewrite(connection: sql.Connection) -> None:
    """Have the file written anew when this is durable (`rewrite`), after a crash too. Inside a write."""
    name = store.setting.c.name
    if connection.execute(sql.select(name).where(name == TO_REWRITE)).first() is None:
        connection.execute(sql.insert(store.setting).values(name=TO_REWRITE, value=b""))


def rewrite(kept: store.Store) -> None:
    """Write the file anew if it waits for that, so that no free page holds what was there. Raises StoreError."""
    owed = store.setting.c.name == TO_REWRITE
    with kept.read() as connection:
        waits = connection.execute(sql.select(store.setting.c.name).where(owed)).first() is not None
    if waits:
        kept.compact()
        kept.write(lambda connection: connection.execute(sql.delete(store.setting).where(owed)))
