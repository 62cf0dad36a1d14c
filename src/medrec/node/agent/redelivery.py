"""Handing over again: lines that an agent met on the ledger and never got, and how it asks for them.

    ask_missing        the agent asks every organisation for what is missing, relationship by relationship
      -> answer        there: it is queued again for the agent that serves the account now, also what was written under
                       a link that was undone since, as soon as she is linked again
    explained          an organisation that has no link with her any more gives nothing: the gap is explained by that,
                       and stands no longer as an alarm. It is asked again at once when she is linked there again, and
                       once a day in any case

Whoever is not the account's agent here hears one answer, whether the account was ever linked or not.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sql
from sqlalchemy import BigInteger, Column, Integer, String, Table

from medrec.core import codec
from medrec.core.commitment import SALT_BYTES
from medrec.node.keeping import store
from medrec.node.keeping.journal import Journal, Line, Person, is_committed, waiting
from medrec.node.keeping.store import metadata
from medrec.node.peers.peers import PeerError

if TYPE_CHECKING:
    from medrec.node.node import Node

REDELIVER_PATH = "/medrec/redeliver"
NOT_LINKED = "not-linked"
OF_UNDONE = (
    *("link/1", "dispute/1", "dispute-answered/1", "correction-taken/1", "correction-answer/1"),
    *("emergency/1", "emergency-reviewed/1"),
)
"""What she asked under a link that was undone, and what came of it. What the records said may have been another's."""
COUNTERS_MAX = 1000
"""How many lines of one relationship are asked for in one call."""
ASK_AGAIN_MS = 24 * 3_600_000

# Links that were undone here: the row that holds their lines, whose they are, and which local patient was linked.
undone = Table(
    "undone",
    metadata,
    Column("person", Integer, primary_key=True, autoincrement=False),
    Column("account", String(80), nullable=False, index=True),
    Column("epoch", Integer, nullable=False),
    Column("patient", String(64), nullable=False, default="", index=True),
)

# At an agent: relationships of which the organisation said that it has no link with the account, and when (ms).
unlinked = Table(
    "unlinked",
    metadata,
    Column("account", String(80), primary_key=True),
    Column("organisation", String(32), primary_key=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("time", BigInteger, nullable=False),
)


class NotLinkedError(Exception):
    """This agent does not serve this account here, or there is no such relationship."""


class Gap(NamedTuple):
    """Lines of one organisation that will not come before the person is linked there again: how many, since when."""

    account: str
    organisation: str
    lines: int
    since: int


# --- the organisation -------------------------------------------------------------------------------------


def queue_again(
    journal: Journal, connection: sql.Connection, caller: str, account: str, epoch: int, counters: set[int]
) -> int:
    """Queue notices of these lines of a relationship again for the agent that serves the account; how many.

    Inside `Store.write` only. Raises NotLinkedError.
    """
    now = journal.person_of_account(connection, account)
    if now is None or now.agent != caller:
        raise NotLinkedError
    who, told, linked = _of_epoch(journal, connection, now, epoch)
    lines = lines_of(connection, who.id)
    since = next(index for index, row in enumerate(lines) if row.kind == "link/1")
    chosen = [
        (counter, row)
        for counter, row in enumerate(lines[since:] if linked else lines[:since])
        # What was erased keeps its number and has nothing to tell.
        if counter in counters and row.sealed
    ]
    return queue(journal, connection, who, told, chosen)


def queue_all(journal: Journal, connection: sql.Connection, account: str, agent: str) -> int:
    """Queue every notice of a linked person for the agent that serves her now; how many. Raises NotLinkedError."""
    who = journal.person_of_account(connection, account)
    if who is None:
        raise NotLinkedError
    rows = connection.execute(sql.select(undone.c.person, undone.c.epoch).where(undone.c.account == account)).all()
    total = 0
    for person, epoch in ((who.id, who.epoch), *((row.person, row.epoch) for row in rows)):
        epochs = connection.execute(sql.select(store.former.c.epoch).where(store.former.c.person == person)).scalars()
        every = set(range(len(lines_of(connection, person))))
        total += sum(queue_again(journal, connection, agent, account, one, every) for one in (*epochs, epoch))
    return total


def queue_undone(journal: Journal, connection: sql.Connection, person: int, account: str, agent: str) -> int:
    """Queue for the agent that serves somebody now what she asked under a link that was undone; how many lines. Inside
    `Store.write` only."""
    who = journal.person(connection, person)._replace(account=account, agent=agent)
    lines = lines_of(connection, person)
    since = next(index for index, row in enumerate(lines) if row.kind == "link/1")
    chosen = [(counter, row) for counter, row in enumerate(lines[since:]) if row.kind in OF_UNDONE and row.sealed]
    return queue(journal, connection, who, who, chosen)


def queue(journal: Journal, connection: sql.Connection, who: Person, told: Person, lines: list[tuple[int, Any]]) -> int:
    """Queue notices of a person's lines, each with its counter, under the keys that `told` has; how many."""
    opened = [(counter, _opened(journal, row, who)) for counter, row in lines]
    notices = [
        waiting(told, counter, line.seq, line.time)
        for counter, line in opened
        if is_committed(line.entry, line.manifest, line.salt)
    ]
    if notices:
        connection.execute(sql.insert(store.outbox), notices)
    return len(notices)


def _of_epoch(journal: Journal, connection: sql.Connection, now: Person, epoch: int) -> tuple[Person, Person, bool]:
    """Whose lines a relationship's are, the same with the keys of that relationship, and whether they were written
    under a link (else before it). Raises NotLinkedError."""
    number = epoch if epoch > 0 else 1 - epoch
    who = now
    if number != now.epoch:
        where = (undone.c.account == now.account) & (undone.c.epoch == number)
        found = connection.execute(sql.select(undone.c.person).where(where)).scalar()
        if found is None:
            raise NotLinkedError
        who = journal.person(connection, found)._replace(account=now.account, agent=now.agent)
    if epoch > 0:
        return who, who, True
    former = store.former.c
    wrapped = connection.execute(
        sql.select(former["keys"]).where(former.person == who.id, former.epoch == epoch)
    ).scalar()
    if wrapped is None:
        raise NotLinkedError
    return who, who._replace(epoch=epoch, keys=journal.vault.unwrap(bytes(wrapped))), False


def _opened(journal: Journal, row: Any, who: Person) -> Line:
    opened = journal.vault.open(who.keys.lines, bytes(row.sealed), bytes(row.digest))
    salt, manifest = opened[:SALT_BYTES], opened[SALT_BYTES:]
    return Line(row.seq, row.time, bytes(row.hash), bytes(row.entry), manifest, salt)


def lines_of(connection: sql.Connection, person: int) -> list[Any]:
    """A person's lines in their order, with their sealed manifests."""
    return list(
        connection.execute(
            sql.select(
                store.line.c.seq,
                store.line.c.time,
                store.line.c.kind,
                store.line.c.hash,
                store.line.c.entry,
                store.manifest.c.hash.label("digest"),
                store.manifest.c.sealed,
            )
            .join_from(store.manifest, store.line, store.manifest.c.seq == store.line.c.seq)
            .where(store.manifest.c.person == person)
            .order_by(store.manifest.c.seq)
        ).all()
    )


# --- the agent --------------------------------------------------------------------------------------------


def ask_missing(node: "Node") -> int:
    """Ask organisations for notices that are on the ledger and never came; the number of lines asked for.

    Raises PeerError for one that could not be asked, after all others were.
    """
    if node.agent is None:
        return 0
    wanted: dict[tuple[str, str, int], list[int]] = {}
    for notice in node.agent.missing():
        wanted.setdefault((notice.organisation, notice.account, notice.epoch), []).append(notice.counter)
    total = 0
    failed: PeerError | None = None
    for (organisation, account, epoch), counters in wanted.items():
        asked = {"account": account, "epoch": epoch, "counters": counters[:COUNTERS_MAX]}
        try:
            node.peers.call(organisation, REDELIVER_PATH, codec.encode(asked))
            total += len(asked["counters"])  # type: ignore[arg-type]
        except PeerError as error:
            # One that is down must not keep us from asking the others.
            if error.answered and error.code == NOT_LINKED:
                explain(node.store, account, organisation, epoch, node.clock())
            else:
                failed = error
    if failed is not None:
        raise failed
    return total


def explain(kept: store.Store, account: str, organisation: str, epoch: int, now: int) -> None:
    """Remember that an organisation has no link with an account, so that what is missing from there is explained."""
    row = {"account": account, "organisation": organisation, "epoch": epoch, "time": now}
    column = unlinked.c
    same = (column.account == account) & (column.organisation == organisation) & (column.epoch == epoch)

    def write(connection: sql.Connection) -> None:
        connection.execute(sql.delete(unlinked).where(same))
        connection.execute(sql.insert(unlinked).values(**row))

    kept.write(write)


def linked_again(connection: sql.Connection, account: str, organisation: str) -> None:
    """The person is linked there (again): whatever is missing from there can come. Inside `Store.write` only."""
    column = unlinked.c
    connection.execute(sql.delete(unlinked).where(column.account == account, column.organisation == organisation))


def is_explained(now: int) -> Any:
    """The condition on notices whose organisation said within the last day that it has no link with the account."""
    column, notice = unlinked.c, store.notice.c
    return sql.exists().where(
        column.account == notice.account,
        column.organisation == notice.organisation,
        column.epoch == notice.epoch,
        column.time > now - ASK_AGAIN_MS,
    )


def explained(node: "Node", account: str) -> list[Gap]:
    """What of a person's lines is missing because the link it was written under is undone, by organisation."""
    notice = store.notice.c
    chosen = (
        sql.select(notice.organisation, sql.func.count(), sql.func.min(notice.time))
        .where(notice.account == account, notice.received.is_(None), is_explained(node.clock()))
        .group_by(notice.organisation)
        .order_by(notice.organisation)
    )
    with node.store.read() as connection:
        return [Gap(account, *row) for row in connection.execute(chosen)]
