"""A table of which what is missing counts as unknown is loaded whole, or not at all."""

from pathlib import Path

import pytest

from medrec.core.records.terms import CVX, ICD10CM, Table
from medrec.node.terminology import whole
from medrec.node.terminology.index import Indexed, TerminologyError
from medrec.node.terminology.load import load

LEAST = dict(whole.LEAST)


def order(folder: Path, *codes: str) -> Path:
    file = folder / "icd10cm_order_2026.txt"
    rows = [f"{number:05} {code:7} 1 {'Disease ' + code:60} Disease {code}\n" for number, code in enumerate(codes, 1)]
    file.write_text("".join(rows))
    return file


@pytest.fixture(autouse=True)
def real_size(any_size: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole, "LEAST", LEAST)


def test_tables_of_a_few_rows_are_refused_and_what_was_loaded_stays(tmp_path: Path) -> None:
    target = tmp_path / "terminology.db"
    (tmp_path / "own.csv").write_text("code,description\nA00,Cholera\n")
    load([tmp_path / "own.csv"], target)
    before = target.read_bytes()
    (tmp_path / "cvx.txt").write_text("3|MMR|measles, mumps, rubella||Active|1|False|2020\n")
    for file, rows in ((order(tmp_path, "A00"), "1 rows"), (tmp_path / "cvx.txt", "over 200")):
        with pytest.raises(TerminologyError, match="no whole release") as told:
            load([file], target)
        assert told.value.code == "not-whole" and rows in told.value.sentence and file.name in told.value.sentence
        assert target.read_bytes() == before and not list(tmp_path.glob(".*"))


def test_a_file_that_is_cut_at_the_end_of_a_line_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LEAST, "icd10cm", LEAST["icd10cm"]._replace(rows=3))
    with pytest.raises(TerminologyError, match="no code Z99"):
        load([order(tmp_path, "A00", "A001", "B20", "Z98")], tmp_path / "terminology.db")
    with pytest.raises(TerminologyError, match="no code A00"):
        load([order(tmp_path, "A01", "B20", "Z9989")], tmp_path / "terminology.db")
    load([order(tmp_path, "A000", "B20", "Z9989")], tmp_path / "terminology.db")
    assert Indexed(tmp_path / "terminology.db", Table()).name(ICD10CM, "Z99.89") == "Disease Z9989"


def test_the_least_of_a_release_is_far_below_what_is_published(shared: Path) -> None:
    rows = (shared / "data" / "terminology" / "cvx.csv").read_text(encoding="utf-8").count("\n")
    assert LEAST["cvx"].system == CVX and LEAST["cvx"].rows < rows
