"""Telling a person of what her source never wrote down, from a place that does not know her.

A recipient's half reaches the person as a line of a place that she is linked to; where she is not linked, the source's
half tells her. If that one is still missing after an hour, the recipient sends its half to every agent: sealed so that
it opens only for who serves her and was told of the very record that came. Nobody else learns whom it is about.

    letter = CBOR [source, obligation, nonce, [[hint, sealed], ...]]     one pair for each of at most four whole records
    key    = SHA-256("medrec/lone-half/1" || CBOR [nonce, account, mark of the record, hex])
    hint   = SHA-256("hint" || key), 8 bytes;  sealed = CBOR [manifest, salt, entry, time] under the key
"""

import hashlib
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from medrec.core import codec, manifests, state
from medrec.core.commitment import commitment
from medrec.core.manifests.access import ReceivedManifest, marked, marks_key
from medrec.engines.engine import Snapshot
from medrec.node.keeping import client_keys, store
from medrec.node.keeping.vault import VaultError
from medrec.node.refusals import Code, Refusal

if TYPE_CHECKING:
    from medrec.node.node import Node

LONE_PATH = "/medrec/lone-halves"
OUTSIDE = -(1 << 30)
"""What stands for the epoch of a line of a place that the person is not linked to."""
NONCE_BYTES, HINT_BYTES, COUNTER_BYTES = 16, 8, 6
RECORDS_MAX = 4


def letters(node: "Node", connection: sql.Connection, seq: int) -> list[dict[str, Any]]:
    """The outbox rows that tell the agents of this node's half in line `seq`; none where its own notice does, or where
    it names no whole record. Raises VaultError."""
    line = connection.execute(sql.select(store.line).where(store.line.c.seq == seq)).one()
    opened = node.journal.manifest(connection, bytes(line.manifest))
    stated = manifests.decode(opened[1]) if opened is not None else None
    if opened is None or not isinstance(stated, ReceivedManifest):
        return []
    if node.journal.person_of_account(connection, stated.account) is not None:
        return []
    body = codec.encode([opened[1], opened[0], bytes(line.entry), line.time])
    nonce = node.vault.random(NONCE_BYTES)
    sealed = []
    # Halves from before there were marks name a record by its hash.
    names = {one.content or one.sha256 or "" for one in stated.records if one.part is None}
    for name in sorted(names)[:RECORDS_MAX]:
        key = _key(nonce, stated.account, name)
        sealed.append([_hint(key), node.vault.seal(key, body, nonce)])
    if not sealed:
        return []
    payload = codec.encode([stated.source, bytes.fromhex(stated.obligation), nonce, sealed])
    agents = [one.id for one in node.directory.active() if "agent" in one.roles]
    return [{"organisation": name, "path": LONE_PATH, "payload": payload, "due": node.clock()} for name in agents]


def answer_lone(node: "Node", caller: str, body: bytes) -> bytes:
    """POST /medrec/lone-halves: CBOR array of letters -> CBOR array, true for each that was heard, whoever it is about;
    false while the ledger here does not show yet what it speaks of. Raises Refusal."""
    payloads = codec.decode(body)
    if type(payloads) is not list or any(type(payload) is not bytes for payload in payloads):
        raise Refusal(Code.MALFORMED)
    if node.agent is None:
        raise Refusal(Code.NOT_PERMITTED)
    return codec.encode([_hear(node, caller, payload) for payload in payloads])


def _hear(node: "Node", caller: str, payload: bytes) -> bool:
    try:
        source, obligation, nonce, pairs = codec.decode(payload)
        sealed = {bytes(hint): bytes(box) for hint, box in pairs[:RECORDS_MAX]}
        if (type(source), type(obligation), type(nonce)) != (str, bytes, bytes) or len(obligation) != 16:
            return True
    except (codec.CodecError, TypeError, ValueError):
        # It will say nothing tomorrow either.
        return True
    with node.engine.view() as view:
        waits = _waits(view, source, obligation, caller)
    if waits is None:
        return False
    if waits:
        for account, salt, sha256 in _records(node, source):
            for name in (marked(marks_key(salt, obligation), sha256), sha256.hex()):
                key = _key(nonce, account, name)
                box = sealed.get(_hint(key))
                if box is not None:
                    return _keep(node, caller, (account, source, obligation), key, box, nonce)
    return True


def _waits(view: Snapshot, source: str, obligation: bytes, caller: str) -> bool | None:
    """Whether a half stands alone on the ledger; None if neither half is there."""
    if view.get(state.obligation_key(source, obligation)) is not None:
        return False
    return True if view.get(state.early_key(source, obligation, caller)) is not None else None


def _records(node: "Node", source: str) -> list[tuple[str, bytes, bytes]]:
    """Account, salt and hash of every record version that a source told the people of this agent of."""
    assert node.agent is not None
    notice = store.notice.c
    chosen = sql.select(notice.account, notice.sealed, notice.tag).where(
        notice.organisation == source, notice.kind == "record/1", notice.sealed.is_not(None)
    )
    with node.store.read() as connection:
        rows = connection.execute(chosen).all()
    found = []
    for row in rows:
        data, salt = codec.decode(node.vault.open_kept(bytes(row.sealed), bytes(row.tag)))[:2]
        stated: Any = manifests.decode(data)
        if stated.record.sha256 is not None:
            found.append((row.account, salt, bytes.fromhex(stated.record.sha256)))
    return found


def _keep(node: "Node", caller: str, about: tuple[str, str, bytes], key: bytes, box: bytes, nonce: bytes) -> bool:
    """Keep a half as a line of the person's, if it is what the caller put on the ledger; whether it was heard."""
    account, source, obligation = about
    try:
        opened = node.vault.open(key, box, nonce)
        manifest, salt, entry, time = codec.decode(opened)
        said, mark = codec.decode(entry)[:2]
        stated: Any = manifests.decode(manifest)
        genuine = (
            isinstance(stated, ReceivedManifest)
            and (stated.network, stated.organisation) == (node.network.hex(), caller)
            and (stated.account, stated.source, stated.obligation) == (account, source, obligation.hex())
            and said == commitment(manifest, salt)
            and type(time) is int
        )
    except (codec.CodecError, VaultError, manifests.ManifestError, TypeError, ValueError, IndexError):
        genuine = False
    if not genuine:
        return True
    digest, now = hashlib.sha256(entry).digest(), node.clock()
    index, notice = store.entry_index.c, store.notice.c
    counter = int.from_bytes(mark[:COUNTER_BYTES], "big")

    def write(connection: sql.Connection) -> bool:
        anchored = sql.select(index.height).where(index.tag == mark, index.digest == digest)
        height = connection.execute(anchored).scalar()
        if height is None:
            return False
        same = (notice.account == account) & (notice.organisation == caller) & (notice.epoch == OUTSIDE)
        known = sql.select(notice.tag).where((notice.tag == mark) | (same & (notice.counter == counter)))
        if connection.execute(known).first() is None:
            if not client_keys.is_served(connection, account):
                return True
            row = {
                "account": account, "organisation": caller, "epoch": OUTSIDE, "counter": counter, "tag": mark,
                "kind": "disclosure-received/1", "time": min(time, now), "received": now, "height": height,
                "sealed": client_keys.seal_for(connection, node.vault, account, opened, mark), "digest": digest,
            }  # fmt: skip
            connection.execute(sql.insert(store.notice).values(**row))
        return True

    return node.store.write(write)


def _key(nonce: bytes, account: str, name: str) -> bytes:
    return hashlib.sha256(b"medrec/lone-half/1" + codec.encode([nonce, account, name])).digest()


def _hint(key: bytes) -> bytes:
    return hashlib.sha256(b"hint" + key).digest()[:HINT_BYTES]
