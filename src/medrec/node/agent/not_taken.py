"""Lines that a place told a person's agent and that it did not take: what they are said to be, and why.

Such a line stands on the ledger and counts nowhere here. She is told that it was refused and for what reason, and not
that it never came. Only what the ledger shows is remembered, so nobody fills this by telling of lines that are none.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import sqlalchemy as sql
from sqlalchemy import Column, LargeBinary, String, Table

from medrec.core import manifests
from medrec.core.view import View
from medrec.node.agent.known import Known
from medrec.node.agent.signed import is_signed
from medrec.node.keeping import store
from medrec.node.keeping.store import metadata

if TYPE_CHECKING:
    from medrec.node.node import Node

Why = Literal["unreadable", "another-place", "another-person", "unsigned"]

notice_refused = Table(
    "notice_refused",
    metadata,
    Column("tag", LargeBinary(16), primary_key=True),
    Column("account", String(80), nullable=False, index=True),
    Column("why", String(20), nullable=False),
    Column("kind", String(40), nullable=False),
)


class NotTaken(NamedTuple):
    """Why a line was not taken, and its kind ("" where nobody can read it)."""

    why: str
    kind: str


Unfit = tuple[str, bytes, NotTaken]
"""An account, the tag of a line about it, and why that was not taken."""


def read(view: View, known: Known, network: str, account: str, manifest: bytes) -> tuple[Any, Why | None]:
    """What a line says (None: nobody can read it), and why it is not taken (None: it is): a place speaks for itself
    alone, on this network, of this person, and in nobody's name without that one's signature."""
    try:
        statement: Any = manifests.decode(manifest)
    except manifests.ManifestError:
        return None, "unreadable"
    if statement.organisation != known.teller or statement.network != network:
        return statement, "another-place"
    if statement.account not in (None, account):
        return statement, "another-person"
    return statement, None if is_signed(view, account, statement, known) else "unsigned"


def keep(connection: sql.Connection, lines: Iterable[Unfit]) -> None:
    """Remember why lines were not taken, as far as the ledger shows them and they are not here. Inside
    `Store.write` only."""
    notice, column = store.notice.c, notice_refused.c
    for account, mark, reason in lines:
        shown = sql.select(notice.tag).where(notice.tag == mark, notice.account == account, notice.received.is_(None))
        if connection.execute(shown).first() is not None:
            connection.execute(sql.delete(notice_refused).where(column.tag == mark))
            connection.execute(sql.insert(notice_refused).values(tag=mark, account=account, **reason._asdict()))


def of(node: "Node", account: str) -> dict[tuple[str, int, int], NotTaken]:
    """Why lines of a person that are not here were not taken: by organisation, epoch and counter."""
    notice, column = store.notice.c, notice_refused.c
    chosen = (
        sql.select(notice.organisation, notice.epoch, notice.counter, column.why, column.kind)
        .join_from(store.notice, notice_refused, column.tag == notice.tag)
        .where(notice.account == account, notice.received.is_(None))
    )
    with node.store.read() as connection:
        return {tuple(row[:3]): NotTaken(row.why, row.kind) for row in connection.execute(chosen)}
