"""The whole demonstration on four validators."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from medrec.demo.run import Options, run

pytestmark = pytest.mark.xdist_group("demo-network")


def test_the_story_holds_on_four_validators(program: Path) -> None:
    said = io.StringIO()
    assert run(Options(check=True, validators=4, people=4), Console(file=said, width=200)) == 0, said.getvalue()
    assert "steps held" in said.getvalue()
