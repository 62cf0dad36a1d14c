"""Clocks that are wrong on real validators: one an hour ahead, one behind.

A time namespace of the kernel puts only the clocks wrong that count from the start of the machine, not the time of day
that stands in a vote. So the engine is built from its pinned source with three lines more, some seconds' work.
"""

import os
import shutil
import subprocess
import time
from datetime import datetime
from pathlib import Path

import pytest
from cluster import NAMES, Cluster, until

from medrec.engines import cometbft_binary
from medrec.engines.engine import EngineError
from medrec.engines.go_program import toolchain

pytestmark = pytest.mark.xdist_group("clocks")

VARIABLE = "MEDREC_TEST_SKEW"
IMPORTS = 'import (\n\t"sort"\n\t"time"\n)'
MORE = f'import (\n\t"os"\n\t"sort"\n\t"time"\n)\n\nvar skew, _ = time.ParseDuration(os.Getenv("{VARIABLE}"))\n'
NOW, WRONG = "Canonical(time.Now())", "Canonical(time.Now().Add(skew))"
SKEWS = {NAMES[0]: "0s", NAMES[1]: "0s", NAMES[2]: "-20s", NAMES[3]: "1h"}


@pytest.fixture(scope="module")
def skewed(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The engine with a clock that a variable puts wrong."""
    try:
        go = toolchain(lambda line: None)
    except EngineError as error:
        pytest.skip(f"the engine with a wrong clock cannot be built here: {error.sentence}")
    module = f"{cometbft_binary.MODULE}@{cometbft_binary.VERSION}"
    cache = subprocess.run([go, "env", "GOMODCACHE"], capture_output=True, text=True, check=True).stdout.strip()
    if not (Path(cache) / module).is_dir():
        subprocess.run([go, "mod", "download", module], check=True)
    home = tmp_path_factory.mktemp("clock")
    source, built = home / "source", home / "cometbft"
    subprocess.run(["cp", "-r", "--no-preserve=mode", str(Path(cache) / module), str(source)], check=True)
    file = source / "types" / "time" / "time.go"
    text = file.read_text()
    assert IMPORTS in text and NOW in text
    file.write_text(text.replace(IMPORTS, MORE).replace(NOW, WRONG))
    subprocess.run(
        [go, "build", "-trimpath", "-o", str(built), "./cmd/cometbft"],
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
        script.write_text(f'#!/bin/sh\n{VARIABLE}={skew} exec {skewed} "$@"\n')
        script.chmod(0o755)
    with Cluster(tmp_path, programs=programs) as cluster:
        said = [cluster.describe(name) for name in NAMES for _ in range(2)]

        def an_hour_ahead() -> bool:
            said.append(cluster.describe(NAMES[0]))  # a commit needs the votes of three: the fourth's may come too late
            return any(moment > time.time() + 1800 for moment in votes(cluster))

        until(an_hour_ahead, "a vote with the wrong clock's time counts")
        cluster.check(said)
        for engine in cluster.engines.values():
            # The median of the votes' times lies between those of honest clocks.
            assert abs(engine.tip().time - time.time() * 1000) < 120_000


def votes(cluster: Cluster) -> list[float]:
    """The times of the votes for the newest block that is whole, in seconds since 1970."""
    signatures = cluster.engines[NAMES[0]].rpc.call("commit")["signed_header"]["commit"]["signatures"]
    moments = [vote["timestamp"][:19] + "+00:00" for vote in signatures if vote["signature"]]
    return [datetime.fromisoformat(moment).timestamp() for moment in moments]
