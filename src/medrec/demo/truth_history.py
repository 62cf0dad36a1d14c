"""The truth about invented people: what each really took, when it began, changed and ended. Nobody else knows it all.

The history knows nothing of records and nothing of how lists are made from them.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from medrec.core.records.terms import Drug
from medrec.demo.truth_plans import PLANS, TYPED, WHOLES, Plan

DAY = 86_400_000
TODAY_MS = 1_767_225_600_000  # 1 January 2026
YEARS = 7
PLAIN = ("", "24 HR", "12 HR")


class Products:
    """The drugs of a terminology, to choose from: by ingredients and form, their generic and branded products."""

    def __init__(self, drugs: Iterable[Drug], ndcs: Iterable[tuple[str, str]] = ()) -> None:
        """`ndcs`: (NDC, RxNorm code)."""
        rows = sorted(drugs, key=lambda drug: (len(drug.code), drug.code))
        self.names = {row.code: row.name for row in rows if row.kind == "IN"}
        self.codes = {row.name.lower(): row.code for row in rows if row.kind == "IN"}
        self.brands = {row.name.lower(): row for row in rows if row.kind == "BN"}
        self.generic: dict[tuple[tuple[str, ...], str], list[Drug]] = {}
        self.branded: dict[str, list[Drug]] = {}
        self.retired: dict[tuple[str, ...], list[Drug]] = {}
        self.ndc: dict[str, list[str]] = {}
        self.typed: dict[str, tuple[str, ...]] = dict(TYPED)
        self.unii: dict[str, str] = {}
        for row in rows:
            if row.retired and row.ingredients:
                self.retired.setdefault(row.ingredients, []).append(row)
            elif row.kind == "SCD" and row.strengths and row.quantity in PLAIN:
                self.generic.setdefault((row.ingredients, row.form.lower()), []).append(row)
            elif row.kind == "SBD" and row.generic and row.quantity in PLAIN:
                self.branded.setdefault(row.generic, []).append(row)
        for ndc, code in ndcs:
            self.ndc.setdefault(code, []).append(ndc)

    def of(self, plan: Plan) -> list[Drug]:
        """The generic products of a plan, weakest first; empty when the terminology has none."""
        codes = [self.codes.get(name, "") for name in plan.ingredients]
        rows = self.generic.get((tuple(sorted(codes)), plan.form.lower()), [])
        places = {strength: place for place, strength in enumerate(plan.strengths)}
        found: dict[int, Drug] = {}
        for row in rows:
            for strength in row.strengths:
                place = places.get(strength.value.rstrip("0").rstrip(".") if "." in strength.value else strength.value)
                if place is not None:
                    found.setdefault(place, row)
        return [found[place] for place in sorted(found)]


@dataclass(frozen=True)
class Segment:
    """A stretch of time (ms) in which one product was taken in one way; tablets are halved, too."""

    start: int
    end: int | None
    product: Drug
    pieces: Fraction
    times: int
    brand: Drug | None = None


@dataclass
class Therapy:
    """One medicine of one person in truth. `whole` names the therapy that took its place, if one did."""

    id: str
    plan: Plan
    segments: list[Segment]
    end: int | None = None
    why_ended: str = ""

    @property
    def start(self) -> int:
        """Since when, ms."""
        return self.segments[0].start

    def at(self, time: int) -> Segment | None:
        """What was taken at a time; None before and after."""
        if self.end is not None and time >= self.end:
            return None
        found = [segment for segment in self.segments if segment.start <= time]
        return found[-1] if found else None


@dataclass
class History:
    """One person's truth."""

    key: str
    born: int
    therapies: list[Therapy] = field(default_factory=list)

    def taken(self) -> list[tuple[Therapy, Segment]]:
        """What is taken today."""
        pairs = [(therapy, therapy.at(TODAY_MS)) for therapy in self.therapies]
        return [(therapy, segment) for therapy, segment in pairs if segment is not None]


def history(seed: str, products: Products, plans: Sequence[Plan] = PLANS) -> History:
    """The person of a seed; the same seed gives the same person everywhere."""
    dice = random.Random(f"truth {seed}")  # noqa: S311 (invented people, not secrets)
    person = History(seed, TODAY_MS - dice.randint(30 * 365, 88 * 365) * DAY)
    known = [plan for plan in plans if products.of(plan)]
    for plan in dice.sample(known, dice.choice((3, 4, 5, 5, 6, 7, 8, 9, 10, 12))):
        # Two forms of one ingredient in one place of the body are one choice, not two.
        if any(_clashes(plan, other.plan) for other in person.therapies):
            continue
        person.therapies += _therapies(dice, plan, products, len(person.therapies))
    return person


def _clashes(a: Plan, b: Plan) -> bool:
    local = [("Topical" in plan.form) or ("Ophthalmic" in plan.form) for plan in (a, b)]
    return local[0] == local[1] and bool(set(a.ingredients) & set(b.ingredients))


def _therapies(dice: random.Random, plan: Plan, products: Products, number: int) -> list[Therapy]:
    """A therapy, or the two that came before the product that holds both."""
    start = TODAY_MS - dice.randint(20, YEARS * 365) * DAY
    one = _therapy(dice, f"t{number}", plan, products, start)
    if plan.ingredients in WHOLES and dice.random() < 0.6 and start > TODAY_MS - 6 * 365 * DAY:
        parts = []
        for place, name in enumerate(plan.ingredients):
            own = next((other for other in PLANS if other.ingredients == (name,) and products.of(other)), None)
            if own is not None:
                before = start - dice.randint(120, 900) * DAY
                part = _therapy(dice, f"t{number}-{place}", own, products, before, until=start)
                part.why_ended = "joined"
                parts.append(part)
        return [*parts, one] if len(parts) == len(plan.ingredients) else [one]
    return [one]


def _therapy(
    dice: random.Random, name: str, plan: Plan, products: Products, start: int, until: int | None = None
) -> Therapy:
    rows = products.of(plan)
    at = dice.randrange(len(rows)) if plan.manner != "chronic" else dice.randrange(max(1, len(rows) - 1))
    brand = _brand(dice, rows[at], products, 0.35)
    segments = [Segment(start, None, rows[at], Fraction(plan.pieces), plan.times, brand)]
    end, why = until, ""
    if plan.manner == "course":
        end, why = start + dice.choice((5, 7, 7, 10, 14)) * DAY, "over"
    elif until is None and dice.random() < 0.33:
        end = start + int((TODAY_MS - start) * dice.uniform(0.2, 0.95))
        why = "by herself" if dice.random() < 0.08 else dice.choice(("stopped", "stopped", "side effect"))
    while plan.manner == "chronic" and len(segments) < 4 and dice.random() < 0.42:
        last = segments[-1]
        latest = (end or TODAY_MS) - 20 * DAY
        if latest <= last.start + 30 * DAY:
            break
        when = dice.randint((last.start + 30 * DAY) // DAY, latest // DAY) * DAY
        segments.append(_changed(dice, plan, rows, last, when, products))
    return Therapy(name, plan, segments, end, why)


def _brand(dice: random.Random, row: Drug, products: Products, chance: float) -> Drug | None:
    found = products.branded.get(row.code, [])
    return dice.choice(found) if found and dice.random() < chance else None


def _changed(
    dice: random.Random, plan: Plan, rows: list[Drug], last: Segment, when: int, products: Products
) -> Segment:
    """The next stretch: another strength (more often up), more pieces, or the brand for the generic."""
    place = rows.index(last.product)
    kind = dice.random()
    if kind < 0.7 and len(rows) > 1:
        up = place + 1 if place + 1 < len(rows) and (dice.random() < 0.7 or place == 0) else place - 1
        row = rows[up]
        return Segment(when, None, row, last.pieces, last.times, _brand(dice, row, products, 0.3))
    if kind < 0.85 and last.pieces == 1:
        pieces = (
            Fraction(2) if plan.form != "Oral Tablet" else dice.choice((Fraction(2), Fraction(1, 2), Fraction(3, 2)))
        )
        return Segment(when, None, last.product, pieces, last.times, last.brand)
    other = None if last.brand is not None else _brand(dice, last.product, products, 1.0)
    return Segment(when, None, last.product, last.pieces, last.times, other)
