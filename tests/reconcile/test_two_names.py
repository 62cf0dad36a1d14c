"""Records that name two different medicines: neither is believed, and both warn."""

from typing import Any

import pytest

from medrec.core.reconcile.notices import LabelChecker, NoticeRule, notices
from medrec.core.reconcile.rows import Conflict
from medrec.core.records.two_names import said_in
from medrec.node.terminology.shipped import shipped
from tests.reconcile.test_apart import LISINOPRIL, allergy, coded
from tests.reconcile.test_bad_input import notes, order, read

TERMS = shipped()


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("Coumadin (lisinopril) 5 mg", "warfarin", "lisinopril"),
        ("Klonopin (clonidine) 0.1 mg", "clonazepam", "clonidine"),
        ("Augmentin (azithromycin) 250 mg tab", "amoxicillin", "azithromycin"),
        ("Keflex [penicillin V potassium] 500 mg", "cephalexin", "penicillin V"),
        ("Norco (oxycodone/acetaminophen) 5/325", "hydrocodone", "oxycodone"),
        ("Lipitor 20 mg (rosuvastatin) once daily at night", "atorvastatin", "rosuvastatin"),
    ],
)
def test_another_drug_in_parentheses_is_not_passed_over(name: str, one: str, other: str) -> None:
    found = read(order(name), allergy(one), allergy(other))
    (row,) = found.medicines
    assert row.name == name and not row.ingredients and not row.strength and Conflict.CODE_NAME in row.conflicts
    told = [item.rows for item in notices(found, TERMS, [LabelChecker()]) if item.rule is NoticeRule.ALLERGY]
    warned = {key for keys in told for key in keys}
    assert {line.key for line in found.allergies} <= warned and row.key in warned


@pytest.mark.parametrize(
    "name",
    [
        "Lipitor (atorvastatin) 20 mg", "atorvastatin (Lipitor)", "diclofenac (sodium) 75 mg", "Keflex (cephalexin)",
        "Vitamin D (ergocalciferol) 50,000 units", "ferrous sulfate (iron) 325 mg", "estrogens, conjugated (USP)",
        "Zestril (generic for lisinopril)", "Percocet (oxycodone-acetaminophen) 5-325", "calcium (Tums)",
        "prednisone (for asthma) 5 mg",
    ],
)  # fmt: skip
def test_a_brand_a_salt_and_a_general_word_are_no_other_drug(name: str) -> None:
    (row,) = read(order(name)).medicines
    assert row.ingredients and not row.conflicts


def test_another_drug_in_parentheses_beside_a_code() -> None:
    found = read(coded("Zestril (warfarin)", LISINOPRIL), allergy("warfarin"))
    (row,) = found.medicines
    assert not row.ingredients and Conflict.CODE_NAME in row.conflicts
    assert [item.rule for item in notices(found, TERMS, [LabelChecker()])] == [NoticeRule.ALLERGY]
    assert read(coded("Zestril (lisinopril)", LISINOPRIL)).medicines[0].ingredients == ("29046",)


def test_a_code_against_its_words_warns_for_both() -> None:
    found = read(
        coded("sertraline 50 mg", LISINOPRIL),
        order("phenelzine 15 mg") | {"id": "b"},
        allergy("sertraline"),
        allergy("lisinopril"),
    )
    told = notices(found, TERMS, [LabelChecker()])
    assert [item.rule for item in told] == [NoticeRule.ALLERGY, NoticeRule.ALLERGY, NoticeRule.PAIR]
    assert all("sertraline 50 mg (lisinopril?, sertraline?)" in item.sentence for item in told)


def test_what_stands_in_parentheses_is_read_only_where_it_names_a_medicine() -> None:
    assert said_in("Lipitor (take at night) 20 mg", TERMS) == (("83367",),)
    assert said_in("Lipitor 20 mg", TERMS) == said_in("", TERMS) == ()


def made_of(code: dict[str, Any], *parts: tuple[str, str, dict[str, Any]]) -> dict[str, Any]:
    """An order of a contained Medication with these parts: name, mg, and what else stands there."""
    ingredient = [
        {"itemCodeableConcept": {"text": name}, "strength": {"numerator": {"value": mg, "unit": "mg"}}} | more
        for name, mg, more in parts
    ]
    medication = {"resourceType": "Medication", "id": "m", "code": code, "ingredient": ingredient}
    base = {key: value for key, value in order("x").items() if key != "medicationCodeableConcept"}
    return base | {"medicationReference": {"reference": "#m"}, "contained": [medication]}


LISINOPRIL_20 = {"coding": [{"system": LISINOPRIL[0], "code": "314077"}]}


@pytest.mark.parametrize(
    ("code", "parts", "other"),
    [
        ({"text": "warfarin"}, [("lisinopril", 20, {})], "lisinopril"),
        (LISINOPRIL_20, [("warfarin", 5, {})], "warfarin"),
        (LISINOPRIL_20, [("lisinopril", 20, {}), ("hydrochlorothiazide", 25, {})], "hydrochlorothiazide"),
        (LISINOPRIL_20 | {"text": "warfarin"}, [("lisinopril", 20, {})], "warfarin"),
        ({"text": "warfarin"}, [("house mix", 2, {}), ("lisinopril", 20, {})], "lisinopril"),
    ],
)
def test_a_medication_that_holds_another_drug_than_it_is_called(code: Any, parts: Any, other: str) -> None:
    found = read(made_of(code, *parts), allergy(other))
    (row,) = found.medicines
    assert not row.ingredients and not row.strength and Conflict.CODE_NAME in row.conflicts
    assert [item.rule for item in notices(found, TERMS, [LabelChecker()])] == [NoticeRule.ALLERGY]


@pytest.mark.parametrize(
    ("code", "parts"),
    [
        (LISINOPRIL_20, [("lisinopril", 20, {})]),
        ({"text": "lisinopril 20 mg"}, [("lisinopril", 20, {}), ("warfarin", 1, {"isActive": False})]),
        ({"text": "lisinopril 20 mg"}, [("lisinopril", 20, {}), ("lactose", 30, {})]),
    ],
)
def test_a_medication_that_holds_what_it_is_called(code: Any, parts: Any) -> None:
    (row,) = read(made_of(code, *parts)).medicines
    assert row.ingredients == ("29046",) and row.strength == "20 mg" and not row.conflicts


def test_a_medication_of_another_strength_than_it_is_called() -> None:
    assert "strength-differs" in notes(read(made_of(LISINOPRIL_20, ("lisinopril", 40, {}))))
    assert "strength-differs" not in notes(read(made_of(LISINOPRIL_20, ("lisinopril", 20, {}))))


def test_a_strength_whose_unit_is_not_its_code_is_not_used() -> None:
    twice = {"strength": {"numerator": {"value": 20, "unit": "mg", "code": "ug"}}}
    found = read(made_of({"text": "lisinopril"}, ("lisinopril", 20, twice)))
    assert not found.medicines[0].strength and "unit-not-understood" in notes(found)


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("Coumadin or lisinopril", "warfarin", "lisinopril"), ("Klonopin aka clonidine", "clonazepam", "clonidine"),
        ("lisinopril - Zestoretic HCT - losartan", "lisinopril", "losartan"),
        ("Celexa = celecoxib", "citalopram", "celecoxib"),
        ("lisinopril -> losartan", "lisinopril", "losartan"),
    ],
)  # fmt: skip
def test_another_drug_beside_the_name_is_not_passed_over(name: str, one: str, other: str) -> None:
    found = read(order(name, sig="1 daily"))
    [row] = found.medicines
    assert row.ingredients == () and "name-differs" in notes(found) and row.conflicts == (Conflict.CODE_NAME,)
    for drug in (one, other):
        rules = [item.rule for item in notices(read(order(name), allergy(drug)), shipped(), [LabelChecker()])]
        assert NoticeRule.ALLERGY in rules, drug


@pytest.mark.parametrize(
    ("name", "drug", "strength"),
    [
        ("Lipitor aka atorvastatin", "atorvastatin", ""), ("Zestril - lisinopril 20 mg", "lisinopril", "20 mg"),
        ("lisinopril 20 mg = Zestril", "lisinopril", "20 mg"), ("Tylenol or acetaminophen", "acetaminophen", ""),
    ],
)  # fmt: skip
def test_a_brand_beside_its_drug_is_one_medicine(name: str, drug: str, strength: str) -> None:
    found = read(order(name))
    [row] = found.medicines
    assert (row.name, row.strength) == (drug, strength) and "name-differs" not in notes(found)


def test_a_remark_beside_a_name_is_no_second_medicine() -> None:
    for name in ("lisinopril 20 mg - new", "lisinopril or similar", "lisinopril - Zestoretic"):
        found = read(order(name))
        assert "name-differs" not in notes(found) and found.medicines[0].status == "active"
