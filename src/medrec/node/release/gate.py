"""The gate: the one function through which any data leaves a node.

The order of the steps is final. At each it says what has happened if the process dies there. Nothing is sent
without a durable line that says so; a line without anything sent is healed by the recipient, who states that nothing
came. Whatever goes wrong, the answer is a refusal.

Three doors lead here: pull, push and view. A door chooses among what the decision lets out, and gives it its form.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import msgspec
import sqlalchemy as sql

from medrec.core import manifests
from medrec.core.address import AddressError
from medrec.core.consent.compiling import unturned
from medrec.core.consent.decide import Decision, judge
from medrec.core.consent.terms import EMERGENCY
from medrec.core.manifests.access import DisclosureManifest, RefusalManifest, Request, obligation_of
from medrec.engines.engine import EngineError
from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft, Line, Person
from medrec.node.keeping.store import StoreError
from medrec.node.keeping.vault import VaultError, noise
from medrec.node.refusals import TRY_AGAIN, Code, Refusal
from medrec.node.release import access, parts
from medrec.node.release.access import Ask, UnreadableError
from medrec.node.release.consents_given import Standing
from medrec.node.release.deciding import Allowed, Decider, Permitted
from medrec.node.release.gather import Answered, Gathering, UsedError
from medrec.node.release.practitioners import CredentialCheck
from medrec.node.release.reading import Reader
from medrec.node.release.refused_often import about

if TYPE_CHECKING:
    from medrec.node.node import Node

Answer = TypeVar("Answer")
Answer_co = TypeVar("Answer_co", covariant=True)

_PERSON_ID = sql.select(store.person.c.id).where(store.person.c.account == sql.bindparam("wanted"))


class Chosen(NamedTuple):
    """What a door takes of what is permitted, in order, and where its next page begins ("" on the last)."""

    records: Sequence[Allowed]
    more: str = ""
    rest: Any = None
    """What the door wants to see again when it gives the records their form."""


class Released(NamedTuple):
    """What may leave: records and their canonical bytes, and the line in the journal that says so."""

    person: Person
    line: Line
    chosen: Chosen
    contents: Sequence[bytes]
    attach: tuple[str, ...]
    now: int
    opened: Sequence[parts.Opened]
    """What opens each record."""
    beside: Mapping[str, tuple[Any, bytes]] = {}
    """The medicines that go with the records, by name (parts.beside)."""


class Door(Protocol[Answer_co]):
    """How records leave."""

    def choose(self, ask: Ask, permitted: Permitted) -> Chosen:
        """The records to let out now. Raises Refusal."""
        ...

    def give(self, ask: Ask, released: Released) -> Answer_co:
        """The answer that carries them."""
        ...


class Plan(NamedTuple):
    """What was decided: about whom, on what, and which records go. `now` is the time that was decided for (ms),
    `changes` the count of consents and disputes when they were read."""

    person: Person
    request: Request
    decision: Decision
    standing: Standing
    now: int
    changes: int
    chosen: Chosen
    attach: tuple[str, ...]
    contents: dict[str, bytes]


class Gate:
    """The gate of one node. `step` is called with the name of each step before it begins; tests raise in it."""

    def __init__(self, node: "Node", step: Callable[[str], None] = lambda name: None) -> None:
        self._node = node
        self._turns = node.store.turns
        self._gathering = Gathering(node.journal, self._turns)
        self._credentials = CredentialCheck(node)
        self.decider = Decider(node)
        self.reader = Reader(node, self._turns)
        self.step = step

    def release(self, caller: str, ask: Ask, door: "Door[Answer]") -> Answer:
        """Let out what `ask` may have, in the form of a door. `caller` is who signed the request.

        Raises Refusal with the code that may be seen from outside; the journal has the code itself.
        """
        with self._turns.one():
            return self._release(caller, ask, door)

    def _release(self, caller: str, ask: Ask, door: "Door[Answer]") -> Answer:
        node, now = self._node, self._node.clock()
        obligation = obligation_of(node.organisation, caller, bytes.fromhex(ask.request.id))
        seen = _Seen()
        try:
            # 1 Who asks? A crash here: nothing has happened; the requester hears nothing and asks again.
            self.step("authenticate")
            self.authenticate(caller, ask, now)
            # 2 May they, and what of it? A crash here: nothing has happened.
            self.step("decide")
            plan = self._decide(ask, now, door, seen)
            # 3 Write it down. A crash before the write is durable: nothing has happened. A crash after it: the
            # journal says that records went out and none did; the requester owes its half, and states that nothing
            # came. The request's id is used up.
            self.step("journal")
            opened = parts.openings(node.journal, plan.person, plan.chosen.records, obligation)
            line = seen.line = self._disclose(ask, plan, opened, obligation, now)
            # 4 Still? A revocation that came meanwhile stops it. A crash from here on is as after 3.
            self.step("recheck")
            self._recheck(caller, plan, ask)
            # 5 and 6 Read the records where they live, and hold them against what was signed.
            self.step("read")
            contents, beside = self._read(plan)
            # The reading may have taken long: a last look.
            self.step("compare")
            self._recheck(caller, plan, ask)
            # 7 Sign and send. A crash after the sending: the recipient has what the journal says it has.
            self.step("send")
            return door.give(ask, Released(plan.person, line, plan.chosen, contents, plan.attach, now, opened, beside))
        except Refusal as refusal:
            no = refusal
        except UsedError:
            no = Refusal(Code.REQUEST_REPLAYED)
        except EngineError:
            no = Refusal(Code.LEDGER_UNUSABLE)
        except (StoreError, VaultError, sql.exc.SQLAlchemyError):
            # What cannot be written down is not done; and this refusal cannot be written down either.
            raise Refusal(Code.STORE_UNUSABLE) from None
        raise self._refuse(caller, ask, no, seen, obligation, now)

    def repeat(self, caller: str, ask: Ask, door: "Door[Answer]", sent: bool = False) -> Answer:
        """Let out once more what stands in the journal as disclosed and has not arrived, if all of it still may go.

        Raises Refusal as `release` does; a line then says that it was not sent, unless it may have been `sent` before.
        """
        now, seen = self._node.clock(), _Seen()
        obligation = obligation_of(self._node.organisation, caller, bytes.fromhex(ask.request.id))
        line, disclosed = self._disclosed(obligation)
        seen.line = line
        try:
            self._still(caller, ask)
            self._check_merge_delay(now)
            plan = self._decide(ask, now, door, seen)
            rows = {(one.row.type, one.row.id): one for one in plan.chosen.records}
            chosen = [rows.get((one.type, one.id)) for one in disclosed.records]
            same = [one for one in chosen if one is not None]
            if len(same) != len(chosen):
                raise Refusal(Code.CONSENT_CHANGED)
            opened = parts.openings(self._node.journal, plan.person, same, obligation)
            if not all(map(parts.lists, same, opened, disclosed.records)):
                raise Refusal(Code.RECORD_ALTERED)
            contents, beside = self._read(plan._replace(chosen=Chosen(same), contents={}))
            self._recheck(caller, plan, ask)
            return door.give(ask, Released(plan.person, line, Chosen(same), contents, plan.attach, now, opened, beside))
        except Refusal as refusal:
            no = refusal
        except EngineError:
            no = Refusal(Code.LEDGER_UNUSABLE)
        except (StoreError, VaultError, sql.exc.SQLAlchemyError):
            raise Refusal(Code.STORE_UNUSABLE) from None
        if sent or no.reason in TRY_AGAIN:
            raise no
        raise self._refuse(caller, ask, no, seen, obligation, now)

    def stopped(self, caller: str, ask: Ask, door: "Door[Answer]") -> Answer:
        """The same without any record: what stands in the journal as disclosed was stopped, and the other is told."""
        obligation = obligation_of(self._node.organisation, caller, bytes.fromhex(ask.request.id))
        line, _ = self._disclosed(obligation)
        with self._node.store.read() as connection:
            # Whose link was undone since is still the one of whom the line speaks.
            of_line = sql.select(store.manifest.c.person).where(store.manifest.c.seq == line.seq)
            identifier = connection.execute(of_line).scalar()
            person = None if identifier is None else self._node.journal.person(connection, identifier)
        if person is None:
            raise Refusal(Code.UNKNOWN_PERSON)
        return door.give(ask, Released(person, line, Chosen([]), [], (), self._node.clock(), []))

    def _disclosed(self, obligation: bytes) -> tuple[Line, DisclosureManifest]:
        """The disclosure that stands in the journal under an obligation. Raises Refusal if there is none."""
        found = self._gathering.disclosed(obligation)
        if found is None:
            raise Refusal(Code.NOT_FOUND)
        return found

    def greet(self, caller: str, ask: Ask) -> None:
        """Whether a request is in order, before anything is decided about it. Raises Refusal, which is journalled."""
        try:
            self.authenticate(caller, ask, self._node.clock())
        except Refusal as refusal:
            no = refusal
        except EngineError:
            no = Refusal(Code.LEDGER_UNUSABLE)
        else:
            return
        raise self.refuse(caller, ask, no)

    def use(self, caller: str, ask: Ask) -> None:
        """Use a request's id up for something that lets no record out. Raises Refusal for one that was used before."""
        obligation = obligation_of(self._node.organisation, caller, bytes.fromhex(ask.request.id))
        try:
            self._node.store.write(
                lambda connection: self._gathering.use(connection, Answered(obligation, caller, ask.expires, None))
            )
        except UsedError:
            raise self._refuse(
                caller, ask, Refusal(Code.REQUEST_REPLAYED), _Seen(), obligation, self._node.clock()
            ) from None

    def refuse(self, caller: str, ask: Ask, refusal: Refusal) -> Refusal:
        """Write down that a request was refused before it came to the gate; the refusal as it may be seen."""
        obligation = obligation_of(self._node.organisation, caller, bytes.fromhex(ask.request.id))
        return self._refuse(caller, ask, refusal, _Seen(), obligation, self._node.clock())

    def authenticate(self, caller: str, ask: Ask, now: int) -> None:
        """Whether whoever asks is who it says, and may ask anything at all now. Raises Refusal, EngineError."""
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
        self._credentials.check(ask, now)
        access.check_purpose(ask.request)
        if ask.request.purpose not in EMERGENCY:
            self._check_merge_delay(now)

    def _active(self, caller: str) -> bool:
        found = self._node.directory.find(caller)
        return found is not None and found.active

    def _check_merge_delay(self, now: int) -> None:
        """Refuse when the oldest line that is not anchored is older than the delay, and when the ledger's head has not
        been seen for as long: whom it has suspended since, and what was revoked, is not known here."""
        node = self._node
        if node.anchorer.overdue(now, node.merge_delay_ms) or node.sight.overdue(now, node.merge_delay_ms):
            raise Refusal(Code.MERGE_DELAY)

    def _decide(self, ask: Ask, now: int, door: "Door[Any]", seen: "_Seen") -> Plan:
        changes = self._node.consents.changes
        self._node.labels.check()
        scope = self._node.emergencies.check(ask.account, ask.request, now)
        with self._node.store.read() as connection:
            standing = seen.standing = self.decider.standing(connection, ask.account, ask.request, now)
            facts, decision = self.decider.decide(ask.request, standing, ask.account, now)
            person = standing.person
            assert person is not None
            seen.decided = decision.decided
            permitted = Permitted(
                self._node, self.reader, connection, person, decision, "summary" if standing.doubted else scope,
                lambda: self.decider.everything(facts, decision, standing, now),
            )  # fmt: skip
            chosen = door.choose(ask, permitted)
        attach = tuple(sorted({code for allowed in chosen.records for code in allowed.attach}))
        return Plan(person, ask.request, decision, standing, now, changes, chosen, attach, permitted.contents)

    def _still(self, caller: str, ask: Ask) -> None:
        """Is the requester active, who asks vouched for, an emergency on, also now? Raises Refusal, EngineError."""
        if not self._active(caller):
            raise Refusal(Code.REQUESTER_SUSPENDED)
        self._credentials.still(ask)
        self._node.emergencies.check(ask.account, ask.request, self._node.clock())

    def _recheck(self, caller: str, plan: Plan, ask: Ask) -> None:
        """Is everything that decided still in force, does nothing new forbid it, and may who asks still ask?

        What is written here counts `changes` up before it is durable, and what others take back shows on the ledger.
        If neither has moved, the consents are those that were read; if none of them began or ended meanwhile either,
        the decision is the one that was made.
        """
        node, now, account = self._node, self._node.clock(), ask.account
        self._still(caller, ask)
        if node.disputes.stops(account, caller):
            raise Refusal(Code.CONSENT_CHANGED, decided=plan.decision.decided)
        standing = plan.standing
        if node.consents.changes != plan.changes or not self.decider.still(standing):
            with node.store.read() as connection:
                standing = self.decider.standing(connection, account, plan.request, now, plan.person)
        elif unturned(standing.rules, plan.now, now):
            return
        decision = self.decider.decided.decide(self.decider.facts(plan.request, standing), standing.rules, now)
        gone = set(plan.decision.decided).difference(standing.given.names)
        doubted = standing.doubted != plan.standing.doubted
        if gone or doubted or decision.effect != "permit" or decision.marks != plan.decision.marks:
            raise Refusal(Code.CONSENT_CHANGED, decided=plan.decision.decided)
        if decision.left == plan.decision.left:
            return
        for allowed in plan.chosen.records:
            # What was decided by relations between records is decided anew by the next request.
            if any(judge(decision, one).effect != "permit" for one in allowed.judged(self.reader)):
                raise Refusal(Code.CONSENT_CHANGED, decided=plan.decision.decided)

    def _read(self, plan: Plan) -> tuple[list[bytes], dict[str, tuple[Any, bytes]]]:
        # What the door has read to choose among them was held against what was signed then.
        records = plan.chosen.records
        return parts.contents(self.reader, records, plan.contents), parts.beside(self.reader, records)

    def _disclose(self, ask: Ask, plan: Plan, opened: Sequence[parts.Opened], obligation: bytes, now: int) -> Line:
        node, request = self._node, ask.request
        records = list(map(parts.disclosed, plan.chosen.records, opened))
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
            attach=list(plan.attach),
        )
        due = now + access.DUE_MS
        extras = {"owes": [obligation, request.requester, due]}
        summary = [3, now, request.requester, request.purpose, len(records), obligation]
        stated = manifests.encode(manifest, self.decider.basis(plan.standing))
        draft = Draft("disclosure/1", stated, plan.person.id, extras, summary)
        return self._gathering.write(draft, Answered(obligation, request.requester, ask.expires, due))

    def _refuse(self, caller: str, ask: Ask, refusal: Refusal, seen: "_Seen", obligation: bytes, now: int) -> Refusal:
        """Journal a refusal and give it back as it may be seen; if it cannot be journalled, that is the refusal.
        If the disclosure stands in the journal already, this line says that it was not sent."""
        node, disclosed = self._node, seen.line is not None
        manifest = RefusalManifest(
            "refusal/1",
            node.network.hex(),
            node.organisation,
            ask.account,
            now,
            msgspec.structs.replace(ask.request, requester=caller),
            refusal.code,
            list(refusal.decided or seen.decided),
            node.vault.random(16).hex(),
            obligation.hex() if disclosed else None,
        )
        basis = self.decider.basis(seen.standing) if seen.standing is not None else None
        summary = [4, now, caller, refusal.outward().code]
        used_up = disclosed or refusal.reason is Code.REQUEST_REPLAYED
        answered = None if used_up else Answered(obligation, caller, ask.expires, None)
        try:
            with node.store.read() as connection:
                person = connection.execute(_PERSON_ID, {"wanted": ask.account}).scalar()
            # An entry of a person who is unknown here looks on the ledger like one of a person who is known.
            extras = None if person is not None else {"sealed": noise(node.vault, summary)}
            stated = manifests.encode(manifest, basis)
            often = None if disclosed else about(node.engine, caller, ask.account)
            self._gathering.write(Draft("refusal/1", stated, person, extras, summary), answered, often)
        except UsedError:
            return self._refuse(caller, ask, Refusal(Code.REQUEST_REPLAYED), _Seen(), obligation, now)
        except (Refusal, StoreError, VaultError, sql.exc.SQLAlchemyError):
            return Refusal(Code.STORE_UNUSABLE)
        return refusal.outward()


class _Seen:
    """How far a request came before it was refused."""

    def __init__(self) -> None:
        self.standing: Standing | None = None
        self.decided: tuple[str, ...] = ()
        self.line: Line | None = None


def read_ask(body: bytes) -> Ask:
    """The request in these bytes. Raises Refusal MALFORMED: what cannot be read cannot be journalled either."""
    try:
        ask = access.decode(body, Ask)
        access.check_address(ask.account)
    except (UnreadableError, AddressError):
        raise Refusal(Code.MALFORMED) from None
    return ask
