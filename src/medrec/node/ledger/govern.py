"""What an organisation decides and signs by itself: proposals, votes, leaving; and what there is to vote on."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from medrec.core import state
from medrec.core.crypto import key_id
from medrec.core.kinds.governance import passes
from medrec.core.outcome import Code, Outcome
from medrec.core.types import encode_body, encode_transaction, transaction_id
from medrec.core.view import View, prefix_end
from medrec.engines.engine import Engine, EngineError, TransactionRefused
from medrec.node.keeping.keys import OrganisationKeys
from medrec.node.keeping.store import StoreError

if TYPE_CHECKING:
    from medrec.node.node import Node

EXPIRES_HEIGHTS = 900
TRIES = 5
LEAVE_ROUNDS = 2


class GovernError(Exception):
    """The ledger did not take the decision. `code` is a short name, the text one sentence for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def send(engine: Engine, keys: OrganisationKeys, network: bytes, kind: str, payload: dict[str, Any]) -> bytes:
    """Sign and order a transaction of an organisation; its id. Raises GovernError, EngineError.

    The node's batches take numbers, too: whoever comes second takes the next one.
    """
    outcome = Outcome(Code.OK)
    for _ in range(TRIES):
        with engine.view() as view:
            nonce = state.read_integer(view, state.nonce_key(keys.organisation)) + 1
            height = view.tip.height
        body = encode_body(
            author=keys.organisation,
            expires=height + EXPIRES_HEIGHTS,
            key=keys.key_id,
            kind=kind,
            network=network,
            nonce=nonce,
            payload=payload,
        )
        identifier = transaction_id(body)
        data = encode_transaction(body, ["ed25519", keys.sign_transaction_id(identifier)])
        try:
            place = engine.submit([data])[0]
            outcome = engine.blocks(place.height - 1)[0].outcomes[place.index]
        except TransactionRefused as refused:
            outcome = refused.outcome
        if outcome.code == Code.OK:
            return identifier
        if outcome.code != Code.STALE_NONCE:
            break
    raise GovernError(outcome.code.name.lower().replace("_", "-"), outcome.sentence)


def propose(node: "Node", change: dict[str, Any]) -> dict[str, Any]:
    """Put a change to the vote; the proposal as it stands then."""
    identifier = send(node.engine, node.keys, node.network, "governance/propose", {"change": change})
    return standing(node, identifier)


def vote(node: "Node", proposal: bytes) -> dict[str, Any]:
    """Vote for a proposal; the proposal as it stands then."""
    send(node.engine, node.keys, node.network, "governance/vote", {"proposal": proposal})
    return standing(node, proposal)


def leave(node: "Node") -> dict[str, Any]:
    """Go: the organisation speaks, votes and validates no more. The height from which that holds, and what still waits
    for this node, in one sentence or none.
    """
    if node.anchorer.waiting_since() is not None:
        node.anchor()
    send(node.engine, node.keys, node.network, "organisation/leave", {})
    height = node.engine.tip().height
    # Its line over the change, and what others gave so far, reach the others while this node still runs.
    members = node.checkpoints.members
    for _ in range(LEAVE_ROUNDS):
        with suppress(EngineError, StoreError):
            members.keep_up(urgent=True)
        if not members.waiting:
            break
    return {"height": height, "waits": members.sentence()}


def rotate(node: "Node", keys: OrganisationKeys) -> int:
    """Put other keys of this organisation on the ledger; the height. The change of members is signed with the keys that
    go; the node is then opened with the new ones.
    """
    if node.anchorer.waiting_since() is not None:
        node.anchor()
    public = {use: bytes.fromhex(key) for use, key in keys.public().items()}
    send(node.engine, node.keys, node.network, "organisation/rotate", {"keys": public})
    height = node.engine.tip().height
    node.checkpoints.members.look()
    return height


def affirm(node: "Node") -> int:
    """Change the organisation's name by a space at its end, and back: nothing is left to see or to vote on; the height.

    It shows that the network takes transactions of this organisation.
    """
    own = node.directory.find(node.organisation)
    if own is None:
        raise GovernError("not-a-member", "The organisation does not stand on the ledger.")
    for name in (own.name[:199] + " ", own.name):
        send(node.engine, node.keys, node.network, "organisation/describe", {"name": name, "endpoint": own.endpoint})
    return node.engine.tip().height


def standing(node: "Node", proposal: bytes) -> dict[str, Any]:
    """One proposal. Raises GovernError if there is none."""
    with node.engine.view() as view:
        record = state.read(view, state.proposal_key(proposal), state.Proposal)
        if record is None:
            raise GovernError("unknown-proposal", "No proposal on the ledger has this id; see `medrec proposals`.")
        return _told(view, proposal, record)


def proposals(node: "Node") -> list[dict[str, Any]]:
    """The proposals that can still be voted on, the newest to close first."""
    prefix = b"proposal/"
    found = []
    with node.engine.view() as view:
        for key, value in view.scan(prefix, prefix_end(prefix)):
            proposal = key.removeprefix(prefix)
            record = state.read(view, key, state.Proposal)
            if value and record is not None and not record.done and view.tip.time <= record.closes:
                found.append(_told(view, proposal, record))
    return sorted(found, key=lambda one: (-one["closes"], one["id"]))


def _told(view: View, proposal: bytes, record: state.Proposal) -> dict[str, Any]:
    voters = sorted(one.id for one in state.organisations(view) if one.has_vote)
    in_favour = [voter for voter in voters if voter in record.votes]
    needed = next(count for count in range(1, len(voters) + 2) if passes(count, len(voters)))
    change: dict[str, Any] = {
        name: value.hex() if isinstance(value, bytes) else value for name, value in record.change.items()
    }
    keys = change.pop("keys", None)
    if keys is not None:
        # What voters compare with the organisation itself, by telephone, before they let these keys in.
        change["key_id"] = key_id(keys["ed25519"]).hex()
    return {
        "id": proposal.hex(),
        "change": change,
        "in_favour": in_favour,
        "voters": voters,
        "needed": needed,
        "done": record.done,
        "closes": record.closes,
    }
