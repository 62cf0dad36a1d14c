"""Faults planted into the nodes, one at a time, which the simulator must find.

Each is one that somebody could write: a check left out, a step in the wrong order, a number taken twice.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, NamedTuple
from unittest.mock import patch

import msgspec
import sqlalchemy as sql

from medrec.core import codec, machine, manifests, state
from medrec.core.commitment import commitment, tag
from medrec.core.kinds.anchor import encode_entry
from medrec.core.manifests.record import LinkManifest
from medrec.core.records.canonical import canonical
from medrec.node.agent import agent as agent_room
from medrec.node.agent.agent import Agent
from medrec.node.keeping import journal as journal_room
from medrec.node.keeping import obligations, store
from medrec.node.keeping.journal import NOTICES_PATH, Line
from medrec.node.keeping.prepared import Prepared
from medrec.node.ledger.anchor import Anchorer
from medrec.node.ledger.nullifiers import Nullifiers
from medrec.node.records import deliver as deliver_room
from medrec.node.records.deliver import Deliverer
from medrec.node.release import access
from medrec.node.release import gather as gather_room
from medrec.node.release import receive as receive_room
from medrec.node.release.gate import Gate
from medrec.node.release.gather import Gathering
from medrec.node.release.reading import Reader
from medrec.node.right_person import linking, unlinking
from medrec.node.right_person.link import Linker

from . import care, keys
from . import people_bugs as people
from .ledger import Forked
from .steps import ask_for, publish
from .world import AGENT, HOSPITALS, NETWORK, World


class Bug(NamedTuple):
    """A fault: what it does in a sentence, how it is planted, what the world needs for it, and steps of its own."""

    sentence: str
    planted: Callable[[], AbstractContextManager[Any]]
    arrange: Callable[[World], None] | None = None
    steps: tuple[tuple[Callable[[World], None], int], ...] = ()


# --- journal and ledger -----------------------------------------------------------------------------------


def _anchor_takes_the_same_lines_twice() -> AbstractContextManager[Any]:
    """After an answer that was lost, it makes a new batch of the lines instead of sending the stored one again."""

    def step(self: Anchorer) -> int:
        with self._store.read() as connection:
            rows = connection.execute(sql.select(store.batch).order_by(store.batch.c.number.desc()).limit(1))
            last = rows.one_or_none()
        if last is not None and last.height is None:
            self._store.write(lambda connection: self._sign_again(connection, last))
        return real(self)

    real = Anchorer.step
    return patch.object(Anchorer, "step", step)


def _nonce_is_taken_twice() -> AbstractContextManager[Any]:
    """The number of a batch is read where it was last time, not one further."""
    real = Anchorer._signed

    def signed(self: Anchorer, first: int, entries: list[bytes], journal: bytes) -> dict[str, Any]:
        with patch.object(state, "read_integer", lambda view, key: max(0, read(view, key) - 1)):
            return real(self, first, entries, journal)

    read = state.read_integer
    return patch.object(Anchorer, "_signed", signed)


def _never_overdue() -> AbstractContextManager[Any]:
    """Obligations past their time stay open."""
    return patch.object(machine, "mark_overdue", lambda draft, height, time: None)


def _lines_go_back_in_time() -> AbstractContextManager[Any]:
    """A line is dated by the clock alone, even when that was put back."""
    real = journal_room.head

    def head(connection: sql.Connection) -> tuple[int, bytes, int]:
        seq, previous, _ = real(connection)
        return seq, previous, 0

    return patch.object(journal_room, "head", head)


def regret(world: World) -> None:
    """A hospital that was permitted to ask asks, and once more when that was taken back."""
    person = world.random.choice(world.people)
    for source, consents in person.consents.items():
        for index, entry in enumerate(consents):
            if entry.state == "given":
                ask_for(world, person, source, entry.recipients[0])
                world.do(person.agent, "takes back", lambda: world.take_back(person, source, index))  # noqa: B023
                ask_for(world, person, source, entry.recipients[0])
                return


def clocks_go_back(world: World) -> None:
    """Every clock is ahead while a record arrives somewhere, and is put right before the next one does."""
    for ahead in (90_000, 0):
        world.skew = dict.fromkeys(world.skew, ahead)
        publish(world)


def _fork(world: World) -> None:
    world.copies["south"] = Forked(world.ledger, world._step("south"), lambda: world.time)
    world.open("south")


# --- gate ---------------------------------------------------------------------------------------------------


class _Rollback(Exception):
    pass


def _sends_before_it_writes() -> AbstractContextManager[Any]:
    """The line of a disclosure is written a moment after the records went out."""
    late: list[Callable[[], object]] = []
    real = Gathering.write

    def write(self: Gathering, draft: Any, answered: Any, *rest: Any) -> Line:
        for waiting in late:
            waiting()
        late.clear()
        if draft.kind != "disclosure/1":
            return real(self, draft, answered, *rest)
        kept: list[Line] = []

        def rehearse(connection: sql.Connection) -> None:
            kept.extend(self._journal.append(connection, [draft]))
            raise _Rollback

        with contextlib.suppress(_Rollback):
            self._journal.store.write(rehearse)
        late.append(lambda: real(self, draft, answered, *rest))
        return kept[0]

    return patch.object(Gathering, "write", write)


def _revocations_are_remembered_as_absent() -> AbstractContextManager[Any]:
    """What was not taken back once is taken to stand for ever."""
    real = Nullifiers.published
    absent: set[bytes] = set()

    def published(self: Nullifiers, nullifier: bytes) -> bool:
        if nullifier in absent:
            return False
        found = real(self, nullifier)
        if not found:
            absent.add(nullifier)
        return found

    @contextlib.contextmanager
    def both() -> Iterator[None]:
        # The consent is forgotten by another way as well when it is taken back here; that way is shut, too.
        with patch.object(Nullifiers, "published", published), _consents_stay():
            yield

    return both()


@contextlib.contextmanager
def _consents_stay() -> Iterator[None]:
    """Deleting from the table of consents does nothing."""
    real = sql.delete

    def delete(table: Any) -> Any:
        statement = real(table)
        return statement.where(sql.false()) if table is store.consent else statement

    with patch.object(sql, "delete", delete):
        yield


def _no_second_look() -> AbstractContextManager[Any]:
    """A record is sent as it lies there, whatever was signed."""
    known = Reader.facts

    def facts(self: Reader, row: Any) -> Any:
        return known(self, row)._replace(trouble=None)

    real = Reader.content

    def content(self: Reader, row: Any) -> bytes:
        raw = self._node.source.read(row.type, row.id)
        return canonical(raw).data if raw is not None else real(self, row)

    return patch.multiple(
        Reader, facts=facts, content=content, read=lambda self, rows: [content(self, row) for row in rows]
    )


def _requests_may_come_twice() -> AbstractContextManager[Any]:
    """A request that comes a second time is answered a second time."""

    @contextlib.contextmanager
    def both() -> Iterator[None]:
        columns = ("obligation", "requester", "expires", "due", "seq", "status")
        over = Prepared(sql.insert(access.asked).prefix_with("OR REPLACE"), columns)
        with (
            patch.object(gather_room._ASKED, "found", lambda connection, wanted: set()),
            patch.object(gather_room, "_INSERT_ASKED", over),
            # The journal would refuse the second line by what it asks of the requester.
            patch.object(obligations, "make", lambda *_: None),
        ):
            yield

    return both()


def _merge_delay_is_forgotten() -> AbstractContextManager[Any]:
    """Records go out however long lines have waited for the ledger."""
    return patch.object(Gate, "_check_merge_delay", lambda self, now: None)


# --- notices ------------------------------------------------------------------------------------------------


def _sent_is_delivered() -> AbstractContextManager[Any]:
    """What was sent is forgotten, whether it arrived or not, and what is asked for again is not sent."""

    def failed(self: Deliverer, way: Any, rows: list[Any], error: Any, now: int) -> None:
        gone = [row.id for row in rows]
        self._node.store.write(lambda connection: deliver_room._settle(connection, gone, [], now))

    @contextlib.contextmanager
    def both() -> Iterator[None]:
        with patch.object(Deliverer, "_failed", failed), patch.object(Linker, "_queue_again", lambda *_: 0):
            yield

    return both()


def _late_notices_are_dropped() -> AbstractContextManager[Any]:
    """A notice that comes after its line was met on the ledger counts as known."""
    real = agent_room.enter

    def keep(connection: sql.Connection, rows: list[dict[str, Any]], *rest: Any) -> None:
        known = {
            bytes(mark)
            for (mark,) in connection.execute(
                sql.select(store.notice.c.tag).where(store.notice.c.tag.in_([row["tag"] for row in rows]))
            )
        }
        real(connection, [row for row in rows if row["received"] is None or row["tag"] not in known], *rest)

    return patch.object(agent_room, "enter", keep)


def _anybody_speaks_for_anybody() -> AbstractContextManager[Any]:
    """The agent does not ask whose statement an organisation brings."""
    real = manifests.decode

    def row(self: Agent, connection: sql.Connection, caller: str, *line: Any) -> dict[str, Any] | None:
        def decode(data: bytes) -> Any:
            statement = real(data)
            return msgspec.structs.replace(statement, organisation=caller)

        with patch.object(agent_room.manifests, "decode", decode):
            return original(self, connection, caller, *line)

    original = Agent._row
    return patch.object(Agent, "_row", row)


def lie(world: World) -> None:
    """A hospital whose node is not ours tells a person's agent something in another's name."""
    linked = [(person, name) for person in world.people for name in sorted(person.linked)]
    if not linked:
        return
    person, name = world.random.choice(linked)
    node = world.nodes[name]
    other = world.random.choice([hospital for hospital in HOSPITALS if hospital != name])
    with node.store.read() as connection:
        who = node.journal.person_of_account(connection, person.account)
        row = connection.execute(sql.select(store.person).where(store.person.c.id == who.id)).one()
    counter = row.counter
    statement = LinkManifest("link/1", NETWORK.hex(), other, person.account, world.time, "link", AGENT, 0)
    data, salt = manifests.encode(statement), world.randbytes(32)
    entry = encode_entry(commitment(data, salt), tag(who.keys.relationship, counter), {})
    line = Line(0, world.time, bytes(32), entry, data, salt)
    payload = node.journal.notice(who, counter, line)
    world.do(name, "lies", lambda: codec.decode(node.peers.call(AGENT, NOTICES_PATH, codec.encode([payload]))))


def _keys_of_a_link_serve_again() -> AbstractContextManager[Any]:
    """Whoever links again does so under the keys of the first link, and the organisation does not mind."""

    @contextlib.contextmanager
    def both() -> Iterator[None]:
        first = patch.object(linking, "next_epoch", lambda *_: 1)
        with first, patch.object(unlinking, "served", lambda *_: False):
            yield

    return both()


def _half_is_not_written() -> AbstractContextManager[Any]:
    """A recipient keeps the records and writes nothing down."""
    return patch.object(receive_room, "state_half", lambda *_, **__: 0)


BUGS: dict[str, Bug] = {
    "anchor-doubles": Bug("after a lost answer the same lines go into a new batch", _anchor_takes_the_same_lines_twice),
    "nonce-reuse": Bug("a batch takes the number of the one before it", _nonce_is_taken_twice),
    "never-overdue": Bug("obligations past their time stay open", _never_overdue),
    "lines-back-in-time": Bug(
        "a line is dated before the one in front of it", _lines_go_back_in_time, None, ((clocks_go_back, 4),)
    ),
    "ledger-fork": Bug("one organisation's copy of the ledger goes its own way", contextlib.nullcontext, _fork),
    "send-before-journal": Bug("records go out before the line that says so is durable", _sends_before_it_writes),
    "revocation-ignored": Bug(
        "a consent seen to stand is taken to stand for ever",
        _revocations_are_remembered_as_absent,
        None,
        ((regret, 6),),
    ),
    "no-second-look": Bug("a record altered in place is sent", _no_second_look),
    "request-twice": Bug("a request that comes twice is answered twice", _requests_may_come_twice),
    "merge-delay": Bug("records go out however long lines have waited", _merge_delay_is_forgotten),
    "sent-is-delivered": Bug("notices are forgotten when sent, and redelivery sends none", _sent_is_delivered),
    "late-notice-dropped": Bug(
        "a notice that comes after its line is on the ledger is lost", _late_notices_are_dropped
    ),
    "foreign-notice": Bug(
        "the agent believes an organisation about another", _anybody_speaks_for_anybody, None, ((lie, 4),)
    ),
    "link-keys-twice": Bug(
        "a link made again has the keys of the one that was undone",
        _keys_of_a_link_serve_again,
        None,
        ((people.go_and_come_back, 4),),
    ),
    "glass-without-trace": Bug("to say that it is an emergency opens the records", people.glass_without_a_trace),
    "look-untold": Bug("a disclosure is written down, and not about whom", people.look_is_kept_from_her),
    "review-untold": Bug("the outcome of an emergency's review reaches nobody", people.review_is_not_told),
    "review-settles-nothing": Bug("a review leaves what is owed for the emergency open", people.review_settles_nothing),
    "referral-unchecked": Bug(
        "a referral that waits goes out though its permission was taken back",
        people.referral_is_not_looked_at_again,
        None,
        ((people.refer_and_regret, 6),),
    ),
    "referral-given-up": Bug(
        "a referral that did not arrive is not tried again", people.referral_is_given_up, None, ((care.refer, 8),)
    ),
    "old-keys-go-on": Bug("nodes take what a key signs that was taken away", people.old_keys_go_on),
    "recovery-keeps-keys": Bug("after a recovery the old key still acts", people.recovery_leaves_the_old_key),
    "move-untold": Bug("an organisation goes on telling the old agent", people.the_new_agent_is_not_told),
    "undone-lines-stay": Bug(
        "what was written under a link that was undone is never handed over again",
        people.only_the_last_link_counts,
        None,
        ((people.go_and_come_back, 6),),
    ),
    "gap-alarms": Bug(
        "what is missing because a link is undone is asked for for ever",
        people.a_gap_is_an_alarm_for_ever,
        None,
        ((keys.move, 6),),
    ),
    "half-not-written": Bug("a recipient writes down no receipt", _half_is_not_written),
}
