"""Which independent witnesses saw the head of the log that a receipt rests on: asked for besides the members' quorum.

The members vouch that the log is theirs; a witness, who is none of them, that it was shown one history and no other. So
somebody who does not want to believe two thirds of the members names n witnesses and says how many of them must have
cosigned (docs/spec/receipt.md, "Independent witnesses").
"""

from collections.abc import Iterable, Sequence

from medrec.core.checkpoint import Note, NoteError, NoteKey, parse_note, parse_proof, verify_cosignatures
from medrec.core.cosigned import ALGORITHMS, Retired, allowed
from medrec.core.receipt import Receipt


def policy(keys: Sequence[NoteKey], needed: int | None) -> int:
    """How many witnesses must have cosigned; all that are named unless `needed` says how many. Raises ValueError."""
    names = {key.name for key in keys}
    if any(key.algorithm not in ALGORITHMS.values() for key in keys):
        raise ValueError("a key of a witness is one that cosigns (type 0x04 or 0x06)")
    if not 1 <= (wanted := len(names) if needed is None else needed) <= len(names):
        raise ValueError(f"{len(names)} witnesses are named, so 1 to {len(names)} of them may be asked for")
    return wanted


def witnesses_of(receipt: Receipt, keys: Iterable[NoteKey], retired: Retired) -> list[str]:
    """The names under whose keys a line of a genuine receipt's log head holds. A line that does not hold counts for
    nothing, nor does a second name with a key that was counted.
    """
    try:
        note = parse_note(parse_proof(receipt.proof.encode()).checkpoint_note)
    except NoteError:
        return []
    found: set[str] = set()
    used: set[bytes] = set()
    for key in keys:
        line = next((one for one in note.signatures if (one.name, one.key_id) == (key.name, key.key_id)), None)
        if line is None or key.public in used or not allowed(key.algorithm, retired, None):
            continue
        try:
            if verify_cosignatures(Note(note.text, (line,)), [key]):
                found.add(key.name)
                used.add(key.public)
        except NoteError:
            continue
    return sorted(found)
