"""Releases that come together go into the journal together: one append, one group of statements, one disk write.

Whoever comes first hands a closure to the store's writer; whoever comes before that closure runs rides along. Each
gets its own answer when the write is durable, and none before.
"""

import threading
from concurrent.futures import Future
from typing import NamedTuple

import sqlalchemy as sql

from medrec.core import manifests
from medrec.core.manifests.access import DisclosureManifest
from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft, Journal, Line, PersonGoneError
from medrec.node.keeping.prepared import Among, Prepared
from medrec.node.keeping.turns import Place, Turns
from medrec.node.refusals import Code, Refusal
from medrec.node.release import access, refused_often
from medrec.node.release.refused_often import About

KEPT_AFTER_EXPIRY_MS = 86_400_000
PRUNE_EVERY_MS = 3_600_000


_INSERT_ASKED = Prepared(sql.insert(access.asked), ("obligation", "requester", "expires", "due", "seq", "status"))
_ASKED = Among(access.asked.c.obligation)
"""Which requests were answered, by their obligations."""
_DISCLOSED = (
    sql.select(store.line)
    .join_from(store.line, access.asked, access.asked.c.seq == store.line.c.seq)
    .where(access.asked.c.obligation == sql.bindparam("wanted"), access.asked.c.due.is_not(None))
)


class Answered(NamedTuple):
    """The request that a line answers: its obligation, who asked, until when, and when the other half is due (None
    for a refusal)."""

    obligation: bytes
    requester: str
    expires: int
    due: int | None


COUNTED = Line(0, 0, b"", b"", b"", b"")
"""What stands for the line of a refusal that was counted and has none (refused_often)."""


class UsedError(Exception):
    """The request was answered before; nothing was written."""


class _Waiting:
    """Who waits for a line: its draft, the request that it answers, of a refusal whom it refuses what about whom, and
    then the line, or why there is none."""

    def __init__(self, draft: Draft, answered: Answered | None, refused: About | None) -> None:
        self.draft = draft
        self.answered = answered
        self.refused = refused
        self.place = Place()
        self.line: Line | None = None
        self.error: BaseException | None = None


class Gathering:
    """Appends lines for many threads at once."""

    def __init__(self, journal: Journal, turns: Turns) -> None:
        self._journal = journal
        self._turns = turns
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._led = False
        self._pruned = 0

    def write(self, draft: Draft, answered: Answered | None, refused: About | None = None) -> Line:
        """The draft's line, once it is durable; COUNTED for one of many refusals of the same. Raises UsedError,
        StoreError, and Refusal if the person was erased meanwhile; then nothing of it was written."""
        with self._turns.one():
            mine = _Waiting(draft, answered, refused)
            with self._lock:
                self._waiting.append(mine)
                first, self._led = not self._led, True
            if first:
                self._hand_over([])
            self._turns.wait(mine.place)
            if mine.error is not None:
                raise mine.error
            if mine.line is None:
                raise UsedError
            return mine.line

    @staticmethod
    def use(connection: sql.Connection, answered: Answered) -> None:
        """Mark a request as answered without a line of its own. Raises UsedError. Inside `Store.write` only."""
        if _ASKED.found(connection, [answered.obligation]):
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

    def _hand_over(self, group: list[_Waiting]) -> None:
        """Let the store's writer append the lines of a group; of an empty one, those of all who wait by then."""

        def closure(connection: sql.Connection) -> list[Line | None]:
            # The writer runs it a second time, alone, if another closure spoiled the first: the same lines then.
            self._take(group)
            return self._append(connection, group)

        try:
            written = self._journal.store.submit(closure)
        except BaseException as error:
            written = Future()
            written.set_exception(error)
        written.add_done_callback(lambda done: self._tell(group, done))

    def _tell(self, group: list[_Waiting], written: "Future[list[Line | None]]") -> None:
        """Give everybody of a group the line, or the reason why there is none; in the writer's thread."""
        self._take(group)
        error = written.exception()
        if error is not None and not isinstance(error, store.StoreError) and len(group) > 1:
            # One of them cannot be appended, by an erasure in between for one: only that one is lost.
            for waiting in group:
                self._hand_over([waiting])
            return
        lines = written.result() if error is None else [None] * len(group)
        for waiting, line in zip(group, lines, strict=True):
            waiting.line = line
            waiting.error = _told(error)
            self._turns.call(waiting.place)

    def _take(self, group: list[_Waiting]) -> None:
        if group:
            return
        with self._lock:
            group.extend(self._waiting)
            self._waiting.clear()
            self._led = False

    def _append(self, connection: sql.Connection, group: list[_Waiting]) -> list[Line | None]:
        used = _ASKED.found(connection, [one.answered.obligation for one in group if one.answered is not None])
        ended: list[Draft] = []
        drafts: list[Draft] = []
        places: list[int] = []
        answers: list[Line | None] = [None] * len(group)
        for place, waiting in enumerate(group):
            if waiting.answered is not None:
                if waiting.answered.obligation in used:
                    continue
                used.add(waiting.answered.obligation)
            if waiting.refused is not None:
                ended += refused_often.over(self._journal, connection, waiting.refused)
                if refused_often.counted(self._journal, connection, waiting.refused, waiting.draft):
                    answers[place] = COUNTED
                    continue
            drafts.append(waiting.draft)
            places.append(place)
        # Also where nothing is written: whether anything may be, it asks first.
        lines = self._journal.append(connection, [*ended, *drafts])[len(ended) :]
        for place, line in zip(places, lines, strict=True):
            answers[place] = line
        rows = [
            {
                **waiting.answered._asdict(),
                "seq": line.seq,
                "status": "refused" if waiting.answered.due is None else "open",
            }
            for waiting, line in zip(group, answers, strict=True)
            if waiting.answered is not None and line is not None
        ]
        if rows:
            _INSERT_ASKED.run(connection, rows)
        self._prune(connection)
        return answers

    def _prune(self, connection: sql.Connection) -> None:
        """Forget requests that have run out a day ago and left nothing open; what was let out stays used by its
        obligation, which the journal never makes again."""
        now = self._journal.now()
        if now - self._pruned < PRUNE_EVERY_MS:
            return
        self._pruned = now
        column = access.asked.c
        connection.execute(
            sql.delete(access.asked).where(column.expires < now - KEPT_AFTER_EXPIRY_MS, column.status != "open")
        )


def _told(error: BaseException | None) -> BaseException | None:
    """Why there is no line, as whoever waits for it hears it."""
    if isinstance(error, PersonGoneError):
        return Refusal(Code.UNKNOWN_PERSON)
    if isinstance(error, Refusal) and error.reason is Code.REQUEST_REPLAYED:
        # What it asks of the requester was asked before, when this room had forgotten the request already.
        return UsedError()
    return error
