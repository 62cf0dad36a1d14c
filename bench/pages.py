"""Pages: server time of a person's pages when ten thousand looks stand in her list, and what the pages weigh.

The demonstration's network tells its story; then the looks that it left are written into the agent's index again and
again, with other times, until there are ten thousand. Pages are asked for over HTTP on loopback, one after the other.
"""

import cProfile
import pstats
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sql
from rich.console import Console

from bench.row import Row
from medrec.demo import run
from medrec.demo.network import AGENT, Network, members
from medrec.demo.ports import free_ports
from medrec.demo.story import Story
from medrec.node.looks.looks import look
from medrec.portal.page import MOUNT
from medrec.portal.people import handle

LOOKS, TIME_BAR_MS, WEIGHT_BAR_BYTES = 10_000, 300, 150_000
PATHS = {
    "who looked, newest page": "/looks",
    "who looked, the page in the middle": "/looks?page=250",
    "who looked, people alone": "/looks?show=people",
    "home": "",
}


class Told:
    """The network after its story, and the person it is about."""

    def __init__(self, folder: Path) -> None:
        self.network = Network(folder, free_ports(len(members())), time.time_ns() // 1_000_000)
        self._said = (folder / "said.txt").open("w", encoding="utf-8")
        console = Console(file=self._said, soft_wrap=True)
        people = run._fill(self.network, run.Options(people=4), console)
        self.network.start()
        Story(self.network, people, console, None).tell()
        self.account = next(who for who in self.network.residents if len(who.patients) > 1).account

    def address(self, path: str) -> str:
        """Where a page of the person is read."""
        return self.network.address(AGENT[0], f"{MOUNT}/people/{handle(self.account)}{path}")

    def fill(self, count: int) -> None:
        """As many looks as that stand in the person's list."""
        agent: Any = self.network.agent
        agent.looks.catch_up()
        with agent.store.read() as connection:
            mine = sql.select(look).where(look.c.account == self.account, look.c.own.is_(False))
            models = connection.execute(mine).all()
        rows = [
            {
                **models[number % len(models)]._mapping,
                "pair": number.to_bytes(len(models[0].pair), "big"),
                "time": models[0].time - (number + 1) * 60_000,
            }
            for number in range(count - len(models))
        ]
        agent.store.write(lambda connection: connection.execute(sql.insert(look), rows))

    def close(self) -> None:
        """Stop serving."""
        self.network.stop()
        self._said.close()


def rows(quick: bool) -> Iterator[Row]:
    """The figures."""
    with tempfile.TemporaryDirectory() as folder:
        told = Told(Path(folder))
        try:
            told.fill(LOOKS)
            with httpx.Client(timeout=60) as client:
                yield from _times(told, client, 5 if quick else 30)
        finally:
            told.close()


def _times(told: Told, client: httpx.Client, count: int) -> Iterator[Row]:
    heaviest = 0
    for name, path in PATHS.items():
        times = []
        for _ in range(count):
            begin = time.perf_counter()
            answer = client.get(told.address(path))
            times.append((time.perf_counter() - begin) * 1000)
            answer.raise_for_status()
            heaviest = max(heaviest, len(answer.content))
            assert path != "/looks" or "10,000" in answer.text
        middle, worst = statistics.median(times), max(times)
        what = f"{name}, {LOOKS:,} looks, p50 (worst beside)"
        yield Row(what, f"{middle:.0f} ms", f"<= {TIME_BAR_MS} ms", middle <= TIME_BAR_MS, f"worst {worst:.0f} ms")
    bar = f"<= {WEIGHT_BAR_BYTES // 1000} kB"
    yield Row("the heaviest of these pages", f"{heaviest / 1000:.0f} kB", bar, heaviest <= WEIGHT_BAR_BYTES)


def profile() -> None:
    """Where the time of the newest page goes."""
    with tempfile.TemporaryDirectory() as folder:
        told = Told(Path(folder))
        try:
            told.fill(LOOKS)
            profiler = cProfile.Profile()
            agent: Any = told.network.agent
            profiler.enable()
            for _ in range(20):
                agent.looks.page(told.account, "all", 20, 0)
                agent.looks.count(told.account, "all")
            profiler.disable()
            pstats.Stats(profiler, stream=sys.stdout).sort_stats("cumulative").print_stats(20)
        finally:
            told.close()
