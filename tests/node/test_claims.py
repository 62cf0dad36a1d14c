"""The law of a right that an organisation states.

Whatever happens, in whatever order, somebody acts by it only while every claim about it is true; and as long as the
agent stays, she may act by it whenever they all are.
"""

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sql
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from medrec.core.delegation import DAY_MS
from medrec.core.manifests.delegation import delegation_end_message
from medrec.node.account import ending, heard, resting
from medrec.node.account.attested import WAIT_MS, delegation_begins
from medrec.node.account.claims import delegation_doubted
from medrec.node.account.delegates import delegation_table
from medrec.node.account.parents import attest
from medrec.node.agent.copies import record_copy
from medrec.node.ledger import govern
from medrec.node.ledger.rebuild import rebuild
from medrec.node.refusals import Refusal
from tests.node.helping import Help
from tests.portal.test_resting import word

BORN = "2020-01-01"
STEPS = (
    "state", "again", "unlink", "link", "contradict", "correct", "end", "rest", "go-on", "move", "leave", "day", "wait"
)  # fmt: skip


PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""A failure is short enough to be read as it is, and each step works a network of real nodes."""

FORGOTTEN = (
    delegation_table, delegation_begins, delegation_doubted, ending.delegation_ended, resting.delegation_rest,
    heard.delegation_end_told,
)  # fmt: skip
"""What an agent that is new to her does not have."""


class Right:
    """What is true of one statement of north, as the law tells it."""

    def __init__(self, data: bytes, held: Any, begins: int) -> None:
        self.data, self.hash, self.delegation = data, held.hash, held.delegation
        self.begins, self.ended, self.doubted = begins, False, False


class World:
    """North states that Bo is Ada's parent; beside what the node says stands what ought to be true."""

    def __init__(self, folder: Path) -> None:
        self.help = Help(folder)
        self.guide, self.north, self.ada = self.help.guide, self.help.north, self.help.ada
        self.linked, self.active, self.contradicted, self.moved = True, True, False, False
        self.rights: list[Right] = []
        self.gone: list[Right] = []
        self.words: list[tuple[int, Right, bool]] = []

    @property
    def now(self) -> int:
        return self.help.network.time

    @property
    def doubt(self) -> bool:
        return not (self.linked and self.active) or self.contradicted

    def rests(self, right: Right) -> bool:
        """Her last word about it; or, if she has said nothing of it, about any of the same delegate."""
        mine = [word for word in self.words if word[1] is right] or self.words
        return bool(mine) and mine[-1][2]

    def holds(self, right: Right) -> bool:
        return not (right.ended or self.doubt or self.rests(right)) and self.now >= right.begins

    def take(self, data: bytes) -> bool:
        """North's statement comes to the agent, which takes it in while nothing is against it; whether it did."""
        begun = any(not one.ended and not one.doubted and one.begins <= self.now for one in self.rights)
        try:
            digest = self.guide.delegates.take(data, caller="north")
        except Refusal:
            assert self.doubt or any(one.ended and one.data == data for one in self.rights + self.gone)
            return False
        assert not self.doubt
        if all(one.data != data for one in self.rights):
            begins = self.now if begun else self.now + WAIT_MS
            self.rights.append(Right(data, self.guide.delegates.find(digest), begins))
        return True

    def step(self, name: str) -> None:
        getattr(self, f"do_{name.replace('-', '_')}")()
        self.help.network.time += 1
        self.look()

    def look(self) -> None:
        """What the node says now, and what ought to be."""
        for right in self.rights:
            if not right.ended and right.doubted != self.doubt:
                right.doubted = self.doubt
                right.begins = right.begins if self.doubt else self.now + WAIT_MS
        held = {one.hash: one for one in self.guide.delegates.of(self.ada.account)}
        for right in self.rights:
            # Nobody acts too early or too long, and nobody waits longer than is said; after a move as before it.
            assert held[right.hash].holds == self.holds(right), held[right.hash].closed
            assert held[right.hash].lives == (not right.ended)
        may = self.guide.delegates.may(self.ada.account, self.help.bo.account, "consent")
        assert (may is not None) == any(one.holds for one in held.values())

    def settle(self) -> None:
        """What was said comes to the ledger and to the agent; who left the ledger says nothing more."""
        if self.active:
            self.help.story.settle()

    def do_state(self) -> None:
        fields: dict[str, Any] = {"basis": "parental", "born": BORN, "attested": "north", "rights": ["look", "consent"]}
        fields["until"] = self.now + 1000 * DAY_MS
        self.take(attest(self.north, self.help.delegation(os.urandom(32), **fields)))

    def do_again(self) -> None:
        """North sends an old statement once more."""
        for old in (self.rights + self.gone)[-1:]:
            self.take(old.data)

    def do_unlink(self) -> None:
        if self.linked:
            self.guide.agent.unlink(self.ada.account, "north", self.ada.sign)
            self.linked = False
            self.settle()

    def do_link(self) -> None:
        if not self.linked and self.active:
            code = self.north.linker.invite("ada")
            self.guide.agent.link(self.ada.account, "north", code, self.ada.sign)
            self.linked = True
            self.settle()

    def do_contradict(self) -> None:
        content, tag = json.dumps({"resourceType": "Patient", "birthDate": "1950-03-04"}).encode(), os.urandom(16)
        row = {
            "account": self.ada.account, "organisation": "south", "type": "Patient", "id": "ada", "tag": tag,
            "sealed": self.guide.vault.seal(None, content, tag),
        }  # fmt: skip
        if not self.contradicted:
            self.guide.store.write(lambda connection: connection.execute(sql.insert(record_copy).values(**row)))
        self.contradicted = True

    def do_correct(self) -> None:
        self.guide.store.write(lambda connection: connection.execute(sql.delete(record_copy)))
        self.contradicted = False

    def do_end(self) -> None:
        for right in [one for one in self.rights if not one.ended][-1:]:
            key, message = self.ada.key, delegation_end_message(bytes.fromhex(right.delegation.nullifier))
            held = self.guide.delegates.find(right.hash)
            ending.send(self.guide, held, key.key_id, key.sign_transaction_id(message))
            right.ended = True

    def say(self, action: str) -> None:
        for right in self.rights[-1:]:
            resting.send(self.guide, word(self.help, self.ada, right.hash, action))
            self.words.append((self.now, right, action == "rest"))

    def do_rest(self) -> None:
        self.say("rest")

    def do_go_on(self) -> None:
        self.say("go-on")

    def do_move(self) -> None:
        """She comes to an agent that knows nothing but the ledger and what places tell."""
        self.settle()
        guide, account = self.guide, self.ada.account
        lines = rebuild(guide.engine, guide.agent.view_secret(account))

        def anew(connection: sql.Connection) -> None:
            for table in FORGOTTEN:
                connection.execute(sql.delete(table))
            heard.remember(connection, account, lines, guide.clock())

        guide.store.write(anew)
        self.gone, self.rights, self.moved = self.gone + self.rights, [], True

    def do_leave(self) -> None:
        """North leaves the ledger."""
        if self.active:
            self.settle()
            network = self.help.network
            govern.send(network.engine, network.keys["north"], network.id, "organisation/leave", {})
            self.active = False

    def do_day(self) -> None:
        self.help.network.time += DAY_MS

    def do_wait(self) -> None:
        self.help.network.time += WAIT_MS


@settings(max_examples=8, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(STEPS), min_size=4, max_size=14))
@example(["wait", "rest", "go-on", "state", "unlink", "wait", "link", "day", "wait"])
@example(["contradict", "wait", "correct", "day", "wait", "end"])
@example(["rest", "state", "move", "again", "wait"])
@example(["end", "state", "end", "move", "again", "wait", "state", "wait", "leave"])
def test_somebody_acts_only_while_every_claim_is_true(steps: list[str]) -> None:
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        try:
            for name in ("state", *steps):
                world.step(name)
        finally:
            world.help.close()
