"""A small network whose keys follow from names, so that every run of every test makes the same bytes."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from nacl.signing import SigningKey

from medrec.core import commitment, merkle, state
from medrec.core.address import address_of
from medrec.core.crypto import key_id
from medrec.core.genesis import genesis_writes, network_id
from medrec.core.kinds.anchor import encode_attachment, encode_entry
from medrec.core.machine import apply_block
from medrec.core.types import (
    Block,
    BlockResult,
    Misbehaviour,
    Tip,
    decode_transaction,
    encode_body,
    encode_transaction,
    transaction_id,
)

CREATED = 1_700_000_000_000
SECOND = 1000
DAY = 86_400_000


def hash_of(name: str) -> bytes:
    """32 bytes that follow from a name."""
    return hashlib.sha256(name.encode()).digest()


def signer(name: str) -> SigningKey:
    """The Ed25519 key of a name."""
    return SigningKey(hash_of("signer " + name))


def public(name: str) -> bytes:
    """The public key of a name."""
    return bytes(signer(name).verify_key)


def keys(name: str) -> dict[str, bytes]:
    """An organisation's public keys. Nothing is ever cosigned with the ML-DSA-44 key, so any bytes do."""
    return {
        "ed25519": public(name),
        "cosign_ed25519": public(name + " cosign"),
        "cosign_mldsa44": hashlib.shake_256(name.encode()).digest(1312),
    }


def founder(name: str, *roles: str) -> dict[str, Any]:
    """An organisation of a genesis document."""
    return {
        "id": name,
        "name": name.title(),
        "roles": list(roles),
        "endpoint": f"https://{name}.example",
        "keys": {field: value.hex() for field, value in keys(name).items()},
    }


GENESIS: dict[str, Any] = {
    "medrec": "genesis/1",
    "name": "Test network",
    "created": CREATED,
    "protocol": 1,
    "organisations": [
        founder("north", "hospital"),
        founder("south", "hospital"),
        founder("east", "lab"),
        founder("tower", "witness"),
    ],
}


class MapView:
    """A view over a plain dictionary."""

    def __init__(self, values: dict[bytes, bytes]) -> None:
        self.values = values

    def get(self, key: bytes) -> bytes | None:
        return self.values.get(key)

    def scan(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        for key in sorted(key for key in self.values if start <= key < end):
            yield key, self.values[key]


def entry(number: int = 0, **extras: Any) -> bytes:
    """An entry; equal numbers and extras make equal bytes."""
    salt = hash_of(f"salt {number}")
    return encode_entry(commitment.commitment(b"{}", salt), commitment.tag(b"relationship", number), extras)


class World:
    """A ledger under test: applies blocks and remembers them."""

    def __init__(self, genesis: dict[str, Any] = GENESIS) -> None:
        self.genesis = genesis
        self.network = network_id(genesis)
        self.tip, writes = genesis_writes(genesis)
        self.view = MapView({key: value for key, value in writes.items() if value is not None})
        self.blocks: list[Block] = []
        self.accused: tuple[Misbehaviour, ...] = ()
        self.nonces: dict[str, int] = {}
        self.heads: dict[str, bytes] = {}
        self.counts: dict[str, int] = {}

    def accuse(self, organisation: str, height: int = 1, kind: str = "double-vote") -> None:
        """The next block brings the proof of a validator's misbehaviour."""
        self.accused += (Misbehaviour(organisation, kind, height, CREATED + height * SECOND),)

    def next_block(self, *transactions: bytes, time: int | None = None) -> Block:
        """The block that would come next, a second after the last one if no time is given."""
        moment = self.tip.time + SECOND if time is None else time
        return Block(self.tip.height + 1, moment, transactions, self.accused)

    def try_out(self, *transactions: bytes, time: int | None = None) -> BlockResult:
        """What the next block would do; nothing is kept."""
        return apply_block(self.view, self.next_block(*transactions, time=time))

    def block(self, *transactions: bytes, time: int | None = None) -> BlockResult:
        """Apply the next block and keep it."""
        block = self.next_block(*transactions, time=time)
        result = apply_block(self.view, block)
        for key, value in result.writes.items():
            if value is None:
                self.view.values.pop(key, None)
            else:
                self.view.values[key] = value
        self.tip: Tip = result.tip
        self.blocks.append(block)
        self.accused = ()
        return result

    def accept(self, *transactions: bytes, time: int | None = None) -> BlockResult:
        """A block whose transactions all have to be accepted."""
        result = self.block(*transactions, time=time)
        assert all(outcome.code == 0 for outcome in result.outcomes), result.outcomes
        return result

    def mapped(self) -> dict[bytes, bytes]:
        """The keys and values that the state root speaks of."""
        return {key: value for key, value in self.view.values.items() if not key.startswith(state.UNMAPPED)}

    def body(self, author: str, kind: str, payload: dict[str, Any], **changes: Any) -> bytes:
        """A body; `changes` replaces fields that are otherwise right. Takes the author's next nonce."""
        nonce = changes.pop("nonce", None)
        if nonce is None:
            nonce = self.nonces[author] = self.nonces.get(author, 0) + 1
        fields = {
            "author": author,
            "expires": self.tip.height + 100,
            "key": key_id(public(author)),
            "kind": kind,
            "network": self.network,
            "nonce": nonce,
            "payload": payload,
        }
        return encode_body(**(fields | changes))

    def sign(
        self,
        author: str,
        kind: str,
        payload: dict[str, Any],
        *,
        by: str | None = None,
        attachment: bytes = b"",
        **changes: Any,
    ) -> bytes:
        """A signed transaction; `by` names another key than the author's own."""
        if by is not None:
            changes.setdefault("key", key_id(public(by)))
        body = self.body(author, kind, payload, **changes)
        signature = signer(by or author).sign(transaction_id(body)).signature
        return encode_transaction(body, ["ed25519", signature], attachment)

    def batch(
        self, author: str, entries: Sequence[bytes], *, changes: dict[str, Any] | None = None, **fields: Any
    ) -> bytes:
        """A batch that continues the author's journal; `fields` replaces fields of the payload."""
        first = self.counts.get(author, 0) + 1
        payload = {
            "count": len(entries),
            "first": first,
            "journal": hash_of(f"journal {author} {first + len(entries) - 1}"),
            "previous": self.heads.get(author, state.NO_BATCH),
            "root": merkle.root([merkle.leaf_hash(data) for data in entries]),
        }
        attachment = fields.pop("attachment", encode_attachment(entries))
        return self.sign(author, "anchor", payload | fields, attachment=attachment, **(changes or {}))

    def anchor(self, author: str, *entries: bytes, time: int | None = None) -> BlockResult:
        """Anchor a batch that has to be accepted."""
        data = self.batch(author, entries)
        result = self.accept(data, time=time)
        self.heads[author] = id_of(data)
        self.counts[author] = self.counts.get(author, 0) + len(entries)
        return result

    def propose(self, author: str, change: str, **fields: Any) -> bytes:
        """Propose a change (a block of its own); the result is the proposal's id."""
        data = self.proposal(author, change, **fields)
        self.accept(data)
        return id_of(data)

    def proposal(self, author: str, change: str, **fields: Any) -> bytes:
        """A transaction that proposes a change."""
        return self.sign(author, "governance/propose", {"change": {"change": change, **fields}})

    def vote(self, author: str, proposal: bytes) -> bytes:
        """A transaction that votes for a proposal."""
        return self.sign(author, "governance/vote", {"proposal": proposal})

    def decide(self, change: str, *, voters: Sequence[str] = ("north", "south", "east"), **fields: Any) -> None:
        """Carry a change: the first proposes, the others vote until it is done."""
        proposal = self.propose(voters[0], change, **fields)
        for voter in voters[1:]:
            self.accept(self.vote(voter, proposal))

    def admit(self, name: str, *roles: str, voters: Sequence[str] = ("north", "south", "east")) -> None:
        """Let an organisation join."""
        self.decide("admit", voters=voters, **admission(name, *roles))

    def open_account(self, name: str) -> str:
        """Open the account of a name, and give its address."""
        self.accept(self.opening(name))
        return address(name)

    def opening(self, name: str, **changes: Any) -> bytes:
        """A transaction that opens the account of a name."""
        payload = {"credential": credential(name), "salt": hash_of("salt " + name)}
        return self.sign(address(name), "account/create", payload, by=name, **changes)


def admission(name: str, *roles: str) -> dict[str, Any]:
    """The fields of an admit change."""
    return {
        "id": name,
        "name": name.title(),
        "roles": list(roles or ("hospital",)),
        "endpoint": f"https://{name}.example",
        "keys": keys(name),
    }


def credential(name: str) -> dict[str, Any]:
    """The credential of a name."""
    return {"kind": "ed25519", "key": public(name)}


def address(name: str) -> str:
    """The address of the account that a name opens."""
    return address_of(public(name), hash_of("salt " + name))


def id_of(data: bytes) -> bytes:
    """The id of a transaction in its bytes."""
    return decode_transaction(data).id
