"""Calls of peers whose parts have other types than they should: refused as malformed, no fault of the node."""

from typing import Any

import pytest

from medrec.core import codec
from medrec.node import app
from medrec.node.peers.calls import CallRefused
from tests.access.probes import PROBES
from tests.access.test_matrix import world  # noqa: F401  # a fixture
from tests.access.world import World

STRANGE: tuple[Any, ...] = (None, True, -1, "", b"", [], {}, [[]], (1 << 63) - 1, "x" * 5000)


@pytest.mark.parametrize("path", ["/medrec/link", "/medrec/trial", "/medrec/move", "/medrec/unlink"])
def test_wrong_types_in_a_call_are_malformed_and_no_fault(world: World, path: str) -> None:  # noqa: F811
    node: Any = world.network["north"]
    asked = codec.decode(PROBES[path](world, "guide"))
    for name in asked:
        for value in STRANGE:
            try:
                app.dispatch(node, path, "guide", codec.encode({**asked, name: value}))
            except CallRefused as no:
                # A fault of the node's own would be `failed`, with 500.
                assert no.code not in ("failed", "unavailable"), (name, value)
