"""Receipts: everything a stranger needs to verify one statement offline, in one file.

A receipt does not hold the record, only its hash: who is given the record and the receipt can verify both for ever,
and who is given the receipt alone learns nothing of the content.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sql

from medrec.core import codec, merkle, receipt
from medrec.core.checkpoint import Note, NoteError, TlogProof, parse_checkpoint, render_note
from medrec.core.cosigned import quorum_of
from medrec.core.crypto import ED25519_SIGNATURE_BYTES, key_id
from medrec.core.kinds.anchor import decode_entries, reduced
from medrec.core.merkle import ProofError
from medrec.core.outcome import Refused
from medrec.core.types import decode_transaction, log_leaf
from medrec.engines.engine import EngineError
from medrec.node.keeping import store
from medrec.node.keeping.journal import is_committed
from medrec.node.keeping.vault import VaultError
from medrec.node.ledger.checkpoints import CheckpointError
from medrec.node.ledger.on_ledger import Place, block_of

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
    sealed = _Sealed(manifest, salt, bytes(line.entry), node.organisation)
    where = _Where(line.seq - batch.first, batch.height, batch.time, batch.leaf)
    return _made(node, sealed, bytes(batch.transaction), where, with_mldsa)


def receipt_of(node: "Node", author: str, manifest: bytes, salt: bytes, entry: bytes, place: Place | None) -> bytes:
    """The receipt of a statement of any organisation that this node was told or given, made from the ledger: who holds
    a statement with what opens its entry needs nobody to prove it. `place`: where it stands, None for nowhere yet.

    Raises as `receipt_for` does; `broken` also where the ledger holds something else at this place.
    """
    block = block_of(node, place.height) if place is not None else None
    if block is None or place is None or place.place >= len(block.block.transactions):
        raise ReceiptUnavailableError(
            "not-anchored-yet", f"This line of {author} is not on the ledger yet; ask again in a minute."
        )
    transaction = block.block.transactions[place.place]
    where = _Where(place.position, place.height, block.block.time, block.leaf_indices[place.place])
    return _made(node, _Sealed(manifest, salt, entry, author), transaction, where)


class _Sealed(NamedTuple):
    """A statement, what opens its entry, the entry, and whose it is."""

    manifest: bytes
    salt: bytes
    entry: bytes
    author: str


class _Where(NamedTuple):
    """Position in the batch, the block's height and time, and the batch's leaf in the log."""

    index: int  # type: ignore[assignment]  # a place, not tuple.index
    height: int
    time: int
    leaf: int | None


def _made(node: "Node", sealed: _Sealed, transaction: bytes, where: _Where, with_mldsa: bool = False) -> bytes:
    try:
        opened = _open(transaction)
        note, hashes, leaf = _proven(node, where.leaf)
        _known(node, sealed.author, leaf, opened.key)
        hashed = merkle.leaf_hash(log_leaf(where.height, where.time, opened.body))
        # A path that does not lead to the signed root would be found out by the first stranger; better by us.
        TlogProof(leaf, tuple(hashes), render_note(note)).open(hashed)
        anchored = opened.entries[where.index]
        if anchored not in (sealed.entry, *reduced(sealed.entry)):
            raise ProofError("the batch holds another entry than the journal")
    except (NoteError, ProofError, IndexError, Refused) as error:
        raise ReceiptUnavailableError(
            "broken",
            f"A line of {sealed.author} in block {where.height} cannot be proven: {error}. Check the node's store and "
            "ledger.",
        ) from error

    since = node.checkpoints.members.since(parse_checkpoint(note.text).size)
    # Who holds an older root file is told so, instead of hearing that too few have signed.
    extra = receipt.members_note(since) if since else None

    def build(lines: Note) -> bytes:
        return receipt.build(
            network=node.network,
            manifest=sealed.manifest,
            salt=sealed.salt,
            entry=anchored,
            body=opened.body,
            signature=opened.signature,
            index=where.index,
            path=opened.paths[where.index],
            height=where.height,
            time=where.time,
            proof=TlogProof(leaf, tuple(hashes), render_note(lines), extra).render(),
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
    if found is None or _is_unproven(bytes(line.entry), *found):
        raise erased
    return line, *found


def _is_unproven(entry: bytes, salt: bytes, manifest: bytes) -> bool:
    """Whether this is what an erasure left of a statement; an entry that is none is found when the parts are held
    together."""
    try:
        return not is_committed(entry, manifest, salt)
    except codec.CodecError:
        return False


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


def _proven(node: "Node", leaf: int | None) -> tuple[Note, list[bytes], int]:
    """A note with a quorum whose log holds the batch, the path of the batch's leaf, and the leaf."""
    if leaf is None:
        raise EngineError("unknown", "An anchored batch has no place in the log; start the node again.")
    try:
        note = node.checkpoints.covering(leaf)
    except CheckpointError as error:
        raise ReceiptUnavailableError(error.code, error.sentence) from None
    with node.engine.view() as view:
        return note, merkle.inclusion_proof(view.get, leaf, parse_checkpoint(note.text).size), leaf


def _known(node: "Node", author: str, leaf: int, key: bytes) -> None:
    """Raises ReceiptUnavailableError unless the root file names the author with the batch's key at its leaf."""
    members = node.checkpoints.members
    known = members.root.at(leaf).get(author)
    if known is None or key_id(known.keys.ed25519) != key:
        why = members.sentence() or "Its key is not that of any change of members."
        raise ReceiptUnavailableError(
            "change-waits", f"The root file does not know {author} with the key of that day. {why}"
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
