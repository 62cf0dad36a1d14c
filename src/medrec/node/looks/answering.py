"""What this organisation has to answer for: its looks that people dispute, as their sources tell of them.

A source's word counts as far as the ledger shows that an answer is owed to that source for that dispute, by a date that
stands there. Nobody else can tell of it first, answer it, or bend the date.

told(node, source, payload)   the source tells of a dispute -> about_us(node) shows it -> answer(node, ...) settles it
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sql
from sqlalchemy import Column, LargeBinary, String, Table

from medrec.core import codec, manifests, state
from medrec.core.manifests.dispute import AnswerKind, DisputeAnswerManifest, owed_for
from medrec.core.state import Obligation
from medrec.core.view import View
from medrec.node.keeping import account_keys, outgoing, store
from medrec.node.keeping.journal import Draft
from medrec.node.keeping.store import metadata
from medrec.node.keeping.vault import Vault, VaultError
from medrec.node.looks.disputes import ANSWERS_PATH, payloads
from medrec.node.refusals import Code, Refusal

if TYPE_CHECKING:
    from medrec.node.node import Node

# Disputes about looks of this organisation, as their sources tell of them; what is owed, and by when, says the ledger.
# status: open, answered.
dispute_about_us = Table(
    "dispute_about_us",
    metadata,
    Column("source", String(32), primary_key=True),
    Column("id", LargeBinary(16), primary_key=True),
    Column("status", String(10), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)


class AboutUs(NamedTuple):
    """A dispute that this organisation has to answer: about whom, at which source, by when, and in whose words."""

    id: bytes
    source: str
    account: str
    obligation: str | None
    words: str
    due: int
    status: str


def told(node: "Node", source: str, payload: bytes) -> bool:
    """Note that a look of this organisation is disputed; True once that is safely here.

    False if it is unreadable, or the ledger does not show, or not yet, that an answer is owed to this very source.
    Raises EngineError, StoreError.
    """
    try:
        value = codec.decode(payload)
        identifier, account = value["id"], value["account"]
        if type(identifier) is not bytes or len(identifier) != 16:
            return False
        about = {"account": str(account), "look": str(value["look"])[:32], "words": str(value["words"])[:1000]}
    except (codec.CodecError, KeyError, TypeError):
        return False
    vault, context = node.vault, identifier + source.encode()
    with node.engine.view() as view:
        owes = _owes(view, source, node.organisation, identifier)
    if owes is None:
        return False
    row = {"id": identifier, "source": source, "status": "open"}
    sentence = f"A person disputes a look at her records at {source}; answer her before the time runs out."
    alarm = {"time": node.clock(), "code": "look-disputed", "subject": identifier.hex(), "sentence": sentence}

    def write(connection: sql.Connection) -> None:
        known = sql.select(dispute_about_us.c.id).where(_is(source, identifier))
        if owes.unsettled and connection.execute(known).first() is None:
            # Her words lie under a key of hers; whose they are is needed to find it.
            words = account_keys.seal_for(connection, vault, about["account"], codec.encode(about), context)
            sealed = vault.seal(None, codec.encode([about["account"], words]), context)
            connection.execute(sql.insert(dispute_about_us).values(**row, sealed=sealed))
            connection.execute(sql.insert(store.alarm).values(**alarm))

    node.store.write(write)
    return True


def about_us(node: "Node") -> list[AboutUs]:
    """The disputes about looks of this organisation that the ledger shows, those that wait first, by when they are
    due. Raises EngineError, StoreError."""
    found: list[AboutUs] = []
    with node.store.read() as connection, node.engine.view() as view:
        for row in connection.execute(sql.select(dispute_about_us)).all():
            owes = _owes(view, row.source, node.organisation, bytes(row.id))
            if owes is None:
                # From before the ledger was asked: somebody's word alone.
                continue
            value = _about(connection, node.vault, row)
            about = (value["account"], value["look"] or None, value["words"])
            status = row.status if owes.unsettled else "answered"
            found.append(AboutUs(bytes(row.id), row.source, *about, owes.due, status))
    return sorted(found, key=lambda item: (item.status != "open", item.due, item.source, item.id))


def answer(node: "Node", source: str, identifier: bytes, kind: AnswerKind, words: str) -> None:
    """Answer a dispute that a source told of, about this organisation; the answer goes to the person by way of it.

    Raises Refusal (unknown-dispute, reason-missing), EngineError, StoreError.
    """
    wanted = (source, identifier, "open")
    about = next((item for item in about_us(node) if (item.source, item.id, item.status) == wanted), None)
    if about is None:
        raise Refusal(Code.UNKNOWN_DISPUTE)
    if not words.strip():
        raise Refusal(Code.REASON_MISSING)
    owed = owed_for(about.source, node.organisation, identifier)

    def write(connection: sql.Connection) -> None:
        where = _is(source, identifier) & (dispute_about_us.c.status == "open")
        if not connection.execute(sql.update(dispute_about_us).where(where).values(status="answered")).rowcount:
            raise Refusal(Code.UNKNOWN_DISPUTE)
        now = node.clock()
        manifest = DisputeAnswerManifest(
            "dispute-answer/1",
            node.network.hex(),
            node.organisation,
            about.account,
            now,
            identifier.hex(),
            about.source,
            owed.hex(),
            kind,
            words,
        )
        data = manifests.encode(manifest)
        person = node.journal.person_of_account(connection, about.account)
        extras = {"settles": [[about.source, owed]]}
        who = person.id if person is not None else None
        summary = [11, now, kind, about.source, identifier]
        node.journal.append(connection, [Draft("dispute-answer/1", data, who, extras, summary)])
        row = {"organisation": about.source, "path": ANSWERS_PATH, "payload": data, "due": now}
        outgoing.queue(connection, node.vault, about.account, [row])

    node.store.write(write)


def answer_disputed(node: "Node", caller: str, body: bytes) -> bytes:
    """POST /medrec/disputed: CBOR array of what a source tells of disputes -> CBOR array of booleans."""
    return codec.encode([told(node, caller, payload) for payload in payloads(body)])


def _is(source: str, identifier: bytes) -> sql.ColumnElement[bool]:
    """The row of a dispute that this source told of."""
    return (dispute_about_us.c.source == source) & (dispute_about_us.c.id == identifier)


def _owes(view: View, source: str, requester: str, dispute: bytes) -> Obligation | None:
    """What the ledger says that a requester owes a source for a dispute; None if it owes nothing for it."""
    return state.owed_by(view, source, owed_for(source, requester, dispute), requester)


def _about(connection: sql.Connection, vault: Vault, row: Any) -> dict[str, Any]:
    """Whom a dispute of a look of ours is about, which look, and her words; no words once she is forgotten here."""
    context = bytes(row.id) + row.source.encode()
    value = codec.decode(vault.open(None, bytes(row.sealed), context))
    if isinstance(value, dict):
        # From before her words lay under a key of hers.
        return value
    try:
        account, sealed = value
        said: dict[str, Any] = codec.decode(account_keys.open_for(connection, vault, account, sealed, context))
    except VaultError:
        return {"account": account, "look": "", "words": ""}
    return said
