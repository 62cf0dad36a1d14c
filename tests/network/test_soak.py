"""The long variant, for `make soak`: an hour's weather in some minutes.

Collected only when MEDREC_SOAK gives the minutes that the storm lasts.
"""

import contextlib
import os
import random
import signal
import time
from pathlib import Path

import pytest
from cluster import NAMES, Cluster, until
from links import links

from medrec.engines import cometbft_process
from medrec.engines.engine import EngineError

pytestmark = pytest.mark.xdist_group("soak")


def test_a_storm_of_faults_loses_nothing(program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cometbft_process, "PAUSES_S", (0.2,))
    chance = random.Random(os.environ.get("MEDREC_SOAK_SEED", "1"))
    said: list[tuple[str, int]] = []
    with links(len(NAMES)) as wires:
        programs = {name: wires.program(number, program, tmp_path) for number, name in enumerate(NAMES)}
        cluster = Cluster(tmp_path, hosts=wires.hosts, programs=programs, submit_s=5)
        wires.wire(list(cluster.folders.values()))
        with cluster:
            end = time.monotonic() + 60 * float(os.environ["MEDREC_SOAK"])
            while time.monotonic() < end:
                victim = chance.choice(NAMES)
                blow(chance, cluster, wires, victim)
                for _ in range(4):
                    name = chance.choice(NAMES)
                    with contextlib.suppress(EngineError):  # not acknowledged: nothing was promised
                        said.append(cluster.describe(name))
                wires.weather.cut()
                wires.weather.set_delay(0, 0)
                wires.weather.loss = 0
            for engine in cluster.engines.values():
                engine._submit_s = 120
            until(lambda: all(engine.pid for engine in cluster.engines.values()), "all engines run")
            said += [cluster.describe(name) for name in NAMES]
            cluster.check(said)
    assert len(said) > 10


def blow(chance: random.Random, cluster: Cluster, wires: object, victim: str) -> None:
    """One fault."""
    weather, engine = wires.weather, cluster.engines[victim]  # type: ignore[attr-defined]
    number = NAMES.index(victim)
    others = [one for one in range(len(NAMES)) if one != number]
    kind = chance.randrange(6)
    if kind == 0 and engine.pid is not None:
        os.kill(engine.pid, signal.SIGKILL)
    elif kind == 1:
        weather.cut(others, [number])
    elif kind == 2:
        weather.cut([number, others[0]], others[1:])
    elif kind == 3:
        weather.set_delay(0.05, 0.15)
    elif kind == 4:
        weather.loss = 0.1
    else:
        cluster.close(victim)
        cluster.open(victim)
