"""Renewals: old heads stay worth something after the algorithm that signed them is broken (the idea of RFC 4998).

Whoever can forge Ed25519 can make signatures of today; what nobody can make is a statement of yesterday that they
were there. So while the old algorithm still holds, the organisations hash the old notes, signature lines and all, into
a tree and sign its root with every algorithm they have. A renewal takes one note from its leaf to that root; it can be
renewed again, each time before the algorithm that carries it falls.

    {"medrec": "renewal/1", "links": [{"index": 0, "path": [BASE64, ...], "head": NOTE}, ...]}

The leaf of the first link is the receipt's own checkpoint note, or one of the same text with more lines (`note`); the
leaf of each further link is the head before it. A head is a note of three lines: origin "medrec/NETWORK/renewal", how
many notes, and the root over them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from medrec.core import codec, merkle
from medrec.core.checkpoint import (
    ORIGIN_PREFIX,
    CheckpointBody,
    Note,
    NoteError,
    parse_checkpoint_body,
    parse_note,
)
from medrec.core.note import from_base64, to_base64
from medrec.core.root import ReceiptError, check_version, demand, strict_json

FORM = "renewal/1"
LINKS_MAX = 16


@dataclass(frozen=True, slots=True)
class Link:
    """One step: the leaf stands at `index` of the tree under the head, as `path` shows."""

    index: int
    path: tuple[bytes, ...]
    head: bytes


@dataclass(frozen=True, slots=True)
class Renewal:
    """The note that was renewed, and how."""

    note: bytes
    links: tuple[Link, ...]

    def render(self) -> bytes:
        """The file's bytes: canonical JSON."""
        links = [
            {"index": link.index, "path": [to_base64(step) for step in link.path], "head": link.head.decode()}
            for link in self.links
        ]
        return codec.encode_json({"medrec": FORM, "note": self.note.decode(), "links": links})


def renewal_origin(network: bytes) -> str:
    """The origin of renewal heads: never that of the log, so that no signature stands for the other."""
    return f"{ORIGIN_PREFIX}{network.hex()}/renewal"


def renewal_text(network: bytes, notes: Sequence[bytes]) -> bytes:
    """The text of the head over these notes, in this order."""
    root = merkle.root([merkle.leaf_hash(note) for note in notes])
    return CheckpointBody(renewal_origin(network), len(notes), root).text()


def read_renewal(data: bytes) -> Renewal:
    """A renewal from its file. Raises ReceiptError renewal or newer-version."""
    value = strict_json("renewal", data)
    check_version("renewal", value, "medrec", FORM)
    try:
        links = tuple(_read_link(item) for item in value["links"])
        whole = set(value) == {"medrec", "note", "links"} and 1 <= len(links) <= LINKS_MAX
        demand(whole, "renewal", "The renewal lacks a field or has one too many.")
        return Renewal(value["note"].encode(), links)
    except (NoteError, KeyError, TypeError, AttributeError, ValueError):
        raise ReceiptError("renewal", "The renewal cannot be read: a field is missing or malformed.") from None


def _read_link(item: Any) -> Link:
    if set(item) != {"index", "path", "head"} or type(item["index"]) is not int:
        raise ValueError
    path = tuple(from_base64(step) for step in item["path"])
    return Link(item["index"], path, item["head"].encode())


def heads_of(renewal: Renewal, network: bytes, checkpoint: bytes) -> list[Note]:
    """The heads of a renewal, oldest first, once each leads to the one before and the first to the receipt's own
    checkpoint text; signatures are still to be counted. Raises ReceiptError renewal.
    """
    leaf = renewal.note
    found: list[Note] = []
    try:
        demand(parse_note(leaf).text == checkpoint, "renewal", "The renewal is of another head than the receipt's.")
        for link in renewal.links:
            note = parse_note(link.head)
            body = parse_checkpoint_body(note.text)
            demand(body.origin == renewal_origin(network), "renewal", "The renewal is of another network.")
            inside = merkle.verify_inclusion(merkle.leaf_hash(leaf), link.index, body.size, link.path, body.root)
            demand(inside, "renewal", "The renewal does not lead to the head that its organisations signed.")
            found.append(note)
            leaf = link.head
    except NoteError as error:
        raise ReceiptError("renewal", f"The renewal cannot be right: {error}.") from None
    return found
