"""What stands of a person when somebody asks, and which of her records a decision lets out, one by one."""

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import proxy

import msgspec
import sqlalchemy as sql

from medrec.core.consent import decide as deciding
from medrec.core.consent import emergency, terms
from medrec.core.consent.decide import Decision
from medrec.core.consent.emergency import VITAL_TYPES, Scope, in_scope
from medrec.core.consent.facts import POINTING, Record, unknown
from medrec.core.consent.facts import Request as Facts
from medrec.core.consent.floor import asks_for_age, of_age
from medrec.core.consent.meant import NOBODY
from medrec.core.consent.pointers import Pointer
from medrec.core.consent.related import NOTHING_ASKED, Related, wanted
from medrec.core.consent.replay import facts_of
from medrec.core.manifests import Written
from medrec.core.manifests.access import Request
from medrec.node.keeping import store
from medrec.node.keeping.consent_signs import consent_sign
from medrec.node.keeping.journal import Person
from medrec.node.keeping.prepared import Prepared, hexed
from medrec.node.ledger.nullifiers import Nullifiers
from medrec.node.refusals import Code, Refusal
from medrec.node.release.actors import Actors, who
from medrec.node.release.consents_given import NOTHING_GIVEN, Bases, Given, Standing
from medrec.node.release.decided import REMEMBERED_MAX, Decided
from medrec.node.release.leads import Leads
from medrec.node.release.medicines import Medicines
from medrec.node.release.parts import Parts, Sent
from medrec.node.release.reading import Reader, records_of, signed_records
from medrec.node.right_person import holding
from medrec.node.right_person.link import LinkError
from medrec.node.sources.source import RecordUnavailable, SourceUnavailable

if TYPE_CHECKING:
    from medrec.node.lists.acts_heard import Heard
    from medrec.node.node import Node

REASONS = {
    "no-consent": Code.NO_CONSENT,
    "consent-broken": Code.CONSENT_BROKEN,
    "purpose-missing": Code.PURPOSE_MISSING,
    "purpose-unknown": Code.PURPOSE_UNKNOWN,
    "actor-unresolved": Code.ACTOR_UNRESOLVED,
    "codes-unknown": Code.CODES_UNKNOWN,
}
"""The refusal of a request as a whole, by the reason of the decision; every other reason is DENIED."""

CHUNK = 500

_CONSENTS = Prepared(
    sql.select(hexed(store.consent.c.hash, store.consent.c.nullifier).label("consents")).where(
        store.consent.c.account == sql.bindparam("wanted")
    )
)
_PERSON = Prepared(
    # Whose own demographics contradict her account is treated like one who is unknown, until a human has looked.
    sql.select(
        store.person,
        sql.select(consent_sign.c.sign)
        .where(consent_sign.c.account == sql.bindparam("wanted"))
        .scalar_subquery()
        .label("sign"),
    ).where(store.person.c.account == sql.bindparam("wanted"), holding.holds_all(store.person.c.id))
)


class Allowed(NamedTuple):
    """A record that may go out: its row in the store, the texts that have to travel with it, and what goes instead of
    it where it does not go whole; what was decided about, and the rows of the medicines that go with it."""

    row: Any
    attach: tuple[str, ...]
    sent: Sent | None = None
    facts: Record | None = None
    beside: tuple[Any, ...] = ()
    said: "tuple[Heard, ...]" = ()
    """What people said of the lists that goes with it."""

    def judged(self, reader: Reader) -> list[Record]:
        """What is decided about: the record, and what people said that goes with it."""
        own = self.facts or reader.facts(self.row).facts
        return [own, *(facts for one in self.said for facts in one.facts)]

    @property
    def name(self) -> str:
        """Type/id."""
        return f"{self.row.type}/{self.row.id}"


def law_about(node: "Node", person: Person | None, now: int) -> tuple[str, ...]:
    """The law that binds here what is decided about a person now: where it asks for an age, by the date of birth in her
    record."""
    if person is None or person.patient is None or not asks_for_age(node.law):
        return node.law
    known = None
    with suppress(SourceUnavailable, RecordUnavailable, LinkError):
        known = node.linker.patient(person.patient)
    return of_age(node.law, known.birth if known is not None else "", now)


class Decider:
    """Decides for one node, from its store and the ledger."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._nullifiers = Nullifiers(node.engine)
        self._given: dict[bytes, Given] = {}
        self._bases = Bases()
        self.decided = Decided(node.organisation)

    def standing(
        self, connection: sql.Connection, account: str, request: Request, now: int, known: Person | None = None
    ) -> Standing:
        """What stands of an account, for a request now. `known` is the person as she was found before: her keys are
        not opened again. Raises EngineError, VaultError."""
        found = _PERSON.first(connection, {"wanted": account})
        person: Person | None = None
        given = NOTHING_GIVEN
        if found is not None:
            if known is not None and known.id == found.id:
                person = known
            else:
                person = self._node.journal.opened(found)
            given = self._given_under(found.sign, connection, account)
        if not self._nullifiers.none_of(given.nullifiers):
            gone = self._nullifiers.among(given.nullifiers)
            given = Given.of((bytes.fromhex(name), mark) for name, mark in given.consents if mark not in gone)
        law = law_about(self._node, person, now)
        rules = self._node.consents.rules(connection, person, given.names, law)
        meant = NOBODY
        if (rules.strangers or rules.unheld) and person is not None:
            looking = Actors(self._node, self._node.gate.reader, connection, person.id)
            meant = looking.meant(who(self._node, request, now), rules)
        if request.purpose not in terms.EMERGENCY:
            return Standing(person, given, rules, meant, law=law)
        rules = emergency.with_default(rules)
        settled = emergency.settled(facts_of(request, self._node.organisation, rules, meant), rules, now)
        return Standing(person, given, settled.rules, meant, settled.doubted, law, settled.why)

    def facts(self, request: Request, standing: Standing) -> Facts:
        """The facts of a request for which this stands."""
        found = self.decided.facts(request, standing.rules, standing.meant)
        return msgspec.structs.replace(found, unresolved=frozenset(), unheld=frozenset()) if standing.doubted else found

    def _given_under(self, sign: bytes | None, connection: sql.Connection, account: str) -> Given:
        """The consents of an account that stand in the store now: the same under the same sign (consent_signs)."""
        found = self._given.get(sign) if sign is not None else None
        if found is None:
            found = Given.read(_CONSENTS.first(connection, {"wanted": account}).consents or "")
            if sign is not None:
                if len(self._given) >= REMEMBERED_MAX:
                    self._given = {}
                self._given[sign] = found
        return found

    def still(self, standing: Standing) -> bool:
        """Whether none of these consents is taken back on the ledger. Raises EngineError."""
        return self._nullifiers.none_of(standing.given.nullifiers)

    def decide(self, request: Request, standing: Standing, account: str, now: int) -> tuple[Facts, Decision]:
        """The facts of a request, and the decision about it. Raises Refusal for all but a permit."""
        facts = self.facts(request, standing)
        decision = self.decided.decide(facts, standing.rules, now)
        if self._node.disputes.stops(account, request.requester):
            raise Refusal(Code.DISPUTED, decided=decision.decided)
        if decision.effect != "permit":
            reason = REASONS.get(decision.reason, Code.DENIED)
            # Who is unknown here is decided like one without any consent: no answer tells them apart.
            if standing.person is None and reason is Code.NO_CONSENT:
                reason = Code.UNKNOWN_PERSON
            raise Refusal(reason, decided=decision.decided + decision.broken)
        if standing.person is None:
            raise Refusal(Code.UNKNOWN_PERSON)
        return facts, decision

    def everything(self, facts: Facts, decision: Decision, standing: Standing, now: int) -> Decision:
        """A decision about records of every type: rules about other types than were asked for decide whether what a
        record points at is withheld, and whether anything is."""
        if not facts.types:
            return decision
        return self.decided.decide(msgspec.structs.replace(facts, types=frozenset()), standing.rules, now)

    def basis(self, standing: Standing) -> Written:
        """What a decision rests on, for its manifest. Raises UnwritableError."""
        return self._bases.of(standing, self._node.labels.version)


class Permitted:
    """The records of a person that a decision lets out, in the order of type and id.

    Everything that is answered is made of these alone: what is withheld, and how much of it there is, cannot show.
    A door that can say that a record is cut asks for `in_parts`. `everything` is the same decision about records of
    every type: what a record points at may be of another one than was asked for.
    """

    def __init__(
        self,
        node: "Node",
        reader: Reader,
        connection: sql.Connection,
        person: Person,
        decision: Decision,
        scope: Scope | None = None,
        everything: Callable[[], Decision] | None = None,
    ) -> None:
        self._node = node
        self._reader = reader
        self._connection = connection
        self._person = person
        self._decision = decision
        self._scope = scope
        self._everything = everything or (lambda: decision)
        self._about_others: Decision | None = None
        self._leading: Related | None = None
        self._all_known: Sequence[Record] | None = None
        self._parts: Parts | None = None
        self._divided = False
        # Its parts know it by a weak reference: what it holds of her goes with the answer, and not when somebody
        # searches for garbage.
        me = self._me = proxy(self)
        self._medicines = Medicines(reader, connection, lambda: me._others)
        self._leads = Leads(
            lambda types, ids: me._all_rows(types, ids), lambda row: me._facts_of(row), self._medicines.hide
        )
        self.contents: dict[str, bytes] = {}
        """The canonical bytes of records that were read and found to be what was signed, by name."""

    def in_parts(self) -> "Permitted":
        """The same, with records that go out in part where the person allows marks. Raises Refusal, StoreError."""
        self._divided = self._decision.marks
        return self

    def of_all(self) -> "Permitted":
        """The same under the decision about records of every type."""
        return Permitted(self._node, self._reader, self._connection, self._person, self._others, self._scope)

    def incomplete(self) -> bool:
        """Whether the answer has to say that something is withheld, or held back by doubt whose it is: not of what was
        asked for, but of all her records here, so that no question finds out what. Raises Refusal, StoreError."""
        doubt = self._decision.marks and holding.holds_any(self._connection, self._person.id)
        return doubt or (self._decision.marks and any(map(self._in_parts().stays, self._all_rows())))

    def _in_parts(self) -> Parts:
        if self._parts is None:
            me, meant = self._me, self._leads.meant
            self._parts = Parts(
                self._node, self._reader, self._others, lambda row: me._known(row), meant, self._medicines
            )
        return self._parts

    @property
    def _others(self) -> Decision:
        if self._about_others is None:
            self._about_others = self._everything()
        return self._about_others

    @property
    def _related(self) -> Related:
        if self._leading is None:
            others = self._others
            asked = wanted(self._decision) if others is self._decision else wanted(self._decision, others)
            if not asked:
                self._leading = NOTHING_ASKED
                return NOTHING_ASKED
            servers = self._node.directory.servers(self._node.organisation)
            me = self._me
            self._leading = Related(asked, lambda name: me._named(name), servers)
        return self._leading

    def _named(self, name: Pointer) -> Sequence[Record]:
        """Her records that a name may mean: those of its id, or, where it has none, all of them (read once)."""
        if name.id:
            types = (name.type,) if name.type else ()
            return [self._reader.facts(row).facts for row in self._all_rows(types, (name.id,))]
        if self._all_known is None:
            rows = records_of(self._connection, self._person.id)
            self._all_known = [self._reader.facts(row).facts for row in rows]
        return self._all_known

    def _known(self, row: Any) -> tuple[Record, Code | None]:
        def work() -> tuple[Record, Code | None]:
            known = self._medicines.whole(self._reader.facts(row))
            return self._related.told(known.facts), known.trouble

        nothing: tuple[Record, Code | None] = (unknown(row.type, row.id), None)
        return self._reader.one(row, work, nothing)

    def records(self, types: Sequence[str] = (), ids: Sequence[str] = (), after: str = "") -> Iterator[Allowed]:
        """Those of these types and ids, behind `after` ("Type/id"). Raises Refusal, StoreError.

        Medicines of nobody go with what points at them; where Medication alone is asked for, they are among these.
        """
        found = self._own(types, ids, after)
        if set(types) != {"Medication"}:
            return found
        return iter(sorted([*found, *self._pointed_at(ids, after)], key=lambda allowed: allowed.name))

    def _own(self, types: Sequence[str], ids: Sequence[str], after: str) -> Iterator[Allowed]:
        first = True
        while True:
            limit = 2 if first and len(ids) == 1 else CHUNK
            rows = signed_records(self._connection, self._person.id, types, ids, after, limit)
            if self._divided:
                self._in_parts().learn(rows)
            for row in rows:
                allowed = self._reader.one(row, partial(self._judged, row), None)
                if allowed is not None:
                    yield allowed
            if len(rows) < limit:
                return
            after, first = f"{rows[-1].type}/{rows[-1].id}", False

    def _pointed_at(self, ids: Sequence[str], after: str) -> Iterator[Allowed]:
        """The medicines that go with any record of hers that goes."""
        found: dict[str, Allowed] = {}
        for allowed in self._sound(POINTING):
            found |= {one.id: Allowed(one, allowed.attach, None, allowed.facts) for one in allowed.beside}
        return (one for name, one in found.items() if (not ids or name in ids) and (not after or one.name > after))

    def tells(self, facts: Iterable[Record], behind: Set[str]) -> bool:
        """Whether what somebody said of a list may be told: all that it says by itself (`facts`), and every record of
        hers behind it ("Type/id")."""
        for one in facts:
            if deciding.judge(self._decision, one).effect != "permit":
                return False
            if self._scope is not None and not in_scope(self._scope, one):
                return False
        return not behind or behind <= self.names()

    def is_cut(self) -> bool:
        """Whether something is held back by the person's own will, whether there is such a record or not."""
        return self._scope is not None or self._decision.is_cut

    def names(self) -> frozenset[str]:
        """All that would go out, by name; a record that could not be sent today (altered, unreadable) is left out."""
        return frozenset(allowed.name for allowed in self._sound())

    def _sound(self, types: Sequence[str] = ()) -> Iterator[Allowed]:
        rows = list(self._all_rows(types))
        if self._divided:
            with suppress(Refusal):
                self._in_parts().learn(rows)
        for row in rows:
            with suppress(Refusal):
                yield from filter(None, [self._reader.one(row, partial(self._judged, row), None)])

    def content(self, allowed: Allowed) -> bytes:
        """The canonical bytes of a permitted record, as it was signed. Raises Refusal."""
        if allowed.sent is not None:
            return allowed.sent.content
        found = self.contents.get(allowed.name)
        if found is None:
            found = self.contents[allowed.name] = self._reader.content(allowed.row)
        return found

    def _judged(self, row: Any) -> Allowed | None:
        facts, trouble = self._known(row)
        if self._divided:
            return self._part(row, facts)
        verdict = deciding.judge(self._decision, facts)
        if self._scope is not None and not in_scope(self._scope, facts):
            return None
        # In an emergency an allergy does not stay for the visit that it names, of which nobody knows what it is about.
        doubts = self._scope is None or facts.type not in VITAL_TYPES
        if verdict.effect != "permit" or self._leads.to_hidden(facts, self._others, doubts):
            return None
        if trouble is not None:
            raise Refusal(trouble, f"{row.type}/{row.id}", self._decision.decided)
        return Allowed(row, verdict.attach, None, facts, self._medicines.beside(facts))

    def _part(self, row: Any, facts: Record) -> Allowed | None:
        if self._scope is not None and not in_scope(self._scope, facts):
            return None
        found = self._in_parts().of(row)
        if found is None:
            return None
        sent, attach, trouble = found
        if trouble is not None:
            raise Refusal(trouble, f"{row.type}/{row.id}", self._decision.decided)
        return Allowed(row, attach, sent, facts, self._medicines.beside(facts, sent))

    def _facts_of(self, row: Any) -> Record:
        return self._known(row)[0]

    def _all_rows(self, types: Sequence[str] = (), ids: Sequence[str] = ()) -> Iterator[Any]:
        after = ""
        while True:
            rows = signed_records(self._connection, self._person.id, types, ids, after, CHUNK)
            yield from rows
            if len(rows) < CHUNK:
                return
            after = f"{rows[-1].type}/{rows[-1].id}"
