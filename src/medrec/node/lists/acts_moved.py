"""What clinicians here said of a medicine ends when the records that it was said of turn out to be another's: the chart
that they came under is unlinked, or their source files them under the patient whose they are.

A word that was said of these records alone is taken back wherever it went, as at the end of a link; of one that was
said of others as well a human decides, and is asked.
"""

from collections.abc import Collection, Sequence
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


def end(connection: sql.Connection, journal: Journal, network: str, person: Person, names: Collection[Name]) -> None:
    """These records are this person's no more: what was said of them alone ends, and her agent is told by a line.
    Inside `Store.write` only."""
    if person.account is None or not names:
        return
    now, gone = journal.now(), frozenset(f"{kind}/{identifier}" for kind, identifier in names)
    ended: list[bytes] = []
    for identifier, whole, time in _own(connection, journal, person):
        stays = _stays(whole, journal.organisation, gone)
        if stays == "some":
            sentence = (
                "A word of a clinician here was said of records of which some are another person's: say on the list "
                "what holds now."
            )
            row = {"time": now, "code": IN_DOUBT, "subject": f"list-act/{identifier.hex()}", "sentence": sentence}
            connection.execute(sql.insert(store.alarm).values(**row))
        elif stays == "none":
            ended.append(identifier)
            _look_no_more(connection, whole, journal.organisation, time)
    if not ended:
        return
    acts_kept.take_back(connection, journal.vault, network, journal.organisation, person.account, now, ended)
    drafts = []
    for identifier in ended:
        over = ActEnd(network, person.account, identifier.hex(), journal.organisation, now)
        manifest = ActEndedManifest("list-act-ended/1", network, journal.organisation, person.account, now, over)
        drafts.append(
            Draft("list-act-ended/1", manifests.encode(manifest), person.id, None, [SUMMARY_ENDED, now, identifier])
        )
    journal.append(connection, drafts)


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


def _stays(whole: acts_whole.Whole, here: str, gone: Collection[str]) -> Literal["all", "some", "none"]:
    """How much of what an act was said of is hers still: of what it speaks against, or, where it speaks against
    nothing, of what stood here of its medicine. What is said of nothing that is here stays."""
    against = against_of(whole.act)
    if against:
        left = [one.source != here or f"{one.type}/{one.id}" not in gone for one in against]
    else:
        marks = frozenset(map(marked, sorted(gone)))
        left = [one not in marks for one in (whole.stood.records if whole.stood is not None else ())]
    return "all" if all(left) else "some" if any(left) else "none"


def _look_no_more(connection: sql.Connection, whole: acts_whole.Whole, here: str, time: int) -> None:
    """Its staff was asked to look when the act was said: there is nothing to look at any more."""
    alarm = store.alarm.c
    names = [f"{one.type}/{one.id}" for one in against_of(whole.act) if one.source == here]
    raised = (alarm.code == "list-contradicted") & (alarm.time == time) & alarm.subject.in_(names)
    connection.execute(sql.delete(store.alarm).where(raised))
