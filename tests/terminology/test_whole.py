"""A table of which what is missing counts as unknown is loaded whole, or not at all."""

from pathlib import Path

import pytest

from medrec.core.records.terms import CVX, ICD10CM, SNOMED, Table
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


SNOMED_FILES = {
    "sct2_Concept_Snapshot_INT.txt": "id\teffectiveTime\tactive\n138875005\t2026\t1\n44054006\t2026\t1\n",
    "sct2_Concept_Snapshot_US.txt": "id\teffectiveTime\tactive\n1000124\t2026\t1\n",
    "sct2_Description_Snapshot-en_INT.txt": (
        "id\tactive\tconceptId\tlanguageCode\ttypeId\tterm\n1\t1\t44054006\ten\t900000000000013009\tType 2 diabetes\n"
    ),
}


def test_a_cut_table_of_loinc_unii_or_snomed_ct_is_refused(tmp_path: Path) -> None:
    """Every real code was "LOINC has no code 4548-4" where a file of one row was loaded."""
    (tmp_path / "Loinc.csv").write_text("LOINC_NUM,LONG_COMMON_NAME,STATUS\n2345-7,Glucose,ACTIVE\n")
    unii = "UNII\tDISPLAY_NAME\tRXCUI\n7JH7RS9PKS\tLISINOPRIL\t29046\n"
    (tmp_path / "UNII_Records_1.txt").write_text(unii.replace("DISPLAY_NAME", "Display Name"))
    for name, text in SNOMED_FILES.items():
        (tmp_path / name).write_text(text)
    for name, rows in (
        ("Loinc.csv", "60,000"),
        ("UNII_Records_1.txt", "14,000"),
        ("sct2_Concept_Snapshot_INT.txt", "300,000"),
    ):
        with pytest.raises(TerminologyError, match=f"over {rows}") as told:
            load([tmp_path / name], tmp_path / "terminology.db")
        assert told.value.code == "not-whole" and name in told.value.sentence
        assert not (tmp_path / "terminology.db").exists()


def test_an_extension_of_snomed_ct_is_loaded_beside_the_international_edition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LEAST, "snomed-concepts", LEAST["snomed-concepts"]._replace(rows=3))
    for name, text in SNOMED_FILES.items():
        (tmp_path / name).write_text(text)
    international, extension, names = (tmp_path / name for name in SNOMED_FILES)
    with pytest.raises(TerminologyError, match="it has 1 rows"):
        load([extension], tmp_path / "terminology.db")
    with pytest.raises(TerminologyError, match="none of its codes has a name"):
        load([international, extension], tmp_path / "terminology.db")
    load([international, extension, names], tmp_path / "terminology.db")
    assert Indexed(tmp_path / "terminology.db", Table()).validity(SNOMED, "1000124") == "valid"
    monkeypatch.setitem(LEAST, "snomed-concepts", LEAST["snomed-concepts"]._replace(rows=1))
    with pytest.raises(TerminologyError, match="no code 138875005"):
        load([extension, names], tmp_path / "terminology.db")
