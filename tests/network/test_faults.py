"""Faults on real processes: after each of them nothing acknowledged is lost, all roots are equal, and it was said why.

A step of the application, or a persistence point of CometBFT, is where the process is killed; the other three go on,
and the killed one comes back to the same history by itself.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import NAMES, Cluster, until
from pair import Pair

from medrec.engines import cometbft_process
from medrec.engines.engine import EngineError

pytestmark = pytest.mark.xdist_group("faults")

OTHERS, FOURTH = NAMES[:3], NAMES[3]
STEPS = ("finalize", "finalized", "begin", "state", "block", "commit", "committed")
POINTS = range(10)
"""CometBFT's own persistence points: before and after block store, write-ahead log, results, Commit, state."""


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """An engine that died is started again at once, however often it died."""
    before, cometbft_process.PAUSES_S = cometbft_process.PAUSES_S, (0.1,)
    yield
    cometbft_process.PAUSES_S = before


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults")


@pytest.fixture(scope="module")
def network(program: Path, home: Path) -> Iterator[Cluster]:
    """Four validators; the engine of the fourth dies at the persistence point that a file names."""
    script, point = home / "cometbft", home / "point"
    dies = f"FAIL_TEST_INDEX=$(cat {point}); export FAIL_TEST_INDEX; rm {point}"
    script.write_text(f'#!/bin/sh\nif [ -f {point} ]; then {dies}; fi\nexec {program} "$@"\n')
    script.chmod(0o755)
    cluster = Cluster(home, block_pause_ms=20, propose_ms=500, programs={FOURTH: script})
    try:
        for name in OTHERS:
            cluster.open(name)
        yield cluster
    finally:
        cluster.close()


@pytest.fixture
def load(network: Cluster) -> list[tuple[str, int]]:
    return [network.describe(name) for name in OTHERS]


def fourth(network: Cluster) -> Pair:
    pair = Pair(network.folders[FOURTH])
    assert pair.first == "open"
    return pair


def settle(network: Cluster, said: list[tuple[str, int]]) -> None:
    """Open the fourth in this process, and hold everything against everything."""
    network.open(FOURTH)
    try:
        network.check(said)
    finally:
        network.close(FOURTH)


def test_the_application_is_killed_at_each_of_its_steps(network: Cluster) -> None:
    said: list[tuple[str, int]] = []
    number = 0
    for step in STEPS:
        pair = fourth(network)
        try:
            number += 1
            pair.tell(f"say {FOURTH} {number}")
            assert pair.answer() == f"said {FOURTH} {number}"
            said.append((FOURTH, number))
            pair.tell(f"die {step} 2")
            until(lambda pair=pair: said.append(network.describe(OTHERS[0])) or pair.process.poll() is not None, step)  # type: ignore[misc,func-returns-value]
            assert pair.process.returncode == 9, step
        finally:
            pair.close()
    said += [network.describe(name) for name in OTHERS]
    settle(network, said)


def test_the_engine_is_killed_at_each_of_its_persistence_points(network: Cluster, home: Path) -> None:
    engine = network.open(FOURTH)
    said = [network.describe(FOURTH)]
    deaths = 0
    for point in POINTS:
        (home / "point").write_text(str(point))
        starts = engine._process.starts
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGKILL)

        def died_and_came_back(starts: int = starts) -> bool:
            said.append(network.describe(OTHERS[point % 3]))  # noqa: B023
            return engine._process.starts >= starts + 2 and engine.pid is not None

        until(died_and_came_back, f"the engine dies at point {point} and comes back")
        deaths += 1
        said.append(network.describe(FOURTH))
    assert deaths == len(POINTS) and "fail-test" in (network.folders[FOURTH] / "cometbft.log").read_text()
    network.check(said)
    network.close(FOURTH)


def test_a_pair_that_stands_still_holds_nobody_up_and_catches_up(network: Cluster, load: list[tuple[str, int]]) -> None:
    pair = fourth(network)
    try:
        pair.signal(signal.SIGSTOP)
        said = load + [network.describe(name) for name in OTHERS for _ in range(2)]
        pair.signal(signal.SIGCONT)
        top = network.even(*OTHERS)

        def level() -> bool:
            pair.tell("tip")
            return int(pair.answer().split()[1]) >= top.height

        until(level, "the pair catches up")
    finally:
        pair.close()
    settle(network, said)


def test_all_are_stopped_and_started_again(network: Cluster, load: list[tuple[str, int]]) -> None:
    network.close()
    for name in NAMES:
        network.open(name)
    said = load + [network.describe(name) for name in NAMES]
    network.check(said)
    network.close(FOURTH)


def test_a_damaged_ledger_is_named_and_made_anew(network: Cluster, load: list[tuple[str, int]]) -> None:
    settle(network, load)
    file = network.folders[FOURTH] / "ledger.db"
    with file.open("r+b") as damaged:
        damaged.seek(4096)
        damaged.write(b"\xa5" * (file.stat().st_size - 4096))
    with pytest.raises(EngineError) as caught:
        network.open(FOURTH)
    assert caught.value.code == "corrupted" and "set ledger.db* aside" in caught.value.sentence
    for part in file.parent.glob("ledger.db*"):
        part.rename(part.with_name(f"old-{part.name}"))
    settle(network, load + [network.describe(name) for name in OTHERS])


def mounted(folder: Path, size: str) -> None:
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "medrec-test", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("a small disk can be mounted by root only")


def test_a_disk_with_one_megabyte_left_stops_one_node_in_words_and_it_comes_back(network: Cluster) -> None:
    folder, kept = network.folders[FOURTH], network.folders[FOURTH].with_name("kept")
    folder.rename(kept)
    folder.mkdir()
    try:
        mounted(folder, "64m")
        subprocess.run(["cp", "-a", f"{kept}/.", str(folder)], check=True)
        engine = network.open(FOURTH)
        said = [network.describe(FOURTH)]
        free = os.statvfs(folder)
        (folder / "filler").write_bytes(bytes(free.f_bavail * free.f_frsize - (1 << 20)))

        def told() -> bool:
            said.append(network.describe(OTHERS[0]))
            return "disk is full" in engine.trouble

        until(told, "the node says that its disk is full")
        (folder / "filler").unlink()
        until(lambda: engine.pid is not None and not engine.trouble, "the node comes back by itself", 180)
        said.append(network.describe(FOURTH))
        network.check(said)
    finally:
        if FOURTH in network.engines:
            network.close(FOURTH)
        subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True)
        folder.rmdir()
        kept.rename(folder)
    settle(network, said)


def test_damaged_engine_data_are_named_and_made_anew(network: Cluster, load: list[tuple[str, int]]) -> None:
    settle(network, load)
    data = network.folders[FOURTH] / "comet" / "data"
    for file in (data / "blockstore.db").glob("*.ldb"):
        file.write_bytes(b"\xa5" * file.stat().st_size)
    for file in (data / "blockstore.db").glob("*.log"):
        file.write_bytes(b"\xa5" * 4096)
    (data / "blockstore.db" / "CURRENT").write_bytes(b"noise")
    engine = network.open(FOURTH)
    until(lambda: engine.trouble, "the node says what is wrong with its engine")
    assert "own data are damaged" in engine.trouble
    network.close(FOURTH)
    # As the words say: the memory of the last vote and the keys stay, everything else comes from the others.
    for part in data.iterdir():
        if part.is_dir():
            shutil.rmtree(part)
    for part in network.folders[FOURTH].glob("ledger.db*"):
        part.unlink()
    settle(network, load + [network.describe(name) for name in OTHERS])
