"""An amount that says twice of what it is, and differently: by the word of its unit, and by its code ("mcg", `mg`).

Whoever wrote it read one of the two; nobody can tell which.
"""

from typing import NamedTuple

from medrec.core.records import datatypes, sig, units
from medrec.core.records.canonical import Value
from medrec.core.records.datatypes import many, one, text
from medrec.core.records.sig_tokens import COUNTED
from medrec.core.records.terms import Terms
from medrec.core.records.understood import Strength

_DOSES = (("doseQuantity",), ("doseRange", "low"), ("doseRange", "high"))
_SAME = {
    "[drp]": "drop",
    "[tsp_us]": "teaspoon",
    "[tsp_m]": "teaspoon",
    "[tbs_us]": "tablespoon",
    "[tbs_m]": "tablespoon",
}
"""Codes of UCUM that directions in words have a word for."""


class Apart(NamedTuple):
    """An amount as it reads by its unit's word, and by its code."""

    by_word: str
    by_code: str


def of_dose(dosage: Value, terms: Terms) -> Apart | None:
    """The first dose of a dosage whose unit says one thing and its code another."""
    for entry in (*many(dosage, "doseAndRate"), dosage):
        for path in _DOSES:
            held: Value = entry
            for key in path:
                held = one(held, key)
            if (found := of_quantity(held, terms)) is not None:
                return found
    return of_quantity(one(one(dosage, "maxDosePerPeriod"), "numerator"), terms)


def of_quantity(held: Value, terms: Terms) -> Apart | None:
    """A Quantity whose unit says one thing and its code another; None where one of them is not known or is missing."""
    word, code = text(held, "unit"), text(held, "code")
    if not word or not code or not _differ(_meaning(word), _meaning(code), terms):
        return None
    number = datatypes.decimal(held, "value")
    return Apart(f"{number} {word}".strip(), f"{number} {code}".strip())


def _meaning(unit: str) -> str:
    return _SAME.get(unit) or sig.unit_word(unit)


def _differ(a: str, b: str, terms: Terms) -> bool:
    """Whether two units that are known are of different amounts; one of any piece is one of any other."""
    known = all(unit in sig.WORDS or units.unit(unit, terms) is not None for unit in (a, b))
    if not known or a == b or (a in COUNTED and b in COUNTED):
        return False
    return units.same(Strength("", "1", a), Strength("", "1", b), terms) is not True
