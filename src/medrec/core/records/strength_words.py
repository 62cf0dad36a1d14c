"""Strengths and forms in the name of a medicine: "500 mg ER tab" is 500 mg, an extended release tablet."""

import re

from medrec.core.records import ratio
from medrec.core.records.form_words import FORM_BEFORE, FORMS

STRENGTH = re.compile(
    r"(?<![\w.])(?<!\d,)(\d{1,3}(?:,\d{3})+|\d{1,7}(?:\.\d{1,5})?|(?<!\d )\.\d{1,5})\s*-?\s*"
    r"(mg|mcg|ug|µg|μg|micrograms?|milligrams?|g|gm|grams?|ml|units?|unt|iu|ui|u|meq|%)"
    r"(?:\s*/\s*(\d{0,4}(?:\.\d{1,3})?)\s*"
    r"(ml|mg|g|h(?:ou)?rs?|h|d(?:ay)?|actuat(?:ion)?s?|act|inh(?:alation)?|puff|spray|dose|tab|cap)\b)?(?![\w])",
    re.IGNORECASE,
)
_COMMA = re.compile(r"(?<![\w.,])(?:(\d{1,5}),(?=\d{1,2}(?!\d))|(0),(?=\d{3,5}(?!\d)))(?=\d+(?![,\d])(?!-[a-z]))")
"""A comma before the decimals, as most of the world writes it: one or two digits behind it, or a 0 before it."""
_TWO_WAYS = re.compile(r"(?<![\w.,])(?:[1-9]\d{0,2}\.000(?![\d.])|\d+\s+\.\d+)(?=\s*[a-z%µμ])", re.IGNORECASE)
"""Twenty-five thousand, or twenty-five; two and a half, or 2 of a half."""
UNCLEAR = re.compile(rf"{_TWO_WAYS.pattern}\s*[a-z%µμ]+", re.IGNORECASE)
# The amounts of a combination before its last one: "50-" of "50-12.5 mg".
_LISTED = re.compile(r"(?<![\w./-])(\d{1,5}(?:\.\d{1,3})?(?:\s*[/-]\s*\d{1,5}(?:\.\d{1,3})?){0,3})\s*[/-]\s*$")
_UNIT = {
    "mg": "mg", "milligram": "mg", "milligrams": "mg", "mcg": "ug", "ug": "ug", "µg": "ug", "μg": "ug",
    "microgram": "ug", "micrograms": "ug", "g": "g", "gm": "g", "gram": "g", "grams": "g", "ml": "mL", "unit": "[iU]",
    "units": "[iU]", "unt": "[iU]", "iu": "[iU]", "ui": "[iU]", "u": "[iU]", "meq": "meq", "%": "%",
}  # fmt: skip
_BELOW = {
    "ml": "mL", "mg": "mg", "g": "g", "h": "h", "hr": "h", "hrs": "h", "hour": "h", "hours": "h",
    "day": "d", "d": "d", "actuat": "{actuat}", "act": "{actuat}", "actuation": "{actuat}", "actuations": "{actuat}",
    "actuats": "{actuat}", "inh": "{actuat}", "inhalation": "{actuat}",
    "puff": "{actuat}", "spray": "{actuat}", "dose": "{actuat}", "tab": "", "cap": "",
}  # fmt: skip


def pointed(name: str) -> str:
    """A name with points before the decimals of its numbers: "0,5 mg" is 0.5 mg. A thousand keeps its comma."""
    return _COMMA.sub(r"\1\2.", name) if "," in name else name


def read_two_ways(name: str) -> str:
    """A number in a name that may be read in two ways ("25.000 units", "2 .5 mg"); "" where there is none."""
    found = _TWO_WAYS.search(name)
    return found[0] if found is not None else ""


def strengths_in(name: str) -> list[tuple[str, str]]:
    """Every strength that a name gives, in the order written: (value, UCUM unit); "125 mg/5 mL" is 25 mg/mL, a patch's
    is of an hour. A number that can be read in two ways is none."""
    name = _TWO_WAYS.sub(" ", name)
    found: list[tuple[str, str]] = []
    for match in STRENGTH.finditer(name):
        listed = _LISTED.search(name[: match.start()])
        before = re.split(r"\s*[/-]\s*", listed[1]) if listed is not None else []
        unit, below = _UNIT[match[2].lower()], _BELOW[match[4].lower()] if match[4] else ""
        rate = below in ("h", "d")
        if rate and form_of(name).endswith(("tablet", "capsule")):
            # "240 mg/24 hr capsule": so much is in one, which lets go of it over a day.
            below, rate = "", False
        if unit == "mL" and not below:
            continue
        many = ratio.ratio_of(match[3] or "1")
        for value in (*before, match[1].replace(",", "")):
            value = f"0{value}" if value.startswith(".") else value
            number = ratio.ratio_of(value)
            if number is None or many is None or not many.numerator:
                continue
            if rate:
                found.append((_an_hour(number, many, below), f"{unit}/h"))
                continue
            # 125 mg/5 mL is 25 mg/mL; of "400-57 mg/5 mL" both are in that volume.
            found.append((ratio.written(ratio.over(number, many)), f"{unit}/{below}") if below else (value, unit))
    return found


def _an_hour(value: ratio.Ratio, many: ratio.Ratio, below: str) -> str:
    """What a patch gives in an hour: with three digits, as RxNorm has it, where it is written for a day."""
    each = ratio.over(ratio.over(value, many), ratio.ratio(24 if below == "d" else 1))
    top, digits = each.numerator, 0
    while 0 < top < 100 * each.denominator:
        top, digits = 10 * top, digits + 1
    return ratio.written(each, digits)


def form_of(name: str) -> str:
    """The dose form that words say: "ER tab" is "extended release tablet", "eye drops" "ophthalmic drops"."""
    words = [word for word in re.split(r"[^\w-]+", name) if word]
    said = next((FORMS[word] for word in re.split(r"[^\w]+", name) if word in FORMS), "")
    before = [called for marks, called in FORM_BEFORE if not marks.isdisjoint(words)]
    return " ".join([*before, said]).strip()
