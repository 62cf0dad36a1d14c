"""More than one order or statement of a medicine in force within one row: who writes two means both, or has forgotten
one.

At one place these are orders that differ in brand, form or amount; one like the other is its renewal. Of two places the
same order is the same medicine told twice, but a brand at one and another name at the other, or two forms, may be two
boxes at home. What somebody is said to take counts like an order, unless it says again what an order says. Orders of
one prescription of which each has times of its own ("500 mg in the morning", "1000 mg in the evening") are one regimen.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from medrec.core.reconcile import pairs
from medrec.core.reconcile.amounts import Measure
from medrec.core.reconcile.normal import Measured, Normal
from medrec.core.reconcile.pairs import PairClass
from medrec.core.reconcile.said import ALSO_TAKEN
from medrec.core.records import ratio, when_taken

if TYPE_CHECKING:
    from medrec.core.reconcile.medicines import Entry

NAMED_MAX = 4
_TWO_BOXES = (PairClass.BRAND_GENERIC, PairClass.OTHER_FORM)
_SAME = (PairClass.IDENTICAL, PairClass.BRAND_GENERIC)
_ONE_FORM = (PairClass.IDENTICAL, PairClass.OTHER_DOSE)


def in_force(entries: "Sequence[Entry]", live: Sequence[int], copies: Sequence[bool]) -> "list[list[Entry]]":
    """The orders in force of each place, no two of them alike, then what is said to be taken and is none of these;
    copies left out."""
    voices: dict[str, list[Entry]] = {}
    counted = [entries[place] for place in live if not copies[place] and _counts(entries[place])]
    for one in counted:
        if not told(one):
            said = voices.setdefault(one.item.voice, [])
            if not any(_renews(one, other) for other in said):
                said.append(one)
    for one in counted:
        if told(one):
            said = voices.setdefault(one.item.voice, [])
            whole = tuple(sorted(_total(said).items()))
            alike = any(pairs.within(one.form, other.form) is PairClass.IDENTICAL for other in said)
            if not alike and (len(said) < 2 or one.form.per_day != whole):
                said.append(one)
    return [voices[voice] for voice in sorted(voices)]


def _counts(one: "Entry") -> bool:
    """Whether a record, or a person's own word, has a medicine beside whatever else is there."""
    own = one.item.author == "patient" and one.item.record.status_reason == ALSO_TAKEN
    return own or (one.item.author == "record" and one.detail.kind in ("order", "statement"))


def told(one: "Entry") -> bool:
    """Whether somebody says that it is taken, and orders nothing."""
    return one.detail.kind == "statement" or one.detail.reported


def _renews(one: "Entry", other: "Entry") -> bool:
    return pairs.within(one.form, other.form) is PairClass.IDENTICAL and not _split(one, other)


def _split(one: "Entry", other: "Entry") -> bool:
    """Whether two orders of a place are parts of one regimen: of one prescription, or of one day and not by two, in one
    form, and never for the same time."""
    times = one.detail.when, other.detail.when
    if not all(times) or not when_taken.apart(*times) or told(one) or told(other):
        return False
    days = [_day(order) for order in (one, other)]
    by = [order.item.record.by for order in (one, other)]
    groups = [order.detail.group for order in (one, other)]
    together = groups[0] == groups[1] if all(groups) else all(days) and days[0] == days[1]
    by_two = all(by) and by[0] != by[1]
    return together and not by_two and pairs.within(one.form, other.form) in _ONE_FORM


def _day(one: "Entry") -> str:
    date = one.item.record.recorded or one.item.record.when
    return date.text[:10] if date is not None and date.precision in ("day", "time") else ""


def regimen(one: "Entry", orders: "list[list[Entry]]") -> "list[Entry]":
    """The orders that are one regimen with this one, it among them; by the time of day, and by name."""
    found = [one]
    for said in orders:
        if said[0].item.voice == one.item.voice:
            for other in said:
                if other is not one and all(_split(other, part) for part in found):
                    found.append(other)
    return sorted(
        found, key=lambda part: (-len(part.detail.when), part.detail.when[:1] == ("evening",), part.item.name)
    )


def whole(parts: "list[Entry]") -> Normal:
    """The normal form of a regimen: what all its parts come to in a day; of a single order its own."""
    if len(parts) < 2:
        return parts[0].form
    per_day = tuple(sorted(_total(parts).items())) if all(part.form.per_day for part in parts) else ()
    same = all(part.form.strengths == parts[0].form.strengths for part in parts)
    return msgspec.structs.replace(
        parts[0].form,
        per_day=per_day,
        strengths=parts[0].form.strengths if same else (),
        every_day=all(part.form.every_day for part in parts),
    )


def doubled(orders: "list[list[Entry]]") -> tuple[str, ...]:
    """What the orders and statements are called of which more than one is in force; empty where there is one of each
    place alone."""
    found = [
        one for said in orders for one in said if any(other is not one and not _split(one, other) for other in said)
    ]
    for number, said in enumerate(orders):
        for other in orders[number + 1 :]:
            for one in said:
                for two in other:
                    if pairs.within(one.form, two.form) in _TWO_BOXES:
                        found += [one, two]
    names = sorted({_called(one, [other for other in found if other is not one]): None for one in found})
    return tuple(names[:NAMED_MAX])


def _called(one: "Entry", others: "list[Entry]") -> str:
    """An order by its name; by its directions as well where another has the same name."""
    same = any(other.detail.name == one.detail.name for other in others)
    return f"{one.detail.name}, {one.detail.sig}" if same and one.detail.sig else one.detail.name


def daily(leading: Measured, orders: "list[list[Entry]]") -> Measured:
    """What a day comes to of each ingredient: by the directions of the row, or, where it is more, by all that is in
    force at one place, and what is said elsewhere to be taken in another amount."""
    most = dict(leading)
    for said in orders:
        elsewhere = [one for other in orders if other is not said for one in other if told(one)]
        every = [*said, *(one for one in elsewhere if not _restates(one, said))]
        if len(every) < 2:
            continue
        for code, found in _total(every).items():
            before = most.get(code)
            if before is None or (before.dimension == found.dimension and ratio.less(before.high, found.high)):
                most[code] = found
    return tuple(sorted(most.items()))


def _restates(one: "Entry", said: "list[Entry]") -> bool:
    """Whether what is said somewhere may be what is in force here: the same amount, or none that is known."""
    return not one.form.per_day or any(pairs.within(one.form, other.form) in _SAME for other in said)


def _total(every: "Iterable[Entry]") -> dict[str, Measure]:
    """What several come to in a day, by ingredient."""
    total: dict[str, Measure] = {}
    for code, found in (pair for one in every for pair in one.form.per_day):
        before = total.get(code)
        if before is not None and before.dimension == found.dimension:
            found = found._replace(low=ratio.plus(before.low, found.low), high=ratio.plus(before.high, found.high))
        total[code] = found
    return total
