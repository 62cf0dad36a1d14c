"""Where the shared vectors live, and one visible reason when they are missing."""

import contextlib
import functools
import gc
import os
import shutil
from pathlib import Path

import pytest
import sqlalchemy as sql
from anyio.from_thread import start_blocking_portal
from hypothesis import settings
from starlette import routing
from starlette.testclient import TestClient

from tests import statements

# The same for all nodes of a process, and made anew for each by what serves but one.
sql.create_engine = statements.create_engine
routing.compile_path = functools.cache(routing.compile_path)

# No test fails on wall time.
settings.register_profile("medrec", deadline=None)
settings.load_profile("medrec")

REPOSITORY = Path(__file__).resolve().parent.parent
MEMORY, MEMORY_BYTES = Path("/dev/shm"), 4 << 30
"""Where files lie in memory, and how much of it must be free for it to be used."""


def pytest_configure():
    """Put the folders of tests into memory where there is room, unless somebody said where: most tests wait for the
    disk alone, since a node's writes end on it. What is killed here is a process and never the machine, so that no test
    can tell."""
    if "PYTEST_DEBUG_TEMPROOT" in os.environ or not MEMORY.is_dir():
        return
    if not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC and shutil.disk_usage(MEMORY).free > MEMORY_BYTES:
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(MEMORY)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of published vectors and sample bundles; the test is skipped, loudly, without it."""
    folder = Path(os.environ.get("MEDREC_SHARED", REPOSITORY.parent / "shared"))
    if not (folder / "vectors").is_dir():
        pytest.skip(f"published vectors not found in {folder.name}/ (set MEDREC_SHARED)")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _one_loop():
    """One event loop, and its threads, for the requests of all test clients of a worker: a client that is not opened
    makes both anew for each request, which takes longer than most pages do. An opened client has its own, as ever."""
    with start_blocking_portal() as portal, pytest.MonkeyPatch.context() as patch:
        patch.setattr(TestClient, "_portal_factory", lambda client: contextlib.nullcontext(client.portal or portal))
        yield


@pytest.hookimpl(tryfirst=True, specname="pytest_collection_modifyitems")
def pytest_keep_together(items):
    """Keep the tests of a module that share something on one worker: each worker would make it anew."""
    for item in items:
        made = getattr(item, "_fixtureinfo", None)
        shared = made and any(one.scope == "module" for found in made.name2fixturedefs.values() for one in found)
        if shared and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Keep the tests of a group on one worker: pytest 9.2 holds the id of a test elsewhere than pytest-xdist 3.8 writes
    the name of its group to, so that `xdist_group` did nothing."""
    for item in items:
        grouped = getattr(item, "_nodeid", "")
        if "@" in grouped and hasattr(item, "_id") and item.nodeid != grouped:
            from _pytest.nodeid import coerce_node_id

            item._id = coerce_node_id(grouped)


def pytest_collection_finish():
    """What was read by now stays: looking through it for garbage, again and again, took a fifth of the tests' time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


def pytest_terminal_summary(terminalreporter):
    """Say how many worlds the simulator played, on however many workers."""
    told = {"worlds": 0.0, "worlds-seconds": 0.0, "worlds-found": 0.0}
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, figure in getattr(report, "user_properties", ()):
                if name in told and report.when == "call":
                    told[name] += figure
    worlds, seconds, found = told.values()
    if worlds:
        terminalreporter.write_line(f"simulator: {worlds:.0f} worlds in {seconds:.0f} s of tests, {found:.0f} findings")
