"""Who looked, in the order of time: one row for each look, both halves joined, so that ten thousand can be paged.

The agent's notices are sealed; this index says which of them belong to one look, and what a list is sorted and
narrowed by. It is made from the notices and can be made anew from them at any time.
"""

import hashlib
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sql
from sqlalchemy import BigInteger, Boolean, Column, Index, LargeBinary, String, Table

from medrec.core import manifests
from medrec.node.agent.told import manifest_in
from medrec.node.keeping import store
from medrec.node.keeping.store import metadata
from medrec.node.ledger.on_ledger import block_of
from medrec.node.looks import look_parts
from medrec.node.looks.kinds import LOOKS
from medrec.node.looks.look_parts import Parts
from medrec.node.looks.mismatch import raise_contradiction

if TYPE_CHECKING:
    from medrec.node.node import Node

EMERGENCY = frozenset({"ETREAT", "BTG", "BTGDISCLOSE", "EMERGENCY"})
OWN = frozenset({"PATRQT"})
ANSWERS = ("expected", "unsure", "wrong")
STRETCH = 500
LATE_MS = 2 * 60_000
"""A line comes on the ledger within the merge delay, a minute as a rule; what takes longer is called late."""

look = Table(
    "look",
    metadata,
    Column("pair", LargeBinary(16), primary_key=True),
    Column("account", String(80), nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("source", String(32), nullable=False),
    Column("requester", String(32), nullable=False),
    Column("given", LargeBinary(16)),
    Column("received", LargeBinary(16)),
    Column("refused", LargeBinary(16)),
    Column("machine", Boolean, nullable=False),
    Column("emergency", Boolean, nullable=False),
    Column("own", Boolean, nullable=False),
    Column("first", Boolean, nullable=False),
    Column("answer", String(10), nullable=False, default=""),
)
Index("look_time", look.c.account, look.c.time)
Index("look_requester", look.c.account, look.c.requester)

indexed = Table("look_indexed", metadata, Column("tag", LargeBinary(16), primary_key=True))
# Lines that do not fit with what was told of a look before, to her or to somebody else.
contrary = Table(
    "look_contrary",
    metadata,
    Column("tag", LargeBinary(16), primary_key=True),
    Column("pair", LargeBinary(16), nullable=False, index=True),
    Column("account", String(80), nullable=False),
)

# Halves that say only that a page was asked for (`look_parts.Parts.asked`).
asked = Table(
    "look_asked",
    metadata,
    Column("tag", LargeBinary(16), primary_key=True),
    Column("pair", LargeBinary(16), nullable=False, index=True),
    Column("account", String(80), nullable=False),
)

_STOPPED = look.c.refused.is_not(None) & (look.c.given.is_(None) | look.c.received.is_not(None))
"""Nothing went (`look_parts.Parts.stopped`)."""

FILTERS: dict[str, Any] = {
    "all": look.c.own.is_(False),
    "people": look.c.machine.is_(False) & look.c.own.is_(False),
    "programs": look.c.machine.is_(True) & look.c.own.is_(False),
    "emergency": look.c.emergency.is_(True),
    "refused": _STOPPED,
    "one-sided": ~_STOPPED & (look.c.given.is_(None) | look.c.refused.is_not(None)),
    "own": look.c.own.is_(True),
}


class Look(NamedTuple):
    """One look: its id, when, from whom, by whom; the tags of the lines that tell of it; and the person's answer.

    `first`: nobody of this organisation had looked before. `own`: her own agent reading for her.
    """

    pair: bytes
    account: str
    time: int
    source: str
    requester: str
    given: bytes | None
    received: bytes | None
    refused: bytes | None
    machine: bool
    emergency: bool
    own: bool
    first: bool
    answer: str

    @property
    def stopped(self) -> bool:
        """Whether nothing went (`look_parts.Parts.stopped`)."""
        return self.refused is not None and (self.given is None or self.received is not None)


class Looks:
    """The index of one agent."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._lock = threading.Lock()

    def catch_up(self) -> list[Look]:
        """Index every notice that was not yet; the looks that are new, or that were contradicted now."""
        fresh: list[Look] = []
        with self._lock:
            while True:
                rows = self._waiting()
                if not rows:
                    return fresh
                fresh += self._node.store.write(partial(self._enter, heard=[self._heard(row) for row in rows]))

    def _waiting(self) -> list[Any]:
        notice = store.notice.c
        chosen = (
            sql.select(*_NOTICE)
            .join(indexed, indexed.c.tag == notice.tag, isouter=True)
            .where(notice.kind.in_(LOOKS), notice.sealed.is_not(None), indexed.c.tag.is_(None))
            .order_by(*_IN_ORDER)
            .limit(STRETCH)
        )
        with self._node.store.read() as connection:
            return list(connection.execute(chosen).all())

    def _heard(self, row: Any) -> "_Heard":
        tag = bytes(row.tag)
        stated = manifests.decode(manifest_in(self._node.vault, row))
        return _Heard(row.account, tag, row.time, stated, row.received, row.height)

    def _written(self, line: "_Heard") -> int:
        """When a line was written (ms), as far as its author's word can be held to: within the merge delay before its
        block, or before it came where it is not on the ledger yet."""
        seen = line.received or 0
        if seen - line.time > LATE_MS and line.height is not None:
            block = block_of(self._node, line.height)
            seen = block.block.time if block is not None else seen
        return max(line.time, seen - LATE_MS)

    def _enter(self, connection: sql.Connection, heard: list["_Heard"]) -> list[Look]:
        """Join each line to its look; the looks that were not there before, or that it contradicts."""
        looks: dict[tuple[str, bytes], list[_Heard]] = {}
        for line in heard:
            looks.setdefault((line.account, _pair(line)), []).append(line)
        told = [self._join(connection, account, pair, lines) for (account, pair), lines in looks.items()]
        connection.execute(sql.insert(indexed), [{"tag": tag} for tag in dict.fromkeys(line.tag for line in heard)])
        found = connection.execute(sql.select(look).where(look.c.pair.in_([pair for pair in told if pair is not None])))
        return [_opened(row) for row in found]

    def _join(self, connection: sql.Connection, account: str, number: bytes, lines: list["_Heard"]) -> bytes | None:
        """Write a look down anew with the lines that came; its id if she has to hear of it."""
        others = sql.select(look.c.pair).where((look.c.pair == number) & (look.c.account != account))
        copied = connection.execute(others).first() is not None
        pair = _copy_of(number, account) if copied else number
        mine = (look.c.pair == pair) & (look.c.account == account)
        before = connection.execute(sql.select(look).where(mine)).one_or_none()
        against = set(connection.execute(sql.select(contrary.c.tag).where(contrary.c.pair == pair)).scalars())
        known = {tag for tag in (before.given, before.refused, before.received) if tag} if before is not None else set()
        known |= set(connection.execute(sql.select(asked.c.tag).where(asked.c.pair == pair)).scalars())
        chosen = sql.select(*_NOTICE).where(store.notice.c.tag.in_(known | against)).order_by(*_IN_ORDER)
        parts = look_parts.joined([*map(self._heard, connection.execute(chosen)), *lines])
        odd = dict.fromkeys(one.tag for one in (*parts.contrary, *(lines if copied else ())))
        fresh = [{"tag": tag, "pair": pair, "account": account} for tag in odd if tag not in against]
        if fresh:
            connection.execute(sql.insert(contrary), fresh)
        if parts.asked is not None and parts.asked.tag not in known - {getattr(before, "received", None)}:
            row = {"tag": parts.asked.tag, "pair": pair, "account": account}
            connection.execute(sql.insert(asked).values(**row))
        doubted = bool(fresh) or (parts.unfit and before is None)
        if doubted:
            raise_contradiction(connection, parts.shown.manifest, self._node.clock())
        values = _values(parts, self._node.organisation)
        if before is not None:
            # What she said of it she said of another look.
            again = {"answer": ""} if doubted and before.answer != "wrong" else {}
            connection.execute(sql.update(look).where(mine).values(**values, **again))
            return pair if doubted else None
        earlier = (look.c.account == account) & (look.c.requester == values["requester"]) & ~_STOPPED
        nobody = connection.execute(sql.select(look.c.pair).where(earlier).limit(1)).first() is None
        row = {"pair": pair, "account": account, "time": self._written(lines[0]), "answer": ""}
        connection.execute(sql.insert(look).values(**row, **values, first=nobody and not parts.stopped))
        return pair

    def against(self, account: str, found: list[Look]) -> list[bytes]:
        """The tags of the lines that do not fit with what was told of these looks of hers."""
        return self._beside(contrary, account, found)

    def asked(self, account: str, found: list[Look]) -> list[bytes]:
        """The tags of the halves of these looks of hers that say only that a page was asked for."""
        return self._beside(asked, account, found)

    def _beside(self, table: Table, account: str, found: list[Look]) -> list[bytes]:
        column = table.c
        chosen = sql.select(column.tag).where(column.account == account, column.pair.in_([one.pair for one in found]))
        with self._node.store.read() as connection:
            return [bytes(tag) for tag in connection.execute(chosen).scalars()]

    def page(self, account: str, chosen: str = "all", limit: int = 20, offset: int = 0) -> list[Look]:
        """A person's looks, newest first, narrowed by a name of FILTERS."""
        query = sql.select(look).where((look.c.account == account) & FILTERS[chosen])
        query = query.order_by(look.c.time.desc(), look.c.pair).limit(limit).offset(offset)
        with self._node.store.read() as connection:
            return [_opened(row) for row in connection.execute(query)]

    def count(self, account: str, chosen: str = "all", *, unanswered: bool = False) -> int:
        """How many there are; `unanswered` counts those of other people that she has not answered."""
        where = (look.c.account == account) & FILTERS[chosen]
        if unanswered:
            where = where & open_question()
        with self._node.store.read() as connection:
            return int(connection.execute(sql.select(sql.func.count()).select_from(look).where(where)).scalar() or 0)

    def questions(self, account: str, limit: int = 3) -> list[Look]:
        """Looks that want an answer, newest first."""
        query = sql.select(look).where((look.c.account == account) & open_question())
        with self._node.store.read() as connection:
            return [_opened(row) for row in connection.execute(query.order_by(look.c.time.desc()).limit(limit))]

    def find(self, account: str, pair: bytes) -> Look | None:
        """One look of a person."""
        query = sql.select(look).where((look.c.account == account) & (look.c.pair == pair))
        with self._node.store.read() as connection:
            row = connection.execute(query).one_or_none()
        return _opened(row) if row is not None else None

    def latest(self, account: str, requester: str) -> Look | None:
        """The last look by an organisation at what somebody gave it."""
        given = look.c.own.is_(False) & ~_STOPPED
        query = sql.select(look).where((look.c.account == account) & (look.c.requester == requester) & given)
        with self._node.store.read() as connection:
            row = connection.execute(query.order_by(look.c.time.desc(), look.c.pair).limit(1)).one_or_none()
        return _opened(row) if row is not None else None

    def answer(self, account: str, pair: bytes, answer: str) -> bool:
        """Keep what the person says about a look ("expected", "unsure", "wrong"); False if it is none of hers."""
        if answer not in ANSWERS:
            raise ValueError(f"{answer!r} is no answer; known are {', '.join(ANSWERS)}")
        mine = (look.c.account == account) & (look.c.pair == pair)
        change = sql.update(look).where(mine).values(answer=answer)
        return bool(self._node.store.write(lambda connection: connection.execute(change).rowcount))


def open_question() -> Any:
    """A look that wants an answer: by people or in an emergency, and not answered."""
    by_others = look.c.own.is_(False) & (
        look.c.machine.is_(False) | look.c.emergency.is_(True) | look.c.first.is_(True)
    )
    return by_others & (look.c.answer == "") & ~_STOPPED


def pair_of(source: str, obligation: str) -> bytes:
    """The id of a look (16 bytes): what both halves of it have in common."""
    return hashlib.sha256(f"medrec/look/1/{source}/{obligation}".encode()).digest()[:16]


def _copy_of(pair: bytes, account: str) -> bytes:
    """The id of what a place told somebody of under the number of a look at another person's records."""
    return hashlib.sha256(b"medrec/look-copied/1/" + pair + account.encode()).digest()[:16]


_opened: Callable[[Any], Look] = Look._make
_NOTICE = tuple(store.notice.c[name] for name in ("tag", "account", "time", "sealed", "received", "height"))
_IN_ORDER = (store.notice.c.received, store.notice.c.counter)
"""As the lines came: when it was written, an author says as it likes."""


class _Heard(NamedTuple):
    """A line as a notice told it."""

    account: str
    tag: bytes
    time: int
    manifest: Any
    received: int | None
    height: int | None


def _pair(line: _Heard) -> bytes:
    """The look that a line belongs to."""
    of_look = look_parts.look_of(line.manifest)
    return pair_of(*(of_look or (line.manifest.organisation, line.tag.hex())))


def _values(parts: Parts, agent: str) -> dict[str, Any]:
    """What a list of looks is sorted and narrowed by, from what counts of a look; `agent` is her own."""
    line = parts.given or parts.refused
    values = {name: getattr(getattr(parts, name), "tag", None) for name in ("given", "refused", "received")}
    if line is None:
        half = parts.received.manifest
        of_half = {"source": half.source, "requester": half.organisation}
        return {**values, **of_half, "machine": False, "emergency": False, "own": False}
    request = line.manifest.request
    return {
        **values,
        "source": line.manifest.organisation,
        "requester": request.requester,
        "machine": bool(request.machine) or not request.practitioner.strip(),
        "emergency": request.purpose in EMERGENCY,
        "own": request.purpose in OWN and request.requester == agent and not parts.unfit,
    }
