"""What directions come to in a day: of the product, and of each ingredient where the strength is known."""

from medrec.core.records import ratio, sig, units
from medrec.core.records.dosage import Directions
from medrec.core.records.sig_grammar import Total
from medrec.core.records.terms import Terms
from medrec.core.records.understood import Amount, PerDay, Strength

# What is counted, not measured: one of them holds the product's strength once.
_COUNTED = frozenset({"tablet", "capsule", "lozenge", "suppository", "patch", "packet", "ampule", "vial"})

_HEAPS = ("cream", "ointment", "gel", "lotion", "foam", "paste")
"""Of these grams are of the product, and not of the drug in it."""
_SIDED = ("drop", "spray", "")


def of(
    ingredients: tuple[str, ...],
    strengths: tuple[Strength, ...],
    form: str,
    told: Directions | sig.Sig,
    terms: Terms,
) -> PerDay | None:
    """What directions come to in a day, and the same per ingredient where the strength is known.

    None where it is no amount of the medicine: 2 g of a cream, a drop in each eye. Where they
    say only how much there may be at most, it is anything from nothing to that."""
    heap = told.dose is not None and told.dose.unit == "g" and form.endswith(_HEAPS)
    if heap or (told.sided and told.dose is not None and told.dose.unit in _SIDED):
        return None
    most, times, dose = told.at_most, told.times_per_day, _in_pieces(told.dose, strengths, form)
    whole = sig.per_day(dose, times) if dose and times else None
    if whole is not None:
        daily = _capped(whole, most)
    elif most is not None:
        daily = Amount("0", most.high, most.unit)
    else:
        return None
    low, high = (_per_ingredient(ingredients, strengths, value, daily.unit, terms) for value in (daily.low, daily.high))
    if dose and times and daily == whole:
        # 4 tablets of 2.5 mg once a week are 10 mg once a week: rounded once, at the end.
        low = _often(_per_ingredient(ingredients, strengths, dose.low, daily.unit, terms), times.low)
        high = _often(_per_ingredient(ingredients, strengths, dose.high, daily.unit, terms), times.high)
    if most is not None and most.unit not in ("", daily.unit):
        top = _per_ingredient(ingredients, strengths, most.high, most.unit, terms)
        low, high = _lower(low, top), _lower(high, top)
    return PerDay(daily, low, high, told.as_needed or told.times_per_day is None)


def _often(amounts: tuple[Strength, ...], times: str) -> tuple[Strength, ...]:
    """What amounts at a time come to in a day."""
    daily = [(one, sig.per_day(Amount(one.value, one.value, one.unit), Amount(times, times, "/d"))) for one in amounts]
    return tuple(Strength(one.ingredient, found.low, one.unit) for one, found in daily if found is not None)


def _lower(amounts: tuple[Strength, ...], most: tuple[Strength, ...]) -> tuple[Strength, ...]:
    """Amounts of a day under a ceiling that was said in another unit (tablets, and at most so many mg)."""
    if len(amounts) != 1 or len(most) != 1 or amounts[0].unit != most[0].unit:
        return amounts
    said, top = ratio.ratio_of(amounts[0].value), ratio.ratio_of(most[0].value)
    return most if said is not None and top is not None and ratio.less(top, said) else amounts


def _capped(daily: Amount, most: Amount | None) -> Amount:
    """The amount of a day under a ceiling in the same unit."""
    top, low, high = (ratio.ratio_of(text) for text in (most.high if most else "", daily.low, daily.high))
    if most is None or most.unit not in ("", daily.unit) or top is None or high is None or not ratio.less(top, high):
        return daily
    return Amount(most.high if low is None or ratio.less(top, low) else daily.low, most.high, daily.unit)


def _per_ingredient(
    ingredients: tuple[str, ...], strengths: tuple[Strength, ...], value: str, unit: str, terms: Terms
) -> tuple[Strength, ...]:
    """`value` of `unit` of the product, in its ingredients."""
    number = ratio.ratio_of(value)
    if number is None:
        return ()
    per_piece = [strength for strength in strengths if "/" not in strength.unit and strength.unit != "%"]
    if unit in _COUNTED and len(per_piece) == len(ingredients) and per_piece:
        return tuple(_multiplied(strength, number) for strength in per_piece)
    known = units.unit(unit, terms)
    if known is None:
        return ()
    if known.dimension in ("M", "[iU]", "eq", "mol") and len(ingredients) == 1:
        wanted = next((s.unit.partition("/")[0] for s in strengths), unit)
        turned = units.in_unit(value, unit, wanted, terms)
        if turned is None:
            return (Strength(ingredients[0], value, unit),)
        return (Strength(ingredients[0], ratio.written(turned), wanted),)
    if known.dimension == "L3":
        volumes = [(s, units.in_unit(value, unit, s.unit.partition("/")[2] or "?", terms)) for s in strengths]
        if volumes and all(volume is not None for _, volume in volumes):
            return tuple(_multiplied(s, volume) for s, volume in volumes if volume is not None)
    return ()


def _multiplied(strength: Strength, number: ratio.Ratio) -> Strength:
    value = ratio.ratio_of(strength.value) or ratio.ZERO
    return Strength(strength.ingredient, ratio.written(ratio.times(value, number)), strength.unit.partition("/")[0])


_MEASURED = ("M", "[iU]", "eq", "mol")


def contradicts(total: Total, strengths: tuple[Strength, ...], terms: Terms) -> bool:
    """Whether "2 tablets (10 mg total)" or "5 mL (100 mg)" is not what so much of such a strength holds: of any one
    ingredient, or of all together."""
    said, of, sure = total
    known = units.unit(said.unit, terms)
    if known is None or known.dimension not in _MEASURED:
        # 10 mg (2 tablets) is 2 tablets (10 mg total): the weight is that of the dose.
        said, of, sure = of, said, True
        known = units.unit(said.unit, terms)
    if known is None or known.dimension not in _MEASURED or not strengths:
        return False
    held = [_held(number, of.unit, strengths, terms) for number in (of.low, of.high)]
    if not all(held):
        return False
    exact = of.unit in _COUNTED
    # "2 tablets 5 mg" may be of each.
    options = [option for amounts in held for option in amounts] + ([] if sure or not exact else list(strengths))
    told = [Strength("", number, said.unit) for number in (said.low, said.high)]
    near = [[_near(one, other, exact, terms) for other in options] for one in told]
    return not any(None in found for found in near) and not all(True in found for found in near)


def _held(value: str, unit: str, strengths: tuple[Strength, ...], terms: Terms) -> list[Strength]:
    """What so much of a product holds: of each ingredient, and of all where they have one unit. Empty: not known."""
    ingredients = tuple(one.ingredient for one in strengths)
    known = units.unit(unit, terms)
    if unit not in _COUNTED and (known is None or known.dimension != "L3"):
        return []
    found = _per_ingredient(ingredients, strengths, value, unit, terms)
    if len(found) < 2 or len({one.unit: None for one in found}) > 1:
        return list(found)
    whole = ratio.ZERO
    for one in found:
        whole = ratio.plus(whole, ratio.ratio_of(one.value) or ratio.ZERO)
    return [*found, Strength("", ratio.written(whole), found[0].unit)]


def _near(one: Strength, other: Strength, exact: bool, terms: Terms) -> bool | None:
    """Whether two amounts are the same; those of a liquid, which are rounded to a syringe, within a tenth. None where
    their units cannot be compared."""
    same, value = units.same(one, other, terms), units.in_unit(one.value, one.unit, other.unit, terms)
    right = ratio.ratio_of(other.value)
    if exact or same is not False or value is None or right is None:
        return same
    ten = ratio.times(value, ratio.ratio(10))
    low, high = (ratio.times(right, ratio.ratio(tenths)) for tenths in (9, 11))
    return not ratio.less(ten, low) and not ratio.less(high, ten)


def _in_pieces(dose: Amount | None, strengths: tuple[Strength, ...], form: str) -> Amount | None:
    """A number alone ("1 at noon") in what the product is counted in; None where that is not known."""
    if dose is None or dose.unit:
        return dose
    unit = next((unit for unit in sorted(_COUNTED) if unit in form), "")
    if not unit and not form and strengths and not any("/" in one.unit for one in strengths):
        unit = "tablet"
    return Amount(dose.low, dose.high, unit) if unit else None
