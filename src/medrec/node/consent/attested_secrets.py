"""The secrets of consents that are written down here for a person: she did not sign them, so no secret is hers.

The organisation keeps each under her key, and takes the consent back as soon as she says so under her own signature:
what she never said must not stand because she cannot end it.
"""

from typing import TYPE_CHECKING

import sqlalchemy as sql
from sqlalchemy import Column, LargeBinary, String, Table

from medrec.core import commitment
from medrec.core.manifests.consent import revocation_message
from medrec.node.keeping.store import metadata
from medrec.node.refusals import Code, Refusal
from medrec.node.release.access import revoked

if TYPE_CHECKING:
    from medrec.node.node import Node

attested_secret = Table(
    "attested_secret",
    metadata,
    Column("nullifier", LargeBinary(32), primary_key=True),
    Column("account", String(80), nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
)


def draw(node: "Node", account: str) -> bytes:
    """Draw the secret of a consent and keep it; its nullifier. Raises Refusal (not-linked), StoreError.

    It stands before anybody signs: a consent whose secret is lost could not be taken back.
    """
    secret = node.vault.random(commitment.SECRET_BYTES)
    nullifier = commitment.nullifier(secret)

    def write(connection: sql.Connection) -> None:
        person = node.journal.person_of_account(connection, account)
        if person is None:
            raise Refusal(Code.NOT_LINKED)
        sealed = node.vault.seal(person.keys.data, secret, nullifier)
        row = {"nullifier": nullifier, "account": account, "sealed": sealed}
        connection.execute(sql.insert(attested_secret).values(**row))

    node.store.write(write)
    return nullifier


def forget(connection: sql.Connection, account: str) -> None:
    """What was written down for her has ended with her link. Inside `Store.write` only."""
    connection.execute(sql.delete(attested_secret).where(attested_secret.c.account == account))


def take_back(node: "Node", account: str, nullifier: bytes, key: bytes, signature: bytes) -> bool:
    """Take back what was written down here for a person, by its nullifier alone; False if it was taken back before.

    What was written down before secrets were kept has none: her signature alone ends it here, which is the one place
    where it counts; its nullifier never stands on the ledger. `signature` as in `Consents.take_back`. Raises Refusal
    (wrong-secret for what was not written down for her), StoreError, VaultError.
    """
    # Before anything is looked up: nobody else finds out what was written down for her.
    node.consents.check_signature(account, key.hex(), revocation_message(nullifier), signature.hex())
    column = attested_secret.c
    kept = sql.select(column.sealed).where(column.nullifier == nullifier, column.account == account)
    with node.store.read() as connection:
        person = node.journal.person_of_account(connection, account)
        sealed = connection.execute(kept).scalar()
    if person is None:
        raise Refusal(Code.WRONG_SECRET)
    if sealed is None:
        return _end_unkept(node, account, nullifier, key, signature)
    secret = node.vault.open(person.keys.data, bytes(sealed), nullifier)
    return node.consents.take_back(account, secret, key, signature)


def _end_unkept(node: "Node", account: str, nullifier: bytes, key: bytes, signature: bytes) -> bool:
    """End what was written down for her and has no secret. What she signed herself is taken back with its own."""
    stands = [kept.consent for kept in node.consents.of(account)]
    mine = [one for one in stands if one.nullifier == nullifier.hex() and getattr(one, "assurance", "") == "clinic"]

    def write(connection: sql.Connection) -> bool:
        over = (revoked.c.nullifier == nullifier) & (revoked.c.account == account)
        if not mine and connection.execute(sql.select(revoked.c.seq).where(over)).first() is None:
            raise Refusal(Code.WRONG_SECRET)
        return node.consents.end(connection, account, nullifier, None, key, signature)

    done = node.store.write(write)
    node.consents.changes += 1
    return done
