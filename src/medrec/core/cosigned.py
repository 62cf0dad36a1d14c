"""Who vouches for a note: cosignatures counted by organisation, and which algorithms still count.

`allowed` is the rule for everything that is signed: an algorithm counts if it is not retired, or if something newer
shows that the signature was there before the day it was retired.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from medrec.core.checkpoint import (
    COSIGNATURE_ED25519,
    COSIGNATURE_MLDSA44,
    Note,
    NoteError,
    NoteKey,
    cosigner_keys,
    verify_cosignatures,
)
from medrec.core.state import Keys

ALGORITHMS = {"ed25519": COSIGNATURE_ED25519, "mldsa44": COSIGNATURE_MLDSA44}

Retired = Mapping[str, int]
"""Algorithms ("ed25519", "mldsa44") that no longer prove anything, and from when on (milliseconds)."""


@dataclass(frozen=True, slots=True)
class Member:
    """An organisation of the root file: name and keys."""

    name: str
    keys: Keys


Members = dict[str, Member]
"""A set of members, by organisation id."""


def quorum_of(members: Members) -> int:
    """More than two thirds."""
    return len(members) * 2 // 3 + 1


def allowed(algorithm: int, retired: Retired, proven: int | None) -> bool:
    """Whether a signature of an algorithm counts, if it was there by `proven` (ms; None: nobody says when)."""
    name = next(name for name, number in ALGORITHMS.items() if number == algorithm)
    return name not in retired or (proven is not None and proven < retired[name])


def count(
    members: Members, note: Note, quorum: int, retired: Retired, proven: int | None
) -> tuple[dict[str, int], bool]:
    """Step 13: seconds of each organisation that cosigned, and whether Ed25519 alone makes the quorum.

    A line that does not hold is not counted, and spoils nothing: whoever could add it could also have left it out.
    """
    counted: dict[str, int] = {}
    keys = [cosigner_keys(name, m.keys.cosign_ed25519, m.keys.cosign_mldsa44) for name, m in members.items()]
    dated = False
    for kind in (COSIGNATURE_ED25519, COSIGNATURE_MLDSA44):
        known = {(key.name, key.key_id): key for pair in keys for key in pair if key.algorithm == kind}
        if not allowed(kind, retired, proven):
            continue
        for line in note.signatures if not dated else ():
            key = known.get((line.name, line.key_id))
            organisation = line.name.removeprefix("medrec/")
            if key is None or organisation in counted:
                continue
            seconds = _seconds(Note(note.text, (line,)), key)
            if seconds:
                counted[organisation] = seconds
        dated = dated or (kind == COSIGNATURE_ED25519 and len(counted) >= quorum)
    return counted, dated


def _seconds(note: Note, key: NoteKey) -> int:
    """When the one line of a note was signed; 0 if it does not hold or names no time."""
    try:
        return verify_cosignatures(note, [key])[0].timestamp
    except NoteError:
        return 0
