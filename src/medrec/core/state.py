"""The names of things in the state, and their records.

Keys under MAPPED prefixes are proven by the state root. Keys that begin with "~" are indexes that follow from the
proven ones, "map/" and "log/" hold the trees themselves; none of those is in the map.
"""

import functools
import hashlib
from collections.abc import Iterator
from typing import Annotated, Any, TypeVar

import msgspec

from medrec.core import codec
from medrec.core.credential import Credential
from medrec.core.types import Bytes32, Count, Fields, OrganisationId, OtherName, Server, Text, TimeMs, Url
from medrec.core.view import Draft, View, prefix_end

NO_BATCH = bytes(32)

VOTING_ROLES = frozenset({"hospital", "clinic", "lab", "payer", "research", "agent"})
ROLES = VOTING_ROLES | {"witness"}

Ed25519Key = Bytes32
MlDsa44Key = Annotated[bytes, msgspec.Meta(min_length=1312, max_length=1312)]


class Keys(Fields, frozen=True):
    """An organisation's public keys: one signs transactions and requests, two cosign checkpoints."""

    ed25519: Ed25519Key
    cosign_ed25519: Ed25519Key
    cosign_mldsa44: MlDsa44Key

    def by_role(self) -> tuple[tuple[str, bytes], ...]:
        """The keys with the names of their roles."""
        return (
            ("ed25519", self.ed25519),
            ("cosign_ed25519", self.cosign_ed25519),
            ("cosign_mldsa44", self.cosign_mldsa44),
        )


class Organisation(Fields, frozen=True):
    """An organisation as the ledger knows it; `since` is the height at which it came."""

    id: OrganisationId
    name: Text
    roles: Annotated[list[str], msgspec.Meta(min_length=1, max_length=8)]
    endpoint: Url
    keys: Keys
    active: bool = True
    since: Count = 0

    @property
    def has_vote(self) -> bool:
        """Whether the organisation is active and not a mere witness."""
        return self.active and bool(VOTING_ROLES.intersection(self.roles))


class Called(Fields, frozen=True):
    """How others call an organisation of the ledger in records and consents.

    `names`: its business identifiers ("system|value") and full addresses of Organization records that are it.
    `servers`: the base addresses of its own FHIR servers, under which its records name one another.
    """

    names: Annotated[list[OtherName], msgspec.Meta(max_length=32)]
    servers: Annotated[list[Server], msgspec.Meta(max_length=8)]


class Account(Fields, frozen=True):
    """A person's account: the credentials that may act for it, by key id in hex."""

    credentials: dict[str, Credential]
    frozen: bool = False
    since: Count = 0


class BatchHead(Fields, frozen=True):
    """Where an organisation's journal stands on the ledger."""

    count: Count
    last: Count
    transaction: Bytes32
    journal: Bytes32


class Obligation(Fields, frozen=True):
    """What a debtor owes by a time. status: open, settled, overdue, late (settled after it was overdue)."""

    creditor: OrganisationId
    debtor: OrganisationId
    due: TimeMs
    status: str
    height: Count

    @property
    def unsettled(self) -> bool:
        """Whether it is owed still, in time or not."""
        return self.status in ("open", "overdue")


class Dues(Fields, frozen=True):
    """An organisation's public counts of obligations."""

    open: Count = 0
    settled: Count = 0
    overdue: Count = 0
    late: Count = 0


class Proposal(Fields, frozen=True):
    """A change put to the vote. votes: organisation id -> height of its vote."""

    change: dict[str, Any]
    closes: TimeMs
    votes: dict[str, int]
    done: bool = False


class Misdeed(Fields, frozen=True):
    """What was proven of a validator: "double-vote" or "light-client-attack" at a height and time; `since` is the
    height of the block that recorded it.
    """

    kind: str
    height: Count
    time: TimeMs
    since: Count


Record = TypeVar("Record", bound=Fields)


def organisation_key(organisation: str) -> bytes:
    """Where an organisation stands."""
    return b"organisation/" + organisation.encode()


def called_key(organisation: str) -> bytes:
    """Where it stands how else an organisation is called."""
    return b"called/" + organisation.encode()


def name_key(name: str) -> bytes:
    """Where another name leads to the organisation that it means or meant; these records stay for ever."""
    return b"name/" + hashlib.sha256(name.encode()).digest()


def account_key(address: str) -> bytes:
    """Where an account stands."""
    return b"account/" + address.encode()


def nonce_key(author: str, key: bytes | None = None) -> bytes:
    """Where an author's last nonce stands; with `key`, that of a key which does not yet act for the account."""
    return b"nonce/" + author.encode() + (b"/" + key if key is not None else b"")


def batch_key(organisation: str) -> bytes:
    """Where an organisation's batch head stands."""
    return b"batch/" + organisation.encode()


def dues_key(organisation: str) -> bytes:
    """Where an organisation's obligation counts stand."""
    return b"dues/" + organisation.encode()


def obligation_key(creditor: str, obligation: bytes) -> bytes:
    """Where an obligation stands; ids are the creditor's own, so nobody can take one from another."""
    return b"obligation/" + creditor.encode() + b"/" + obligation


def early_key(creditor: str, obligation: bytes, debtor: str) -> bytes:
    """Where a settlement waits that came before its obligation."""
    return b"early/" + creditor.encode() + b"/" + obligation + b"/" + debtor.encode()


def nullifier_key(nullifier: bytes) -> bytes:
    """Where a published nullifier stands; the value is the height."""
    return b"nullifier/" + nullifier


def proposal_key(proposal: bytes) -> bytes:
    """Where a proposal stands."""
    return b"proposal/" + proposal


def seen_key(expires: int, transaction: bytes) -> bytes:
    """Where an accepted transaction is remembered until it has expired; the value is [height, leaf index]."""
    return b"seen/" + expires.to_bytes(8, "big") + transaction


def signing_key_key(key: bytes) -> bytes:
    """Where a key id leads to the organisation that holds or held it; these records stay for ever."""
    return b"key/" + key


def validator_key(organisation: str) -> bytes:
    """Where an organisation's consensus key and power stand."""
    return b"validator/" + organisation.encode()


def consensus_key_key(address: bytes) -> bytes:
    """Where a consensus key that was voted for leads to its organisation; these records stay for ever."""
    return b"consensus/" + address


def misbehaviour_key(organisation: str, height: int, kind: str) -> bytes:
    """Where a proven misdeed of a validator stands."""
    return b"misbehaviour/" + organisation.encode() + b"/" + height.to_bytes(8, "big") + kind.encode()


def faults_key(organisation: str) -> bytes:
    """Where an organisation's public count of proven misdeeds stands."""
    return b"faults/" + organisation.encode()


def due_index(due: int, creditor: str, obligation: bytes) -> bytes:
    """The index of open obligations by time; follows from the obligations."""
    return b"~due/" + due.to_bytes(8, "big") + creditor.encode() + b"/" + obligation


def owes_index(debtor: str, due: int, creditor: str, obligation: bytes) -> bytes:
    """The index of what a debtor has not settled, by time; follows from the obligations."""
    return owes_indexes(debtor) + due.to_bytes(8, "big") + creditor.encode() + b"/" + obligation


def owes_indexes(debtor: str) -> bytes:
    """What the index keys of one debtor begin with."""
    return b"~owes/" + debtor.encode() + b"/"


NETWORK = b"network"
PROTOCOL = b"protocol"
UPGRADE = b"upgrade"
TIP = b"~tip"

UNMAPPED = (b"~", b"map/", b"log/")


def read(view: View | Draft, key: bytes, form: type[Record]) -> Record | None:
    """The record under a key, None if there is none."""
    data = view.get(key)
    return None if data is None else _record(data, form)


@functools.lru_cache(maxsize=4096)
def _record(data: bytes, form: type[Record]) -> Record:
    # One record is read for many transactions. Nothing is ever changed in a record: see msgspec.structs.replace.
    return msgspec.convert(codec.decode_known(data), form)


def write(draft: Draft, key: bytes, record: Fields) -> None:
    """Set the record under a key."""
    draft.put(key, codec.encode_known(msgspec.to_builtins(record, builtin_types=(bytes,))))


def read_integer(view: View | Draft, key: bytes, default: int = 0) -> int:
    """The integer under a key."""
    data = view.get(key)
    return default if data is None else int(codec.decode_known(data))


def write_integer(draft: Draft, key: bytes, value: int) -> None:
    """Set the integer under a key."""
    draft.put(key, codec.encode_known(value))


def organisation(view: View | Draft, organisation: str) -> Organisation | None:
    """An organisation by its id."""
    return read(view, organisation_key(organisation), Organisation)


def owed_by(view: View | Draft, creditor: str, obligation: bytes, debtor: str) -> Obligation | None:
    """What `debtor` owes; None where it owes nothing, whoever else the creditor made owe it."""
    found = read(view, obligation_key(creditor, obligation), Obligation)
    return found if found is not None and found.debtor == debtor else None


def organisations(view: View | Draft) -> Iterator[Organisation]:
    """All organisations, by id."""
    prefix = b"organisation/"
    for _, data in view.scan(prefix, prefix_end(prefix)):
        yield _record(data, Organisation)


def account(view: View | Draft, address: str) -> Account | None:
    """An account by its address."""
    return read(view, account_key(address), Account)
