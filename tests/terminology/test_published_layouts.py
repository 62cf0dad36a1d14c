"""Each table in the very columns that its owner publishes, with made-up rows; and the tables of the agencies by the
command, with its progress on a terminal.

The first lines were compared with public files: RxNorm's technical documentation (RXNCONSO, RXNREL, RXNSAT and
RXNATOMARCHIVE have no first line), the FDA's UNII lists, LOINC's table and its core, SNOMED CT's RF2, the CDC's CVX and
its tabular list, the order file of CMS.
"""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from medrec.core.records.terms import CVX, ICD10CM, LOINC, RXNORM, SNOMED, UNII, Table
from medrec.node.terminology import held
from medrec.node.terminology.index import Indexed
from medrec.node.terminology.load import load

RRF = {
    "RXNCONSO": "RXCUI LAT TS LUI STT SUI ISPREF RXAUI SAUI SCUI SDUI SAB TTY CODE STR SRL SUPPRESS CVF",
    "RXNREL": "RXCUI1 RXAUI1 STYPE1 REL RXCUI2 RXAUI2 STYPE2 RELA RUI SRUI SAB SL DIR RG SUPPRESS CVF",
    "RXNSAT": "RXCUI LUI SUI RXAUI STYPE CODE ATUI SATUI ATN SAB ATV SUPPRESS CVF",
    "RXNATOMARCHIVE": "RXAUI AUI STR ARCHIVE_TIMESTAMP CREATED_TIMESTAMP UPDATED_TIMESTAMP CODE IS_BRAND LAT "
    "LAST_RELEASED SAUI VSAB RXCUI SAB TTY MERGED_TO_RXCUI",
}
UNII_RECORDS = "UNII|PT|RN|EC|NCIT|RXCUI|PUBCHEM|ITIS|NCBI|PLANTS|GRIN|MPNS|INN_ID|MF|INCHIKEY|SMILES|INGREDIENT_TYPE"
UNII_RECORDS_NOW = UNII_RECORDS.replace("|PT|", "|Display Name|")
UNII_NAMES = "Name|TYPE|UNII|Display Name"
LOINC_WHOLE = (
    "LOINC_NUM COMPONENT PROPERTY TIME_ASPCT SYSTEM SCALE_TYP METHOD_TYP CLASS VersionLastChanged CHNG_TYPE "
    "DefinitionDescription STATUS CONSUMER_NAME CLASSTYPE FORMULA EXMPL_ANSWERS SURVEY_QUEST_TEXT SURVEY_QUEST_SRC "
    "UNITSREQUIRED RELATEDNAMES2 SHORTNAME ORDER_OBS HL7_FIELD_SUBFIELD_ID EXTERNAL_COPYRIGHT_NOTICE EXAMPLE_UNITS "
    "LONG_COMMON_NAME EXAMPLE_UCUM_UNITS STATUS_REASON STATUS_TEXT CHANGE_REASON_PUBLIC COMMON_TEST_RANK "
    "COMMON_ORDER_RANK HL7_ATTACHMENT_STRUCTURE EXTERNAL_COPYRIGHT_LINK PanelType AskAtOrderEntry "
    "AssociatedObservations VersionFirstReleased ValidHL7AttachmentRequest DisplayName"
)
LOINC_CORE = (
    "LOINC_NUM COMPONENT PROPERTY TIME_ASPCT SYSTEM SCALE_TYP METHOD_TYP CLASS CLASSTYPE LONG_COMMON_NAME SHORTNAME "
    "EXTERNAL_COPYRIGHT_NOTICE STATUS VersionFirstReleased VersionLastChanged"
)
RF2 = {
    "sct2_Concept_Snapshot_US1000124_20250901.txt": "id effectiveTime active moduleId definitionStatusId",
    "sct2_Description_Snapshot-en_US1000124_20250901.txt": "id effectiveTime active moduleId conceptId languageCode "
    "typeId term caseSignificanceId",
    "sct2_Relationship_Snapshot_US1000124_20250901.txt": "id effectiveTime active moduleId sourceId destinationId "
    "relationshipGroup typeId characteristicTypeId modifierId",
    "der2_iisssccRefset_ExtendedMapSnapshot_US1000124_20250901.txt": "id effectiveTime active moduleId refsetId "
    "referencedComponentId mapGroup mapPriority mapRule mapAdvice mapTarget correlationId mapCategoryId",
}


def line(columns: str, between: str, ended: bool = False, **values: str) -> str:
    """A row in these columns; what is not given is empty, as in the owner's file. A value for no column is an error."""
    names = columns.split("|") if "|" in columns else columns.split()
    assert set(values) <= {name.replace(" ", "_") for name in names}
    return between.join(values.get(name.replace(" ", "_"), "") for name in names) + (between if ended else "") + "\n"


def rrf(folder: Path, **rows: list[dict[str, str]]) -> None:
    for name, some in rows.items():
        text = "".join(line(RRF[name], "|", True, **row) for row in some)
        (folder / f"{name}.RRF").write_text(text, encoding="utf-8")


def terms_of(tmp_path: Path, *paths: Path) -> Indexed:
    load(paths, tmp_path / "terminology.db")
    return Indexed(tmp_path / "terminology.db", Table())


def test_rxnorm(tmp_path: Path) -> None:
    """A row of RXNREL says: RXCUI2 has the relation RELA to RXCUI1."""
    folder = tmp_path / "rrf"
    folder.mkdir()
    atom = {"LAT": "ENG", "SAB": "RXNORM", "SUPPRESS": "N", "CVF": "4096"}
    link = {"STYPE1": "CUI", "REL": "RO", "STYPE2": "CUI", "SAB": "RXNORM"}
    rrf(
        folder,
        RXNCONSO=[
            atom | {"RXCUI": "1", "RXAUI": "11", "TTY": "IN", "CODE": "1", "STR": "zanivastatin"},
            atom | {"RXCUI": "4", "RXAUI": "14", "TTY": "SCDC", "CODE": "4", "STR": "zanivastatin 20 MG"},
            atom | {"RXCUI": "5", "RXAUI": "15", "TTY": "SCD", "CODE": "5", "STR": "zanivastatin 20 MG Oral Tablet"},
        ],
        RXNREL=[
            link | {"RXCUI1": "1", "RXCUI2": "4", "RELA": "has_ingredient"},
            link | {"RXCUI1": "4", "RXCUI2": "5", "RELA": "consists_of"},
        ],
        RXNSAT=[
            {"RXCUI": "5", "RXAUI": "15", "STYPE": "AUI", "CODE": "5", "ATN": "NDC", "SAB": "RXNORM",
             "ATV": "00071015523", "SUPPRESS": "N"},
        ],
        RXNATOMARCHIVE=[
            {"RXAUI": "9", "STR": "zanivastatinum", "CODE": "99", "LAT": "ENG", "RXCUI": "99", "SAB": "RXNORM",
             "TTY": "IN", "MERGED_TO_RXCUI": "1"},
        ],
    )  # fmt: skip
    terms = terms_of(tmp_path, folder)
    tablet, former = terms.drug("http://hl7.org/fhir/sid/ndc", "0071-0155-23"), terms.drug(RXNORM, "99")
    assert (
        tablet is not None and tablet.code == "5" and tablet.ingredients == ("1",) and tablet.strengths[0].value == "20"
    )
    assert former is not None and former.ingredients == ("1",) and former.retired


@pytest.mark.parametrize("columns", [UNII_RECORDS, UNII_RECORDS_NOW])
def test_unii(tmp_path: Path, columns: str) -> None:
    test_rxnorm(tmp_path)
    name = {"PT": "ZANIVASTATIN"} if "|PT|" in columns else {"Display_Name": "ZANIVASTATIN"}
    records = columns.replace("|", "\t") + "\n" + line(columns, "\t", UNII="ABCDE12345", RXCUI="1", **name)
    names = UNII_NAMES.replace("|", "\t") + "\n"
    names += line(UNII_NAMES, "\t", Name="ZANIVASTATINUM", TYPE="cn", UNII="ABCDE12345", Display_Name="ZANIVASTATIN")
    (tmp_path / "UNII_Records_18Aug2025.txt").write_text(records)
    (tmp_path / "UNII_Names_18Aug2025.txt").write_text(names)
    terms = terms_of(
        tmp_path, tmp_path / "rrf", tmp_path / "UNII_Records_18Aug2025.txt", tmp_path / "UNII_Names_18Aug2025.txt"
    )
    assert terms.name(UNII, "ABCDE12345") == "ZANIVASTATIN"
    found = terms.drug_named("zanivastatinum")
    assert found is not None and found.ingredients == ("1",)


@pytest.mark.parametrize(("name", "columns"), [("Loinc.csv", LOINC_WHOLE), ("LoincTableCore.csv", LOINC_CORE)])
def test_loinc(tmp_path: Path, name: str, columns: str) -> None:
    said = {
        "LOINC_NUM": "8480-6",
        "COMPONENT": "Intravascular, systolic",
        "LONG_COMMON_NAME": "Systolic blood pressure",
    }
    rows = [said | {"STATUS": "ACTIVE"}, {"LOINC_NUM": "1-8", "LONG_COMMON_NAME": "Old", "STATUS": "DEPRECATED"}]
    quoted = [{key: value.replace('"', '""') for key, value in row.items()} for row in rows]
    text = '"' + '","'.join(columns.split()) + '"\n'
    text += "".join('"' + line(columns, '","', **row).rstrip("\n") + '"\n' for row in quoted)
    (tmp_path / name).write_text(text, encoding="utf-8")
    terms = terms_of(tmp_path, tmp_path / name)
    assert terms.name(LOINC, "8480-6") == "Systolic blood pressure" and terms.validity(LOINC, "1-8") == "retired"


def test_snomed_ct(tmp_path: Path) -> None:
    always = {
        "mapGroup": "1",
        "mapPriority": "1",
        "mapRule": "TRUE",
        "mapAdvice": "ALWAYS M25.569",
        "mapTarget": "M25.569",
    }
    sprain = always | {"mapTarget": "S13.4XX?", "mapAdvice": "ALWAYS S13.4XX? | EPISODE OF CARE INFORMATION NEEDED"}
    rows: list[list[dict[str, str]]] = [
        [{"id": "1000001", "active": "1"}, {"id": "1000002", "active": "1"}],
        [{"id": "1", "active": "1", "conceptId": "1000001", "typeId": "900000000000013009", "term": "Sore knee"}],
        [{"id": "1", "active": "1", "sourceId": "1000001", "destinationId": "1000002", "typeId": "116680003"}],
        [
            {"id": "1", "active": "1", "refsetId": "6011000124106", "referencedComponentId": "1000001"} | always,
            {"id": "2", "active": "1", "refsetId": "6011000124106", "referencedComponentId": "1000002"} | sprain,
        ],
    ]
    for (name, columns), some in zip(RF2.items(), rows, strict=True):
        text = columns.replace(" ", "\t") + "\r\n" + "".join(line(columns, "\t", **row) for row in some)
        (tmp_path / name).write_text(text, encoding="utf-8")
    terms = terms_of(tmp_path, *(tmp_path / name for name in RF2))
    assert terms.name(SNOMED, "1000001") == "Sore knee" and terms.ancestors(SNOMED, "1000001") == ("1000002",)
    assert terms.equivalents(SNOMED, "1000001") == ((ICD10CM, "M25.569"),)
    assert terms.equivalents(SNOMED, "1000002") == ((ICD10CM, "S13.4"),)


@pytest.mark.parametrize("name", ["icd10cm_order_2026.txt", "icd10cm-order-April-1-2026.txt"])
def test_icd_10_cm_and_cvx(tmp_path: Path, name: str) -> None:
    """Number in 1 to 5, code in 7 to 13, whether it is billed in 15, short title in 17 to 76, long one from 78."""
    rows = [(1, "A00", "0", "Cholera", "Cholera"), (2, "A0011", "1", "Cholera, long kind", "Cholera of the long kind")]
    lines = [f"{number:05} {code:7} {billed} {short:60} {long}" for number, code, billed, short, long in rows]
    assert lines[1][6:13].strip() == "A0011" and lines[1][14] == "1" and lines[1][77:].startswith("Cholera of")
    (tmp_path / name).write_text("\r\n".join(lines) + "\r\n")
    # CVX code, short description, full name, note, status, internal number, whether it is no vaccine, date.
    (tmp_path / "cvx.txt").write_text("03 |MMR |measles, mumps and rubella | |Active |17 |False |2020/06/02\n")
    terms = terms_of(tmp_path, tmp_path / name, tmp_path / "cvx.txt")
    assert terms.name(ICD10CM, "A00.11") == "Cholera of the long kind" and terms.name(CVX, "03") == "MMR"


@pytest.mark.slow
def test_the_command_loads_the_tables_of_the_agencies_and_counts_up(shared: Path, tmp_path: Path) -> None:
    from tests.cli.test_verbs import medrec

    assert medrec("init", "clinic", "--name", "Small Clinic", at=tmp_path).returncode == 0
    folder = shared / "data" / "terminology"
    tables = [str(folder / name) for name in ("ndc.csv.gz", "icd10cm.csv.gz", "cvx.csv", "drug_class.csv.gz")]
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "medrec", "terminology", "load", *tables]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=theirs, stderr=theirs, env=os.environ | {"TERM": "xterm"}
    ) as made:
        os.close(theirs)
        seen = b""
        try:
            while some := os.read(ours, 1 << 16):
                seen += some
        except OSError:
            # So a terminal on Linux says that nobody writes to it any more.
            pass
        finally:
            os.close(ours)
    said = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode())
    assert made.returncode == 0, said
    counted = [int(rows.replace(",", "")) for rows in re.findall(r"NDC: ([\d,]+) rows", said)]
    assert len(set(counted)) > 1 and counted == sorted(counted) and max(counted) > 200_000
    total = sum(int(rows.replace(",", "")) for rows in re.findall(r"\w+: ([\d,]+) rows of", said))
    assert total > 320_000
    assert "Loaded into terminology.db" in said
    (loaded,) = tmp_path.rglob("terminology.db")
    assert held.terms(loaded.parent).name(ICD10CM, "S52.501A").startswith("Unspecified fracture")
    assert "ndc: 225,273 rows" in medrec("terminology", "show", at=tmp_path).stdout
