"""How far behind a node is, in numbers: what waits to be signed onto the ledger, what waits to be told, and how old the
newest block is that it has seen. A clinic on a weak link is behind for days and loses nothing; it must show.

The numbers name nobody. Peers ask for them with a signed call; whoever wants to watch a node from outside finds them
under /standing. An agent keeps what it heard last of each organisation that its people are linked to, and since when
it has heard nothing.
"""

from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sql

from medrec.core import codec
from medrec.engines.engine import EngineError
from medrec.node.keeping import store
from medrec.node.ledger.sight import STANDING_PATH
from medrec.node.ledger.split_views import get_setting, set_setting
from medrec.node.peers.peers import PeerError

if TYPE_CHECKING:
    from medrec.node.agent.agent import Notice
    from medrec.node.node import Node

ASK_EVERY_MS = 60_000
FRESH_MS = 5 * 60_000
"""A node whose oldest waiting line is younger than this is not called behind."""

Natural = int


class Standing(msgspec.Struct, frozen=True):
    """Where a node stands. Times are milliseconds by its own clock, None where nothing waits.

    `lines` and `anchored` are the last line of its journal and the last one on the ledger; `waiting_since` the time of
    the oldest line between; `notices` how many notices wait to be delivered, `notices_since` the time of the oldest;
    `height` and `block_time` the newest block it has seen; `unseen_since` since when it has not seen what the other
    members write, once that is longer than the merge delay.
    """

    organisation: str
    time: Natural
    lines: Natural
    anchored: Natural
    waiting_since: Natural | None
    notices: Natural
    notices_since: Natural | None
    height: Natural
    block_time: Natural
    unseen_since: Natural | None = None

    @property
    def waiting(self) -> int:
        """How many lines wait to be signed onto the ledger."""
        return self.lines - self.anchored

    def late_ms(self, now: int | None = None) -> int:
        """How old the oldest thing is that waits here, at `now` (the node's own time without it)."""
        since = [moment for moment in (self.waiting_since, self.notices_since) if moment is not None]
        return max(0, (self.time if now is None else now) - min(since)) if since else 0

    @property
    def behind(self) -> bool:
        """Whether something has waited for longer than a moment, or the others' blocks do not come."""
        return self.late_ms() >= FRESH_MS or self.unseen_since is not None

    @property
    def cut_off(self) -> bool:
        """Whether the others' blocks do not come; a node that was just opened is only looking for them."""
        return self.unseen_since is not None and self.unseen_since < self.time

    def sentence(self) -> str:
        """One sentence for people."""
        if not self.behind:
            return "Up to date."
        cut_off = ""
        if self.unseen_since is not None and not self.cut_off:
            cut_off = "Just opened: the newest block of the other members is being looked for."
        elif self.unseen_since is not None:
            unseen = in_words(max(60_000, self.time - self.unseen_since))
            cut_off = f"Cut off: the newest block of the other members has not been seen for {unseen}."
        if self.late_ms() < FRESH_MS:
            return cut_off
        parts = []
        if self.waiting:
            parts.append(f"{_counted(self.waiting, 'line')} {_wait(self.waiting)}to be signed onto the ledger")
        if self.notices:
            verb = "" if parts else _wait(self.notices)
            parts.append(f"{_counted(self.notices, 'notice')} {verb}to be delivered")
        return f"{cut_off} Behind by {in_words(self.late_ms())}: {' and '.join(parts)}.".lstrip()


def standing(node: "Node") -> Standing:
    """Where this node stands now. Raises EngineError, StoreError."""
    tip = node.engine.tip()
    batch, line, row = store.batch.c, store.line.c, store.outbox.c
    with node.store.read() as connection:
        lines = connection.execute(sql.select(sql.func.max(line.seq))).scalar() or 0
        anchored = connection.execute(sql.select(sql.func.max(batch.last)).where(batch.height.is_not(None))).scalar()
        oldest = sql.select(sql.func.min(line.time)).where(line.seq > (anchored or 0))
        waiting_since = connection.execute(oldest).scalar()
        notices, since = connection.execute(sql.select(sql.func.count(), sql.func.min(row.due))).one()
    now = node.clock()
    return Standing(
        node.organisation,
        now,
        lines,
        anchored or 0,
        waiting_since,
        notices,
        since,
        tip.height,
        tip.time,
        node.sight.since(now, node.merge_delay_ms),
    )


def answer_standing(node: "Node", caller: str, body: bytes) -> bytes:
    """Answer a member that asks how far behind this node is."""
    return codec.encode(msgspec.structs.asdict(standing(node)))


class Heard(msgspec.Struct, frozen=True):
    """What an agent knows of an organisation's standing: the last it heard, and since when it hears nothing (ms)."""

    organisation: str
    last: Standing | None
    silent_since: Natural | None

    def sentence(self, now: int) -> str:
        """One sentence for the people whom the agent serves."""
        if self.silent_since is not None and now - self.silent_since >= FRESH_MS:
            before = "" if self.last is None else f" When it was last heard of: {self.last.sentence()}"
            silent = in_words(now - self.silent_since)
            return f"Nothing was heard of it for {silent}; what it writes down now will be told later.{before}"
        return "Not asked yet." if self.last is None else self.last.sentence()


class Listening:
    """How an agent keeps up with the standing of the organisations that its people are linked to."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._asked: dict[str, int] = {}

    def ask_all(self) -> int:
        """Ask each organisation that was not asked for a minute; how many answered. Raises StoreError, EngineError."""
        now, answered = self._node.clock(), 0
        for name in self._linked():
            last = self._asked.get(name)
            if last is None or not last <= now < last + ASK_EVERY_MS:
                self._asked[name] = now
                answered += self._ask(name, now)
        return answered

    def heard(self) -> list[Heard]:
        """What is known of each organisation, by id."""
        with self._node.store.read() as connection:
            return [_read(get_setting(connection, f"standing/{name}"), name) for name in self._linked()]

    def _linked(self) -> list[str]:
        column = store.relationship.c.organisation
        with self._node.store.read() as connection:
            return sorted(connection.execute(sql.select(column).distinct()).scalars())

    def _ask(self, name: str, now: int) -> bool:
        try:
            found: Any = codec.decode(self._node.peers.call(name, STANDING_PATH, b""))
            told = msgspec.convert(found, Standing)
            answer = Heard(name, told, None) if told.organisation == name else None
        except (PeerError, EngineError, codec.CodecError, msgspec.ValidationError):
            answer = None

        def write(connection: sql.Connection) -> None:
            kept = answer
            if kept is None:
                before = _read(get_setting(connection, f"standing/{name}"), name)
                kept = Heard(name, before.last, now if before.silent_since is None else before.silent_since)
            set_setting(connection, f"standing/{name}", codec.encode(msgspec.to_builtins(kept)))

        self._node.store.write(write)
        return answer is not None


def _read(data: bytes | None, name: str) -> Heard:
    if data is None:
        return Heard(name, None, None)
    return msgspec.convert(codec.decode(data), Heard)


def late_ms(notice: "Notice") -> int | None:
    """How long after it was written down an agent heard of a line; None until then. Days, where a link was down."""
    return None if notice.received is None else max(0, notice.received - notice.time)


def in_words(milliseconds: int) -> str:
    """A length of time for people: minutes, hours, days."""
    minutes = milliseconds // 60_000
    if minutes < 120:
        return _counted(minutes, "minute")
    return _counted(minutes // 60, "hour") if minutes < 48 * 60 else _counted(minutes // 1440, "day")


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _wait(count: int) -> str:
    return "waits " if count == 1 else "wait "
