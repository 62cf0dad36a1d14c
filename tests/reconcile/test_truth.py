"""The lists against the truth of 1,000 invented people that no rule was tuned on: the frozen test split.

Rules are looked at on the seeds "dev-*" only. The baselines run on the very same records.
"""

import json
import re
from collections import Counter
from datetime import date
from typing import Any

import pytest

from medrec.demo.truth_history import TODAY_MS, Products, history
from medrec.demo.truth_hospitals import chart
from medrec.demo.truth_measure import Measured, measure
from medrec.node.terminology.shipped import shipped
from tests.reconcile.figures import PAGE, tool

TEST_SPLIT = [f"test-{number}" for number in range(1000)]
IDENTITY_FLOOR, TAKEN_FLOOR = 0.97, 0.95


@pytest.fixture(scope="module")
def products() -> Products:
    return Products(shipped().all_drugs())


@pytest.fixture(scope="module")
def measured(products: Products) -> Measured:
    return measure(TEST_SPLIT, products, shipped())


def test_the_floors_hold_on_a_thousand_people(measured: Measured) -> None:
    lists = measured.scores["lists"]
    assert measured.people == 1000 and lists.identity.hit > 100_000 and lists.taken.hit > 2_000
    assert lists.identity.f1 >= IDENTITY_FLOOR
    assert lists.taken.f1 >= TAKEN_FLOOR
    # A wrong merge is the worst error there is: two drugs in one row.
    assert lists.identity.precision >= 0.999


def test_the_task_is_hard_enough_that_simple_ways_fail(measured: Measured) -> None:
    for simple in ("code", "text"):
        score = measured.scores[simple]
        assert score.identity.f1 < 0.8 and score.taken.f1 < 0.9, simple


def test_every_class_of_pairs_occurs_and_is_found(measured: Measured) -> None:
    for kind, count in measured.classes.items():
        assert count.hit + count.missed > 100, kind
        # Other doses are missed where a record says neither a dose nor a strength; nobody can know those.
        assert count.f1 > (0.88 if kind == "other-dose" else 0.96), kind
    for kind in ("identical", "brand-generic", "other-dose"):
        assert measured.told[kind].hit > 10_000 and measured.told[kind].f1 > 0.985, kind


def test_the_page_of_figures_is_what_is_measured(measured: Measured) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page.startswith(tool().page(measured))
    # Another figure would not do.
    assert not page.startswith(tool().page(Measured(people=999)))


def _listed(record: dict[str, Any]) -> list[dict[str, Any]]:
    dosage = record.get("dosage", [])
    return dosage if isinstance(dosage, list) else []


def _refill(order: dict[str, Any], stop: dict[str, Any]) -> bool:
    """Whether an open order is from the month before a stop."""
    end = stop["effectivePeriod"].get("end")
    if order["resourceType"] != "MedicationRequest" or order["status"] != "active" or end is None:
        return False
    days = (date.fromisoformat(end) - date.fromisoformat(order["authoredOn"])).days
    return 0 < days <= 28


def test_the_charts_are_as_untidy_as_promised(products: Products) -> None:
    """Brands, combinations, changes known to one side, retired codes, words alone, copies of copies."""
    seen: Counter[str] = Counter()
    retired = {drug.code for rows in products.retired.values() for drug in rows}
    for number in range(60):
        found = chart(history(f"dev-{number}", products), products)
        seen[f"places {len(found.places)}"] += 1
        for item in found.written:
            record = json.loads(item.raw)
            seen["points at a Medication"] += "medicationReference" in record
            pointed = found.medications.get((item.source, record.get("medicationReference", {}).get("reference", "")))
            concept = json.loads(pointed)["code"] if pointed else record["medicationCodeableConcept"]
            said = " ".join(one.get("text", "") for one in [*record.get("dosageInstruction", []), *_listed(record)])
            seen["fraction in words"] += any(sign in said for sign in ("½", "1/2", "half"))
            seen["comma in words"] += bool(re.search(r"\d,\d", said))
            codes = [coding["code"] for coding in concept.get("coding", [])]
            seen["words alone"] += not codes
            seen["retired"] += any(code in retired for code in codes)
            seen["brand"] += bool(item.brand)
            seen["combination"] += len(item.segment.product.ingredients) > 1
            seen["copy of a copy"] += "copy1" in item.id
            seen[record["status"]] += 1
            gone = item.therapy.end is not None and item.therapy.end < TODAY_MS
            seen["left open"] += record["status"] == "active" and gone
        for one in found.written:
            stopped = json.loads(one.raw)
            if one.type == "MedicationStatement" and stopped["status"] == "stopped":
                seen["stopped after a refill"] += any(
                    other.source == one.source
                    and other.therapy is one.therapy
                    and _refill(json.loads(other.raw), stopped)
                    for other in found.written
                )
    for what in (
        "words alone", "retired", "brand", "combination", "copy of a copy", "not-taken", "left open",
        "points at a Medication", "fraction in words", "comma in words", "stopped after a refill",
    ):  # fmt: skip
        assert seen[what] >= 5, (what, seen)
    assert {f"places {number}" for number in (3, 4, 5)} <= set(seen)


def test_the_same_seed_gives_the_same_chart(products: Products) -> None:
    twice = [chart(history("dev-3", products), products).written for _ in range(2)]
    assert [item.raw for item in twice[0]] == [item.raw for item in twice[1]]
    assert [item.raw for item in chart(history("dev-4", products), products).written] != [i.raw for i in twice[0]]
