"""Organisations with real engines on this machine: their folders, keys, ports, and whom they know."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from ledger_world import GENESIS, founder

from medrec.core import codec
from medrec.engines import cometbft_binary
from medrec.engines.cometbft import CometBftEngine
from medrec.engines.cometbft_founding import Place, found

NAMES = ("site-0", "site-1", "site-2", "site-3")


def genesis_of(names: Sequence[str] = NAMES) -> dict[str, Any]:
    """A genesis whose founders' keys follow from their names."""
    return GENESIS | {"organisations": [founder(name, "hospital") for name in names]}


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


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


@contextmanager
def engines(folders: dict[str, Path], genesis: dict[str, Any], **options: Any) -> Iterator[dict[str, CometBftEngine]]:
    """The engines of these folders, in this process, and a clean end."""
    with ExitStack() as stack:
        running = {}
        for name, folder in folders.items():
            running[name] = CometBftEngine(folder, genesis, cometbft_binary.program, **options)
            stack.callback(running[name].close)
        yield running
