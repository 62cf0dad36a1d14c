"""What holds of a right that an organisation states, and not the person: decision record 0135.

One organisation's word is not enough to act for somebody at once. Such a right begins after three days, of which she is
told when it comes, unless a second place has stated the same; it never opens anything to the organisation that stated
it; and it holds only while the claims about it are true (claims.py).
"""

from typing import TYPE_CHECKING

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from medrec.core import state
from medrec.core.consent import access
from medrec.core.crypto import key_id, verify_ed25519
from medrec.core.delegation import DAY_MS
from medrec.core.manifests.consent import FhirConsentManifest
from medrec.core.manifests.delegation import Delegation, delegation_message
from medrec.node.keeping.store import metadata
from medrec.node.refusals import Code, Refusal

if TYPE_CHECKING:
    from medrec.node.account.delegates import Held
    from medrec.node.node import Node

WAIT_MS = 3 * DAY_MS
ATTESTED = b"medrec/attested-delegation/1"
ATTESTED_END = b"medrec/attested-delegation-end/1"
"""What stands before the message of an end when an organisation's key signs it."""
"""What stands before the message of a delegation when an organisation's key signs it: it signs nothing of 32 bytes but
transactions."""

# From when a right that an organisation stated may be used here.
delegation_begins = Table(
    "delegation_begins",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("account", String(80), nullable=False),
    Column("time", BigInteger, nullable=False),
)


def check_issuer(delegation: Delegation, issuer: state.Organisation | None) -> None:
    """Whether the organisation that states it signed it. Raises Refusal."""
    if issuer is None:
        raise Refusal(Code.DELEGATION_VOID, "It is not of a hospital or a clinic.")
    public, signed = issuer.keys.ed25519, ATTESTED + delegation_message(delegation)
    if delegation.key != key_id(public).hex() or not verify_ed25519(
        public, signed, bytes.fromhex(delegation.signature)
    ):
        raise Refusal(Code.BAD_SIGNATURE)


def begins(delegation: Delegation, others: "list[Held]", shown: bool, now: int) -> int:
    """From when (ms) a right that comes now may be used here; `others` are those that the person has here, `shown`
    whether her agent shows it, which has waited.

    What an organisation states anew of a right that has begun goes on, if it gives no more than before.
    """
    if delegation.attested is None or shown:
        return now
    for held in others:
        other = held.delegation
        same = (other.delegate, other.basis, other.born) == (delegation.delegate, delegation.basis, delegation.born)
        if not same or not held.lives or held.doubted or other.attested is None or not _within(delegation, other):
            continue
        if other.attested != delegation.attested or held.begins <= now:
            return now
    return now + WAIT_MS


def _within(delegation: Delegation, other: Delegation) -> bool:
    """Whether a right reaches no further than another one."""
    kinds = not other.types or (bool(delegation.types) and set(delegation.types) <= set(other.types))
    return set(delegation.rights) <= set(other.rights) and kinds


def note_begin(connection: sql.Connection, digest: bytes, account: str, time: int) -> None:
    """Keep from when a delegation may be used here. Inside `Store.write` only."""
    connection.execute(sql.insert(delegation_begins).values(hash=digest, account=account, time=time))


def begin_anew(connection: sql.Connection, digest: bytes, account: str, time: int) -> int:
    """It may be used from another time (ms) on, which is returned. Inside `Store.write` only."""
    connection.execute(sql.delete(delegation_begins).where(delegation_begins.c.hash == digest))
    note_begin(connection, digest, account, time)
    return time


def begun(connection: sql.Connection, digest: bytes) -> int:
    """From when (ms) a delegation may be used here; 0 for from the beginning."""
    where = delegation_begins.c.hash == digest
    return connection.execute(sql.select(delegation_begins.c.time).where(where)).scalar() or 0


def check_consent(node: "Node", consent: FhirConsentManifest, helper: str) -> None:
    """Whether one of the helper's rights carries what she signed: it reaches no further than the types she was named
    for, and opens nothing to the organisation that stated the right. Raises Refusal."""
    key, trouble = bytes.fromhex(consent.key), ""
    node.delegates.require(consent.account, helper, "consent", key=key)
    for held in node.delegates.every(consent.account, helper, "consent", key=key):
        types, issuer = held.delegation.types, held.delegation.attested
        if types and access.reaches_beyond(consent, types):
            trouble = "the consent reaches beyond what the helper was named for"
        elif issuer is not None and access.favours(consent, issuer):
            trouble = "it opens something to the organisation that named the helper"
        else:
            return
    raise Refusal(Code.NOT_A_DELEGATE, trouble)
