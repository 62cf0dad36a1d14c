"""The table that ships: small, credited, and right about what everybody takes."""

from importlib import resources
from pathlib import Path

import pytest

from medrec.core.records.drug_names import named
from medrec.core.records.terms import CVX, ICD10CM, RXNORM, SNOMED, UNII
from medrec.node.terminology.shipped import release, shipped

ROOT = Path(__file__).resolve().parents[2]


def test_it_is_small_and_its_credit_is_given() -> None:
    file = resources.files("medrec.node.terminology").joinpath("shipped.json.xz")
    assert len(file.read_bytes()) < 1_500_000
    notice = " ".join((ROOT / "NOTICE").read_text(encoding="utf-8").split())
    for owner in ("National Library of Medicine", "DrugCentral", "CDC", "does not endorse"):
        assert owner in release() and owner in notice


@pytest.mark.parametrize(
    ("name", "ingredients"),
    [
        ("Lipitor 80 mg tablet", ("83367",)),
        ("Metoprolol succ ER 50 mg", ("6918",)),
        ("Toprol XL", ("6918",)),
        ("lisinopril-hctz 20-12.5 mg", ("29046", "5487")),
        ("Bactrim DS", ("10180", "10829")),
        ("amox-clav 875/125", ("48203", "723")),
        ("Vicodin 5/500 Oral Tablet", ("161", "5489")),
        ("paracetamol 500mg", ("161",)),
        ("Insulin glargine 100 unit/mL", ("274783",)),
        ("Little Pink Pill for water retention", ()),
        ("Metoprolole", ()),
    ],
)
def test_names_find_their_ingredients_and_never_a_neighbour(name: str, ingredients: tuple[str, ...]) -> None:
    assert named(name, shipped()).ingredients == ingredients


def test_codes_of_all_systems() -> None:
    terms = shipped()
    brand = terms.drug(RXNORM, "213431")
    assert brand is not None and brand.brand == "Micardis" and brand.generic == "205304"
    assert [(s.value, s.unit) for s in brand.strengths] == [("40", "mg")]
    aspirin = terms.drug(UNII, "R16CO5Y76E")
    assert aspirin is not None and aspirin.ingredients == ("1191",)
    assert terms.name(ICD10CM, "I10") == "Essential (primary) hypertension"
    assert terms.name(CVX, "140").startswith("Influenza")
    retired = terms.drug(RXNORM, "91692")
    assert retired is not None and retired.retired and terms.validity(RXNORM, "91692") == "retired"
    assert terms.validity(CVX, "777") == "unknown"
    assert terms.validity(RXNORM, "99999999") == "no-table", "a part of RxNorm cannot say that a code is unknown"
    assert terms.validity(SNOMED, "38341003") == "no-table"


def test_groups_of_drugs_have_members() -> None:
    found = shipped().class_named("XG:penicillins")
    assert found is not None and {"723", "7980"} <= set(found[1]) and "allergy" in found[0].purpose
    assert "XG:statins" in {entry.code for entry in shipped().classes("83367")}


@pytest.mark.parametrize(
    ("unit", "numerator", "denominator"),
    [("mg", 1, 1000), ("mcg", 1, 1_000_000), ("[in_i]", 127, 5000), ("h", 3600, 1), ("[degF]", 0, 0), ("glug", 0, 0)],
)
def test_units_have_exact_factors_or_none(unit: str, numerator: int, denominator: int) -> None:
    found = shipped().unit(unit)
    assert (found is None) == (denominator == 0)
    if found is not None:
        assert (found.numerator, found.denominator) == (numerator, denominator)


def test_a_unit_that_the_table_lacks_is_worked_out() -> None:
    found = shipped().unit("[gr]")
    assert found is not None and found.dimension == "M" and found.numerator * 100_000_000 == 6479891 * found.denominator


@pytest.mark.parametrize(
    ("name", "ingredient", "strengths"),
    [
        ("fentanyl 25 mcg/hr patch", "fentanyl", (("25", "ug/h"),)),
        ("Fentanyl 0.025 MG/HR 72 HR Transdermal System", "fentanyl", (("0.025", "mg/h"),)),
        # RxNorm has "168 HR clonidine 0.00417 MG/HR Transdermal System" and "24 HR nicotine 0.875 MG/HR".
        ("clonidine 0.1 mg/24hr patch", "clonidine", (("0.00417", "mg/h"),)),
        ("nicotine 21 mg/day transdermal patch", "nicotine", (("0.875", "mg/h"),)),
        ("diltiazem 240 mg/24 hr capsule", "diltiazem", (("240", "mg"),)),
        ("digoxin .125 mg tab", "digoxin", (("0.125", "mg"),)),
        ("clonazepam .5 mg tablet", "clonazepam", (("0.5", "mg"),)),
        ("albuterol 90 mcg/actuation", "albuterol", (("90", "ug/{actuat}"),)),
        ("nitroglycerin 0.4 mg SL", "nitroglycerin", (("0.4", "mg"),)),
        ("insulin regular 500 units/mL", "insulin, regular, human", (("500", "[iU]/mL"),)),
    ],
)
def test_strengths_an_hour_and_without_a_nought(name: str, ingredient: str, strengths: object) -> None:
    drug = shipped().drug_named(ingredient)
    found = named(name, shipped())
    assert drug is not None and found.ingredients == drug.ingredients and found.strengths == strengths
