"""Halves of a disclosure that stand alone: seen at the source, at the recipient, and by the person wherever she is."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medrec.core import codec
from medrec.node.keeping import store
from medrec.node.looks.halves import alone, one_sided, unwritten, watch_alone
from medrec.node.looks.lone import LONE_PATH
from medrec.node.peers.peers import PeerError
from medrec.node.release.access import half_alone
from medrec.node.release.receive import close_failed
from tests.node.network import HOUR, Network, Patient
from tests.node.test_gate import ada as ada
from tests.node.test_gate import get
from tests.node.test_gate import network as network


def put_back(network: Network, organisation: str, folder: Path) -> Callable[[], Any]:
    """Keep a copy of a store; what comes back puts it in the store's place, as a source does that hides a line."""
    live, kept = folder / f"{organisation}.db", folder / "kept.db"
    with sqlite3.connect(live) as source, sqlite3.connect(kept) as copy:
        source.backup(copy)

    def back() -> Any:
        network[organisation].store.close()
        for file in folder.glob(f"{organisation}.db*"):
            file.unlink()
        shutil.copy(kept, live)
        return network.open(organisation)

    return back


def test_a_source_that_drops_its_line_is_seen_by_both_officers(network: Network, ada: Patient, tmp_path: Path) -> None:
    south: Any = network["south"]
    network.consent(ada, "north", "south")
    network.anchor()
    hide = put_back(network, "north", tmp_path)
    seen = get(network, ada.account)
    north = hide()
    network.anchor()
    # Within the hour it may still come; the source sees at once that it has no such line.
    assert alone(south) == [] and watch_alone(south) == 0
    (missing,) = unwritten(north)
    assert (missing.requester, missing.obligation) == ("south", seen.obligation)
    network.time += HOUR + 1
    (lone,) = alone(south)
    assert (lone.source, lone.obligation, lone.seq) == ("north", seen.obligation, seen.seq)
    for _ in range(2):
        close_failed(south)
        assert [alarm.code for alarm in south.rows(store.alarm)] == ["release-not-on-ledger"]
    # Not after a day, as requests are, and not by a restart.
    network.time += 30 * 24 * HOUR
    south = network.crash("south")
    close_failed(south)
    assert [one.obligation for one in alone(south)] == [seen.obligation]


def lone_letters(network: Network, organisation: str = "south") -> list[Any]:
    return [row for row in network[organisation].rows(store.outbox) if row.path == LONE_PATH]


def bring(network: Network) -> list[bool]:
    """Bring every letter of south's, and keep them."""
    call = network["south"].peers.call
    return [
        codec.decode(call(one.organisation, LONE_PATH, codec.encode([one.payload])))[0] for one in lone_letters(network)
    ]


def follow(agent: Any) -> None:
    while agent.agent.follow():
        pass


def test_the_person_hears_of_what_her_source_hides_from_a_place_that_does_not_know_her(
    network: Network, ada: Patient, tmp_path: Path
) -> None:
    south, agent = network["south"], network["guide"]
    bob = network.patient("bob", "north")
    network.consent(ada, "north", "south")
    network.anchor()
    network.deliver()
    hide = put_back(network, "north", tmp_path)
    seen = get(network, ada.account, types=("Observation",))
    hide()
    network.anchor()
    close_failed(south)  # type: ignore[arg-type]
    assert lone_letters(network) == []
    network.time += HOUR + 1
    for _ in range(2):
        close_failed(south)  # type: ignore[arg-type]
    # One for each agent, once; it names nobody, and no record.
    (letter,) = lone_letters(network)
    assert letter.organisation == "guide"
    assert all(word not in letter.payload for word in (ada.account.encode(), b"Observation", seen.records[0].content))
    # What the agent has not seen on the ledger yet is brought again.
    assert bring(network) == [False]
    follow(agent)
    for _ in range(2):
        assert bring(network) == [True]
    (lone,) = one_sided(agent, ada.account)  # type: ignore[arg-type]
    assert (lone.told_by, lone.silent, lone.side, lone.status) == ("south", "north", "recipient", "received")
    (told,) = [one for one in agent.agent.notices(ada.account) if one.kind == "disclosure-received/1"]
    assert [record.id for record in told.manifest.records] == ["bp"] and told.height is not None
    assert one_sided(agent, bob.account) == []  # type: ignore[arg-type]
    assert agent.agent.missing() == []


def test_a_letter_about_nobody_or_what_both_ends_wrote_is_heard_and_not_kept(
    network: Network, ada: Patient, tmp_path: Path
) -> None:
    agent, south = network["guide"], network["south"]
    network.consent(ada, "north", "south")
    network.anchor()
    network.deliver()
    get(network, ada.account)
    south.anchor()
    network.time += HOUR + 1
    close_failed(south)  # type: ignore[arg-type]
    (letter,) = lone_letters(network)
    follow(agent)
    # Another organisation cannot bring it as its own word: the ledger has no half of its.
    hear = network["east"].peers.call
    assert codec.decode(hear("guide", LONE_PATH, codec.encode([letter.payload]))) == [False]
    # The source was only late: its half comes, and hers is told by it.
    network.anchor()
    assert bring(network) == [True]
    for wrong in (b"", codec.encode([]), codec.encode(["north", bytes(3), bytes(16), []]), codec.encode([1, 2, 3, 4])):
        assert codec.decode(hear("guide", LONE_PATH, codec.encode([wrong]))) == [True]
    assert [one.kind for one in agent.agent.notices(ada.account)].count("disclosure-received/1") == 0
    with pytest.raises(PeerError) as caught:
        hear("north", LONE_PATH, codec.encode([letter.payload]))
    assert caught.value.code == "not-permitted"


def test_a_half_that_was_altered_on_the_way_is_not_kept(network: Network, ada: Patient) -> None:
    agent, south = network["guide"], network["south"]
    network.consent(ada, "north", "south")
    network.anchor()
    network.deliver()
    get(network, ada.account)
    south.anchor()
    network.time += HOUR + 1
    close_failed(south)  # type: ignore[arg-type]
    (letter,) = lone_letters(network)
    follow(agent)
    altered = letter.payload[:-1] + bytes([letter.payload[-1] ^ 1])
    source, obligation, nonce, pairs = codec.decode(altered)
    one = codec.encode([source, obligation, nonce, pairs[-1:]])
    assert codec.decode(south.peers.call("guide", LONE_PATH, codec.encode([one]))) == [True]
    assert one_sided(agent, ada.account) == []  # type: ignore[arg-type]


def test_an_honest_source_is_not_suspected(network: Network, ada: Patient) -> None:
    north, south = network["north"], network["south"]
    network.consent(ada, "north", "south")
    network.anchor()
    get(network, ada.account)
    # The recipient was faster: the source's line is only on its way.
    south.anchor()
    assert unwritten(north) == []  # type: ignore[arg-type]
    network.time += HOUR + 1
    assert len(alone(south)) == 1  # type: ignore[arg-type]
    network.anchor()
    assert alone(south) == [] and unwritten(north) == []  # type: ignore[arg-type]
    close_failed(south)  # type: ignore[arg-type]
    assert south.rows(half_alone) == [] == south.rows(store.alarm)
