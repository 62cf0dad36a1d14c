"""Which organisations are members, and from which size of the log on: found from the blocks, signed by those before.

A node replays the few transactions that can change it, with the rules of the ledger itself; so every node finds the
same changes, at the same sizes, with the same hashes. docs/spec/receipt.md says what a change is and who signs it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medrec.core import state
from medrec.core.cosigned import Member, Members, quorum_of
from medrec.core.genesis import genesis_writes
from medrec.core.kinds import KINDS
from medrec.core.ladder import POLICY
from medrec.core.root import members_hash, members_text
from medrec.core.state import Keys, Organisation
from medrec.core.types import Block, decode_transaction
from medrec.core.view import Draft, View, prefix_end

READ = ("organisation/rotate", "organisation/describe", "organisation/leave", "governance/propose", "governance/vote")
"""The kinds that decide who is a member, or on which such a decision rests."""
_MARKS = (b"organisation/", b"governance/")
_KEPT = (b"organisation/", b"key/", b"proposal/", b"validator/", b"consensus/", b"called/", b"name/")
_ALONE = (state.PROTOCOL, state.UPGRADE, POLICY)


class Registry:
    """The part of the ledger's state that decides who is a member, at a size of the log. It is a View."""

    def __init__(self, values: dict[bytes, bytes], size: int) -> None:
        self.values = values
        self.size = size

    @classmethod
    def founded(cls, genesis: dict[str, Any]) -> "Registry":
        """Before the first block. Raises GenesisError."""
        _, writes = genesis_writes(genesis)
        kept = {key: value for key, value in writes.items() if value is not None and _is_kept(key)}
        return cls(kept, 0)

    @classmethod
    def of_view(cls, view: View, size: int) -> "Registry":
        """What a ledger says now; `size` is that of its log."""
        values = {key: value for prefix in _KEPT for key, value in view.scan(prefix, prefix_end(prefix))}
        alone = {key: view.get(key) for key in _ALONE}
        return cls({**values, **{key: value for key, value in alone.items() if value is not None}}, size)

    def get(self, key: bytes) -> bytes | None:
        """See View.get."""
        return self.values.get(key)

    def scan(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """See View.scan."""
        return iter([(key, self.values[key]) for key in sorted(self.values) if start <= key < end])

    def active(self) -> dict[str, Organisation]:
        """The members, by id."""
        return {one.id: one for one in state.organisations(self) if one.active}

    def take(
        self, block: Block, indices: Sequence[int | None], protocol: int
    ) -> list[tuple[int, dict[str, Organisation]]]:
        """Follow the next block: the sets of members that it made, each with the log size it is in force from.

        `indices` are the leaf indices of its transactions, `protocol` is the one it was made under.
        """
        draft = Draft(self)
        state.write_integer(draft, state.PROTOCOL, protocol)
        self._keep(draft)
        found = []
        for data, index in zip(block.transactions, indices, strict=True):
            # A replay answers with the place of the first; only a new leaf did something.
            if index != self.size:
                continue
            self.size += 1
            if not any(mark in data for mark in _MARKS):
                continue
            transaction = decode_transaction(data)
            if transaction.body.kind not in READ:
                continue
            before = _keys(self.active())
            draft = Draft(self)
            KINDS[transaction.body.kind].rule(draft, transaction, block.height, block.time)
            self._keep(draft)
            if _keys(self.active()) != before:
                found.append((self.size, self.active()))
        self._forget(block.time)
        return found

    def _keep(self, draft: Draft) -> None:
        for key, value in draft.changes.items():
            if value is None:
                self.values.pop(key, None)
            elif _is_kept(key):
                self.values[key] = value

    def _forget(self, time: int) -> None:
        """Proposals on which nobody can vote any more."""
        for key in [key for key in self.values if key.startswith(b"proposal/")]:
            proposal = state.read(self, key, state.Proposal)
            if proposal is not None and (proposal.done or proposal.closes < time):
                del self.values[key]


@dataclass(frozen=True, slots=True)
class Change:
    """A change of members: the set in force from a log size on, and the text over it that those before sign.

    `gone` and `came` are as in the root file; `organisations` is the whole new set, as the root file lists it.
    """

    size: int
    gone: tuple[str, ...]
    came: tuple[dict[str, Any], ...]
    organisations: dict[str, dict[str, Any]]
    before: Members
    after: Members
    digest: bytes
    text: bytes

    @property
    def needed(self) -> int:
        """How many of the members before it sign."""
        return quorum_of(self.before)


class Chain:
    """The changes of a network's members in order, from genesis on."""

    def __init__(self, network: bytes, genesis: dict[str, Any]) -> None:
        self._network = network
        self._founders = {one["id"]: one for one in genesis["organisations"]}
        self.changes: list[Change] = []

    @property
    def members(self) -> Members:
        """The newest set."""
        return self.changes[-1].after if self.changes else members_of(self._founders)

    def follow(self, size: int, active: Mapping[str, Organisation]) -> Change | None:
        """Add the change to these members; None if nobody goes, comes or has other keys."""
        known = self.members
        came = [
            document(one) for name, one in sorted(active.items()) if name not in known or known[name].keys != one.keys
        ]
        return self.add(size, sorted(set(known) - set(active)), came)

    def add(self, size: int, gone: Sequence[str], came: Sequence[dict[str, Any]]) -> Change | None:
        """Add a change as the root file has it; None for one that changes nothing."""
        if not gone and not came:
            return None
        last = self.changes[-1] if self.changes else None
        present = dict(last.organisations if last is not None else self._founders)
        for name in gone:
            present.pop(name, None)
        present.update({one["id"]: one for one in came})
        listed = [present[name] for name in sorted(present)]
        digest = members_hash(last.digest if last is not None else self._network, listed)
        text = members_text(self._network, size, digest)
        made = Change(size, tuple(gone), tuple(came), present, self.members, members_of(present), digest, text)
        self.changes.append(made)
        return made


def members_of(organisations: Mapping[str, dict[str, Any]]) -> Members:
    """A set of members from the organisations that the root file lists."""
    return {
        name: Member(one["name"], Keys(**{use: bytes.fromhex(key) for use, key in one["keys"].items()}))
        for name, one in organisations.items()
    }


def document(organisation: Organisation) -> dict[str, Any]:
    """An organisation as the root file lists it."""
    return {
        "id": organisation.id,
        "name": organisation.name,
        "roles": list(organisation.roles),
        "endpoint": organisation.endpoint,
        "keys": {use: public.hex() for use, public in organisation.keys.by_role()},
    }


def _is_kept(key: bytes) -> bool:
    return key in _ALONE or key.startswith(_KEPT)


def _keys(active: Mapping[str, Organisation]) -> dict[str, Keys]:
    return {name: one.keys for name, one in active.items()}
