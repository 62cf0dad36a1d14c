"""What organisations sign of the ledger, in the text formats of C2SP: notes, checkpoints, cosignatures,
proofs.

A checkpoint says in a few lines how large the log is and what its root is (c2sp.org/tlog-checkpoint). It
travels as a signed note (c2sp.org/signed-note): the lines, an empty line, signature lines. An organisation
that has followed the log up to there adds a cosignature (c2sp.org/tlog-cosignature v1.1.0-rc.1), and a
proof file (c2sp.org/tlog-proof) puts the path of one leaf in front of the note.

What each algorithm signs differs, and a verifier must know it:

* Ed25519 (type 0x04) signs the whole text with its extension lines, but not the cosigner's name.
* ML-DSA-44 (type 0x06) signs cosigner name, origin, size and root, but NOT the extension lines: height,
  time, state and protocol are vouched for by Ed25519 cosignatures alone (`Cosignature.covers_extensions`).

Every parser has one accepted form: what it returns renders to the very bytes it read. Errors are NoteError.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from medrec.core.crypto import (
    ED25519_SIGNATURE_BYTES,
    MLDSA44_SIGNATURE_BYTES,
    verify_ed25519,
    verify_mldsa44,
)
from medrec.core.merkle import HASH_BYTES, ProofError, root_from_path
from medrec.core.note import (
    COSIGNATURE_ED25519,
    COSIGNATURE_MLDSA44,
    INTEGER_MAX,
    NOTE_BYTES_MAX,
    NOTE_ED25519,
    Note,
    NoteError,
    NoteKey,
    SignatureLine,
    from_base64,
    note_key_id,
    parse_decimal,
    parse_note,
    parse_vkey,
    render_note,
    render_signature,
    to_base64,
)

__all__ = [
    "COSIGNATURE_ED25519",
    "COSIGNATURE_MLDSA44",
    "NOTE_ED25519",
    "Checkpoint",
    "CheckpointBody",
    "Cosignature",
    "Note",
    "NoteError",
    "NoteKey",
    "SignatureLine",
    "TlogProof",
    "cosignature_message",
    "cosignature_timestamp",
    "cosigner_keys",
    "mldsa44_cosignature_message",
    "note_key_id",
    "parse_checkpoint",
    "parse_checkpoint_body",
    "parse_note",
    "parse_proof",
    "parse_vkey",
    "render_note",
    "render_signature",
    "subtree_message",
    "verify_cosignatures",
]

PATH_MAX = 63
TIMESTAMP_BYTES = 8
ORIGIN_PREFIX = COSIGNER_PREFIX = "medrec/"
PROOF_HEADER = b"c2sp.org/tlog-proof@v1"

_SUBTREE_LABEL = b"subtree/v1\n\x00"


# --- checkpoints ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CheckpointBody:
    """The text of any C2SP checkpoint: origin, tree size, root, and extension lines without their newlines.

    The root is what the base64 says, of any length; a caller that computes with it gets 32 bytes or no match.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> bytes:
        """The lines as signed."""
        lines = (self.origin, str(self.size), to_base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines).encode()


def parse_checkpoint_body(text: bytes) -> CheckpointBody:
    """A checkpoint of any log from its note text; lenient where published logs are (root length, empty
    extension lines). Raises NoteError for the rest.
    """
    try:
        lines = text.decode().split("\n")
    except UnicodeDecodeError as error:
        raise NoteError("the checkpoint is not UTF-8") from error
    if len(lines) < 4 or lines.pop() or not lines[0]:
        raise NoteError("a checkpoint has an origin, a size and a root, each ended by a newline")
    return CheckpointBody(lines[0], parse_decimal("size", lines[1]), from_base64(lines[2]), tuple(lines[3:]))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The ledger of one network at one block: log size and root, height, block time, state root, protocol.

    network, root and state are 32 bytes, time is in milliseconds. Height 0 is the genesis, before any block.
    """

    network: bytes
    size: int
    root: bytes
    height: int
    time: int
    state: bytes
    protocol: int

    def __post_init__(self) -> None:
        if any(len(value) != HASH_BYTES for value in (self.network, self.root, self.state)):
            raise NoteError(f"network, root and state of a checkpoint have {HASH_BYTES} bytes each")
        if any(not 0 <= value <= INTEGER_MAX for value in (self.size, self.height, self.time, self.protocol)):
            raise NoteError("a number of a checkpoint is outside 0 to 2^63 - 1")

    @property
    def origin(self) -> str:
        """ "medrec/" and the network id in hex: the first line."""
        return ORIGIN_PREFIX + self.network.hex()

    def text(self) -> bytes:
        """The lines as signed."""
        extensions = (
            f"height {self.height}",
            f"time {self.time}",
            f"state {to_base64(self.state)}",
            f"protocol {self.protocol}",
        )
        return CheckpointBody(self.origin, self.size, self.root, extensions).text()


def parse_checkpoint(text: bytes) -> Checkpoint:
    """A checkpoint of MedRec from its note text. Raises NoteError for any other byte than `text()` would
    give.
    """
    body = parse_checkpoint_body(text)
    words = [line.partition(" ")[::2] for line in body.extensions]
    if [word for word, _ in words] != ["height", "time", "state", "protocol"]:
        raise NoteError("the extension lines are not height, time, state and protocol, in this order")
    network = body.origin.removeprefix(ORIGIN_PREFIX)
    if not re.fullmatch(r"[0-9a-f]{64}", network):
        raise NoteError(f"the origin is not {ORIGIN_PREFIX} and 64 hex digits")
    height, time, state, protocol = (value for _, value in words)
    checkpoint = Checkpoint(
        network=bytes.fromhex(network),
        size=body.size,
        root=body.root,
        height=parse_decimal("height", height),
        time=parse_decimal("time", time),
        state=from_base64(state),
        protocol=parse_decimal("protocol", protocol),
    )
    if checkpoint.text() != text:
        raise NoteError("the checkpoint is not in its one form")
    return checkpoint


# --- cosignatures -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A signature that held: whose key, which signature type, when (seconds since 1970; 0 for a type 0x01)."""

    name: str
    algorithm: int
    timestamp: int

    @property
    def organisation(self) -> str:
        """The organisation id behind the cosigner name; the whole name if it is not one of MedRec."""
        return self.name.removeprefix(COSIGNER_PREFIX)

    @property
    def covers_extensions(self) -> bool:
        """True if height, time, state and protocol were signed too: Ed25519 only."""
        return self.algorithm != COSIGNATURE_MLDSA44


def cosigner_keys(organisation: str, ed25519: bytes, mldsa44: bytes) -> tuple[NoteKey, NoteKey]:
    """The two keys under which an organisation cosigns, named "medrec/" and its id."""
    name = COSIGNER_PREFIX + organisation
    return NoteKey(name, COSIGNATURE_ED25519, ed25519), NoteKey(name, COSIGNATURE_MLDSA44, mldsa44)


def cosignature_message(text: bytes, timestamp: int) -> bytes:
    """What Ed25519 signs: "cosignature/v1", the time in seconds, the whole checkpoint text."""
    _check_timestamp(timestamp)
    return b"cosignature/v1\ntime %d\n" % timestamp + text


def mldsa44_cosignature_message(name: str, text: bytes, timestamp: int) -> bytes:
    """What ML-DSA-44 signs of a checkpoint text: origin, size and root as a subtree from leaf 0."""
    body = parse_checkpoint_body(text)
    return subtree_message(name, timestamp, body.origin, 0, body.size, body.root)


def subtree_message(name: str, timestamp: int, origin: str, start: int, end: int, root: bytes) -> bytes:
    """The `cosigned_message` structure of tlog-cosignature: the ML-DSA-44 statement on leaves start to end
    - 1.

    The timestamp is in seconds; 0 says nothing about freshness and is required unless start is 0.
    """
    _check_timestamp(timestamp)
    if not 0 <= start <= end <= INTEGER_MAX or (start and timestamp):
        raise NoteError("the range is not a range of leaves, or a subtree that does not start at 0 is dated")
    if len(root) != HASH_BYTES:
        raise NoteError(f"ML-DSA-44 cosignatures are over a root of {HASH_BYTES} bytes, not {len(root)}")
    return b"".join(
        (
            _SUBTREE_LABEL,
            _opaque(name),
            timestamp.to_bytes(8, "big"),
            _opaque(origin),
            start.to_bytes(8, "big"),
            end.to_bytes(8, "big"),
            root,
        )
    )


def cosignature_timestamp(payload: bytes) -> int:
    """The seconds in front of a cosignature, not verified. Raises NoteError if it has no cosignature's
    length.
    """
    if len(payload) - TIMESTAMP_BYTES not in (ED25519_SIGNATURE_BYTES, MLDSA44_SIGNATURE_BYTES):
        raise NoteError(f"a cosignature does not have {len(payload)} bytes")
    timestamp = int.from_bytes(payload[:TIMESTAMP_BYTES], "big")
    _check_timestamp(timestamp)
    return timestamp


def verify_cosignatures(note: Note, keys: Sequence[NoteKey]) -> list[Cosignature]:
    """The signatures of a note that hold under the given keys, in the note's order.

    Lines of unknown keys are passed over, and so are further lines of a public key already seen, under
    whatever name: an Ed25519 cosignature does not commit to the name, so one signer could otherwise stand
    for two. Raises NoteError if a line of a known key does not hold: such a note was tampered with,
    whatever else it carries. An empty list means that nobody known has signed. A quorum counts
    organisations, not lines.
    """
    known = {(key.name, key.key_id): key for key in keys}
    seen: set[bytes] = set()
    found = []
    for line in note.signatures:
        key = known.get((line.name, line.key_id))
        if key is not None and key.public not in seen:
            found.append(_verify_line(key, note.text, line.payload))
            seen.add(key.public)
    return found


def _verify_line(key: NoteKey, text: bytes, payload: bytes) -> Cosignature:
    if key.algorithm == NOTE_ED25519:
        timestamp = 0
        holds = verify_ed25519(key.public, text, payload)
    else:
        timestamp, signature = cosignature_timestamp(payload), payload[TIMESTAMP_BYTES:]
        if key.algorithm == COSIGNATURE_ED25519:
            holds = verify_ed25519(key.public, cosignature_message(text, timestamp), signature)
        else:
            message = mldsa44_cosignature_message(key.name, text, timestamp)
            holds = verify_mldsa44(key.public, message, signature)
    if not holds:
        raise NoteError(f"a signature of {key.name} (type {key.algorithm:#04x}) does not hold")
    return Cosignature(key.name, key.algorithm, timestamp)


# --- proofs -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TlogProof:
    """That a leaf is in a log: its index, its path from the leaf up, the note of a checkpoint, and extra
    data.

    The extra data is authenticated by nothing. `checkpoint_note` is carried as bytes and parsed by `open`.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint_note: bytes
    extra: bytes | None = None

    def render(self) -> bytes:
        """The text form. Raises NoteError for what `parse_proof` would not give back."""
        lines = [PROOF_HEADER]
        if self.extra is not None:
            lines.append(b"extra " + to_base64(self.extra).encode())
        lines.append(b"index %d" % self.index)
        lines.extend(to_base64(value).encode() for value in self.hashes)
        data = b"\n".join(lines) + b"\n\n" + self.checkpoint_note
        if parse_proof(data) != self:
            raise NoteError("the proof has no text form")
        return data

    def open(self, leaf_hash: bytes) -> tuple[Note, CheckpointBody]:
        """The note and the checkpoint, once the path leads from the leaf to its root; signatures are still
        to be verified. Raises NoteError if it does not lead there.
        """
        note = parse_note(self.checkpoint_note)
        body = parse_checkpoint_body(note.text)
        try:
            root = root_from_path(leaf_hash, self.index, body.size, self.hashes)
        except ProofError as error:
            raise NoteError(str(error)) from error
        if root != body.root:
            raise NoteError("the path does not lead from the leaf to the root of the checkpoint")
        return note, body


def parse_proof(data: bytes) -> TlogProof:
    """A tlog-proof from its text. Raises NoteError for everything c2sp.org/tlog-proof does not allow."""
    if len(data) > NOTE_BYTES_MAX:
        raise NoteError(f"a proof of {len(data)} bytes is longer than {NOTE_BYTES_MAX}")
    head, gap, note = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise NoteError("the proof is not ASCII in front of its checkpoint") from error
    if not gap or not note or lines.pop(0) != PROOF_HEADER.decode():
        raise NoteError("this is not a tlog-proof of version 1 with a checkpoint")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = from_base64(lines.pop(0).removeprefix("extra "))
        if not extra:
            raise NoteError("empty extra data is left out, not written")
    if not lines or not lines[0].startswith("index "):
        raise NoteError("the proof has no index line")
    index = parse_decimal("index", lines.pop(0).removeprefix("index "))
    hashes = tuple(from_base64(line) for line in lines)
    if len(hashes) > PATH_MAX or any(len(value) != HASH_BYTES for value in hashes):
        raise NoteError(f"the path is not of at most {PATH_MAX} hashes of {HASH_BYTES} bytes")
    return TlogProof(index, hashes, note, extra)


def _opaque(text: str) -> bytes:
    """opaque<1..2^8-1> of RFC 8446 section 3.4."""
    data = text.encode()
    if not 1 <= len(data) <= 255:
        raise NoteError("a cosigner name or origin does not have 1 to 255 bytes")
    return bytes((len(data),)) + data


def _check_timestamp(timestamp: int) -> None:
    if not 0 <= timestamp <= INTEGER_MAX:
        raise NoteError("a timestamp is outside 0 to 2^63 - 1 seconds")
