"""The memory engine under the suite of all engines, and what it alone can do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ledger_world import World
from suite import MANY, NAMES, Clock, EngineSuite, Fault, describe

from medrec.core import state
from medrec.engines.engine import Engine, EngineError
from medrec.engines.memory import MemoryEngine


class TestMemory(EngineSuite):
    step_before_keeping, step_after_keeping = "keep", "kept"

    def make(
        self, folder: Path, clock: Callable[[], int], genesis: dict[str, Any] = MANY, fault: Fault = lambda step: None
    ) -> Engine:
        return MemoryEngine(genesis, clock, fault)

    def test_every_height_can_be_read(self) -> None:
        engine, world = MemoryEngine(MANY, Clock()), World(MANY)
        for number in range(1, 4):
            engine.submit([describe(world, NAMES[0], number)])
        for height in (1, 2, 3):
            north = state.organisation(engine.view(height), NAMES[0])
            assert north is not None and north.name == f"{NAMES[0]} {height}"
        for height in (-1, 0, 4):
            with pytest.raises(EngineError, match="no height"):
                engine.view(height)
