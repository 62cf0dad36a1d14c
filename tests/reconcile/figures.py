"""The page of figures as the measuring tool writes it, so that a test can hold it against what is measured."""

import importlib.util
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "figures" / "lists.md"


def tool() -> ModuleType:
    """tools/measure_lists.py as a module."""
    found = importlib.util.spec_from_file_location("measure_lists", ROOT / "tools" / "measure_lists.py")
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module
