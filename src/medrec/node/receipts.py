"""Receipts: everything a stranger needs to verify one statement of this organisation offline, in one file.

A receipt does not hold the record, only its hash: who is given the record and the receipt can verify both for ever,
and who is given the receipt alone learns nothing of the content.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sql

from medrec.core import merkle, receipt
from medrec.core.checkpoint import Note, NoteError, TlogProof, parse_checkpoint, render_note
from medrec.core.cosigned import quorum_of
from medrec.core.crypto import ED25519_SIGNATURE_BYTES, key_id
from medrec.core.kinds.anchor import decode_entries
from medrec.core.merkle import ProofError
from medrec.core.types import decode_transaction, log_leaf
from medrec.engines.engine import EngineError
from medrec.node import store
from medrec.node.checkpoints import CheckpointError
from medrec.node.vault import VaultError

if TYPE_CHECKING:
    from medrec.node.node import Node

BYTES_AIM = 4000
"""Above this size a receipt without ML-DSA carries the lines of a quorum only."""

Wanted = bytes | tuple[str, str] | tuple[str, str, int]
"""A manifest's SHA-256, or type and id of a record (its newest version), or type, id and version."""


class ReceiptUnavailableError(Exception):
    """There is no receipt (yet). `code` is a short name, the text one sentence for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class _Opened(NamedTuple):
    """A batch's transaction taken apart: body, signature, entries, and the path of each."""

    body: bytes
    key: bytes
    signature: bytes
    entries: list[bytes]
    paths: list[list[bytes]]


def root_file(node: "Node") -> bytes:
    """The root file of the node's network: what a verifier has to trust."""
    node.checkpoints.members.look()
    return node.checkpoints.members.root_file()


def receipt_for(node: "Node", wanted: Wanted, with_mldsa: bool = False) -> bytes:
    """The receipt of a statement in this node's journal; at most about 4 kB without the ML-DSA-44 lines.

    Raises ReceiptUnavailableError: unknown-record, erased, not-anchored-yet, broken (this node's parts do not fit
    together), too-few-cosignatures, change-waits (this organisation, or its key, is not in the root file yet),
    log-changed. Raises StoreError, EngineError.
    """
    with node.store.read() as connection:
        line, salt, manifest = _statement(node, connection, wanted)
        batch = _batch(connection, line.seq)
    opened = _open(bytes(batch.transaction))
    index = line.seq - batch.first
    try:
        note, hashes = _proven(node, batch)
        _known(node, batch.leaf, opened.key)
        leaf = merkle.leaf_hash(log_leaf(batch.height, batch.time, opened.body))
        # A path that does not lead to the signed root would be found out by the first stranger; better by us.
        TlogProof(batch.leaf, tuple(hashes), render_note(note)).open(leaf)
        if opened.entries[index] != bytes(line.entry):
            raise ProofError("the batch holds another entry than the journal")
    except (NoteError, ProofError, IndexError) as error:
        raise ReceiptUnavailableError(
            "broken", f"Line {line.seq} of the journal cannot be proven: {error}. Check the node's store and ledger."
        ) from error

    since = node.checkpoints.members.since(parse_checkpoint(note.text).size)
    # Who holds an older root file is told so, instead of hearing that too few have signed.
    extra = receipt.members_note(since) if since else None

    def build(lines: Note) -> bytes:
        return receipt.build(
            network=node.network,
            manifest=manifest,
            salt=salt,
            entry=opened.entries[index],
            body=opened.body,
            signature=opened.signature,
            index=index,
            path=opened.paths[index],
            height=batch.height,
            time=batch.time,
            proof=TlogProof(batch.leaf, tuple(hashes), render_note(lines), extra).render(),
        )

    if with_mldsa:
        return build(note)
    made = build(_ed25519_only(note))
    return made if len(made) <= BYTES_AIM else build(_quorum_only(node, note))


def _statement(node: "Node", connection: sql.Connection, wanted: Wanted) -> tuple[Any, bytes, bytes]:
    """The journal line, the salt and the manifest's bytes."""
    digest, name = _digest(connection, wanted)
    known = connection.execute(sql.select(store.manifest.c.seq).where(store.manifest.c.hash == digest)).scalar()
    # The line outlives a manifest that was erased; it is looked for the long way, which is rare.
    where = store.line.c.manifest == digest if known is None else store.line.c.seq == known
    line = connection.execute(sql.select(store.line).where(where).limit(1)).one_or_none()
    if line is None:
        raise ReceiptUnavailableError(
            "unknown-record", f"This organisation's journal does not hold {name}; what was cut has no receipt."
        )
    erased = ReceiptUnavailableError(
        "erased", f"{name} was erased here; what stands on the ledger tells nothing of it."
    )
    try:
        found = node.journal.manifest(connection, digest)
    except VaultError:
        # Its person's key was destroyed.
        raise erased from None
    if found is None:
        raise erased
    return line, *found


def _digest(connection: sql.Connection, wanted: Wanted) -> tuple[bytes, str]:
    if isinstance(wanted, bytes):
        return wanted, f"the statement {wanted.hex()}"
    kind, identifier, *version = wanted
    name = f"{kind}/{identifier}" + (f" version {version[0]}" if version else "")
    where = store.version.c
    query = sql.select(where.manifest).where(where.type == kind, where.id == identifier)
    if version:
        query = query.where(where.version == version[0])
    digest = connection.execute(query.order_by(where.version.desc()).limit(1)).scalar()
    if digest is None:
        raise ReceiptUnavailableError("unknown-record", f"This organisation's journal does not hold {name}.")
    return bytes(digest), name


def _batch(connection: sql.Connection, seq: int) -> Any:
    where = store.batch.c
    batch = connection.execute(
        sql.select(store.batch).where(where.last >= seq).order_by(where.last).limit(1)
    ).one_or_none()
    if batch is None or batch.first > seq or batch.height is None:
        raise ReceiptUnavailableError(
            "not-anchored-yet", f"Line {seq} of the journal is not on the ledger yet; ask again in a minute."
        )
    return batch


@lru_cache(maxsize=4)
def _open(transaction: bytes) -> _Opened:
    """Receipts are often wanted for neighbours: the tree of a batch is hashed once."""
    decoded = decode_transaction(transaction)
    entries, _ = decode_entries(decoded.attachment)
    paths = merkle.inclusion_paths([merkle.leaf_hash(entry) for entry in entries])
    return _Opened(decoded.body_bytes, decoded.body.key, bytes(decoded.proof[1]), entries, paths)


def _proven(node: "Node", batch: Any) -> tuple[Note, list[bytes]]:
    """A note with a quorum whose log holds the batch, and the path of the batch's leaf."""
    if batch.leaf is None:
        raise EngineError("unknown", "An anchored batch has no place in the log; start the node again.")
    try:
        note = node.checkpoints.covering(batch.leaf)
    except CheckpointError as error:
        raise ReceiptUnavailableError(error.code, error.sentence) from None
    with node.engine.view() as view:
        return note, merkle.inclusion_proof(view.get, batch.leaf, parse_checkpoint(note.text).size)


def _known(node: "Node", leaf: int, key: bytes) -> None:
    """Raises ReceiptUnavailableError unless the root file names this organisation with the batch's key at its leaf."""
    members = node.checkpoints.members
    own = members.root.at(leaf).get(node.organisation)
    if own is None or key_id(own.keys.ed25519) != key:
        why = members.sentence() or "Its key is not that of any change of members."
        raise ReceiptUnavailableError(
            "change-waits", f"The root file does not know this organisation with the key of that day. {why}"
        )


def _ed25519_only(note: Note) -> Note:
    length = 8 + ED25519_SIGNATURE_BYTES
    return Note(note.text, tuple(line for line in note.signatures if len(line.payload) == length))


def _quorum_only(node: "Node", note: Note) -> Note:
    """The Ed25519 lines of just as many organisations of the root file as a verifier asks for."""
    small, members = _ed25519_only(note), node.checkpoints.members
    chosen = set()
    for one in members.sets(parse_checkpoint(note.text).size):
        chosen |= {f"medrec/{organisation}" for organisation in members.signers(small, one)[: quorum_of(one)]}
    return Note(note.text, tuple(line for line in small.signatures if line.name in chosen))
