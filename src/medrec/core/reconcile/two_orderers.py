"""The same order of two prescribers at two places: it may be one medicine told twice, or two boxes at home.

Orders of one medicine twice are more often of two prescribers than of one (Magid, Forrer, Shaha: Appl Clin Inform 2012;
3:377-391), and most warnings of a double are rightly put away (Poly and others: JMIR Med Inform 2020; 8(7): e15653).
So it is said softly, and as a double where the fills show two (decision 0162).
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from medrec.core.reconcile import doubles, pairs
from medrec.core.reconcile.pairs import PairClass
from medrec.core.reconcile.taken import Says
from medrec.core.records.dates import DAY_MS

if TYPE_CHECKING:
    from medrec.core.reconcile.medicines import Entry

FILL_DAYS = 30
"""How long a fill lasts that does not say so."""
_NAME = re.compile(r"[^\W\d_]{2,}")
_TITLES = frozenset({
    "dr", "dra", "md", "do", "np", "pa", "pac", "rn", "aprn", "fnp", "dnp", "phd", "pharmd", "mr", "mrs", "ms", "prof",
    "sr", "sra", "jr", "ii", "iii",
})  # fmt: skip


def ordered_by(live: "Sequence[Entry]", orders: "list[list[Entry]]") -> tuple[str, ...]:
    """Who orders it, where two prescribers at two places each have the same order in force: by the names on the newest
    of each, or by their places where a record only points at them. Whoever is at both places, or is not said, may be
    one. `live`: all that is in force."""
    every = [[one for one in said if not doubles.told(one) and one.item.author == "record"] for said in orders]
    names: dict[str, None] = {}
    for number, said in enumerate(every):
        for other in every[number + 1 :]:
            same = any(pairs.within(one.form, two.form) is PairClass.IDENTICAL for one in said for two in other)
            by = [_prescribers(live, place[0].item.voice) for place in (said, other)] if same else []
            if same and not any(_may_be_one(one, two) for one in by[0] for two in by[1]):
                for place, who in zip((said, other), by, strict=True):
                    names |= dict.fromkeys(name if "/" not in name else place[0].item.source for name in who[-1:])
    return tuple(sorted(names)[: doubles.NAMED_MAX])


def _prescribers(live: "Sequence[Entry]", voice: str) -> list[str]:
    """Those of a place's orders, of the newest last."""
    found = [one for one in live if one.item.voice == voice and one.detail.kind == "order" and not doubles.told(one)]
    found.sort(key=lambda one: (one.signal.at if one.signal.at is not None else -1, one.item.name))
    return [one.item.record.by for one in found]


def _may_be_one(one: str, other: str) -> bool:
    """Whether two names may be one person's: "Dr. Smith" and "Jane Smith MD". Who is not named may be anybody; an id is
    one of its place alone."""
    if not one or not other:
        return True
    if "/" in one or "/" in other:
        return one == other and ":" in one
    left, right = (set(_NAME.findall(name.casefold())) - _TITLES for name in (one, other))
    return left <= right or right <= left


def filled_early(entries: "Sequence[Entry]", copies: Sequence[bool], now: int) -> bool:
    """Whether it was filled again before half of another fill was used up, and still lasts: then she has two boxes.
    Fills of one day may be one fill that two places tell."""
    fills = [
        (one.signal.at, int(one.detail.days_supply) if one.detail.days_supply.isdigit() else FILL_DAYS)
        for one, copy in zip(entries, copies, strict=True)
        if one.signal.says is Says.FILLED and one.signal.at is not None and not copy
    ]
    return any(
        DAY_MS <= second - first < days * DAY_MS // 2 and second + later * DAY_MS >= now
        for first, days in fills
        for second, later in fills
    )
