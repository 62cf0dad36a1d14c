"""Renewing old heads: the notes of receipts, signed again with every algorithm, by as many organisations as can.

Who is asked to sign a renewal looks at every note first: the members' lines under it hold, there is a quorum of them,
and this node's own ledger has the log that it speaks of. It signs what it has seen to hold, on the day it has seen it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from medrec.core import codec, merkle
from medrec.core.checkpoint import (
    Note,
    NoteError,
    SignatureLine,
    cosigner_keys,
    parse_checkpoint,
    parse_checkpoint_body,
    parse_note,
    parse_proof,
    render_note,
    render_signature,
    verify_cosignatures,
)
from medrec.core.cosigned import count, quorum_of
from medrec.core.receipt import ReceiptError, parse
from medrec.core.renewal import Link, Renewal, read_renewal, renewal_origin, renewal_text
from medrec.node.peers.peers import PeerError

if TYPE_CHECKING:
    from medrec.node.node import Node

RENEW_PATH = "/medrec/renew"
NOTES_MAX = 1000
BYTES_MAX = 2 << 20


class RenewalError(Exception):
    """A renewal was not made or not signed. `code` is a short name, the text one sentence for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def renew(node: "Node", files: Sequence[tuple[bytes, bytes | None]]) -> list[bytes]:
    """The renewal of each receipt: (the receipt, its renewal so far or None) -> the new renewal file.

    All of them stand under one head. Raises RenewalError (not-a-receipt, too-many, not-signed, too-few), StoreError,
    EngineError.
    """
    so_far = [_so_far(receipt, before) for receipt, before in files]
    leaves = [renewal.links[-1].head if renewal.links else renewal.note for renewal in so_far]
    notes = list(dict.fromkeys(leaves))
    if not notes or len(notes) > NOTES_MAX or sum(map(len, notes)) > BYTES_MAX:
        raise RenewalError("too-many", f"Renew between 1 and {NOTES_MAX} receipts at once.")
    head = _gather(node, notes)
    paths = merkle.inclusion_paths([merkle.leaf_hash(note) for note in notes])
    made = []
    for renewal, leaf in zip(so_far, leaves, strict=True):
        place = notes.index(leaf)
        link = Link(place, tuple(paths[place]), head)
        made.append(Renewal(renewal.note, (*renewal.links, link)).render())
    return made


def _so_far(receipt: bytes, before: bytes | None) -> Renewal:
    try:
        note = parse_proof(parse(receipt).proof.encode()).checkpoint_note
        if before is None:
            return Renewal(note, ())
        found = read_renewal(before)
        if parse_note(found.note).text != parse_note(note).text:
            raise RenewalError("not-a-receipt", "The renewal belongs to another receipt.")
        return found
    except (ReceiptError, NoteError) as error:
        raise RenewalError("not-a-receipt", f"That cannot be renewed: {error}") from None


def _gather(node: "Node", notes: Sequence[bytes]) -> bytes:
    """The head over the notes with this node's lines and those of all who agree, a quorum at least."""
    text = renewal_text(node.network, notes)
    lines = list(_sign(node, notes))
    trouble = []
    body = codec.encode({"notes": list(notes)})
    for organisation in node.directory.active():
        if organisation.id == node.organisation:
            continue
        keys = cosigner_keys(organisation.id, organisation.keys.cosign_ed25519, organisation.keys.cosign_mldsa44)
        try:
            answer = codec.decode(node.peers.call(organisation.id, RENEW_PATH, body))
            note = parse_note(text + b"\n" + answer["lines"])
            if len(verify_cosignatures(note, keys)) == len(keys):
                lines.extend(note.signatures)
                continue
            trouble.append(f"{organisation.id} did not sign with all its keys")
        except PeerError as error:
            trouble.append(error.sentence)
        except (codec.CodecError, NoteError, KeyError, TypeError):
            trouble.append(f"{organisation.id} answered with something that is no cosignature")
    root = node.checkpoints.members.root
    head = Note(text, tuple(lines))
    signed, _ = count(root.members, head, len(root.members), {}, None)
    if len(signed) < root.quorum:
        waits = node.checkpoints.members.sentence()
        raise RenewalError(
            "too-few",
            f"{len(signed)} of the {root.quorum} organisations needed signed the renewal: "
            f"{'; '.join(trouble)}{' ' + waits if waits else ''}",
        )
    return render_note(head)


def answer_renew(node: "Node", caller: str, body: bytes) -> bytes:
    """Answer an organisation that asks to sign a renewal: CBOR {"notes": [...]} -> {"lines": signature lines}.

    Raises RenewalError malformed, not-signed, other-log.
    """
    try:
        notes = codec.decode(body, bytes_max=BYTES_MAX + (64 << 10))["notes"]
        if type(notes) is not list or not 1 <= len(notes) <= NOTES_MAX or any(type(n) is not bytes for n in notes):
            raise ValueError
    except (codec.CodecError, KeyError, TypeError, ValueError):
        raise RenewalError("malformed", "The request to renew is not a list of notes.") from None
    return codec.encode({"lines": b"".join(map(render_signature, _sign(node, notes)))})


def _sign(node: "Node", notes: Sequence[bytes]) -> list[SignatureLine]:
    for note in notes:
        _check(node, note)
    text = renewal_text(node.network, notes)
    return node.keys.cosign_renewal(text, -(-node.clock() // 1000))


def _check(node: "Node", data: bytes) -> None:
    """Raises RenewalError unless a quorum of a set of members signed the note and this ledger agrees."""
    try:
        note = parse_note(data)
        body = parse_checkpoint_body(note.text)
    except NoteError as error:
        raise RenewalError("not-signed", f"A note to renew does not hold: {error}.") from None
    root = node.checkpoints.members.root
    again = body.origin == renewal_origin(node.network)
    # Whoever renewed was a member then: of which set, the head does not say.
    sets = [members for _, members in root.sets] if again else [root.at(body.size)]
    if not any(len(count(one, note, quorum_of(one), {}, None)[0]) >= quorum_of(one) for one in sets):
        raise RenewalError("not-signed", "A note to renew is not signed by enough organisations.")
    if again:
        return
    try:
        checkpoint = parse_checkpoint(note.text)
        with node.engine.view() as view:
            agrees = checkpoint.network == node.network and checkpoint.size <= view.tip.log_size
            agrees = agrees and merkle.log_root(view.get, checkpoint.size) == checkpoint.root
    except (NoteError, merkle.ProofError):
        agrees = False
    if not agrees:
        raise RenewalError("other-log", "A note to renew is not a head of this node's ledger.")
