"""A clinic that is offline for days: it journals on, syncs in two-minute windows at 50 % loss, and says how late."""

import json
import logging

import pytest
import sqlalchemy as sql

from medrec.core.records.canonical import canonical
from medrec.engines.engine import EngineError
from medrec.node.keeping import store
from medrec.node.ledger.audit import audit_journal
from medrec.node.ledger.standing import (
    FRESH_MS,
    Heard,
    Listening,
    Standing,
    answer_standing,
    in_words,
    late_ms,
    standing,
)
from medrec.node.peers.peers import PeerError
from medrec.node.records.publish import Incoming
from medrec.node.release.receive import request_records

from .disk import Disks, kept_disks
from .invariants import check_anchored, check_ledger, check_notices, heal, settle
from .world import AGENT, NETWORK, World

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
CLINIC = "east"


@pytest.fixture(scope="module")
def disks():
    return kept_disks()


@pytest.fixture(autouse=True)
def quiet():
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(before)


def clinic(seed: int, disks: Disks) -> World:
    """A world in which one person is linked to the clinic and nothing waits."""
    world = World(seed, disks)
    person = world.people[0]
    if CLINIC not in person.linked:
        world.link(person, CLINIC)
        person.linked.add(CLINIC)
    settle(world)
    return world


def cut(world: World, off: bool = True) -> None:
    """The clinic's link is down, or up."""
    world.unreachable = {CLINIC} if off else set()
    world.copies[CLINIC].cut_off = off


def write_down(world: World, number: int) -> None:
    """A record is made at the clinic."""
    content = {
        "resourceType": "Observation",
        "id": f"w{number}",
        "status": "final",
        "subject": {"reference": f"Patient/{world.people[0].name}"},
        "valueInteger": number,
    }
    raw = json.dumps(content).encode()
    world.records[CLINIC].raw["Observation", f"w{number}"] = raw
    world.nodes[CLINIC].publisher.publish([Incoming("Observation", f"w{number}", canonical(raw), f"day {number}")])


def window(world: World, loss: float = 0.5) -> None:
    """Two minutes of a link that loses half of what is sent, on the way there or back; a round of the node a second."""
    world.lossy = loss
    world.unreachable = set()
    copy = world.copies[CLINIC]
    copy.loses_answers = lambda: world.random.random() < loss
    for _ in range(120):
        world.time += 1000
        copy.cut_off = world.random.random() < loss
        node = world.nodes[CLINIC]
        for work in (node.anchor, lambda node=node: node.deliverer.step(node.clock())):
            world.do(CLINIC, "syncs", work)
    world.lossy = 0.0
    copy.loses_answers = lambda: False
    cut(world)


def others_go_on(world: World, blocks: int) -> None:
    for _ in range(blocks):
        world.ledger.engine.submit([])


@pytest.mark.parametrize("seed", range(6))
def test_days_offline_are_synced_in_short_bad_windows(seed, disks):
    world = clinic(seed, disks)
    node = world.nodes[CLINIC]
    cut(world)
    before = standing(node).lines
    for number in range(60):
        write_down(world, number)
        world.time += HOUR
        world.do(CLINIC, "tick", node.tick)
        if number == 30:
            # In the middle of it the process ends, and begins again on what is on its disk.
            world.reopen(CLINIC)
            node = world.nodes[CLINIC]
    late = standing(node)
    assert late.lines == before + 60 and late.waiting == 60
    assert late.behind and late.late_ms() >= 59 * HOUR
    assert late.sentence().startswith("Behind by 2 days: 60 lines wait to be signed onto the ledger and 60 notices")
    others_go_on(world, 1100)
    used = 0
    while standing(node).waiting or standing(node).notices:
        world.time += 6 * HOUR
        window(world)
        used += 1
        assert used < 12
    assert used <= 4
    assert standing(node).sentence() == "Up to date." and audit_journal(node) is None
    # Nothing was doubled or lost, on the ledger and at the agent.
    heal(world)
    settle(world)
    check_ledger(world)
    check_anchored(world, CLINIC)
    check_notices(world)


def test_a_batch_whose_answer_was_lost_before_days_of_silence_is_found_again(disks):
    """The ledger forgets an id once it has expired; the node must not sign the same lines a second time."""
    world = clinic(1, disks)
    node = world.nodes[CLINIC]
    write_down(world, 1)
    world.copies[CLINIC].loses_answers = lambda: True
    with pytest.raises(EngineError):
        node.anchor()
    cut(world)
    assert standing(node).waiting == 1
    others_go_on(world, 1100)
    world.copies[CLINIC].loses_answers = lambda: False
    cut(world, off=False)
    assert node.anchor() == 1 and standing(node).waiting == 0
    write_down(world, 2)
    assert node.anchor() == 1
    with node.store.read() as connection:
        batches = connection.execute(sql.select(store.batch).order_by(store.batch.c.number)).all()
    leaves = [row.leaf for row in batches]
    assert None not in leaves and leaves == sorted(set(leaves))
    check_anchored(world, CLINIC)
    assert audit_journal(node) is None


def test_nothing_but_lines_is_made_while_the_ledger_cannot_be_reached(disks):
    """Records may not leave on lines that nobody has seen for longer than the merge delay."""
    world = clinic(2, disks)
    person = world.people[0]
    world.consent(person, CLINIC, ("north",))
    settle(world)
    cut(world)
    write_down(world, 1)
    world.time += 10 * MINUTE
    world.unreachable = set()  # the ledger is gone, the neighbours are not
    north = world.nodes["north"]

    def ask():
        doctor = north.practitioners.present("dr-north")
        return request_records(north, CLINIC, person.account, practitioner=doctor, reason="visit")

    with pytest.raises(PeerError) as error:
        ask()
    assert error.value.code == "merge-delay"
    world.copies[CLINIC].cut_off = False
    world.nodes[CLINIC].anchor()
    assert ask().records


def test_an_agent_knows_who_is_behind_and_who_is_silent(disks):
    world = clinic(3, disks)
    agent, node = world.nodes[AGENT], world.nodes[CLINIC]
    listening = agent.listening
    assert listening is not None and all(heard.sentence(world.time) == "Not asked yet." for heard in listening.heard())
    assert listening.ask_all() == len(listening.heard())
    (heard,) = [heard for heard in listening.heard() if heard.organisation == CLINIC]
    assert heard.last is not None and heard.sentence(world.time) == "Up to date."
    # It is not asked again within the minute.
    assert listening.ask_all() == 0
    # Behind: it can be reached, its ledger cannot.
    world.copies[CLINIC].cut_off = True
    write_down(world, 1)
    world.time += 3 * HOUR
    listening.ask_all()
    (heard,) = [heard for heard in listening.heard() if heard.organisation == CLINIC]
    assert heard.sentence(world.time).startswith("Behind by 3 hours: 1 line waits to be signed")
    # Silent: what was heard last stays, with the time since when nothing came; also after a restart.
    cut(world)
    for _ in range(3):
        world.time += DAY
        listening.ask_all()
    again = Listening(agent)
    (heard,) = [heard for heard in again.heard() if heard.organisation == CLINIC]
    assert heard.silent_since is not None and 0 <= world.time - 2 * DAY - heard.silent_since < MINUTE
    assert heard.sentence(world.time).startswith("Nothing was heard of it for 2 days;")
    assert "Behind by 3 hours" in heard.sentence(world.time)
    cut(world, off=False)
    world.time += MINUTE
    listening.ask_all()
    (heard,) = [heard for heard in listening.heard() if heard.organisation == CLINIC]
    assert heard.silent_since is None and heard.last is not None and heard.last.behind
    # A notice says how late it was heard of.
    settle(world)
    late = [late_ms(n) for n in agent.agent.notices(world.people[0].account) if n.organisation == CLINIC]
    assert max(late) >= 3 * DAY and node.organisation == CLINIC


def test_another_organisations_word_is_not_taken(disks):
    world = clinic(4, disks)
    agent = world.nodes[AGENT]
    told = answer_standing(world.nodes["north"], AGENT, b"")

    class Lying:
        lanes = 1

        def call(self, organisation, path, body):
            return told

    agent.peers = Lying()
    agent.listening.ask_all()
    heard = {heard.organisation: heard for heard in agent.listening.heard()}
    assert heard[CLINIC].last is None and heard[CLINIC].silent_since == agent.clock()


def test_words():
    assert [in_words(n) for n in (0, MINUTE, 119 * MINUTE, 2 * HOUR, 47 * HOUR, 2 * DAY)] == [
        "0 minutes", "1 minute", "119 minutes", "2 hours", "47 hours", "2 days",
    ]  # fmt: skip
    calm = Standing("x", FRESH_MS, 5, 5, None, 0, None, 1, 1)
    assert not calm.behind and calm.late_ms() == 0
    one = Standing("x", FRESH_MS, 5, 5, None, 1, 0, 1, 1)
    assert one.behind and one.sentence() == "Behind by 5 minutes: 1 notice waits to be delivered."
    assert Heard("x", None, 5).sentence(6) == "Not asked yet." and len(NETWORK) == 32
