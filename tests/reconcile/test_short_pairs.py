"""Short names of two medicines in one, with any sign between them."""

import pytest

from medrec.core.reconcile.notices import NoticeRule
from tests.reconcile.test_apart import allergy, rules
from tests.reconcile.test_bad_input import order, read


@pytest.mark.parametrize("text", ["TMP/SMX", "SMX/TMP", "SMX-TMP"])
def test_an_allergy_to_co_trimoxazole_by_its_letters_warns(text: str) -> None:
    found = read(allergy(text), order("sulfamethoxazole-trimethoprim 800-160 mg tablet", sig="1 bid", id="b"))
    assert NoticeRule.ALLERGY in rules(found)


@pytest.mark.parametrize(
    ("typed", "name", "strength"),
    [
        ("KCl 20 mEq", "potassium chloride", "20 meq"), ("KCL ER 10 mEq", "potassium chloride", "10 meq"),
        ("MTX 15mg q week", "methotrexate", "15 mg"), ("MTX 15 mg q wk", "methotrexate", "15 mg"),
        ("MTX 15mg weekly", "methotrexate", "15 mg"), ("INH 300 mg daily", "isoniazid", "300 mg"),
        ("PTU 50 mg tid", "propylthiouracil", "50 mg"), ("6-MP 50 mg", "mercaptopurine", "50 mg"),
        ("FeSO4 325 mg", "ferrous sulfate", "325 mg"), ("K-Dur 20 mEq", "potassium chloride", "20 meq"),
        ("Z-pak", "azithromycin", ""),
    ],
)  # fmt: skip
def test_a_short_name_that_is_of_one_medicine_is_that(typed: str, name: str, strength: str) -> None:
    [row] = read(order(typed)).medicines
    assert (row.name, row.strength) == (name, strength)


@pytest.mark.parametrize("typed", ["MSO4", "MgSO4", "AZT", "DM"])
def test_a_short_name_of_two_medicines_is_neither(typed: str) -> None:
    assert read(order(typed)).medicines[0].ingredients == ()


def test_methotrexate_once_a_week_in_short_words_is_not_every_day() -> None:
    assert NoticeRule.DOSE not in rules(read(order("MTX 15mg q week")))
    assert NoticeRule.DOSE in rules(read(order("MTX 15mg daily")))


def test_a_family_of_products_is_no_medicine_and_warns_of_all_that_it_may_hold() -> None:
    typed = order("NyQuil 30 mL qhs", id="b", authoredOn="2025-10-05")
    [row] = read(typed).medicines
    assert row.ingredients == () and "name-not-known" not in [note for line in row.lines for note in line.notes]
    assert NoticeRule.ALLERGY in rules(read(allergy("acetaminophen"), typed))
    assert NoticeRule.SAME_DRUG in rules(read(order("Tylenol 500 mg", authoredOn="2025-10-05"), typed))
    assert NoticeRule.ALLERGY in rules(read(allergy("NyQuil"), order("doxylamine 25 mg", authoredOn="2025-10-05")))
    assert not rules(read(allergy("codeine"), typed))
