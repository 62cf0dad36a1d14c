"""Where a site has loaded SNOMED CT, its names and its map say what a code is of, and the words beside it are held
against that."""

import json
from pathlib import Path
from typing import Any

import pytest

from medrec.core.reconcile.held import Held
from medrec.core.reconcile.lists import Lists
from medrec.core.records.canonical import canonical
from medrec.core.records.dates import clinical_date
from medrec.core.records.reading import Around
from medrec.core.records.table import understand
from medrec.core.records.terms import SNOMED, Terms
from medrec.node.terminology.index import Indexed
from medrec.node.terminology.load import load
from medrec.node.terminology.shipped import shipped
from tests.reconcile.test_apart import icd, over, problem
from tests.reconcile.test_bad_input import NOW

RELEASE = {
    "sct2_Concept_Snapshot_US_2026.txt": """
id effectiveTime active moduleId definitionStatusId
44054006 2026 1 m d
195967001 2026 1 m d""",
    "sct2_Description_Snapshot-en_US_2026.txt": """
id effectiveTime active moduleId conceptId languageCode typeId term caseSignificanceId
1 2026 1 m 44054006 en 900000000000013009 Diabetes_mellitus_type_2 c
2 2026 1 m 195967001 en 900000000000013009 Asthma c""",
    "der2_iisssccRefset_ExtendedMapSnapshot_US_2026.txt": """
id effectiveTime active moduleId refsetId referencedComponentId mapGroup mapPriority mapRule mapTarget
1 2026 1 m 6011000124106 44054006 1 1 TRUE E11.9
2 2026 1 m 6011000124106 195967001 1 1 TRUE J45.909""",
}
NAMES, MAP = tuple(RELEASE)[:2], tuple(RELEASE)[2:]


def released(folder: Path, *names: str) -> Terms:
    """A node's tables with these files of SNOMED CT loaded."""
    for name in names:
        (folder / name).write_text(RELEASE[name].strip().replace(" ", "\t").replace("_", " ") + "\n", encoding="utf-8")
    load([folder / name for name in names], folder / "terminology.db")
    return Indexed(folder / "terminology.db", shipped())


def rows(terms: Terms, *records: dict[str, Any]) -> dict[str, tuple[str, str]]:
    around = Around(terms, NOW, clinical_date("1980-05-01"))
    held = []
    for number, record in enumerate(records):
        form = canonical(json.dumps(record | {"id": f"r{number}"}).encode())
        mark = form.sha256.hex()
        held.append(Held(record.get("source", "north"), understand(form.value, around), 1, mark, mark, NOW))
    return {row.name: (row.status, row.standing) for row in Lists(terms, NOW, held).read().problems}


@pytest.mark.parametrize("files", [NAMES, MAP, NAMES + MAP], ids=["names", "map", "both"])
def test_the_end_of_one_disease_ends_no_other_through_a_mistyped_code(tmp_path: Path, files: tuple[str, ...]) -> None:
    """A place's asthma under the code of a diabetes was ended by another's end of the diabetes."""
    terms = released(tmp_path, *files)
    mistyped = problem("Asthma", {"system": SNOMED, "code": "44054006"})
    assert rows(terms, mistyped, over("Type 2 diabetes", icd("E11.9"))) == {
        "Asthma": ("unknown", "uncertain"),
        "Type 2 diabetes": ("stopped", ""),
    }
    shown = problem("", {"system": SNOMED, "code": "195967001", "display": "Type 2 diabetes mellitus"})
    assert rows(terms, shown) == {"Type 2 diabetes mellitus": ("unknown", "uncertain")}
    right = problem("T2DM", {"system": SNOMED, "code": "44054006"})
    assert rows(terms, right) == {"T2DM": ("active", "")}


def test_a_code_is_called_in_english_and_not_by_its_short_form(tmp_path: Path) -> None:
    """A heart attack was "Ataque al corazon" as soon as the Spanish edition lay beside the English one."""
    head = "id active conceptId languageCode typeId term"
    synonym, full = "900000000000013009", "900000000000003001"
    files = {
        "sct2_Description_Snapshot-en_INT.txt": f"""
1 1 22298006 en {synonym} Myocardial_infarction
2 1 24700007 en {synonym} MS_-_Multiple_sclerosis
3 1 24700007 en {synonym} Multiple_sclerosis
4 1 13645005 en {full} Chronic_obstructive_pulmonary_disease_(disorder)""",
        "sct2_Description_Snapshot-es_ES.txt": f"""
5 1 22298006 es {synonym} Ataque_al_corazon
6 1 13645005 es {synonym} Bronconeumopatia_obstructiva
7 1 95653008 es {synonym} Migraña""",
    }
    for name, lines in files.items():
        (tmp_path / name).write_text((head + lines).replace(" ", "\t").replace("_", " ") + "\n", encoding="utf-8")
    for order in (list(files), list(files)[::-1]):
        load([tmp_path / name for name in order], tmp_path / "terminology.db")
        terms = Indexed(tmp_path / "terminology.db", shipped())
        assert [terms.name(SNOMED, code) for code in ("22298006", "24700007", "13645005", "95653008")] == [
            "Myocardial infarction",
            "Multiple sclerosis",
            "Chronic obstructive pulmonary disease (disorder)",
            "Migraña",
        ]
