"""A look is disputed: it stops what follows, it is told to the one who looked, and the answer comes back.

disputing.dispute(agent, ...)  the person's own statement goes, in one call, to every organisation that knows her
  -> take (each)       from then on nothing goes to that requester; at the source, the requester owes an answer
  -> answer (requester)    settles it, and reaches her through the source
"""

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from medrec.core import codec, manifests
from medrec.core.manifests.dispute import (
    DisputeAnsweredManifest,
    DisputeAnswerManifest,
    DisputeManifest,
    Statement,
    owed_for,
    statement_message,
)
from medrec.node.account.former_keys import signed_then
from medrec.node.agent.own import is_served_by
from medrec.node.consent.consents import AHEAD_MS_MAX
from medrec.node.keeping import obligations, outgoing
from medrec.node.keeping.journal import Draft, Person
from medrec.node.keeping.store import metadata
from medrec.node.looks import former
from medrec.node.refusals import Code, Refusal
from medrec.node.right_person.unlinking import linked_at

if TYPE_CHECKING:
    from medrec.node.node import Node

DISPUTES_PATH = "/medrec/disputes"
DISPUTED_PATH = "/medrec/disputed"
ANSWERS_PATH = "/medrec/dispute-answers"
DUE_MS = 7 * 86_400_000
"""How long a requester has to answer."""

# Disputes taken here: by people whose records are here. status: open, answered, closed. A number is its account's: who
# is disputed learns it, and keeps nobody else's word out by it.
dispute_taken = Table(
    "dispute_taken",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("account", String(80), primary_key=True, index=True),
    Column("requester", String(32), nullable=False),
    Column("status", String(10), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("due", BigInteger),
)


class Taken(NamedTuple):
    """A dispute at an organisation that holds the person's records, as its privacy officer sees it."""

    id: bytes
    account: str
    requester: str
    status: str
    due: int | None


class Disputes:
    """The disputes at one organisation, of both kinds."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        column = dispute_taken.c
        with node.store.read() as connection:
            rows = connection.execute(
                sql.select(column.account, column.requester, column.id).where(column.status != "closed")
            ).all()
        self._stops: dict[tuple[str, str], set[bytes]] = {}
        for row in rows:
            self._stops.setdefault((row.account, row.requester), set()).add(bytes(row.id))

    def stops(self, account: str, requester: str) -> bool:
        """Whether a dispute that is not closed stops releases of this person's records to this requester."""
        return bool(self._stops.get((account, requester)))

    def take(self, statement: Statement, by: str) -> bool:
        """Take a person's statement, brought `by` an organisation; False for one that stands here already.

        One from before her link is heard of the organisation that serves her alone. Raises Refusal, StoreError.
        """
        if statement.network != self._node.network.hex():
            raise Refusal(Code.WRONG_NETWORK)
        if statement.time > self._node.clock() + AHEAD_MS_MAX:
            raise Refusal(Code.FROM_THE_FUTURE)
        if self._node.directory.find(statement.requester) is None:
            raise Refusal(Code.UNKNOWN_ORGANISATION)
        message = statement_message(statement)
        try:
            self._node.consents.check_signature(statement.account, statement.key, message, statement.signature)
        except Refusal as no:
            known = (Code.UNKNOWN_CREDENTIAL, Code.UNKNOWN_ACCOUNT)
            if no.reason not in known or not self._said_in_time(statement, message, by):
                raise
        fresh = self._node.store.write(lambda connection: self._take(connection, statement, by))
        stopped = self._stops.setdefault((statement.account, statement.requester), set())
        if statement.action == "open" and fresh:
            stopped.add(bytes.fromhex(statement.id))
        elif statement.action == "close":
            stopped.discard(bytes.fromhex(statement.id))
        # Whoever decided before looks again.
        self._node.consents.changes += 1
        return fresh

    def _said_in_time(self, statement: Statement, message: bytes, by: str) -> bool:
        """Whether she opened a dispute with a key that went while this place was away: by the word of her agent alone,
        which heard her then. What closes one is signed anew."""
        node = self._node
        if statement.action != "open" or not is_served_by(node, statement.account, by):
            return False
        return signed_then(node, statement.account, statement.key, message, statement.signature, time=statement.time)

    def _take(self, connection: sql.Connection, statement: Statement, by: str) -> bool:
        node, identifier = self._node, bytes.fromhex(statement.id)
        known = _known(connection, statement.account, identifier)
        person = node.journal.person_of_account(connection, statement.account)
        if person is None:
            person = self._ended(connection, statement, known, by)
        if not _is_fresh(known, statement):
            return False
        if known is None and by != person.agent and statement.time < linked_at(connection, person.id) - AHEAD_MS_MAX:
            # Her word of an earlier link, brought again by somebody else. Her agent knows whether it holds still.
            raise Refusal(Code.REQUEST_EXPIRED)
        now = node.clock()
        owes, due = self._owed(connection, statement, now)
        extras = None if owes is None else {"owes": [owes, statement.requester, due]}
        manifest = DisputeManifest(
            "dispute/1",
            node.network.hex(),
            node.organisation,
            statement.account,
            now,
            statement,
            owes.hex() if owes is not None else None,
            due,
        )
        summary = [10, now, statement.action, statement.requester, identifier]
        draft = Draft("dispute/1", manifests.encode(manifest), person.id, extras, summary)
        line = former.append(node, connection, draft, person)
        # Before the commit and again after it: whoever read before finds the count changed.
        self._node.consents.changes += 1
        if known is not None:
            where = _is(statement.account, identifier)
            connection.execute(sql.update(dispute_taken).where(where).values(status="closed"))
            return True
        connection.execute(
            sql.insert(dispute_taken).values(
                id=identifier,
                account=statement.account,
                requester=statement.requester,
                # Closed before it was opened: the opening is still on its way, and will find this.
                status="open" if statement.action == "open" else "closed",
                seq=line.seq,
                due=due,
            )
        )
        if due is not None:
            told = {
                "account": statement.account,
                "due": due,
                "id": identifier,
                "look": statement.obligation or "",
                "words": statement.words,
            }
            payload = codec.encode(told)
            row = {"organisation": statement.requester, "path": DISPUTED_PATH, "payload": payload, "due": now}
            outgoing.queue(connection, node.vault, statement.account, [row])
        return True

    def _ended(self, connection: sql.Connection, statement: Statement, known: Any, by: str) -> Person:
        """Under which link, undone since, a statement is heard of somebody who is not linked here: one about a look of
        that time, at its source, brought by who served her then. Raises Refusal."""
        node, account = self._node, statement.account
        found = None
        if known is not None:
            found = former.of_line(node, connection, account, known.seq)
        elif statement.source == node.organisation:
            found = former.looked_at(node, connection, account, statement.requester, statement.obligation)
        if found is None or found.agent != by:
            raise Refusal(Code.NOT_LINKED)
        return found

    def _owed(
        self, connection: sql.Connection, statement: Statement, now: int
    ) -> tuple[bytes, int] | tuple[None, None]:
        """What the requester owes for a statement, at the source, and by when."""
        node = self._node
        if statement.action != "open" or statement.source != node.organisation:
            return None, None
        owes = owed_for(node.organisation, statement.requester, bytes.fromhex(statement.id))
        if obligations.were_made(connection, node.engine, node.organisation, [owes]):
            # Taken before an erasure and brought again with a new link: it stops once more, and asks nothing twice.
            return None, None
        return owes, now + DUE_MS

    def forget(self, account: str) -> None:
        """Somebody was erased here: nothing of what she disputed stops anything any more."""
        self._stops = {pair: ids for pair, ids in self._stops.items() if pair[0] != account}

    def taken(self) -> list[Taken]:
        """The disputes of people whose records are here, those that wait for an answer first."""
        with self._node.store.read() as connection:
            rows = connection.execute(sql.select(dispute_taken).order_by(dispute_taken.c.seq.desc())).all()
        found = [Taken(bytes(row.id), row.account, row.requester, row.status, row.due) for row in rows]
        return sorted(found, key=lambda item: item.status != "open")

    def take_answer(self, requester: str, data: bytes) -> bool:
        """Hand a requester's answer on to the person; True once that is in the journal, False if it fits nothing."""
        try:
            answer = manifests.decode(data)
        except manifests.ManifestError:
            return False
        node = self._node
        if not isinstance(answer, DisputeAnswerManifest) or answer.organisation != requester:
            return False
        identifier = bytes.fromhex(answer.dispute)

        def write(connection: sql.Connection) -> bool:
            known = _known(connection, answer.account, identifier)
            if known is None:
                if connection.execute(sql.select(dispute_taken.c.id).where(dispute_taken.c.id == identifier)).first():
                    return False
                # She was erased here since: what was asked in her name is answered, and there is nobody to hand it to.
                owes = owed_for(node.organisation, requester, identifier)
                return bool(obligations.were_made(connection, node.engine, node.organisation, [owes]))
            if known.requester != requester:
                return False
            person = node.journal.person_of_account(connection, known.account)
            if person is None:
                person = former.of_line(node, connection, known.account, known.seq)
            if known.status != "open" or person is None:
                return True
            now = node.clock()
            manifest = DisputeAnsweredManifest(
                "dispute-answered/1",
                node.network.hex(),
                node.organisation,
                known.account,
                now,
                answer.dispute,
                requester,
                answer.kind,
                answer.words,
                hashlib.sha256(data).hexdigest(),
            )
            summary = [12, now, requester, answer.kind, identifier]
            draft = Draft("dispute-answered/1", manifests.encode(manifest), person.id, None, summary)
            former.append(node, connection, draft, person)
            where = _is(known.account, identifier)
            connection.execute(sql.update(dispute_taken).where(where).values(status="answered"))
            return True

        return node.store.write(write)


def _is(account: str, identifier: bytes) -> sql.ColumnElement[bool]:
    return (dispute_taken.c.account == account) & (dispute_taken.c.id == identifier)


def _known(connection: sql.Connection, account: str, identifier: bytes) -> Any:
    """The row of a person's dispute; None where none is kept here."""
    return connection.execute(sql.select(dispute_taken).where(_is(account, identifier))).one_or_none()


def _is_fresh(known: Any, statement: Statement) -> bool:
    """Whether a statement says something new to the dispute of its id that is kept. Raises Refusal if it cannot."""
    if known is None:
        return True
    if known.requester != statement.requester:
        raise Refusal(Code.UNKNOWN_DISPUTE)
    return statement.action == "close" and known.status != "closed"


def answer_disputes(node: "Node", caller: str, body: bytes) -> bytes:
    """POST /medrec/disputes: CBOR array of statements (canonical JSON) -> CBOR array, true for each that stands."""
    answers: list[bool] = []
    for payload in payloads(body):
        try:
            statement = msgspec.convert(codec.decode_json(payload), Statement)
        except (codec.CodecError, msgspec.ValidationError, RecursionError):
            raise Refusal(Code.MALFORMED) from None
        node.disputes.take(statement, caller)
        answers.append(True)
    return codec.encode(answers)


def payloads(body: bytes) -> list[bytes]:
    found = codec.decode(body)
    if type(found) is not list or any(type(payload) is not bytes for payload in found):
        raise Refusal(Code.MALFORMED)
    return found
