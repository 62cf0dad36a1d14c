"""A network whose members come, go and rotate: nodes with receipts and changes of members, no HTTP, no gate."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from medrec.core import state
from medrec.core.genesis import network_id
from medrec.engines.memory import MemoryEngine
from medrec.node.app import local_answer
from medrec.node.keeping.keys import OrganisationKeys
from medrec.node.ledger import govern
from medrec.node.ledger.checkpoints import Checkpoints
from medrec.node.peers.directory import Directory
from medrec.node.peers.peers import Fault, LocalNetwork

from .world import Clock, Organisation, observation


class Net:
    """Founders that are hospitals, and whoever is admitted. `down` neither call nor answer."""

    def __init__(self, folder: Path, founders: tuple[str, ...]) -> None:
        self.folder, self.clock = folder, Clock()
        self.keys = {name: OrganisationKeys.from_seed(name, name.encode().ljust(32, b".")) for name in founders}
        self.genesis: dict[str, Any] = {
            "medrec": "genesis/1",
            "name": "test",
            "created": self.clock.now,
            "protocol": 1,
            "organisations": [
                {"id": name, "name": name.title(), "roles": ["hospital"], "endpoint": "", "keys": keys.public()}
                for name, keys in self.keys.items()
            ],
        }
        self.network = network_id(self.genesis)
        self.engine: Any = MemoryEngine(self.genesis, self.clock)
        self.down: set[str] = set()
        self.wire = LocalNetwork(lambda caller, name, path: Fault(drop=bool(self.down & {caller, name})))
        self.parts: dict[str, Organisation] = {}
        self.nodes: dict[str, Any] = {}
        for name in founders:
            self.start(name)

    def __getitem__(self, name: str) -> Any:
        return self.nodes[name]

    def up(self, name: str) -> Fault:
        """A call to this organisation arrives unless it is down."""
        return Fault(drop=name in self.down)

    def start(self, name: str, engine: Any = None, parts: Organisation | None = None) -> Any:
        """Open a node (again), on a ledger of its own if one is given."""
        parts = self.parts[name] = parts or self.parts.get(name) or Organisation(name, self)  # type: ignore[arg-type]
        engine = engine or self.engine
        node: Any = SimpleNamespace(
            organisation=name,
            network=self.network,
            genesis=self.genesis,
            keys=self.keys[name],
            engine=engine,
            store=parts.store,
            vault=parts.vault,
            journal=parts.journal,
            anchorer=parts.anchorer,
            anchor=parts.anchor,
            source=None,
            clock=self.clock,
            directory=Directory(engine),
            peers=self.wire.peers(name),
        )
        node.checkpoints = Checkpoints(node)
        self.nodes[name] = node
        self.wire.join(name, local_answer(node))
        return node

    def rest(self) -> None:
        """Let the time pass after which who did not answer is asked again."""
        self.clock.now += 31_000

    def publish(self, name: str, identifier: str = "o1") -> None:
        """A record of an organisation, signed and on the ledger."""
        parts = self.parts[name]
        parts.publish(observation(identifier, "p1", 1))
        parts.anchor()

    def decide(self, change: dict[str, Any]) -> None:
        """Propose a change and vote for it until it is carried out."""
        with self.engine.view() as view:
            voters = [one.id for one in state.organisations(view) if one.has_vote]
        first, *others = voters
        proposal = govern.send(self.engine, self.keys[first], self.network, "governance/propose", {"change": change})
        for voter in others:
            with self.engine.view() as view:
                found = state.read(view, state.proposal_key(proposal), state.Proposal)
            if found is not None and found.done:
                return
            govern.send(self.engine, self.keys[voter], self.network, "governance/vote", {"proposal": proposal})

    def admit(self, name: str, keep_up: bool = True) -> None:
        """Take an organisation in by a vote, and start its node; all that are up then keep up once."""
        self.keys[name] = OrganisationKeys.from_seed(name, name.encode().ljust(32, b"."))
        keys = {use: bytes.fromhex(key) for use, key in self.keys[name].public().items()}
        change = {
            "change": "admit",
            "id": name,
            "name": name.title(),
            "roles": ["clinic"],
            "endpoint": "https://x.example",
        }
        self.decide({**change, "keys": keys})
        self.start(name)
        if keep_up:
            self.keep_up()

    def keep_up(self) -> None:
        """One round of every node that is up, and a second for those that came too early."""
        self.rest()
        for _ in range(2):
            for name, node in list(self.nodes.items()):
                if name not in self.down:
                    node.checkpoints.keep_up()

    def reopen(self, name: str, keys: OrganisationKeys) -> None:
        """Open a node with other keys on the store it had."""
        self.keys[name] = keys
        before = self.parts.pop(name)
        before.store.close()
        self.start(name)

    def behind(self, name: str) -> None:
        """Give a node a ledger of its own that stays where it is until `follow`."""
        self.start(name, MemoryEngine(self.genesis, self.clock))
        self.follow(name)

    def follow(self, name: str) -> None:
        """Bring a node's own ledger up to the others'."""
        engine, now = self.nodes[name].engine, self.clock.now
        while blocks := self.engine.blocks(engine.tip().height):
            for committed in blocks:
                self.clock.now = committed.block.time
                engine.submit(committed.block.transactions)
        self.clock.now = now
        assert engine.tip() == self.engine.tip()

    def late(self, folder: str, name: str) -> Any:
        """A node of a member that came by a snapshot: it has no block from before now, and an empty store."""
        whole = self.folder
        self.folder = whole / folder
        self.folder.mkdir()
        self.parts[name].store.close()
        parts = Organisation(name, self)  # type: ignore[arg-type]
        self.folder = whole
        return self.start(name, Late(self.engine), parts)

    def close(self) -> None:
        """Let the stores go."""
        for parts in self.parts.values():
            parts.store.close()


class Late:
    """A ledger whose first blocks are not here."""

    def __init__(self, engine: Any) -> None:
        self._engine, self._first = engine, engine.tip().height - 1

    def blocks(self, after: int, wait_s: float = 0.0) -> Any:
        """Blocks from the snapshot on."""
        return self._engine.blocks(max(after, self._first), wait_s)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)
