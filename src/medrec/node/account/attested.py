"""What holds of a right that an organisation states, and not the person: decision record 0135.

One organisation's word is not enough to act for somebody at once. Where she is served, such a right begins after three
days, of which she is told when it comes, unless a second place has stated the same; a record that contradicts the date
of birth makes it void; and it never opens anything to the organisation that stated it.
"""

from typing import TYPE_CHECKING, Any

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from medrec.core import state
from medrec.core.consent import access
from medrec.core.crypto import key_id, verify_ed25519
from medrec.core.delegation import DAY_MS, Standing
from medrec.core.kinds.recovery import CLINIC_ROLES
from medrec.core.manifests.consent import FhirConsentManifest
from medrec.core.manifests.delegation import Delegation, delegation_message
from medrec.core.records.canonical import RecordError, canonical
from medrec.node.agent.own import places
from medrec.node.keeping.journal import Person
from medrec.node.keeping.store import metadata
from medrec.node.refusals import Code, Refusal

if TYPE_CHECKING:
    from medrec.node.account.delegates import Held
    from medrec.node.node import Node

WAIT_MS = 3 * DAY_MS
ATTESTED = b"medrec/attested-delegation/1"
"""What stands before the message of a delegation when an organisation's key signs it: it signs nothing of 32 bytes but
transactions."""

# From when a right that an organisation stated may be used at an agent.
delegation_begins = Table(
    "delegation_begins",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("account", String(80), nullable=False),
    Column("time", BigInteger, nullable=False),
)


def check_issuer(node: "Node", delegation: Delegation, issuer: state.Organisation | None) -> None:
    """Whether a hospital or clinic that knows the person signed it. Raises Refusal."""
    if issuer is None or not issuer.active or not CLINIC_ROLES.intersection(issuer.roles):
        raise Refusal(Code.DELEGATION_VOID, "It is not of a hospital or a clinic.")
    public, signed = issuer.keys.ed25519, ATTESTED + delegation_message(delegation)
    if delegation.key != key_id(public).hex() or not verify_ed25519(
        public, signed, bytes.fromhex(delegation.signature)
    ):
        raise Refusal(Code.BAD_SIGNATURE)
    if not _knows(node, issuer.id, delegation.account):
        raise Refusal(Code.DELEGATION_VOID, "That organisation does not know the person.")


def _knows(node: "Node", issuer: str, account: str) -> bool:
    """Whether an organisation that attests is one the person is linked at, as far as this node can tell."""
    if issuer == node.organisation:
        with node.store.read() as connection:
            return node.journal.person_of_account(connection, account) is not None
    return node.agent is None or issuer in places(node, account)


def check_birth(node: "Node", person: Person, delegation: Delegation) -> None:
    """Whether no record known here gives the person another date of birth than a parent's right does: her own Patient
    record, and at her agent the copies from every place. A date that is not whole contradicts in what it says. Raises
    Refusal."""
    if contradicted(node, person, delegation):
        raise Refusal(Code.DELEGATION_VOID, "A record of this person has another date of birth.")


def contradicted(node: "Node", person: Person, delegation: Delegation) -> bool:
    """Whether a record that is known now says so: one that comes later closes what was taken in before."""
    born = delegation.born
    return born is not None and not all(
        born.startswith(date) for date in _birth_dates(node, person, delegation.account)
    )


def _birth_dates(node: "Node", person: Person, account: str) -> list[str]:
    here = node.linker.patient(person.patient) if person.patient is not None else None
    found = [here.birth] if here is not None else []
    for copy in node.copies.all(account, "Patient") if node.copies is not None else ():
        try:
            value: Any = canonical(copy.content).value
        except RecordError:
            continue
        date = value.get("birthDate") if isinstance(value, dict) else None
        found.append(date if isinstance(date, str) else "")
    return [date[:10] for date in found if date]


def begins(node: "Node", delegation: Delegation, others: "list[Held]", now: int) -> int:
    """From when (ms) a right that comes now may be used here; `others` are those that the person has here.

    At once where nobody is served, and where this organisation has seen the papers itself. What an organisation states
    anew of a right that has begun goes on, if it gives no more than before.
    """
    if delegation.attested is None or node.agent is None or delegation.attested == node.organisation:
        return now
    for held in others:
        other = held.delegation
        same = (other.delegate, other.basis, other.born) == (delegation.delegate, delegation.basis, delegation.born)
        alive = held.ended is None and held.standing not in (Standing.GROWN, Standing.OVER)
        if not same or not alive or other.attested is None or not _within(delegation, other):
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
