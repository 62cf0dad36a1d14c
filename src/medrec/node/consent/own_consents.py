"""What an agent keeps of the consents its people gave through it: the secrets that take them back, sealed.

A secret alone takes nothing back: that needs the person's signature as well. So the agent can keep them for her, and
a permission can be stopped from a new phone.
"""

from typing import TYPE_CHECKING

import sqlalchemy as sql
from sqlalchemy import Column, Index, LargeBinary, String, Table

from medrec.core.commitment import nullifier as nullifier_of
from medrec.node.keeping.store import metadata

if TYPE_CHECKING:
    from medrec.node.node import Node

kept_secret = Table(
    "kept_secret",
    metadata,
    Column("nullifier", LargeBinary(32), primary_key=True),
    Column("account", String(80), nullable=False),
    Column("organisation", String(32), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)
Index("kept_secret_account", kept_secret.c.account)


def keep(node: "Node", account: str, organisation: str, secret: bytes) -> None:
    """Keep the secret of a consent that a person gave to an organisation."""
    mark = nullifier_of(secret)
    row = {"nullifier": mark, "account": account, "organisation": organisation}
    sealed = node.vault.seal(None, secret, mark)

    def write(connection: sql.Connection) -> None:
        connection.execute(sql.delete(kept_secret).where(kept_secret.c.nullifier == mark))
        connection.execute(sql.insert(kept_secret).values(**row, sealed=sealed))

    node.store.write(write)


def secret_of(node: "Node", account: str, mark: bytes) -> tuple[str, bytes] | None:
    """(organisation, secret) of a person's consent by its nullifier; None if it was not given through here."""
    column = kept_secret.c
    query = sql.select(column.organisation, column.sealed).where(column.nullifier == mark, column.account == account)
    with node.store.read() as connection:
        row = connection.execute(query).one_or_none()
    return (row.organisation, node.vault.open(None, bytes(row.sealed), mark)) if row is not None else None


def known(node: "Node", account: str) -> set[bytes]:
    """The nullifiers of the consents whose secrets are kept for a person."""
    with node.store.read() as connection:
        rows = connection.execute(sql.select(kept_secret.c.nullifier).where(kept_secret.c.account == account))
        return {bytes(mark) for mark in rows.scalars()}
