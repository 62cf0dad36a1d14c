"""The lists against invented people whose every word is of a public table: ICD-10-CM, FDA's names, RxNorm.

The half "seen" was looked at when rules were mended, the half "held" was not: other people, other words.
"""

import json
import re
from collections import Counter

import pytest

from medrec.core.records.terms import ICD10CM, UNII
from medrec.demo.truth_history import history
from medrec.demo.truth_hospitals import chart
from medrec.demo.truth_ill_charts import ill_chart
from medrec.demo.truth_ill_measure import LISTS, IllMeasured, measure_ills
from medrec.demo.truth_ills import ALLERGENS, ILLNESSES, ills
from medrec.demo.truth_measure import Measured, measure
from medrec.demo.truth_plans import PLANS
from medrec.demo.truth_public import PublicWords, fresh_allergens, public_words
from medrec.node.terminology.shipped import shipped
from tests.reconcile.figures import PAGE, tool

HALVES = ("seen", "held")


@pytest.fixture(scope="module")
def halves() -> dict[str, PublicWords]:
    return {"seen": public_words("seen", shipped()), "held": public_words("held", shipped())}


def test_the_halves_share_no_word_with_each_other_or_with_the_first_variety(halves: dict[str, PublicWords]) -> None:
    seen, held = (halves[half] for half in HALVES)
    for one in (seen, held):
        assert len(one.plans) > 300 and len(one.words.illnesses) > 200 and len(one.words.allergens) > 200
    assert not {ill.id for ill in seen.words.illnesses} & {ill.id for ill in held.words.illnesses}
    assert not {plan.ingredients for plan in seen.plans} & {plan.ingredients for plan in held.plans}
    assert not {one.id for one in seen.words.allergens} & {one.id for one in held.words.allergens}
    first = {name for plan in PLANS for name in plan.ingredients}
    assert not first & {name for one in (seen, held) for plan in one.plans for name in plan.ingredients}
    assert (
        len({ill.name for ill in ILLNESSES} & {ill.name for half in (seen, held) for ill in half.words.illnesses}) < 3
    )
    assert len({one.id for one in ALLERGENS} & {one.id for half in (seen, held) for one in half.words.allergens}) < 20


def test_records_are_written_in_words_of_the_tables(halves: dict[str, PublicWords]) -> None:
    """Titles, inclusion terms and short titles of diseases; UNII codes, salts and FDA's names of medicines; brands."""
    words, seen = halves["seen"], Counter[str]()
    titles = {name.lower() for ill in words.words.illnesses for name in ill.titles or (ill.name,)}
    terms = {name.lower() for ill in words.words.illnesses for name in ill.typed} - titles
    for number in range(80):
        for note in ill_chart(ills(f"seen-{number}", words.words), words.products, shipped()).noted:
            code = json.loads(note.raw)["code"]
            text = code.get("text", "").lower()
            seen["title"] += text in titles
            seen["term"] += text in terms
            seen["coded"] += any(coding["system"] == ICD10CM for coding in code.get("coding", ()))
            seen["words alone"] += "coding" not in code
            seen["abbreviated"] += bool(re.search(r"\s(?:w|w/o|unsp|oth|dis|d/t|assoc)\s", text))
        found = chart(history(f"seen-{number}", words.products, words.plans), words.products)
        for item in found.written:
            seen["brand"] += bool(item.brand)
            seen["UNII"] += UNII in item.raw.decode()
    for what in ("title", "term", "coded", "words alone", "brand", "UNII"):
        assert seen[what] >= 20, (what, seen)
    assert seen["abbreviated"] >= 3, seen


Figures = tuple[Measured, IllMeasured]


@pytest.fixture(scope="module")
def held(halves: dict[str, PublicWords]) -> Figures:
    words, people = halves["held"], [f"held-{number}" for number in range(300)]
    medicines = measure(people, words.products, shipped(), words.plans)
    return medicines, measure_ills(people, words.products, shipped(), words=words.words)


def test_the_floors_hold_on_words_that_nobody_looked_at(held: Figures) -> None:
    medicines, ill = held
    lists = medicines.scores["lists"]
    assert lists.identity.f1 >= 0.97 and lists.taken.f1 >= 0.95 and lists.identity.precision >= 0.999
    for name in LISTS:
        mine = ill.scores[name]["lists"]
        assert mine.identity.f1 >= 0.97 and mine.today.f1 >= 0.95, name
        for simple in ("code", "text"):
            assert ill.scores[name][simple].identity.f1 < 0.85 < mine.identity.f1, (name, simple)
    for simple in ("code", "text"):
        score = medicines.scores[simple]
        assert score.identity.f1 < 0.8 and score.taken.f1 < lists.taken.f1, simple


def test_the_page_has_these_figures(held: Figures) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page.endswith(tool().public_page(*held))
    assert not page.endswith(tool().public_page(held[0], IllMeasured()))


def test_the_allergies_that_nobody_had_looked_at_stay_as_they_were_first_measured(
    halves: dict[str, PublicWords],
) -> None:
    """Frozen: where the figures change, rules have, and the page has to say which."""
    fresh = fresh_allergens(shipped())
    had = {one.id for half in halves.values() for one in half.words.allergens} | {one.id for one in ALLERGENS}
    assert len(fresh.allergens) > 800 and not had & {one.id for one in fresh.allergens}
    found, allergens = tool().measure_fresh(shipped())
    assert allergens == len(fresh.allergens) and found.records["allergies"] > 1000
    assert tool().fresh_page(found, allergens) in PAGE.read_text(encoding="utf-8")


def test_the_same_seed_gives_the_same_records(halves: dict[str, PublicWords]) -> None:
    words = halves["held"]
    one, same, other = (
        ill_chart(ills(f"held-{seed}", words.words), words.products, shipped()).noted for seed in (3, 3, 4)
    )
    assert [note.raw for note in one] == [note.raw for note in same] != [note.raw for note in other]
