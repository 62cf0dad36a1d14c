"""How near the lists come to the truth: precision and recall of what is one drug, and of what is taken now.

Two baselines run on the same records: "the same code is the same drug" and "the same text is the same drug"; both
take a drug to be taken when its newest record is active. Each counts pairs of records of one person.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from medrec.core.reconcile.held import Held
from medrec.core.reconcile.lists import Lists, Read
from medrec.core.reconcile.normal import Normal, normal
from medrec.core.reconcile.pairs import PairClass, pair_class, same_class
from medrec.core.records.canonical import canonical
from medrec.core.records.dates import clinical_date
from medrec.core.records.reading import Around
from medrec.core.records.table import understand
from medrec.core.records.terms import Terms
from medrec.core.records.understood import MedicineDetail
from medrec.demo.truth_history import TODAY_MS, Products, Segment, history
from medrec.demo.truth_hospitals import Chart, Written, chart
from medrec.demo.truth_plans import PLANS, Plan
from medrec.demo.truth_writing import day

Substance = tuple[str, str]
"""An ingredient and the place where it acts: what is in a person."""


@dataclass
class Count:
    """True and false positives, false negatives."""

    hit: int = 0
    wrong: int = 0
    missed: int = 0

    def add(self, found: bool, true: bool) -> None:
        """Count one decision."""
        self.hit += found and true
        self.wrong += found and not true
        self.missed += true and not found

    @property
    def precision(self) -> float:
        """Of what was said, the part that is true."""
        return self.hit / (self.hit + self.wrong) if self.hit + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """Of what is true, the part that was said."""
        return self.hit / (self.hit + self.missed) if self.hit + self.missed else 1.0

    @property
    def f1(self) -> float:
        """The harmonic mean of the two."""
        total = 2 * self.hit + self.wrong + self.missed
        return 2 * self.hit / total if total else 1.0


@dataclass
class Score:
    """One way of making a list, measured."""

    identity: Count = field(default_factory=Count)
    taken: Count = field(default_factory=Count)
    dose: Count = field(default_factory=Count)


@dataclass
class Measured:
    """All figures of one run. `told`: the classes of those pairs of which both say how much is taken a day."""

    people: int = 0
    records: int = 0
    scores: dict[str, Score] = field(default_factory=lambda: {name: Score() for name in ("lists", "code", "text")})
    classes: dict[str, Count] = field(default_factory=lambda: {kind: Count() for kind in PairClass})
    told: dict[str, Count] = field(default_factory=lambda: {kind: Count() for kind in PairClass})


def held_of(found: Chart, terms: Terms) -> list[tuple[Held, Written]]:
    """Every record of a chart, read as a node reads it."""
    birth = clinical_date(day(found.history.born))

    def around(place: str) -> Around:
        def resolve(reference: str) -> Any:
            raw = found.medications.get((place, reference))
            return canonical(raw).value if raw is not None else None

        return Around(terms, TODAY_MS, birth, resolve)

    arounds = {place.id: around(place.id) for place in found.places}
    pairs = []
    for item in found.written:
        form = canonical(item.raw)
        mark = hashlib.sha256(item.source.encode() + form.data).hexdigest()
        read = understand(form.value, arounds[item.source])
        pairs.append((Held(item.source, read, 1, form.sha256.hex(), mark, item.signed, "record", item.updated), item))
    return pairs


def site_of(form: str) -> str:
    """Where a form acts, as the truth knows it."""
    return "eye" if "Ophthalmic" in form else "skin" if "Topical" in form else "body"


def measure(seeds: Iterable[str], products: Products, terms: Terms, plans: Sequence[Plan] = PLANS) -> Measured:
    """The figures of the people of these seeds."""
    total = Measured()
    for seed in seeds:
        found = chart(history(seed, products, plans), products)
        pairs = held_of(found, terms)
        total.people += 1
        total.records += len(pairs)
        read = Lists(terms, TODAY_MS, [item for item, _ in pairs]).read()
        row_of = {line.manifest: row.key for row in read.medicines for line in row.lines}
        ways: dict[str, Callable[[Held], str]] = {
            "lists": lambda item, row_of=row_of: row_of[item.manifest],  # type: ignore[misc]
            "code": _by_code,
            "text": _by_text,
        }
        truth = _truth(found)
        for name, way in ways.items():
            _identity(total.scores[name].identity, pairs, way)
            said = _said(read) if name == "lists" else _newest_active(pairs, way)
            for substance in {**dict.fromkeys(said), **dict.fromkeys(truth)}:
                total.scores[name].taken.add(substance in said, substance in truth)
        _doses(total.scores["lists"].dose, read, found)
        _classes(total.classes, total.told, pairs, terms)
    return total


def _truth(found: Chart) -> set[Substance]:
    return {
        (code, site_of(segment.product.form))
        for _, segment in found.history.taken()
        for code in segment.product.ingredients
    }


def _said(read: Read) -> set[Substance]:
    rows = [row for row in read.medicines if row.status == "active"]
    return {(code, row.site or "body") for row in rows for code in row.ingredients or (row.key,)}


def _drug(segment: Segment) -> tuple[tuple[str, ...], str]:
    return segment.product.ingredients, site_of(segment.product.form)


def _identity(count: Count, pairs: list[tuple[Held, Written]], way: Callable[[Held], str]) -> None:
    """Whether two records are of one drug, over all pairs of records."""
    names = [(way(item), _drug(written.segment)) for item, written in pairs]
    for place, (name, drug) in enumerate(names):
        for other, another in names[place + 1 :]:
            count.add(name == other, drug == another)


def _by_code(item: Held) -> str:
    """The first code; what has none is alone."""
    codes = item.record.codes
    return f"{codes[0].system}|{codes[0].code}" if codes else item.manifest


def _by_text(item: Held) -> str:
    detail = item.record.detail
    assert isinstance(detail, MedicineDetail)
    return " ".join(detail.name.lower().split())


def _newest_active(pairs: list[tuple[Held, Written]], way: Callable[[Held], str]) -> set[Substance]:
    """What a baseline says is taken: groups of which the newest record is active. It is told the true substances of
    what it names, so that it is judged by its grouping and its rule alone."""
    newest: dict[str, tuple[int, str, Held, Written]] = {}
    for item, written in pairs:
        if item.record.type in ("MedicationRequest", "MedicationStatement"):
            date = item.record.recorded or item.record.when
            at = date.start_ms if date is not None else 0
            newest[way(item)] = max(newest.get(way(item), (-1, "", item, written)), (at, item.manifest, item, written))
    return {
        (code, site_of(written.segment.product.form))
        for _, _, item, written in newest.values()
        if item.record.status == "active"
        for code in written.segment.product.ingredients
    }


def _doses(count: Count, read: Read, found: Chart) -> None:
    """Of what is rightly said to be taken: is the product's strength in the row the one that is taken now?"""
    truth = {_drug(segment): segment for _, segment in found.history.taken()}
    for row in read.medicines:
        segment = truth.get((row.ingredients, row.site or "body"))
        if row.status == "active" and segment is not None:
            newest = [variant for variant in row.variants if variant.strength == row.strength]
            said = row.strength != "" and bool(newest)
            right = row.strength == _strength_of(segment)
            count.hit += said and right
            count.wrong += said and not right
            count.missed += not said


def _strength_of(segment: Segment) -> str:
    from medrec.core.reconcile.amounts import measure as measured
    from medrec.core.records.understood import Amount

    found = [(s.ingredient, measured(Amount(s.value, s.value, s.unit))) for s in segment.product.strengths]
    return " / ".join(amount.text for _, amount in sorted((c, a) for c, a in found if a is not None))


def _classes(counts: dict[str, Count], told: dict[str, Count], pairs: list[tuple[Held, Written]], terms: Terms) -> None:
    """The class of each pair of records of two places, against what the two products and doses are in truth."""
    forms = []
    same: dict[MedicineDetail, Normal] = {}
    known: dict[tuple[int, int], PairClass] = {}
    for item, written in pairs:
        detail = item.record.detail
        assert isinstance(detail, MedicineDetail)
        if detail not in same:
            same[detail] = normal(detail, terms)
        forms.append((same[detail], written))
    for place, (form, one) in enumerate(forms):
        for other_form, other in forms[place + 1 :]:
            if one.source == other.source:
                continue
            mark = (id(form), id(other_form))
            if mark not in known:
                known[mark] = pair_class(form, other_form, terms)
            said, true = known[mark], true_class(one, other, terms)
            for kind in (said, true) if said != true else (said,):
                counts[kind].add(said == kind, true == kind)
                if _tells(form) and _tells(other_form):
                    told[kind].add(said == kind, true == kind)


def _tells(form: Normal) -> bool:
    """Whether a record says how much of each ingredient is taken a day."""
    return bool(form.per_day) and all(code for code, _ in form.per_day)


def true_class(first: Written, second: Written, terms: Terms) -> PairClass:
    """How two products as taken, each perhaps written with a brand, stand to each other in truth."""
    a, b = first.segment, second.segment
    one, other = a.product, b.product
    if one.ingredients != other.ingredients:
        if set(one.ingredients) & set(other.ingredients):
            return PairClass.PART_OF_COMBINATION
        shared = same_class(one.ingredients, other.ingredients, terms)
        return PairClass.SAME_CLASS if shared else PairClass.DIFFERENT
    if _kind_of(one.form) != _kind_of(other.form):
        return PairClass.OTHER_FORM
    if (one.strengths, a.pieces * a.times) != (other.strengths, b.pieces * b.times):
        return PairClass.OTHER_DOSE
    return PairClass.IDENTICAL if first.brand == second.brand else PairClass.BRAND_GENERIC


def _kind_of(form: str) -> str:
    return form.replace("Oral Capsule", "Oral Tablet")
