"""A patient says "this is wrong": asked through her agent, owed by the source, answered by a date, for all to count.

ask (agent)      her signed statement is journalled with the obligation on the source, and sent
take (source)    it stands in the source's journal; she is told that it has come
answer (source)  a new version, a refusal with its reason, or a note; it settles the obligation and reaches her agent

Each line names the one before it by its hash. A source that takes nothing, or never answers, is overdue on the ledger.
"""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sql

from medrec.core import codec, manifests, state
from medrec.core.manifests.acts import misfit
from medrec.core.manifests.correction import (
    DUE_MS,
    REASON_KINDS,
    WORDS_KINDS,
    AnswerKind,
    Claim,
    CorrectionRequestManifest,
    CorrectionStatement,
    CorrectionTakenManifest,
    answer_owed,
    of_act,
    statement_message,
)
from medrec.core.manifests.delegation import Delegation, encode_delegation
from medrec.core.signs import kinds, says_something
from medrec.node.account.delegates import Held
from medrec.node.account.former_keys import signed_then
from medrec.node.agent.own import person_here
from medrec.node.corrections.corrections_closed import claimed, close, supersede_late, turn_away, withdraw_ended
from medrec.node.corrections.corrections_kept import correction_asked, correction_here
from medrec.node.corrections.corrections_proof import MOVED, keep_before, newer_version
from medrec.node.corrections.corrections_shown import Asked, Here, Sent, asked_of, here_of, sent_of
from medrec.node.corrections.objecting import lets_ask
from medrec.node.keeping import outgoing
from medrec.node.keeping.journal import Draft
from medrec.node.lists.acts_told import genuine
from medrec.node.refusals import Code, Refusal
from medrec.node.right_person import not_hers

if TYPE_CHECKING:
    from medrec.node.node import Node

CORRECTIONS_PATH = "/medrec/corrections"
AHEAD_MS_MAX = 5 * 60_000
Sign = Callable[[bytes], tuple[bytes, bytes]]
"""Signs 32 bytes with a person's credential: (key id, packed proof)."""


class Corrections:
    """The corrections at one node: those that its people ask for, and those about its own records."""

    def __init__(self, node: "Node") -> None:
        self._node = node

    # --- at the person's agent --------------------------------------------------------------------------------

    def draft(
        self,
        account: str,
        source: str,
        kind: str,
        record: str,
        manifest: str,
        words: str,
        proposed: str,
        key: bytes,
        acting: str | None = None,
        claim: Claim | None = None,
    ) -> CorrectionStatement:
        """The statement that a person signs (over `statement_message`): `manifest` (hex) signed the wrong version.

        `acting` is the account of whoever signs in her place. Raises Refusal (malformed, reason-missing).
        """
        node = self._node
        if kinds(words) < WORDS_KINDS:
            raise Refusal(Code.REASON_MISSING)
        value = {
            "network": node.network.hex(),
            "account": account,
            "source": source,
            "id": node.vault.random(16).hex(),
            "time": node.clock(),
            "type": kind,
            "record": record,
            "manifest": manifest,
            "words": words.strip(),
            "proposed": proposed.strip(),
            "key": key.hex(),
            "acting": acting,
            "claim": claim,
        }
        try:
            return msgspec.convert(value, CorrectionStatement)
        except msgspec.ValidationError:
            raise Refusal(Code.MALFORMED) from None

    def ask(self, statement: CorrectionStatement, called: str = "") -> bytes:
        """Send a signed statement on; the id of the request. `called` is how a helper who signed it is called, if not
        as in the delegation. Raises Refusal, StoreError, LookupError.

        It is on its way as soon as this returns: journalled here with what the source owes, and in the outbox.
        """
        node = self._node
        if node.agent is None:
            raise LookupError("this node serves no people")
        node.agent.view_secret(statement.account)
        if kinds(statement.words) < WORDS_KINDS:
            raise Refusal(Code.REASON_MISSING)
        held = self._check(statement)
        # Entered before, so that the line is hers and her paper finds it.
        person_here(node, statement.account)
        if node.store.write(lambda connection: self.ask_within(connection, statement, held)) and held is not None:
            name = node.agent.name_of(statement.account) or ""
            subject = f"{statement.type}/{statement.record}"
            node.delegates.record_act(held, "correct", called or held.delegation.name, name, subject)
        return bytes.fromhex(statement.id)

    def ask_within(self, connection: sql.Connection, statement: CorrectionStatement, held: Held | None = None) -> bool:
        """Send a statement on that was checked already, once; whether it is new. Inside `Store.write` only.

        `held` is the delegation by which somebody else signed it.
        """
        node = self._node
        identifier = bytes.fromhex(statement.id)
        owes = answer_owed(node.organisation, statement.source, identifier)
        now = node.clock()
        manifest = CorrectionRequestManifest(
            "correction-request/1",
            node.network.hex(),
            node.organisation,
            statement.account,
            now,
            statement,
            owes.hex(),
            now + DUE_MS,
            held.delegation if held is not None else None,
        )
        data = manifests.encode(manifest)

        known = sql.select(correction_asked.c.id).where(correction_asked.c.id == identifier)
        if connection.execute(known).first() is not None:
            return False
        extras = {"owes": [owes, statement.source, manifest.due]}
        summary = [26, now, statement.source, statement.type, statement.record, identifier]
        person = node.journal.person_of_account(connection, statement.account)
        who = person.id if person is not None else None
        draft = Draft("correction-request/1", data, who, extras, summary if who is not None else None)
        line = node.journal.append(connection, [draft])[0]
        row = {
            "id": identifier,
            "account": statement.account,
            "source": statement.source,
            "due": manifest.due,
            "request": hashlib.sha256(data).digest(),
            "seq": line.seq,
        }
        connection.execute(sql.insert(correction_asked).values(**row))
        keep_before(node, connection, statement)
        waiting = {"organisation": statement.source, "path": CORRECTIONS_PATH, "payload": data, "due": now}
        outgoing.queue(connection, node.vault, statement.account, [waiting])
        if statement.claim is not None:
            not_hers.note(connection, statement, now)
        return True

    def asked(self, account: str) -> list[Asked]:
        """The requests of a person, newest first, with what came of them: hers, and those of clinicians about her.

        Raises StoreError, VaultError, EngineError."""
        return asked_of(self._node, account)

    def sent(self) -> list[Sent]:
        """What clinicians of this organisation asked others to correct, newest first, with what the ledger says of the
        answer; the answer itself is the patient's to read. Raises EngineError, StoreError."""
        return sent_of(self._node)

    # --- at the source ----------------------------------------------------------------------------------------

    def take(self, agent: str, data: bytes) -> bool:
        """Take a request from a person's agent, or from where a clinician works to whom the record was given; True once
        it stands here, False if it fits nothing. Raises StoreError.

        The same one again is answered as before. One that names no record of hers is taken too: the answer is owed on
        the ledger already, and could never be given; it can be refused or noted, and nobody learns whose record it is.
        For the same reason one by herself, or by who acts for her, is answered where she is not linked.
        """
        try:
            request = manifests.decode(data)
        except manifests.ManifestError:
            return False
        node = self._node
        if not isinstance(request, CorrectionRequestManifest) or request.organisation != agent:
            return False
        statement = request.statement
        if statement.source != node.organisation or statement.account != request.account or not _leaves_time(request):
            return False
        try:
            self._check(statement, request.delegation, agent)
        except Refusal as no:
            if no.reason not in (Code.UNKNOWN_CREDENTIAL, Code.UNKNOWN_ACCOUNT) or not self._owed_in_time(request):
                return False
        identifier = bytes.fromhex(statement.id)
        acts = [kept.act for kept in node.acts.of(statement.account)] if statement.act is not None else []
        owes = answer_owed(agent, node.organisation, identifier).hex()

        def write(connection: sql.Connection) -> bool:
            person = node.journal.person_of_account(connection, statement.account)
            if person is None and by_herself(statement) and request.owes == owes:
                turn_away(node, connection, data, request)
                return True
            if person is None or not lets_ask(node, connection, person, agent, statement):
                return False
            known = connection.execute(sql.select(correction_here).where(correction_here.c.id == identifier)).first()
            if known is not None:
                return bool(known.account == statement.account)
            manifest = self._taken(agent, data, request, owes)
            summary = [24, manifest.time, statement.type, statement.record, identifier]
            draft = Draft("correction-taken/1", manifests.encode(manifest), person.id, None, summary)
            line = node.journal.append(connection, [draft])[0]
            row = {
                "id": identifier, "account": statement.account, "agent": agent, "due": request.due,
                "taken": hashlib.sha256(draft.manifest).digest(), "status": "open", "seq": line.seq,
            }  # fmt: skip
            connection.execute(sql.insert(correction_here).values(**row))
            withdraw_ended(node, connection, agent, statement.act)
            supersede_late(node, connection, statement.act, acts)
            claimed(node, connection, person, statement)
            return True

        return node.store.write(write)

    def _owed_in_time(self, request: CorrectionRequestManifest) -> bool:
        """Whether she signed it, or who acts for her, with a key that went since, and it was owed on the ledger before:
        then it is to be answered, whenever it comes."""
        node, statement = self._node, request.statement
        owes = answer_owed(request.organisation, node.organisation, bytes.fromhex(statement.id))
        with node.engine.view() as view:
            found = state.read(view, state.obligation_key(request.organisation, owes), state.Obligation)
        if found is None or not found.unsettled or statement.act is not None:
            return False
        if statement.acting is not None and not self._lets(statement, request.delegation):
            return False
        said = statement.key, statement_message(statement), statement.signature
        return signed_then(node, statement.acting or statement.account, *said, height=found.height)

    def _lets(self, statement: CorrectionStatement, delegation: Delegation | None) -> bool:
        """Whether she lets who signed it correct such records, by a right that is known here or came along."""
        try:
            return delegation is not None and self._takes(statement, delegation) and self._knows(statement)
        except Refusal:
            return False

    def _knows(self, statement: CorrectionStatement) -> bool:
        may, acting = self._node.delegates.may, statement.acting or ""
        return may(statement.account, acting, "correct", statement.type) is not None

    def _taken(self, agent: str, data: bytes, request: CorrectionRequestManifest, owes: str) -> CorrectionTakenManifest:
        node, statement = self._node, request.statement
        return CorrectionTakenManifest(
            "correction-taken/1",
            node.network.hex(),
            node.organisation,
            statement.account,
            node.clock(),
            agent,
            statement,
            hashlib.sha256(data).hexdigest(),
            owes,
            request.due,
        )

    def here(self) -> list[Here]:
        """The requests about records of this organisation, those that wait first, the most pressing ahead."""
        return here_of(self._node)

    def answer(self, identifier: bytes, kind: AnswerKind, words: str) -> None:
        """Answer a request. `corrected` needs a new version of the person's record with another content, published
        already.

        Raises Refusal (unknown-correction, not-corrected, reason-missing), StoreError.
        """
        if not says_something(words) or (kind != "corrected" and kinds(words) < REASON_KINDS):
            raise Refusal(Code.REASON_MISSING)
        node = self._node

        def write(connection: sql.Connection) -> None:
            where = (correction_here.c.id == identifier) & (correction_here.c.status == "open")
            row = connection.execute(sql.select(correction_here).where(where)).one_or_none()
            opened = node.journal.manifest(connection, bytes(row.taken)) if row is not None else None
            taken = manifests.decode(opened[1]) if opened is not None else None
            if row is None or not isinstance(taken, CorrectionTakenManifest):
                raise Refusal(Code.UNKNOWN_CORRECTION)
            version = None
            if kind == "corrected":
                version = newer_version(node, connection, row.account, taken)
                if version is None:
                    raise Refusal(Code.NOT_CORRECTED)
                version = version if version != MOVED else None
            close(node.journal, node.network.hex(), connection, row, taken, kind, words.strip(), version)

        node.store.write(write)

    def _check(
        self, statement: CorrectionStatement, delegation: Delegation | None = None, said_by: str = ""
    ) -> Held | None:
        """Whether the person signed it, or the act that it follows from, or somebody who may now, for this network and
        not ahead of time; by which delegation; `said_by`: who brings it. Raises Refusal.

        `delegation` came along with it: it is checked and taken in as any other, so that whoever acts for her here is
        known here.
        """
        if statement.network != self._node.network.hex():
            raise Refusal(Code.WRONG_NETWORK)
        if statement.time > self._node.clock() + AHEAD_MS_MAX:
            raise Refusal(Code.FROM_THE_FUTURE)
        act = statement.act
        if statement.claim is not None and (act is not None or statement.acting is not None):
            raise Refusal(Code.MALFORMED)
        if act is not None:
            if statement.acting is not None or misfit(act) or statement not in of_act(act):
                raise Refusal(Code.MALFORMED)
            if not genuine(self._node, act, said_by):
                raise Refusal(Code.BAD_SIGNATURE)
            return None
        signer = statement.acting or statement.account
        here = signer == statement.account or delegation is None or self._takes(statement, delegation)
        self._node.consents.check_signature(signer, statement.key, statement_message(statement), statement.signature)
        if signer == statement.account or not here:
            return None
        key = bytes.fromhex(statement.key)
        return self._node.delegates.require(statement.account, signer, "correct", statement.type, key)

    def _takes(self, statement: CorrectionStatement, delegation: Delegation) -> bool:
        """Take the delegation in, if none is known; False where she is not linked: it only has to be hers."""
        if self._knows(statement):
            return True
        data = encode_delegation(delegation)
        try:
            self._node.delegates.take(data)
        except Refusal as no:
            if no.reason is not Code.NOT_LINKED:
                raise
            self._node.delegates.opened(data, self._node.clock())
            if not _named(delegation, statement):
                raise Refusal(Code.NOT_A_DELEGATE) from None
            return False
        return True


def _named(delegation: Delegation, statement: CorrectionStatement) -> bool:
    """Whether it lets who signed a statement correct for whom the statement is about."""
    right = "correct" in delegation.rights and (not delegation.types or statement.type in delegation.types)
    return right and (delegation.account, delegation.delegate) == (statement.account, statement.acting)


def by_herself(statement: CorrectionStatement) -> bool:
    """Whether the person says it, or somebody who acts for her; not a clinician, who must not learn where she is
    linked."""
    return statement.act is None or statement.act.author == "patient"


def answer_corrections(node: "Node", caller: str, body: bytes) -> bytes:
    """POST /medrec/corrections: CBOR array of requests (manifests) -> CBOR array, true for each that stands here."""
    payloads = codec.decode(body)
    if type(payloads) is not list or any(type(payload) is not bytes for payload in payloads):
        raise Refusal(Code.MALFORMED)
    return codec.encode([node.corrections.take(caller, payload) for payload in payloads])


def _leaves_time(request: CorrectionRequestManifest) -> bool:
    """Whether the date by which the source has to answer leaves it its thirty days."""
    return request.due >= max(request.time, request.statement.time) + DUE_MS
