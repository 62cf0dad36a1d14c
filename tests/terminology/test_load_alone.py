"""Of two loads at once one is made, and the other is refused."""

from pathlib import Path

import pytest

from medrec.core.records.terms import Table
from medrec.node.terminology.index import Indexed, TerminologyError
from medrec.node.terminology.load import load
from tests.terminology.test_load import rxnorm


def _kinds(target: Path) -> list[str]:
    file = Indexed(target, Table())
    try:
        return [kind for _, kind, _, _ in file.sources()]
    finally:
        file.close()


def test_while_a_load_is_under_way_another_is_refused_and_the_first_is_what_stands(tmp_path: Path) -> None:
    target = tmp_path / "terminology.db"
    first, second = rxnorm(tmp_path / "rrf"), tmp_path / "ndc.csv"
    second.write_text("ndc11,rxcui,src\n00071015523,6,P\n")
    refused: list[TerminologyError] = []

    def progress(_what: str, _rows: int) -> None:
        with pytest.raises(TerminologyError) as told:
            load([second], target)
        refused.append(told.value)
        assert not target.exists(), "nothing half made takes its place"

    assert [kind for _, kind, _ in load([first], target, progress)] == ["rxnorm"]
    assert {one.code for one in refused} == {"being-loaded"} and "under way" in refused[0].sentence
    assert _kinds(target) == ["rxnorm"] and not list(tmp_path.glob(".*"))
    load([second], target)
    assert _kinds(target) == ["ndc"] and not list(tmp_path.glob(".*"))
