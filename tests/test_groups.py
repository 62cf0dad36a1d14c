"""Tests of one group run on one worker, and so do those that share what a module makes: that `xdist_group` holds with
the versions that are pinned."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
MARKED = 'pytestmark = pytest.mark.xdist_group("one")\n@pytest.fixture\ndef made(): pass'
SHARED = '@pytest.fixture(scope="module")\ndef made(): pass'
GROUPED = """
import os, pathlib, pytest
{how}
@pytest.mark.parametrize("number", range(8))
def test_where(number, made):
    with (pathlib.Path(__file__).parent / "workers").open("a") as told:
        told.write(os.environ["PYTEST_XDIST_WORKER"] + "\\n")
"""


@pytest.mark.parametrize("how", [MARKED, SHARED], ids=["marked", "shared"])
def test_a_group_stays_on_one_worker(tmp_path: Path, how: str) -> None:
    (tmp_path / "test_grouped.py").write_text(GROUPED.format(how=how))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-p", "no:cacheprovider"]
    command += ["-n", "2", "--dist=loadgroup", "-c", str(tmp_path / "pytest.ini"), str(tmp_path)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    workers = (tmp_path / "workers").read_text().split()
    assert len(workers) == 8 and len(set(workers)) == 1
