"""The ledger's one state machine: every engine runs `apply_block`, unchanged, and so does every test.

A block goes through in this order: the protocol version that holds at its height; accepted transactions that have
expired are forgotten; obligations whose time has passed become overdue; freezes that ran out end; then each transaction
in its order, all or nothing; then the log and the state map take what was accepted.
"""

import hashlib
from collections.abc import Callable, Container
from typing import Any

import msgspec

from medrec.core import codec, kinds, ladder, merkle, misbehaviour, state, statemap
from medrec.core.credential import (
    Ed25519Credential,
    NewCredential,
    NewEd25519,
    stated,
    verify_account_signature,
)
from medrec.core.crypto import key_id
from medrec.core.genesis import decode_tip, encode_tip
from medrec.core.kinds import account, recovery
from medrec.core.kinds.anchor import mark_overdue
from medrec.core.kinds.freezing import end_freezes
from medrec.core.outcome import Code, Outcome, Refused, claim, refuse
from medrec.core.types import (
    EXPIRY_HEIGHTS_MAX,
    PROTOCOL_VERSION,
    TIME_MS_MAX,
    Block,
    BlockResult,
    Tip,
    Transaction,
    decode_transaction,
    is_organisation_id,
    log_leaf,
    read_fields,
)
from medrec.core.view import Draft, View
from medrec.core.webauthn import SignatureRefused

NOTHING_VERIFIED: Container[bytes] = frozenset()
PROTOCOLS: Container[int] = frozenset({PROTOCOL_VERSION})
"""The protocol versions that this software knows the rules of."""


class BlockError(ValueError):
    """The block does not follow the tip; an engine must never hand such a block over."""


class ProtocolError(RuntimeError):
    """The network follows a protocol version that this software does not know: upgrade the software."""


def tip_of(view: View) -> Tip:
    """The tip that a view stands at."""
    data = view.get(state.TIP)
    if data is None:
        raise BlockError("the view has no tip: it was never given a genesis")
    return decode_tip(data)


def apply_block(
    view: View,
    block: Block,
    verified: Container[bytes] = NOTHING_VERIFIED,
    decode: Callable[[bytes], Transaction] = decode_transaction,
) -> BlockResult:
    """Everything a block does, as outcomes and writes.

    `verified` holds the marks of signatures that this process has already checked (see `proof_mark`), `decode` may
    remember what it has decoded; both save work and never change a result.
    """
    tip = tip_of(view)
    if block.height != tip.height + 1:
        raise BlockError(f"block {block.height} does not follow height {tip.height}")
    if not tip.time <= block.time <= TIME_MS_MAX:
        raise BlockError(f"the time of block {block.height} lies before that of block {tip.height}")
    draft = Draft(view)
    protocol = _begin(draft, block)
    outcomes: list[Outcome] = []
    leaves: list[bytes] = []
    indices: list[int | None] = []
    for data in block.transactions:
        outcome, leaf, index = _apply_one(draft, data, block, tip.log_size + len(leaves), verified, decode)
        outcomes.append(outcome)
        indices.append(index)
        if leaf is not None:
            leaves.append(leaf)
    return _finish(view, draft, block, tip, protocol, tuple(outcomes), tuple(indices), leaves)


def _begin(draft: Draft, block: Block) -> int:
    protocol = state.read_integer(draft, state.PROTOCOL)
    scheduled = draft.get(state.UPGRADE)
    if scheduled is not None:
        version, height = codec.decode(scheduled)
        if block.height >= height:
            protocol = version
            state.write_integer(draft, state.PROTOCOL, version)
            draft.delete(state.UPGRADE)
    if protocol not in PROTOCOLS:
        raise ProtocolError(_outdated(block.height, protocol))
    for key, _ in list(draft.scan(b"seen/", state.seen_key(block.height, b""))):
        draft.delete(key)
    mark_overdue(draft, block.height, block.time)
    end_freezes(draft, block.time)
    misbehaviour.record(draft, block.misbehaviour, block.height)
    return protocol


def outdated(view: View, height: int) -> str:
    """Why this software cannot make the block of a height, in one sentence; empty if it can."""
    scheduled = view.get(state.UPGRADE)
    version, since = codec.decode(scheduled) if scheduled is not None else (PROTOCOL_VERSION, height)
    return _outdated(since, version) if height >= since and version not in PROTOCOLS else ""


def _outdated(height: int, protocol: int) -> str:
    return (
        f"from height {height} on the network follows protocol {protocol}; this software knows "
        f"{PROTOCOL_VERSION}: upgrade it and start again, nothing is lost"
    )


def _apply_one(
    draft: Draft,
    data: bytes,
    block: Block,
    log_size: int,
    verified: Container[bytes],
    decode: Callable[[bytes], Transaction],
) -> tuple[Outcome, bytes | None, int | None]:
    """Outcome, log leaf hash and leaf index of one transaction; a replay answers with its first outcome."""
    inner = Draft(draft)
    try:
        transaction = decode(data)
        seen = inner.get(state.seen_key(transaction.body.expires, transaction.id))
        if seen is not None:
            return Outcome(Code.OK, "replay"), None, int(codec.decode(seen)[1])
        check(inner, transaction, data, block.height, verified)
        kinds.KINDS[transaction.body.kind].rule(inner, transaction, block.height, block.time)
    except Refused as refused:
        return refused.outcome, None, None
    state.write_integer(
        inner, nonce_place(transaction.body.author, transaction.body.key, transaction.body.kind), transaction.body.nonce
    )
    inner.put(state.seen_key(transaction.body.expires, transaction.id), codec.encode_known([block.height, log_size]))
    draft.keep(inner)
    leaf = merkle.leaf_hash(log_leaf(block.height, block.time, transaction.body_bytes))
    return Outcome(Code.OK), leaf, log_size


def check(
    view: View | Draft,
    transaction: Transaction,
    data: bytes,
    height: int,
    verified: Container[bytes] = NOTHING_VERIFIED,
) -> None:
    """The claims that hold for every kind: network, time, author, key, number, signature. Raises Refused.

    Engines call it, too, before they take a transaction in.
    """
    body = transaction.body
    kind = kinds.KINDS.get(body.kind)
    claim(kind, Code.UNKNOWN_KIND, body.kind)
    assert kind is not None
    claim(body.network == view.get(state.NETWORK), Code.WRONG_NETWORK)
    claim(height <= body.expires, Code.EXPIRED, f"at height {height}, valid to {body.expires}")
    claim(body.expires <= height + EXPIRY_HEIGHTS_MAX, Code.EXPIRES_TOO_LATE, f"at height {height}")
    credential = AUTHOR_KEY[kind.author](view, transaction)
    # A nonce is used once, and only upwards.
    last = state.read_integer(view, nonce_place(body.author, body.key, body.kind))
    claim(body.nonce > last, Code.STALE_NONCE, f"nonce {body.nonce}, last {last}")
    _verify(transaction, credential, verified)


def nonce_place(author: str, key: bytes, kind: str) -> bytes:
    """Where the last nonce stands that counts for a transaction of this kind. Keys that do not act for the account yet
    have numbers of their own: else a thief who uses up the account's would keep her from ever coming back."""
    known = kinds.KINDS.get(kind)
    apart = known is not None and known.author in (kinds.PAPER, kinds.COMING)
    return state.nonce_key(author, key if apart else None)


def _organisation_author(view: View | Draft, transaction: Transaction) -> NewCredential:
    body = transaction.body
    claim(is_organisation_id(body.author), Code.WRONG_AUTHOR, "an organisation makes this kind")
    organisation = state.organisation(view, body.author)
    if organisation is None:
        refuse(Code.UNKNOWN_AUTHOR, body.author)
    claim(organisation.active, Code.AUTHOR_SUSPENDED, body.author)
    if body.key != key_id(organisation.keys.ed25519):
        once = view.get(state.signing_key_key(body.key)) == body.author.encode()
        refuse(Code.RETIRED_KEY if once else Code.UNKNOWN_KEY)
    return Ed25519Credential(organisation.keys.ed25519)


def _account_author(view: View | Draft, transaction: Transaction, frozen: bool = False) -> NewCredential:
    body = transaction.body
    claim(not is_organisation_id(body.author), Code.WRONG_AUTHOR, "an account makes this kind")
    found = state.account(view, body.author)
    if found is None:
        refuse(Code.UNKNOWN_AUTHOR, body.author)
    claim(frozen or not found.frozen, Code.AUTHOR_SUSPENDED, body.author)
    credential = found.credentials.get(body.key.hex())
    if credential is None:
        refuse(Code.UNKNOWN_KEY)
    return credential


def _held_author(view: View | Draft, transaction: Transaction) -> NewCredential:
    return _account_author(view, transaction, frozen=True)


def _either_author(view: View | Draft, transaction: Transaction) -> NewCredential:
    body = transaction.body
    if is_organisation_id(body.author):
        return _organisation_author(view, transaction)
    # A frozen account acts for nobody else; that it may unfreeze itself is the point of unfreezing.
    own = body.kind == "account/unfreeze" and body.payload.get("account") == body.author
    return _account_author(view, transaction, frozen=own)


def _paper_author(view: View | Draft, transaction: Transaction) -> NewCredential:
    body = transaction.body
    claim(not is_organisation_id(body.author), Code.WRONG_AUTHOR, "an account makes this kind")
    claim(state.account(view, body.author) is not None, Code.UNKNOWN_AUTHOR, body.author)
    payload: recovery.ByPaper = read_fields(body.payload, recovery.ByPaper)
    claim(body.key == key_id(payload.paper), Code.UNKNOWN_KEY)
    return Ed25519Credential(payload.paper)


def _coming_author(view: View | Draft, transaction: Transaction) -> NewCredential:
    body = transaction.body
    claim(not is_organisation_id(body.author), Code.WRONG_AUTHOR, "an account makes this kind")
    claim(state.account(view, body.author) is not None, Code.UNKNOWN_AUTHOR, body.author)
    attempt = ladder.ladder_of(view, body.author).attempt
    if attempt is None or body.key != key_id(attempt.credential.key):
        refuse(Code.UNKNOWN_KEY)
    return attempt.credential


def _opening_author(view: View | Draft, transaction: Transaction) -> NewCredential:
    claim(not is_organisation_id(transaction.body.author), Code.WRONG_AUTHOR, "an account makes this kind")
    payload: account.Create = read_fields(transaction.body.payload, account.Create)
    claim(transaction.body.key == key_id(payload.credential.key), Code.UNKNOWN_KEY)
    return payload.credential


AUTHOR_KEY: dict[str, Callable[[View | Draft, Transaction], NewCredential]] = {
    kinds.ORGANISATION: _organisation_author,
    kinds.ACCOUNT: _account_author,
    kinds.OPENING: _opening_author,
    kinds.HELD: _held_author,
    kinds.EITHER: _either_author,
    kinds.PAPER: _paper_author,
    kinds.COMING: _coming_author,
}


def _verify(transaction: Transaction, credential: NewCredential, verified: Container[bytes]) -> None:
    proof = transaction.proof
    # A proof that is not all bytes never holds, and has no mark.
    whole = bool(verified) and all(type(part) is bytes for part in proof[1:])
    if whole and proof_mark(transaction.id, credential, proof) in verified:
        return
    try:
        verify_account_signature(credential, transaction.id, proof)
    except SignatureRefused as refused:
        refuse(Code.BAD_SIGNATURE, str(refused))


def proof_mark(transaction: bytes, credential: NewCredential, proof: list[Any]) -> bytes:
    """The mark of a proof by any credential: it names all that the check looks at."""
    if isinstance(credential, NewEd25519) and proof[0] == "ed25519" and len(proof) == 2:
        return signature_mark(transaction, credential.key, proof[1])
    asked = [msgspec.to_builtins(stated(credential), builtin_types=(bytes,)), proof]
    return transaction + hashlib.sha256(codec.encode_known(asked)).digest()


def signature_mark(transaction: bytes, public: bytes, signature: bytes) -> bytes:
    """What a process remembers of a signature that it has checked."""
    return transaction + public + signature


def _finish(
    view: View,
    draft: Draft,
    block: Block,
    tip: Tip,
    protocol: int,
    outcomes: tuple[Outcome, ...],
    indices: tuple[int | None, ...],
    leaves: list[bytes],
) -> BlockResult:
    log = merkle.append(view.get, tip.log_size, leaves)
    log_size = tip.log_size + len(leaves)
    changes = {key: value for key, value in draft.changes.items() if not key.startswith(state.UNMAPPED)}
    nodes, state_root = statemap.update(view.get, changes)
    writes: dict[bytes, bytes | None] = {**draft.changes, **nodes, **log}
    log_root = merkle.log_root(_reader_over(view, log), log_size)
    new_tip = Tip(block.height, block.time, log_size, log_root, state_root, protocol)
    writes[state.TIP] = encode_tip(new_tip)
    return BlockResult(outcomes, indices, new_tip, writes)


def _reader_over(view: View, writes: dict[bytes, bytes]) -> Callable[[bytes], bytes | None]:
    return lambda key: writes.get(key) or view.get(key)
