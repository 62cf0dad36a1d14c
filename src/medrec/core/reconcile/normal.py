"""What two medicines are compared by: ingredients, strengths, form, place of action, amount a day, in exact numbers.

The reader has said what the record means (core.records.medicine); nothing is read out of words here.
"""

import msgspec

from medrec.core.reconcile import amounts
from medrec.core.reconcile.amounts import Measure
from medrec.core.reconcile.forms import Form, form_of
from medrec.core.records import ratio, when_taken
from medrec.core.records.terms import Terms
from medrec.core.records.understood import Amount, MedicineDetail, Strength

INERT = frozenset({"748794"})
"""RxNorm's "inert ingredients", which packs count among theirs."""
_BRANDED = frozenset({"SBD", "BN", "BPCK", "SBDC", "SBDF"})
Measured = tuple[tuple[str, Measure], ...]
"""(ingredient, measure) pairs, sorted."""


class Normal(msgspec.Struct, frozen=True, gc=False):
    """A medicine in its normal form. Equal normal forms are one variant of a row.

    `block`: ingredient codes joined by "+", or "text:" and the cleaned name of what is not known. `per_day`: what is
    taken in a day of each ingredient; under "" what is counted, where only that is known. `every_day`: of what is taken
    less often, or on some days of the week, that is a mean.
    """

    block: str
    ingredients: tuple[str, ...]
    names: tuple[str, ...]
    strengths: Measured
    form: Form
    branded: str
    per_day: Measured
    as_needed: bool
    product: str
    every_day: bool = True

    @property
    def strength(self) -> str:
        """The strengths as one writes them, in the order of the ingredients."""
        return " / ".join(found.text for _, found in self.strengths)


def normal(detail: MedicineDetail, terms: Terms) -> Normal:
    """The normal form of what a reader understood."""
    ingredients, names = detail.ingredients, detail.ingredient_names
    if any(code in INERT for code in ingredients):
        kept = [place for place, code in enumerate(ingredients) if code not in INERT]
        names = tuple(names[place] for place in kept) if len(names) == len(ingredients) else ()
        ingredients = tuple(ingredients[place] for place in kept)
    branded = detail.brand or (detail.name_cleaned if detail.product_kind in _BRANDED else "")
    return Normal(
        "+".join(ingredients) if ingredients else "text:" + (detail.name_cleaned or "?"),
        ingredients,
        names if len(names) == len(ingredients) else ingredients,
        _measured(detail.strengths, detail.strengths, terms),
        form_of(detail.form or _taken_as(detail), detail.route, detail.name_cleaned),
        branded.lower(),
        _per_day(detail, terms),
        detail.as_needed,
        detail.product,
        _every_day(detail),
    )


def _every_day(detail: MedicineDetail) -> bool:
    often = ratio.ratio_of(detail.times_per_day.low) if detail.times_per_day is not None else None
    return not when_taken.on_some_days(detail.when) and (often is None or not ratio.less(often, amounts.ONE))


_PIECES = frozenset({"tablet", "capsule", "drop", "puff", "patch", "suppository", "spray", "lozenge"})


_SOLID = frozenset({"tablet", "lozenge", "suppository", "patch", "packet", "ampule", "vial"})


def _taken_as(detail: MedicineDetail) -> str:
    """The form that the directions count in ("take 1 tab"), where neither the product nor its name says one."""
    unit = detail.dose.unit.strip("{}") if detail.dose is not None else ""
    return unit if unit in _PIECES else ""


def _measured(low: tuple[Strength, ...], high: tuple[Strength, ...], terms: Terms) -> Measured:
    # Two salts of one ingredient are two strengths, and no range.
    most = {item.ingredient: item.value for item in high} if high is not low else {}
    found = []
    for item in low:
        measured = amounts.measure(Amount(item.value, most.get(item.ingredient, item.value), item.unit), terms)
        if measured is not None:
            found.append((item.ingredient, measured))
    return tuple(sorted(found))


def _per_day(detail: MedicineDetail, terms: Terms) -> Measured:
    day = detail.per_day
    if day is None:
        return ()
    if day.ingredients:
        return _measured(day.ingredients, day.ingredients_high or day.ingredients, terms)
    counted = amounts.measure(day.dose, terms)
    return (("", counted),) if counted is not None else ()


def weighed(form: Normal, strengths: Measured) -> Normal:
    """The form with what is counted in a day (tablets) as weights, each piece holding `strengths` once; the same form
    where it has strengths of its own, or no count."""
    counted = next((found for code, found in form.per_day if code == ""), None)
    pieces = counted is not None and counted.dimension in _SOLID
    if counted is None or not pieces or form.strengths or any("/" in found.dimension for _, found in strengths):
        return form
    if tuple(code for code, _ in strengths) != tuple(sorted(form.ingredients)):
        return form
    per_day = tuple(
        (code, Measure(ratio.times(one.low, counted.low), ratio.times(one.high, counted.high), one.dimension))
        for code, one in strengths
    )
    return msgspec.structs.replace(form, per_day=per_day, strengths=strengths)
