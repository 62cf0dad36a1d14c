"""Records that name two different medicines: neither is believed, and both warn."""

import pytest

from medrec.core.reconcile.notices import LabelChecker, NoticeRule, notices
from medrec.core.reconcile.rows import Conflict
from medrec.core.records.two_names import said_in
from medrec.node.terminology.shipped import shipped
from tests.reconcile.test_apart import LISINOPRIL, allergy, coded
from tests.reconcile.test_bad_input import order, read

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
    assert all("sertraline 50 mg (which may be lisinopril or sertraline)" in item.sentence for item in told)


def test_what_stands_in_parentheses_is_read_only_where_it_names_a_medicine() -> None:
    assert said_in("Lipitor (take at night) 20 mg", TERMS) == (("83367",),)
    assert said_in("Lipitor 20 mg", TERMS) == said_in("", TERMS) == ()
