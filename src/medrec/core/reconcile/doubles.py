"""More than one order of a medicine in force within one row: who writes two means both, or has forgotten one.

At one place these are orders that differ in brand, form or amount; one like the other is its renewal. Of two places the
same order is the same medicine told twice, but a brand at one and another name at the other may be two boxes at home.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from medrec.core.reconcile import pairs
from medrec.core.reconcile.amounts import Measure
from medrec.core.reconcile.normal import Measured
from medrec.core.reconcile.pairs import PairClass
from medrec.core.records import ratio

if TYPE_CHECKING:
    from medrec.core.reconcile.medicines import Entry

NAMED_MAX = 4


def in_force(entries: "Sequence[Entry]", live: Sequence[int], copies: Sequence[bool]) -> "list[list[Entry]]":
    """The orders in force of each place, no two of them alike; copies left out."""
    voices: dict[str, list[Entry]] = {}
    for place in live:
        one = entries[place]
        if one.detail.kind != "order" or one.item.author != "record" or copies[place]:
            continue
        said = voices.setdefault(one.item.voice, [])
        if not any(pairs.within(one.form, other.form) is PairClass.IDENTICAL for other in said):
            said.append(one)
    return [voices[voice] for voice in sorted(voices)]


def doubled(orders: "list[list[Entry]]") -> tuple[str, ...]:
    """What the orders are called of which more than one is in force; empty where there is one of each place alone."""
    found = [one for said in orders if len(said) > 1 for one in said]
    for number, said in enumerate(orders):
        for other in orders[number + 1 :]:
            for one in said:
                for two in other:
                    if pairs.within(one.form, two.form) is PairClass.BRAND_GENERIC:
                        found += [one, two]
    names = sorted({_called(one, [other for other in found if other is not one]): None for one in found})
    return tuple(names[:NAMED_MAX])


def _called(one: "Entry", others: "list[Entry]") -> str:
    """An order by its name; by its directions as well where another has the same name."""
    same = any(other.detail.name == one.detail.name for other in others)
    return f"{one.detail.name}, {one.detail.sig}" if same and one.detail.sig else one.detail.name


def daily(leading: Measured, orders: "list[list[Entry]]") -> Measured:
    """What a day comes to of each ingredient: by the directions of the row, or, where it is more, by all orders that
    are in force at one place."""
    most = dict(leading)
    for said in orders:
        if len(said) < 2:
            continue
        total: dict[str, Measure] = {}
        for code, found in (pair for one in said for pair in one.form.per_day):
            before = total.get(code)
            if before is not None and before.dimension == found.dimension:
                found = found._replace(low=ratio.plus(before.low, found.low), high=ratio.plus(before.high, found.high))
            total[code] = found
        for code, found in total.items():
            before = most.get(code)
            if before is None or (before.dimension == found.dimension and ratio.less(before.high, found.high)):
                most[code] = found
    return tuple(sorted(most.items()))
