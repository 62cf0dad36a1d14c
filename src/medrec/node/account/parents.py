"""A parent or guardian at the desk: a hospital or clinic that has seen the papers states who may act for a child.

The statement is the organisation's (delegates.py); which of its clerks saw the papers signs the same text with her own
key, and stands with it in the child's lines. The date of birth is that of the child's own record here, never what
somebody types. The right shrinks with the child (core/delegation.py): it is looked at again from the 11th birthday on,
which is a new statement in the place of the old one, and ends on the 16th.
"""

import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from medrec.core import commitment, state
from medrec.core.credential import signed_by
from medrec.core.delegation import DAY_MS, END_AGE, LONGEST_MS, Standing, birthday, standing
from medrec.core.manifests.delegation import (
    Clerk,
    Delegation,
    Right,
    delegation_end_message,
    delegation_message,
    encode_delegation,
)
from medrec.node.account import ending, staff, stated_rights
from medrec.node.account.attested import ATTESTED
from medrec.node.account.delegates import DELEGATIONS_PATH, Held
from medrec.node.account.staff import Member
from medrec.node.account.stated_rights import Kept
from medrec.node.consent import attesting
from medrec.node.peers.peers import PeerError
from medrec.node.refusals import Code, Refusal
from medrec.node.right_person.desk_hands import sit_two

if TYPE_CHECKING:
    from medrec.node.node import Node

_WHOLE_DATE = re.compile(r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}\Z")

SECOND_MS, SHOWN_MS = DAY_MS, 30 * DAY_MS
"""How long a statement waits for a second clerk, and how long the privacy officer sees it."""


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
    """A right that this organisation stated, and how it stands; `held` is None while a second clerk has not signed
    (`kept.waits`), and where nobody confirmed that the person's agent took it in."""

    kept: Kept
    held: Held | None

    @property
    def review(self) -> bool:
        """Whether it has to be looked at again."""
        held = self.held
        return held is not None and held.ended is None and held.standing in (Standing.REVIEW_DUE, Standing.RESTS)


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


def state_it(node: "Node", drafted: Drafted, proof: bytes) -> bytes | None:
    """Write down what the clerk has signed (a packed proof), bring it to the child's agent, and end what this
    organisation stated of the same parent before; its SHA-256. None where another clerk has to sign it first: nobody is
    told of it before.

    Raises Refusal, StoreError; PeerError if the agent cannot be reached or refuses. One that was not reached may have
    taken it in all the same: the right is kept, to be ended or stated again.
    """
    clerk = _signed(node, drafted.clerk, drafted.message, proof)
    account, data = drafted.delegation.account, attest(node, drafted.delegation)
    with node.store.read() as connection:
        person = node.journal.person_of_account(connection, account)
    if person is None or person.patient is None:
        raise Refusal(Code.NOT_LINKED)
    kept = Kept(person.patient, drafted.secret, data, [clerk], sit_two(node))
    if kept.waits:
        stated_rights.keep(node, kept)
        return None
    sentence = (
        f"{clerk.name} alone named somebody to act for Patient/{kept.patient} as a parent. Look at the papers, and ask "
        "the family."
    )
    # Before anybody is told of the right, so that no lost answer leaves one without its alarm.
    row = {"time": node.clock(), "code": "parent-by-one", "subject": f"Patient/{kept.patient}", "sentence": sentence}
    stated_rights.keep(node, kept, row)
    return _bring(node, kept)


def confirm(node: "Node", nullifier: bytes, member: Member, proof: bytes) -> bytes:
    """Another clerk has seen the papers too and signed the same text: now it is brought. Raises as `state_it`; Refusal
    unknown-credential for who signed it before."""
    kept = stated_rights.find(node, nullifier)
    if kept is None or not kept.waits or kept.delegation.time < node.clock() - SECOND_MS:
        raise Refusal(Code.DELEGATION_OVER)
    first = kept.clerks[0]
    if staff.by_key(node, bytes.fromhex(first.key)) is None or not is_second(node, kept, member):
        raise Refusal(Code.UNKNOWN_CREDENTIAL)
    second = _signed(node, member, delegation_message(kept.delegation), proof)
    kept = msgspec.structs.replace(kept, clerks=[first, second], waits=False)
    stated_rights.keep(node, kept)
    return _bring(node, kept)


def is_second(node: "Node", kept: Kept, member: Member) -> bool:
    """Whether somebody is another person than who signed a statement first."""
    signed = [staff.by_key(node, bytes.fromhex(clerk.key)) for clerk in kept.clerks]
    return member.key is not None and all(
        clerk.key != member.key.hex() and (found is None or found[0].person != member.person)
        for clerk, found in zip(kept.clerks, signed, strict=True)
    )


def _signed(node: "Node", member: Member, message: bytes, proof: bytes) -> Clerk:
    found = staff.by_key(node, member.key or b"")
    if found is None or found[0].role not in attesting.CLERKS:
        raise Refusal(Code.UNKNOWN_CREDENTIAL)
    if not signed_by(found[1], message, proof):
        raise Refusal(Code.BAD_SIGNATURE)
    return Clerk(found[0].name, (member.key or b"").hex(), proof.hex())


def _bring(node: "Node", kept: Kept) -> bytes:
    account, delegate = kept.delegation.account, kept.delegation.delegate
    with node.store.read() as connection:
        person = node.journal.person_of_account(connection, account)
    if person is None:
        raise Refusal(Code.NOT_LINKED)
    if person.agent is not None and person.agent != node.organisation:
        # Whoever it names acts at the agent: what is not known there is no right.
        try:
            node.peers.call(person.agent, DELEGATIONS_PATH, kept.data)
        except PeerError as error:
            if error.answered:
                stated_rights.forget(node, kept.nullifier)
            raise
    digest = node.delegates.take(kept.data, *kept.clerks)
    for one in stated_rights.all_kept(node, account):
        if one.nullifier != kept.nullifier and one.ended is None and one.delegation.delegate == delegate:
            _end(node, one, kept.clerks[-1].name, digest)
    return digest


def stated(node: "Node") -> list[Parent]:
    """Every parent's right that this organisation stated and that is not over: those first that have to be looked at
    again, then the newest."""
    now, found = node.clock(), list[Parent]()
    for kept in stated_rights.all_kept(node):
        if kept.waits and kept.delegation.time < now - SECOND_MS:
            stated_rights.forget(node, kept.nullifier)
            continue
        held = node.delegates.by_nullifier(kept.delegation.account, kept.nullifier)
        stands = standing(kept.delegation, now) not in (Standing.GROWN, Standing.OVER)
        if kept.ended is None and stands and (held is None or held.ended is None):
            found.append(Parent(kept, held))
    return sorted(found, key=lambda one: (not one.review, -one.kept.delegation.time))


def lately(node: "Node") -> list[Kept]:
    """What was stated or ended within 30 days, what one clerk stated alone first, then the newest."""
    since = node.clock() - SHOWN_MS
    found = [one for one in stated_rights.all_kept(node) if max(one.delegation.time, one.ended or 0) >= since]
    return sorted(found, key=lambda one: len(one.clerks) > 1)


def end(node: "Node", nullifier: bytes, member: Member, proof: bytes) -> bool:
    """End what this organisation stated, here at once and everywhere with the next batch, whether the person is linked
    still and whether anybody confirmed it or not; False if it was over before. `proof` is the packed signature over
    `delegation_end_message` of the member who ends it. Raises Refusal."""
    kept = stated_rights.find(node, nullifier)
    if kept is None:
        raise Refusal(Code.DELEGATION_OVER)
    return _end(node, kept, member.name, _signed(node, member, delegation_end_message(nullifier), proof))


def _end(node: "Node", kept: Kept, by: str, why: Clerk | bytes) -> bool:
    ended = ending.end_stated(node, kept.delegation.account, kept.secret, why)
    if kept.ended is None:
        stated_rights.keep(node, msgspec.structs.replace(kept, ended_by=by, ended=node.clock(), waits=False))
    return ended
