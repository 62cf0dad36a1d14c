"""One seed, one world: `python -m tests.simulator --seed N` tells it again step by step."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from typing import NamedTuple

from . import care, keys
from .bugs import BUGS
from .disk import Disks, kept_disks
from .invariants import check_at_rest, entries_written, heal, settle, watch_ledger, watch_releases
from .steps import STEPS, Step
from .world import NAMES, World

STEPS_MIN, STEPS_MAX = 25, 60
EVERY_STEP = (*STEPS, *care.STEPS, *keys.STEPS)


class Run(NamedTuple):
    """What became of a seed: `finding` is empty, or says what did not hold. `digest` is over all that happened."""

    seed: int
    finding: str
    digest: str
    trace: tuple[str, ...]
    crashes: int
    released: int


def run(seed: int, disks: Disks, bug: str = "") -> Run:
    """Play one seed, with a planted fault if one is named."""
    with BUGS[bug].planted() if bug else nullcontext():
        world = World(seed, disks)
        if bug and BUGS[bug].arrange is not None:
            BUGS[bug].arrange(world)
        try:
            _play(world, EVERY_STEP if not bug else EVERY_STEP + BUGS[bug].steps)
            finding = ""
        except Exception as error:
            finding = f"{type(error).__name__}: {error}"
        return Run(seed, finding, _digest(world), tuple(world.trace), world.crashes, len(world.released))


def _play(world: World, steps: Sequence[Step]) -> None:
    watch_releases(world)
    doing, weights = zip(*steps, strict=True)
    for step in world.random.choices(doing, weights, k=world.random.randrange(STEPS_MIN, STEPS_MAX)):
        step(world)
        watch_ledger(world)
    heal(world)
    settle(world)
    keys.come_back(world)
    check_at_rest(world)
    keys.check_keys(world)


def _digest(world: World) -> str:
    """SHA-256 over the trace, the ledger's roots, and every line of every journal."""
    digest = hashlib.sha256()
    for text in world.trace:
        digest.update(text.encode() + b"\n")
    tip = world.ledger.engine.tip()
    digest.update(tip.app_hash)
    for name in NAMES:
        for entry in entries_written(world.nodes[name]):
            digest.update(entry)
    return digest.hexdigest()


def runs(seeds: Iterable[int], bug: str = "") -> Iterator[Run]:
    """Play many seeds, one after another, on the disks that this process keeps."""
    disks = kept_disks()
    for seed in seeds:
        yield run(seed, disks, bug)


def found_at(bug: str, seeds: Iterable[int]) -> Run | None:
    """The first seed at which a planted fault is found; None if it is not."""
    return next((done for done in runs(seeds, bug) if done.finding), None)


def measured(
    seeds: Iterable[int], bug: str = "", see: Callable[[Run], None] = lambda done: None
) -> tuple[int, float, list[Run]]:
    """How many seeds were played, in how many seconds, and those with a finding; `see` is shown each."""
    began, count, bad = time.perf_counter(), 0, []
    for done in runs(seeds, bug):
        count += 1
        see(done)
        if done.finding:
            bad.append(done)
    return count, time.perf_counter() - began, bad
