"""Real engines on real processes: the engine is found or built before the first test, one network serves many tests.

Where the engine can neither be found nor built the tests are skipped, and say so; on CI that is a failure
(tools/report_skips.py).
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "core"), str(TESTS / "engines")]

from cluster import Cluster  # noqa: E402

from medrec.engines import cometbft_binary  # noqa: E402
from medrec.engines.engine import EngineError  # noqa: E402


@pytest.fixture(scope="session")
def program() -> Path:
    """The engine's program, built on first use."""
    try:
        return cometbft_binary.program(lambda line: sys.stderr.write(line + "\n"))
    except EngineError as error:
        pytest.skip(f"the network engine cannot be built here: {error.sentence}")


@pytest.fixture(scope="module")
def four(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Four validators that serve all tests of a file; a snapshot every five blocks."""
    with Cluster(tmp_path_factory.mktemp("four"), snapshot_every=5) as cluster:
        yield cluster


collect_ignore = [] if os.environ.get("MEDREC_SOAK") else ["test_soak.py"]
