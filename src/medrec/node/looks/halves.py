"""Disclosures told by one side only, as each of the three who must know of them sees them.

The source sees what it let go and nobody has answered for (`unmatched`), and what others say they had from it that it
never wrote down (`unwritten`); the recipient sees what the ledger says it owes (owing.py), and what came to it whose
source never wrote it down (`alone`); the person sees, at her agent, what only one of the two has told her
(`one_sided`).
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import sqlalchemy as sql

from medrec.core import codec, state
from medrec.core.state import Dues, Obligation
from medrec.node.keeping import obligations, store
from medrec.node.looks import lone, look_parts
from medrec.node.looks.kinds import LOOKS
from medrec.node.release import access

if TYPE_CHECKING:
    from medrec.node.node import Node

NOTICES_MAX = 100_000
OBLIGATION_BYTES = 16


class Unmatched(NamedTuple):
    """A disclosure of this node whose other half is not on the ledger; status: waiting, open, overdue, not-owed (the
    ledger did not take it that the requester owes one)."""

    obligation: bytes
    requester: str
    due: int
    seq: int
    status: str


class Alone(NamedTuple):
    """Something that came here, signed by its source, and that the ledger has no word about from there: when it came
    (ms), and the line of our half."""

    obligation: bytes
    source: str
    time: int
    seq: int


class Unwritten(NamedTuple):
    """What another organisation says on the ledger that it had from this one, in the block of that `height`, and of
    which the ledger has no word from here."""

    obligation: bytes
    requester: str
    height: int


class OneSided(NamedTuple):
    """A look that only one side has told the person of. `told_by` is who did, `silent` the other; times in ms."""

    account: str
    told_by: str
    silent: str
    side: Literal["source", "recipient"]
    obligation: str
    time: int
    status: str


def unmatched(node: "Node") -> list[Unmatched]:
    """This node's disclosures whose other half is not on the ledger, oldest first. Raises EngineError, StoreError.

    `waiting` means that our own half is not anchored yet.
    """
    column = access.asked.c
    with node.store.read() as connection:
        rows = connection.execute(sql.select(access.asked).where(column.status == "open").order_by(column.seq)).all()
        last = obligations.last_anchored(connection)
    found: list[Unmatched] = []
    settled: list[bytes] = []
    with node.engine.view() as view:
        for row in rows:
            obligation = state.read(view, state.obligation_key(node.organisation, row.obligation), Obligation)
            waiting = "waiting" if row.seq > last else "not-owed"
            status = waiting if obligation is None else obligation.status
            if status in ("settled", "late"):
                settled.append(row.obligation)
            else:
                found.append(Unmatched(row.obligation, row.requester, row.due, row.seq, status))
    if settled:
        node.store.write(
            lambda connection: connection.execute(
                sql.update(access.asked).where(column.obligation.in_(settled)).values(status="settled")
            )
        )
    return found


def owed_by_ledger(node: "Node") -> list[tuple[bytes, Obligation]]:
    """The obligations of this organisation that are not settled on the ledger, by id. Raises EngineError."""
    with node.engine.view() as view:
        dues = state.read(view, state.dues_key(node.organisation), Dues) or Dues()
        if dues.open + dues.overdue == 0:
            return []
        index = state.owes_indexes(node.organisation)
        places = [key[len(index) + 8 :] for key, _ in view.scan(index, index[:-1] + b"0")]
        if len(places) < dues.open + dues.overdue:
            # A ledger that was begun before there was this index has older ones outside it.
            places = [key.removeprefix(b"obligation/") for key, _ in view.scan(b"obligation/", b"obligation0")]
        found = [(place, state.read(view, b"obligation/" + place, Obligation)) for place in places]
    return [
        (place[-OBLIGATION_BYTES:], value)
        for place, value in found
        if value is not None and value.debtor == node.organisation and value.unsettled
    ]


def alone(node: "Node") -> list[Alone]:
    """What came here more than an hour ago and stands on the ledger by our word alone, oldest first.

    A source anchors within its merge delay, or lets nothing out; in an emergency without the ledger it does so later.
    Raises EngineError, StoreError.
    """
    column, late = access.half_alone.c, node.clock() - access.DUE_MS
    with node.store.read() as connection:
        rows = connection.execute(sql.select(access.half_alone).where(column.time < late).order_by(column.time)).all()
    with node.engine.view() as view:
        return [
            Alone(bytes(row.obligation), row.source, row.time, row.seq)
            for row in rows
            if view.get(state.obligation_key(row.source, bytes(row.obligation))) is None
        ]


def watch_alone(node: "Node") -> int:
    """Forget what came here and is written down at both ends; tell the privacy officer, and the person, once of each
    that is late.

    Returns how many are late that were not before. Raises EngineError, StoreError.
    """
    column, now = access.half_alone.c, node.clock()
    with node.store.read() as connection:
        rows = connection.execute(sql.select(access.half_alone)).all()
    with node.engine.view() as view:
        there = {
            bytes(row.obligation)
            for row in rows
            if view.get(state.obligation_key(row.source, bytes(row.obligation))) is not None
        }
    late = [
        row for row in rows if not row.told and row.time < now - access.DUE_MS and bytes(row.obligation) not in there
    ]

    def write(connection: sql.Connection) -> None:
        for obligation in there:
            connection.execute(sql.delete(access.half_alone).where(column.obligation == obligation))
        for row in late:
            sentence = (
                f"{row.source} let records out to this organisation and has not written it on the ledger within the "
                "hour; ask its privacy officer, and tell the person."
            )
            alarm = {"time": now, "code": "release-not-on-ledger", "subject": row.source, "sentence": sentence}
            connection.execute(sql.insert(store.alarm).values(**alarm))
            # And her, wherever she is served: her source will not.
            for letter in lone.letters(node, connection, row.seq):
                connection.execute(sql.insert(store.outbox).values(**letter))
            where = column.obligation == row.obligation
            connection.execute(sql.update(access.half_alone).where(where).values(told=True))

    if there or late:
        node.store.write(write)
    return len(late)


def unwritten(node: "Node") -> list[Unwritten]:
    """What others say on the ledger that they had from this organisation, or owed it, and it never wrote down, oldest
    first. Raises EngineError, StoreError.

    What stands in this node's journal is only on its way to the ledger. What does not was let out behind its back, or
    its store was put back to an earlier state.
    """
    before = b"early/" + node.organisation.encode() + b"/"
    with node.engine.view() as view:
        found = []
        for key, value in view.scan(before, before[:-1] + b"0"):
            rest = key[len(before) :]
            # The id may hold any byte, a slash among them.
            identifier, requester = rest[:OBLIGATION_BYTES], rest[OBLIGATION_BYTES + 1 :]
            found.append(Unwritten(identifier, requester.decode(), int(codec.decode(value))))
    if not found:
        return []
    with node.store.read() as connection:
        column = access.asked.c
        # Those of which the ledger took the line alone stand among the unmatched.
        chosen = sql.select(column.obligation).where(column.status == "open")
        ours = {bytes(one) for one in connection.execute(chosen).scalars()} | obligations.of_unanchored(connection)
    return sorted((one for one in found if one.obligation not in ours), key=lambda one: one.height)


def one_sided(agent: "Node", account: str) -> list[OneSided]:
    """The looks at a person's records that only one side has told her of, newest first. Raises EngineError.

    From the source's side `status` is the ledger's word: unanchored, open, overdue, not-owed (the line stands there and
    nobody owes anything for it, so no other half makes it two-sided), and settled or late for what the source says that
    it did not send after all: then the ledger knows of a half, and not what it says. From the recipient's side it is
    its own: received, viewed, refused, nothing; one that says `nothing` came without the source's half is of no harm.
    """
    assert agent.agent is not None
    known = [one for one in agent.agent.notices(account, NOTICES_MAX) if one.kind in (*LOOKS, "owed-denied/1")]
    found: list[OneSided] = []
    with agent.engine.view() as view:
        for parts in look_parts.gathered(in_order(known)):
            line = parts.given or parts.received
            if parts.stopped or line is None or line.kind not in ("disclosure/1", "disclosure-received/1"):
                continue
            source, obligation = look_parts.named(line.manifest) or ("", "")
            if parts.given is None:
                teller, outcome = line.organisation, line.manifest.outcome
                found.append(OneSided(account, teller, source, "recipient", obligation, line.time, outcome))
                continue
            requester = line.manifest.request.requester
            owes = state.owed_by(view, source, bytes.fromhex(obligation), requester)
            missing = "unanchored" if line.height is None else "not-owed"
            # Nobody owes anything for a line that names another look.
            status = owes.status if owes is not None and not parts.unfit else missing
            if (status in ("settled", "late") and not parts.taken_back) or (
                (parts.received or parts.asked) is not None and status != "not-owed"
            ):
                continue
            found.append(OneSided(account, source, requester, "source", obligation, line.time, status))
    return sorted(found, key=lambda item: -item.time)


def in_order(notices: Iterable[Any]) -> list[Any]:
    """A person's lines as they came to her agent: when it was written, an author says as it likes."""
    return sorted(notices, key=lambda one: (one.received or 0, one.counter))
