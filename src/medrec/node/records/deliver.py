"""Delivering what waits in the outbox: at least once, in order, never lost.

A row leaves the outbox when its receiver has said that it is safely there. A crash between the two sends it again,
and the receiver knows it by its content. What a receiver refuses again and again rests, in the end for a day at a time,
and the operator is told; it is never thrown away. The steps and what a crash there means:

1. rows are read: nothing has happened;
2. they are sent, and the answer is lost or the process dies: they are sent again;
3. they are deleted in one transaction: done.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, Integer, Table

from medrec.core import codec
from medrec.node.keeping import outgoing, store
from medrec.node.keeping.journal import NOTICES_PATH
from medrec.node.keeping.store import metadata
from medrec.node.keeping.vault import VaultError
from medrec.node.lists.acts_kept import ACTS_PATH
from medrec.node.looks import stopped
from medrec.node.peers.peers import PeerError

if TYPE_CHECKING:
    from medrec.node.node import Node

ROWS_MAX = 200
PAGE = 1000
"""So many rows are looked at together for those that are not held."""
BYTES_MAX = 1 << 20
WAIT_MS_FIRST = 500
WAIT_MS_MAX = 60_000
ATTEMPTS_COUNTED = 1 << 30
REFUSALS_MAX = 30
UNREADABLE = "This node cannot open what it is to send: the key of it is gone, or its store is damaged."
"""So often a message is refused, about once a minute at last, before it rests longer each time."""
REST_MS_MAX = 86_400_000

# Messages of the outbox that their receiver has refused: how often, and until when each rests (ms; 0: not at all).
# `attempts` are those of the message then: another one that gets its number has fewer, and nothing holds for it.
refused = Table(
    "outbox_refused",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("attempts", Integer, nullable=False),
    Column("times", Integer, nullable=False),
    Column("rests", BigInteger, nullable=False),
)

Destination = tuple[str, str]
"""(organisation, path)"""


class Waiting(NamedTuple):
    """What waits for one destination: how many rows, since when (ms), the most attempts of one, and what is wrong.

    `resting` of them were refused so often that they are tried once in a while only.
    """

    organisation: str
    path: str
    rows: int
    since: int
    attempts: int
    next_call: int
    trouble: str
    resting: int = 0


class _Way:
    """How calls to one destination go: after failures it rests, after refusals fewer rows go at once."""

    def __init__(self) -> None:
        self.failures = 0
        self.next_call = 0
        self.rows = ROWS_MAX
        self.trouble = ""


class Deliverer:
    """Empties one node's outbox. One thread calls `step`."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._ways: dict[Destination, _Way] = {}
        self._lock = threading.Lock()

    def step(self, now: int) -> int:
        """One call to each destination for which something is due; the number of rows delivered. Raises StoreError."""
        rows = store.outbox.c
        with self._node.store.read() as connection:
            found = connection.execute(
                sql.select(rows.organisation, rows.path)
                .where(_is_due(rows.due, now), ~_rests(now))
                .group_by(rows.organisation, rows.path)
                .order_by(sql.func.min(rows.id))
            ).all()
        due: list[Destination] = [(row.organisation, row.path) for row in found]
        due = [destination for destination in due if _is_now(self._way(destination).next_call, now)]
        lanes = min(len(due), self._node.peers.lanes)
        if lanes <= 1:
            return sum(self._deliver(destination, now) for destination in due)
        # Side by side, so that a slow peer holds up this round at most, and nobody for long.
        with ThreadPoolExecutor(lanes, thread_name_prefix="deliver") as pool:
            return sum(pool.map(lambda destination: self._deliver(destination, now), due))

    def _way(self, destination: Destination) -> _Way:
        with self._lock:
            return self._ways.setdefault(destination, _Way())

    def _deliver(self, destination: Destination, now: int) -> int:
        way = self._way(destination)
        rows, payloads = self._due(destination, now, way.rows)
        if not rows:
            return 0
        try:
            answer = self._node.peers.call(*destination, codec.encode(payloads))
            taken = _read_answer(answer, len(rows))
        except PeerError as error:
            self._failed(way, rows, error, now)
            return 0
        if way.failures:
            self._link_is_back()
        way.failures, way.next_call, way.rows, way.trouble = 0, 0, ROWS_MAX, ""
        here = [row.id for row, kept in zip(rows, taken, strict=True) if kept]
        not_here = [row for row, kept in zip(rows, taken, strict=True) if not kept]
        if not_here:
            way.trouble = f"{destination[0]} did not take {len(not_here)} of {len(rows)}; they are sent again."
        self._node.store.write(
            lambda connection: self._not_taken(connection, destination, here, not_here, way.trouble, now)
        )
        return len(here)

    def _not_taken(
        self, connection: sql.Connection, to: Destination, here: list[int], rows: list[Any], trouble: str, now: int
    ) -> None:
        """Delete what is there, and count the refusal of each that the receiver did not take, or could not be sent."""
        _settle(connection, here, rows, now)
        if REFUSALS_MAX in [_refuse(connection, row, now) for row in rows]:
            _tell(connection, to, trouble, now)

    def _link_is_back(self) -> None:
        """One that could not be reached answered: on a link that comes for minutes nobody should wait out a rest."""
        with self._lock:
            for way in self._ways.values():
                way.next_call, way.failures = 0, min(way.failures, 1)

    def _due(self, destination: Destination, now: int, most: int) -> tuple[list[Any], list[bytes]]:
        """The rows that go now, and what is sent of each."""
        goes = self._goes(destination, now, most)
        with self._node.store.read() as connection:
            rows = connection.execute(
                sql.select(store.outbox).where(store.outbox.c.id.in_(goes)).order_by(store.outbox.c.id)
            ).all()
            size = 0
            taken: list[Any] = []
            payloads: list[bytes] = []
            unreadable: list[Any] = []
            over: list[int] = []
            for row in rows:
                try:
                    payload = self._payload(connection, row)
                except VaultError:
                    unreadable.append(row)
                    continue
                if payload is None:
                    over.append(row.id)
                    continue
                size += len(payload)
                if taken and size > BYTES_MAX:
                    break
                payloads.append(payload)
                taken.append(row)
        if over:
            self._node.store.write(lambda connection: _settle(connection, over, [], now))
        if unreadable:
            # It keeps no other from going out, rests like one that is refused, and is there should the ring come back.
            self._node.store.write(
                lambda connection: self._not_taken(connection, destination, [], unreadable, UNREADABLE, now)
            )
        return taken, payloads

    def _goes(self, destination: Destination, now: int, most: int) -> list[int]:
        """Which rows are due, the oldest first, without what waits until a dispute is settled (looks/stopped.py)."""
        row = store.outbox.c
        mine = (
            (row.organisation == destination[0]) & (row.path == destination[1]) & _is_due(row.due, now) & ~_rests(now)
        )
        stops = stopped.Stops(self._node, destination[0]) if destination[1] == ACTS_PATH else None
        size = most if stops is None else max(most, PAGE)
        found, after = list[int](), 0
        while len(found) < most:
            chosen = sql.select(row.id, outgoing.head().label("head")).where(mine, row.id > after)
            with self._node.store.read() as connection:
                page = connection.execute(chosen.order_by(row.id).limit(size)).all()
            # Whose each is is asked one by one: of people who dispute a look of one place there may be thousands.
            for one in page:
                account = outgoing.whose(bytes(one.head)) if stops is not None else None
                if stops is None or account is None or not stops.holds(account):
                    found.append(one.id)
            if len(page) < size:
                break
            after = page[-1].id
        return found[:most]

    def _payload(self, connection: sql.Connection, row: Any) -> bytes | None:
        payload = bytes(row.payload)
        if row.path == NOTICES_PATH:
            return self._node.journal.sent(connection, payload)
        return outgoing.opened(connection, self._node.vault, payload)

    def _failed(self, way: _Way, rows: list[Any], error: PeerError, now: int) -> None:
        way.failures += 1
        way.next_call = now + wait_ms(way.failures)
        way.trouble = error.sentence
        alone = error.answered and len(rows) == 1
        # One row the peer cannot bear must not hold up the others: it is found by sending fewer at once.
        if error.answered and len(rows) > 1:
            way.rows = max(1, len(rows) // 2)
        if alone:
            to = (rows[0].organisation, rows[0].path)
            self._node.store.write(lambda connection: self._not_taken(connection, to, [], rows, way.trouble, now))
        else:
            self._node.store.write(lambda connection: _settle(connection, [], rows, now, later=False))

    def status(self) -> list[Waiting]:
        """What waits, by destination, the oldest first."""
        rows = store.outbox.c
        with self._node.store.read() as connection:
            # The time a row was queued is not kept; its first due time is, until a refusal moves it.
            found = connection.execute(
                sql.select(
                    rows.organisation,
                    rows.path,
                    sql.func.count().label("count_"),
                    sql.func.min(rows.due).label("since"),
                    sql.func.max(rows.attempts).label("attempts"),
                ).group_by(rows.organisation, rows.path)
            ).all()
            resting = {
                (row.organisation, row.path): row.count_
                for row in connection.execute(
                    sql.select(rows.organisation, rows.path, sql.func.count().label("count_"))
                    .where(_rests(self._node.clock()))
                    .group_by(rows.organisation, rows.path)
                )
            }
        waiting = []
        for row in found:
            way = self._way((row.organisation, row.path))
            waiting.append(
                Waiting(
                    row.organisation,
                    row.path,
                    row.count_,
                    row.since,
                    row.attempts,
                    way.next_call,
                    way.trouble,
                    resting.get((row.organisation, row.path), 0),
                )
            )
        return sorted(waiting, key=lambda item: item.since)


def _is_now(due: int, now: int) -> bool:
    """Whether a time has come. What lies further ahead than anything rests was set by a clock that has jumped back."""
    return due <= now or due > now + WAIT_MS_MAX


def _is_due(column: Any, now: int) -> Any:
    """The same as a condition on rows."""
    return (column <= now) | (column > now + WAIT_MS_MAX)


def _rests(now: int) -> Any:
    """Whether a row was refused so often that it rests now."""
    row = store.outbox.c
    mine = (refused.c.id == row.id) & (refused.c.attempts <= row.attempts)
    # A rest that lies further ahead than the longest was set by a clock that has jumped back.
    return sql.exists().where(mine, refused.c.rests > now, refused.c.rests <= now + REST_MS_MAX)


def rest_ms(times: int) -> int:
    """How long a message rests that was refused so often, in ms: 0 at first, then two minutes, doubled each time, a day
    at most."""
    return 0 if times < REFUSALS_MAX else min(REST_MS_MAX, 2 * WAIT_MS_MAX << min(times - REFUSALS_MAX, 10))


def wait_ms(attempts: int) -> int:
    """How long to rest after this many failures in a row, in ms: half a second, doubled each time, a minute at most."""
    return min(WAIT_MS_MAX, WAIT_MS_FIRST << min(attempts - 1, 10))


def _read_answer(answer: bytes, count: int) -> list[bool]:
    try:
        taken = codec.decode(answer)
    except codec.CodecError:
        taken = None
    if type(taken) is not list or len(taken) != count or any(type(kept) is not bool for kept in taken):
        raise PeerError("garbage", "The peer's answer does not say what it took; everything is sent again.")
    return taken


def _settle(connection: sql.Connection, here: list[int], not_here: list[Any], now: int, later: bool = True) -> None:
    """Delete what is there; count the attempt for what is not, and put it off by its own rest if `later`."""
    table = store.outbox
    if here:
        connection.execute(sql.delete(table).where(table.c.id.in_(here)))
        connection.execute(sql.delete(refused).where(refused.c.id.in_(here)))
    for row in not_here:
        attempts = min(row.attempts + 1, ATTEMPTS_COUNTED)
        due = now + wait_ms(attempts) if later else row.due
        connection.execute(sql.update(table).where(table.c.id == row.id).values(attempts=attempts, due=due))


def _refuse(connection: sql.Connection, row: Any, now: int) -> int:
    """Count a refusal of a message whose attempt was counted; how many there were."""
    before = connection.execute(
        sql.select(refused.c.times).where(refused.c.id == row.id, refused.c.attempts <= row.attempts)
    ).scalar()
    times = (before or 0) + 1
    connection.execute(sql.delete(refused).where(refused.c.id == row.id))
    attempts = min(row.attempts + 1, ATTEMPTS_COUNTED)
    values = {
        "id": row.id,
        "attempts": attempts,
        "times": times,
        "rests": now + rest_ms(times) if times >= REFUSALS_MAX else 0,
    }
    connection.execute(sql.insert(refused).values(**values))
    return times


def _tell(connection: sql.Connection, to: Destination, trouble: str, now: int) -> None:
    """An alarm for the operator about messages that begin to rest, once a day for each receiver."""
    column = store.alarm.c
    known = (column.code == "message-refused") & (column.subject == to[0]) & (column.time > now - REST_MS_MAX)
    if connection.execute(sql.select(column.time).where(known).limit(1)).first() is None:
        sentence = (
            f"A message ({to[1]}) did not get through {REFUSALS_MAX} times and is tried less often now. {trouble}"
        )
        row = {"time": now, "code": "message-refused", "subject": to[0], "sentence": sentence[:500]}
        connection.execute(sql.insert(store.alarm).values(**row))
