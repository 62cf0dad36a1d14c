"""Organisations with real engines on this machine: their folders, keys, ports, and whom they know."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from ledger_world import GENESIS, World, founder
from suite import check_whole

from medrec.core import codec, state
from medrec.core.types import Tip, decode_transaction
from medrec.demo.ports import free_ports
from medrec.engines import cometbft_binary
from medrec.engines.cometbft import CometBftEngine
from medrec.engines.cometbft_door import GUESTS_FILE
from medrec.engines.cometbft_files import EngineKeys, read_engine_settings
from medrec.engines.cometbft_founding import Place, follow, found
from medrec.engines.engine import Engine, EngineError

NAMES = ("site-0", "site-1", "site-2", "site-3")
LONG_S = 120.0


def genesis_of(names: Sequence[str] = NAMES) -> dict[str, Any]:
    """A genesis whose founders' keys follow from their names."""
    return GENESIS | {"organisations": [founder(name, "hospital") for name in names]}


def lay_out(
    home: Path,
    names: Sequence[str] = NAMES,
    genesis: dict[str, Any] | None = None,
    hosts: Sequence[str] | None = None,
    **settings: Any,
) -> dict[str, Path]:
    """Folders of engines that know one another: genesis.json beside each, keys, engine.toml, validators.json.

    `hosts` are the addresses in namespaces of their own; without them all are on 127.0.0.1 with free ports.
    """
    genesis = genesis or genesis_of(names)
    ports = free_ports(2 * len(names))
    near = [(f"127.0.0.1:{ports[2 * i]}", f"127.0.0.1:{ports[2 * i + 1]}") for i in range(len(names))]
    addresses = [(f"{host}:26656", f"{host}:26657") for host in hosts] if hosts else near
    places = {name: Place(home / name, *address) for name, address in zip(names, addresses, strict=True)}
    found(genesis, places, **settings)
    for place in places.values():
        (place.folder / "genesis.json").write_bytes(codec.encode_json(genesis))
    return {name: place.folder for name, place in places.items()}


def until(holds: Callable[[], object], what: str, seconds: float = LONG_S) -> None:
    """Wait until something holds; fails with `what` if it does not come to pass."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"in {seconds:.0f} s did not come to pass: {what}"
        time.sleep(0.05)


def whole_chain(engine: Engine) -> list[Any]:
    """All blocks of an engine."""
    blocks: list[Any] = []
    while found_more := engine.blocks(len(blocks)):
        blocks += found_more
    return blocks


class Cluster:
    """The engines of several organisations in this process, each with a CometBFT process of its own."""

    def __init__(
        self,
        home: Path,
        names: Sequence[str] = NAMES,
        genesis: dict[str, Any] | None = None,
        hosts: Sequence[str] | None = None,
        programs: Mapping[str, Path] | None = None,
        submit_s: float = LONG_S,
        **settings: Any,
    ) -> None:
        self.home = home
        self.genesis = genesis or genesis_of(names)
        self.folders = lay_out(home, names, self.genesis, hosts, **settings)
        self.engines: dict[str, CometBftEngine] = {}
        self._programs = dict(programs or {})
        self._submit_s = submit_s
        self.numbers: dict[str, int] = {}

    def open(self, name: str, kind: type[CometBftEngine] = CometBftEngine, **options: Any) -> CometBftEngine:
        """Start an organisation's pair."""
        program = self._programs.get(name)
        find = (lambda: program) if program else cometbft_binary.program
        options = {"submit_s": self._submit_s} | options
        self.engines[name] = kind(self.folders[name], self.genesis, find, **options)  # type: ignore[arg-type]
        return self.engines[name]

    def close(self, *names: str) -> None:
        """Stop the pairs of these organisations, or of all."""
        for name in names or list(self.engines):
            self.engines.pop(name).close()

    def join(self, name: str, *, guest: bool = True, **settings: Any) -> EngineKeys:
        """The folder of an organisation that follows the network; as a `guest`, since no vote lets it in here."""
        (some, *_) = self.folders.values()
        listen, rpc = free_ports(2)
        peers = [f"{engine.keys.node}@{read_engine_settings(self.folders[other]).listen}"
                 for other, engine in self.engines.items()]  # fmt: skip
        self.folders[name] = self.home / name
        validators = (some / "validators.json").read_bytes()
        keys = follow(self.home / name, f"127.0.0.1:{listen}", f"127.0.0.1:{rpc}", peers, validators, **settings)
        for other in self.engines if guest else ():
            with (self.folders[other] / GUESTS_FILE).open("a") as file:
                file.write(f"{keys.node}  # {name}\n")
        return keys

    def __enter__(self) -> "Cluster":
        for name in self.folders:
            self.open(name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- transactions and what came of them ------------------------------------------------------------------

    def world(self) -> World:
        """What signs for the organisations, at the height and the numbers of the ledger."""
        (engine, *_) = self.engines.values()
        world = World(self.genesis)
        with engine.view() as view:
            world.tip = view.tip
            for organisation in state.organisations(view):
                world.nonces[organisation.id] = state.read_integer(view, state.nonce_key(organisation.id))
        return world

    def describe(self, name: str, through: str | None = None) -> tuple[str, int]:
        """One transaction of an organisation, ordered and durable at the node it was handed to: (author, number)."""
        engine = self.engines[through or name]
        world = World(self.genesis)
        world.tip = engine.tip()
        with engine.view() as view:
            known = state.read_integer(view, state.nonce_key(name))
        number = self.numbers[name] = max(known, self.numbers.get(name, 0)) + 1
        world.nonces[name] = number - 1
        payload = {"name": f"{name} {number}", "endpoint": ""}
        try:
            engine.submit([world.sign(name, "organisation/describe", payload, expires=world.tip.height + 900)])
        except EngineError:
            # Shown with the failing test: what its own words cannot tell.
            log = self.folders[through or name] / "cometbft.log"
            sys.stderr.write(log.read_text(errors="replace")[-3000:] if log.exists() else "no log\n")
            raise
        return name, number

    def even(self, *names: str, seconds: float = LONG_S) -> Tip:
        """Wait until these nodes, or all, stand at one height; their tips must be one and the same."""
        engines = [self.engines[name] for name in names] if names else list(self.engines.values())
        until(lambda: len({engine.tip().height for engine in engines}) == 1, "all nodes at one height", seconds)
        top = max((engine.tip() for engine in engines), key=lambda tip: tip.height)
        for engine in engines:
            until(lambda engine=engine: engine.tip().height >= top.height, "a node follows", seconds)  # type: ignore[misc]
            block = engine.blocks(top.height - 1)[0] if top.height else None
            assert block is None or block.tip == top, "two nodes have two histories"
        return top

    def check(self, acknowledged: Sequence[tuple[str, int]]) -> None:
        """Nothing acknowledged is lost, roots are equal, and each node's blocks and state tell one story."""
        top = self.even()
        for name, engine in self.engines.items():
            check_whole(engine)
            stands = {
                (author, nonce)
                for block in whole_chain(engine)
                for author, nonce, code in _said(block)
                if code == 0
            }  # fmt: skip
            lost = [one for one in acknowledged if one not in stands]
            assert not lost, f"{name} lost {lost} at height {top.height}"


def _said(block: Any) -> list[tuple[str, int, int]]:
    found_here = []
    for data, outcome in zip(block.block.transactions, block.outcomes, strict=True):
        body = decode_transaction(data).body
        found_here.append((body.author, body.nonce, int(outcome.code)))
    return found_here
