"""What a line rests on: where it stands on the ledger, read from the ledger itself and compared with what is kept here;
the manifest that was told to a person's agent, and the record that it signs."""

import hashlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import sqlalchemy as sql
from markupsafe import Markup

from medrec.core import codec, manifests
from medrec.core.commitment import commitment
from medrec.core.kinds.anchor import decode_entries, reduced
from medrec.core.manifests.record import RecordManifest
from medrec.core.outcome import Refused
from medrec.core.types import decode_transaction
from medrec.node.agent.told import manifest_in
from medrec.node.keeping import store
from medrec.node.ledger.checkpoints import CheckpointError
from medrec.node.ledger.on_ledger import Place, block_of
from medrec.node.ledger.receipts import ReceiptUnavailableError
from medrec.portal import render, words
from medrec.portal.page import File, PageError, Visit

if TYPE_CHECKING:
    from medrec.node.node import Node


TEXTS_BYTES_MAX = 200_000
"""How much of what lies behind a statement goes to the page on which it is signed."""


class Found(NamedTuple):
    """What the ledger holds at a place: the entry, and the batch and block around it; `first` is a journal line."""

    entry: bytes
    author: str
    batch: bytes
    first: int
    size: int
    position: int
    height: int
    time: int
    leaf: int | None


def on_ledger(node: "Node", place: Place) -> Found | None:
    """The entry that the ledger holds at a place, None if there is none."""
    block = block_of(node, place.height)
    if block is None:
        return None
    try:
        transaction = decode_transaction(block.block.transactions[place.place])
        entries = decode_entries(transaction.attachment)[0]
        payload = transaction.body.payload
        return Found(
            bytes(entries[place.position]), transaction.body.author, transaction.id, int(payload["first"]),
            len(entries), place.position + 1, place.height, block.block.time, block.leaf_indices[place.place],
        )  # fmt: skip
    except (Refused, IndexError, KeyError):
        return None


def place_of_batch(node: "Node", batch: bytes, height: int, position: int) -> Place | None:
    """The place of an entry whose batch is known by its transaction id."""
    block = block_of(node, height)
    if block is None:
        return None
    for place, data in enumerate(block.block.transactions):
        try:
            if block.outcomes[place].code == 0 and decode_transaction(data).id == batch:
                return Place(height, place, position)
        except Refused:
            continue
    return None


def shown_line(
    node: "Node",
    visit: Visit,
    names: dict[str, str],
    *,
    manifest: bytes,
    salt: bytes,
    entry: bytes,
    place: Place | None,
) -> dict[str, Any]:
    """The values that the proof's template shows of one line."""
    statement: Any = manifests.decode(manifest)
    found = on_ledger(node, place) if place is not None else None
    sealed, mark, extras = codec.decode(entry)
    honest = sealed == commitment(manifest, salt)
    anchored = place is not None
    author = names.get(statement.organisation, statement.organisation)
    record = getattr(statement, "record", None)
    return {
        "statement": statement,
        "record": record,
        "organisation": author,
        "lead": lead(visit, author, statement),
        "state": "waiting"
        if not anchored and honest
        else "good"
        if found and honest and found.entry in (entry, *reduced(entry))
        else "bad",
        "found": found,
        "since": visit.when(found.time) if found is not None else None,
        "manifest": readable(manifest),
        "manifest_hash": fingerprint(manifest),
        "salt": salt.hex(),
        "commitment": sealed.hex(),
        "tag": mark.hex(),
        "extras": [words.EXTRAS.get(name, name) for name in sorted(extras)],
    }


def lead(visit: Visit, author: str, statement: Any) -> Markup:
    """The sentence that says what the line is."""
    record = getattr(statement, "record", None)
    if record is None:
        kind = words.MANIFESTS.get(statement.manifest, statement.manifest)
        return render.say(words.VERSION["lead_other"], kind=kind, organisation=author, when=visit.when(statement.time))
    return render.say(
        words.VERSION["lead"],
        kind=capital(words.record_type(record.type)),
        version=record.version,
        action=words.ACTIONS[record.action],
        organisation=author,
        when=visit.when(statement.time),
    )


def fingerprint(manifest: bytes) -> str:
    """The SHA-256 (hex) of a manifest."""
    return hashlib.sha256(manifest).hexdigest()


def file_names(manifest_hash: str) -> tuple[str, str]:
    """What the files of a proof are called: the receipt, the record."""
    return f"{manifest_hash[:12]}.receipt.json", f"{manifest_hash[:12]}.record.json"


def receipt_file(make: Callable[[], bytes], name: str) -> File:
    """A receipt as a download. Raises PageError."""
    try:
        return File(make(), "application/json", name)
    except ReceiptUnavailableError as error:
        status = 404 if error.code in ("unknown-record", "erased") else 503
        raise PageError(status, error.code, error.sentence) from None
    except CheckpointError as error:
        raise PageError(503, error.code, error.sentence) from None


def capital(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def readable(manifest: bytes) -> str:
    """A manifest over several lines, for reading."""
    return msgspec.json.format(manifest, indent=2).decode()


def manifest_of(node: "Node", account: str, tag: bytes) -> bytes:
    """At an agent: the bytes of the manifest behind a line of this person, empty if it never came."""
    query = sql.select(store.notice).where(store.notice.c.tag == tag, store.notice.c.account == account)
    with node.store.read() as connection:
        row = connection.execute(query).first()
    if row is None or row.sealed is None:
        return b""
    return manifest_in(node.vault, row)


def texts_behind(node: "Node", account: str, tags: Iterable[bytes]) -> tuple[str, ...]:
    """At an agent: what was signed about each of these lines and the record itself, so that a statement which names the
    hash of the one can be read with the other. A line whose record is not here, or came in part, is left out."""
    copies = {copy.tag: copy.content for copy in node.copies.all(account)} if node.copies is not None else {}
    found: list[str] = []
    left = TEXTS_BYTES_MAX
    for tag in tags:
        data, content = manifest_of(node, account, tag), copies.get(tag)
        signed = manifests.decode(data) if data else None
        if not isinstance(signed, RecordManifest):
            continue
        # Of a deletion there is no record.
        digest = hashlib.sha256(content).hexdigest() if content is not None else None
        size = len(data) + len(content or b"")
        if size <= left and signed.record.sha256 == digest:
            found += [text.decode() for text in (data, content) if text is not None]
            left -= size
    return tuple(found)
