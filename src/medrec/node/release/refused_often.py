"""Refusals of one requester about one person: the first of an hour have a line each, the rest are counted.

Nobody fills a journal, or buries what matters to a person, by asking again and again. What is counted is durable before
the refusal is answered, as a line is; when the hour is over one line says how many there were, and what the last was.
A refusal that stops a disclosure always has its own line. The rule is the same for whoever is unknown here, since the
number of lines on the ledger would tell. Accounts that the ledger does not have are nobody's, as everybody can see:
whoever makes them up, as many as he likes, is counted as if he asked about one.

about(...)     under whom a refusal is counted
counted(...)   inside the write that a refusal belongs to: whether it is counted, and has no line
over(...)      inside a write: the lines of what was counted and whose hour is over
step(node)     writes these, now and then
"""

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import sqlalchemy as sql
from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, String, Table

from medrec.core import codec, manifests, state
from medrec.core.manifests.access import RefusalManifest
from medrec.engines.engine import Engine, EngineError
from medrec.node.keeping import account_keys, store
from medrec.node.keeping.journal import Draft, Journal
from medrec.node.keeping.prepared import Prepared
from medrec.node.keeping.store import metadata
from medrec.node.keeping.vault import VaultError, noise
from medrec.node.refusals import Code, Refusal

if TYPE_CHECKING:
    from medrec.node.node import Node

LINES_MAX = 20
LINES_MS = 3_600_000

# What a requester was refused about somebody, or about NOBODY, since the first of an hour (ms): how many lines there
# are, how many more were counted, and the last of these, sealed; under a key of hers where she is `known` here.
refused_often = Table(
    "refused_often",
    metadata,
    Column("requester", String(32), primary_key=True),
    Column("account", String(80), primary_key=True),
    Column("since", BigInteger, nullable=False),
    Column("lines", Integer, nullable=False),
    Column("more", Integer, nullable=False),
    Column("known", Boolean, nullable=False),
    Column("last", LargeBinary),
)


# What every tick and every refusal ask. A clock that was put back ends an hour as well.
_ANY = Prepared(sql.select(refused_often.c.since).limit(1))
_ENDED = (refused_often.c.since <= sql.bindparam("until")) | (refused_often.c.since > sql.bindparam("now"))
_OVER = Prepared(sql.select(refused_often).where(_ENDED).order_by(refused_often.c.since))
_OVER_OF_ONE = Prepared(
    sql.select(refused_often)
    .where(
        _ENDED,
        refused_often.c.requester == sql.bindparam("requester"),
        refused_often.c.account == sql.bindparam("account"),
    )
    .order_by(refused_often.c.since)
)

NOBODY = ""
"""Stands for every account that the ledger does not have."""


class About(NamedTuple):
    """Who was refused, and about whom: an account, NOBODY for all that the ledger does not have."""

    requester: str
    account: str


def about(engine: Engine, requester: str, account: str) -> About:
    """Under whom a refusal is counted. Where the ledger cannot be read, it is about the one who was named."""
    try:
        with engine.view() as view:
            return About(requester, account if state.account(view, account) is not None else NOBODY)
    except EngineError:
        return About(requester, account)


def counted(journal: Journal, connection: sql.Connection, whom: About, draft: Draft) -> bool:
    """Count a refusal; False if it is one of the first of its hour, and its draft has to be written. Inside
    `Store.write` only, and after what is `over` was written."""
    mine = _is(whom)
    row = connection.execute(sql.select(refused_often.c.lines, refused_often.c.more).where(mine)).one_or_none()
    if row is None:
        first = {**whom._asdict(), "since": journal.now(), "lines": 1, "more": 0, "known": False}
        connection.execute(sql.insert(refused_often).values(**first))
        return False
    if row.lines < LINES_MAX:
        connection.execute(sql.update(refused_often).where(mine).values(lines=row.lines + 1))
        return False
    known, context = draft.person is not None and whom.account != NOBODY, _context(whom)
    last = (
        account_keys.seal_for(connection, journal.vault, whom.account, draft.manifest, context)
        if known
        else journal.vault.seal(None, draft.manifest, context)
    )
    connection.execute(sql.update(refused_often).where(mine).values(more=row.more + 1, known=known, last=last))
    return True


def over(journal: Journal, connection: sql.Connection, whom: About | None = None) -> list[Draft]:
    """The lines of what was counted in hours that are over, of all or of one; it is forgotten. Inside `Store.write`
    only, by which the drafts are appended."""
    now = journal.now()
    hour = {"until": now - LINES_MS, "now": now}
    if whom is None:
        rows = _OVER.all(connection, hour)
    else:
        rows = _OVER_OF_ONE.all(connection, {**hour, **whom._asdict()})
    if not rows:
        return []
    drafts = []
    for row in rows:
        # Whose key was destroyed has no log any more in which it would stand.
        with suppress(VaultError):
            drafts += [_line(journal, connection, row)] if row.more else []
    ended = sql.delete(refused_often).where(_ENDED if whom is None else _ENDED & _is(whom))
    connection.execute(ended, hour)
    return drafts


def step(node: "Node") -> int:
    """Write a line for all that was counted in an hour that is over; how many. Raises StoreError; then nothing is
    forgotten, and it is tried again."""

    def write(connection: sql.Connection) -> int:
        return len(node.journal.append(connection, over(node.journal, connection)))

    with node.store.read() as connection:
        if not _ANY.all(connection, {}):
            return 0
    return node.store.write(write)


def _line(journal: Journal, connection: sql.Connection, row: Any) -> Draft:
    """The one line of all that have none: what the last of them was, and how many they are."""
    vault, whom = journal.vault, About(row.requester, row.account)
    last = bytes(row.last)
    data = (
        account_keys.open_for(connection, vault, row.account, last, _context(whom))
        if row.known
        else vault.open(None, last, _context(whom))
    )
    stated = manifests.decode(data)
    assert isinstance(stated, RefusalManifest)
    stated = msgspec.structs.replace(stated, id=vault.random(16).hex(), more=row.more)
    person = connection.execute(sql.select(store.person.c.id).where(store.person.c.account == row.account)).scalar()
    summary = [4, stated.time, row.requester, Refusal(Code(stated.code)).outward().code]
    extras = None if person is not None else {"sealed": noise(vault, summary)}
    return Draft("refusal/1", manifests.encode(stated), person, extras, summary)


def _is(whom: About) -> Any:
    return (refused_often.c.requester == whom.requester) & (refused_often.c.account == whom.account)


def _context(whom: About) -> bytes:
    return codec.encode(["medrec/refused-often/1", *whom])
