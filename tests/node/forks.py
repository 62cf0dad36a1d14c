"""A world that is made once in a process, and forked: each test gets one of its own, as it stood when it was made.

A fork shares nothing that changes with any other: its stores are files of its own, its ledger is a copy, and each of
its nodes is opened on its store when it is first asked for, as after a restart.
"""

import copy
import functools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from medrec.engines.memory import MemoryEngine
from tests.node.network import Network, Patient, Records
from tests.node.waiting import Waiting

Step = Callable[[Network], Any]
"""What happens in a world; what it returns, such as a patient, is copied for each fork."""


class Unopened(NamedTuple):
    """What stands on the wire for a node until somebody calls it."""

    network: Any
    organisation: str

    def __call__(self, path: str, caller: str, body: bytes) -> bytes:
        self.network.nodes[self.organisation]
        answer: bytes = self.network.wires._nodes[self.organisation](path, caller, body)
        return answer


class Forked:
    """Mixed into a kind of network: its nodes wait until they are asked for."""

    nodes: Waiting
    wires: Any

    def open(self, organisation: str) -> Any:
        network: Any = self
        if not isinstance(network.nodes, Waiting):
            # The network is being made.
            network.wires.join(organisation, Unopened(network, organisation))
            return None
        waited, joined = organisation in network.nodes.waiting, network.wires._nodes.get(organisation)
        node = super().open(organisation)  # type: ignore[misc]
        if waited and joined is None:
            # It was taken off the wire before it was asked for, and stays off.
            network.wires.leave(organisation)
        elif waited and not isinstance(joined, Unopened):
            network.wires.join(organisation, joined)
        return node

    def close(self) -> None:
        self.nodes.waiting.clear()
        super().close()  # type: ignore[misc]


class Kept(NamedTuple):
    """A world as it was left: everything that changes in one."""

    files: dict[str, bytes]
    engine: MemoryEngine
    time: int
    keys: dict[str, Any]
    records: dict[str, dict[tuple[str, str], bytes]]
    told: tuple[Any, ...]


@functools.cache
def _kept(kind: type[Network], steps: tuple[Step, ...]) -> Kept:
    with tempfile.TemporaryDirectory() as folder:
        network = kind(Path(folder))
        told = tuple(step(network) for step in steps)
        network.close()
        files = {file.name: file.read_bytes() for file in Path(folder).iterdir()}
    assert isinstance(network.engine, MemoryEngine)
    records = {name: one.raw for name, one in network.records.items()}
    return Kept(files, network.engine, network.time, network.keys, records, told)


@functools.cache
def _forked(kind: type[Network]) -> type[Network]:
    return type(f"Forked{kind.__name__}", (Forked, kind), {})


def _copied(engine: MemoryEngine, genesis: dict[str, Any], clock: Callable[[], int]) -> MemoryEngine:
    fresh = MemoryEngine(genesis, clock)
    fresh._values = {key: list(versions) for key, versions in engine._values.items()}
    fresh._ordered, fresh._blocks, fresh._tip = engine._ordered, list(engine._blocks), engine._tip
    return fresh


def fork(folder: Path, *steps: Step, kind: type[Network] = Network) -> tuple[Any, ...]:
    """A network in this folder as it is after these steps, and what each of them returned; whoever has it closes it.
    The steps are functions of a module, and happen once in a process, in a network of this kind."""
    kept = _kept(kind, steps)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in kept.files.items():
        (folder / name).touch(mode=0o600)
        (folder / name).write_bytes(content)
    network: Any = _forked(kind).__new__(_forked(kind))

    def engine(genesis: dict[str, Any], clock: Callable[[], int]) -> MemoryEngine:
        network.time, network.keys = kept.time, dict(kept.keys)
        return _copied(kept.engine, genesis, clock)

    network.__init__(folder, engine)
    network.nodes = Waiting(tuple(network.keys), network.open)
    for name, raw in kept.records.items():
        network.records[name] = Records()
        network.records[name].raw = dict(raw)
    return network, *map(copy.copy, kept.told)


def nothing(network: Network) -> None:
    """A world in which nothing has happened."""


def linked(network: Network) -> Patient:
    """Ada, whom the agent serves, is linked at north."""
    return network.patient("ada", "north")


@pytest.fixture
def ada(network: Any) -> Patient:
    """What `fork_of_ada` put into the network."""
    return network.ada  # type: ignore[no-any-return]


@contextmanager
def fork_of_ada(
    request: pytest.FixtureRequest, folder: Path, made: Step, hers: Callable[[Network], Patient] = linked
) -> Iterator[Network]:
    """A fork of a world that was `made`: for a test that has the fixture above after what is `hers`, else before it."""
    found = request.node._fixtureinfo.name2fixturedefs.get("ada", ())
    if any(one.func.__module__ == __name__ for one in found[-1:]):
        network, _, network.ada = fork(folder, made, hers)
    else:
        network, _ = fork(folder, made)
    try:
        yield network
    finally:
        network.close()
