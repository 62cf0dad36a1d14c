"""What clinicians here said of a medicine ends when the records that it was said of turn out to be another's: the chart
that they came under is unlinked, or their source files them under the patient whose they are.

A word that was said of these records alone is taken back wherever it went, as at the end of a link, and the staff is
told that a stop is gone. Of one that was said of others as well, or of records that went to a number of which nobody
knows whose it is (a merge), a human decides, and is asked; and again if a record of a word that ended is hers again.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Literal

import sqlalchemy as sql

from medrec.core import manifests
from medrec.core.manifests.acts import ActEnd, ActEndedManifest, ActManifest, against_of
from medrec.node.keeping import store
from medrec.node.keeping.charted import Name
from medrec.node.keeping.journal import Draft, Journal, Person
from medrec.node.keeping.vault import Vault, VaultError
from medrec.node.lists import acts_kept, acts_whole
from medrec.node.lists.acts_ground import marked
from medrec.node.lists.acts_kept import list_act

SUMMARY_ENDED = 36
IN_DOUBT = "list-act-in-doubt"
ENDED = "list-act-ended-with-records"
_OF_OTHERS = (
    "The records that a word of a clinician here was said of are not this person's any more, or not all of them: the "
    "word stands; say on the list what holds now."
)
_IS_GONE = (
    "A word of a clinician here, that a medicine is stopped or taken otherwise, ended with the records that it was "
    "said of, which are another person's: say it on the list again if it holds of her."
)
_IS_BACK = (
    "A word of a clinician here, that a medicine is stopped or taken otherwise, ended with the records that it was "
    "said of, and one of them is this person's again: say on the list what holds now."
)
_Left = Literal["all", "some", "none"]


def end(
    connection: sql.Connection,
    journal: Journal,
    network: str,
    person: Person,
    names: Collection[Name],
    unsure: Collection[Name] = (),
) -> None:
    """These records are this person's no more: what was said of them alone ends, and her agent is told by a line.
    `unsure`: those that went where nobody knows whose they are now. Inside `Store.write` only."""
    if person.account is None or not (names or unsure):
        return
    now, gone, may_be = journal.now(), _marks(names), _marks(unsure)
    ended: list[bytes] = []
    for identifier, whole, time in _own(connection, journal, person):
        said_of = _said_of(whole, journal.organisation)
        left = _left(said_of, gone, may_be)
        ends_taking = whole.act.kind in ("stopped", "changed")
        if left == "some" and whole.act.kind != "reviewed":
            _ask(connection, IN_DOUBT, identifier, _OF_OTHERS, now)
        elif left == "none":
            ended.append(identifier)
            acts_kept.take_back(
                connection, journal.vault, network, journal.organisation, person.account, now, [identifier]
            )
            if ends_taking:
                _ask(connection, ENDED, identifier, _IS_GONE, now)
                acts_whole.keep_marks(connection, journal.vault, person, whole.act, said_of)
            else:
                _look_no_more(connection, whole, journal.organisation, time)
    drafts = []
    for identifier in ended:
        over = ActEnd(network, person.account, identifier.hex(), journal.organisation, now)
        manifest = ActEndedManifest("list-act-ended/1", network, journal.organisation, person.account, now, over)
        drafts.append(
            Draft("list-act-ended/1", manifests.encode(manifest), person.id, None, [SUMMARY_ENDED, now, identifier])
        )
    if drafts:
        journal.append(connection, drafts)


def come_back(connection: sql.Connection, journal: Journal, person: Person, names: Collection[Name]) -> None:
    """These records are this person's now: where a stop ended with one of them, it may hold again, and the staff is
    asked. Inside `Store.write` only."""
    if person.account is None or not names:
        return
    marks = _marks(names)
    for identifier, said_of in acts_whole.ended(connection, journal.vault, person, journal.organisation):
        if not marks.isdisjoint(said_of):
            _ask(connection, IN_DOUBT, identifier, _IS_BACK, journal.now())


def _ask(connection: sql.Connection, code: str, identifier: bytes, sentence: str, now: int) -> None:
    row = {"time": now, "code": code, "subject": f"list-act/{identifier.hex()}", "sentence": sentence}
    connection.execute(sql.insert(store.alarm).values(**row))


def _marks(names: Iterable[Name]) -> frozenset[str]:
    return frozenset(marked(f"{kind}/{identifier}") for kind, identifier in names)


def _own(connection: sql.Connection, journal: Journal, person: Person) -> Sequence[tuple[bytes, acts_whole.Whole, int]]:
    """The acts of clinicians here on her list, each with what was kept of it and when it was written down."""
    row = list_act.c
    mine = (row.account == person.account) & (row.organisation == journal.organisation)
    found = []
    for kept in connection.execute(sql.select(list_act).where(mine).order_by(row.time, row.id)).all():
        whole = _opened(connection, journal.vault, person, kept)
        if whole is not None:
            found.append((bytes(kept.id), whole, int(kept.time)))
    return found


def _opened(connection: sql.Connection, vault: Vault, person: Person, kept: Any) -> acts_whole.Whole | None:
    try:
        said = manifests.decode(vault.open(person.keys.data, bytes(kept.sealed), bytes(kept.id)))
    except VaultError:
        # It was said under a link that is over, and its keys went with that.
        return None
    if not isinstance(said, ActManifest):
        return None
    return acts_whole.of_one(connection, vault, person, said.act)


def _said_of(whole: acts_whole.Whole, here: str) -> list[str]:
    """What an act was said of, by its marks: the records that it speaks against ("" for one elsewhere), or, where it
    speaks against nothing, those that stood here of its medicine."""
    against = against_of(whole.act)
    if against:
        return [marked(f"{one.type}/{one.id}") if one.source == here else "" for one in against]
    return [*whole.stood.records] if whole.stood is not None else []


def _left(said_of: Sequence[str], gone: Collection[str], unsure: Collection[str]) -> _Left:
    """How much of what an act was said of is hers still, as far as anybody knows. What is said of nothing that is here
    stays."""
    if not any(one in gone or one in unsure for one in said_of):
        return "all"
    return "none" if all(one in gone for one in said_of) else "some"


def _look_no_more(connection: sql.Connection, whole: acts_whole.Whole, here: str, time: int) -> None:
    """Its staff was asked to look when the act was said: there is nothing to look at any more."""
    alarm = store.alarm.c
    names = [f"{one.type}/{one.id}" for one in against_of(whole.act) if one.source == here]
    raised = (alarm.code == "list-contradicted") & (alarm.time == time) & alarm.subject.in_(names)
    connection.execute(sql.delete(store.alarm).where(raised))
