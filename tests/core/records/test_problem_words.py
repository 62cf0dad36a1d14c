"""The name of a problem is read once: its side, and whether it is a relative's, denied, not certain, past or over."""

import csv
import gzip
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medrec.core.records import icd_families
from medrec.core.records.problem_words import spoken

STANDS = {
    "family": [
        "FH: diabetes", "FHx diabetes", "family hx of diabetes", "Family history of diabetes", "mother had diabetes",
        "diabetes (mother)", "diabetes in her father", "diabetes, brother", "Antecedentes familiares de diabetes",
        "sister w/ diabetes", "wife has diabetes", "baby has diabetes", "diabetes in father",
        "maternal grandmother diabetes",
        "diabetes, paternal", "diabetes - MGM", "PGF: diabetes", "padre con diabetes", "hermana diabetes",
        "abuela: diabetes",
        "no family history of diabetes", "strong family history of diabetes", "diabetes fhx",
    ],
    "denied": [
        "No diabetes", "Denies diabetes", "Diabetes ruled out", "Diabetes (ruled out)", "negative for diabetes",
        "No evidence of diabetes", "no history of diabetes", "Diabetes: negative", "pt denies diabetes",
        "sin diabetes",
        "never had diabetes", "Diabetes descartada", "doesn't have diabetes", "w/o diabetes", "no hx of diabetes",
        "no h/o diabetes", "descarta diabetes", "niega diabetes", "Diabetes: none", "diabetes - neg",
        "diabetes, denied",
    ],
    "uncertain": [
        "? diabetes", "diabetes?", "Rule out diabetes", "r/o diabetes", "R/O: diabetes", "Possible diabetes",
        "suspected diabetes", "Diabetes (suspected)", "at risk for diabetes", "Screening for diabetes",
        "Diabetes screening", "diabetes unlikely", "borderline diabetes", "sospecha de diabetes",
        "not diabetes", "not a diabetes", "diabetes neg", "diabetes absent", "diabetes none", "descartar diabetes",
    ],
    "history": [
        "h/o diabetes", "Hx: diabetes", "History of diabetes", "diabetes, history", "diabetes hx", "PMHx diabetes",
        "previous diabetes", "Diabetes s/p", "personal history of diabetes", "antecedentes de diabetes",
        "s/p diabetes", "diabetes, hx 2015", "known history of diabetes", "was diabetes",
    ],
    "over": ["Diabetes - resolved", "diabetes (resolved)", "Resolved diabetes", "Diabetes, cured"],
    "": ["Diabetes", "diabetes."],
}  # fmt: skip


@pytest.mark.parametrize(("standing", "name"), [(how, name) for how, names in STANDS.items() for name in names])
def test_how_a_problem_stands(standing: str, name: str) -> None:
    found = spoken(name)
    assert (found.standing, found.core) == (standing, "diabetes")
    assert found == spoken(name.upper()) == spoken(f"  {name} ".replace(" ", "  "))


@pytest.mark.parametrize(
    "name",
    [
        "Type 2 diabetes mellitus without complications", "Acquired absence of breast", "No known problems",
        "HER2 negative breast cancer", "Not in labor force", "Borderline personality disorder", "Prediabetes",
        "No fixed abode", "Encounter for screening for malignant neoplasm of colon", "Natural history of disease",
        "Family disruption", "Anaplastic large cell lymphoma, ALK-negative", "Triple-negative breast cancer",
        "Diabetes: hx DKA", "Diabetes, no hx of DKA", "Diabetes s/p metformin failure",
        "Diabetes with family hx of CAD",
        "Diabetes - mother informed", "Diabetes, husband gives insulin", "CHF, lives with daughter", "TIA",
        "Stroke, TIA",
        "TIA with weakness", "Cáncer de mama", "Hipercolesterolemia familiar", "Familial hypercholesterolemia (FH)",
        "Grief after the death of her mother", "Baby blues", "HER2 neg", "Breast cancer ER/PR neg",
        "Not sleeping well",
        "Coma scale, best verbal response, none", "Sister Mary Joseph nodule", "Husband, perpetrator of neglect",
        "Abnormal hematological finding on antenatal screening of mother", "Abnormal findings on neonatal screening",
    ],
)  # fmt: skip
def test_what_only_looks_like_it(name: str) -> None:
    assert spoken(name).standing == ""


@pytest.mark.parametrize(
    "name", ["Chest pain, MI ruled out", "No diabetes, has asthma", "Denies chest pain, but has a cough"]
)
def test_a_denial_beside_another_clause_may_be_of_either(name: str) -> None:
    assert spoken(name).standing == "uncertain"


SIDES = {
    "left": [
        "Knee OA (L)", "Knee OA, L", "L knee OA", "OA of the L. knee", "Lt knee OA", "left-sided knee OA",
        "L-sided hernia", "Gonartrosis izquierda", "Cataract LE", "Cataract OS", "Catarata ojo izq.", "OA knee sin.",
        "LUQ pain", "LLE DVT", "hernia, LIH", "LKA OA", "hearing loss AS", "OA knee sinister",
    ],
    "right": [
        "Knee OA (R)", "Knee OA, R", "R knee OA", "OA of the R. knee", "Rt knee OA", "right-sided knee OA",
        "R-sided hernia", "Gonartrosis derecha", "Cataract RE", "Cataract OD", "Catarata ojo dcho", "OA knee dex.",
        "RUQ pain", "RLE DVT", "hernia, RIH", "RKA OA", "hearing loss AD", "OA knee dexter",
    ],
    "bilateral": ["Bilateral knee OA", "knee OA, both", "L and R knee OA", "Cataract OU", "gonartrosis ambas rodillas",
                  "tinnitus AU"],
    "": [
        "Knee OA", "R/O knee OA", "L&D", "Hepatitis B", "E. coli", "L4-L5 disc", "Vitamin R deficiency", "Type R",
        "left bundle branch block", "Le Fort fracture", "object accidentally left in body", "RE: knee",
        "Left ventricular hypertrophy", "Right heart failure", "left-sided heart failure", "Left main disease",
        "Left without being seen", "R wave abnormality", "atopic dermatitis (AD)",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("side", "name"), [(side, name) for side, names in SIDES.items() for name in names])
def test_the_side_however_it_is_written(side: str, name: str) -> None:
    assert spoken(name).side == side


@pytest.mark.parametrize(("left", "right"), [*zip(SIDES["left"], SIDES["right"], strict=True)])
def test_the_two_sides_of_one_problem_have_one_name(left: str, right: str) -> None:
    assert spoken(left).core == spoken(right).core


@given(st.text(max_size=60))
def test_any_name_is_read_without_an_error(name: str) -> None:
    assert spoken(name).core or not name.strip()


def test_the_names_of_icd_10_cm_are_read_as_they_are_meant(shared: Path) -> None:
    """None of a disease is a relative's, denied or uncertain, and no side but that of the code."""
    with gzip.open(shared / "data" / "terminology" / "icd10cm.csv.gz", "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 90_000
    for row in rows:
        code, found = row["code"], spoken(row["description"])
        if not code.startswith(("Z", "T76")):
            assert found.standing in ("", "history"), row
        if found.side and icd_families.side(code):
            assert found.side == icd_families.side(code), row


_SAID = re.compile(r"\b(right|left|bilateral)\b")
_NO_SIDE_OF_IT = re.compile(
    r"accidentally left|(?:upper|lower) quadrant|left main|"
    r"(?:right|left)[\] ]+(?:ventric|heart|atri|sided|colon|bundle)|eyelids$|category"
)


def test_the_side_of_every_code_is_that_of_its_title(shared: Path) -> None:
    """A code of a side is never taken for one of the other, of both or, but for a few, of none; and the two sides of
    one thing are of one thing without it."""
    with gzip.open(shared / "data" / "terminology" / "icd10cm.csv.gz", "rt", encoding="utf-8") as file:
        rows = [(row["code"], row["description"].lower()) for row in csv.DictReader(file)]
    known, of, unsaid = 0, dict[tuple[str, str], set[str]](), Counter[str]()
    for code, title in rows:
        said = set(_SAID.findall(title))
        side = icd_families.side(code)
        if side and said:
            assert said == {side}, (code, title)
            known += 1
        elif side:
            assert "both" in title, (code, title)
        elif said and not _NO_SIDE_OF_IT.search(title):
            unsaid[code[:3]] += 1
        if side in ("left", "right"):
            plain = " ".join(re.sub(r"\b(?:right|left)\b", "", title).split())
            of.setdefault((plain, code[:3]), set()).add(icd_families.sideless(code))
    assert known > 29_000 and sum(unsaid.values()) < 600, (known, unsaid.most_common(12))
    apart = {title: stems for title, stems in of.items() if len(stems) > 1}
    assert len(apart) < 30, list(apart.items())[:5]


def test_no_family_and_side_has_a_code_of_the_right_and_one_of_the_left(shared: Path) -> None:
    """Also where the sign stands in the seventh place (of an eye), or tells which side is the dominant one."""
    with gzip.open(shared / "data" / "terminology" / "icd10cm.csv.gz", "rt", encoding="utf-8") as file:
        rows = [(row["code"], set(_SAID.findall(row["description"].lower()))) for row in csv.DictReader(file)]
    found: dict[tuple[str, str, str], dict[str, str]] = {}
    for code, said in rows:
        if said in ({"right"}, {"left"}) and not code.startswith(("V", "W", "X", "Y")):
            family = icd_families.family(code)
            place = "+".join(icd_families.places(family, [code], []))
            found.setdefault((family, icd_families.side(code), place), {})[min(said)] = code
    assert len(found) > 6_000
    mixed = {group: codes for group, codes in found.items() if len(codes) > 1}
    assert mixed == {}
