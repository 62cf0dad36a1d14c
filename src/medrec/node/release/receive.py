"""The recipient's half: ask, verify everything, write it down, and only then hand the records on.

A crash before the answer was written down leaves a request that waits; `close_failed` later states that nothing came
if the source anchored a disclosure. Records that do not verify are refused whole, with an alarm.
"""

import hashlib
import logging
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sql

from medrec.core import codec, manifests
from medrec.core.commitment import commitment
from medrec.core.crypto import verify_ed25519
from medrec.core.manifests.access import (
    Disclosed,
    DisclosureManifest,
    Outcome,
    ReceivedManifest,
    Request,
    marks_key,
    obligation_of,
)
from medrec.core.manifests.record import RecordManifest
from medrec.core.records.canonical import FORM, RecordError, canonical
from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft
from medrec.node.keeping.vault import VaultError
from medrec.node.looks import halves
from medrec.node.peers.peers import PeerError
from medrec.node.release import access
from medrec.node.release.access import Ask, Release, SentRecord, UnreadableError
from medrec.node.release.practitioners import Practitioner
from medrec.node.release.received_parts import PartError, ReceivedPart, Whole, all_beside, all_listed, verify_parts

if TYPE_CHECKING:
    from medrec.node.node import Node

ASK_LIFE_MS = 2 * 60_000
REQUEST_BYTES = 16
FORGET_AFTER_MS = 86_400_000
UNANSWERED_KEPT_MS = 90 * 86_400_000  # Its source may have been down, and writes the answer on the ledger later.

_log = logging.getLogger("medrec.node")


class NotGenuineError(Exception):
    """What came does not verify; nothing of it was kept. `code` is a short name, the text one sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class ReceivedRecord(NamedTuple):
    """A verified record: its canonical bytes, the source's manifest, and what opens the line that signed it."""

    type: str
    id: str
    content: bytes
    manifest: RecordManifest
    manifest_bytes: bytes
    salt: bytes
    entry: bytes


class Received(NamedTuple):
    """A page of verified records, and the medicines that they point at; `seq` is this node's own line about it, `more`
    the `after` of the next page ("" on the last one), `parts` those that came cut; `not_all`: access.NOT_ALL."""

    source: str
    account: str
    records: tuple[ReceivedRecord, ...]
    disclosure: DisclosureManifest
    obligation: bytes
    seq: int
    more: str
    parts: tuple[ReceivedPart, ...] = ()
    not_all: bool = False


class Opened(NamedTuple):
    """A release that verified; `listed`: how its disclosure lists all that came, `keys`: what opens the marks there."""

    records: tuple[ReceivedRecord, ...]
    listed: list[Disclosed]
    disclosure: DisclosureManifest
    disclosure_bytes: bytes
    more: str
    parts: tuple[ReceivedPart, ...] = ()
    keys: Sequence[bytes] = ()
    not_all: bool = False


def request_records(
    node: "Node",
    source: str,
    account: str,
    *,
    types: Sequence[str] = (),
    practitioner: Practitioner,
    reason: str,
    purpose: str = "TREAT",
    ids: Sequence[str] = (),
    after: str = "",
) -> Received:
    """Ask a source for a person's records; one page of them, verified and written down.

    `practitioner` (from `node.practitioners.present`) signs the request; `reason` is hers, in a sentence.
    Raises PeerError (with the source's code if it refused), NotGenuineError, StoreError.
    """
    wanted = {"types": list(types), "ids": list(ids), "after": after}
    asking = begin(node, source, account, practitioner, purpose, reason, **wanted)
    try:
        assert asking.signed is not None
        answer = node.peers.call(source, access.RELEASE_PATH, access.encode(asking.signed))
    except PeerError:
        give_up(node, asking)
        raise
    try:
        opened = verify_release(node, asking, answer)
    except NotGenuineError as error:
        refuse_half(node, asking, error)
        raise
    seq = keep_half(node, asking, opened.listed, opened.disclosure_bytes, opened.keys)
    came = (opened.records, opened.disclosure, asking.obligation, seq, opened.more, opened.parts, opened.not_all)
    return Received(source, account, *came)


class Asking(NamedTuple):
    """A request under way: to whom, about whom, as it was signed, and what this node will owe for an answer."""

    source: str
    account: str
    request: Request
    signed: Ask | None
    obligation: bytes


def begin(
    node: "Node", source: str, account: str, practitioner: Practitioner, purpose: str, reason: str, **wanted: object
) -> Asking:
    """Sign a request and remember it, before it is sent; `wanted` are further fields of it. Raises StoreError."""
    identifier = node.vault.random(REQUEST_BYTES)
    expires = node.clock() + ASK_LIFE_MS
    request = practitioner.request(identifier, purpose, reason, **wanted)
    signed = practitioner.ask(node.network, source, account, expires, request)
    obligation = obligation_of(source, node.organisation, identifier)
    row = {"obligation": obligation, "request": identifier, "source": source, "account": account, "expires": expires}
    node.store.write(lambda connection: connection.execute(sql.insert(access.asking).values(**row, status="waiting")))
    return Asking(source, account, request, signed, obligation)


def give_up(node: "Node", asking: Asking) -> None:
    """It was refused, or its answer was lost; a disclosure of it shows on the ledger (`close_failed`)."""
    node.store.write(lambda connection: _mark(connection, asking.obligation, "failed"))


def keep_half(
    node: "Node", asking: Asking, records: list[Disclosed], disclosure: bytes, keys: Sequence[bytes] = ()
) -> int:
    """Write down that an answer came and was verified; the sequence number of the line. Raises NotGenuineError."""
    return node.store.write(lambda connection: _keep(node, connection, asking, records, disclosure, keys))


def refuse_half(node: "Node", asking: Asking, failure: NotGenuineError) -> None:
    """Write down that what came did not verify, with an alarm; nothing of it is kept."""
    node.store.write(lambda connection: _refuse(node, connection, asking, failure))


def verify_release(node: "Node", asking: Asking, answer: bytes, *, stopped: bool = False) -> Opened:
    """A signed release that belongs to a request, with everything in it verified. Raises NotGenuineError.

    `stopped`: the source says that it let nothing go after all; then there are no records to hold against its list.
    """
    source, account, asked, obligation = asking.source, asking.account, asking.request, asking.obligation
    try:
        body, signature = access.open_release(answer)
        organisation = node.directory.find(source)
        if organisation is None or not verify_ed25519(
            organisation.keys.ed25519, access.signed_message(body), signature
        ):
            raise NotGenuineError("bad-signature", f"The answer does not carry the signature of {source}.")
        release = access.decode(body, Release, access.RELEASE_BYTES_MAX)
        disclosure = manifests.decode(release.disclosure.manifest)
    except (UnreadableError, manifests.ManifestError):
        raise NotGenuineError("unreadable", f"The answer of {source} is not a readable release.") from None
    if not isinstance(disclosure, DisclosureManifest) or not (
        disclosure.network == node.network.hex()
        and disclosure.organisation == source
        and disclosure.account == account
        and disclosure.request == asked
        and disclosure.obligation == obligation.hex()
        and release.request.hex() == asked.id
    ):
        raise NotGenuineError("another-request", f"The answer of {source} belongs to another request.")
    _check_line(release.disclosure.manifest, release.disclosure.salt, release.disclosure.entry, "disclosure")
    records = tuple(_verify_record(node, source, account, asked, sent) for sent in release.records)
    whole = [_whole(record, obligation) for record in records]
    told, keys = disclosure.records, release.disclosure.keys
    nothing = stopped and not (release.records or release.parts or release.beside)
    try:
        parts = () if nothing else verify_parts(source, asked, release.parts, told, keys)
    except PartError as error:
        raise NotGenuineError(error.code, error.sentence) from None
    beside = tuple(_verify_record(node, source, None, None, sent) for sent in release.beside)
    went = [_whole(record, obligation) for record in beside if record.type == "Medication"]
    listed = all_listed(whole, told) and len(went) == len(beside) and all_beside(went, told, keys)
    if not nothing and not listed:
        raise NotGenuineError("other-records", f"{source} sent other records than it wrote down as disclosed.")
    every, told = (*records, *beside), [] if nothing else told
    rest = release.disclosure.manifest, release.more, parts, keys, access.NOT_ALL in release.attach
    return Opened(every, told, disclosure, *rest)


def _whole(record: ReceivedRecord, obligation: bytes) -> Whole:
    key = marks_key(record.salt, obligation)
    sha256 = bytes.fromhex(record.manifest.record.sha256 or "")
    return Whole(record.type, record.id, key, sha256, hashlib.sha256(record.manifest_bytes).digest())


def _verify_record(
    node: "Node", source: str, account: str | None, asked: Request | None, sent: SentRecord
) -> ReceivedRecord:
    """A record of an account that was asked for; without these, one that is nobody's and goes with others."""
    try:
        manifest = manifests.decode(sent.manifest)
        found = canonical(sent.content)
    except (manifests.ManifestError, RecordError):
        raise NotGenuineError("unreadable-record", f"A record from {source} is not readable.") from None
    if not isinstance(manifest, RecordManifest) or manifest.record.form != FORM:
        raise NotGenuineError("unreadable-record", f"A record from {source} has no manifest of a known form.")
    record = manifest.record
    name = f"{record.type}/{record.id}"
    if manifest.network != node.network.hex() or manifest.organisation != source:
        raise NotGenuineError("another-signer", f"{name} was not signed by {source} on this network.")
    if manifest.account not in (None, account):
        raise NotGenuineError("another-person", f"{name} belongs to another account.")
    if found.data != sent.content or record.sha256 != found.sha256.hex():
        raise NotGenuineError("record-changed", f"{name} is not what {source} signed: its content was changed.")
    stated = found.value if isinstance(found.value, dict) else {}
    if stated.get("resourceType") != record.type or stated.get("id", record.id) != record.id:
        raise NotGenuineError("another-record", f"{name} holds another record than its manifest says.")
    if asked and ((asked.types and record.type not in asked.types) or (asked.ids and record.id not in asked.ids)):
        raise NotGenuineError("not-asked-for", f"{name} was not asked for.")
    _check_line(sent.manifest, sent.salt, sent.entry, name)
    return ReceivedRecord(record.type, record.id, sent.content, manifest, sent.manifest, sent.salt, sent.entry)


def _check_line(manifest: bytes, salt: bytes, entry: bytes, name: str) -> None:
    """The entry is the one that commits to this manifest; the ledger's copy of it is for the receipt to prove."""
    try:
        stated = codec.decode(entry)[0]
    except (codec.CodecError, TypeError, KeyError, IndexError):
        stated = None
    if stated != commitment(manifest, salt):
        raise NotGenuineError("another-entry", f"The entry of {name} does not belong to its manifest.")


def _keep(
    node: "Node",
    connection: sql.Connection,
    asking: Asking,
    records: list[Disclosed],
    disclosure: bytes,
    keys: Sequence[bytes],
) -> int:
    if not _mark(connection, asking.obligation, "done"):
        raise NotGenuineError("too-late", "The answer came after this node had stated that nothing came.")
    return state_half(node, connection, *_named(asking), "received", records, digest_of(disclosure), keys=keys)


def _refuse(node: "Node", connection: sql.Connection, asking: Asking, failure: NotGenuineError) -> None:
    raise_alarm(node, connection, asking.source, failure)
    if _mark(connection, asking.obligation, "done"):
        state_half(node, connection, *_named(asking), "refused", [], None, failure.code)


def _named(asking: Asking) -> tuple[str, str, bytes, bytes]:
    return asking.source, asking.account, asking.obligation, bytes.fromhex(asking.request.id)


def raise_alarm(node: "Node", connection: sql.Connection, source: str, failure: NotGenuineError) -> None:
    """Tell this organisation that something came in a source's name that is not genuine."""
    connection.execute(
        sql.insert(store.alarm).values(
            time=node.clock(), code="release-not-genuine", subject=source, sentence=failure.sentence[:500]
        )
    )


def state_half(
    node: "Node",
    connection: sql.Connection,
    source: str,
    account: str,
    obligation: bytes,
    request: bytes,
    outcome: Outcome,
    records: list[Disclosed],
    disclosure: str | None,
    code: str = "",
    keys: Sequence[bytes] = (),
) -> int:
    """Write this node's half, which settles what it owes; the sequence number of the line."""
    time = node.clock()
    manifest = ReceivedManifest(
        "disclosure-received/1",
        node.network.hex(),
        node.organisation,
        account,
        time,
        source,
        request.hex(),
        records,
        obligation.hex(),
        disclosure,
        outcome,
        code,
    )
    person = node.journal.person_of_account(connection, account)
    summary = [7, time, source, outcome, len(records), obligation]
    draft = Draft(
        "disclosure-received/1",
        manifests.encode(manifest),
        person.id if person is not None else None,
        {"settles": [[source, obligation]]},
        summary if person is not None else None,
    )
    seq = node.journal.append(connection, [draft])[0].seq
    if keys and person is not None:
        sealed = node.vault.seal(person.keys.data, codec.encode(list(keys)), obligation)
        kept = {"obligation": obligation, "account": account, "sealed": sealed}
        connection.execute(sql.insert(access.half_keys).values(**kept))
    if outcome == "received":
        # Kept until the ledger has the source's half too: it may have let this out and dropped its own line.
        row = {"obligation": obligation, "source": source, "time": time, "seq": seq, "told": False}
        connection.execute(sql.insert(access.half_alone).values(**row))
    return seq


def _mark(connection: sql.Connection, obligation: bytes, status: str) -> bool:
    """Move a request that waits on; False if it had been closed already."""
    column = access.asking.c
    return bool(
        connection.execute(
            sql.update(access.asking)
            .where(column.obligation == obligation, column.status != "done")
            .values(status=status)
        ).rowcount
    )


def close_failed(node: "Node") -> int:
    """State that nothing came, for every request without an answer whose disclosure is on the ledger; how many.

    Requests are forgotten by the ledger's own time: where that is not seen, none is. What came and is not on the ledger
    by its source's word is watched. One that cannot be stated keeps no other from it. Run it now and then.
    Raises EngineError, StoreError.
    """
    halves.watch_alone(node)
    now, seen, column = node.clock(), node.engine.tip().time, access.asking.c
    over = column.status.in_(("failed", "viewing")) | (
        (column.status == "waiting") & (column.expires + ASK_LIFE_MS < now)
    )
    kept = sql.case((column.status == "done", FORGET_AFTER_MS), else_=UNANSWERED_KEPT_MS)
    old = column.expires + kept < seen
    owed = {(obligation.creditor, identifier) for identifier, obligation in halves.owed_by_ledger(node)}
    with node.store.read() as connection:
        rows = connection.execute(sql.select(access.asking).where(over)).all() if owed else []
        forget = connection.execute(sql.select(column.obligation).where(old).limit(1)).first() is not None
    stated = 0
    for row in rows:
        if (row.source, bytes(row.obligation)) in owed:
            try:
                stated += node.store.write(partial(_state_nothing, node, row))
            except VaultError:
                # Her keys cannot be had: the others are answered for all the same, and this one is tried again.
                _log.error("%s: a request without an answer cannot be closed: her keys are not here", node.organisation)
    if forget:
        node.store.write(lambda connection: connection.execute(sql.delete(access.asking).where(old)))
    return stated


def _state_nothing(node: "Node", row: Any, connection: sql.Connection) -> int:
    if not _mark(connection, row.obligation, "done"):
        return 0
    # A page of the source was opened here, and looked at.
    outcome: Outcome = "viewed" if row.status == "viewing" else "nothing"
    state_half(node, connection, row.source, row.account, row.obligation, row.request, outcome, [], None)
    return 1


def digest_of(data: bytes) -> str:
    """The SHA-256 of bytes, in hex."""
    return hashlib.sha256(data).hexdigest()
