"""Pairs of RxNorm products, drawn by seed: what our rules make of them beside a reading of RxNorm's own relations.

The reading knows nothing of our rules: ingredients, dose form (by the group that RxNorm names it in), strengths and the
generic product of a brand are those of RxNorm's table. Where the two differ every pair was read by eye. What is left is
meant: a strength by weight beside one by volume or in units (cefoxitin 1000 mg, and 100 mg/mL) is unknown and no
difference, a lotion and a spray are two forms, and names of seventeen ingredients are not read as a whole.
"""

import csv
import gzip
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from medrec.core.reconcile.normal import Normal, normal
from medrec.core.reconcile.pairs import PairClass, pair_class
from medrec.core.records.canonical import canonical
from medrec.core.records.reading import Around
from medrec.core.records.table import understand
from medrec.core.records.terms import RXNORM
from medrec.core.records.understood import MedicineDetail
from medrec.node.terminology.shipped import shipped

SEED, PAIRS = 7, 500
Product = dict[str, Any]
INERT = "748794"
_MASS = {"MG": Fraction(1), "MCG": Fraction(1, 1000), "G": Fraction(1000)}
_INJECTED = ("Injection", "Injectable", "Syringe", "Injector", "Cartridge")
_DRUNK = ("Solution", "Suspension", "Liquid", "Syrup", "Elixir", "Drops")


class RxNorm(NamedTuple):
    """Products that can be prescribed today, by code, and the classes of which two at once are a doubling."""

    products: dict[str, Product]
    classes: dict[str, set[str]]

    def said(self, one: Product, other: Product) -> PairClass:
        """How two products stand to each other by RxNorm's own relations."""
        left, right = (set(product["ingredients"]) - {INERT} for product in (one, other))
        if left == right:
            if group(one["dose_form"]) != group(other["dose_form"]):
                return PairClass.OTHER_FORM
            if strengths(one) and strengths(other) and strengths(one) != strengths(other):
                return PairClass.OTHER_DOSE
            same = one.get("brand", "").lower() == other.get("brand", "").lower()
            return PairClass.IDENTICAL if same else PairClass.BRAND_GENERIC
        if left & right:
            return PairClass.PART_OF_COMBINATION
        shared = any(self.classes[code] & self.classes[mate] for code in left for mate in right)
        return PairClass.SAME_CLASS if shared else PairClass.DIFFERENT

    def drawn(self, seed: int, count: int) -> Iterator[tuple[Product, Product]]:
        """Pairs of one drug, of a shared ingredient, of a shared class, of any two, and of a brand and its generic."""
        chance, codes, made = random.Random(seed), sorted(self.products), 0
        found = defaultdict[Any, list[str]](list)
        for code in codes:
            for name in self._names(self.products[code]):
                found[name].append(code)
        while made < count:
            one, kind = self.products[chance.choice(codes)], made % len(KINDS)
            pool = [code for name in self._names(one) if name[0] == KINDS[kind] for code in found[name]]
            pool += codes if KINDS[kind] == "any" else []
            pool += [one["scd"]] if KINDS[kind] == "brand" and one.get("scd") in self.products else []
            others = [code for code in pool if code != one["rxcui"]]
            if others:
                made += 1
                yield one, self.products[chance.choice(others)]

    def _names(self, product: Product) -> Iterator[tuple[str, ...]]:
        """What a product is found by: all its ingredients, each of them, each of their classes."""
        ingredients = sorted(set(product["ingredients"]))
        yield "drug", *ingredients
        for ingredient in ingredients:
            yield "part", ingredient
            yield from (("class", name) for name in sorted(self.classes[ingredient]))


KINDS = ("drug", "part", "class", "any", "brand")


def group(form: str) -> tuple[str, str]:
    """RxNorm's group of a dose form, and how it lets go."""
    release = next((words for words in ("Extended Release", "Delayed Release") if words in form), "")
    if any(word in form for word in ("Tablet", "Capsule", "Lozenge")) and not form.startswith(("Vaginal", "Rectal")):
        return "pill", release
    if any(word in form for word in _INJECTED):
        return "injectable", release
    if form.startswith("Oral ") and any(word in form for word in _DRUNK):
        return "oral liquid", release
    return ("transdermal" if form in ("Transdermal System", "Medicated Patch") else form.split()[0]), release


def strengths(product: Product) -> set[tuple[str, Fraction, str]]:
    """Amount of each ingredient in milligrams, or in what it is counted in, and in how much."""
    found = set()
    for one in product.get("strengths", ()):
        above, _, below = one["unit"].partition("/")
        value, unit = Fraction(one["value"]) * _MASS.get(above, Fraction(1)), "MG" if above in _MASS else above
        if (unit, below) == ("MG", "MG"):
            value, below = value * 1000, "ML"
        found.add((one["ingredient"], value, f"{unit}/{below}"))
    return found


@pytest.fixture(scope="module")
def rxnorm(shared: Path) -> RxNorm:
    folder, products = shared / "data" / "terminology", {}
    with gzip.open(folder / "rxnorm.ndjson.gz", "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            whole = row["tty"] in ("SCD", "SBD") and row.get("dose_form") and row["ingredients"]
            if whole and row["status"] == "current" and "name_kind" not in row:
                products[row["rxcui"]] = row
    classes = defaultdict[str, set[str]](set)
    with gzip.open(folder / "drug_class.csv.gz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["kind"] == "GROUP" and "duplicate" in row["source"]:
                classes[row["ingredient_rxcui"]].add(row["class_code"])
    return RxNorm(products, classes)


def ours(product: Product, coded: bool) -> Normal:
    """A product as a prescription has it, by its code alone or by its name alone."""
    concept = {"coding": [{"system": RXNORM, "code": product["rxcui"]}]} if coded else {"text": product["name"]}
    record = {"resourceType": "MedicationRequest", "id": "a", "status": "active", "intent": "order"}
    form = canonical(json.dumps(record | {"medicationCodeableConcept": concept}).encode())
    detail = understand(form.value, Around(shipped())).detail
    assert isinstance(detail, MedicineDetail)
    return normal(detail, shipped())


@pytest.mark.parametrize(("coded", "floor"), [(True, 0.965), (False, 0.955)])
def test_our_classes_are_those_of_rxnorms_own_relations(rxnorm: RxNorm, coded: bool, floor: float) -> None:
    assert len(rxnorm.products) > 19_000
    total, agreed, differ = Counter[PairClass](), Counter[PairClass](), []
    for one, other in rxnorm.drawn(SEED, PAIRS):
        want, got = rxnorm.said(one, other), pair_class(ours(one, coded), ours(other, coded), shipped())
        total[want] += 1
        agreed[want] += got == want
        if got != want:
            differ.append(f"{want} {got}: {one['name']} | {other['name']}")
    assert sum(total.values()) == PAIRS and agreed.total() >= floor * PAIRS, "\n".join(differ)
    # One drug is never taken for two, nor two for one, where a code says which: the rows of a list are right.
    if coded:
        for kind in (PairClass.PART_OF_COMBINATION, PairClass.SAME_CLASS, PairClass.DIFFERENT, PairClass.BRAND_GENERIC):
            assert agreed[kind] == total[kind] > 30, (kind, differ)


def test_the_reading_can_disagree(rxnorm: RxNorm) -> None:
    """The check is none if the two readings were one."""
    tablet, cream = (
        next(p for p in rxnorm.products.values() if p["dose_form"] == form) for form in ("Oral Tablet", "Topical Cream")
    )
    assert rxnorm.said(tablet, tablet | {"dose_form": "Topical Cream"}) is PairClass.OTHER_FORM
    assert rxnorm.said(tablet, cream) is not PairClass.IDENTICAL
    assert rxnorm.said(tablet, tablet | {"brand": "X"}) is PairClass.BRAND_GENERIC
