"""A table of which what is missing counts as unknown is loaded whole, or not at all."""

from pathlib import Path

import pytest

from medrec.core.records.terms import CVX, ICD10CM, RXNORM, SNOMED, Table
from medrec.node.terminology import whole
from medrec.node.terminology.index import Indexed, TerminologyError
from medrec.node.terminology.load import load
from medrec.node.terminology.shipped import shipped

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
        "2\t1\t138875005\ten\t900000000000013009\tSNOMED CT Concept\n3\t1\t1000124\ten\t900000000000013009\tOwn\n"
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
        ("Loinc.csv", "90,000"),
        ("UNII_Records_1.txt", "60,000"),
        ("sct2_Concept_Snapshot_INT.txt", "400,000"),
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
    with pytest.raises(TerminologyError, match="most of its codes have no name"):
        load([international, extension], tmp_path / "terminology.db")
    load([international, extension, names], tmp_path / "terminology.db")
    assert Indexed(tmp_path / "terminology.db", Table()).validity(SNOMED, "1000124") == "valid"
    monkeypatch.setitem(LEAST, "snomed-concepts", LEAST["snomed-concepts"]._replace(rows=1))
    names.write_text("".join(line for line in names.read_text().splitlines(True) if "138875005" not in line))
    with pytest.raises(TerminologyError, match="no code 138875005"):
        load([extension, names], tmp_path / "terminology.db")


def test_names_of_snomed_ct_that_are_cut_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LEAST, "snomed-concepts", LEAST["snomed-concepts"]._replace(rows=3))
    for name, text in SNOMED_FILES.items():
        (tmp_path / name).write_text(text if "Description" not in name else text[: text.rindex("\n2\t") + 1])
    with pytest.raises(TerminologyError, match="most of its codes have no name") as told:
        load([tmp_path], tmp_path / "terminology.db")
    assert told.value.code == "not-whole"


_CONSO = "{0}|ENG||||||{0}1|||{0}|RXNORM|{1}|{0}|{2}||N|4096|\n"
_REL = "{}||CUI|RO|{}||CUI|{}|||RXNORM||||N|4096|\n"
_BOTH = "sulfamethoxazole 800 MG / trimethoprim 160 MG Oral Tablet"


def rxnorm(folder: Path, relations: int) -> Path:
    """A release of one combination, with so many of its relations."""
    folder.mkdir()
    drugs = (
        ("10180", "IN", "sulfamethoxazole"),
        ("10829", "IN", "trimethoprim"),
        ("315219", "SCDC", "sulfamethoxazole 800 MG"),
        ("317541", "SCDC", "trimethoprim 160 MG"),
        ("198335", "SCD", _BOTH),
        ("208416", "SBD", f"{_BOTH} [Bactrim]"),
    )
    tied = (
        ("10829", "317541", "has_ingredient"),
        ("317541", "198335", "consists_of"),
        ("317541", "208416", "consists_of"),
        ("10180", "315219", "has_ingredient"),
        ("315219", "198335", "consists_of"),
        ("315219", "208416", "consists_of"),
    )
    (folder / "RXNCONSO.RRF").write_text("".join(_CONSO.format(*one) for one in drugs))
    (folder / "RXNREL.RRF").write_text("".join(_REL.format(*one) for one in tied[:relations]))
    return folder


def test_relations_of_rxnorm_that_are_cut_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The combination was loaded as trimethoprim alone, and an allergy to sulfonamides warned of nothing."""
    with pytest.raises(TerminologyError, match="over 15,000") as told:
        load([rxnorm(tmp_path / "few", 6)], tmp_path / "terminology.db")
    assert told.value.code == "not-whole"
    monkeypatch.delitem(LEAST, "rxnorm")
    load([rxnorm(tmp_path / "whole", 6)], tmp_path / "terminology.db")
    drug = Indexed(tmp_path / "terminology.db", Table()).drug(RXNORM, "208416")
    assert drug is not None and drug.ingredients == ("10180", "10829")
    for lines in (4, 5):
        with pytest.raises(TerminologyError, match="fewer parts than their names say") as told:
            load([rxnorm(tmp_path / f"cut{lines}", lines)], tmp_path / "terminology.db")
        assert told.value.code == "not-whole" and _BOTH in told.value.sentence
    monkeypatch.setattr(whole, "_SHORT_SHARE", 1)
    load([tmp_path / "cut5"], tmp_path / "terminology.db")
    loaded = Indexed(tmp_path / "terminology.db", Table())
    assert loaded.drug(RXNORM, "208416") is None, "what lacks a part would be another medicine"
    assert loaded.drug(RXNORM, "198335") is not None


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("99213,Office visit", "'99213' is no code of ICD-10-CM"),
        ("F20,Flu shot", "it calls F20 'Flu shot', and"),
        ("Z88.0,No known allergies", "Allergy status to penicillin"),
        ("E11.9,Prediabetes", "Type 2 diabetes"),
    ],
)
def test_a_list_of_something_else_never_takes_the_place_of_official_titles(tmp_path: Path, row: str, says: str) -> None:
    (tmp_path / "visits.csv").write_text(f"code,description\n{row}\n")
    with pytest.raises(TerminologyError, match=r"visits\.csv cannot be read as concepts") as told:
        load([tmp_path], tmp_path / "terminology.db")
    assert says in told.value.sentence


def test_a_code_of_a_sites_own_is_added_and_an_official_title_stays(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("code,description\nI10,Hypertension of ours\nQA0.0101,Own one\n")
    load([tmp_path / "own.csv"], tmp_path / "terminology.db")
    loaded = Indexed(tmp_path / "terminology.db", shipped())
    assert loaded.name(ICD10CM, "I10") == shipped().name(ICD10CM, "I10") and loaded.validity(ICD10CM, "I10") == "valid"
    assert loaded.name(ICD10CM, "QA0.0101") == "Own one"
