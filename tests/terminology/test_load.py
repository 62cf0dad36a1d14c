"""Tables that a site loads: each kind from a release in miniature; what is refused; a load is whole or nothing."""

import gzip
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from medrec.core.records.official_names import official_keys
from medrec.core.records.terms import CVX, ICD10CM, LOINC, NDC, RXNORM, SNOMED, UNII, Table
from medrec.core.records.understood import Strength
from medrec.node.terminology import held
from medrec.node.terminology.index import Indexed, TerminologyError
from medrec.node.terminology.load import load

# Invented drugs in the columns of RxNorm.
CONCEPTS = [
    ("1", "RXNORM", "IN", "1", "zanivastatin", "N"),
    ("1", "MTHSPL", "SU", "ABCDE12345", "ZANIVASTATIN", "N"),
    ("2", "RXNORM", "PIN", "2", "zanivastatin calcium", "N"),
    ("3", "RXNORM", "BN", "3", "Zanitor", "N"),
    ("4", "RXNORM", "SCDC", "4", "zanivastatin 20 MG", "N"),
    ("5", "RXNORM", "SCD", "5", "zanivastatin 20 MG Oral Tablet", "N"),
    ("6", "RXNORM", "SBD", "6", "zanivastatin 20 MG Oral Tablet [Zanitor]", "N"),
    ("7", "RXNORM", "DF", "7", "Oral Tablet", "N"),
    ("8", "RXNORM", "IN", "8", "mellipril", "N"),
    ("9", "RXNORM", "SCDC", "9", "mellipril 5 MG", "N"),
    ("10", "RXNORM", "SCD", "10", "mellipril 5 MG / zanivastatin 20 MG Oral Tablet", "N"),
    ("11", "RXNORM", "SCD", "11", "zanivastatin 10 MG Oral Tablet", "O"),
    ("12", "GS", "BD", "12", "a name of another source", "N"),
]
RELATIONS = [
    ("1", "2", "form_of"), ("1", "3", "tradename_of"), ("1", "4", "has_ingredient"), ("4", "5", "consists_of"),
    ("7", "5", "has_dose_form"), ("5", "6", "tradename_of"), ("4", "6", "consists_of"), ("8", "9", "has_ingredient"),
    ("4", "10", "consists_of"), ("9", "10", "consists_of"), ("4", "11", "consists_of"),
]  # fmt: skip


def rxnorm(folder: Path, *, full: bool = False) -> Path:
    folder.mkdir()
    rows = [f"{c}|ENG||||||||||{sab}|{tty}|{code}|{name}||{off}||" for c, sab, tty, code, name, off in CONCEPTS]
    (folder / "RXNCONSO.RRF").write_text("\n".join(rows) + "\n", encoding="utf-8")
    relations = [f"{a}||CUI|RO|{b}||CUI|{rela}|||RXNORM||||||" for a, b, rela in RELATIONS]
    (folder / "RXNREL.RRF").write_text("\n".join(relations) + "\n", encoding="utf-8")
    (folder / "RXNSAT.RRF").write_text("6||||||||NDC|RXNORM|00071-0155-23|N||\n", encoding="utf-8")
    if full:
        old = "||zanivastatinum||||||||||99|RXNORM|IN|1|\n"
        (folder / "RXNATOMARCHIVE.RRF").write_text(old, encoding="utf-8")
    return folder


def loaded(tmp_path: Path, *paths: Path) -> Indexed:
    load(paths, tmp_path / "terminology.db")
    return Indexed(tmp_path / "terminology.db", Table())


def test_rxnorm_gives_ingredients_strengths_brands_and_codes_of_others(tmp_path: Path) -> None:
    terms = loaded(tmp_path, rxnorm(tmp_path / "rrf"))
    branded = terms.drug(NDC, "0071-0155-23")
    assert branded is not None and (branded.code, branded.kind, branded.brand, branded.generic) == (
        "6",
        "SBD",
        "Zanitor",
        "5",
    )
    assert branded.ingredients == ("1",) and branded.strengths == (Strength("1", "20", "mg"),)
    both = terms.drug(RXNORM, "10")
    assert both is not None and both.ingredients == ("1", "8") and len(both.strengths) == 2
    generic = terms.drug(RXNORM, "5")
    assert generic is not None and generic.form == "Oral Tablet"
    for name in ("Zanitor", "ZANIVASTATIN  calcium", "zanivastatin"):
        found = terms.drug_named(name)
        assert found is not None and found.ingredients == ("1",)
    substance = terms.drug(UNII, "ABCDE12345")
    assert substance is not None and substance.ingredients == ("1",)
    assert terms.validity(RXNORM, "5") == "valid" and terms.validity(RXNORM, "11") == "retired"
    assert terms.validity(RXNORM, "77") == "no-table", "the prescribable part cannot say that a code is unknown"
    assert terms.drug_named("a name of another source") is None


def test_the_full_release_knows_former_codes_and_what_is_unknown(tmp_path: Path) -> None:
    terms = loaded(tmp_path, rxnorm(tmp_path / "rrf", full=True))
    former = terms.drug(RXNORM, "99")
    assert former is not None and former.retired and former.ingredients == ("1",)
    assert terms.validity(RXNORM, "77") == "unknown"


def test_icd10cm_cvx_and_unii(tmp_path: Path) -> None:
    order = f"00001 {'A00':7} 0 {'Cholera':60} Cholera\n00002 {'A0011':7} 1 {'Short':60} Cholera of the long kind\n"
    (tmp_path / "icd10cm_order_2026.txt").write_text(order)
    vaccines = "3|MMR|measles, mumps, rubella||Active|1|False|2020\n999|old|old one||Inactive|2|False|2001\n"
    (tmp_path / "cvx.txt").write_text(vaccines)
    (tmp_path / "UNII_Records_2026.txt").write_text("UNII\tPT\tRXCUI\nABCDE12345\tZANIVASTATIN\t1\n", encoding="utf-8")
    terms = loaded(
        tmp_path, *(tmp_path / name for name in ("icd10cm_order_2026.txt", "cvx.txt", "UNII_Records_2026.txt"))
    )
    assert terms.name(ICD10CM, "A00.11") == "Cholera of the long kind" and terms.name(ICD10CM, "A00") == "Cholera"
    assert terms.validity(ICD10CM, "B99") == "unknown" and terms.ancestors(ICD10CM, "A00.11") == ("A00.1", "A00")
    assert terms.name(CVX, "03") == "MMR" and terms.validity(CVX, "999") == "retired"
    assert terms.name(UNII, "ABCDE12345") == "ZANIVASTATIN"


TABULAR = """<?xml version="1.0" encoding="utf-8"?>
<ICD10CM.tabular><version>2027</version><chapter><name>13</name><section id="M20-M25">
<diag><name>M79</name><desc>Other soft tissue disorders</desc>
  <diag><name>M79.7</name><desc>Fibromyalgia</desc>
    <inclusionTerm><note>Fibromyositis</note><note>Myofibrositis (diffuse) NOS</note></inclusionTerm></diag>
  <diag><name>M79.8</name><desc>Other specified soft tissue disorders</desc>
    <inclusionTerm><note>Polyalgia</note></inclusionTerm></diag></diag>
<diag><name>M23</name><desc>Derangement of knee</desc>
  <diag><name>M23.9</name><desc>Torn thing</desc></diag>
  <diag><name>M23.1</name><desc>Bucket thing</desc><inclusionTerm><note>Shared name</note></inclusionTerm></diag>
  <diag><name>M23.2</name><desc>Handle thing</desc><inclusionTerm><note>Shared name</note></inclusionTerm></diag></diag>
</section></chapter></ICD10CM.tabular>"""
NAMES = (
    "Name\tTYPE\tUNII\tDisplay Name\nZANIVASTATINUM\tcn\tABCDE12345\tZANIVASTATIN\n"
    "ZANEX\tcn\tABCDE12345\tZANIVASTATIN\n"
    "ZANITOR PLUS\tbn\tABCDE12345\tZANIVASTATIN\nBLUE SNOUTFISH\tcn\tFFFFF12345\tSNOUTFISH\n"
    "B1337 [LANGUAL]\tcd\tFFFFF12345\tSNOUTFISH\nTWICE NAMED\tcn\tABCDE12345\tX\nTWICE NAMED\tcn\tGGGGG12345\tY\n"
)


def test_official_names_of_diseases_and_substances(tmp_path: Path) -> None:
    """CDC's inclusion terms and FDA's names, in their layouts: a name of two things names none."""
    (tmp_path / "icd10cm_tabular_2027.xml").write_text(TABULAR, encoding="utf-8")
    (tmp_path / "UNII_Names_2026.txt").write_text(NAMES, encoding="utf-8")
    terms = loaded(
        tmp_path, tmp_path / "UNII_Names_2026.txt", rxnorm(tmp_path / "rrf"), tmp_path / "icd10cm_tabular_2027.xml"
    )
    named = {
        name: {terms.problem_named(key) for key in official_keys(name)}
        for name in (
            "fibromyositis",
            "Myofibrositis (diffuse) NOS",
            "diffuse myofibrositis",
            "Shared name",
            "Polyalgia",
        )
    }
    assert named["fibromyositis"] == named["Myofibrositis (diffuse) NOS"] == {"M79.7"}
    assert named["Shared name"] == named["Polyalgia"] == named["diffuse myofibrositis"] == {""}
    assert terms.name(ICD10CM, "M79.7") == "Fibromyalgia" and terms.validity(ICD10CM, "B99") == "no-table"
    drug = terms.drug_named("Zanivastatinum")
    assert drug is not None and drug.ingredients == ("1",)
    # Short names, brands (which may be of combinations), names of two substances and foods name no medicine.
    assert not any(terms.drug_named(name) for name in ("zanex", "zanitor plus", "twice named", "blue snoutfish"))
    assert terms.food_named("Blue  Snoutfish") == "snoutfish" and terms.food_named("zanivastatinum") == ""


SEVENTH = """<?xml version="1.0" encoding="utf-8"?>
<ICD10CM.tabular><version>2027</version><chapter><name>19</name><section id="S50-S59">
<diag><name>S52</name><desc>Fracture of made-up bone</desc>
  <sevenChrNote><note>The appropriate 7th character is to be added to all codes from category S52</note></sevenChrNote>
  <sevenChrDef><extension char="A">initial encounter for closed fracture</extension>
    <extension char="S">sequela</extension></sevenChrDef>
  <diag><name>S52.5</name><desc>Lower end</desc>
    <diag><name>S52.501</name><desc>Fracture of lower end, right side</desc></diag>
    <diag><name>S52.52</name><desc>Torus fracture</desc>
      <sevenChrDef><extension char="K">nonunion</extension></sevenChrDef></diag></diag></diag>
<diag><name>T07</name><desc>Many injuries</desc>
  <sevenChrDef><extension char="A">initial encounter</extension></sevenChrDef></diag>
<diag><name>S53</name><desc>No seventh</desc></diag>
</section></chapter></ICD10CM.tabular>"""


def test_codes_of_seven_characters_follow_from_the_tabular_list(tmp_path: Path) -> None:
    (tmp_path / "icd10cm_tabular_2027.xml").write_text(SEVENTH, encoding="utf-8")
    terms = loaded(tmp_path, tmp_path / "icd10cm_tabular_2027.xml")
    assert terms.name(ICD10CM, "S52.501A") == (
        "Fracture of lower end, right side, initial encounter for closed fracture"
    )
    assert terms.name(ICD10CM, "S52.501S") == "Fracture of lower end, right side, sequela"
    assert terms.name(ICD10CM, "S52.52XK") == "Torus fracture, nonunion"
    assert terms.name(ICD10CM, "T07.XXXA") == "Many injuries, initial encounter"
    # A nearer definition stands in place of the one above; what has codes below it, or no definition, has none.
    for code in ("S52.52XA", "S52.5XXA", "S53.XXXA", "S52.501K"):
        assert not terms.name(ICD10CM, code)


def test_snomed_and_loinc_as_a_site_has_them(tmp_path: Path) -> None:
    release = tmp_path / "Snapshot" / "Terminology"
    release.mkdir(parents=True)
    write = {
        "sct2_Concept_Snapshot_US_2026.txt": """
id effectiveTime active moduleId definitionStatusId
1000001 2026 1 m d
1000002 2026 1 m d
1000003 2026 0 m d""",
        "sct2_Description_Snapshot-en_US_2026.txt": """
id effectiveTime active moduleId conceptId languageCode typeId term caseSignificanceId
1 2026 1 m 1000001 en 900000000000003001 Sore_knee_(finding) c
2 2026 1 m 1000001 en 900000000000013009 Sore_knee c
3 2026 1 m 1000002 en 900000000000003001 Sore_"joint"_(finding) c""",
        "sct2_Relationship_Snapshot_US_2026.txt": """
id effectiveTime active moduleId sourceId destinationId relationshipGroup typeId characteristicTypeId modifierId
1 2026 1 m 1000001 1000002 0 116680003 c m""",
        "der2_iisssccRefset_ExtendedMapSnapshot_US_2026.txt": """
id effectiveTime active moduleId refsetId referencedComponentId mapGroup mapPriority mapRule mapTarget
1 2026 1 m 6011000124106 1000001 1 1 TRUE M25.569
3 2026 1 m 447562003 1000001 1 1 TRUE M25.5
2 2026 1 m 6011000124106 1000002 1 1 IFA_248152002_|_Female_| N99""",
    }
    for name, lines in write.items():
        text = lines.strip().replace(" ", "\t").replace("_", " ") + "\n"
        (release / name).write_text(text, encoding="utf-8")
    loinc = (
        "LOINC_NUM,COMPONENT,STATUS,LONG_COMMON_NAME\n8480-6,X,ACTIVE,Systolic blood pressure\n1-8,Y,DEPRECATED,Old\n"
    )
    (tmp_path / "Loinc.csv").write_text(loinc)
    terms = loaded(tmp_path, tmp_path / "Snapshot", tmp_path / "Loinc.csv")
    assert terms.name(SNOMED, "1000001") == "Sore knee" and terms.ancestors(SNOMED, "1000001") == ("1000002",)
    assert terms.name(SNOMED, "1000002") == 'Sore "joint" (finding)'
    assert (
        terms.equivalents(SNOMED, "1000001") == ((ICD10CM, "M25.569"),) and terms.equivalents(SNOMED, "1000002") == ()
    )
    assert terms.validity(SNOMED, "1000003") == "retired" and terms.validity(SNOMED, "1000009") == "unknown"
    assert terms.name(LOINC, "8480-6") == "Systolic blood pressure" and terms.validity(LOINC, "1-8") == "retired"


def test_plain_tables_gzipped_or_not(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "ndc.csv.gz", "wt") as file:
        file.write("ndc11,rxcui,src\n00071015523,6,P\n")
    (tmp_path / "classes.csv").write_text(
        "ingredient_rxcui,class_code,class_name,kind,purpose\n1,K1,Zanistatins,GROUP,duplicate;allergy\n"
    )
    terms = loaded(tmp_path, rxnorm(tmp_path / "rrf"), tmp_path / "ndc.csv.gz", tmp_path / "classes.csv")
    found = terms.class_named("zanistatins")
    assert found is not None and found[0].code == "K1" and found[1] == ("1",)
    assert [entry.purpose for entry in terms.classes("1")] == ["duplicate;allergy"]
    drug = terms.drug(NDC, "00071015523")
    assert drug is not None and drug.code == "6"


def test_what_is_no_table_is_refused_by_name_and_the_old_file_stays(tmp_path: Path) -> None:
    target = tmp_path / "terminology.db"
    load([rxnorm(tmp_path / "rrf")], target)
    before = target.read_bytes()
    (tmp_path / "shopping.csv").write_text("milk,bread\n1,2\n")
    (tmp_path / "Loinc.csv").write_text("LOINC_NUM,LONG_COMMON_NAME,STATUS\n")
    (tmp_path / "sct2_Concept_Snapshot_x.txt").write_text("id\tnothing\n1\t2\n")
    for name, code in (("shopping.csv", "not-a-table"), ("Loinc.csv", "empty"), ("gone", "not-there"),
                       ("sct2_Concept_Snapshot_x.txt", "unreadable")):  # fmt: skip
        with pytest.raises(TerminologyError) as refused:
            load([tmp_path / name], target)
        assert refused.value.code == code and name.split(".")[0] in refused.value.sentence
    assert target.read_bytes() == before
    assert {path.name for path in tmp_path.glob(".*")} == set(), "nothing half made is left"


def _snomed(tmp_path: Path, rest: str) -> Path:
    path = tmp_path / "sct2_Concept_Snapshot_INT_20260101.txt"
    path.write_text("id\teffectiveTime\tactive\tmoduleId\tdefinitionStatusId\n" + rest)
    return path


def _broken(tmp_path: Path) -> dict[str, tuple[Path, str, str]]:
    """What somebody may name by mistake: path, code of the refusal, what its sentence says."""
    rrf = rxnorm(tmp_path / "whole")
    cut = rxnorm(tmp_path / "cut")
    (cut / "RXNCONSO.RRF").write_bytes((cut / "RXNCONSO.RRF").read_bytes()[:-40])
    half = rxnorm(tmp_path / "half")
    (half / "RXNREL.RRF").unlink()
    packed = gzip.compress(b"ndc11,rxcui,src\n" + b"00071015523,6,P\n" * 9_000)
    (tmp_path / "ndc.csv.gz").write_bytes(packed[: len(packed) // 2])
    (tmp_path / "icd10cm_order_2026.txt").write_text("A00;Cholera\nA01;Typhoid fever\n")
    (tmp_path / "icd10cm_codes_2027.txt").write_text("A000    Cholera\n", encoding="utf-16")
    (tmp_path / "icd10cm_tabular_2026.xml").write_text(TABULAR[: len(TABULAR) // 2])
    (tmp_path / "icd10cm_order_addenda_2026.txt").write_text("Add: A00\n")
    (tmp_path / "UNII_Names_2026.txt").write_text("Name\tUNII\nXANADUOL\t1\n")
    (tmp_path / "rxnorm.zip").write_bytes(b"PK\x03\x04 and so on")
    two = tmp_path / "two"
    two.mkdir()
    rxnorm(two / "RxNorm_10062025")
    rxnorm(two / "RxNorm_11032025")
    return {
        "cut": (cut, "unreadable", "RXNCONSO.RRF is cut"),
        "without its relations": (half, "unreadable", "RXNREL.RRF"),
        "cut gzip": (tmp_path / "ndc.csv.gz", "unreadable", "ndc.csv.gz"),
        "other columns": (tmp_path / "icd10cm_order_2026.txt", "unreadable", "line 1 has no code"),
        "UTF-16": (tmp_path / "icd10cm_codes_2027.txt", "unreadable", "UTF-8"),
        "cut XML": (tmp_path / "icd10cm_tabular_2026.xml", "unreadable", "icd10cm_tabular_2026.xml"),
        "addenda": (tmp_path / "icd10cm_order_addenda_2026.txt", "not-a-table", "icd10cm_order_addenda_2026.txt"),
        "no column": (tmp_path / "UNII_Names_2026.txt", "unreadable", "no column"),
        "cut RF2": (_snomed(tmp_path, "1\t2026\t1\tm\td\n2\t2026\t1"), "unreadable", "line 3 is cut"),
        "zip": (tmp_path / "rxnorm.zip", "not-a-table", "Unpack it first"),
        "two releases": (two, "two-releases", "RxNorm_11032025"),
        "and beside a whole one": (rrf, "", ""),
    }


def test_what_is_cut_or_damaged_or_twice_is_refused_and_the_old_file_stays(tmp_path: Path) -> None:
    target = tmp_path / "terminology.db"
    broken = _broken(tmp_path)
    whole = broken.pop("and beside a whole one")[0]
    load([whole], target)
    before = target.read_bytes()
    for what, (path, code, says) in broken.items():
        for named in ([path], [whole, path] if what != "two releases" else [path]):
            with pytest.raises(TerminologyError) as refused:
                load(named, target)
            expected = "two-releases" if len(named) == 2 and path.is_dir() else code
            assert refused.value.code == expected, (what, refused.value.sentence)
            assert expected == "two-releases" or says in refused.value.sentence, (what, refused.value.sentence)
        assert target.read_bytes() == before and not list(tmp_path.glob(".*")), what


def test_a_load_that_is_killed_changes_nothing_and_the_next_one_works(tmp_path: Path) -> None:
    target = tmp_path / "terminology.db"
    load([rxnorm(tmp_path / "rrf")], target)
    before = target.read_bytes()
    rows = "".join(f"{number:011},6,P\n" for number in range(60_000))
    (tmp_path / "ndc.csv").write_text("ndc11,rxcui,src\n" + rows)
    script = (
        "import os, signal, sys; from pathlib import Path; from medrec.node.terminology.load import load\n"
        "def progress(what, rows):\n    if rows >= 40_000: os.kill(os.getpid(), signal.SIGKILL)\n"
        "load([Path(sys.argv[1])], Path(sys.argv[2]), progress)"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path / "ndc.csv"), str(target)], check=False)
    assert killed.returncode == -signal.SIGKILL and target.read_bytes() == before
    assert Indexed(target, Table()).drug_named("Zanitor") is not None
    load([tmp_path / "rrf", tmp_path / "ndc.csv"], target)
    assert target.read_bytes() != before and not list(tmp_path.glob(".*"))


def test_a_whole_folder_as_it_is_unpacked(tmp_path: Path) -> None:
    """Order and codes of one year with their addenda; LOINC with its core and language variants; RF2 types."""
    (tmp_path / "icd10cm_order_2026.txt").write_text(f"00001 {'A00':7} 0 {'Cholera':60} Cholera\n")
    (tmp_path / "icd10cm_codes_2026.txt").write_text("A001    Another title\n")
    (tmp_path / "icd10cm_order_addenda_2026.txt").write_text("Add: 00002 A0011\n")
    head, variant = "LOINC_NUM,STATUS,LONG_COMMON_NAME\n", tmp_path / "AccessoryFiles" / "LinguisticVariants"
    variant.mkdir(parents=True)
    (tmp_path / "Loinc.csv").write_text(head + "8480-6,ACTIVE,Systolic blood pressure\n")
    (tmp_path / "LoincTableCore.csv").write_text(head + "8480-6,ACTIVE,Core name\n")
    (variant / "zhCN5LinguisticVariant.csv").write_text("LOINC_NUM,LONG_COMMON_NAME\n8480-6,another language\n")
    _snomed(tmp_path, "1000001\t2026\t1\tm\td\n")
    old = "id effectiveTime active moduleId refsetId referencedComponentId mapGroup mapPriority mapRule mapTarget\n"
    old = old.replace(" ", "\t")
    full = tmp_path / "der2_iisssccRefset_ExtendedMapFull_US_20260101.txt"
    full.write_text(old + "1\t2020\t1\tm\t6011000124106\t1000001\t1\t1\tTRUE\tA00.9\n")
    terms = loaded(tmp_path, tmp_path)
    assert terms.name(ICD10CM, "A00") == "Cholera" and terms.name(ICD10CM, "A00.1") == ""
    assert terms.name(LOINC, "8480-6") == "Systolic blood pressure" and terms.equivalents(SNOMED, "1000001") == ()


def test_progress_counts_up_and_what_is_loaded_is_said(tmp_path: Path) -> None:
    seen: list[tuple[str, int]] = []
    done = load([rxnorm(tmp_path / "rrf")], held.path_of(tmp_path), lambda what, rows: seen.append((what, rows)))
    assert ("rrf", "rxnorm", 10) in done and ("RxNorm: drugs", 10) in seen
    assert any("rxnorm: 10 rows of rrf" in line for line in held.described(held.path_of(tmp_path)))


def test_a_node_without_a_file_answers_from_what_ships_and_one_with_it_from_both(tmp_path: Path) -> None:
    assert held.terms(None).drug_named("aspirin") is not None
    load([rxnorm(tmp_path / "rrf")], held.path_of(tmp_path))
    both = held.terms(tmp_path)
    for name in ("aspirin", "Zanitor"):
        assert both.drug_named(name) is not None
    assert both.unit("mcg") is not None and both.classes("83367")


def test_what_a_site_loads_is_what_its_node_asks(tmp_path: Path) -> None:
    from medrec import wiring
    from medrec.node.settings import read_settings
    from tests.cli.test_verbs import medrec

    assert medrec("init", "clinic", "--name", "Small Clinic", at=tmp_path).returncode == 0
    (tmp_path / "own.csv").write_text("code,description\nX99.00,Zanitis\n")
    done = medrec("terminology", "load", "own.csv", at=tmp_path)
    assert done.returncode == 0 and "concepts: 1 rows of own.csv" in done.stdout
    rxnorm(tmp_path / "rrf")
    refused = medrec("terminology", "load", "rrf", at=tmp_path)
    assert refused.returncode == 2 and refused.stderr.startswith("not-whole: rrf is no whole release of rxnorm")
    assert "concepts: 1 rows" in medrec("terminology", "show", at=tmp_path).stdout
    refused = medrec("terminology", "load", "medrec.toml", at=tmp_path)
    assert refused.returncode == 2 and refused.stderr.startswith("not-a-table: ")
    node, engine = wiring.node_of(read_settings(tmp_path / "medrec.toml"))
    found = node.lists.terms.name(ICD10CM, "X99.00")
    wiring.close_node(node)
    wiring.close(engine)
    assert found == "Zanitis"


def test_a_file_of_another_format_says_so(tmp_path: Path) -> None:
    load([rxnorm(tmp_path / "rrf")], tmp_path / "terminology.db")
    import sqlite3

    connection = sqlite3.connect(tmp_path / "terminology.db")
    connection.execute("UPDATE about SET value = '0'")
    connection.commit()
    connection.close()
    with pytest.raises(TerminologyError, match="another version"):
        Indexed(tmp_path / "terminology.db", Table())
