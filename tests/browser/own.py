"""A world of a module's own, for tests that change it: whoever imports `own_world` has it as `world`."""

from collections.abc import Iterator

import pytest

from tests.browser.conftest import told_world
from tests.browser.world import World


@pytest.fixture(scope="module", name="world")
def own_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """As `world`, made for one module."""
    with told_world(tmp_path_factory.mktemp("world")) as told:
        yield told
