"""One person's lists at one node: what may be seen here is gathered, understood and reconciled, and kept up to date.

At an agent these are the person's own copies, which came through the gates of the places that know her; at an
organisation they are its own records of her, and what it was given of others in this very reading. What was not let
out is not there, so nothing of it can show.
"""

import hashlib
import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sql

from medrec.core.manifests.act_parts import OPENED_MAX, Against
from medrec.core.manifests.acts import Subject
from medrec.core.manifests.record import RecordManifest
from medrec.core.matching import Demographics
from medrec.core.reconcile.held import PATIENT, Held
from medrec.core.reconcile.lists import Lists, Read
from medrec.core.reconcile.notices import Checker, LabelChecker, Notice, notices
from medrec.core.reconcile.rows import MedicineRow
from medrec.core.reconcile.said import said
from medrec.core.records.canonical import RecordError, canonical
from medrec.core.records.dates import DAY_MS
from medrec.core.records.terms import Terms
from medrec.node.agent.copies import Copy
from medrec.node.agent.told import told
from medrec.node.keeping import store
from medrec.node.lists import reviews
from medrec.node.lists.acts_kept import KeptAct
from medrec.node.lists.sources import Page, Source, Version, first_signed, held_of, received, strangers
from medrec.node.release.pointed import Pointers, called, identifier_of, medications_of
from medrec.node.right_person import holding, not_hers

if TYPE_CHECKING:
    from medrec.node.node import Node

PEOPLE_REMEMBERED_MAX = 500
IN_MAX = 500
Name = tuple[str, str, str]


# Records as they were signed, and when; not those that are gone or were changed in place.
_STANDING = (
    sql.select(
        store.record.c.type,
        store.record.c.id,
        store.record.c.version,
        store.record.c.sha256,
        store.record.c.manifest,
        store.line.c.time,
    )
    .join_from(store.record, store.manifest, store.manifest.c.hash == store.record.c.manifest)
    .join(store.line, store.line.c.seq == store.manifest.c.seq)
    .where(store.record.c.action != "delete", store.record.c.altered.is_(False))
)


class Shown(NamedTuple):
    """A person's lists, ready to be shown. `reviewed`: the last review that counts here (reviews.py); `new`: for each
    row's key, how many of its lines are new since then. `unread`: records that could not be read ("Type/id")."""

    read: Read
    notices: list[Notice]
    acts: list[KeptAct]
    reviewed: KeptAct | None
    new: dict[str, int]
    unread: tuple[str, ...]
    in_part: tuple[str, ...] = ()
    """What was cut at its source, and is merged with nothing: the names of these records."""
    put_away: tuple[tuple[Notice, KeptAct], ...] = ()
    """Notices that somebody on this side has dismissed for these very facts, with who did, and why."""
    strangers: tuple[str, ...] = ()
    """Who gave records under somebody else's name, which are merged with nothing."""


class _Kept:
    """What is remembered of one person: the lists of a day, and every record in them by name."""

    def __init__(self, lists: Lists, day: int) -> None:
        self.lists = lists
        self.day = day
        self.held: dict[Name, Held] = {}
        self.acts: dict[tuple[str, str], list[Held]] = {}
        self.unread: tuple[str, ...] = ()
        self.pointed: str = ""
        self.arrived: dict[str, int] = {}


class PersonLists:
    """The lists of the people whom one node knows. `checkers` are a site's own beside those that ship."""

    def __init__(self, node: "Node", terms: Terms | None = None, checkers: Sequence[Checker] = ()) -> None:
        self._node = node
        self._terms = terms
        self._checkers = (LabelChecker(), *checkers)
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    @property
    def terms(self) -> Terms:
        """The terminology; the one that ships, read when it is first needed, where no other was given."""
        if self._terms is None:
            from medrec.node.terminology.shipped import shipped

            self._terms = shipped()
        return self._terms

    def of(self, account: str) -> Shown:
        """The lists of a person as they are now. Raises StoreError, VaultError."""
        copies = self._kept_copies(account)
        found = list(self._copies(account, copies) if self._node.agent is not None else self._own(account))
        acts = self._node.acts.of(account)
        past = reviews.past(self._node, account, acts)
        with self._lock:
            kept = self._up_to_date(account, found)
            self._with_acts(kept, acts)
            shown = self._shown(kept, acts, past)
        return shown._replace(in_part=tuple(sorted(f"{one.type}/{one.id}" for one in copies if one.in_part)))

    def of_kinds(self, account: str, types: Sequence[str]) -> Shown:
        """The lists as they follow from records of some types alone, without a trace of the others: what people said
        about lines that are not here is left out, too. Nothing of it is kept. Raises StoreError, VaultError.
        """
        shown, _ = self.of_kinds_held(account, types)
        return shown

    def of_kinds_held(self, account: str, types: Sequence[str]) -> tuple[Shown, list[Held]]:
        """The same with the records behind it."""
        copies = self._kept_copies(account)
        every = list(self._copies(account, copies) if self._node.agent is not None else self._own(account))
        found = [source for source in every if source.type in types]
        # A medicine that one of these points at is what this one says; one that others point at is no part of it.
        now = self._node.clock()
        named = {(source.organisation, name) for source in found for name in medications_of(source.content)}
        pointers = Pointers(every, self.terms, now, self._node.directory.servers)
        named |= {(one.organisation, one.id) for source in found if (one := pointers.medicine(source)) is not None}
        found += [
            source
            for source in every
            if source.type == "Medication" and "Medication" not in types and (source.organisation, source.id) in named
        ]
        kept = _Kept(Lists(self.terms, now), now // DAY_MS)
        self._exchange(kept, found, now)
        return self._shown(kept, [], reviews.NOTHING), kept.lists.held()

    def with_received(self, account: str, pages: Iterable[Page]) -> Shown:
        """The lists of a person at an organisation, of its own records and of what it was just given of others.

        Nothing of it is kept. What was given under somebody else's name is merged with nothing, and named. Raises
        StoreError, VaultError.
        """
        strange = strangers(given := list(pages), self._who(account))
        pages = [page for page in given if page.source not in strange]
        found = [*self._own(account), *(source for page in pages for source in received(page))]
        acts = self._node.acts.of(account)
        now = self._node.clock()
        kept = _Kept(Lists(self.terms, now), now // DAY_MS)
        self._exchange(kept, found, now)
        self._with_acts(kept, acts)
        parts = tuple(sorted(f"{one.type}/{one.id}" for page in pages for one in page.parts))
        shown = self._shown(kept, acts, reviews.past(self._node, account, acts))
        return shown._replace(in_part=parts, strangers=strange)

    def _who(self, account: str) -> Demographics:
        """Who a person is, as was confirmed here."""
        node = self._node
        with node.store.read() as connection:
            person = node.journal.person_of_account(connection, account)
            known = holding.known(connection, node.vault, person.id) if person is not None else None
        return known or Demographics()

    def held(self, account: str) -> list[Held]:
        """Every record behind a person's lists. Raises StoreError, VaultError."""
        self.of(account)
        with self._lock:
            kept = self._kept.get(account)
            return kept.lists.held() if kept is not None else []

    def tags(self, account: str) -> dict[str, str]:
        """As `proofs`, the tags alone."""
        return {manifest: tag for manifest, (tag, _) in self.proofs(account).items()}

    def proofs(self, account: str) -> dict[str, tuple[str, str]]:
        """At an agent, by the hash of its manifest (hex): the tag (hex) of what proves each record version and act and
        who told it, and of each medicine pointed at, which alone of what is nobody's comes along, told by none ("")."""
        lines = told(self._node, account, "record/1", "list-act/1")
        found = {hashlib.sha256(line.data).hexdigest(): (line.tag.hex(), line.organisation) for line in lines}
        copies = [(copy.tag.hex(), copy.signed) for copy in self._kept_copies(account, "Medication")]
        return found | {signed.digest.hex(): (tag, "") for tag, signed in copies if signed is not None}

    def forget(self, account: str) -> None:
        """Remember nothing of a person."""
        with self._lock:
            self._kept.pop(account, None)

    def _up_to_date(self, account: str, found: list[Source]) -> _Kept:
        now = self._node.clock()
        kept = self._kept.get(account)
        if kept is None or kept.day != now // DAY_MS:
            if len(self._kept) >= PEOPLE_REMEMBERED_MAX:
                self._kept.clear()
            kept = self._kept[account] = _Kept(Lists(self.terms, now), now // DAY_MS)
        self._exchange(kept, found, now)
        return kept

    def _exchange(self, kept: _Kept, found: list[Source], now: int) -> None:
        """Put in what is new or other, take out what is gone; only that is read and reconciled anew."""
        # A medicine or a birth date that others point at changes what these mean: then all is read again.
        pointed = hashlib.sha256(
            b"".join(sorted(source.manifest for source in found if source.type in ("Medication", "Patient")))
        ).hexdigest()
        if pointed != kept.pointed:
            for old in kept.held.values():
                kept.lists.drop(old)
            kept.held.clear()
            kept.pointed = pointed
        kept.arrived = {source.manifest.hex(): source.arrived for source in found if source.arrived}
        names = {(source.organisation, source.type, source.id): source for source in found}
        for name in [name for name in kept.held if name not in names]:
            kept.lists.drop(kept.held.pop(name))
        unread = []
        pointers: Pointers[Source] | None = None
        for name, source in names.items():
            before = kept.held.get(name)
            if before is not None and before.manifest == source.manifest.hex():
                continue
            if pointers is None:
                pointers = Pointers(found, self.terms, now, self._node.directory.servers)
            held = held_of(source, pointers)
            if before is not None:
                kept.lists.drop(kept.held.pop(name))
            if held is None:
                unread.append(f"{source.type}/{source.id}")
                continue
            kept.held[name] = held
            kept.lists.put(held)
        kept.unread = tuple(sorted(unread))

    def _with_acts(self, kept: _Kept, acts: list[KeptAct]) -> None:
        for act in acts:
            if act.name not in kept.acts:
                kept.acts[act.name] = said(act.act, act.manifest.hex(), act.time, self.terms)
                for held in kept.acts[act.name]:
                    kept.lists.put(held)
        known = {act.name for act in acts}
        for gone in [name for name in kept.acts if name not in known]:
            for held in kept.acts.pop(gone):
                kept.lists.drop(held)

    def _shown(self, kept: _Kept, acts: list[KeptAct], past: reviews.Past) -> Shown:
        read, review = kept.lists.read(), past.review
        # What she puts away at her own page is still told to whoever treats her, and the other way round.
        side = "" if self._node.agent is not None else self._node.organisation
        away = {act.act.notice: act for act in acts if act.act.notice is not None and act.act.organisation == side}
        every, put_away = [], []
        for notice in notices(read, self.terms, self._checkers):
            act = away.get(notice.id) or reviews.put_away(notice, read.rows, past.away)
            if act is None:
                every.append(notice)
            else:
                put_away.append((notice, act))
        new: dict[str, int] = {}
        if review is not None:
            new = reviews.since(review, read.rows, kept.arrived)
        reviewed = review.kept if review is not None else None
        return Shown(read, every, acts, reviewed, new, kept.unread, put_away=tuple(put_away))

    def _kept_copies(self, account: str, kind: str = "") -> list[Copy]:
        """What the agent keeps of a person, or of one type of it; nothing at any other node."""
        node = self._node
        return node.copies.all(account, kind) if node.agent is not None and node.copies is not None else []

    def _copies(self, account: str, copies: list[Copy]) -> Iterable[Source]:
        """These copies with the lines that prove them."""
        node = self._node
        lines, first = self._lines(account)
        # What may be another person's is merged with nothing, also what was read before that was known.
        for copy in not_hers.hers(node, account, copies):
            # Nobody's record is told to nobody: what proves it came with the record that points at it.
            line = lines.get(copy.tag) or (copy.signed.line if copy.signed is not None else None)
            if line is not None:
                own = copy.organisation == node.organisation
                digest, version, time, heard = line
                name, arrived = (copy.organisation, copy.type, copy.id), max(heard, copy.arrived)
                yield Source(*name, version, copy.content, digest, time, own, arrived, first.get((name, version)))

    def _lines(self, account: str) -> tuple[dict[bytes, tuple[bytes, int, int, int]], dict[Any, int]]:
        """Tag -> SHA-256 of the manifest, version, time, and when it was told, of every record line that this person
        was told of; and when what each version says was first signed (sources.first_signed)."""
        lines, versions = {}, []
        for line in told(self._node, account, "record/1"):
            if isinstance(line.manifest, RecordManifest):
                said = line.manifest.record
                lines[line.tag] = (hashlib.sha256(line.data).digest(), said.version, line.time, line.received)
                versions.append(Version((line.organisation, said.type, said.id), said.version, said.sha256, line.time))
        return lines, first_signed(versions)

    def _own(self, account: str) -> Iterable[Source]:
        """This organisation's own records of a person, each as it was signed; what differs from that is left out."""
        node = self._node
        record = store.record.c
        with node.store.read() as connection:
            person = node.journal.person_of_account(connection, account)
            if person is None or holding.holds(connection, person.id):
                return
            rows = connection.execute(
                _STANDING.where(
                    record.person == person.id,
                    # What contradicts her is merged with nothing.
                    holding.holds_one(record.type, record.id),
                )
            ).all()
            first = self._first_signed(connection, person.id)
        named: dict[str, None] = {}
        identified: dict[str, None] = {}
        for row in rows:
            source = self._as_signed(row)
            if source is not None:
                source = source._replace(first=first.get((source[:3], row.version)))
                named |= dict.fromkeys(medications_of(source.content))
                identified |= dict.fromkeys(filter(None, [identifier_of(source.content)]))
                yield source
        # A medicine of the pharmacy's own list is nobody's record: it is read beside those that point at it.
        there = {row.id for row in rows if row.type == "Medication"}
        # Which of them has an identifier is not known before they are read.
        for row in self._medications(None if identified else [name for name in named if name not in there]):
            source = self._as_signed(row) if row.id not in there else None
            if source is not None and (row.id in named or not identified.keys().isdisjoint(called(source.content))):
                yield source

    def _first_signed(self, connection: sql.Connection, person: int) -> dict[Any, int]:
        """Of the records of a person that have more versions than one, when what each says was first signed here."""
        record, version, manifest = store.record.c, store.version.c, store.manifest.c
        rows = connection.execute(
            sql.select(version.type, version.id, version.version, version.sha256, store.line.c.time)
            .join_from(store.record, store.version, (version.type == record.type) & (version.id == record.id))
            .join(store.manifest, manifest.hash == version.manifest)
            .join(store.line, store.line.c.seq == manifest.seq)
            .where(record.person == person, record.version > 1)
        ).all()
        place = self._node.organisation
        return first_signed(
            Version((place, row.type, row.id), row.version, row.sha256 and bytes(row.sha256).hex(), row.time)
            for row in rows
        )

    def _as_signed(self, row: Any) -> Source | None:
        """A record of this organisation, if its source still holds what was signed."""
        node = self._node
        raw = node.source.read(row.type, row.id)
        try:
            content = canonical(raw) if raw is not None else None
        except RecordError:
            return None
        if content is None or content.sha256 != bytes(row.sha256):
            return None
        return Source(node.organisation, row.type, row.id, row.version, content.data, bytes(row.manifest), row.time)

    def _medications(self, names: list[str] | None) -> list[Any]:
        """The Medications of these ids that are nobody's record; all of them for None."""
        record = store.record.c
        nobodys = _STANDING.where(record.type == "Medication", record.person.is_(None))
        found: list[Any] = []
        with self._node.store.read() as connection:
            if names is None:
                return list(connection.execute(nobodys).all())
            for at in range(0, len(names), IN_MAX):
                found += connection.execute(nobodys.where(record.id.in_(names[at : at + IN_MAX]))).all()
        return found


def subject_of(row: MedicineRow) -> Subject:
    """A row as an act speaks of it."""
    form = next((variant.form for variant in row.variants if variant.form), "")
    return Subject(row.key[:400], row.name[:200] or row.key[:200], list(row.ingredients), form, row.site)


_AGAINST = {
    "not-taking": {"taken"},
    "stopped": {"taken"},
    "like-this": {"taken", "stopped"},
    "changed": {"taken", "stopped"},
    "also-taking": {"stopped"},
}


def against(row: MedicineRow, kind: str) -> list[Against]:
    """The records in a row that an act of this kind contradicts: those that say it is taken, or taken otherwise, and
    those that say it is over where no source calls it taken."""
    says = _AGAINST.get(kind, set()) - ({"stopped"} if row.status == "active" else set())
    lines = [line for line in row.lines if line.author == "record" and line.says in says and line.source != PATIENT]
    # Of many, what is in force first, and something of each source before more of any.
    turn: dict[tuple[str, bool], int] = {}
    found = []
    for line in lines:
        rank = turn[line.source, line.outdone] = turn.get((line.source, line.outdone), 0) + 1
        found.append((line.outdone, rank, Against(line.source, line.type, line.id, line.manifest)))
    return [one for _, _, one in sorted(found, key=lambda each: each[:2])[:OPENED_MAX]]
