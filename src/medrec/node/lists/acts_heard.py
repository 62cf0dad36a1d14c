"""Who may hear what somebody said of a list: nobody to whom it tells what the person withholds from him."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec
import sqlalchemy as sql

from medrec.core import codec
from medrec.core.consent.facts import Record
from medrec.core.manifests.access import DisclosureManifest, ReceivedManifest, Request
from medrec.core.manifests.acts import Act, Subject, against_of, bared, recipients_of
from medrec.core.reconcile.could_be import could_be, is_read
from medrec.core.reconcile.held import Line
from medrec.core.reconcile.lists import Row
from medrec.core.reconcile.nameless import names_nothing
from medrec.core.reconcile.rows import MedicineRow
from medrec.core.reconcile.said import block_of
from medrec.core.records.terms import RXNORM
from medrec.node.corrections.objecting import of_person
from medrec.node.keeping.journal import Person
from medrec.node.lists import acts_stood, acts_whole
from medrec.node.lists.acts_ground import Stood, marked
from medrec.node.lists.acts_kept import KeptAct
from medrec.node.lists.acts_whole import Whole
from medrec.node.lists.lists import subject_of
from medrec.node.refusals import Refusal
from medrec.node.release.deciding import Permitted

if TYPE_CHECKING:
    from medrec.node.node import Node

AnyRow = TypeVar("AnyRow", bound=Row)
TYPES = ("MedicationRequest", "MedicationStatement")
_BETWEEN = re.compile(r"\W+")


class Heard(NamedTuple):
    """An act that goes out with a person's records: its facts, by which it is decided about, the SHA-256 of its
    canonical form, and that of the manifest that proves it."""

    kept: KeptAct
    facts: tuple[Record, ...]
    sha256: bytes
    manifest: bytes


def hearers(node: "Node", acts: Sequence[Whole]) -> list[dict[str, Act]]:
    """Whom each of these acts on one person's list, of clinicians of this organisation, is handed to, each with the
    copy that it gets: those who had this person's records from here and those whose records it speaks against, as far
    as she lets them have from here today what it tells. Where its words may name what she does not, the copy has none.
    """
    told: list[dict[str, Act]] = [{} for _ in acts]
    account = acts[0].act.account if acts else ""
    rows = node.lists.of(account).read.rows if acts else ()
    with node.store.read() as connection:
        person = node.journal.person_of_account(connection, account)
        if person is None:
            return told
        gave = who_gave(node, connection, person)
        had = {
            disclosed.request.requester
            for disclosed in of_person(node, connection, person, "disclosure/1")
            if isinstance(disclosed, DisclosureManifest)
        }
        against = [{one.source for one in against_of(whole.act)} - {node.organisation} for whole in acts]
        for name in sorted(had.union(*against)):
            hears = _hears(node, connection, person, rows, name)
            if hears is None:
                continue
            # What is known here from others alone, nobody else learns of from here; the only one who gave anything told
            # it.
            told_it = name in had and (name == person.agent or gave == {name})
            for whole, sources, found in zip(acts, against, told, strict=True):
                if name not in had | sources or (name != person.agent and not whole.act.subjects):
                    # That she was there at all is told to the person's agent.
                    continue
                copies = (one for one in (whole.act, bared(whole.act)) if one is not None)
                copy = next((one for one in copies if hears.may(one, told_it or name in sources, whole.stood)), None)
                if copy is not None:
                    # Her agent brings it further: it alone needs the signature without the words.
                    found[name] = copy if name == person.agent else msgspec.structs.replace(copy, bare=msgspec.UNSET)
    return told


def _hears(node: "Node", connection: sql.Connection, person: Person, rows: Sequence[Row], name: str) -> "Hears | None":
    """What an organisation may hear today; None if nothing."""
    asked = msgspec.convert(
        {
            "id": bytes(16).hex(), "requester": name, "practitioner": "", "purpose": "TREAT",
            "reason": "an act on the list", "door": "push", "types": [], "ids": [],
        },
        Request,
    )  # fmt: skip
    decider, now, account = node.gate.decider, node.clock(), person.account or ""
    try:
        standing = decider.standing(connection, account, asked, now, person)
        _, decision = decider.decide(asked, standing, account, now)
    except Refusal:
        return None
    permitted = Permitted(node, node.gate.reader, connection, person, decision)
    return Hears(node, connection, person, permitted, rows, name)


class Hears:
    """What a place may hear of what was said of a person at this organisation."""

    def __init__(
        self,
        node: "Node",
        connection: sql.Connection,
        person: Person,
        permitted: Permitted,
        rows: Sequence[Row],
        place: str,
    ) -> None:
        self._node, self._connection, self._person = node, connection, person
        self._permitted, self._rows, self._place = permitted, rows, place
        self._told: dict[Any, bool] = {}

    def may(self, act: Act, told_it: bool, stood: Stood | None = None) -> bool:
        """Whether it may hear all that an act says by itself, and have every record behind it and its words; or, of an
        act without words, one that alone bears it (acts_stood.py).

        Of what no record here speaks that it may have, it hears only where it `told_it` itself.
        """
        if not self._may_be_told(act):
            return False
        if not act.words and acts_stood.may(stood, self._marks):
            return True
        known = told_it or self._known.issuperset(map(block_of, act.subjects))
        behind = _behind(self._node, act, self._rows, stood) if known else frozenset()
        if not known or (behind and not behind <= self._names):
            return False
        return self._are_clear(act) or self._person.agent == self._place or self.has_all

    def _may_be_told(self, act: Act) -> bool:
        """Whether it may have what an act says by itself, which the next review says again."""
        said = act.words, *((one.name, *one.ingredients) for one in act.subjects)
        if said not in self._told:
            self._told[said] = self._permitted.tells(_facts(self._node, act), frozenset())
        return self._told[said]

    @cached_property
    def _names(self) -> frozenset[str]:
        return self._permitted.names()

    @cached_property
    def _marks(self) -> frozenset[str]:
        return frozenset(map(marked, self._names))

    @cached_property
    def _known(self) -> set[str]:
        """The medicines of which it may have a record of this organisation: by an act that names no other it learns
        nothing that another place alone told."""
        return {
            block_of(subject_of(row))
            for row in self._rows
            if isinstance(row, MedicineRow)
            if any(f"{line.type}/{line.id}" in self._names for line in own_lines(self._node, row))
        }

    def _are_clear(self, act: Act) -> bool:
        written = {row.key for row in self._rows if own_lines(self._node, row)}
        typed = [one.name for one in act.subjects if not one.ingredients and one.key not in written]
        if not all(is_read(name, self._node.lists.terms) for name in typed):
            # It could be of anything that is withheld.
            return False
        # What else is named in words stands behind it, and may be had.
        known = [row.name for row in spoken_of(act, self._rows) if own_lines(self._node, row)]
        names = (*(subject.name for subject in act.subjects), *known)
        return names_nothing(act.words, names, self._node.lists.terms)

    @cached_property
    def has_all(self) -> bool:
        """Whether nothing is known here that it may not have: nothing is held back from it, whether there is such a
        record or not, and nothing came from others."""
        node = self._node
        if self._permitted.is_cut() or who_gave(node, self._connection, self._person) - {self._place}:
            return False
        others = {self._place, node.organisation}
        for kept in node.acts.of(self._person.account or ""):
            act = kept.act
            known = {"*", self._place} & recipients_of(act) if act.author == "patient" else {act.organisation} & others
            if not known:
                return False
        return True


def who_gave(node: "Node", connection: sql.Connection, person: Person) -> set[str]:
    """Those who gave this organisation records of a person."""
    received = of_person(node, connection, person, "disclosure-received/1")
    return {one.source for one in received if isinstance(one, ReceivedManifest) and one.records}


def with_records(node: "Node", account: str, permitted: Permitted, requester: str) -> list[Heard]:
    """The acts that go with a person's records to whoever asks for her summary: those of this organisation's
    clinicians, and her own that she lets the requester have. Its receipt shows an act with its words: one goes whole,
    or not at all."""
    found = []
    acts = [kept for kept in node.acts.of(account) if _goes(node, kept.act, requester)]
    if not acts:
        return []
    rows = node.lists.of(account).read.rows
    with node.store.read() as connection:
        person = node.journal.person_of_account(connection, account)
        if person is None:
            return []
        hears = Hears(node, connection, person, permitted, rows, requester)
        for kept, whole in zip(acts, acts_whole.of(node, [kept.act for kept in acts]), strict=True):
            act = kept.act
            if kept.seen and not hears.has_all:
                # Of a former version: its receipt would show how much stood there.
                continue
            if hears.may(act, act.author == "patient", whole.stood):
                form = codec.encode_json(msgspec.to_builtins(act))
                facts = tuple(_facts(node, act))
                found.append(Heard(kept, facts, hashlib.sha256(form).digest(), kept.manifest))
    return found


def _goes(node: "Node", act: Act, requester: str) -> bool:
    if act.kind == "dismissed" or not act.subjects:
        return False
    if act.author == "patient":
        return bool({"*", requester} & recipients_of(act))
    return act.organisation == node.organisation


def _facts(node: "Node", act: Act) -> list[Record]:
    """A medicine can tell the illness, and so can a reason: they are labelled as a record that says them would be."""
    subjects: list[Subject | None] = [*act.subjects] or [None]
    return [node.labels.facts(_as_record(one, act.words, kind), kind, act.id) for one in subjects for kind in TYPES]


def _as_record(subject: Subject | None, words: str, kind: str) -> dict[str, Any]:
    made: dict[str, Any] = {"resourceType": kind, "status": "unknown"}
    if subject is not None:
        coding = [{"system": RXNORM, "code": code} for code in subject.ingredients]
        made["medicationCodeableConcept"] = {"text": subject.name} | ({"coding": coding} if coding else {})
    if words.strip():
        # As what says how, and not as a reason, which has to name something: "half a tab" is no reason in doubt.
        made["additionalInstruction"] = [{"text": words}]
    return made


def _behind(node: "Node", act: Act, every: Iterable[Row], stood: Stood | None) -> set[str]:
    """The records of this organisation ("Type/id") in the rows that an act speaks of, and in those that its words name,
    of all rows of her lists here; where it is kept which stood in the former when it was said, of these those alone."""
    rows, terms = list(every), node.lists.terms
    medicines = [row for row in rows if isinstance(row, MedicineRow)]
    typed = [one.name for one in act.subjects if not one.ingredients and is_read(one.name, terms)]
    named = [row for name in typed for row in could_be(name, medicines, terms)]
    spoken = spoken_of(act, rows)
    found = {f"{line.type}/{line.id}" for row in (*spoken, *named) for line in own_lines(node, row)}
    if stood is None:
        return found
    keys = {subject.key for subject in act.subjects}
    later = [row for row in spoken if row.key in keys and isinstance(row, MedicineRow) and row not in named]
    there = {f"{line.type}/{line.id}" for row in later for line in own_lines(node, row)}
    return found - {name for name in there if marked(name) not in stood.records}


def own_lines(node: "Node", row: Row) -> list[Line]:
    """The lines of a row that records of this organisation make."""
    return [line for line in row.lines if line.author == "record" and line.source == node.organisation]


def spoken_of(act: Act, every: Iterable[AnyRow]) -> list[AnyRow]:
    """Of these rows those that an act speaks of, by their key or in its words."""
    keys, told = {subject.key for subject in act.subjects}, _plain(act.words)
    return [row for row in every if row.key in keys or any(_plain(part) in told for part in row.name.split(" / "))]


def _plain(text: str) -> str:
    """The words of a text between blanks, to look for a name in it."""
    return f" {_BETWEEN.sub(' ', text.lower()).strip()} "
