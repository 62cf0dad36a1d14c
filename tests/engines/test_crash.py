"""Kill the process at every step of a commit and at any moment: what was acknowledged is there, and all agrees."""

import os
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ledger_world import World
from suite import MANY, NAMES, Clock, check_whole, describe

from medrec.core.outcome import Code
from medrec.core.types import decode_transaction
from medrec.engines.sqlite import SqliteEngine

CHILD = Path(__file__).with_name("crash_child.py")


def start(file: Path, threads: int, step: str, number: int) -> "subprocess.Popen[str]":
    path = os.pathsep.join(sys.path)
    return subprocess.Popen(
        [sys.executable, str(CHILD), str(file), str(threads), step, str(number)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )


def reopened(file: Path, acknowledged: list[str]) -> int:
    """Open what the dead process left, check everything, and give the height."""
    engine = SqliteEngine(file, MANY, Clock())
    try:
        check_whole(engine)
        blocks = []
        while found := engine.blocks(len(blocks)):
            blocks += found
        for line in acknowledged:
            name, number, height, index = line.split()
            block = blocks[int(height) - 1]
            body = decode_transaction(block.block.transactions[int(index)]).body
            assert (body.author, body.payload["name"]) == (name, f"{name} {number}")
            assert block.outcomes[int(index)].code == Code.OK
        height = engine.tip().height
        engine.submit([])  # and it works
        assert engine.tip().height == height + 1
        return height
    finally:
        engine.close()


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize(("step", "kept"), [("begin", 0), ("state", 0), ("block", 0), ("commit", 0), ("committed", 1)])
def test_killed_at_a_step_of_a_commit(tmp_path: Path, step: str, kept: int, number: int) -> None:
    """`kept`: whether the block in which the process died is there afterwards."""
    child = start(tmp_path / "ledger", 1, step, number)
    out, error = child.communicate(timeout=60)
    assert child.returncode == 9, error
    acknowledged = out.splitlines()
    assert len(acknowledged) == number - 1
    assert reopened(tmp_path / "ledger", acknowledged) == number - 1 + kept


def test_killed_at_any_moment_under_load(tmp_path: Path) -> None:
    chance = random.Random(20_240_117)
    acknowledged: list[str] = []
    for _ in range(5):
        child = start(tmp_path / "ledger", 4, "none", 1)
        assert child.stdout is not None
        acknowledged.append(child.stdout.readline().strip())
        time.sleep(chance.uniform(0.02, 0.3))
        child.kill()
        out, _ = child.communicate(timeout=60)
        # The last line may be cut short by the kill; what is whole was acknowledged.
        acknowledged += out.split("\n")[:-1]
        reopened(tmp_path / "ledger", acknowledged)
    assert len(acknowledged) > 5


def test_killed_while_it_is_being_made(tmp_path: Path) -> None:
    """A ledger of which only the tables stand is given its genesis by the next opening."""
    file = tmp_path / "ledger"
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE state (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")
    connection.close()
    engine, world = SqliteEngine(file, MANY, Clock()), World(MANY)
    engine.submit([describe(world, NAMES[0], 1)])
    check_whole(engine)
    engine.close()
