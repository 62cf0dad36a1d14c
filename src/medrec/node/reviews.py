"""The last time that somebody went through a person's list, and what has come since.

What is new for the clinicians of an organisation is what the list that one of them went through did not hold: a record
that came late, or that she let them have later, is new to them however long ago its source signed it. What another
organisation's clinician went through says nothing of what they have seen. At the person's agent it is what reached the
agent after the last review by anybody.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sql

from medrec.core import codec
from medrec.core.reconcile.held import Line
from medrec.core.reconcile.rows import AllergyRow, MedicineRow, ProblemRow
from medrec.node.acts_kept import KeptAct, list_seen
from medrec.node.journal import Person

if TYPE_CHECKING:
    from medrec.node.node import Node

MARK_BYTES = 6
BOUND = b"list seen"
Row = MedicineRow | ProblemRow | AllergyRow


class Review(NamedTuple):
    """The last review that counts here, and the marks of the lines that its list held (None: they are not known)."""

    kept: KeptAct
    seen: frozenset[bytes] | None


def mark(line: Line) -> bytes:
    """A line by its name and version, in short. It tells nothing of what the record says, so it may stay when the
    record is erased."""
    name = "\n".join((line.source, line.type, line.id, str(line.version)))
    return hashlib.sha256(name.encode()).digest()[:MARK_BYTES]


def marks(rows: Iterable[Row]) -> list[bytes]:
    """The marks of all lines of some rows, sorted, each once."""
    return sorted({mark(line) for row in rows for line in row.lines})


def keep(node: "Node", connection: sql.Connection, person: Person, act: bytes, seen: Sequence[bytes]) -> None:
    """Remember what the list held at a review (the id of its act); inside `Store.write` only."""
    connection.execute(sql.delete(list_seen).where(list_seen.c.account == person.account))
    sealed = node.vault.seal(person.keys.data, codec.encode([act, b"".join(seen)]), BOUND)
    connection.execute(sql.insert(list_seen).values(account=person.account, sealed=sealed))


def last(node: "Node", account: str, acts: Sequence[KeptAct]) -> Review | None:
    """The last review here, of all acts on a person's list, oldest first. Raises StoreError, VaultError."""
    every = [kept for kept in acts if kept.act.kind == "reviewed"]
    if node.agent is not None:
        return Review(every[-1], None) if every else None
    ours = [kept for kept in every if kept.act.organisation == node.organisation]
    if not ours:
        return None
    with node.store.read() as connection:
        person = node.journal.person_of_account(connection, account)
        row = connection.execute(sql.select(list_seen.c.sealed).where(list_seen.c.account == account)).first()
    if person is None or row is None:
        return Review(ours[-1], None)
    act, seen = codec.decode(node.vault.open(person.keys.data, bytes(row.sealed), BOUND))
    if act.hex() != ours[-1].act.id:
        return Review(ours[-1], None)
    return Review(ours[-1], frozenset(seen[at : at + MARK_BYTES] for at in range(0, len(seen), MARK_BYTES)))


def since(review: Review, rows: Iterable[Row], arrived: Mapping[str, int]) -> dict[str, int]:
    """How many lines of each row (by its key) are new since a review; `arrived`: when a record version (by its
    manifest, hex) reached this node (ms), where that is known. What the review itself says is not new."""
    own, time = review.kept.manifest.hex(), review.kept.time

    def new(line: Line) -> bool:
        if line.author != "record" and line.manifest.startswith(own):
            return False
        if review.seen is not None:
            return mark(line) not in review.seen
        return max(line.signed, arrived.get(line.manifest, 0)) > time

    counts: dict[str, int] = {}
    for row in rows:
        counts[row.key] = counts.get(row.key, 0) + sum(map(new, row.lines))
    return {key: count for key, count in counts.items() if count}
