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

from medrec.core import codec, manifests
from medrec.node.keeping import store
from medrec.node.keeping.store import metadata
from medrec.node.looks.kinds import LOOKS

if TYPE_CHECKING:
    from medrec.node.node import Node

EMERGENCY = frozenset({"ETREAT", "BTG", "BTGDISCLOSE", "EMERGENCY"})
OWN = frozenset({"PATRQT"})
ANSWERS = ("expected", "unsure", "wrong")
STRETCH = 500

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

FILTERS: dict[str, Any] = {
    "all": look.c.own.is_(False),
    "people": look.c.machine.is_(False) & look.c.own.is_(False),
    "programs": look.c.machine.is_(True) & look.c.own.is_(False),
    "emergency": look.c.emergency.is_(True),
    "refused": look.c.refused.is_not(None),
    "one-sided": look.c.given.is_(None) & look.c.refused.is_(None),
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


class Looks:
    """The index of one agent."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._lock = threading.Lock()

    def catch_up(self) -> list[Look]:
        """Index every notice that was not yet; the looks that are new."""
        fresh: list[Look] = []
        with self._lock:
            while True:
                rows = self._waiting()
                if not rows:
                    return fresh
                parts, tags = [self._part(row) for row in rows], [bytes(row.tag) for row in rows]
                fresh += self._node.store.write(partial(_enter, parts=parts, tags=tags))

    def _waiting(self) -> list[Any]:
        notice = store.notice.c
        chosen = (
            sql.select(notice.tag, notice.account, notice.organisation, notice.kind, notice.time, notice.sealed)
            .join(indexed, indexed.c.tag == notice.tag, isouter=True)
            .where(notice.kind.in_(LOOKS), notice.sealed.is_not(None), indexed.c.tag.is_(None))
            .order_by(notice.time)
            .limit(STRETCH)
        )
        with self._node.store.read() as connection:
            return list(connection.execute(chosen).all())

    def _part(self, row: Any) -> dict[str, Any]:
        """What one notice says about a look."""
        tag = bytes(row.tag)
        statement: Any = manifests.decode(codec.decode(self._node.vault.open(None, bytes(row.sealed), tag))[0])
        part = {"account": row.account, "time": row.time, "tag": tag, "kind": row.kind}
        if row.kind == "disclosure-received/1":
            named = {"machine": False, "emergency": False, "own": False}
            pair = pair_of(statement.source, statement.obligation)
            return {**part, **named, "pair": pair, "source": statement.source, "requester": statement.organisation}
        request = statement.request
        own = request.purpose in OWN and request.requester == self._node.organisation
        return {
            **part,
            "pair": pair_of(statement.organisation, getattr(statement, "obligation", None) or tag.hex()),
            "source": statement.organisation,
            "requester": request.requester,
            "machine": bool(request.machine) or not request.practitioner.strip(),
            "emergency": request.purpose in EMERGENCY,
            "own": own,
        }

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
        given = look.c.own.is_(False) & look.c.refused.is_(None)
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
    return by_others & (look.c.answer == "") & look.c.refused.is_(None)


def pair_of(source: str, obligation: str) -> bytes:
    """The id of a look (16 bytes): what both halves of it have in common."""
    return hashlib.sha256(f"medrec/look/1/{source}/{obligation}".encode()).digest()[:16]


_COLUMN: dict[str, str] = {
    "disclosure/1": "given",
    "refusal/1": "refused",
    "disclosure-received/1": "received",
    "own-look/1": "given",
    "emergency/1": "given",
}
_opened: Callable[[Any], Look] = Look._make


def _enter(connection: sql.Connection, parts: list[dict[str, Any]], tags: list[bytes]) -> list[Look]:
    """Join each part to its look; the looks that were not there before."""
    fresh: list[bytes] = []
    column = look.c
    for part in parts:
        mine = (column.pair == part["pair"]) & (column.account == part["account"])
        name = _COLUMN[part["kind"]]
        said = {key: part[key] for key in ("machine", "emergency", "own")}
        if connection.execute(sql.select(column.pair).where(mine)).first() is not None:
            # What the source says of a request tells more than the recipient's half.
            values: dict[str, Any] = {name: part["tag"], **(said if name != "received" else {})}
            connection.execute(sql.update(look).where(mine).values(**values))
            continue
        before = (column.account == part["account"]) & (column.requester == part["requester"])
        first = name != "refused" and (
            connection.execute(sql.select(column.pair).where(before, column.refused.is_(None)).limit(1)).first() is None
        )
        row = {key: part[key] for key in ("pair", "account", "time", "source", "requester")}
        connection.execute(sql.insert(look).values(**row, **said, **{name: part["tag"]}, first=first, answer=""))
        fresh.append(part["pair"])
    connection.execute(sql.insert(indexed), [{"tag": tag} for tag in dict.fromkeys(tags)])
    if not fresh:
        return []
    return [_opened(row) for row in connection.execute(sql.select(look).where(column.pair.in_(fresh)))]
