"""The gate: the one function through which any data leaves a node.

The order of the steps is final. At each it says what has happened if the process dies there. Nothing is sent
without a durable line that says so; a line without anything sent is healed by the recipient, who states that nothing
came. Whatever goes wrong, the answer is a refusal.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import sqlalchemy as sql

from medrec.core import codec, manifests
from medrec.core.address import AddressError, decode_address
from medrec.core.commitment import SALT_BYTES
from medrec.core.consent.simple import Asked, Decision, Rule, decide
from medrec.core.manifests.access import Disclosed, DisclosureManifest, RefusalManifest, obligation_of
from medrec.engines.engine import EngineError
from medrec.node import access, store
from medrec.node.access import Ask, Release, SentLine, SentRecord, UnreadableError
from medrec.node.gather import Answered, Gathering, UsedError
from medrec.node.journal import Draft, Line, Person
from medrec.node.nullifiers import Nullifiers
from medrec.node.reading import Reader, signed_records
from medrec.node.refusals import Code, Refusal
from medrec.node.store import StoreError
from medrec.node.vault import KEY_BYTES, Vault, VaultError, seal_field

if TYPE_CHECKING:
    from medrec.node.node import Node

REASONS = {
    "permitted": None,
    "denied": Code.DENIED,
    "no-consent": Code.NO_CONSENT,
    "consent-broken": Code.CONSENT_BROKEN,
    "purpose-not-covered": Code.PURPOSE_NOT_COVERED,
}


_PERSON_ID = sql.select(store.person.c.id).where(store.person.c.account == sql.bindparam("wanted"))
_PERSON_AND_CONSENTS = (
    sql.select(
        *(column for column in store.person.c if column.name != "keys"),
        store.person.c["keys"].label("person_keys"),
        store.consent.c.hash,
        store.consent.c.nullifier,
        store.consent.c.sealed,
    )
    .join_from(store.person, store.consent, store.consent.c.account == store.person.c.account, isouter=True)
    .where(store.person.c.account == sql.bindparam("wanted"))
)


class Plan(NamedTuple):
    """What the decision lets out: to whom it belongs, what decided, which records (rows), and where the next page
    begins. `rules` are the consents that were in force with their nullifiers, `changes` the count of consents when
    they were read."""

    person: Person
    asked: Asked
    decision: Decision
    rules: tuple[tuple[Rule, bytes], ...]
    changes: int
    rows: tuple[Any, ...]
    more: str


class Gate:
    """The gate of one node. `step` is called with the name of each step before it begins; tests raise in it."""

    def __init__(self, node: "Node", step: Callable[[str], None] = lambda name: None) -> None:
        self._node = node
        self._gathering = Gathering(node.journal)
        self._nullifiers = Nullifiers(node.engine)
        self._reader = Reader(node)
        self._waiting_since = 0
        self._measured = -1
        self.step = step

    def release(self, caller: str, ask: Ask) -> bytes:
        """Let out what `ask` may have: the bytes of a signed release. `caller` is who signed the request.

        Raises Refusal with the code that may be seen from outside; the journal has the code itself.
        """
        node = self._node
        now = node.clock()
        obligation = obligation_of(node.organisation, caller, bytes.fromhex(ask.request.id))
        plan: Plan | None = None
        line: Line | None = None
        try:
            # 1 Who asks? A crash here: nothing has happened; the requester hears nothing and asks again.
            self.step("authenticate")
            self._authenticate(caller, ask, now)
            # 2 May they? A crash here: nothing has happened.
            self.step("decide")
            plan = self._decide(ask, now)
            # 3 Write it down. A crash before the write is durable: nothing has happened. A crash after it: the
            # journal says that records went out and none did; the requester owes its half, and states that nothing
            # came. The request's id is used up.
            self.step("journal")
            line = self._disclose(ask, plan, obligation, now)
            # 4 Still? A revocation that came meanwhile stops it. A crash from here on is as after 3.
            self.step("recheck")
            self._recheck(caller, plan)
            # 5 and 6 Read the records where they live, and hold them against what was signed.
            self.step("read")
            contents = self._reader.read(plan.rows)
            # The reading may have taken long: a last look, for free if nothing has changed since.
            self.step("compare")
            self._recheck(caller, plan, only_if_changed=True)
            # 7 Sign and send. A crash after the sending: the recipient has what the journal says it has.
            self.step("send")
            return self._seal(ask, plan, line, contents)
        except Refusal as refusal:
            no = refusal
        except UsedError:
            no = Refusal(Code.REQUEST_REPLAYED)
        except EngineError:
            no = Refusal(Code.LEDGER_UNUSABLE)
        except (StoreError, VaultError, sql.exc.SQLAlchemyError):
            # What cannot be written down is not done; and this refusal cannot be written down either.
            raise Refusal(Code.STORE_UNUSABLE) from None
        decided = no.decided or (plan.decision.decided if plan is not None else ())
        raise self._refuse(caller, ask, no, decided, obligation, now, line is not None)

    def _authenticate(self, caller: str, ask: Ask, now: int) -> None:
        if ask.network != self._node.network:
            raise Refusal(Code.WRONG_NETWORK)
        if ask.request.requester != caller:
            raise Refusal(Code.NOT_THE_REQUESTER)
        if not self._active(caller):
            raise Refusal(Code.REQUESTER_SUSPENDED)
        if ask.expires < now:
            raise Refusal(Code.REQUEST_EXPIRED)
        if ask.expires > now + access.ASK_LIFE_MS_MAX:
            raise Refusal(Code.REQUEST_TOO_LONG)
        self._check_merge_delay(now)

    def _active(self, caller: str) -> bool:
        found = self._node.directory.find(caller)
        return found is not None and found.active

    def _check_merge_delay(self, now: int) -> None:
        """Refuse when the oldest line that is not anchored is older than the delay.

        Lines only get younger as they are anchored, so an answer holds until the delay after it has run out.
        """
        delay = self._node.merge_delay_ms
        if self._measured <= now <= self._waiting_since + delay and self._measured >= 0:
            return
        oldest = self._node.anchorer.waiting_since()
        self._waiting_since, self._measured = now if oldest is None else oldest, now
        if now > self._waiting_since + delay:
            raise Refusal(Code.MERGE_DELAY)

    def _decide(self, ask: Ask, now: int) -> Plan:
        request = ask.request
        asked = Asked(request.requester, frozenset(request.types), request.purpose)
        changes = self._node.consents.changes
        with self._node.store.read() as connection:
            person, rules = self._rules(connection, ask.account)
            decision = decide(asked, [rule for rule, _ in rules], now)
            # Who is unknown here is decided like one without any consent: no answer tells them apart.
            reason = REASONS[decision.reason]
            if person is None and reason in (None, Code.NO_CONSENT):
                reason = Code.UNKNOWN_PERSON
            if reason is not None or person is None:
                raise Refusal(reason or Code.UNKNOWN_PERSON, decided=decision.decided + decision.broken)
            found = signed_records(connection, person.id, request, decision)
        page = tuple(found[: access.PAGE_RECORDS])
        more = f"{page[-1].type}/{page[-1].id}" if len(found) > len(page) else ""
        for row in page:
            if row.altered:
                raise Refusal(Code.RECORD_ALTERED, f"{row.type}/{row.id}", decision.decided)
        return Plan(person, asked, decision, tuple(rules), changes, page, more)

    def _rules(
        self, connection: sql.Connection, account: str, known: Person | None = None
    ) -> tuple[Person | None, list[tuple[Rule, bytes]]]:
        """The linked person of an account, and her consents that are not taken back, with their nullifiers.

        `known` is the person as she was found before: her keys are not opened again.
        """
        found = connection.execute(_PERSON_AND_CONSENTS, {"wanted": account}).all()
        if not found:
            return None, []
        first = found[0]
        if known is not None and known.id == first.id:
            person = known
        else:
            keys = self._node.vault.unwrap(first.person_keys)
            person = Person(first.id, first.patient, first.account, first.agent, first.epoch, keys)
        rule, published = self._node.consents.rule, self._nullifiers.published
        return person, [
            (rule(row.hash, row.sealed, person), row.nullifier)
            for row in found
            if row.hash is not None and not published(row.nullifier)
        ]

    def _recheck(self, caller: str, plan: Plan, only_if_changed: bool = False) -> None:
        """Is everything that decided still in force, does nothing new forbid it, and is the requester still active?"""
        node = self._node
        if not self._active(caller):
            raise Refusal(Code.REQUESTER_SUSPENDED)
        if only_if_changed and node.consents.changes == plan.changes:
            rules = [rule for rule, nullifier in plan.rules if not self._nullifiers.published(nullifier)]
        else:
            assert plan.person.account is not None
            with node.store.read() as connection:
                _, present = self._rules(connection, plan.person.account, plan.person)
            rules = [rule for rule, _ in present]
        decision = decide(plan.asked, rules, node.clock())
        gone = set(plan.decision.decided) - {rule.id for rule in rules}
        if gone or decision.effect != "permit" or not all(map(decision.allows, {row.type for row in plan.rows})):
            raise Refusal(Code.CONSENT_CHANGED, decided=plan.decision.decided)

    def _disclose(self, ask: Ask, plan: Plan, obligation: bytes, now: int) -> Line:
        node, request = self._node, ask.request
        records = [Disclosed(row.type, row.id, row.sha256.hex(), row.manifest.hex()) for row in plan.rows]
        manifest = DisclosureManifest(
            "disclosure/1",
            node.network.hex(),
            node.organisation,
            ask.account,
            now,
            request,
            records,
            list(plan.decision.decided),
            obligation.hex(),
        )
        due = now + access.DUE_MS
        extras = {"owes": [obligation, request.requester, due]}
        summary = [3, now, request.requester, request.purpose, len(records), obligation]
        draft = Draft("disclosure/1", manifests.encode(manifest), plan.person.id, extras, summary)
        return self._gathering.write(draft, Answered(obligation, request.requester, ask.expires, due))

    def _seal(self, ask: Ask, plan: Plan, line: Line, contents: list[bytes]) -> bytes:
        node = self._node
        records: list[SentRecord] = []
        for row, content in zip(plan.rows, contents, strict=True):
            opened = node.vault.open(plan.person.keys.data, row.sealed, row.manifest)
            records.append(SentRecord(content, row.entry, opened[SALT_BYTES:], opened[:SALT_BYTES], row.seq))
        sent = SentLine(line.entry, line.manifest, line.salt, line.seq)
        body = access.encode(Release(sent, plan.more, records, bytes.fromhex(ask.request.id)))
        return access.seal_release(body, node.keys.sign_request(access.signed_message(body)))

    def _refuse(
        self,
        caller: str,
        ask: Ask,
        refusal: Refusal,
        decided: tuple[str, ...],
        obligation: bytes,
        now: int,
        disclosed: bool,
    ) -> Refusal:
        """Journal a refusal and give it back as it may be seen; if it cannot be journalled, that is the refusal.

        `disclosed`: the disclosure stands in the journal already, and this line says that it was not sent.
        """
        node = self._node
        manifest = RefusalManifest(
            "refusal/1",
            node.network.hex(),
            node.organisation,
            ask.account,
            now,
            msgspec.structs.replace(ask.request, requester=caller),
            refusal.code,
            list(decided),
            node.vault.random(16).hex(),
            obligation.hex() if disclosed else None,
        )
        seen = refusal.outward()
        summary = [4, now, caller, seen.code]
        answered = None
        if not disclosed and refusal.reason is not Code.REQUEST_REPLAYED:
            answered = Answered(obligation, caller, ask.expires, None)
        try:
            with node.store.read() as connection:
                person = connection.execute(_PERSON_ID, {"wanted": ask.account}).scalar()
            # An entry of a person who is unknown here looks on the ledger like one of a person who is known.
            extras = None if person is not None else {"sealed": _noise(node.vault, summary)}
            self._gathering.write(Draft("refusal/1", manifests.encode(manifest), person, extras, summary), answered)
        except UsedError:
            return self._refuse(caller, ask, Refusal(Code.REQUEST_REPLAYED), (), obligation, now, disclosed)
        except (StoreError, VaultError, sql.exc.SQLAlchemyError):
            return Refusal(Code.STORE_UNUSABLE)
        return seen


def read_ask(body: bytes) -> Ask:
    """The request in these bytes. Raises Refusal MALFORMED: what cannot be read cannot be journalled either."""
    try:
        ask = access.decode(body, Ask)
        decode_address(ask.account)
    except (UnreadableError, AddressError):
        raise Refusal(Code.MALFORMED) from None
    return ask


def answer_release(node: "Node", caller: str, body: bytes) -> bytes:
    """POST /medrec/release: CBOR of an Ask -> a signed release."""
    return node.gate.release(caller, read_ask(body))


def _noise(vault: Vault, summary: list[Any]) -> bytes:
    """A sealed field that nobody can open, as long as the real one would be."""
    return seal_field(vault.random(KEY_BYTES), 0, codec.encode(summary))
