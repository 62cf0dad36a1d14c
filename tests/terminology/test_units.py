"""Units of UCUM: their factors, and what is no unit of a dose."""

from fractions import Fraction

import pytest

from medrec.node.terminology.ucum import unit


@pytest.mark.parametrize(
    ("code", "factor"), [("mg", Fraction(1, 1000)), ("10*3", Fraction(1000)), ("10^-6", Fraction(1, 10**6))]
)
def test_a_unit_has_its_factor(code: str, factor: Fraction) -> None:
    found = unit(code)
    assert found is not None and Fraction(found.numerator, found.denominator) == factor


@pytest.mark.parametrize(
    "code", ["10*10000000", "10*9999999999", "10^-9999999", "mg9999999", "10*+99999999", "m-1234567/s", "(mg)99999"]
)
def test_a_power_beyond_any_measure_is_no_unit_and_is_not_worked_out(code: str) -> None:
    """Ten to the ten-millionth, as one whole number, held every thread of a node."""
    assert unit(code) is None
