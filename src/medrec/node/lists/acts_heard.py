"""Who may hear what somebody said of a list: nobody to whom it tells what the person withholds from him."""

import hashlib
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec
import sqlalchemy as sql

from medrec.core import codec
from medrec.core.consent.facts import Record
from medrec.core.manifests.access import DisclosureManifest, ReceivedManifest, Request
from medrec.core.manifests.acts import Act, Subject, against_of, recipients_of
from medrec.core.reconcile.lists import Row
from medrec.core.reconcile.rows import MedicineRow
from medrec.core.reconcile.said import block_of
from medrec.core.records.terms import RXNORM
from medrec.node.corrections.objecting import of_person
from medrec.node.keeping.journal import Person
from medrec.node.lists.acts_kept import KeptAct
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


def hearers(node: "Node", act: Act) -> list[str]:
    """Whom a clinician's act of this organisation is handed to: those who had this person's records from here and those
    whose records it speaks against, as far as she lets them have from here today what it tells."""
    account = act.account
    found = {one.source: None for one in against_of(act) if one.source != node.organisation}
    decider = node.gate.decider
    rows = node.lists.of(account).read.rows
    facts, behind = _facts(node, act), _behind(node, act, rows)
    with node.store.read() as connection:
        person = node.journal.person_of_account(connection, account)
        if person is None:
            return []
        known = _is_known_here(node, act, rows)
        gave = set() if known else _who_gave(node, connection, person)
        for disclosed in of_person(node, connection, person, "disclosure/1"):
            if isinstance(disclosed, DisclosureManifest):
                requester = disclosed.request.requester
                # What is known here from others alone, nobody else learns of from here; the only one who gave anything
                # told it.
                if known or requester == person.agent or gave == {requester}:
                    found[requester] = None
        told = []
        for name in sorted(found):
            asked = msgspec.convert(
                {
                    "id": bytes(16).hex(), "requester": name, "practitioner": "", "purpose": "TREAT",
                    "reason": "an act on the list", "door": "push", "types": [], "ids": [],
                },
                Request,
            )  # fmt: skip
            now = node.clock()
            try:
                standing = decider.standing(connection, account, asked, now, person)
                _, decision = decider.decide(asked, standing, account, now)
            except Refusal:
                continue
            if Permitted(node, node.gate.reader, connection, person, decision).tells(facts, behind):
                told.append(name)
    return told


def _who_gave(node: "Node", connection: sql.Connection, person: Person) -> set[str]:
    """Those who gave this organisation records of a person."""
    received = of_person(node, connection, person, "disclosure-received/1")
    return {one.source for one in received if isinstance(one, ReceivedManifest) and one.records}


def with_records(node: "Node", account: str, permitted: Permitted, requester: str) -> list[Heard]:
    """The acts that go with a person's records to whoever asks for her summary: those of this organisation's
    clinicians, and her own that she lets the requester have."""
    found = []
    acts = [kept for kept in node.acts.of(account) if _goes(node, kept.act, requester)]
    rows = node.lists.of(account).read.rows if acts else ()
    for kept in acts:
        act, facts = kept.act, _facts(node, kept.act)
        if act.author != "patient" and not _is_known_here(node, act, rows):
            continue
        if permitted.tells(facts, _behind(node, act, rows)):
            form = codec.encode_json(msgspec.to_builtins(act))
            found.append(Heard(kept, tuple(facts), hashlib.sha256(form).digest(), kept.manifest))
    return found


def _goes(node: "Node", act: Act, requester: str) -> bool:
    if act.kind == "dismissed":
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
        made["reasonCode"] = [{"text": words}]
    return made


def _behind(node: "Node", act: Act, every: Iterable[Row]) -> set[str]:
    """The records of this organisation ("Type/id") in the rows that an act speaks of, and in those that its words name,
    of all rows of her lists here."""
    lines = [line for row in spoken_of(act, every) for line in row.lines if line.author == "record"]
    return {f"{line.type}/{line.id}" for line in lines if line.source == node.organisation}


def spoken_of(act: Act, every: Iterable[AnyRow]) -> list[AnyRow]:
    """Of these rows those that an act speaks of, by their key or in its words."""
    keys, told = {subject.key for subject in act.subjects}, _plain(act.words)
    return [row for row in every if row.key in keys or any(_plain(part) in told for part in row.name.split(" / "))]


def _is_known_here(node: "Node", act: Act, rows: Iterable[Row]) -> bool:
    """Whether this organisation has a record of its own of every medicine that an act names: who may read what it has
    learns nothing by the act that another place alone told."""
    own = {
        block_of(subject_of(row))
        for row in rows
        if isinstance(row, MedicineRow)
        and any(line.author == "record" and line.source == node.organisation for line in row.lines)
    }
    return own.issuperset(map(block_of, act.subjects))


def _plain(text: str) -> str:
    """The words of a text between blanks, to look for a name in it."""
    return f" {_BETWEEN.sub(' ', text.lower()).strip()} "
