"""Four validators on wires that are cut, slow and lossy: nothing acknowledged is lost, and there is one history."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import NAMES, Cluster, until
from links import Namespaces, Proxies, links

from medrec.engines.engine import EngineError

pytestmark = pytest.mark.xdist_group("partitions")

SHORT_S = 6.0


KINDS = ("namespaces", "proxy") if os.environ.get("MEDREC_SOAK") else ("namespaces",)


@pytest.fixture(scope="module", params=KINDS)
def wired(
    request: pytest.FixtureRequest, program: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Cluster, Namespaces | Proxies]]:
    """Four validators and the wires between them."""
    home = tmp_path_factory.mktemp("wired")
    with links(len(NAMES), request.param) as wires:
        programs = {name: wires.program(number, program, home) for number, name in enumerate(NAMES)}
        cluster = Cluster(home, hosts=wires.hosts, programs=programs)
        wires.wire(list(cluster.folders.values()))
        with cluster:
            yield cluster, wires


def refuses(cluster: Cluster, name: str) -> None:
    """A node that is cut off acknowledges nothing, and says why."""
    engine = cluster.engines[name]
    before, engine._submit_s = engine._submit_s, SHORT_S
    try:
        with pytest.raises(EngineError, match="two thirds") as caught:
            cluster.describe(name)
        assert caught.value.code == "unknown"
    finally:
        engine._submit_s = before


def test_two_against_two_nobody_goes_on_and_together_all_do(wired: tuple[Cluster, Namespaces | Proxies]) -> None:
    cluster, wires = wired
    said = [cluster.describe(name) for name in NAMES]
    top = cluster.even()
    wires.weather.cut((0, 1), (2, 3))
    refuses(cluster, NAMES[0])
    refuses(cluster, NAMES[3])
    # Blocks agreed on before the cut may still be kept; no new transaction stands in one.
    assert {engine.tip().log_size for engine in cluster.engines.values()} == {top.log_size}
    wires.weather.cut()
    said += [cluster.describe(name) for name in NAMES]
    cluster.check(said)


def test_three_against_one_three_go_on_and_the_fourth_catches_up(wired: tuple[Cluster, Namespaces | Proxies]) -> None:
    cluster, wires = wired
    said = [cluster.describe(NAMES[0])]
    cluster.even()
    wires.weather.cut((0, 1, 2), (3,))
    said += [cluster.describe(name) for name in NAMES[:3]]
    behind = cluster.engines[NAMES[3]]
    assert behind.tip().log_size < cluster.even(*NAMES[:3]).log_size
    refuses(cluster, NAMES[3])
    wires.weather.cut()
    until(lambda: behind.tip().log_size >= cluster.engines[NAMES[0]].tip().log_size, "the fourth catches up")
    said += [cluster.describe(NAMES[3])]
    cluster.check(said)


def test_slow_and_lossy_wires_slow_the_network_down_and_no_more(wired: tuple[Cluster, Namespaces | Proxies]) -> None:
    cluster, wires = wired
    wires.weather.set_delay(0.05, 0.15)
    begun = time.monotonic()
    said = [cluster.describe(name) for name in NAMES]
    # Proposal, prevote, precommit: three ways of at least 50 ms each. The wires do what they say.
    assert time.monotonic() - begun > len(NAMES) * 0.15
    wires.weather.loss = 0.05
    said += [cluster.describe(name) for name in NAMES]
    assert wires.weather.dropped > 0
    wires.weather.loss = 0.0
    wires.weather.set_delay(0.0, 0.0)
    cluster.check(said)
