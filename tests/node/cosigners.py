"""Nodes with a ledger each, as far as checkpoints and receipts need them: no HTTP, no gate."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from medrec.core.types import Tip
from medrec.engines.engine import Engine
from medrec.node.account.accounts import open_account
from medrec.node.keeping.keys import PersonKey
from medrec.node.ledger.checkpoints import Checkpoints
from medrec.node.ledger.receipts import root_file
from medrec.node.peers.directory import Directory
from medrec.node.peers.peers import LocalNetwork

from .world import Clock, World

TOOL = Path(__file__).resolve().parents[2] / "tools" / "verify_receipt.py"


class Cosigners:
    """Every organisation of a World as a node with checkpoints; they share its ledger unless given another."""

    def __init__(self, world: World, engines: dict[str, Engine] | None = None) -> None:
        self.world = world
        self.wire = LocalNetwork()
        self.nodes = {name: self.node(name, (engines or {}).get(name, world.engine)) for name in world.keys}

    def __getitem__(self, name: str) -> Any:
        return self.nodes[name]

    def node(self, name: str, engine: Engine, clock: Clock | None = None) -> Any:
        """Start (or start again) one organisation's node on a ledger."""
        parts = getattr(self.world, name)
        node = SimpleNamespace(
            organisation=name,
            network=self.world.network,
            genesis=self.world.genesis,
            keys=self.world.keys[name],
            engine=engine,
            store=parts.store,
            vault=parts.vault,
            journal=parts.journal,
            source=None,
            clock=clock or self.world.clock,
            directory=Directory(engine),
            peers=self.wire.peers(name),
        )
        node.checkpoints = Checkpoints(node)  # type: ignore[arg-type]

        def answer(path: str, caller: str, body: bytes) -> bytes:
            assert path == "/medrec/cosign"
            return node.checkpoints.cosign(caller, body)

        self.wire.join(name, answer)
        return node


def grow(engine: Engine, world: World, count: int = 1) -> Tip:
    """Put account openings on a ledger, one a block."""
    for _ in range(count):
        open_account(engine, world.network, PersonKey.generate(), os.urandom)
    return engine.tip()


def run_tool(
    folder: Path, node: Any, receipt: bytes, record: bytes | None, *more: str
) -> subprocess.CompletedProcess[str]:
    """The standalone verifier's answer, in a process without the package."""
    (folder / "root.json").write_bytes(root_file(node))
    (folder / "receipt.json").write_bytes(receipt)
    arguments = [sys.executable, "-I", str(TOOL), "--root", str(folder / "root.json"), *more]
    if record is not None:
        (folder / "record.json").write_bytes(record)
        arguments += ["--record", str(folder / "record.json")]
    return subprocess.run([*arguments, str(folder / "receipt.json")], capture_output=True, text=True, check=False)
