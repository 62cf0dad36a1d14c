"""The second variety of the truth: diseases, allergens, medicines and what they are called, from public tables alone.

public_names.json holds titles, short titles and inclusion terms of ICD-10-CM and FDA's names of substances, chosen by
form and by a hash (tools/build_public_names.py); products, brands and salts are those of RxNorm. Nobody of the project
chose a word. One half of the diseases, foods and medicines, by a hash of their codes, was looked at when rules were
mended ("seen"); the other ("held") was not, neither the people nor the words. The allergens of neither half are a third
part ("fresh"), frozen on 27 November 2026 and measured once before anything was looked at.
"""

import functools
import hashlib
import random
import re
from importlib import resources
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from medrec.core.records.terms import Table
from medrec.demo.truth_history import Products
from medrec.demo.truth_ills import OWN, Allergen, Illness, Vocabulary
from medrec.demo.truth_plans import PLANS, Manner, Plan

Half: TypeAlias = Literal["seen", "held"]
_FORMS = ("oral tablet", "oral capsule", "extended release oral tablet", "topical cream", "ophthalmic solution")
_FEW = 3
_USUAL = 3
"""How much oftener the plain name is typed than each of the others."""


class _Public(msgspec.Struct):
    illnesses: list[tuple[str, str, list[str], list[str], bool]]
    drugs: dict[str, list[str]]
    allergens: list[list[str]]


class PublicWords(NamedTuple):
    """What a half is written with: plans of treatment, products with their names, problems and allergens."""

    plans: tuple[Plan, ...]
    products: Products
    words: Vocabulary


@functools.cache
def _public() -> _Public:
    return msgspec.json.decode(resources.files("medrec.demo").joinpath("public_names.json").read_bytes(), type=_Public)


def half_of(name: str) -> Half:
    """The half that a code is of."""
    return "seen" if hashlib.sha256(f"half {name}".encode()).digest()[0] % 2 else "held"


def public_words(half: Half, terms: Table) -> PublicWords:
    """All that a half is written with."""
    public, products = _public(), Products(terms.all_drugs())
    salts: dict[str, list[str]] = {}
    for drug in terms.all_drugs():
        if drug.kind == "PIN":
            salts.setdefault(drug.ingredients[0], []).append(drug.name)
    for code, name in products.names.items():
        unii, *others = public.drugs.get(code, [""])
        names = (*[name] * _USUAL, *sorted(salts.get(code, []))[:2], *others[:2])
        products.typed[name] = names
        if unii:
            products.unii[code] = unii
    illnesses = tuple(_illness(*row) for row in public.illnesses if half_of(row[0]) == half)
    return PublicWords(_plans(half, products), products, Vocabulary(illnesses, _allergens(half, products, terms)))


def _illness(code: str, title: str, others: list[str], titles: list[str], passing: bool) -> Illness:
    typed = (*[title] * _USUAL, *others)
    return Illness(code, code, "", title, typed, bool(titles), passing, ("", title.lower()), False, tuple(titles))


def _plans(half: Half, products: Products) -> tuple[Plan, ...]:
    """A plan for every medicine of one or two ingredients and weights, that the first variety does not have."""
    had = {name for plan in PLANS for name in plan.ingredients}
    found = []
    for (ingredients, form), rows in sorted(products.generic.items()):
        names = tuple(sorted(products.names[code] for code in ingredients))
        values = sorted({strength.value for row in rows for strength in row.strengths[:1] if strength.unit == "mg"})
        written = next((row.form for row in rows), "")
        if form not in _FORMS or len(names) > 2 or had & set(names) or not values or half_of(" ".join(names)) != half:
            continue
        dice = random.Random(f"plan {names} {form}")  # noqa: S311 (invented people, not secrets)
        manner: Manner = dice.choice(("chronic", "chronic", "chronic", "course", "needed"))
        found.append(Plan(names, written, manner, tuple(values[:_FEW]), 1, dice.choice((1, 1, 2)), "what it is for"))
    return tuple(found)


def _allergens(half: Half, products: Products, terms: Table) -> tuple[Allergen, ...]:
    """Medicines with a class of FDA's or without one, and foods."""
    found = []
    for name, names in sorted(products.typed.items()):
        code = products.codes[name.lower()]
        classes = [entry.name for entry in terms.classes(code) if entry.kind == "EPC" and "[" not in entry.name]
        if code in products.unii and half_of(name) == half and _plain(name) and len(classes) < 2:
            found.append(Allergen(name, names, True, tuple(classes)))
    for _, name, *others in _public().allergens:
        if half_of(name) == half and name not in products.codes:
            found.append(Allergen(name, (*[name] * _USUAL, *others), False))
    return tuple(found)


def fresh_allergens(terms: Table) -> Vocabulary:
    """What no half and no other split has: medicines and extracts that have a class of FDA's, or several, by RxNorm's
    names, salts and brands."""
    seen, held = public_words("seen", terms), public_words("held", terms)
    products, had = held.products, {one.id for half in (seen.words, held.words, OWN) for one in half.allergens}
    others: dict[str, list[str]] = {}
    for drug in terms.all_drugs():
        if drug.kind in ("PIN", "BN") and len(drug.ingredients) == 1:
            others.setdefault(drug.ingredients[0], []).append(drug.name)
    found = []
    for code, name in sorted(products.names.items(), key=lambda pair: pair[1]):
        classes = [entry.name for entry in terms.classes(code) if entry.kind == "EPC" and "[" not in entry.name]
        if name not in had and classes and _plain(name):
            found.append(Allergen(name, (*[name] * _USUAL, *sorted(others.get(code, []))[:3]), True, tuple(classes)))
    return Vocabulary(held.words.illnesses, tuple(found))


def _plain(name: str) -> bool:
    return re.fullmatch(r"[a-z][a-z -]{3,30}", name) is not None
