"""A code of ICD-10 tells by itself what it tells beside its title; one that another edition has is a doubt."""

import csv
import gzip
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from medrec.core.consent import labels as labelling
from medrec.core.consent.labels import Labeller
from medrec.core.consent.systems import ICD10
from medrec.core.records.terms import ICD10CM
from medrec.node.release.labels import Labels

ROOT = Path(__file__).resolve().parents[3]
LABELLER = Labeller((Path(labelling.__file__).parent / "labels.json").read_bytes())


def tool() -> ModuleType:
    found = importlib.util.spec_from_file_location("build_label_codes", ROOT / "tools" / "build_label_codes.py")
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def titles(shared: Path) -> Iterator[tuple[str, str]]:
    with gzip.open(shared / "data" / "terminology" / "icd10cm.csv.gz", "rt", encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            yield row["code"], row["description"]


def test_no_title_is_labelled_whose_code_is_not(shared: Path) -> None:
    """All 98,000 titles of ICD-10-CM, but for those of the tool's exceptions, which are few."""
    build = tool()
    assert list(build.untold(LABELLER, titles(shared))) == []
    build.EXCEPTIONS = {}
    excepted = {code[:5] for _, code, _ in build.untold(LABELLER, titles(shared))}
    assert 20 < len(excepted) < 60, sorted(excepted)


@pytest.mark.parametrize(
    ("code", "label"),
    [
        ("T39.1X2A", "MH"), ("T42.4X2A", "MH"), ("T43.222A", "MH"), ("T71.162A", "MH"), ("T39.1X3A", "VIO"),
        ("X75.XXXA", "MH"), ("E88.14", "HIV"), ("R44.0", "MH"), ("R11.16", "SUD"), ("Z02.83", "ETHUD"),
        ("Z04.6", "MH"), ("E24.4", "ETHUD"), ("P04.41", "SUD"), ("R37", "SEX"), ("N53.14", "SEX"),
        ("N96", "PREGNANT"), ("Z92.0", "PREGNANT"), ("T83.39XA", "PREGNANT"), ("G31.09", "COGN"), ("G31.84", "COGN"),
        ("R87.810", "STD"), ("Z56.81", "SDV"), ("Z63.72", "SUD"), ("Z83.0", "HIV"),
    ],
)  # fmt: skip
def test_a_code_of_icd_10_cm_without_a_name_tells_what_its_title_tells(code: str, label: str) -> None:
    concept = {"coding": [{"system": ICD10CM, "code": code}]}
    assert label in Labels().of({"resourceType": "Condition", "code": concept}).codes
    claim = {"resourceType": "ExplanationOfBenefit", "diagnosis": [{"diagnosisCodeableConcept": concept}]}
    assert label in Labels().of(claim).codes


@pytest.mark.parametrize("system", [ICD10, ICD10CM])
def test_what_only_the_edition_of_who_has_is_labelled_or_a_doubt(system: str) -> None:
    labels = Labels()
    codes = "B21 B22.0 B23.0 B24 X61 X64 X65 X70 X75 X84 X85 X91 Y05 Y06.0 F00.1 F38.8 F61 F62.0 F83 F92.0 Z35.9 Z50.2"
    for code in f"{codes} Z50.3 Z50.4 Z71.4 Z72.1 Z72.2 Z86.4 Z61.4 X45 Y87.0 Y91.1 N48.4 Z83.0".split():
        record = {"resourceType": "Condition", "code": {"coding": [{"system": system, "code": code}]}}
        assert labels.of(record).codes, code
    for code in ("I84.9", "Z50.9", "U99", "J45.7"):
        record = {"resourceType": "Condition", "code": {"coding": [{"system": system, "code": code}]}}
        assert labels.of(record).may, code
    for code in ("J45.9", "I10", "S52.5", "E11.9"):
        record = {"resourceType": "Condition", "code": {"coding": [{"system": system, "code": code}]}}
        assert labels.of(record)[:2] == ((), ()), code


def test_without_a_table_the_edition_of_who_is_a_doubt() -> None:
    for system, may in ((ICD10, LABELLER.opaque), (ICD10CM, ())):
        record = {"resourceType": "Condition", "code": {"coding": [{"system": system, "code": "J45.9"}]}}
        assert LABELLER.label(record)[:2] == ((), may)
