"""Short names of two medicines in one, with any sign between them."""

import pytest

from medrec.core.reconcile.notices import NoticeRule
from tests.reconcile.test_apart import allergy, rules
from tests.reconcile.test_bad_input import order, read


@pytest.mark.parametrize("text", ["TMP/SMX", "SMX/TMP", "SMX-TMP"])
def test_an_allergy_to_co_trimoxazole_by_its_letters_warns(text: str) -> None:
    found = read(allergy(text), order("sulfamethoxazole-trimethoprim 800-160 mg tablet", sig="1 bid", id="b"))
    assert NoticeRule.ALLERGY in rules(found)
