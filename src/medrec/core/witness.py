"""What a witness is asked and how it decides (c2sp.org/tlog-witness, add-checkpoint): bytes in, a judgement out.

    old 20852014                        the size of the head that the witness cosigned last
    PlRNCrwHpqhGrupue0L7gxbj...         a consistency proof from there, one hash a line

    medrec/6f0c...                      the new head, signed by the log
    ...

A witness follows no ledger and reads no entry. It remembers one head for each log and signs a later one only if the
proof shows that nothing of the old one was taken out: so nobody can show one history to one reader and another to
the next and have both witnessed.

MedRec's log has many writers and no owner. Every organisation may sign its head as the log (signature type 0x01
under the log's origin, `log_key`), and each answers for what it signs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat

from medrec.core.checkpoint import (
    NOTE_ED25519,
    PATH_MAX,
    CheckpointBody,
    Note,
    NoteError,
    NoteKey,
    SignatureLine,
    parse_checkpoint_body,
    parse_note,
    verify_cosignatures,
)
from medrec.core.merkle import EMPTY_ROOT, HASH_BYTES, implied_old_root, verify_consistency
from medrec.core.note import SIGNATURES_MAX, from_base64, parse_decimal, to_base64

REQUEST_BYTES_MAX = 64 << 10
SIZE_TYPE = "text/x.tlog.size"


def log_key(origin: str, public: bytes) -> NoteKey:
    """An organisation's key as a signer of the log itself: its `cosign_ed25519` under the log's origin.

    The messages cannot be mistaken for one another: a log signs the text, which begins with its origin, a cosigner
    signs a text that begins with "cosignature/v1".
    """
    return NoteKey(origin, NOTE_ED25519, public)


@dataclass(frozen=True, slots=True)
class Request:
    """An add-checkpoint request: the old size, the proof, the note without the lines that are none, and the head it
    speaks of.
    """

    old: int
    proof: tuple[bytes, ...]
    note: Note
    head: CheckpointBody


@dataclass(frozen=True, slots=True)
class Head:
    """The head that a witness cosigned last; size 0 before the first. `note` is the note it was shown."""

    size: int = 0
    root: bytes = EMPTY_ROOT
    note: bytes = b""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a witness answers: the HTTP status; 200 means that the head may be cosigned.

    `split` says that the two signed heads prove two histories; `root` is then what the new head's log had at the old
    size, if the proof had to show it. `unproven` that the new head's signer could not show
    that it goes on from the old one, which is a suspicion and no proof.
    """

    status: int
    sentence: str
    split: bool = False
    unproven: bool = False
    root: bytes = b""


def render_request(old: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """The body of an add-checkpoint request."""
    lines = [f"old {old}", *map(to_base64, proof)]
    return "".join(f"{line}\n" for line in lines).encode() + b"\n" + note


def parse_request(data: bytes) -> Request:
    """An add-checkpoint request from its body. Raises NoteError for everything the specification does not allow."""
    if len(data) > REQUEST_BYTES_MAX:
        raise NoteError(f"a request of {len(data)} bytes is longer than {REQUEST_BYTES_MAX}")
    head, gap, note = data.partition(b"\n\n")
    if not gap:
        raise NoteError("the request has no empty line before its checkpoint")
    try:
        first, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise NoteError("the request is not ASCII in front of its checkpoint") from error
    if not first.startswith("old "):
        raise NoteError("the request does not begin with the old size")
    proof = tuple(from_base64(line) for line in lines)
    if len(proof) > PATH_MAX or any(len(part) != HASH_BYTES for part in proof):
        raise NoteError(f"the proof is not of at most {PATH_MAX} hashes of {HASH_BYTES} bytes")
    old = parse_decimal("old size", first.removeprefix("old "))
    split = note.rfind(b"\n\n")
    if split < 0 or not note.endswith(b"\n") or note.count(b"\n", split) > SIGNATURES_MAX:
        raise NoteError("the checkpoint is not a note with signatures")
    text = note[: split + 1]
    signatures = map(_line, repeat(text), note[split + 2 :].splitlines(keepends=True))
    return Request(old, proof, Note(text, tuple(filter(None, signatures))), parse_checkpoint_body(text))


def _line(text: bytes, line: bytes) -> SignatureLine | None:
    """A signature line, None for one that is malformed: it is nobody's, and spoils nothing."""
    try:
        return parse_note(text + b"\n" + line).signatures[0]
    except NoteError:
        return None


def signed_by_log(note: Note, keys: Sequence[NoteKey]) -> bool:
    """Whether at least one of the log's keys signed the note and no line of one is broken."""
    try:
        return bool(verify_cosignatures(note, keys))
    except NoteError:
        return False


def judge(request: Request, keys: Sequence[NoteKey] | None, known: Head) -> Judgement:
    """Whether a witness that cosigned `known` last may cosign the head of a request.

    `keys` are those that the witness trusts for the request's origin, None for an origin it does not know. The order
    of the checks is the specification's.
    """
    head = request.head
    if keys is None:
        return Judgement(404, "unknown log: this witness does not follow this origin")
    if not signed_by_log(request.note, keys):
        return Judgement(403, "invalid signature: no key that is trusted for this log signed the checkpoint")
    if request.old > head.size:
        return Judgement(400, "the old size is larger than the checkpoint's")
    if head.size == known.size and head.root != known.root:
        return Judgement(409, f"{known.size}", split=known.size > 0)
    if request.old != known.size:
        return Judgement(409, f"{known.size}")
    if known.size == 0:
        honest = not request.proof and (head.size > 0 or head.root == EMPTY_ROOT)
        return Judgement(200, "") if honest else Judgement(422, "the consistency proof of an empty log is empty")
    if head.size == known.size:
        return Judgement(200, "") if not request.proof else Judgement(422, "the consistency proof is not empty")
    if verify_consistency(known.size, head.size, request.proof, known.root, head.root):
        return Judgement(200, "")
    # The proof may still hold for the signer's own tree: then it shows which root that tree had at the old size.
    implied = implied_old_root(known.size, head.size, request.proof, known.root, head.root)
    sentence = "the consistency proof does not hold"
    if implied is None or implied == known.root:
        return Judgement(422, sentence, unproven=True)
    return Judgement(422, sentence, split=True, root=implied)
