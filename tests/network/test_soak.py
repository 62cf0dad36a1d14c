"""Long variants, for `make soak`: clocks that are wrong, and an hour's weather in some minutes.

Collected only when MEDREC_SOAK gives the minutes that the storm lasts.
"""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from datetime import datetime
from pathlib import Path

import pytest
from cluster import NAMES, Cluster, until
from links import links

from medrec.engines import cometbft_binary, cometbft_process
from medrec.engines.engine import EngineError

pytestmark = pytest.mark.xdist_group("soak")

SKEW = '\nvar skew, _ = time.ParseDuration(os.Getenv("MEDREC_TEST_SKEW"))\n'
SKEWS = {NAMES[0]: "0s", NAMES[1]: "0s", NAMES[2]: "-20s", NAMES[3]: "1h"}


@pytest.fixture(scope="session")
def skewed(program: Path) -> Path:
    """The engine with a clock that a variable puts wrong: the pinned source with three lines more."""
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if go is None:
        pytest.skip("Go is not installed")
    built = program.with_name("cometbft-with-a-wrong-clock")
    if not built.exists():
        module = f"{cometbft_binary.MODULE}@{cometbft_binary.VERSION}"
        cache = subprocess.run([go, "env", "GOMODCACHE"], capture_output=True, text=True, check=True).stdout.strip()
        if not (Path(cache) / module).is_dir():
            subprocess.run([go, "mod", "download", module], check=True)
        source = program.with_name("source")
        subprocess.run(["cp", "-r", "--no-preserve=mode", str(Path(cache) / module), str(source)], check=True)
        file = source / "types" / "time" / "time.go"
        text = file.read_text().replace(
            'import (\n\t"sort"\n\t"time"\n)', f'import (\n\t"os"\n\t"sort"\n\t"time"\n)\n{SKEW}'
        )
        file.write_text(text.replace("Canonical(time.Now())", "Canonical(time.Now().Add(skew))"))
        subprocess.run(
            [go, "build", "-o", str(built), "./cmd/cometbft"],
            cwd=source,
            env={**os.environ, "CGO_ENABLED": "0"},
            check=True,
        )
        shutil.rmtree(source)
    return built


def test_one_clock_an_hour_ahead_and_one_behind_move_neither_the_ledgers_time_nor_the_network(
    skewed: Path, tmp_path: Path
) -> None:
    programs = {}
    for name, skew in SKEWS.items():
        script = programs[name] = tmp_path / f"cometbft-{name}"
        script.write_text(f'#!/bin/sh\nMEDREC_TEST_SKEW={skew} exec {skewed} "$@"\n')
        script.chmod(0o755)
    with Cluster(tmp_path, programs=programs) as cluster:
        said = [cluster.describe(name) for name in NAMES for _ in range(5)]
        cluster.check(said)
        votes = cluster.engines[NAMES[0]].rpc.call("commit", height="3")["signed_header"]["commit"]["signatures"]
        moments = [datetime.fromisoformat(vote["timestamp"][:19]) for vote in votes if vote["signature"]]
        assert len(moments) >= 3 and len({moment.hour * 60 + moment.minute for moment in moments}) > 1, (
            "clocks are wrong"
        )
        for engine in cluster.engines.values():
            # The median of the votes' times lies between those of honest clocks.
            assert abs(engine.tip().time - time.time() * 1000) < 120_000


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
