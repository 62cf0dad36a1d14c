"""Measures that can be compared: a range of exact numbers in the base unit of a dimension (mg, mL, units), or of
things that are counted (tablets)."""

import re
from typing import NamedTuple

from medrec.core.records import ratio
from medrec.core.records.ratio import Ratio
from medrec.core.records.terms import Terms
from medrec.core.records.understood import Amount

ONE = Ratio(1, 1)
_GRAM = Ratio(1000, 1)
_WORDS = {
    "mcg": "ug", "µg": "ug", "gm": "g", "ml": "mL", "l": "L", "iu": "[iU]", "unit": "[iU]", "units": "[iU]",
    "unt": "[iU]", "[usp'u]": "[iU]", "u": "[iU]",
}  # fmt: skip
_KNOWN = {
    "mg": ("mg", 1, 1), "g": ("mg", 1000, 1), "kg": ("mg", 1_000_000, 1), "ug": ("mg", 1, 1000),
    "ng": ("mg", 1, 1_000_000), "mL": ("mL", 1, 1), "L": ("mL", 1000, 1), "teaspoon": ("mL", 5, 1),
    "tablespoon": ("mL", 15, 1),    "[iU]": ("units", 1, 1),
    "meq": ("meq", 1, 1), "%": ("mg/mL", 10, 1),
}  # fmt: skip
_BELOW = re.compile(r"\s*([0-9.]+)?\s*([A-Za-z\[\]{}]+)\s*", re.ASCII)
_THINGS = {"capsule": "tablet", "pill": "tablet", "caplet": "tablet", "tab": "tablet", "cap": "tablet"}


class Measure(NamedTuple):
    """low to high (equal for one value) of a dimension: mg, mL, units, meq, mg/mL, or a thing that is counted."""

    low: Ratio
    high: Ratio
    dimension: str

    @property
    def text(self) -> str:
        """As one writes it: 20 mg, 0 to 12 tablets."""
        low, high = ratio.written(self.low), ratio.written(self.high)
        plural = "s" if self.dimension.isalpha() and len(self.dimension) > 3 and high != "1" else ""
        plural = (
            "" if self.dimension.endswith("s") else f"e{plural}" if plural and self.dimension.endswith("ch") else plural
        )
        return f"{low if low == high else f'{low} to {high}'} {self.dimension}{plural}".strip()


def unit_of(text: str, terms: Terms | None = None) -> tuple[str, Ratio] | None:
    """Dimension of a unit and its multiple of the base unit ("mg", "mg/mL", "mg/5 mL"); None when not known."""
    plain = text.strip()
    found = _known(plain)
    if found is not None:
        return found
    above, slash, below = plain.partition("/")
    if slash:
        quotient = _quotient(above, below)
        if quotient is not None:
            return quotient
    entry = terms.unit(plain) if terms is not None else None
    return (entry.dimension, ratio.ratio(entry.numerator, entry.denominator)) if entry is not None else None


def _known(text: str) -> tuple[str, Ratio] | None:
    code = text if text in _KNOWN else _WORDS.get(text.lower(), text.lower())
    row = _KNOWN.get(code)
    return (row[0], ratio.ratio(row[1], row[2])) if row is not None else None


def _quotient(above: str, below: str) -> tuple[str, Ratio] | None:
    match, top = _BELOW.fullmatch(below), _known(above.strip())
    if match is None or top is None:
        return None
    bottom, count = _known(match[2]), ratio.ratio_of(match[1]) if match[1] else ONE
    if count is None or not count.numerator:
        return None
    if bottom is not None and top[0] == bottom[0] == "mg" and match[2].lower() != "kg":
        # So much in a gram of a cream or a paste is so much in a millilitre, as "%" has it for both.
        return "mg/mL", ratio.over(ratio.times(top[1], _GRAM), ratio.times(count, bottom[1]))
    if bottom is None:
        per = match[2].lower().strip("{}")
        return f"{top[0]}/{'actuation' if per == 'actuat' else per}", ratio.over(top[1], count)
    return f"{top[0]}/{bottom[0]}", ratio.over(top[1], ratio.times(count, bottom[1]))


def measure(amount: Amount | None, terms: Terms | None = None) -> Measure | None:
    """The measure of an amount as a record has it; an unknown unit is a thing of that name. None without numbers."""
    if amount is None:
        return None
    low, high = ratio.ratio_of(amount.low or amount.high), ratio.ratio_of(amount.high or amount.low)
    if low is None or high is None or ratio.less(high, low):
        return None
    found = unit_of(amount.unit, terms)
    if found is None:
        thing = amount.unit.strip().strip("{}").lower()
        return Measure(low, high, _THINGS.get(thing, thing))
    return Measure(ratio.times(low, found[1]), ratio.times(high, found[1]), found[0])


def times(measured: Measure, low: Ratio, high: Ratio) -> Measure:
    """Each end of a measure multiplied."""
    return Measure(ratio.times(measured.low, low), ratio.times(measured.high, high), measured.dimension)
