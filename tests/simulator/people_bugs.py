"""Faults planted into what happens to people: emergencies, referrals, keys, moves, links that are undone."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

import msgspec
import sqlalchemy as sql

from medrec.core import codec, ladder, state
from medrec.core.view import Draft
from medrec.node import app as app_room
from medrec.node.agent import redelivery
from medrec.node.agent.moving import MOVE_PATH
from medrec.node.keeping import journal as journal_room
from medrec.node.keeping.journal import Line
from medrec.node.release.emergency import Emergencies
from medrec.node.release.gate import Gate
from medrec.node.release.gather import Gathering
from medrec.node.release.referrals import Referrals

from . import keys
from .world import World


def glass_without_a_trace() -> AbstractContextManager[Any]:
    """It is enough to say that it is an emergency."""
    return patch.object(Emergencies, "check", lambda self, account, request, now: "restricted")


def look_is_kept_from_her() -> AbstractContextManager[Any]:
    """A disclosure is written down without a word of whom it is about: nothing of it reaches her."""
    real = Gathering.write

    def write(self: Gathering, draft: Any, *told: Any) -> Line:
        return real(self, draft._replace(person=None) if draft.kind == "disclosure/1" else draft, *told)

    return patch.object(Gathering, "write", write)


def review_is_not_told() -> AbstractContextManager[Any]:
    """The source takes the review of an emergency and tells nobody."""
    return patch.object(Emergencies, "take_review", lambda self, requester, data: True)


def review_settles_nothing() -> AbstractContextManager[Any]:
    """A review is written down and does not say on the ledger what it is the review of."""
    real = journal_room.Journal.append

    def append(self: Any, connection: sql.Connection, drafts: Any) -> Any:
        bare = [draft._replace(extras=None) if draft.kind == "emergency-review/1" else draft for draft in drafts]
        return real(self, connection, bare)

    return patch.object(journal_room.Journal, "append", append)


def referral_is_not_looked_at_again() -> AbstractContextManager[Any]:
    """What was decided when somebody was referred goes out whenever the provider can be reached."""
    first: dict[str, bytes] = {}

    def release(self: Gate, caller: str, ask: Any, door: Any) -> Any:
        answer = real(self, caller, ask, door)
        if ask.request.door == "push":
            first[ask.request.id] = answer
        return answer

    def repeat(self: Gate, caller: str, ask: Any, door: Any, sent: bool = False) -> Any:
        return first[ask.request.id] if ask.request.id in first else again(self, caller, ask, door, sent)

    real, again = Gate.release, Gate.repeat
    return patch.multiple(Gate, release=release, repeat=repeat)


def refer_and_regret(world: World) -> None:
    """Somebody is referred while the provider cannot be reached, and what permitted it is taken back."""
    for person in world.people:
        for source, consents in person.consents.items():
            for index, entry in enumerate(consents):
                if entry.state == "given":
                    world.unreachable |= {entry.recipients[0]}
                    _refer(world, person, source, entry.recipients[0])
                    world.do(person.agent, "takes back", lambda: world.take_back(person, source, index))  # noqa: B023
                    return


def _refer(world: World, person: Any, source: str, recipient: str) -> None:
    node = world.nodes[source]

    def work() -> object:
        doctor = node.practitioners.present(f"dr-{source}")
        return node.referrals.refer(person.account, recipient, practitioner=doctor, reason="a second opinion").status

    world.do(source, f"refers {person.name} to {recipient}", work)
    world.do(source, "tick", node.tick)


def referral_is_given_up() -> AbstractContextManager[Any]:
    """A referral that did not arrive is not tried again."""

    def later(self: Referrals, row: Any, trouble: str, now: int) -> None:
        self._mark(bytes(row.obligation), status="stopped", trouble=trouble[:500])

    return patch.object(Referrals, "_later", later)


def old_keys_go_on() -> AbstractContextManager[Any]:
    """A key that acted for an account once acts for it for ever."""
    real = state.account

    def account(view: Any, address: str) -> Any:
        found = real(view, address)
        if found is None or isinstance(view, Draft):
            return found
        former = dict(_former(view, address))
        return msgspec.structs.replace(found, credentials={**former, **found.credentials})

    return patch.object(state, "account", account)


def _former(view: Any, address: str) -> Iterator[tuple[str, Any]]:
    start = ladder.former_key(address, b"")
    for key, _ in view.scan(start, start + b"\xff" * 17):
        name = key[len(start) :]
        kept = state.read(view, key, ladder.Former)
        if kept is not None:
            yield name.hex(), kept.credential


def recovery_leaves_the_old_key() -> AbstractContextManager[Any]:
    """Whoever comes back has a new key, and whoever has the old one still has one, too."""
    real = state.write

    def write(draft: Any, key: bytes, value: Any) -> None:
        if isinstance(value, state.Account):
            before = state.read(draft, key, state.Account)
            if before is not None and not set(before.credentials) & set(value.credentials):
                value = msgspec.structs.replace(value, credentials={**before.credentials, **value.credentials})
        real(draft, key, value)

    return patch.object(state, "write", write)


def the_new_agent_is_not_told() -> AbstractContextManager[Any]:
    """An organisation says yes to a move and goes on telling the old agent."""
    return patch.dict(app_room.ROUTES, {MOVE_PATH: lambda node, caller, body: codec.encode({"lines": 0})})


def only_the_last_link_counts() -> AbstractContextManager[Any]:
    """What was written under a link that was undone is never handed over again."""
    real = redelivery._of_epoch

    def of_epoch(journal: Any, connection: sql.Connection, now: Any, epoch: int) -> Any:
        if epoch not in (now.epoch, 1 - now.epoch):
            raise redelivery.NotLinkedError
        return real(journal, connection, now, epoch)

    return patch.object(redelivery, "_of_epoch", of_epoch)


def go_and_come_back(world: World) -> None:
    """Somebody leaves a hospital, is linked there again, and goes to another agent."""
    person = world.random.choice([person for person in world.people if person.linked] or world.people)
    for name in sorted(person.linked):
        world.do(name, f"unlink {person.name}", lambda: world.unlink(person, name, by_desk=True))  # noqa: B023
        world.do(name, f"link {person.name}", lambda: world.link(person, name))  # noqa: B023
    world.learn_links(person)
    keys.move(world)


def a_gap_is_an_alarm_for_ever() -> AbstractContextManager[Any]:
    """That an organisation has no link any more explains nothing."""
    return patch.object(redelivery, "explain", lambda *_: None)
