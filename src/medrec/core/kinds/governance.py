"""Governance: the organisations decide together, by more than two thirds of those that have a vote.

A proposal is a change in words that the machine can carry out. Votes are transactions. The moment the count of
active voters in favour passes two thirds of all active voters, the change is made, in that very block.
"""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec

from medrec.core import codec, state
from medrec.core.crypto import consensus_address
from medrec.core.kinds.organisation import replace_keys, take_keys
from medrec.core.ladder import POLICY, Delay, Policy, policy_of
from medrec.core.outcome import Code, claim, refuse
from medrec.core.state import ROLES, VOTING_ROLES, Keys, Organisation, Proposal
from medrec.core.types import (
    PROTOCOL_VERSION,
    Bytes32,
    Count,
    Fields,
    OrganisationId,
    OtherName,
    Server,
    Text,
    Transaction,
    Url,
    read_fields,
)
from medrec.core.view import Draft

OPEN_MS = 30 * 86_400_000

EngineId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{40}\Z")]


class Propose(Fields, frozen=True):
    """The payload of governance/propose: {"change": name, ...fields of that change}."""

    change: dict[str, Any]


class Vote(Fields, frozen=True):
    """The payload of governance/vote: the transaction id of the proposal."""

    proposal: Bytes32


class Admit(Fields, frozen=True):
    """A new organisation joins; `engine` is the id of its network engine, which the members' engines then let in."""

    change: str
    id: OrganisationId
    name: Text
    roles: Annotated[list[str], msgspec.Meta(min_length=1, max_length=8)]
    endpoint: Url
    keys: Keys
    engine: EngineId | msgspec.UnsetType = msgspec.UNSET


class Suspend(Fields, frozen=True):
    """An organisation may no longer speak on the ledger; what it said stays."""

    change: str
    id: OrganisationId


class Reinstate(Fields, frozen=True):
    """A suspended organisation may speak again."""

    change: str
    id: OrganisationId


class ReplaceKeys(Fields, frozen=True):
    """An organisation whose keys were lost or stolen gets new ones."""

    change: str
    id: OrganisationId
    keys: Keys


class Validator(Fields, frozen=True):
    """An organisation's consensus key and its power (0 removes it)."""

    change: str
    id: OrganisationId
    key: Bytes32
    power: Annotated[int, msgspec.Meta(ge=0, le=1)]


class Upgrade(Fields, frozen=True):
    """From this height on the network follows this protocol version."""

    change: str
    version: Count
    height: Count


class Call(Fields, frozen=True):
    """How else an organisation is called, and where its FHIR servers are; what stood there before goes."""

    change: str
    id: OrganisationId
    names: Annotated[list[OtherName], msgspec.Meta(max_length=32)]
    servers: Annotated[list[Server], msgspec.Meta(max_length=8)]


class RecoveryPolicy(Fields, frozen=True):
    """The delays of recoveries, freezes and changes of doors, in milliseconds; what is under way keeps its own."""

    change: str
    paper: Delay
    guardians: Delay
    clinic: Delay
    freeze: Delay
    doors: Delay


def propose(draft: Draft, transaction: Transaction, height: int, time: int) -> None:
    """Put a change to the vote; the proposer's vote counts at once."""
    payload: Propose = read_fields(transaction.body.payload, Propose)
    author = _voter(draft, transaction.body.author)
    # The change can be carried out as the state stands: nobody votes on the impossible.
    carry_out(Draft(draft), payload.change, height)
    proposal = Proposal(payload.change, time + OPEN_MS, {author.id: height})
    _count(draft, transaction.id, proposal, height)


def vote(draft: Draft, transaction: Transaction, height: int, time: int) -> None:
    """Vote for a proposal."""
    payload: Vote = read_fields(transaction.body.payload, Vote)
    author = _voter(draft, transaction.body.author)
    proposal = state.read(draft, state.proposal_key(payload.proposal), Proposal)
    if proposal is None:
        refuse(Code.UNKNOWN_PROPOSAL)
    claim(not proposal.done and time <= proposal.closes, Code.PROPOSAL_CLOSED)
    claim(author.id not in proposal.votes, Code.ALREADY_VOTED)
    votes = {**proposal.votes, author.id: height}
    _count(draft, payload.proposal, msgspec.structs.replace(proposal, votes=votes), height)


def passes(in_favour: int, voters: int) -> bool:
    """More than two thirds."""
    return 3 * in_favour > 2 * voters


def _voter(draft: Draft, author: str) -> Organisation:
    organisation = state.organisation(draft, author)
    if organisation is None or not organisation.has_vote:
        refuse(Code.NO_VOTE)
    return organisation


def _count(draft: Draft, identifier: bytes, proposal: Proposal, height: int) -> None:
    voters = [organisation.id for organisation in state.organisations(draft) if organisation.has_vote]
    # A vote counts while its organisation has one.
    in_favour = sum(1 for voter in voters if voter in proposal.votes)
    if passes(in_favour, len(voters)):
        carry_out(draft, proposal.change, height)
        proposal = msgspec.structs.replace(proposal, done=True)
    state.write(draft, state.proposal_key(identifier), proposal)


def carry_out(draft: Draft, change: dict[str, Any], height: int) -> None:
    """Make a change, or refuse with the reason why it cannot be made now."""
    name = change.get("change")
    if not isinstance(name, str) or name not in CHANGES:
        refuse(Code.BAD_PAYLOAD, f"unknown change; known are {', '.join(CHANGES)}")
    form, act = CHANGES[name]
    act(draft, read_fields(change, form), height)


def admit(draft: Draft, change: Admit, height: int) -> None:
    """Take an organisation in."""
    claim(ROLES.issuperset(change.roles), Code.BAD_PAYLOAD, f"roles are {', '.join(sorted(ROLES))}")
    claim(state.organisation(draft, change.id) is None, Code.ORGANISATION_EXISTS, change.id)
    take_keys(draft, change.id, change.keys)
    organisation = Organisation(
        change.id, change.name, sorted(set(change.roles)), change.endpoint, change.keys, since=height
    )
    state.write(draft, state.organisation_key(change.id), organisation)


def suspend(draft: Draft, change: Suspend, height: int) -> None:
    """Silence an organisation."""
    organisation = _known(draft, change.id)
    claim(organisation.active, Code.NO_CHANGE)
    left = [other for other in state.organisations(draft) if other.has_vote and other.id != change.id]
    claim(left, Code.LAST_VOTERS)
    state.write(draft, state.organisation_key(change.id), msgspec.structs.replace(organisation, active=False))


def reinstate(draft: Draft, change: Reinstate, height: int) -> None:
    """Let a suspended organisation speak again."""
    organisation = _known(draft, change.id)
    claim(not organisation.active, Code.NO_CHANGE)
    state.write(draft, state.organisation_key(change.id), msgspec.structs.replace(organisation, active=True))


def give_keys(draft: Draft, change: ReplaceKeys, height: int) -> None:
    """Give an organisation new keys without its own signature."""
    organisation = _known(draft, change.id)
    claim(change.keys != organisation.keys, Code.NO_CHANGE)
    replace_keys(draft, organisation, change.keys)


def validator(draft: Draft, change: Validator, height: int) -> None:
    """Set an organisation's consensus key and power."""
    _known(draft, change.id)
    new = codec.encode([change.key, change.power])
    claim(draft.get(state.validator_key(change.id)) != new, Code.NO_CHANGE)
    # Misbehaviour names a key: it must lead to one organisation, even after the key has gone.
    address = state.consensus_key_key(consensus_address(change.key))
    claim(draft.get(address) in (None, change.id.encode()), Code.KEY_IN_USE, "consensus key")
    draft.put(address, change.id.encode())
    draft.put(state.validator_key(change.id), new)


def upgrade(draft: Draft, change: Upgrade, height: int) -> None:
    """Fix the height from which the next protocol version holds."""
    present = state.read_integer(draft, state.PROTOCOL, PROTOCOL_VERSION)
    claim(change.version == present + 1 and change.height > height, Code.BAD_UPGRADE)
    draft.put(state.UPGRADE, codec.encode([change.version, change.height]))


def call(draft: Draft, change: Call, height: int) -> None:
    """Set how else an organisation is called. A name means one organisation, once, also after it has given it up: a
    consent that names it never comes to mean somebody else."""
    _known(draft, change.id)
    new = state.Called(sorted(set(change.names)), sorted({one.rstrip("/") for one in change.servers}))
    claim(new != state.read(draft, state.called_key(change.id), state.Called), Code.NO_CHANGE)
    for name in new.names:
        key = state.name_key(name)
        claim(draft.get(key) in (None, change.id.encode()), Code.NAME_IN_USE, name)
        draft.put(key, change.id.encode())
    state.write(draft, state.called_key(change.id), new)


def recovery_policy(draft: Draft, change: RecoveryPolicy, height: int) -> None:
    """Set the network's delays."""
    new = Policy(change.paper, change.guardians, change.clinic, change.freeze, change.doors)
    claim(new != policy_of(draft), Code.NO_CHANGE)
    state.write(draft, POLICY, new)


def _known(draft: Draft, identifier: str) -> Organisation:
    organisation = state.organisation(draft, identifier)
    if organisation is None:
        refuse(Code.UNKNOWN_ORGANISATION, identifier)
    return organisation


CHANGES: dict[str, tuple[type[Any], Callable[[Draft, Any, int], None]]] = {
    "admit": (Admit, admit),
    "suspend": (Suspend, suspend),
    "reinstate": (Reinstate, reinstate),
    "replace-keys": (ReplaceKeys, give_keys),
    "validator": (Validator, validator),
    "upgrade": (Upgrade, upgrade),
    "call": (Call, call),
    "recovery-policy": (RecoveryPolicy, recovery_policy),
}

__all__ = ["CHANGES", "VOTING_ROLES", "carry_out", "passes", "propose", "vote"]
