"""Amounts compared and multiplied across units, by the exact factors of UCUM that a terminology holds.

Only mass with mass, volume with volume and so on: international units are never turned into milligrams.
"""

from medrec.core.records import ratio
from medrec.core.records.ratio import Ratio
from medrec.core.records.terms import Terms, Unit
from medrec.core.records.understood import Strength

# The handful that every prescription uses, so that the arithmetic needs no table.
_KNOWN = {
    unit.code: unit
    for unit in (
        Unit("kg", "M", 1000, 1),
        Unit("g", "M", 1, 1),
        Unit("mg", "M", 1, 1000),
        Unit("ug", "M", 1, 1_000_000),
        Unit("ng", "M", 1, 1_000_000_000),
        Unit("L", "L3", 1, 1000),
        Unit("dL", "L3", 1, 10_000),
        Unit("mL", "L3", 1, 1_000_000),
        Unit("uL", "L3", 1, 1_000_000_000),
        # 21 CFR 101.9(b)(5)(viii); UCUM's [tsp_m] and [tbs_m].
        Unit("teaspoon", "L3", 5, 1_000_000),
        Unit("tablespoon", "L3", 15, 1_000_000),
        Unit("[iU]", "[iU]", 1, 1),
        Unit("meq", "eq", 1, 1000),
        Unit("mmol", "mol", 1, 1000),
    )
}
_SPELLED = {"mcg": "ug", "µg": "ug", "μg": "ug", "ml": "mL", "ML": "mL", "l": "L", "MG": "mg", "cc": "mL", "gm": "g"}


def unit(code: str, terms: Terms) -> Unit | None:
    """A unit by UCUM code or by a word in use for it; None when not known."""
    plain = _SPELLED.get(code, code)
    return _KNOWN.get(plain) or terms.unit(plain)


def in_unit(value: str, from_unit: str, to_unit: str, terms: Terms) -> Ratio | None:
    """A value in another unit, exactly; None when either is no number or unit, or they do not measure the same."""
    number = ratio.ratio_of(value)
    if number is None or from_unit == to_unit:
        return number
    above, _, below = from_unit.partition("/")
    over, _, under = to_unit.partition("/")
    factor = _factor(above, over, terms)
    if factor is None:
        return None
    if below or under:
        divisor = _factor(below, under, terms) if below and under else None
        if divisor is None:
            return None
        factor = ratio.over(factor, divisor)
    return ratio.times(number, factor)


def same(a: Strength, b: Strength, terms: Terms) -> bool | None:
    """Whether two strengths are equal; None when their units cannot be compared."""
    one, other = in_unit(a.value, a.unit, b.unit, terms), ratio.ratio_of(b.value)
    return None if one is None or other is None else one == other


def _factor(a: str, b: str, terms: Terms) -> Ratio | None:
    if a == b:
        return ratio.ratio(1)
    one, other = unit(a, terms), unit(b, terms)
    if one is None or other is None or one.dimension != other.dimension:
        return None
    return ratio.ratio(one.numerator * other.denominator, one.denominator * other.numerator)
