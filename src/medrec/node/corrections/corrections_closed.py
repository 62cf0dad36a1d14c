"""Closing a request for a correction at its source: the answer is written down, and settles what was owed.

No request outlives the link: one that is open when a link is undone is answered before it ends, and one that comes from
somebody who is not linked is answered on the ledger alone, so that nobody owes an answer that can never be given.
"""

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from medrec.core import manifests
from medrec.core.manifests.acts import Act
from medrec.core.manifests.correction import (
    AnswerKind,
    CorrectionAnswerManifest,
    CorrectionRequestManifest,
    CorrectionStatement,
    CorrectionTakenManifest,
)
from medrec.core.reconcile.said import block_of
from medrec.node.corrections.corrections_kept import correction_here
from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft, Journal, Person
from medrec.node.lists.acts_kept import is_ended
from medrec.node.right_person import holding_said

if TYPE_CHECKING:
    from medrec.node.node import Node

WITHDRAWN = "Whoever asked has taken the word back that it followed from: the link to the patient was undone there."
TAKEN_BACK = "The patient says that the record is about her after all."
UNLINKED = "The link to the patient was undone here."
NOT_LINKED = "The patient is not linked here."
SUPERSEDED = "The patient has said something newer about it since, so nobody waits for an answer to this."


def close(
    journal: Journal,
    network: str,
    connection: sql.Connection,
    row: Any,
    taken: CorrectionTakenManifest,
    kind: AnswerKind,
    words: str,
    version: str | None = None,
) -> None:
    """Answer a request of this source. `row` is of `correction_here`, `taken` what its line says, `version` (hex) the
    manifest of a corrected version. Inside `Store.write` only."""
    now, identifier = journal.now(), bytes(row.id)
    manifest = CorrectionAnswerManifest(
        "correction-answer/1",
        network,
        journal.organisation,
        row.account,
        now,
        taken.request,
        bytes(row.taken).hex(),
        taken.owes,
        kind,
        words,
        version,
    )
    person = journal.person_of_account(connection, row.account)
    extras = {"settles": [[row.agent, bytes.fromhex(taken.owes)]]}
    who = person.id if person is not None else None
    draft = Draft("correction-answer/1", manifests.encode(manifest), who, extras, [25, now, kind, identifier])
    journal.append(connection, [draft])
    connection.execute(sql.update(correction_here).where(correction_here.c.id == identifier).values(status=kind))


def withdraw(node: "Node", connection: sql.Connection, caller: str, act: str) -> None:
    """Close what an organisation asked for by an act (id, hex) that it has taken back. Inside `Store.write` only."""
    for row, taken in _open(node.journal, connection, correction_here.c.agent == caller):
        if taken.statement.act is not None and taken.statement.act.id == act:
            close(node.journal, node.network.hex(), connection, row, taken, "noted", WITHDRAWN)


def end_with_link(journal: Journal, network: str, connection: sql.Connection, person: Person) -> None:
    """The link of a person is about to be undone: what was asked about her records because of it asks for nothing any
    more, and nobody is to look at what she said of them. Inside `Store.write` only."""
    record, alarm = store.record.c, store.alarm.c
    for row, taken in _open(journal, connection, correction_here.c.account == person.account):
        close(journal, network, connection, row, taken, "noted", UNLINKED)
    hers = sql.select(record.type + "/" + record.id).where(record.person == person.id)
    connection.execute(sql.delete(store.alarm).where((alarm.code == "list-contradicted") & alarm.subject.in_(hers)))


def claimed(node: "Node", connection: sql.Connection, person: Person, statement: CorrectionStatement) -> None:
    """She says that a record is not about her, which holds it back, or that it is after all: then nothing is owed for
    what she said before, nor for this. Inside `Store.write` only."""
    if statement.claim is not None:
        holding_said.heard(node, connection, person, statement)
    if statement.claim != "mine":
        return
    name = (statement.type, statement.record)
    for row, taken in _open(node.journal, connection, correction_here.c.account == statement.account):
        if taken.statement.claim is not None and (taken.statement.type, taken.statement.record) == name:
            close(node.journal, node.network.hex(), connection, row, taken, "noted", TAKEN_BACK)


def _open(
    journal: Journal, connection: sql.Connection, whose: sql.ColumnElement[bool]
) -> list[tuple[Any, CorrectionTakenManifest]]:
    """The requests that wait for an answer, of those that `whose` chooses."""
    found = []
    for row in connection.execute(sql.select(correction_here).where(whose, correction_here.c.status == "open")).all():
        opened = journal.manifest(connection, bytes(row.taken))
        taken = manifests.decode(opened[1]) if opened is not None else None
        if isinstance(taken, CorrectionTakenManifest):
            found.append((row, taken))
    return found


def withdraw_ended(node: "Node", connection: sql.Connection, caller: str, act: Act | None) -> None:
    """The same for a request that has just come, if the act that it follows from was taken back before."""
    if act is not None and is_ended(connection, bytes.fromhex(act.id), act.organisation):
        withdraw(node, connection, caller, act.id)


def supersede(journal: Journal, network: str, connection: sql.Connection, newer: Act) -> None:
    """Close what a person asked for by an earlier word on the same medicine. Inside `Store.write` only."""
    if newer.author != "patient":
        return
    for row, taken in _open(journal, connection, correction_here.c.account == newer.account):
        if _is_newer(newer, taken.statement.act):
            close(journal, network, connection, row, taken, "noted", SUPERSEDED)


def supersede_late(node: "Node", connection: sql.Connection, older: Act | None, acts: Iterable[Act]) -> None:
    """The same for a request that has just come, if one of these acts is newer."""
    for act in acts:
        if _is_newer(act, older):
            supersede(node.journal, node.network.hex(), connection, act)


def _is_newer(act: Act, than: Act | None) -> bool:
    """Whether an act is the person's later word on a medicine of an earlier one of hers."""
    if than is None or (act.author, than.author) != ("patient", "patient") or act.kind == "dismissed":
        return False
    return act.time > than.time and not {block_of(one) for one in act.subjects}.isdisjoint(map(block_of, than.subjects))


def turn_away(node: "Node", connection: sql.Connection, data: bytes, request: CorrectionRequestManifest) -> None:
    """Answer a request of somebody who is not linked here, once: she signed it herself, and what is owed on the ledger
    is settled. None of her words is kept. Inside `Store.write` only."""
    identifier, digest = bytes.fromhex(request.statement.id), hashlib.sha256(data).hexdigest()
    known = sql.select(correction_here.c.id).where(correction_here.c.id == identifier)
    if connection.execute(known).first() is not None:
        return
    now = node.clock()
    answer = CorrectionAnswerManifest(
        "correction-answer/1",
        node.network.hex(),
        node.organisation,
        request.account,
        now,
        digest,
        None,
        request.owes,
        "noted",
        NOT_LINKED,
        None,
    )
    text = manifests.encode(answer)
    extras = {"settles": [[request.organisation, bytes.fromhex(request.owes)]]}
    line = node.journal.append(connection, [Draft("correction-answer/1", text, None, extras)])[0]
    row = {
        "id": identifier,
        "account": request.account,
        "agent": request.organisation,
        "due": request.due,
        "taken": hashlib.sha256(text).digest(),
        "status": "noted",
        "seq": line.seq,
    }
    connection.execute(sql.insert(correction_here).values(**row))
