"""The told story, made once, and an empty network for each test."""

from pathlib import Path
from typing import Any

import pytest

from medrec.portal import clinic
from tests.portal.story import Story


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Any:
    story = Story(tmp_path_factory.mktemp("told"))
    story.person = story.tell()  # type: ignore[attr-defined]
    story.checkpoint("north", "south", "guide")
    yield story
    story.network.close()


@pytest.fixture
def empty(tmp_path: Path) -> Any:
    story = Story(tmp_path)
    yield story
    story.network.close()


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clinician's screen waits for the places that she asked as long as they take: a busy machine changes no test."""
    monkeypatch.setattr(clinic, "PATIENCE_S", 120.0)
