"""Which records of this organisation bear what a clinician here says of a medicine: each of them alone would have had
her say the same, word for word.

Who may read one of them hears the word, whatever else stood in the row: in a world where the others never were she
would have said the same of the same row. A record beside which it would not have been said (a later stop, another name
or place of action for the row) stands against that for whoever may read both.
"""

from collections.abc import Iterable, Sequence, Set
from typing import TYPE_CHECKING

import msgspec

from medrec.core.manifests.access import ReceivedManifest
from medrec.core.manifests.act_parts import Against
from medrec.core.manifests.acts import Act, ActKind, Subject
from medrec.core.reconcile.held import Held
from medrec.core.reconcile.lists import Lists
from medrec.core.reconcile.rows import MedicineRow
from medrec.core.reconcile.said import block_of
from medrec.node.corrections.objecting import of_person
from medrec.node.lists.acts_ground import Bearer, Stood, marked
from medrec.node.lists.lists import subject_of

if TYPE_CHECKING:
    from medrec.node.node import Node

PAIRS_MAX = 200
"""So many pairs of records of one medicine are looked at; of more, each counts as one that stands against the other."""


def said_of(kind: ActKind, subject: Subject) -> Subject:
    """A subject as a clinician's act names it. Where a medicine acts is said; which of its forms stood first in the
    row, on which a word without directions does not depend, is not: it may be what another record alone says."""
    bare = kind in ("reviewed", "stopped") and subject.site
    return msgspec.structs.replace(subject, form="") if bare else subject


def is_there(node: "Node", account: str, subjects: Iterable[Subject], against: Iterable[Against]) -> bool:
    """Whether what a clinician changes or stops can be before her: a row of the list here, or one made of what others
    gave, which is kept nowhere. Nobody ends what nobody says that she takes. Raises StoreError, VaultError."""
    with node.store.read() as connection:
        person = node.journal.person_of_account(connection, account)
        others = person is None or any(
            isinstance(one, ReceivedManifest) and one.records
            for one in of_person(node, connection, person, "disclosure-received/1")
        )
    if others or any(one.source != node.organisation for one in against):
        return True
    keys = {row.key for row in node.lists.of(account).read.medicines}
    return all(subject.key in keys for subject in subjects)


def stood(node: "Node", acts: Sequence[Act]) -> list[Stood | None]:
    """For each of these acts on one person's list, which are being said, what stood here; None of those that are not of
    one medicine. Raises StoreError, VaultError."""
    blocks: dict[str, list[Held]] = {}
    for account in {act.account: None for act in acts if len(act.subjects) == 1}:
        for item, block in _own(node, account):
            blocks.setdefault(block, []).append(item)
    found: list[Stood | None] = []
    for act in acts:
        items = blocks.get(block_of(act.subjects[0]), []) if len(act.subjects) == 1 else []
        bearers = _of(node, act, items) if act.kind in ("reviewed", "stopped") and items else []
        found.append(Stood(sorted(map(_mark, items)), bearers) if len(act.subjects) == 1 else None)
    return found


def may(found: Stood | None, names: Set[str]) -> bool:
    """Whether an act is borne by one of the records (their marks) that somebody may read, for all that he may read."""
    return found is not None and any(one.record in names and names.isdisjoint(one.but) for one in found.bearers)


def _own(node: "Node", account: str) -> list[tuple[Held, str]]:
    """The records here that speak of a medicine, and the key of each row's medicine without its place of action."""
    held = {item.name: item for item in node.lists.held(account) if item.author == "record"}
    return [
        (held[line.source, line.type, line.id], block_of(subject_of(row)))
        for row in node.lists.of(account).read.medicines
        for line in row.lines
        if line.source == node.organisation and (line.source, line.type, line.id) in held
    ]


def _of(node: "Node", act: Act, items: list[Held]) -> list[Bearer]:
    (subject,) = act.subjects
    now = node.clock()

    def bears(*records: Held) -> bool:
        rows = Lists(node.lists.terms, now, records).read().medicines
        return any(_is_said(act.kind, row, subject) for row in rows)

    alone = [item for item in items if bears(item)]
    names = {_mark(item): None for item in alone}
    others = [item for item in items if _mark(item) not in names]
    pairs, found = 0, []
    for item in alone:
        but = []
        for other in others:
            pairs += 1
            if pairs > PAIRS_MAX or not bears(item, other):
                but.append(_mark(other))
        found.append(Bearer(_mark(item), sorted(but)))
    return sorted(found, key=lambda one: one.record)


def _is_said(kind: ActKind, row: MedicineRow, subject: Subject) -> bool:
    """Whether an act of a kind would be said of a row: gone through is what is taken, and stopped what is not over."""
    over = row.status != "active" if kind == "reviewed" else row.status == "stopped"
    return not over and said_of(kind, subject_of(row)) == subject


def _mark(item: Held) -> str:
    return marked(f"{item.record.type}/{item.record.id}")
