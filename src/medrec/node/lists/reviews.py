"""The last time that somebody went through a person's list, and what has come since; what was put away by whom.

What is new for the clinicians of an organisation is what the list that one of them went through did not hold: a record
that came late, or that she let them have later, is new to them however long ago its source signed it. What another
organisation's clinician went through says nothing of what they have seen. At the person's agent it is what no review
was of, by what its place told, or what reached the agent, with what it says, only after that.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sql

from medrec.core import codec
from medrec.core.manifests.access import DisclosureManifest
from medrec.core.manifests.acts import Act
from medrec.core.reconcile.held import Line
from medrec.core.reconcile.lists import Row
from medrec.core.reconcile.notices import Notice
from medrec.core.reconcile.said import manifest_of
from medrec.node.agent.told import told
from medrec.node.keeping.journal import Person
from medrec.node.keeping.vault import VaultError
from medrec.node.lists.acts_kept import KeptAct, list_put_away, list_seen
from medrec.node.lists.marks import apart, mark

if TYPE_CHECKING:
    from medrec.node.node import Node

BOUND = b"list seen"


class Seen(NamedTuple):
    """At an agent: of every review of which its own place told what it was of, the time (ms) and the marks of the
    lines; when the clinicians of each place last went through the list without a word on what it held; and when these
    were last given a record before that, by source, type, id and organisation."""

    told: Sequence[tuple[int, frozenset[bytes]]]
    reviews: Mapping[str, int]
    given: Mapping[tuple[str, str, str, str], int]

    def covers(self, line: Line, came: int) -> bool:
        """Whether somebody went through a line that had come (ms)."""
        name, known = (line.source, line.type, line.id), mark(line)
        if any(came <= time and known in seen for time, seen in self.told):
            return True
        return any(
            came <= time and (line.source == place or line.signed <= self.given.get((*name, place), -1))
            for place, time in self.reviews.items()
        )


class Review(NamedTuple):
    """The last review that counts here, and the marks of the lines that its list held (None: they are not known); at an
    agent, who saw what. `own`: the manifests (hex) of all that was said in it, of each medicine by itself."""

    kept: KeptAct
    seen: frozenset[bytes] | None
    places: Seen | None = None
    own: frozenset[str] = frozenset()


class PutAway(NamedTuple):
    """A notice that was put away here: the act, the matter (Notice.about), and the marks of what stood behind it."""

    kept: KeptAct
    about: bytes
    seen: frozenset[bytes]


class Past(NamedTuple):
    """What somebody here has done with a list before."""

    review: Review | None
    away: tuple[PutAway, ...]


NOTHING = Past(None, ())


def keep(node: "Node", connection: sql.Connection, person: Person, act: bytes, seen: Sequence[bytes]) -> None:
    """Remember what the list held at a review (the id of its act); inside `Store.write` only."""
    connection.execute(sql.delete(list_seen).where(list_seen.c.account == person.account))
    sealed = node.vault.seal(person.keys.data, codec.encode([act, b"".join(seen)]), BOUND)
    connection.execute(sql.insert(list_seen).values(account=person.account, sealed=sealed))


def behind(notice: Notice, rows: Iterable[Row]) -> list[bytes]:
    """The marks of the lines behind a notice, which are among those of these rows."""
    evidence = set(notice.evidence)
    return sorted({mark(line) for row in rows for line in row.lines if line.manifest in evidence})


def keep_away(
    node: "Node", connection: sql.Connection, person: Person, act: bytes, about: bytes, seen: Sequence[bytes]
) -> None:
    """Remember what stood behind a notice that is put away (the id of the act); inside `Store.write` only."""
    sealed = node.vault.seal(person.keys.data, codec.encode([about, b"".join(seen)]), act)
    connection.execute(sql.insert(list_put_away).values(id=act, account=person.account, sealed=sealed))


def past(node: "Node", account: str, acts: Sequence[KeptAct]) -> Past:
    """What somebody here has done with a person's list, of all acts on it. Raises StoreError, VaultError."""
    ours = [kept for kept in acts if kept.act.kind == "dismissed" and kept.act.organisation == node.organisation]
    by_id = {bytes.fromhex(kept.act.id): kept for kept in ours}
    away = []
    if by_id:
        with node.store.read() as connection:
            person = node.journal.person_of_account(connection, account)
            rows = connection.execute(sql.select(list_put_away).where(list_put_away.c.account == account)).all()
        for row in rows if person is not None else ():
            assert person is not None
            # What does not open was kept under a link that is over; nothing of it counts.
            with suppress(VaultError):
                about, seen = codec.decode(node.vault.open(person.keys.data, bytes(row.sealed), bytes(row.id)))
                if bytes(row.id) in by_id:
                    away.append(PutAway(by_id[bytes(row.id)], about, apart(seen)))
    return Past(last(node, account, acts), tuple(away))


def put_away(notice: Notice, rows: Iterable[Row], away: Iterable[PutAway]) -> KeptAct | None:
    """The act by which a matter was put away when no less was behind it than is now; None if there is none."""
    held = behind(notice, rows)
    about = bytes.fromhex(notice.about)
    return next((one.kept for one in away if one.about == about and one.seen.issuperset(held)), None)


def last(node: "Node", account: str, acts: Sequence[KeptAct]) -> Review | None:
    """The last review here, of all acts on a person's list, oldest first. Raises StoreError, VaultError."""
    every = [kept for kept in acts if kept.act.kind == "reviewed"]
    if node.agent is not None:
        if not every:
            return None
        return Review(every[-1], None, _seen(node, account, every), _manifests(_together(every)))
    ours = _together([kept for kept in every if kept.act.organisation == node.organisation])
    if not ours:
        return None
    found = Review(ours[-1], None, None, _manifests(ours))
    with node.store.read() as connection:
        person = node.journal.person_of_account(connection, account)
        row = connection.execute(sql.select(list_seen.c.sealed).where(list_seen.c.account == account)).first()
    if person is None or row is None:
        return found
    with suppress(VaultError):
        act, seen = codec.decode(node.vault.open(person.keys.data, bytes(row.sealed), BOUND))
        if any(act.hex() == kept.act.id for kept in ours):
            return found._replace(seen=apart(seen))
    return found


def _together(reviewed: Sequence[KeptAct]) -> list[KeptAct]:
    """Of reviews, oldest first, what was said in the last: what one clinician said at the same instant."""
    last_ = reviewed[-1].act if reviewed else None
    return [kept for kept in reviewed if last_ is not None and _instant(kept.act) == _instant(last_)]


def _instant(act: Act) -> tuple[str, str, int]:
    return act.organisation, act.name, act.time


def _manifests(said: Iterable[KeptAct]) -> frozenset[str]:
    return frozenset(kept.manifest.hex() for kept in said)


def _seen(node: "Node", account: str, reviewed: Sequence[KeptAct]) -> Seen:
    """Who went through the list when, and what sources told that they gave it."""
    times: dict[str, int] = {}
    for kept in reviewed:
        if kept.seen is None:
            times[kept.act.organisation] = max(kept.time, times.get(kept.act.organisation, 0))
    given: dict[tuple[str, str, str, str], int] = {}
    for line in told(node, account, "disclosure/1"):
        said = line.manifest
        if not isinstance(said, DisclosureManifest):
            continue
        time = min(said.time, line.received or said.time)
        if time > times.get(said.request.requester, -1):
            continue
        for record in said.records:
            name = (line.organisation, record.type, record.id, said.request.requester)
            given[name] = max(time, given.get(name, 0))
    told_of = [(kept.time, kept.seen) for kept in reviewed if kept.seen]
    return Seen(told_of, times, given)


def since(review: Review, rows: Iterable[Row], arrived: Mapping[str, int]) -> dict[str, int]:
    """How many lines of each row (by its key) are new since a review; `arrived`: when a record version (by its
    manifest, hex) reached this node (ms), where that is known. What the review itself says is not new."""
    time = review.kept.time

    def new(line: Line) -> bool:
        if line.author != "record" and manifest_of(line) in review.own:
            return False
        if review.seen is not None:
            return mark(line) not in review.seen
        came = max(line.signed, arrived.get(line.manifest, 0))
        if line.medicine is not None:
            came = max(came, line.medicine.signed, arrived.get(line.medicine.manifest, 0))
        if review.places is not None and line.author == "record":
            return not review.places.covers(line, came)
        return came > time

    counts: dict[str, int] = {}
    for row in rows:
        counts[row.key] = counts.get(row.key, 0) + sum(map(new, row.lines))
    return {key: count for key, count in counts.items() if count}
