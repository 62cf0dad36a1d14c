"""A member's node as a witness for whoever speaks C2SP: the same add-checkpoint, held against its own ledger.

A member has more to compare with than a witness: it signs only what its own ledger says of that height, in every
line, and a head of another history is an alarm on both grounds.
"""

from typing import TYPE_CHECKING

from medrec.core import merkle
from medrec.core.checkpoint import Checkpoint, Note, NoteError, NoteKey, parse_checkpoint, render_note, render_signature
from medrec.core.evidence import Evidence, contradiction
from medrec.core.witness import SIZE_TYPE, Judgement, Request, judge, log_key, parse_request, signed_by_log
from medrec.node.ledger.checkpoints import CheckpointError
from medrec.node.ledger.split_views import Contradiction
from medrec.node.witness.witness import TEXT, Answer

if TYPE_CHECKING:
    from medrec.node.node import Node

DOOR_PATH = "/witness/add-checkpoint"


def add_checkpoint(node: "Node", data: bytes) -> Answer:
    """Answer add-checkpoint for this node's own log. Raises EngineError, StoreError, OSError."""
    try:
        request = parse_request(data)
        note = request.note
        keys = {name: log_key(request.head.origin, public) for name, public in _writers(node).items()}
        known = node.checkpoints.signed_head()
        mine_origin = "medrec/" + node.network.hex()
        trusted = list(keys.values()) if request.head.origin == mine_origin else None
        judgement = judge(request, trusted, known)
        if judgement.split or judgement.unproven:
            _look_closer(node, request, judgement, _who(keys, note))
        if judgement.status == 409:
            return Answer(409, SIZE_TYPE, f"{known.size}\n".encode())
        if judgement.status != 200:
            return Answer(judgement.status, TEXT, f"{judgement.sentence}\n".encode())
        theirs = parse_checkpoint(note.text)
        found = node.checkpoints.at_height(theirs.height) if theirs.height else None
        if found is None:
            return Answer(503, TEXT, b"this node has not followed the ledger so far yet\n")
        mine, signed = found
        if mine == theirs:
            return Answer(200, TEXT, b"".join(map(render_signature, signed.signatures)))
        ours, shown = render_note(signed), render_note(note)
        made = Contradiction(_who(keys, note), theirs.height, ours, shown, Evidence(shown, ours))
        node.checkpoints.contradicted(made, f"{made.who} signed another head of height {theirs.height} than this node.")
        return Answer(422, TEXT, b"this node's ledger says something else about that height\n")
    except NoteError as error:
        return Answer(400, TEXT, f"bad request: {error}\n".encode())
    except CheckpointError as error:
        return Answer(503, TEXT, f"{error.sentence}\n".encode())


def _writers(node: "Node") -> dict[str, bytes]:
    return {organisation.id: organisation.keys.cosign_ed25519 for organisation in node.directory.active()}


def _who(keys: dict[str, NoteKey], note: Note) -> str:
    """The member that signed a note as the log; one did, or it would have been refused."""
    return next(name for name, key in keys.items() if signed_by_log(note, [key]))


def _look_closer(node: "Node", request: Request, judgement: Judgement, who: str) -> None:
    """Hold a head that was not shown to fit against this node's own ledger; what contradicts it is an alarm."""
    mine = node.checkpoints.of_tip(node.engine.tip())
    # Looking is not signing: only a head that is needed as evidence is signed for it.
    text = mine.text()
    made = _evidence(node, request, judgement, mine, render_note(Note(text, (node.keys.sign_as_log(text),))))
    sentence = contradiction(made) if made is not None else None
    found = node.checkpoints.at_height(mine.height) if sentence is not None else None
    if found is None or sentence is None:
        return
    ours = render_note(Note(text, (node.keys.sign_as_log(text), *found[1].signatures)))
    made = _evidence(node, request, judgement, mine, ours)
    assert made is not None
    told = f"{who} signed another history of the ledger than this node's; both heads are kept. {sentence}"
    theirs = render_note(request.note)
    node.checkpoints.contradicted(Contradiction(who, request.head.size, ours, theirs, made), told)


def _evidence(node: "Node", request: Request, judgement: Judgement, mine: Checkpoint, ours: bytes) -> Evidence | None:
    size, theirs = request.head.size, render_note(request.note)
    if size > mine.size:
        return Evidence(ours, theirs, judgement.root, request.proof) if request.old == mine.size else None
    if not 0 < size < mine.size:
        return Evidence(theirs, ours)
    with node.engine.view() as view:
        proof = merkle.consistency_proof(view.get, size, mine.size)
        return Evidence(theirs, ours, merkle.log_root(view.get, size), tuple(proof))
