"""What this organisation owes by the ledger, also for what it knows nothing of, and how it answers for that.

Whoever is named as a debtor cannot help it: a source may write down what it never sent, or the memory of a request may
be gone. `deny` says so in one call of the privacy officer's; the source hands it on to the person (`hear`).
"""

import hashlib
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sql

from medrec.core import codec, manifests, state
from medrec.core.manifests.access import Denial, DisclosureManifest, OwedDeniedManifest
from medrec.core.manifests.correction import answer_owed
from medrec.core.manifests.dispute import owed_for
from medrec.core.manifests.emergency import review_owed
from medrec.node.corrections.corrections_kept import correction_here
from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft
from medrec.node.looks.answering import dispute_about_us
from medrec.node.looks.disputes import ANSWERS_PATH, payloads
from medrec.node.looks.halves import owed_by_ledger
from medrec.node.refusals import Code, Refusal
from medrec.node.release import access
from medrec.node.release.emergency_reviews import our_emergency

if TYPE_CHECKING:
    from medrec.node.node import Node

REMEMBERED_MS = 30 * 86_400_000
"""How long what was denied is not taken any more, should it come after all."""


class Owed(NamedTuple):
    """What this organisation owes by the ledger; `known` says whether this node knows what for."""

    creditor: str
    obligation: bytes
    due: int
    status: str
    known: bool


def owed(node: "Node") -> list[Owed]:
    """What this organisation owes and has not settled, the most urgent first. Raises EngineError, StoreError.

    One that is not `known` says that somebody claims a disclosure to this organisation, or asks something of it, that
    it has never heard of.
    """
    mine = owed_by_ledger(node)
    if not mine:
        return []
    with node.store.read() as connection:
        known = _known(connection, node.organisation)
    owes = [Owed(value.creditor, one, value.due, value.status, (value.creditor, one) in known) for one, value in mine]
    return sorted(owes, key=lambda item: (item.due, item.creditor, item.obligation))


def _known(connection: sql.Connection, here: str) -> set[tuple[str, bytes]]:
    """(creditor, id) of what this node can answer for: its requests, and what it was asked."""

    def rows(table: sql.Table, *names: str) -> list[Any]:
        return list(connection.execute(sql.select(*(table.c[name] for name in names))).all())

    return {
        *((source, bytes(one)) for source, one in rows(access.asking, "source", "obligation")),
        *((source, owed_for(source, here, bytes(one))) for source, one in rows(dispute_about_us, "source", "id")),
        *((source, review_owed(source, here, bytes(one))) for source, one in rows(our_emergency, "source", "id")),
        *((agent, answer_owed(agent, here, bytes(one))) for agent, one in rows(correction_here, "agent", "id")),
    }


def deny(node: "Node", creditor: str, obligation: bytes, kind: Denial) -> None:
    """State that this organisation knows nothing of what it owes; settles it, and tells the creditor.

    Raises Refusal (not-owed: it owes no such thing, or knows what for), EngineError, StoreError.
    """
    node.store.write(partial(_deny, node, creditor, obligation, kind))


def _deny(node: "Node", creditor: str, obligation: bytes, kind: Denial, connection: sql.Connection) -> None:
    with node.engine.view() as view:
        found = state.owed_by(view, creditor, obligation, node.organisation)
    owes = found is not None and found.unsettled
    if not owes or (creditor, obligation) in _known(connection, node.organisation):
        raise Refusal(Code.NOT_OWED)
    now = node.clock()
    manifest = OwedDeniedManifest(
        "owed-denied/1",
        node.network.hex(),
        node.organisation,
        None,
        now,
        creditor,
        node.organisation,
        obligation.hex(),
        kind,
        None,
    )
    data = manifests.encode(manifest)
    node.journal.append(connection, [Draft("owed-denied/1", data, None, {"settles": [[creditor, obligation]]})])
    # As after any half that says that nothing came: what comes later is not kept, and nothing is stated twice.
    row = {"obligation": obligation, "request": bytes(16), "source": creditor, "account": ""}
    connection.execute(sql.insert(access.asking).values(**row, expires=now + REMEMBERED_MS, status="done"))
    waiting = {"organisation": creditor, "path": ANSWERS_PATH, "payload": data, "due": now}
    connection.execute(sql.insert(store.outbox).values(**waiting))


def answer_answers(node: "Node", caller: str, body: bytes) -> bytes:
    """POST /medrec/dispute-answers: CBOR array of answers (manifests) -> CBOR array of booleans."""
    return codec.encode([_take(node, caller, payload) for payload in payloads(body)])


def _take(node: "Node", caller: str, data: bytes) -> bool:
    try:
        answer = manifests.decode(data)
    except manifests.ManifestError:
        return False
    if isinstance(answer, OwedDeniedManifest):
        return hear(node, caller, answer)
    return node.disputes.take_answer(caller, data)


def hear(node: "Node", requester: str, denied: OwedDeniedManifest) -> bool:
    """Hand a denial on to the person whose records this organisation says it let out, and tell its privacy officer;
    True once that is in the journal, False if it fits nothing. Raises EngineError, StoreError."""
    said = (denied.organisation, denied.requester, denied.source)
    if said != (requester, requester, node.organisation):
        return False
    obligation, digest = bytes.fromhex(denied.obligation), hashlib.sha256(manifests.encode(denied)).hexdigest()
    with node.engine.view() as view:
        found = state.owed_by(view, node.organisation, obligation, requester)
    if found is None:
        return False

    def write(connection: sql.Connection) -> bool:
        if not _tell_officer(node, connection, requester, obligation):
            return True
        whose = _disclosed(node, connection, obligation)
        person = node.journal.person_of_account(connection, whose) if whose is not None else None
        if person is not None:
            now = node.clock()
            manifest = OwedDeniedManifest(
                "owed-denied/1",
                node.network.hex(),
                node.organisation,
                whose,
                now,
                node.organisation,
                requester,
                denied.obligation,
                denied.kind,
                digest,
            )
            summary = [14, now, requester, denied.kind, obligation]
            draft = Draft("owed-denied/1", manifests.encode(manifest), person.id, None, summary)
            node.journal.append(connection, [draft])
        return True

    return node.store.write(write)


def _tell_officer(node: "Node", connection: sql.Connection, requester: str, obligation: bytes) -> bool:
    """An alarm, once; whether it is the first."""
    alarm = store.alarm.c
    known = sql.select(alarm.id).where(alarm.code == "owed-denied", alarm.subject == obligation.hex())
    if connection.execute(known).first() is not None:
        return False
    sentence = (
        f"{requester} says that it knows nothing of what this organisation wrote down for it; ask its privacy officer "
        "what became of it."
    )
    row = {"time": node.clock(), "code": "owed-denied", "subject": obligation.hex(), "sentence": sentence}
    connection.execute(sql.insert(store.alarm).values(**row))
    return True


def _disclosed(node: "Node", connection: sql.Connection, obligation: bytes) -> str | None:
    """The account of whose records went under this obligation, None if nothing is known of that here any more."""
    column = access.asked.c
    chosen = sql.select(store.line.c.manifest).join(access.asked, column.seq == store.line.c.seq)
    digest = connection.execute(chosen.where(column.obligation == obligation)).scalar()
    kept = node.journal.manifest(connection, bytes(digest)) if digest is not None else None
    stated = manifests.decode(kept[1]) if kept is not None else None
    return stated.account if isinstance(stated, DisclosureManifest) else None
