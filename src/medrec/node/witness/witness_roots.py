"""The networks that a witness follows by their root files: whose heads it takes, as members come and go.

A root file that goes on from the kept one proves by itself who the members are now (docs/spec/receipt.md); so anybody
may bring it, and a witness learns of a new member without its keeper. One that does not go on from it is refused:
whoever could make such a file holds the keys of a quorum, and a human has to look.
"""

from pathlib import Path

from medrec.core.checkpoint import NoteKey
from medrec.core.receipt import ReceiptError, read_root
from medrec.core.root import Root
from medrec.core.witness import log_key
from medrec.node.keeping.files import write_whole

ROOTS_FOLDER = "roots"
ROOT_BYTES_MAX = 1 << 20


class OtherChainError(Exception):
    """The root file tells another history of the members than the one that is kept."""


def origin_of(root: Root) -> str:
    """The origin of a network's log."""
    return f"medrec/{root.network.hex()}"


def log_keys(root: Root, size: int | None = None) -> list[NoteKey]:
    """The keys that sign heads as the log: of the members in force at a size of it, or of the newest set."""
    members = root.members if size is None else root.at(size)
    return [log_key(origin_of(root), member.keys.cosign_ed25519) for member in members.values()]


def kept_root(folder: Path, network: bytes) -> Root | None:
    """The root file that a witness holds of a network. Raises OSError, ReceiptError if it is damaged."""
    try:
        return read_root(_place(folder, network).read_bytes())
    except FileNotFoundError:
        return None


def keep_root(folder: Path, data: bytes) -> Root:
    """Keep a root file unless it is older than the one there; the root that is kept then.

    Raises ReceiptError, OtherChainError, OSError.
    """
    new = read_root(data)
    old = kept_root(folder, new.network)
    if old is not None:
        common = min(len(old.sets), len(new.sets))
        if old.sets[:common] != new.sets[:common]:
            raise OtherChainError
        if len(new.sets) <= len(old.sets):
            return old
    write_whole(_place(folder, new.network), data)
    return new


def _place(folder: Path, network: bytes) -> Path:
    return folder / ROOTS_FOLDER / f"{network.hex()}.json"


__all__ = [
    "ROOTS_FOLDER",
    "ROOT_BYTES_MAX",
    "OtherChainError",
    "ReceiptError",
    "keep_root",
    "kept_root",
    "log_keys",
    "origin_of",
]
