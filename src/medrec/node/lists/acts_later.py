"""Who comes to hear an act later: whom the patient lets have a clinician's word only since, and the places that came to
know her after she said something to everybody who treats her. Her agent brings a clinician's word to those of whom only
it knows that they may hear it.

Looked at again is a person about whom consents, links, disclosures or disputes came, and each once a day, since a
consent can begin or end by itself.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import msgspec
import sqlalchemy as sql

from medrec.core import codec
from medrec.core.manifests.acts import (
    Act,
    ActEnd,
    ActEndedManifest,
    ActManifest,
    act_message,
    bared,
    recipients_of,
)
from medrec.core.reconcile.could_be import could_be
from medrec.core.reconcile.nameless import names_nothing
from medrec.core.reconcile.rows import MedicineRow
from medrec.core.records.dates import DAY_MS
from medrec.node.agent import bringing
from medrec.node.agent.standing_links import Undone, newest, number, standing, undone
from medrec.node.agent.told import told
from medrec.node.corrections.objecting import ask
from medrec.node.keeping import outgoing, store
from medrec.node.keeping.prepared import Prepared
from medrec.node.lists import acts_heard, acts_told, acts_whole, hearing
from medrec.node.lists.acts import copies, payload_for
from medrec.node.lists.acts_kept import ACTS_PATH, ENDS_PATH, hand_on, list_act, list_act_hearer, of_one
from medrec.node.looks import stopped
from medrec.node.refusals import Refusal

if TYPE_CHECKING:
    from medrec.node.node import Node

_HERE = ("consent/1", "consent/2", "revocation/1", "disclosure/1", "dispute/1")
_TOLD = ("consent/1", "consent/2", "revocation/1", "link/1", "list-act/1", "list-act-ended/1", "dispute/1")
_WITH_ACTS = sql.union(
    sql.select(list_act.c.account), sql.select(store.notice.c.account).where(store.notice.c.kind == "list-act/1")
)
# What every tick asks.
_LINES_HERE = Prepared(
    sql.select(store.person.c.account, sql.func.count())
    .join_from(store.person, store.manifest, store.manifest.c.person == store.person.c.id)
    .where(store.person.c.account.in_(_WITH_ACTS), store.manifest.c.kind.in_([sql.literal(kind) for kind in _HERE]))
    .group_by(store.person.c.account),
    plain=True,
)
_LINES_TOLD = Prepared(
    sql.select(store.notice.c.account, sql.func.count())
    .where(store.notice.c.account.in_(_WITH_ACTS), store.notice.c.kind.in_([sql.literal(kind) for kind in _TOLD]))
    .group_by(store.notice.c.account),
    plain=True,
)
EVERYBODY = "*"

ROUND_MS = 60_000
"""How long a round waits for the next."""


class _Looked:
    """When the next round is, and how many lines decided, and on which day, when each person's acts were looked at."""

    def __init__(self) -> None:
        self.next = 0
        self.at: dict[str, tuple[int, int]] = {}


_looked: "WeakKeyDictionary[Node, _Looked]" = WeakKeyDictionary()


def hand_on_later(node: "Node") -> int:
    """Have the acts that stand here brought to those who may hear them only now, a minute after the last round at the
    earliest; how many copies. Raises StoreError, VaultError, EngineError."""
    looked, now = _looked.setdefault(node, _Looked()), node.clock()
    if now < looked.next <= now + ROUND_MS:
        return 0
    looked.next = now + ROUND_MS
    count = 0
    for account, lines in _lines(node).items():
        state = (lines, now // DAY_MS)
        if looked.at.get(account) == state:
            continue
        count += _clinicians(node, account)
        if node.agent is not None:
            count += _at_her_agent(node, account)
            _ends(node, account)
        looked.at[account] = state
    return count


def _lines(node: "Node") -> Mapping[str, int]:
    """Of each person with acts here: how many lines stand that decide who may hear them."""
    found: dict[str, int] = {}
    with node.store.read() as connection:
        for query in (_LINES_HERE, _LINES_TOLD):
            for account, lines in query.all(connection, {}):
                found[account] = found.get(account, 0) + lines
    return found


def _clinicians(node: "Node", account: str) -> int:
    """The acts of this organisation's clinicians, to whom she lets have them by now."""
    said = [kept.act for kept in node.acts.of(account) if kept.act.organisation == node.organisation]
    acts = acts_whole.of(node, [act for act in said if act.kind != "dismissed"])
    found = [(whole.act, to) for whole, to in zip(acts, acts_heard.hearers(node, acts), strict=True) if to]
    return node.store.write(partial(_more_of, node, found)) if found else 0


def _more_of(node: "Node", found: Sequence[tuple[Act, Mapping[str, Act]]], connection: sql.Connection) -> int:
    return sum(_more(node, act, to, connection) for act, to in found)


def _more(node: "Node", act: Act, hearers: Mapping[str, Act], connection: sql.Connection) -> int:
    identifier, heard = bytes.fromhex(act.id), list_act_hearer.c
    stands = sql.select(list_act.c.id).where(of_one(identifier, act.organisation, act.account))
    if connection.execute(stands).first() is None:
        # The link that it was said under is undone meanwhile.
        return 0
    before = set(
        connection.execute(
            sql.select(heard.organisation).where(heard.id == identifier, heard.account == act.account)
        ).scalars()
    )
    fresh = {name: told for name, told in hearers.items() if name not in before}
    if fresh:
        ask(node, connection, act, fresh)
        hand_on(connection, identifier, act.account, list(fresh))
        outgoing.queue(connection, node.vault, act.account, copies(fresh, node.clock()))
    return len(fresh)


def _at_her_agent(node: "Node", account: str) -> int:
    """Have acts brought to the places that may hear them and where they do not stand; how many copies."""
    if stops := stopped.by_her(node, account):
        node.store.write(partial(_hold_back, node, account, stops))
    acts = [kept.act for kept in node.acts.of(account) if kept.act.kind != "dismissed"]
    places = sorted(standing(node, account) - {node.organisation}) if acts else []
    if not places:
        return 0
    rows, may_hear = node.lists.of(account).read.medicines, hearing.Hearers(node, account, places, node.clock())
    reached = {row.key: may_hear.of_row(row) for row in rows}
    all_ = may_hear.of_everything(acts)
    found = [*_hers(node, acts, rows, reached, places, all_), *_clinical(node, acts, rows, reached, may_hear, all_)]
    there = _standing_there(node, account) | _waiting(node, account)
    fresh = [(place, act) for place, act in found if (place, act.id) not in there]
    for place, act in fresh:
        bringing.queue(node, account, [place], ACTS_PATH, payload_for(act, place))
    return len(fresh)


def _hold_back(node: "Node", account: str, stops: Collection[str], connection: sql.Connection) -> None:
    """What others said and this agent was to bring to a place of whose look she disputes one waits no longer: once that
    is settled, it is brought if she lets that place have it still."""
    for row in outgoing.waiting(connection, node.vault, ACTS_PATH, account):
        said = codec.decode_json(row.payload)
        brought = said.get("account") == account and said.get("organisation") not in ("", node.organisation)
        if brought and row.organisation in stops:
            connection.execute(sql.delete(store.outbox).where(store.outbox.c.id == row.id))


def _hers(
    node: "Node",
    acts: Sequence[Act],
    rows: Sequence[MedicineRow],
    reached: Mapping[str, set[str]],
    places: list[str],
    all_: set[str],
) -> Iterable[tuple[str, Act]]:
    """What she said to everybody, and the places that may read what stands behind it, and what its words may name."""
    written = [row for row in rows if hearing.is_written(row)]
    keys, terms = {row.key for row in written}, node.lists.terms
    for act in acts:
        if EVERYBODY in recipients_of(act) and _is_current(node, act):
            behind = [reached.get(subject.key, set()) for subject in act.subjects if subject.key in keys]
            typed = [subject.name for subject in act.subjects if not subject.ingredients and subject.key not in keys]
            behind += [reached[row.key] for name in typed for row in could_be(name, written, terms)]
            clear = names_nothing(act.words, [subject.name for subject in act.subjects], terms)
            may = places if clear else [place for place in places if place in all_]
            yield from ((place, act) for place in may if all(place in one for one in behind))


def _clinical(
    node: "Node",
    acts: Sequence[Act],
    rows: Sequence[MedicineRow],
    reached: Mapping[str, set[str]],
    may_hear: hearing.Hearers,
    all_: set[str],
) -> Iterable[tuple[str, Act]]:
    """What a clinician said, and the places that may read all that stands behind it, of which the clinician's own
    organisation may not know (acts_heard.py), and what that organisation says of her medicines; without its words
    where these may name what a place may not read."""
    told = {key: set(places) for key, places in reached.items()}
    for act in acts:
        if act.author == "patient":
            # What she alone says she takes is known to whom she said it; `*`: to all.
            keys = {subject.key for subject in act.subjects}
            for row in rows:
                if row.key in keys and not hearing.is_written(row):
                    told[row.key] |= recipients_of(act)
    for act in (one for one in acts if one.author == "clinician"):
        spoken = acts_heard.spoken_of(act, rows)
        if not act.subjects:
            # That she was there is told to the person alone.
            continue
        if not {subject.key for subject in act.subjects} <= {row.key for row in spoken}:
            # Nobody here knows what it is about, and so not who may know.
            continue
        hears = may_hear.of_source(act.organisation) - {act.organisation}
        if act.kind != "reviewed" and node.clock() - act.time < DAY_MS:
            # Whom it speaks against hears it from there, with what it is asked; who has not within a day does not.
            hears -= {line.source for row in spoken for line in row.lines}
        if hears and acts_told.genuine(node, act):
            copies_ = [one for one in (act, _bared(node, act)) if one is not None]
            for place in sorted(hears):
                found = (one for one in copies_ if _may_hear(node, one, rows, told, place, all_))
                yield from ((place, msgspec.structs.replace(one, bare=msgspec.UNSET)) for one in islice(found, 1))


def _bared(node: "Node", act: Act) -> Act | None:
    """A clinician's act without its words, as she signed it."""
    bare = bared(act)
    return bare if bare is not None and acts_told.genuine(node, bare) else None


def _may_hear(
    node: "Node", act: Act, rows: Sequence[MedicineRow], told: Mapping[str, set[str]], place: str, all_: set[str]
) -> bool:
    """Whether a place may read every row that an act speaks of, and whatever else its words may name."""
    spoken, terms = acts_heard.spoken_of(act, rows), node.lists.terms
    names = [row.name for row in spoken]
    # What it calls a medicine is no word of its own beside the name that the row has.
    said = [act.words, *(subject.name for subject in act.subjects)]
    clear = place in all_ or all(words in names or names_nothing(words, names, terms) for words in said)
    return clear and all({place, EVERYBODY} & told[row.key] for row in spoken)


def _ends(node: "Node", account: str) -> None:
    """At her agent: the end of a clinician's act whose link is undone, or which its own organisation has taken back, to
    the places that told of it and not yet of its end. Where the clinician's own organisation handed it on, that tells
    them; they heed one of the two."""
    ends, places = undone(node, account), standing(node, account)
    lines = told(node, account, "list-act/1", "list-act-ended/1")
    said = [(line.organisation, line.manifest.end) for line in lines if isinstance(line.manifest, ActEndedManifest)]
    back = {(place, end.act): end.time for place, end in said if place == end.organisation}
    if ends or back:
        node.store.write(partial(_call_off, node, account, ends, back))
    over = _waiting(node, account, ENDS_PATH, "act") | {(place, end.act) for place, end in said}
    for line in lines:
        if not isinstance(line.manifest, ActManifest) or line.organisation not in places:
            continue
        act, place = line.manifest.act, line.organisation
        if act.author != "clinician" or act.organisation in (place, node.organisation) or (place, act.id) in over:
            continue
        time = back.get((act.organisation, act.id))
        if time is None and not acts_told.is_after(ends, act, line.received or line.time):
            time = ends[act.organisation].time
        if time is not None:
            end = ActEnd(act.network, account, act.id, act.organisation, time)
            bringing.queue(node, account, [place], ENDS_PATH, codec.encode_json(msgspec.to_builtins(end)))


def _call_off(
    node: "Node",
    account: str,
    ends: Mapping[str, Undone],
    back: Mapping[tuple[str, str], int],
    connection: sql.Connection,
) -> None:
    """A clinician's word that still waits for a place is brought to nobody once it, or its link, is undone."""
    for row in outgoing.waiting(connection, node.vault, ACTS_PATH, account):
        said = codec.decode_json(row.payload)
        end = ends.get(str(said.get("organisation")))
        undone_since = end is not None and int(said.get("time", 0)) <= end.time
        if undone_since or (str(said.get("organisation")), str(said.get("id"))) in back:
            connection.execute(sql.delete(store.outbox).where(store.outbox.c.id == row.id))


def _is_current(node: "Node", act: Act) -> bool:
    """Whether a place would take an act of hers: it is signed by a key that acts for her now."""
    if act.author != "patient" or act.kind == "dismissed":
        return False
    try:
        node.consents.check_signature(act.account, act.key, act_message(act), act.signature)
    except Refusal:
        return False
    return True


def _standing_there(node: "Node", account: str) -> set[tuple[str, str]]:
    """(place, id) of the acts that places have told of under their link of today."""
    with node.store.read() as connection:
        links = newest(connection, account)
    return {
        (line.organisation, line.manifest.act.id)
        for line in told(node, account, "list-act/1")
        if isinstance(line.manifest, ActManifest) and number(line.epoch) >= links.get(line.organisation, 0)
    }


def _waiting(node: "Node", account: str, path: str = ACTS_PATH, name: str = "id") -> set[tuple[str, Any]]:
    """(place, id) of the acts of a person that are on their way, or of those whose end is."""
    with node.store.read() as connection:
        rows = outgoing.waiting(connection, node.vault, path, account)
    return {(row.organisation, codec.decode_json(row.payload).get(name)) for row in rows}
