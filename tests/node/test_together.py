"""A node over a network's engine: closed until its ledger has caught up, stopped where its journal is an old copy, and
blind, and saying so, while it does not see the ledger's head. The engine's connections are played; tests/network has
real ones.
"""

import shutil
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from medrec import wiring
from medrec.engines.cometbft_reach import Reach, look
from medrec.engines.memory import MemoryEngine
from medrec.node.app import NEEDS_THE_HEAD, RULES, make_app
from medrec.node.keeping.journal import Draft
from medrec.node.keeping.keys import OrganisationKeys
from medrec.node.keeping.store import StoreError
from medrec.node.ledger import together
from medrec.node.ledger.sight import CUT_OFF
from medrec.node.ledger.together import ApartError
from medrec.node.node import Node
from medrec.node.operate import OperateError, perform
from medrec.node.peers.rules import Rule

NOW = 1_750_000_000_000
SEEN = Reach(fetching=False, peers=1, level=1, members=2)
FETCHING = Reach(fetching=True, peers=1, level=0, members=2)
ALONE = Reach(fetching=True, peers=0, level=0, members=2)


class Engine(MemoryEngine):
    """A ledger with other members behind it, of which this node sees only the first `limit` blocks."""

    now = NOW

    def __init__(self, genesis: dict[str, Any]) -> None:
        super().__init__(genesis, lambda: Engine.now)
        self.reached: Reach | None = SEEN

    def reach(self) -> Reach | None:
        return self.reached


class Place:
    """A folder, keys and clock; a node over them can be opened with any ledger."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.keys = OrganisationKeys.generate("north")
        self.keys.save(folder / "keys")
        founder = {"id": "north", "name": "North", "roles": ["hospital"], "endpoint": "", "keys": self.keys.public()}
        self.genesis = wiring.genesis_document("test", NOW - 1000, [founder])
        self.opened: list[Node] = []
        Engine.now = NOW
        monkeypatch.setattr(wiring, "now_ms", lambda: Engine.now)

    def engine(self, *transactions: bytes) -> Engine:
        """A ledger that holds these, in a block each."""
        engine = Engine(self.genesis)
        for transaction in transactions:
            engine.submit([transaction])
        return engine

    def open(self, engine: Any, folder: Path | None = None, keys: OrganisationKeys | None = None) -> Node:
        node = wiring.build_node(
            organisation="north", genesis=self.genesis, engine=engine, folder=folder or self.folder, keys=keys
        )
        self.opened.append(node)
        return node


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    place = Place(tmp_path / "data", monkeypatch)
    yield place
    for node in place.opened:
        wiring.close_node(node)


def write(node: Node, *texts: str) -> None:
    drafts = [Draft("note/1", text.encode()) for text in texts]
    node.store.write(lambda connection: node.journal.append(connection, drafts))


def blocks(engine: Engine) -> list[bytes]:
    return [data for block in engine.blocks(0) for data in block.block.transactions]


def lines(node: Node) -> int:
    return int(perform(node, "status", [])["lines"])


def shut(node: Node) -> tuple[int, str]:
    """What the node's own door says to a stranger: status and words."""
    answer = TestClient(make_app(node)).get("/fhir/metadata")
    return answer.status_code, answer.text


def test_a_ledger_that_is_behind_opens_the_node_when_the_blocks_have_come(place: Place) -> None:
    engine = place.engine()
    node = place.open(engine)
    write(node, "one", "two")
    assert node.anchor() == 2
    transactions = blocks(engine)
    wiring.close_node(place.opened.pop())

    lost = place.engine()
    lost.reached = FETCHING
    node = place.open(lost)
    assert shut(node)[0] == 503 and "Catching up" in shut(node)[1]
    with pytest.raises(OperateError) as caught:
        perform(node, "export", [1, 2, "x"])
    assert caught.value.code == "catching-up"
    assert "0 of them" in perform(node, "status", [])["trouble"]["ledger"]
    with pytest.raises(ApartError):
        node.anchor()
    with pytest.raises(StoreError, match="Catching up"):
        write(node, "three")
    lost.submit(transactions)
    lost.reached = SEEN
    Engine.now += 3000
    node.together.wait(10)
    assert "ledger" not in perform(node, "status", [])["trouble"] and shut(node)[0] == 200
    write(node, "three")
    assert node.anchor() == 1 and lines(node) == 3


def test_a_ledger_of_ones_own_that_is_behind_is_refused_at_once(place: Place) -> None:
    node = place.open(MemoryEngine(place.genesis, lambda: NOW))
    write(node, "one")
    node.anchor()
    wiring.close_node(place.opened.pop())
    with pytest.raises(ApartError) as caught:
        place.open(MemoryEngine(place.genesis, lambda: NOW))
    assert caught.value.code == "ledger-lost"


def test_an_organisation_that_joined_is_known_once_its_blocks_have_come(place: Place) -> None:
    """Genesis does not know it, nor keys that were replaced since: both come with blocks, or they are told."""
    engine = place.engine()
    engine.reached = FETCHING
    node = place.open(engine, keys=OrganisationKeys.generate("north"))
    assert "catching-up" in str(node.together.known and node.together.known.code)
    engine.reached = SEEN
    Engine.now += 3000
    node.sight.look()
    with pytest.raises(ApartError) as caught:
        node.together.check()
    assert caught.value.code == "wrong-keys"


def test_an_old_copy_of_all_is_found_by_the_block_that_shows_it_and_writes_nothing(
    place: Place, tmp_path: Path
) -> None:
    engine = place.engine()
    node = place.open(engine)
    write(node, "one")
    node.anchor()
    wiring.close_node(place.opened.pop())
    old = shutil.copytree(place.folder, tmp_path / "old")
    before = blocks(engine)
    node = place.open(engine)
    write(node, "two")
    node.anchor()
    after = blocks(engine)[len(before) :]

    stale = place.engine(*before)
    copy = place.open(stale, old)  # ledger and store agree: nothing is wrong yet
    assert copy.together.apart() is None
    write(copy, "another two")  # the link was down, nobody could know
    stale.submit(after)
    for attempt in (lambda: write(copy, "three"), copy.anchor, copy.together.check):
        with pytest.raises((ApartError, StoreError)) as caught:
            attempt()
        assert caught.value.code == "journal-lost"  # type: ignore[attr-defined]
    assert shut(copy)[0] == 503 and lines(copy) == 2
    assert copy.engine.tip().log_size == 2, "nothing of it went onto the ledger"
    with pytest.raises(ApartError) as again:
        place.open(stale, old)
    assert again.value.code == "journal-lost"


def test_nothing_is_written_before_the_others_were_looked_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = place.engine()
    engine.reached = FETCHING
    node = place.open(engine)
    with pytest.raises(StoreError, match="Catching up"):
        write(node, "one")
    monkeypatch.setattr(together, "ALONE_S", 0.0)
    Engine.now += 3000
    with pytest.raises(StoreError, match="Catching up"):
        write(node, "one")  # somebody is there, whose blocks are still to come
    engine.reached = ALONE
    Engine.now += 3000
    write(node, "one")  # a link that is down does not stop what happens from being written down
    assert lines(node) == 1


def test_a_node_that_does_not_see_the_head_says_so_after_the_merge_delay(place: Place) -> None:
    engine = place.engine()
    node = place.open(engine)
    assert perform(node, "status", [])["standing"] == "Up to date."
    engine.reached = ALONE
    Engine.now += 59_000
    assert not node.sight.overdue(Engine.now, node.merge_delay_ms)
    Engine.now += 3 * 3_600_000
    found = perform(node, "status", [])
    assert found["standing"] == "Cut off: the newest block of the other members has not been seen for 3 hours."
    assert found["trouble"]["ledger"] == CUT_OFF
    told = TestClient(make_app(node)).get("/standing").json()
    assert told["behind"] and told["unseen_since"] == NOW
    engine.reached = SEEN
    Engine.now += 3000
    assert perform(node, "status", [])["standing"] == "Up to date."


def test_a_node_that_was_just_opened_is_not_called_cut_off_and_waits_for_the_head_all_the_same(place: Place) -> None:
    place.open(place.engine())
    engine = place.engine()
    engine.reached = FETCHING
    Engine.now += 3 * 3_600_000  # nothing happened while it was down
    node = place.open(engine)
    for later in (0, 2_000):
        Engine.now += later
        found = perform(node, "status", [])
        assert found["standing"] == "Just opened: the newest block of the other members is being looked for."
        assert found["trouble"].get("ledger", "") != CUT_OFF
        assert node.sight.overdue(Engine.now, node.merge_delay_ms)
        assert TestClient(make_app(node)).get("/standing").json()["behind"]
    Engine.now += 60_000
    assert perform(node, "status", [])["standing"].startswith("Cut off: the newest block of the other members has not")


def test_what_needs_the_head_is_said_of_each_address() -> None:
    closed = {path for path, rule in RULES.items() if rule in NEEDS_THE_HEAD}
    assert "/medrec/redeliver" in closed and "/medrec/corrections" in closed
    assert all(RULES[path] in (Rule.HER_AGENT, Rule.OWN_WORD) for path in closed)


class Calls:
    """What an engine of four validators answers, with peers at these heights."""

    def __init__(self, heights: list[int], catching_up: bool = False) -> None:
        self.heights, self.catching_up = heights, catching_up

    def call(self, method: str, **parameters: Any) -> Any:
        peers = [{"peer_state": {"round_state": {"height": str(height)}}} for height in self.heights]
        answers = {
            "status": {"sync_info": {"catching_up": self.catching_up}},
            "validators": {"total": "4"},
            "dump_consensus_state": {"round_state": {"height": "8"}, "peers": peers},
        }
        return answers[method]


@pytest.mark.parametrize(
    ("heights", "catching_up", "seen"),
    [
        ([8, 8, 8], False, True),
        ([8, 7, 10**9], False, True),  # one that boasts blinds nobody
        ([8, 9, 9], False, False),  # two have a block that is not here
        ([8], False, False),
        ([0, 0, 0], False, False),  # nobody knows
        ([], False, False),
        ([8, 8, 8], True, False),
    ],
)
def test_the_head_is_seen_with_more_than_two_thirds(heights: list[int], catching_up: bool, seen: bool) -> None:
    assert look(Calls(heights, catching_up)).seen == seen
