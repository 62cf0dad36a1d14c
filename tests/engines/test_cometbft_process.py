"""A process that is watched: started again when it ends, ended when its consensus failed, its log read and bounded."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medrec.engines import cometbft_log, cometbft_process
from medrec.engines.cometbft_log import EngineLog
from medrec.engines.cometbft_orphan import end_orphan, note_process
from medrec.engines.cometbft_process import FULL, Supervised


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cometbft_process, "PAUSES_S", (0.05,))
    monkeypatch.setattr(cometbft_process, "LOOK_S", 0.05)


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[[str], Supervised]]:
    """Watches a small program; it writes to the log and sleeps, as it is told."""
    made: list[Supervised] = []

    def start(program: str) -> Supervised:
        made.append(Supervised([sys.executable, "-c", program], tmp_path / "cometbft.log", lambda: None, {"WORD": "x"}))
        made[-1].start()
        return made[-1]

    yield start
    for process in made:
        process.stop()


def test_what_ends_is_started_again_and_its_last_words_are_told(run: Callable[[str], Supervised]) -> None:
    process = run("import sys; sys.exit('ERROR: listen tcp: bind: address already in use')")
    until(lambda: process.starts > 2)
    until(lambda: "`listen`" in process.trouble)


def test_a_consensus_that_failed_is_ended_although_its_process_lives(run: Callable[[str], Supervised]) -> None:
    process = run("import time; print('CONSENSUS FAILURE!!! wrong Block.Header.AppHash', flush=True); time.sleep(600)")
    until(lambda: process.starts > 2)
    until(lambda: "another app hash" in process.trouble)


def test_a_running_engine_that_complains_is_heard_for_a_while(
    run: Callable[[str], Supervised], monkeypatch: pytest.MonkeyPatch
) -> None:
    process = run("import time; print('peer is on a different network', flush=True); time.sleep(600)")
    until(lambda: "differ by at least one byte" in process.trouble)
    assert process.starts == 1
    monkeypatch.setattr(cometbft_log, "FRESH_S", 0.0)
    assert process.trouble == ""


def test_a_full_disk_is_told_and_the_engine_starts_anew_when_there_is_room(
    run: Callable[[str], Supervised], monkeypatch: pytest.MonkeyPatch
) -> None:
    process = run("import time; time.sleep(600)")
    until(lambda: process.pid)
    monkeypatch.setattr(cometbft_process, "FULL_BYTES", 1 << 60)
    until(lambda: process.trouble == FULL)
    assert process.starts == 1
    monkeypatch.setattr(cometbft_process, "FULL_BYTES", 0)
    until(lambda: process.starts == 2 and process.trouble != FULL)


def test_a_watch_that_breaks_leaves_no_second_process(
    run: Callable[[str], Supervised], monkeypatch: pytest.MonkeyPatch
) -> None:
    process = run("import time; time.sleep(600)")
    until(lambda: process.pid)
    first = process.pid
    monkeypatch.setattr(cometbft_process, "disk_usage", None)
    until(lambda: process.starts > 1)
    assert first is not None
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


def test_the_log_keeps_one_old_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cometbft_log, "LOG_BYTES_MAX", 1000)
    file = tmp_path / "cometbft.log"
    with file.open("ab", buffering=0) as process:
        log = EngineLog(file)
        for number in range(50):
            process.write(b"%04d " % number + b"x" * 95)
            assert not log.look()
    assert file.stat().st_size <= 1100 and (tmp_path / "cometbft.log.1").stat().st_size <= 1100
    with file.open("ab", buffering=0) as process:
        process.write(b"CONSENSUS FAILURE!!!")
    assert log.look() and not log.look()


def test_a_reason_of_an_earlier_run_is_not_told_of_this_one(run: Callable[[str], Supervised], tmp_path: Path) -> None:
    (tmp_path / "cometbft.log").write_text("ERROR: listen tcp: bind: address already in use\n")
    process = run("import os; os._exit(9)")
    until(lambda: process.starts > 2 and process.trouble)
    assert process.trouble == "the engine ended with code 9"


def test_the_last_line_that_gives_a_reason_is_told_whatever_its_case(run: Callable[[str], Supervised]) -> None:
    process = run("import sys; print('I[now] all is well'); sys.exit('Error reading PrivValidator state from x: EOF')")
    until(lambda: "Error reading PrivValidator state" in process.trouble)


def test_an_engine_that_outlived_its_node_is_ended_before_the_next(
    run: Callable[[str], Supervised], tmp_path: Path
) -> None:
    sleeps = "import time; time.sleep(600)"
    outlived = subprocess.Popen([sys.executable, "-c", sleeps])
    try:
        note_process(tmp_path / "engine.pid", outlived.pid)
        process = run(sleeps)
        until(lambda: process.pid is not None)
        assert outlived.wait(60) == -signal.SIGKILL
        assert process.pid is not None and (tmp_path / "engine.pid").read_text().split()[0] == str(process.pid)
    finally:
        outlived.kill()
        outlived.wait()


def test_another_process_with_the_same_number_is_left_alone(tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    file = tmp_path / "engine.pid"
    try:
        note_process(file, other.pid)
        pid, begun = file.read_text().split()
        for text in (f"{pid} {int(begun) - 1}", f"{pid} 0", "", "noise", f"{pid} {begun} 1"):
            file.write_text(text)
            assert not end_orphan(file)
        assert other.poll() is None
        note_process(file, other.pid)
        assert end_orphan(file) and not end_orphan(file)
    finally:
        other.kill()
        other.wait()


def test_nothing_is_started_after_a_stop(tmp_path: Path) -> None:
    entered, go = threading.Event(), threading.Event()

    def prepare() -> None:
        entered.set()
        go.wait(60)

    process = Supervised([sys.executable, "-c", "import time; time.sleep(600)"], tmp_path / "x.log", prepare, {})
    process.start()
    assert entered.wait(60)
    threading.Timer(0.2, go.set).start()
    process.stop()
    assert process.starts == 0 and process.pid is None
