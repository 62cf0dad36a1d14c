"""Releases that come together are computed together, and go into the journal together: one append, one group of
statements, one disk write.

A release is a row of steps (`Steps`), with the writing of its line in between. One thread computes the steps of all
that are there, writes their lines at once, and goes on with each when the write is durable, and not before; the others
wait for their answers. When its own is done, it leaves the rest to the next.
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar

import sqlalchemy as sql

from medrec.core import codec, manifests
from medrec.core.manifests.access import DisclosureManifest
from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft, Journal, Line
from medrec.node.keeping.prepared import Prepared
from medrec.node.keeping.turns import PATIENCE_S, Turn, Turns
from medrec.node.keeping.vault import KEY_BYTES, Vault, seal_field
from medrec.node.release import access

Answer = TypeVar("Answer")

KEPT_AFTER_EXPIRY_MS = 86_400_000
PRUNE_EVERY_MS = 3_600_000
BACK_S = 0.0003
"""How long whoever writes waits first for those who were just answered: many of them ask again at once."""


_INSERT_ASKED = Prepared(sql.insert(access.asked), ("obligation", "requester", "expires", "due", "seq", "status"))


_DISCLOSED = (
    sql.select(store.line)
    .join_from(store.line, access.asked, access.asked.c.seq == store.line.c.seq)
    .where(access.asked.c.obligation == sql.bindparam("wanted"), access.asked.c.due.is_not(None))
)


@lru_cache(store.GROUP_MAX)
def _used(count: int) -> Prepared:
    """Which of so many requests were answered."""
    wanted: list[sql.BindParameter[bytes]] = [sql.bindparam(f"wanted_{place}") for place in range(count)]
    return Prepared(sql.select(access.asked.c.obligation).where(access.asked.c.obligation.in_(wanted)), plain=True)


class Answered(NamedTuple):
    """The request that a line answers: its obligation, who asked, until when, and when the other half is due (None
    for a refusal)."""

    obligation: bytes
    requester: str
    expires: int
    due: int | None


class UsedError(Exception):
    """The request was answered before; nothing was written."""


class Entry(NamedTuple):
    """What is to become a line, and the request that it answers."""

    draft: Draft
    answered: Answered | None


Steps = Generator[Entry, Line, Answer]
"""Computes until an entry has to be written, is given the line once it is durable, and goes on. UsedError and
StoreError are thrown in: then nothing of the entry was written."""


class _Work(Generic[Answer]):
    """What one thread waits for, whichever thread computes it."""

    def __init__(self, steps: Steps[Answer]) -> None:
        self._steps = steps
        self._answer: list[Answer] = []
        self._failure: BaseException | None = None
        self.over = False
        self.entry: Entry | None = None
        self.written: Line | BaseException | None = None
        self.told: queue.SimpleQueue[None] = queue.SimpleQueue()

    def step(self) -> None:
        """Compute until there is an entry to write, or the end."""
        written, self.written = self.written, None
        try:
            if isinstance(written, BaseException):
                self.entry = self._steps.throw(written)
            else:
                # The first step is given nothing.
                self.entry = self._steps.send(written)  # type: ignore[arg-type]
        except StopIteration as end:
            self._answer.append(end.value)
            self.over = True
        except BaseException as error:
            self._failure = error
            self.over = True

    def result(self) -> Answer:
        """What came of it."""
        if self._failure is not None:
            raise self._failure
        return self._answer[0]


class Gathering:
    """Goes through the steps of many threads' releases, and appends their lines together."""

    def __init__(self, journal: Journal, turns: Turns) -> None:
        self._journal = journal
        self._turns = turns
        self._ready: deque[_Work[Any]] = deque()
        self._unwritten: deque[_Work[Any]] = deque()
        self._here = threading.local()
        self._answered = False
        self._pruned = 0

    def run(self, steps: Steps[Answer]) -> Answer:
        """Go through these steps, those of others in between; what comes of them."""
        mine = _Work(steps)
        self._ready.append(mine)
        while not mine.over:
            turn = self._turns.take()
            if turn is not None:
                self._lead(turn, mine)
            if not mine.over:
                with suppress(queue.Empty):
                    mine.told.get(timeout=PATIENCE_S)
        return mine.result()

    def let_go(self) -> None:
        """What this thread waits for next takes long: another may have its turn, if it has one."""
        turn: Turn | None = getattr(self._here, "turn", None)
        if turn is not None:
            self._here.turn = None
            self._hand_on(turn)

    def write(self, draft: Draft, answered: Answered | None) -> Steps[Line]:
        """The draft's line, once it is durable. Raises UsedError and StoreError."""
        return (yield Entry(draft, answered))

    def _lead(self, turn: Turn, mine: _Work[Any]) -> None:
        """Compute for all: those that came and those whose line is written, then write together; until one's own is
        over, or another thread has the turn."""
        self._here.turn = turn
        try:
            while not mine.over and self._turns.goes_on(turn):
                if self._ready:
                    self._compute(turn)
                elif self._answered:
                    self._answered = False
                    time.sleep(BACK_S)
                elif self._unwritten:
                    self._write()
                else:
                    # One's own is in the hands of another.
                    return
        finally:
            self._here.turn = None
            self._hand_on(turn)

    def _hand_on(self, turn: Turn) -> None:
        self._turns.give(turn)
        for work in ([*self._ready] or [*self._unwritten])[:1]:
            work.told.put(None)

    def _compute(self, turn: Turn) -> None:
        over = []
        # Those that come meanwhile come next.
        for _ in range(len(self._ready)):
            work = _first(self._ready)
            if work is None:
                break
            work.step()
            if work.over:
                over.append(work)
            else:
                self._unwritten.append(work)
            if not self._turns.goes_on(turn):
                break
        # Told at the end: threads that wake up in between would interrupt the rest.
        for work in over:
            work.told.put(None)
        # Who is alone waits for nobody.
        self._answered = self._answered or len(over) > 1

    def _write(self) -> None:
        group: list[_Work[Any]] = []
        while (work := _first(self._unwritten)) is not None:
            group.append(work)
        entries = [work.entry for work in group if work.entry is not None]
        try:
            # The writer runs it a second time, alone, if another closure spoiled the first: the same lines then.
            lines = self._journal.store.write(lambda connection: self._append(connection, entries))
        except BaseException as error:
            for work in group:
                work.written = error
        else:
            for work, line in zip(group, lines, strict=True):
                work.written = UsedError() if line is None else line
        self._ready.extend(group)
        for work in [*self._ready][1 : 1 + self._turns.free]:
            work.told.put(None)

    @staticmethod
    def use(connection: sql.Connection, answered: Answered) -> None:
        """Mark a request as answered without a line of its own. Raises UsedError. Inside `Store.write` only."""
        if _answered(connection, [answered.obligation]):
            raise UsedError
        _INSERT_ASKED.run(connection, [{**answered._asdict(), "seq": 0, "status": "refused"}])

    def disclosed(self, obligation: bytes) -> tuple[Line, DisclosureManifest] | None:
        """The disclosure that stands in the journal under an obligation; None if there is none."""
        with self._journal.store.read() as connection:
            row = connection.execute(_DISCLOSED, {"wanted": obligation}).one_or_none()
            opened = None if row is None else self._journal.manifest(connection, bytes(row.manifest))
        if row is None or opened is None:
            return None
        salt, data = opened
        stated = manifests.decode(data)
        assert isinstance(stated, DisclosureManifest)
        return Line(row.seq, row.time, bytes(row.hash), bytes(row.entry), data, salt), stated

    def _append(self, connection: sql.Connection, group: Sequence[Entry]) -> list[Line | None]:
        used = _answered(connection, [one.answered.obligation for one in group if one.answered is not None])
        drafts: list[Draft] = []
        places: list[int] = []
        for place, (draft, answered) in enumerate(group):
            if answered is not None:
                if answered.obligation in used:
                    continue
                used.add(answered.obligation)
            drafts.append(draft)
            places.append(place)
        answers: list[Line | None] = [None] * len(group)
        rows: list[dict[str, Any]] = []
        for place, line in zip(places, self._journal.append(connection, drafts), strict=True):
            answers[place] = line
            answered = group[place].answered
            if answered is not None:
                status = "refused" if answered.due is None else "open"
                rows.append({**answered._asdict(), "seq": line.seq, "status": status})
        if rows:
            _INSERT_ASKED.run(connection, rows)
        self._prune(connection)
        return answers

    def _prune(self, connection: sql.Connection) -> None:
        """Forget requests that have run out a day ago and left nothing open; expiry refuses them from then on."""
        now = self._journal.now()
        if now - self._pruned < PRUNE_EVERY_MS:
            return
        self._pruned = now
        column = access.asked.c
        connection.execute(
            sql.delete(access.asked).where(column.expires < now - KEPT_AFTER_EXPIRY_MS, column.status != "open")
        )


def _first(waiting: deque[_Work[Any]]) -> _Work[Any] | None:
    try:
        return waiting.popleft()
    except IndexError:
        return None


def _answered(connection: sql.Connection, wanted: Sequence[bytes]) -> set[bytes]:
    """Those of these obligations whose request was answered."""
    found: set[bytes] = set()
    for first in range(0, len(wanted), store.GROUP_MAX):
        some = wanted[first : first + store.GROUP_MAX]
        rows = _used(len(some)).all(connection, {f"wanted_{place}": one for place, one in enumerate(some)})
        found.update(bytes(obligation) for (obligation,) in rows)
    return found


def noise(vault: Vault, summary: list[Any]) -> bytes:
    """A sealed field that nobody can open, as long as the real one would be."""
    return seal_field(vault.random(KEY_BYTES), 0, codec.encode(summary))
