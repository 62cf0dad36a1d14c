"""What two medicines are to each other, as people type them: brands, forms, ranges as needed."""

import pytest

from medrec.core.reconcile.normal import Normal, normal
from medrec.core.reconcile.pairs import PairClass, pair_class
from medrec.core.records.reading import Around
from medrec.core.records.table import understand
from medrec.core.records.terms import RXNORM
from medrec.core.records.understood import MedicineDetail
from medrec.node.terminology.shipped import shipped

TERMS = shipped()


def form(text: str, sig: str = "", code: str = "") -> Normal:
    concept = {"text": text} | ({"coding": [{"system": RXNORM, "code": code}]} if code else {})
    dosage = {"dosageInstruction": [{"text": sig}]} if sig else {}
    value = {"resourceType": "MedicationRequest", "id": "m", "status": "active", "intent": "order"}
    record = understand(value | {"medicationCodeableConcept": concept} | dosage, Around(TERMS))
    assert isinstance(record.detail, MedicineDetail)
    return normal(record.detail, TERMS)


def ingredient(name: str) -> str:
    found = TERMS.drug_named(name)
    assert found is not None
    return found.ingredients[0]


def test_a_brand_in_the_words_counts_beside_the_code_of_the_drug() -> None:
    branded = form("Ativan 1 mg tabs", code=ingredient("lorazepam"))
    assert branded.branded == "ativan"
    assert pair_class(branded, form("lorazepam 1 mg tablet"), TERMS) is PairClass.BRAND_GENERIC
    assert pair_class(branded, form("ATIVAN 1 mg tab"), TERMS) is PairClass.IDENTICAL


@pytest.mark.parametrize("typed", ["eye drops", "ophth soln", "ophthalmic solution"])
def test_ways_to_write_eye_drops_are_one_form(typed: str) -> None:
    one, other = form(f"Timoptic 2.5 mg/mL {typed}"), form("timolol 2.5 MG/ML Ophthalmic Solution")
    assert one.ingredients == other.ingredients and (one.form.thing, one.form.site) == ("drops", "eye")
    assert pair_class(one, other, TERMS) is PairClass.BRAND_GENERIC


def test_the_directions_tell_the_form_where_nothing_else_does() -> None:
    swallowed = form("hydrocortisone 5 mg", "take 1 tab twice a day")
    assert swallowed.form.thing == "tablet"
    assert pair_class(swallowed, form("hydrocortisone 10 mg/mL topical cream"), TERMS) is PairClass.OTHER_FORM
    # What the product says itself is not overruled by a slip in the directions.
    assert form("hydrocortisone 10 mg/mL topical cream", "take 1 tab twice a day").form.thing == "cream"


def test_how_a_form_lets_go_is_read_from_its_short_words() -> None:
    assert form("Toprol 50mg ER tab").form.release == "extended"
    assert form("PROTONIX 20mg EC tab").form.release == "delayed"
    assert form("metoprolol tartrate 50 mg tab").form.release == ""


def test_the_amounts_of_a_combination_are_those_of_its_parts_in_order() -> None:
    both = form("losartan / hctz 50-12.5mg tab", "1 tab daily")
    amounts = {TERMS.name(RXNORM, code): amount.text for code, amount in both.strengths}
    assert amounts == {"losartan": "50 mg", "hydrochlorothiazide": "12.5 mg"}
    # One drug with two amounts is a range or a slip: nothing is guessed.
    assert form("lisinopril 10-20 mg tab").strengths == ()


@pytest.mark.parametrize(
    ("one", "other", "differs"),
    [
        ("1 tab q8-12h prn", "1 tab bid prn", False),
        ("1 tab q6-8h prn", "1 tab tid prn", False),
        ("1-2 tabs q4-6h prn", "1 tab q6h prn", True),
        ("1 tab bid prn", "1 tab qid prn", True),
        ("1 tab bid", "1 tab tid", True),
        ("1-2 tabs bid", "1 tab bid", True),
    ],
)
def test_as_needed_a_choice_is_no_other_dose_than_one_within_it(one: str, other: str, differs: bool) -> None:
    found = pair_class(form("lorazepam 1 mg tab", one), form("lorazepam 1 mg tab", other), TERMS)
    assert found is (PairClass.OTHER_DOSE if differs else PairClass.IDENTICAL)


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        # So much in a gram is so much in a millilitre, and so is a per cent.
        ("tazarotene 0.001 MG/MG Topical Gel", "tazarotene 0.5 MG/ML Topical Cream", PairClass.OTHER_DOSE),
        ("tazarotene 0.001 MG/MG Topical Gel", "tazarotene 0.1 % cream", PairClass.IDENTICAL),
        # What is breathed in from a machine is no inhaler; what washes the mouth is no soap.
        ("albuterol 0.09 MG/ACTUAT Dry Powder Inhaler", "albuterol 5 MG/ML Inhalation Solution", PairClass.OTHER_FORM),
        ("chlorhexidine gluconate 1.2 MG/ML Mouthwash", "chlorhexidine gluconate 40 MG/ML Medicated Liquid Soap",
         PairClass.OTHER_FORM),
        ("hyoscyamine sulfate 0.375 MG Extended Release Oral Tablet",
         "hyoscyamine sulfate 0.125 MG Disintegrating Oral Tablet", PairClass.OTHER_FORM),
    ],
)  # fmt: skip
def test_forms_and_strengths_as_rxnorm_names_them(one: str, other: str, kind: PairClass) -> None:
    assert pair_class(form(one), form(other), TERMS) is kind


def test_two_salts_of_one_ingredient_are_no_range() -> None:
    both = form("undecylenic acid 0.05 MG/MG / zinc undecylenate 0.2 MG/MG Topical Ointment")
    assert " to " not in both.strength
