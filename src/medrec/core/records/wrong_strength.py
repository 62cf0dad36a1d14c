"""A strength that words give, held against what products hold: another strength, the right number in a wrong unit, or
more than anything can hold. It is marked and never corrected."""

from collections.abc import Iterator

from medrec.core.records import ratio, units
from medrec.core.records.reading import Marks
from medrec.core.records.terms import Drug, Terms
from medrec.core.records.understood import NoteCode, Strength

_UNITS = ("ug", "mg", "g", "[iU]", "meq", "%")
"""Units that are written for one another."""
_PIECES = ("tablet", "capsule", "lozenge", "suppository", "patch")
_HEAPS = ("cream", "ointment", "gel", "lotion", "foam", "shampoo", "powder")
"""Forms of which grams alone ("cream 30 g") are how much is in the tube."""
_GIVES = {
    "patch": "h", "inhaler": "{actuat}", "spray": "{actuat}", "solution": "mL", "suspension": "mL", "syrup": "mL",
    "elixir": "mL", "injection": "mL", "drops": "mL",
}  # fmt: skip
"""What an amount alone may be of: "fentanyl 25 mcg patch" is 25 mcg an hour."""
_MOST = {"mL": ratio.ratio(1500), "mg": ratio.ratio(1), "": ratio.ratio(10_000)}
"""The most, in mg, that a millilitre, a milligram or a piece can hold of anything."""
_FAR = ratio.ratio(100)
"""So many times the most that any product holds is no strength."""


def mark(said: tuple[Strength, ...], form: str, drug: Drug | None, marks: Marks) -> None:
    """A note where a strength as said cannot be right. `drug`: the product that a code names, or its own name, if any.
    A strength whose ingredient nobody knows has an empty one."""
    terms = marks.around.terms
    coded = drug.strengths if drug is not None else ()
    found = _against_code(said, form, coded, terms) if coded else _against_products(said, form, terms)
    if found := found or _against_nature(said, form, terms):
        marks.add(NoteCode.STRENGTH_DIFFERS, found)


def mark_other(said: tuple[Strength, ...], named: tuple[Strength, ...], marks: Marks) -> None:
    """A note where a Medication says of an ingredient that it holds another amount than its code or name does."""
    for strength in said:
        for other in named:
            if strength.ingredient == other.ingredient and units.same(strength, other, marks.around.terms) is False:
                shown = f"{_shown(strength)} of what its code or name gives as {_shown(other)}"
                marks.add(NoteCode.STRENGTH_DIFFERS, f"The medicine is said to hold {shown}.")


def _against_code(said: tuple[Strength, ...], form: str, coded: tuple[Strength, ...], terms: Terms) -> str:
    """Words and the product of a code. Amounts that cannot be compared ("1.25 mg" beside 50,000 units) say nothing but
    for an equal number; nor does one amount of several."""
    for strength in said:
        if any(units.same(entry, held, terms) for entry in _readings(strength, form) for held in coded):
            continue
        other = len(said) == len(coded) == 1 and units.same(strength, coded[0], terms) is False
        holds = _slipped(strength, form, coded, terms) or (coded[0] if other else None)
        if holds is not None:
            return f"The words say {_shown(strength)}, the code's product holds {_shown(holds)}."
    return ""


def _against_products(said: tuple[Strength, ...], form: str, terms: Terms) -> str:
    """Words and all products with the ingredient: none holds so much, and one its number in another unit, or none has
    near so much."""
    for strength in said:
        known = terms.strengths(strength.ingredient)
        readings = list(_readings(strength, form))
        if any(units.same(entry, product, terms) for entry in readings for product in known):
            continue
        if strength.unit == "g" and form.endswith(_HEAPS):
            continue
        meant = _slipped(strength, form, known, terms)
        if meant is not None:
            return f"No product holds {_shown(strength)}; there is one of {_shown(meant)}: the unit may be wrong."
        if _far_above(readings if strength.unit == "%" else readings[:1], known, terms):
            return f"No product holds near so much as {_shown(strength)}: the unit may be wrong."
    return ""


def _against_nature(said: tuple[Strength, ...], form: str, terms: Terms) -> str:
    """Words and what a millilitre weighs, or can be in a piece, of whatever it is."""
    for strength in said:
        _, _, below = strength.unit.partition("/")
        most = _MOST.get(below) if below or form.endswith(_PIECES) else None
        number = units.in_unit(strength.value, strength.unit, f"mg/{below}" if below else "mg", terms)
        if most is not None and number is not None and ratio.less(most, number):
            return f"Nothing holds so much as {_shown(strength)}: the unit may be wrong."
    return ""


def _readings(said: Strength, form: str) -> Iterator[Strength]:
    """What a strength may say: itself first; a per cent is of a volume or a weight; an amount alone may be of what the
    form gives at a time."""
    number = ratio.ratio_of(said.value)
    if number is None:
        return
    yield said
    if said.unit == "%":
        yield Strength(said.ingredient, ratio.written(ratio.times(number, ratio.ratio(10))), "mg/mL")
        yield Strength(said.ingredient, ratio.written(ratio.over(number, ratio.ratio(100))), "mg/mg")
    elif "/" not in said.unit:
        below = next((below for word, below in _GIVES.items() if form.endswith(word)), "")
        if below:
            yield Strength(said.ingredient, said.value, f"{said.unit}/{below}")


def _slipped(said: Strength, form: str, known: tuple[Strength, ...], terms: Terms) -> Strength | None:
    """The strength of a known product that has the number of `said` in another unit."""
    above, stroke, below = said.unit.partition("/")
    for unit in _UNITS:
        if unit == above or (unit == "%" and (stroke or not form or form.endswith(_PIECES))):
            continue
        other = Strength(said.ingredient, said.value, unit + stroke + below)
        for entry in _readings(other, form):
            if any(units.same(entry, product, terms) for product in known):
                return other if unit == "%" else entry
    return None


def _far_above(said: list[Strength], known: tuple[Strength, ...], terms: Terms) -> bool:
    """Whether a strength, however it is read, is out of all proportion to every product it can be compared with."""
    pairs = [(units.in_unit(entry.value, entry.unit, one.unit, terms), one) for entry in said for one in known]
    if any(entry.unit == "[iU]" for entry in said) and any(one.unit in ("mg", "ug") for one in known):
        # Units are no weight: a capsule of 50,000 units may be the one of 1.25 mg.
        return False
    compared = [(number, ratio.ratio_of(one.value) or ratio.ZERO) for number, one in pairs if number is not None]
    return bool(compared) and not any(ratio.less(number, ratio.times(held, _FAR)) for number, held in compared)


def _shown(strength: Strength) -> str:
    unit = strength.unit.replace("ug", "mcg").replace("[iU]", "units").replace("{actuat}", "actuation")
    return f"{strength.value} {unit}"
