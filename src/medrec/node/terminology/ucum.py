"""Units of UCUM as exact factors, worked out once by a library that knows the whole of UCUM.

The core multiplies integers only. Units with an offset (degrees Celsius) have no factor and are not given; arbitrary
units ([iU], {tbl}) measure nothing but themselves.
"""

import functools
import re
from fractions import Fraction
from typing import Any

from medrec.core.records.terms import Unit

# What has a base of its own, whatever the library makes of it: equivalents are no moles, units of effect no numbers.
_APART = {"eq": ("eq", Fraction(1)), "meq": ("eq", Fraction(1, 1000))}
_DIMENSIONS = {"kilogram": ("M", 1000), "meter ** 3": ("L3", 1), "mole": ("mol", 1)}
_WORDS = {"mcg": "ug", "ml": "mL", "cc": "mL", "l": "L", "IU": "[iU]", "iu": "[iU]", "units": "[iU]", "mEq": "meq"}

_EXPONENT = re.compile(r"[^0-9.+/()-][+-]?([0-9]+)")
_EXPONENT_MAX = 30
"""No unit of a dose has a greater one; the library works the power out as one whole number, however great."""


@functools.cache
def _registry() -> Any:
    import ucumvert  # type: ignore[import-untyped]

    return ucumvert.PintUcumRegistry()


@functools.cache
def unit(code: str) -> Unit | None:
    """The factor of a UCUM code or of a common word for it; None where it is none or has no factor.

    The library reckons in binary fractions; twelve digits of its answer are meant, and they are what is kept.
    """
    plain = _WORDS.get(code, code)
    if not plain or len(plain) > 60 or any(int(power) > _EXPONENT_MAX for power in _EXPONENT.findall(plain)):
        return None
    if plain in _APART:
        dimension, factor = _APART[plain]
        return Unit(plain, dimension, factor.numerator, factor.denominator)
    if _arbitrary(plain):
        return Unit(plain, plain, 1, 1)
    try:
        registry = _registry()
        quantity = registry.from_ucum(plain)
        if registry.Quantity(0, quantity.units).to_base_units().magnitude != 0:
            return None
        found = quantity.to_base_units()
        factor = Fraction(f"{float(found.magnitude):.12g}")
        dimension = str(found.units)
    except Exception:
        # The parser and the registry raise many kinds; all say the same: this is no unit with a factor.
        return None
    if factor <= 0:
        return None
    name, multiple = _DIMENSIONS.get(dimension, (dimension, 1))
    return Unit(plain, name, *(factor * multiple).as_integer_ratio())


def _arbitrary(code: str) -> bool:
    """[iU], {tbl}: one annotation or one bracketed unit of effect, alone."""
    if code.startswith("{") and code.endswith("}"):
        return "{" not in code[1:] and "}" not in code[:-1]
    return code in ("[iU]", "[IU]", "[BAU]", "[AU]", "[CFU]", "[PFU]")
