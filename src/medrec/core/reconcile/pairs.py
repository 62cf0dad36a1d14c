"""How two medicines stand to each other: six classes, from the very same to merely of one kind."""

from enum import StrEnum

from medrec.core.reconcile.amounts import Measure
from medrec.core.reconcile.label_facts import doubled
from medrec.core.reconcile.normal import Normal
from medrec.core.records import ratio
from medrec.core.records.terms import DrugClass, Terms


class PairClass(StrEnum):
    """Each has a heading in docs/spec/reconcile.md. The first that holds counts."""

    IDENTICAL = "identical"
    BRAND_GENERIC = "brand-generic"
    OTHER_DOSE = "other-dose"
    OTHER_FORM = "other-form"
    PART_OF_COMBINATION = "part-of-combination"
    SAME_CLASS = "same-class"
    DIFFERENT = "different"


def pair_class(a: Normal, b: Normal, terms: Terms) -> PairClass:
    """The class of a pair; the same whichever comes first."""
    if a.block == b.block:
        return within(a, b)
    if a.ingredients and b.ingredients and shares(a.ingredients, b.ingredients):
        return PairClass.PART_OF_COMBINATION
    if same_class(a.ingredients, b.ingredients, terms):
        return PairClass.SAME_CLASS
    return PairClass.DIFFERENT


def within(a: Normal, b: Normal) -> PairClass:
    """The class of two that have the same ingredients (or the same unknown name)."""
    if any(_differs(one, other) for one, other in zip(a.form, b.form, strict=True)):
        return PairClass.OTHER_FORM
    if dose_differs(a, b):
        return PairClass.OTHER_DOSE
    if a.branded != b.branded:
        return PairClass.BRAND_GENERIC
    return PairClass.IDENTICAL


def dose_differs(a: Normal, b: Normal) -> bool:
    """Whether the amounts a day differ, or, where one of them is not known, the strengths. Unknown is no difference."""
    if a.per_day and b.per_day and [code for code, _ in a.per_day] == [code for code, _ in b.per_day]:
        pairs = list(zip(a.per_day, b.per_day, strict=True))
        if all(x.dimension == y.dimension for (_, x), (_, y) in pairs):
            if any(_apart(x, y, a.as_needed or b.as_needed) for (_, x), (_, y) in pairs):
                return True
            if a.per_day[0][0]:
                return False
    known = a.strengths and b.strengths
    return bool(known) and a.strengths != b.strengths and _comparable(a, b)


def _apart(x: Measure, y: Measure, needed: bool) -> bool:
    """As needed, or at most, has no floor: there the ceilings are compared alone. A choice ("q8-12h") in which the
    other lies is no other dose, unless its ceiling is more than half as high again."""
    needed = needed or not x.low.numerator or not y.low.numerator
    if not needed or x.high == y.high:
        return needed is False and x != y
    apart = ratio.less(x.high, y.low) or ratio.less(y.high, x.low)
    low, high = (x.high, y.high) if ratio.less(x.high, y.high) else (y.high, x.high)
    return apart or ratio.less(ratio.times(low, ratio.ratio(3, 2)), high)


def _comparable(a: Normal, b: Normal) -> bool:
    left = {code: found.dimension for code, found in a.strengths}
    return all(left.get(code) == found.dimension for code, found in b.strengths) and len(left) == len(b.strengths)


def _differs(a: str, b: str) -> bool:
    return bool(a) and bool(b) and a != b


def shares(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    """Whether two lists of ingredients have one in common."""
    return any(code in b for code in a)


def same_class(a: tuple[str, ...], b: tuple[str, ...], terms: Terms) -> tuple[DrugClass, ...]:
    """The classes in which taking two at once is a doubling, and that both sides are in."""
    left = {entry.code: entry for code in a for entry in duplicate_classes(code, terms)}
    right = {entry.code: entry for code in b for entry in duplicate_classes(code, terms)}
    return tuple(left[code] for code in sorted(left) if code in right)


def duplicate_classes(ingredient: str, terms: Terms) -> tuple[DrugClass, ...]:
    """The classes of an ingredient that are meant for finding double therapy."""
    own = tuple(entry for entry in terms.classes(ingredient) if "duplicate" in entry.purpose.split(";"))
    return own + doubled(ingredient)
