"""Words of another disease of the same chapter than the code's: neither is believed, nothing is joined or ended."""

import pytest

from medrec.core.reconcile.rows import Conflict
from medrec.core.records.icd_families import family
from medrec.core.records.other_disease import of_code, of_words, unlike
from medrec.core.records.problem_names import _FAMILIES
from medrec.core.records.problem_where import called_in_icd
from medrec.core.records.terms import ICD10CM, SNOMED
from medrec.node.terminology.shipped import shipped
from tests.reconcile.test_apart import icd, over, problem
from tests.reconcile.test_bad_input import read

TERMS = shipped()
PAIRS = [
    ("Prostate cancer", "BPH", "N40.0"), ("Schizophrenia", "Depression", "F32.9"),
    ("Bipolar disorder", "Depression", "F32.9"), ("Hodgkin lymphoma", "Non-Hodgkin lymphoma", "C85.90"),
    ("Stroke", "MI", "I21.9"), ("Tuberculosis", "Pneumonia", "J18.9"),
    ("Hemophilia A", "Von Willebrand disease", "D68.0"), ("Hyperthyroidism", "Hypothyroidism", "E03.9"),
    ("Hyperkalemia", "Hypokalemia", "E87.6"), ("Myasthenia gravis", "Multiple sclerosis", "G35"),
    ("Addison disease", "Cushing syndrome", "E24.9"), ("Alcohol dependence", "Opioid dependence", "F11.20"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "right", "code"), PAIRS)
@pytest.mark.parametrize("system", ["icd", "snomed", "shown"])
def test_the_end_of_one_disease_under_a_code_is_not_that_of_another(
    wrong: str, right: str, code: str, system: str
) -> None:
    coded = icd(code) if system == "icd" else {"system": SNOMED, "code": "99999001"}
    coded |= {"display": right} if system == "shown" else {}
    rows = {row.name: row for row in read(problem(wrong, coded, id="a"), over(right, coded)).problems}
    assert rows[wrong].status != "stopped" and rows[right].status == "stopped"
    if system != "snomed":
        assert rows[wrong].conflicts == (Conflict.CODE_NAME,) and rows[right].conflicts == ()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("HIV", "B18.2"), ("PE", "I82.409"), ("Aortic stenosis", "I05.0"), ("Hypothyroidism", "E05.90"),
        ("Kidney stone", "N18.4"), ("Rheumatoid arthritis", "M32.9"), ("Lupus", "M06.9"), ("Leukemia", "C85.90"),
        ("PTSD", "F41.1"), ("Cirrhosis", "K50.90"), ("Glaucoma", "H35.30"), ("Hemophilia", "D68.0"),
    ],
)  # fmt: skip
def test_alone_such_a_record_is_marked(text: str, code: str) -> None:
    [row] = read(problem(text, icd(code))).problems
    assert (row.status, row.conflicts) == ("unknown", (Conflict.CODE_NAME,))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("BPH", "N40.1"), ("CHF", "I11.0"), ("CKD", "I12.9"), ("Stroke", "I61.9"), ("CAD", "I21.9"), ("CAD", "I20.9"),
        ("Osteoarthritis", "M17.11"), ("Hypothyroidism", "E89.0"), ("Pneumonia", "J15.9"), ("Lupus", "M32.14"),
        ("Shoulder pain", "M75.100"), ("Anxiety", "F41.1"), ("PTSD", "F43.10"),
    ],
)  # fmt: skip
def test_what_may_be_one_disease_is_not_marked(text: str, code: str) -> None:
    [row] = read(problem(text, icd(code))).problems
    assert (row.standing, row.conflicts) == ("", ())


def test_no_code_contradicts_its_own_names() -> None:
    """Every shipped title, official name and common name, beside the codes that bear it."""
    of_all = [(code, name) for (system, code), (name, _) in TERMS._concepts.items() if system == ICD10CM]
    named = [(code, key) for key, code in TERMS._problems.items()] + of_all
    families = [(code, family(code), name) for code, name in of_all]
    for common, its in _FAMILIES.items():
        one = its.removeprefix("icd10cm|").rstrip("-")
        named += [(code, common) for code, of, _ in families if of.startswith(one)]
    assert len(named) > 37_000
    wrong = []
    for code, name in named:
        meant = of_words(name, TERMS)
        if meant is not None and unlike(meant, of_code(code, called_in_icd(code, TERMS))):
            wrong.append((code, name))
    assert wrong == []


def test_a_diabetes_without_its_kind_is_not_the_one_that_passes_with_a_pregnancy() -> None:
    dates = {"onsetDateTime": "2018-01-01", "abatementDateTime": "2018-10-01", "recordedDate": "2018-01-02"}
    pregnant = over("Gestational diabetes", icd("O24.419"), **dates)
    for began in ("2018-01-01", "2018-06-01", "2021-01-01"):
        lasting = problem("Diabetes", id="b", onsetDateTime=began)
        found = {row.name: row.status for row in read(pregnant, lasting).problems}
        assert found == {"Gestational diabetes": "stopped", "Diabetes": "active"}
    [row] = read(problem("Type 2 diabetes", icd("E11.9")), problem("Diabetes", id="b", source="south")).problems
    assert row.name == "Type 2 diabetes"
