"""A parent or guardian at the desk: a hospital or clinic that has seen the papers states who may act for a child.

The statement is the organisation's (delegates.py); which of its clerks saw the papers signs the same text with her own
key, and stands with it in the child's lines. The date of birth is that of the child's own record here, never what
somebody types. The right shrinks with the child (core/delegation.py): it is looked at again from the 11th birthday on,
which is a new statement in the place of the old one, and ends on the 16th.
"""

import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import sqlalchemy as sql
from sqlalchemy import Column, LargeBinary, String, Table

from medrec.core import commitment, state
from medrec.core.credential import signed_by
from medrec.core.delegation import END_AGE, LONGEST_MS, Standing, birthday
from medrec.core.manifests.delegation import (
    Clerk,
    Delegation,
    Right,
    delegation_end_message,
    delegation_message,
    encode_delegation,
)
from medrec.node.account import staff
from medrec.node.account.delegates import ATTESTED, ATTESTED_END, DELEGATIONS_PATH, Held
from medrec.node.account.staff import Member
from medrec.node.consent import attesting
from medrec.node.keeping import store
from medrec.node.keeping.store import metadata
from medrec.node.keeping.vault import VaultError
from medrec.node.refusals import Code, Refusal

if TYPE_CHECKING:
    from medrec.node.node import Node

_WHOLE_DATE = re.compile(r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}\Z")

# The secrets that end what this organisation stated, sealed under the key `data` of the person.
stated_secret = Table(
    "stated_secret",
    metadata,
    Column("nullifier", LargeBinary(32), primary_key=True),
    Column("account", String(80), nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
)


class NotAChildError(Exception):
    """Nobody is stated to be a parent here. `code` says why: not-linked, no-birth-date, grown, no-such-helper."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Drafted(NamedTuple):
    """A statement that waits for the clerk's signature over `message`, and the secret that ends it."""

    delegation: Delegation
    secret: bytes
    clerk: Member

    @property
    def message(self) -> bytes:
        """What the clerk and the organisation sign."""
        return delegation_message(self.delegation)


class Parent(NamedTuple):
    """A right that this organisation stated: of which patient, and how it stands."""

    patient: str
    held: Held

    @property
    def review(self) -> bool:
        """Whether it has to be looked at again."""
        return self.held.ended is None and self.held.standing in (Standing.REVIEW_DUE, Standing.RESTS)


def draft(node: "Node", patient: str, delegate: str, name: str, rights: list[Right], clerk: Member) -> Drafted:
    """What will be signed for a local patient who is under sixteen. Raises NotAChildError, Refusal."""
    account, who = attesting.account_of(node, patient), node.linker.patient(patient)
    if account is None:
        raise NotAChildError("not-linked")
    born, now = who.birth if who is not None else "", node.clock()
    if not _WHOLE_DATE.match(born) or birthday(born, 0) > now:
        raise NotAChildError("no-birth-date")
    ends = birthday(born, END_AGE)
    if now >= ends:
        raise NotAChildError("grown")
    with node.engine.view() as view:
        if delegate == account or state.account(view, delegate) is None:
            raise NotAChildError("no-such-helper")
    secret = node.vault.random(commitment.SECRET_BYTES)
    try:
        delegation = msgspec.convert(
            {
                "network": node.network.hex(),
                "account": account,
                "time": now,
                "delegate": delegate,
                "name": " ".join(name.split()),
                "rights": rights,
                "types": [],
                "until": min(ends, now + LONGEST_MS["parental"]),
                "basis": "parental",
                "attested": node.organisation,
                "born": born,
                "nullifier": commitment.nullifier(secret).hex(),
                "key": node.keys.key_id.hex(),
            },
            Delegation,
        )
    except msgspec.ValidationError:
        raise Refusal(Code.MALFORMED) from None
    return Drafted(delegation, secret, clerk)


def attest(node: "Node", delegation: Delegation) -> bytes:
    """The bytes of a delegation that this organisation states, having seen the papers; `key` and `signature` are
    filled in."""
    stated = msgspec.structs.replace(delegation, attested=node.organisation, key=node.keys.key_id.hex(), signature="")
    signature = node.keys.sign_request(ATTESTED + delegation_message(stated))
    return encode_delegation(msgspec.structs.replace(stated, signature=signature.hex()))


def state_it(node: "Node", drafted: Drafted, proof: bytes) -> bytes:
    """Sign and write down what the clerk has signed (a packed proof), bring it to the child's agent, and end what this
    organisation stated of the same parent before; its SHA-256.

    Raises Refusal, StoreError; PeerError if the agent cannot be reached or refuses: then nothing was written here.
    """
    found = staff.by_key(node, drafted.clerk.key or b"")
    if found is None or found[0].role not in attesting.CLERKS:
        raise Refusal(Code.UNKNOWN_CREDENTIAL)
    if not signed_by(found[1], drafted.message, proof):
        raise Refusal(Code.BAD_SIGNATURE)
    account, data = drafted.delegation.account, attest(node, drafted.delegation)
    with node.store.read() as connection:
        person = node.journal.person_of_account(connection, account)
    if person is None:
        raise Refusal(Code.NOT_LINKED)
    if person.agent is not None and person.agent != node.organisation:
        # Whoever it names acts at the agent: what is not known there is no right.
        node.peers.call(person.agent, DELEGATIONS_PATH, data)
    nullifier = bytes.fromhex(drafted.delegation.nullifier)
    sealed = node.vault.seal(person.keys.data, drafted.secret, nullifier)
    row = {"nullifier": nullifier, "account": account, "sealed": sealed}
    node.store.write(lambda connection: connection.execute(sql.insert(stated_secret).values(**row)))
    clerk = Clerk(found[0].name, (drafted.clerk.key or b"").hex(), proof.hex())
    digest = node.delegates.take(data, clerk)
    for one in node.delegates.of(account):
        same = one.delegation.attested == node.organisation and one.delegation.delegate == drafted.delegation.delegate
        if same and one.hash != digest and one.ended is None:
            end(node, one)
    return digest


def stated(node: "Node") -> list[Parent]:
    """Every parent's right that this organisation stated and that is not over: those first that have to be looked at
    again, then the newest."""
    person = store.person.c
    with node.store.read() as connection:
        rows = connection.execute(
            sql.select(person.patient, person.account).where(
                person.patient.is_not(None), person.account.in_(sql.select(stated_secret.c.account))
            )
        ).all()
    found = [
        Parent(row.patient, held)
        for row in rows
        for held in node.delegates.of(row.account)
        if held.delegation.attested == node.organisation
        and held.delegation.basis == "parental"
        and held.ended is None
        and held.standing not in (Standing.GROWN, Standing.OVER)
    ]
    return sorted(found, key=lambda one: (not one.review, -one.held.delegation.time))


def end(node: "Node", held: Held) -> bool:
    """End what this organisation stated, here at once and everywhere with the next batch; False if it was over before.

    Raises Refusal: not-a-delegate for a statement of somebody else.
    """
    nullifier, account = bytes.fromhex(held.delegation.nullifier), held.delegation.account
    with node.store.read() as connection:
        person = node.journal.person_of_account(connection, account)
        query = sql.select(stated_secret.c.sealed).where(stated_secret.c.nullifier == nullifier)
        sealed = connection.execute(query).scalar()
    if person is None or sealed is None:
        raise Refusal(Code.NOT_A_DELEGATE)
    try:
        secret = node.vault.open(person.keys.data, bytes(sealed), nullifier)
    except VaultError:
        raise Refusal(Code.NOT_A_DELEGATE) from None
    signature = node.keys.sign_request(ATTESTED_END + delegation_end_message(nullifier))
    return node.delegates.end(account, secret, node.keys.key_id, signature)
