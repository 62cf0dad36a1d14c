"""What every step of the story stands on: the network, its people, claims that can fail, and words on the screen."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from medrec.demo.network import Network, Resident
from medrec.node.agent.agent import Agent, Notice
from medrec.node.records.ingest import Ingested, ingest_folder

WAIT_S = 120.0


class StepFailed(Exception):
    """A claim of the story did not hold."""


class Person(NamedTuple):
    """Somebody whose records are in the hospitals' folders: name and local patient ids by hospital."""

    name: str
    patients: dict[str, str]
    story: str = ""


def claim(holds: object, sentence: str) -> None:
    """Stop the story unless the claim holds."""
    if not holds:
        raise StepFailed(sentence)


def until(ready: Callable[[], Any], what: str, limit_s: float = WAIT_S) -> float:
    """Wait for something the network does by itself; the seconds it took. Raises StepFailed."""
    begin = time.monotonic()
    while not ready():
        if time.monotonic() - begin > limit_s:
            raise StepFailed(f"waited {limit_s:.0f} s in vain: {what}")
        time.sleep(0.02)
    return time.monotonic() - begin


class Stage:
    """A network with its people; what is told goes to the console, figures are kept for the end."""

    def __init__(self, network: Network, people: list[Person], console: Console, keep: Path | None) -> None:
        self.network = network
        self.people = people
        self.console = console
        self.keep = keep
        self.number = 0
        self.figures: dict[str, str] = {}

    @property
    def served(self) -> Agent:
        """The agent's own room at the agent's node."""
        agent = self.network.agent.agent
        assert agent is not None
        return agent

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """One step: a numbered title, then what happened."""
        self.number += 1
        self.console.print(f"\n[bold]{self.number}. {title}[/bold]")
        yield

    def say(self, text: str) -> None:
        """A line of the story."""
        self.console.print(f"   {text}", highlight=False)

    def look(self, node: str, path: str = "/pages/") -> None:
        """Where to see it."""
        self.console.print(f"   [dim]look: {self.network.address(node, path)}[/dim]", highlight=False)

    def ingest(self, name: str) -> Ingested:
        """Sign what is new in a hospital's folder."""
        node = self.network.nodes[name]
        return ingest_folder(node.publisher, node.store, self.network.records_folder(name))

    def counts(self, who: Resident, kind: str) -> tuple[int, int]:
        """How many lines of a kind a person was told of, and how many of them are on the ledger."""
        return self.served.counts(who.account).get(kind, (0, 0))

    def told(self, who: Resident) -> tuple[int, int]:
        """The same over all kinds."""
        each = self.served.counts(who.account).values()
        return sum(here for here, _ in each), sum(anchored for _, anchored in each)

    def agent_missing(self) -> list[Notice]:
        """Lines on the ledger without a notice."""
        return self.served.missing(grace_ms=0)

    def settled(self) -> bool:
        """Whether everything written so far is anchored and delivered."""
        nodes = self.network.nodes.values()
        waiting = any(node.anchorer.waiting_since() is not None for node in nodes)
        if waiting or any(node.deliverer.status() for node in nodes):
            return False
        return self.served.behind() == 0 and not self.agent_missing()
