"""The looks at one organisation's records, as its privacy officer goes through them: gathered, ranked, reviewed.

Facts come from the journal, which nobody can thin out, and are kept in memory; after a restart they are read again.
What an officer finds is a line of the journal itself; a look that was wrong is told to the person.
"""

import csv
import io
import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from medrec.core import manifests, state
from medrec.core.manifests.access import DisclosureManifest, RefusalManifest
from medrec.core.manifests.inside import OwnLookManifest
from medrec.core.manifests.review import LookOutcome, LookReviewManifest
from medrec.core.state import Obligation
from medrec.node.account import staff
from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft
from medrec.node.keeping.store import metadata
from medrec.node.keeping.vault import VaultError
from medrec.node.looks import unfit
from medrec.node.looks.looks import EMERGENCY
from medrec.node.looks.unfit import WINDOW_MS, OwnLine
from medrec.node.refusals import Code, Refusal
from medrec.signals.watch import Ranked, Seen, rank

if TYPE_CHECKING:
    from medrec.node.node import Node

DAY_MS = 86_400_000
VISIT_MS = 30 * DAY_MS
VISITS_MAX = 200
STRETCH = 2000
WORDS_LENGTH_MAX = 1000
KINDS = ("disclosure/1", "refusal/1", "own-look/1")
OUTCOMES = ("fine", "asked", "wrong")
COLUMNS = (
    "time", "account", "organisation", "practitioner", "identity", "role", "purpose", "reason", "door", "records",
    "refused", "weight", "reasons", "outcome", "look",
)  # fmt: skip

look_review = Table(
    "look_review",
    metadata,
    Column("look", LargeBinary(32), primary_key=True),
    Column("outcome", String(8), nullable=False),
    Column("seq", BigInteger, nullable=False),
)


class Watched(NamedTuple):
    """A ranked look with its manifest, the outcome of the last review ("" if nobody has read it), and the store id of
    whose it is."""

    ranked: Ranked
    statement: DisclosureManifest | RefusalManifest | OwnLookManifest
    outcome: str
    person: int | None


class _Person(NamedTuple):
    """What is compared about a person: her family names, her whole name, and when she had visits (ms)."""

    families: frozenset[str]
    names: frozenset[str]
    visits: tuple[int, ...]


class Watch:
    """The looks at this organisation's records of the last thirty days."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._lock = threading.Lock()
        self._looks: dict[bytes, OwnLine] = {}
        self._read = 0
        self._head = 0
        self._people: dict[int, _Person] = {}
        self._secret = node.vault.random(32)

    def queue(self) -> list[Watched]:
        """All looks of the window, the most urgent first. Raises StoreError, EngineError."""
        node, now = self._node, self._node.clock()
        with self._lock, node.store.read() as connection, node.engine.view() as view:
            self._catch_up(connection, now)
            outcomes = {bytes(row.look): row.outcome for row in connection.execute(sql.select(look_review)).all()}
            colleagues = frozenset(_plain(member.name) for member in staff.members(node) if member.active)
            twice, stopped = unfit.said_twice(self._looks.values()), unfit.stopped(node, view, self._looks.values())
            seen = []
            for line in self._looks.values():
                after = stopped.get(getattr(line.manifest, "obligation", None) or "")
                one = self._seen(connection, view, line, colleagues)
                contradicted = bool(after) or line.digest in twice
                seen.append(one._replace(contradicted=contradicted, stopped=after is False))
            ranked = rank(seen, self._secret)
            found = []
            for item in ranked:
                line = self._looks[item.seen.id]
                found.append(Watched(item, line.manifest, outcomes.get(item.seen.id, ""), line.person))
            return found

    def review(self, look: bytes, outcome: LookOutcome, officer: str, words: str) -> None:
        """Write down what an officer found about a look. Raises Refusal, StoreError."""
        officer, words = " ".join(officer.split()), words.strip()
        if outcome not in OUTCOMES or not officer or len(words) > WORDS_LENGTH_MAX:
            raise Refusal(Code.MALFORMED)
        self._node.store.write(lambda connection: self._review(connection, look, outcome, officer, words))

    def _review(self, connection: sql.Connection, look: bytes, outcome: LookOutcome, officer: str, words: str) -> None:
        node = self._node
        row = connection.execute(
            sql.select(store.manifest.c.person, store.manifest.c.kind).where(store.manifest.c.hash == look)
        ).one_or_none()
        kept = node.journal.manifest(connection, look) if row is not None else None
        if row is None or kept is None or row.kind not in KINDS:
            raise Refusal(Code.UNKNOWN_LOOK)
        account = str(getattr(manifests.decode(kept[1]), "account", ""))
        now = node.clock()
        manifest = LookReviewManifest(
            "look-review/1",
            node.network.hex(),
            node.organisation,
            account,
            now,
            look.hex(),
            outcome,
            officer[:200],
            words,
        )
        # Only what was wrong is told: a notice for each look that was in order would drown the one that was not.
        told = row.person if outcome == "wrong" else None
        summary = [70, now, look] if told is not None else None
        line = node.journal.append(
            connection, [Draft("look-review/1", manifests.encode(manifest), told, None, summary)]
        )[0]
        connection.execute(sql.delete(look_review).where(look_review.c.look == look))
        connection.execute(sql.insert(look_review).values(look=look, outcome=outcome, seq=line.seq))

    def _catch_up(self, connection: sql.Connection, now: int) -> None:
        """Read the lines that came since the last time, and let go of what has left the window.

        After an erasure nothing that was read before is known any more: all that is left is read again.
        """
        column, before = store.line.c, self._head
        self._head = connection.execute(sql.select(sql.func.max(column.seq))).scalar() or 0
        erased = sql.exists().where(column.seq > before, column.kind == "erasure/1")
        if before and connection.execute(sql.select(erased)).scalar():
            self._looks, self._people, self._read = {}, {}, 0
        where = (store.line.c.kind.in_(KINDS), store.line.c.time > now - WINDOW_MS)
        while True:
            rows = connection.execute(
                sql.select(store.line.c.seq, store.line.c.time, store.line.c.manifest, store.manifest.c.person)
                .join_from(store.line, store.manifest, store.manifest.c.hash == store.line.c.manifest)
                .where(store.line.c.seq > self._read, *where)
                .order_by(store.line.c.seq)
                .limit(STRETCH)
            ).all()
            for row in rows:
                self._read = row.seq
                try:
                    kept = self._node.journal.manifest(connection, bytes(row.manifest))
                except VaultError:
                    kept = None  # erased
                if kept is not None:
                    digest = bytes(row.manifest)
                    self._looks[digest] = OwnLine(digest, manifests.decode(kept[1]), row.person, row.time)
            if len(rows) < STRETCH:
                break
        # By the journal's own clock: what a line says of its time, its author says as it likes.
        self._looks = {key: line for key, line in self._looks.items() if line.time > now - WINDOW_MS}

    def _seen(self, connection: sql.Connection, view: Any, line: OwnLine, colleagues: frozenset[str]) -> Seen:
        statement: Any = line.manifest
        request, refused = statement.request, isinstance(statement, RefusalManifest)
        known = self._person(connection, line.person)
        name = _plain(request.practitioner)
        half = ""
        if isinstance(statement, DisclosureManifest):
            key = state.obligation_key(statement.organisation, bytes.fromhex(statement.obligation))
            obligation = state.read(view, key, Obligation)
            half = "waiting" if obligation is None else obligation.status
        visit = None
        # A visit here says something about our own people only; others see her in their own houses.
        if known.visits and request.requester == self._node.organisation:
            visit = any(abs(time - statement.time) <= VISIT_MS for time in known.visits)
        return Seen(
            id=line.digest,
            time=statement.time,
            person=statement.account,
            who=f"{request.vouched_by(statement.organisation)}/{request.identity or request.practitioner}",
            hour=datetime.fromtimestamp(statement.time // 1000, UTC).hour,
            reason=request.reason,
            machine=request.machine,
            refused=refused,
            emergency=request.purpose in EMERGENCY,
            disputed=self._node.disputes.stops(statement.account, request.requester),
            half=half,
            family_name=bool(name) and not known.families.isdisjoint(name.split()),
            colleague=bool(known.names & colleagues),
            visit=visit,
        )

    def _person(self, connection: sql.Connection, person: int | None) -> _Person:
        """What the organisation's own records say of a person; asked of the source once, then remembered."""
        if person is None:
            return _Person(frozenset(), frozenset(), ())
        found = self._people.get(person)
        if found is None:
            column = store.record.c
            rows = connection.execute(
                sql.select(column.type, column.id)
                .where(column.person == person, column.type.in_(("Patient", "Encounter")), column.action != "delete")
                .order_by(column.type.desc(), column.id)
                .limit(VISITS_MAX)
            ).all()
            found = self._people[person] = _described([self._value(row.type, row.id) for row in rows])
        return found

    def _value(self, kind: str, identifier: str) -> dict[str, Any]:
        try:
            raw = self._node.source.read(kind, identifier)
            value = msgspec.json.decode(raw) if raw is not None else {}
        except (OSError, Refusal, msgspec.DecodeError):
            return {}
        return value if isinstance(value, dict) else {}


def export(queue: Iterable[Watched]) -> bytes:
    """Looks as a CSV file (UTF-8), for an office that works in other programs."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(COLUMNS)
    for item in queue:
        request, statement = item.statement.request, item.statement
        when = datetime.fromtimestamp(statement.time // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        refused = statement.code if isinstance(statement, RefusalManifest) else ""
        records = len(statement.records) if isinstance(statement, DisclosureManifest) else 0
        cells: list[str] = [when, statement.account, request.requester, request.practitioner, request.identity]
        cells += [request.role, request.purpose, request.reason, request.door]
        ranked = item.ranked
        rest = (records, refused, ranked.weight, " ".join(ranked.reasons), item.outcome, ranked.seen.id.hex())
        table.writerow([*map(_cell, cells), *rest])
    return out.getvalue().encode()


def _described(values: list[dict[str, Any]]) -> _Person:
    families, names, visits = set(), set(), []
    for value in values:
        if value.get("resourceType") == "Patient":
            for name in value.get("name") or ():
                if isinstance(name, dict):
                    family, given = _plain(str(name.get("family", ""))), name.get("given") or ()
                    families |= {part for part in family.split() if len(part) > 2}
                    names.add(_plain(" ".join(str(part) for part in (*given[:1], family))))
        else:
            period = value.get("period")
            visits.append(_day(str(period.get("start", ""))) if isinstance(period, dict) else None)
    return _Person(frozenset(families), frozenset(names), tuple(visit for visit in visits if visit is not None))


def _day(text: str) -> int | None:
    """The first moment of a date's day in ms, None for what is no whole date."""
    try:
        when = datetime.strptime(text[:10], "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    return (when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _plain(name: str) -> str:
    """A name to compare by: small letters, titles and signs left out."""
    kept = "".join(sign if sign.isalpha() else " " for sign in name.casefold())
    return " ".join(part for part in kept.split() if part not in ("dr", "prof", "mr", "mrs", "ms"))


def _cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return "'" + text if text[:1] in "=+-@\t\r" and text else text
