"""The ways back into an account whose keys are lost or stolen: what the ledger keeps of them, and what is signed.

An account that never chose has one door, the clinic in person. Who the guardians are is a commitment until one of them
speaks; a paper code is a key that only its owner's paper holds, and the ledger holds its hash. All times are the
blocks'.
"""

import hashlib
from typing import Annotated, Literal

import msgspec

from medrec.core import codec, state
from medrec.core.credential import Credential, NewCredential, stated
from medrec.core.crypto import key_id
from medrec.core.types import Bytes16, Bytes32, Count, Fields, OrganisationId, TimeMs
from medrec.core.view import Draft, View

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
GUARDIANS_MAX, PAPERS_MAX, STAFF_MAX = 9, 8, 32
GUARDIANS_NEEDED_MIN = 2
LIFE_MS = 7 * DAY_MS
"""How long approvals count, and how long a recovery may be finished after its time-lock."""
MEMORY_MS = 30 * DAY_MS
"""How long the ledger remembers that somebody stopped a recovery, froze or unfroze: each may do so once meanwhile."""

VOUCH_LIFE_MS = 24 * HOUR_MS
"""How long what two of a clinic's staff signed about a person may begin a recovery."""
VOUCH_AHEAD_MS = 120_000
"""How far the clock of who signed it may be ahead of the ledger's."""

Delay = Annotated[int, msgspec.Meta(ge=HOUR_MS, le=30 * DAY_MS)]
Door = Literal["paper", "guardians", "clinic"]
Check = Literal["document-and-face", "document", "known-in-person"]
Member = Annotated[str, msgspec.Meta(min_length=1, max_length=65)]


class Policy(Fields, frozen=True):
    """The delays of the network, in milliseconds; a vote changes them."""

    paper: Delay = 24 * HOUR_MS
    guardians: Delay = 48 * HOUR_MS
    clinic: Delay = 72 * HOUR_MS
    freeze: Delay = 5 * DAY_MS
    doors: Delay = 7 * DAY_MS

    def delay(self, door: str) -> int:
        """The time-lock of a door."""
        return {"paper": self.paper, "guardians": self.guardians, "clinic": self.clinic}[door]


class Guardians(Fields, frozen=True):
    """A set of guardians that nobody can read yet: how many there are, and how many must agree."""

    commitment: Bytes32
    needs: Annotated[int, msgspec.Meta(ge=1, le=GUARDIANS_MAX)]
    of: Annotated[int, msgspec.Meta(ge=1, le=GUARDIANS_MAX)]


class Revealed(Fields, frozen=True):
    """The set behind a commitment: account addresses and organisation ids, sorted, none twice."""

    members: Annotated[list[Member], msgspec.Meta(min_length=1, max_length=GUARDIANS_MAX)]
    needs: Annotated[int, msgspec.Meta(ge=1, le=GUARDIANS_MAX)]
    salt: Bytes32


class Doors(Fields, frozen=True):
    """The doors of an account: its guardians, the hashes of its paper codes, and whether a clinic may let it back."""

    guardians: Guardians | None = None
    papers: Annotated[list[Bytes32], msgspec.Meta(max_length=PAPERS_MAX)] = []
    clinic: bool = True


class Attempt(Fields, frozen=True):
    """A recovery that is under way. `ripe` is when it may be finished, `lapses` when no more; `by` the clinic.

    A `final` one comes after a veto: a key of the account can no longer stop it, only guardians can.
    """

    door: Door
    by: str
    credential: NewCredential
    since: TimeMs
    ripe: TimeMs
    lapses: TimeMs
    final: bool
    stops: list[str] = []


class Approval(Fields, frozen=True):
    """A guardian's word for a new credential (the hash of its form), and when it was given."""

    credential: Bytes32
    time: TimeMs


class Ladder(Fields, frozen=True):
    """All that the ledger keeps about the ways back into one account.

    `chosen`: whether the doors were ever set; `next` takes the place of `doors` at `next_at`; `papers_since` says when
    each paper (its hash in hex) was first named: in its first days it begins nothing. `vetoed` says when a key last
    stopped a recovery ("key"), and when one of a clinic was stopped ("clinic " and its id); `vouched` the time of the
    last word of each clinic's staff that began one, as long as it could be brought again; `froze` who froze the
    account and when last, `unfroze` when a key of its own last ended a freeze, `thaws` which guardians want this one
    ended.
    """

    doors: Doors = Doors()
    chosen: bool = False
    next: Doors | None = None
    next_at: TimeMs = 0
    papers_since: dict[str, TimeMs] = {}
    attempt: Attempt | None = None
    approvals: dict[str, Approval] = {}
    vetoed: dict[str, TimeMs] = {}
    vouched: dict[str, TimeMs] = {}
    frozen_until: TimeMs = 0
    froze: dict[str, TimeMs] = {}
    unfroze: TimeMs = 0
    thaws: list[str] = []

    def doors_at(self, time: int) -> Doors:
        """The doors that are in force."""
        return self.next if self.next is not None and self.next_at <= time else self.doors

    def waiting_at(self, time: int) -> Doors | None:
        """The doors that were chosen and are not yet in force."""
        return self.next if self.next is not None and time < self.next_at else None

    def paper_from(self, paper: bytes, delay: int) -> int:
        """When a paper may begin a recovery, if the delay of doors is `delay`."""
        return self.papers_since[paper.hex()] + delay if paper.hex() in self.papers_since else 0

    def attempt_at(self, time: int) -> Attempt | None:
        """The recovery that is under way, its time-lock over or not."""
        return self.attempt if self.attempt is not None and time < self.attempt.lapses else None


class Former(Fields, frozen=True):
    """A credential that once acted for an account, and the height at which it no longer did: old signatures stay
    provable when the keys are gone."""

    credential: NewCredential
    until: Count


class StaffKey(Fields, frozen=True):
    """A credential of a member of an organisation's staff, and when it came."""

    credential: NewCredential
    since: TimeMs


class Staff(Fields, frozen=True):
    """The staff of an organisation that may vouch for people, by key id in hex. No names."""

    keys: dict[str, StaffKey] = {}


def ladder_key(address: str) -> bytes:
    """Where an account's ladder stands."""
    return b"ladder/" + address.encode()


def former_key(address: str, key: bytes) -> bytes:
    """Where a credential stands that once acted for an account."""
    return b"former/" + address.encode() + b"/" + key


def retire(draft: Draft, address: str, credential: Credential, height: int) -> None:
    """Remember a credential that stops acting for an account."""
    state.write(draft, former_key(address, key_id(credential.key)), Former(stated(credential), height))


def credential_ever(view: View | Draft, address: str, key: bytes) -> NewCredential | None:
    """The credential of this key id that acts, or once acted, for an account; None if none ever did."""
    held = state.account(view, address)
    present = held.credentials.get(key.hex()) if held is not None else None
    if present is not None:
        return present
    former = state.read(view, former_key(address, key), Former)
    return former.credential if former is not None else None


def staff_key(organisation: str) -> bytes:
    """Where an organisation's staff stands."""
    return b"staff/" + organisation.encode()


def thaw_index(until: int, address: str) -> bytes:
    """The index of frozen accounts by the end of the freeze; follows from the ladders."""
    return b"~thaw/" + until.to_bytes(8, "big") + address.encode()


POLICY = b"recovery-policy"


def ladder_of(view: View | Draft, address: str) -> Ladder:
    """The ladder of an account; that of one who never chose if there is none."""
    return state.read(view, ladder_key(address), Ladder) or Ladder()


def policy_of(view: View | Draft) -> Policy:
    """The network's delays."""
    return state.read(view, POLICY, Policy) or Policy()


def recovery_waits(view: View | Draft, address: str, time: int) -> bool:
    """Whether a recovery of this account is under way, so that new permissions, helpers and keys have to wait."""
    return ladder_of(view, address).attempt_at(time) is not None


def guardians_commitment(revealed: Revealed) -> bytes:
    """SHA-256("medrec/guardians/1" || CBOR [salt, needs, sorted members])."""
    value = [revealed.salt, revealed.needs, sorted(revealed.members)]
    return hashlib.sha256(b"medrec/guardians/1" + codec.encode(value)).digest()


def paper_hash(public: bytes) -> bytes:
    """What the ledger holds of a paper code: SHA-256("medrec/paper/1" || its Ed25519 public key)."""
    return hashlib.sha256(b"medrec/paper/1" + public).digest()


def credential_hash(credential: NewCredential) -> bytes:
    """SHA-256("medrec/credential/1" || CBOR of the credential): what approvals and staff speak of."""
    value = msgspec.to_builtins(credential, builtin_types=(bytes,))
    return hashlib.sha256(b"medrec/credential/1" + codec.encode(value)).digest()


def vouch_message(
    network: bytes, organisation: OrganisationId, account: str, new: bytes, check: str, time: int
) -> bytes:
    """What two of a clinic's staff sign (32 bytes): SHA-256("medrec/vouch/1" || CBOR [network, organisation, account,
    credential hash, check, time]). `time` is when the first of them did (ms)."""
    return hashlib.sha256(b"medrec/vouch/1" + codec.encode([network, organisation, account, new, check, time])).digest()


def freeze_message(network: bytes, organisation: OrganisationId, account: str, nonce: int) -> bytes:
    """What one of a clinic's staff signs to freeze an account; `nonce` is that of the organisation's transaction."""
    return hashlib.sha256(b"medrec/freeze/1" + codec.encode([network, organisation, account, nonce])).digest()


def short_code(account: str, new: bytes) -> str:
    """Six digits that the person and her guardians read to one another, so that all speak of one new key."""
    digest = hashlib.sha256(b"medrec/short-code/1" + codec.encode([account, new])).digest()
    number = int.from_bytes(digest[:8], "big") % 1_000_000
    return f"{number:06d}"


StaffProof = tuple[Bytes16, Annotated[bytes, msgspec.Meta(min_length=64, max_length=2048)]]
"""Key id and packed proof of a member of the staff."""
