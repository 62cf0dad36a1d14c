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
    AnswerKind,
    DisputeAnsweredManifest,
    DisputeAnswerManifest,
    DisputeManifest,
    Statement,
    owed_for,
    statement_message,
)
from medrec.node.consent.consents import AHEAD_MS_MAX
from medrec.node.keeping import account_keys, obligations, outgoing, store
from medrec.node.keeping.journal import Draft
from medrec.node.keeping.store import metadata
from medrec.node.keeping.vault import Vault, VaultError
from medrec.node.refusals import Code, Refusal
from medrec.node.right_person.unlinking import linked_at

if TYPE_CHECKING:
    from medrec.node.node import Node

DISPUTES_PATH = "/medrec/disputes"
DISPUTED_PATH = "/medrec/disputed"
ANSWERS_PATH = "/medrec/dispute-answers"
DUE_MS = 7 * 86_400_000
"""How long a requester has to answer."""

# Disputes taken here: by people whose records are here. status: open, answered, closed.
dispute_taken = Table(
    "dispute_taken",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("account", String(80), nullable=False, index=True),
    Column("requester", String(32), nullable=False),
    Column("status", String(10), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("due", BigInteger),
)

# Disputes about looks of this organisation. status: open, answered.
dispute_about_us = Table(
    "dispute_about_us",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("source", String(32), nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("status", String(10), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)


class Taken(NamedTuple):
    """A dispute at an organisation that holds the person's records, as its privacy officer sees it."""

    id: bytes
    account: str
    requester: str
    status: str
    due: int | None


class AboutUs(NamedTuple):
    """A dispute that this organisation has to answer: about whom, at which source, by when, and in whose words."""

    id: bytes
    source: str
    account: str
    obligation: str | None
    words: str
    due: int
    status: str


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
        self._node.consents.check_signature(statement.account, statement.key, message, statement.signature)
        fresh = self._node.store.write(lambda connection: self._take(connection, statement, by))
        stopped = self._stops.setdefault((statement.account, statement.requester), set())
        if statement.action == "open" and fresh:
            stopped.add(bytes.fromhex(statement.id))
        elif statement.action == "close":
            stopped.discard(bytes.fromhex(statement.id))
        # Whoever decided before looks again.
        self._node.consents.changes += 1
        return fresh

    def _take(self, connection: sql.Connection, statement: Statement, by: str) -> bool:
        node, identifier = self._node, bytes.fromhex(statement.id)
        person = node.journal.person_of_account(connection, statement.account)
        if person is None:
            raise Refusal(Code.NOT_LINKED)
        known = connection.execute(sql.select(dispute_taken).where(dispute_taken.c.id == identifier)).one_or_none()
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
        line = node.journal.append(
            connection, [Draft("dispute/1", manifests.encode(manifest), person.id, extras, summary)]
        )[0]
        # Before the commit and again after it: whoever read before finds the count changed.
        self._node.consents.changes += 1
        if known is not None:
            where = dispute_taken.c.id == identifier
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

    def told(self, source: str, payload: bytes) -> bool:
        """Note that a look of this organisation is disputed; True once it is safely here, False if unreadable."""
        try:
            value = codec.decode(payload)
            identifier, due, account = value["id"], value["due"], value["account"]
            if type(identifier) is not bytes or len(identifier) != 16 or type(due) is not int:
                return False
            about = {"account": str(account), "look": str(value["look"])[:32], "words": str(value["words"])[:1000]}
        except (codec.CodecError, KeyError, TypeError):
            return False
        vault, context = self._node.vault, identifier + source.encode()
        row = {"id": identifier, "source": source, "due": due, "status": "open"}
        sentence = f"A person disputes a look at her records at {source}; answer her before the time runs out."
        alarm = {"time": self._node.clock(), "code": "look-disputed", "subject": identifier.hex(), "sentence": sentence}

        def write(connection: sql.Connection) -> None:
            known = sql.select(dispute_about_us.c.id).where(dispute_about_us.c.id == identifier)
            if connection.execute(known).first() is None:
                # Her words lie under a key of hers; whose they are is needed to find it.
                words = account_keys.seal_for(connection, vault, about["account"], codec.encode(about), context)
                sealed = vault.seal(None, codec.encode([about["account"], words]), context)
                connection.execute(sql.insert(dispute_about_us).values(**row, sealed=sealed))
                connection.execute(sql.insert(store.alarm).values(**alarm))

        self._node.store.write(write)
        return True

    def about_us(self) -> list[AboutUs]:
        """The disputes about looks of this organisation, those that wait first."""
        with self._node.store.read() as connection:
            rows = connection.execute(sql.select(dispute_about_us).order_by(dispute_about_us.c.due)).all()
            told = [_about(connection, self._node.vault, row) for row in rows]
        found = []
        for row, value in zip(rows, told, strict=True):
            about = (value["account"], value["look"] or None, value["words"])
            found.append(AboutUs(bytes(row.id), row.source, *about, row.due, row.status))
        return sorted(found, key=lambda item: item.status != "open")

    def answer(self, identifier: bytes, kind: AnswerKind, words: str) -> None:
        """Answer a dispute about this organisation; the answer goes to the person by way of the source.

        Raises Refusal (unknown-dispute, reason-missing), StoreError.
        """
        about = next((item for item in self.about_us() if item.id == identifier and item.status == "open"), None)
        if about is None:
            raise Refusal(Code.UNKNOWN_DISPUTE)
        if not words.strip():
            raise Refusal(Code.REASON_MISSING)
        node = self._node
        owed = owed_for(about.source, node.organisation, identifier)

        def write(connection: sql.Connection) -> None:
            where = (dispute_about_us.c.id == identifier) & (dispute_about_us.c.status == "open")
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
            known = connection.execute(sql.select(dispute_taken).where(dispute_taken.c.id == identifier)).one_or_none()
            if known is None or (known.account, known.requester) != (answer.account, requester):
                return False
            person = node.journal.person_of_account(connection, known.account)
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
            node.journal.append(connection, [draft])
            where = dispute_taken.c.id == identifier
            connection.execute(sql.update(dispute_taken).where(where).values(status="answered"))
            return True

        return node.store.write(write)


def _is_fresh(known: Any, statement: Statement) -> bool:
    """Whether a statement says something new to the dispute of its id that is kept. Raises Refusal if it cannot."""
    if known is None:
        return True
    if (known.account, known.requester) != (statement.account, statement.requester):
        raise Refusal(Code.UNKNOWN_DISPUTE)
    return statement.action == "close" and known.status != "closed"


def answer_disputes(node: "Node", caller: str, body: bytes) -> bytes:
    """POST /medrec/disputes: CBOR array of statements (canonical JSON) -> CBOR array, true for each that stands."""
    answers: list[bool] = []
    for payload in _payloads(body):
        try:
            statement = msgspec.convert(codec.decode_json(payload), Statement)
        except (codec.CodecError, msgspec.ValidationError, RecursionError):
            raise Refusal(Code.MALFORMED) from None
        node.disputes.take(statement, caller)
        answers.append(True)
    return codec.encode(answers)


def answer_disputed(node: "Node", caller: str, body: bytes) -> bytes:
    """POST /medrec/disputed: CBOR array of what a source tells of disputes -> CBOR array of booleans."""
    return codec.encode([node.disputes.told(caller, payload) for payload in _payloads(body)])


def answer_answers(node: "Node", caller: str, body: bytes) -> bytes:
    """POST /medrec/dispute-answers: CBOR array of answers (manifests) -> CBOR array of booleans."""
    return codec.encode([node.disputes.take_answer(caller, payload) for payload in _payloads(body)])


def _payloads(body: bytes) -> list[bytes]:
    payloads = codec.decode(body)
    if type(payloads) is not list or any(type(payload) is not bytes for payload in payloads):
        raise Refusal(Code.MALFORMED)
    return payloads


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
