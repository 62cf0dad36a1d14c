"""Strengths as RxNorm writes them ("atorvastatin 80 MG", "5 MG/ML") in units of UCUM."""

import re

# RxNorm's spelling, and UCUM's; what UCUM does not know becomes an annotation.
_UNITS = {
    "MG": "mg", "ML": "mL", "G": "g", "UNT": "[iU]", "MEQ": "meq", "%": "%", "ACTUAT": "{actuat}", "HR": "h",
    "CELLS": "{cells}", "BAU": "[BAU]", "AU": "[AU]", "MCI": "mCi", "SQCM": "cm2", "MCG": "ug", "MMOL": "mmol",
}  # fmt: skip
_STRENGTH = re.compile(r"^(?P<name>.*?)\s+(?P<value>\d+(?:\.\d+)?)\s+(?P<unit>[A-Z%][A-Z\-]*(?:/[A-Z\-]+)?)$")


def ucum_unit(written: str) -> str:
    """ "MG/ML" as "mg/mL"."""
    return "/".join(_UNITS.get(part, "{" + part.lower() + "}") for part in written.split("/"))


def split_strength(written: str) -> tuple[str, str, str] | None:
    """(name, value, UCUM unit) of "Nifedipine 10 MG"; None where it is not of that form."""
    match = _STRENGTH.match(written.strip())
    return (match["name"].strip(), match["value"], ucum_unit(match["unit"])) if match else None


def written_strengths(written: str, ingredients: list[str]) -> list[list[str]]:
    """[ingredient, value, unit] of a product with one ingredient; a combination's parts cannot be told apart."""
    if len(ingredients) != 1 or not written or ";" in written:
        return []
    found = split_strength(written)
    return [[ingredients[0], found[1], found[2]]] if found else []
