"""Evidence of a split view: two signed heads of one log that cannot both be true, in one file that anybody can check.

    {"medrec": "evidence/1", "first": NOTE, "second": NOTE, "root": BASE64, "proof": [BASE64, ...]}

The heads contradict each other if they have the same size and different roots, or the same height and a different
line anywhere, or if the second is larger and its log is shown by `proof` (a consistency proof from the first's size)
to have had `root` at the first's size, where the first says something else. Whoever signed each of them is named by
the signatures; nothing else is needed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from medrec.core import codec
from medrec.core.checkpoint import (
    Note,
    NoteError,
    NoteKey,
    parse_checkpoint,
    parse_checkpoint_body,
    parse_note,
    verify_cosignatures,
)
from medrec.core.merkle import verify_consistency
from medrec.core.note import from_base64, to_base64

FORM = "evidence/1"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Two notes of one origin, the smaller first; the root that the second's log had at the first's size, and the
    consistency proof that shows it (both empty where the heads alone tell).
    """

    first: bytes
    second: bytes
    root: bytes = b""
    proof: tuple[bytes, ...] = ()

    def render(self) -> bytes:
        """The file's bytes: canonical JSON."""
        return codec.encode_json(
            {
                "medrec": FORM,
                "first": self.first.decode(),
                "second": self.second.decode(),
                "root": to_base64(self.root),
                "proof": [to_base64(part) for part in self.proof],
            }
        )


def read_evidence(data: bytes) -> Evidence:
    """Evidence from its file. Raises NoteError for what is none; whether it holds is `contradiction`'s to say."""
    try:
        value = codec.decode_json(data)
        if set(value) != {"medrec", "first", "second", "root", "proof"} or value["medrec"] != FORM:
            raise NoteError(f"this is not a file of the form {FORM}")
        return Evidence(
            value["first"].encode(),
            value["second"].encode(),
            from_base64(value["root"]),
            tuple(from_base64(part) for part in value["proof"]),
        )
    except (codec.CodecError, TypeError, AttributeError) as error:
        raise NoteError(f"this is not a file of the form {FORM}") from error


def contradiction(evidence: Evidence) -> str | None:
    """One sentence that says how the two heads contradict each other; None if they do not. Raises NoteError.

    Signatures are not looked at: `signers` names who answers for which head.
    """
    first, second = (parse_checkpoint_body(parse_note(note).text) for note in (evidence.first, evidence.second))
    if first.origin != second.origin:
        return None
    if first.size == second.size and first.root != second.root:
        return f"Two heads of {first.size} leaves have different roots."
    height = _height(evidence.first)
    if height is not None and height == _height(evidence.second) and first != second:
        return f"Two heads of height {height} differ."
    if evidence.root != first.root and verify_consistency(
        first.size, second.size, evidence.proof, evidence.root, second.root
    ):
        return f"The log behind the second head had another root at {first.size} leaves than the first head says."
    return None


def signers(note: bytes, keys: Sequence[NoteKey]) -> list[NoteKey]:
    """The keys under which a line of the note holds. Lines that do not hold are passed over. Raises NoteError."""
    parsed = parse_note(note)
    found = []
    for key in keys:
        lines = tuple(line for line in parsed.signatures if (line.name, line.key_id) == (key.name, key.key_id))
        try:
            if lines and verify_cosignatures(Note(parsed.text, lines), [key]):
                found.append(key)
        except NoteError:
            continue
    return found


def _height(note: bytes) -> int | None:
    try:
        return parse_checkpoint(parse_note(note).text).height
    except NoteError:
        return None
