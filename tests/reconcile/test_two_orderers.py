"""Two orders of one medicine: one regimen in two lines, one order told twice, or two boxes at home."""

from typing import Any

import pytest

from medrec.core.reconcile.notices import NoticeRule
from medrec.core.reconcile.rows import Conflict
from tests.reconcile.test_bad_input import read
from tests.reconcile.test_more_orders import found, of, taken

SMITH: dict[str, Any]
JONES: dict[str, Any]
SMITH, JONES = {"requester": {"display": "Dr. Jane Smith"}}, {"requester": {"display": "Bob Jones MD"}}
DRUG, BEFORE = "metformin 500 mg tablet", "2025-09-15"
ONE_FORM: dict[str, Any] = {"groupIdentifier": {"system": "https://south.example/rx", "value": "77"}}


def filled(place: str, when: str, days: str = "30", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationDispense", "id": f"{place}-{when}", "source": place, "status": "completed",
        "medicationCodeableConcept": {"text": DRUG}, "whenHandedOver": when,
        "daysSupply": {"value": int(days), "unit": "days"},
    } | more  # fmt: skip


def split(**more: Any) -> list[dict[str, Any]]:
    return [
        of("south", "metformin 500 mg tablet", "1 tab in the morning", **more),
        of("south", "metformin 1000 mg tablet", "1 tab in the evening", **more),
    ]


def test_the_same_order_of_two_prescribers_is_told_of_softly() -> None:
    said = found(of("north", DRUG, **SMITH), of("south", DRUG, when=BEFORE, **JONES))
    assert list(said) == [NoticeRule.ORDERED_BY_TWO]
    assert "Bob Jones MD and Dr. Jane Smith" in said[NoticeRule.ORDERED_BY_TWO]
    # An id is of its place alone.
    pointing: dict[str, Any] = {"requester": {"reference": "Practitioner/1"}}
    ids = [of("north", DRUG, **pointing), of("south", DRUG, when=BEFORE, **pointing)]
    assert "north and south" in found(*ids)[NoticeRule.ORDERED_BY_TWO]


@pytest.mark.parametrize(
    "other",
    [
        of("south", DRUG, when=BEFORE, **SMITH),
        of("south", DRUG, when=BEFORE, requester={"display": "Smith, Jane MD"}),
        of("south", DRUG, when=BEFORE, requester={"display": "Smith"}),
        of("south", DRUG, when=BEFORE),
        of("south", DRUG, when=BEFORE, reportedBoolean=True, **JONES),
        of("south", DRUG, when=BEFORE, status="completed", **JONES),
        of("north", DRUG, when="2025-09-20", **JONES),
        taken("south", DRUG, informationSource={"display": "Bob Jones MD"}),
    ],
)
def test_what_may_be_of_one_prescriber_is_not_told_of(other: dict[str, Any]) -> None:
    assert found(of("north", DRUG, **SMITH), other) == {}


def test_the_prescriber_of_the_newest_order_in_force_is_named() -> None:
    former = of("south", DRUG, when="2025-08-01", requester={"display": "Dr. Zoe Former"})
    said = found(of("north", DRUG, **SMITH), former, of("south", DRUG, when=BEFORE, **JONES))
    assert "Bob Jones MD and Dr. Jane Smith" in said[NoticeRule.ORDERED_BY_TWO]
    # Whoever has an order at both is one who may have told both; an order that was stopped names nobody.
    both = of("south", DRUG, when="2025-08-01", **SMITH)
    assert found(of("north", DRUG, **SMITH), both, of("south", DRUG, when=BEFORE, **JONES)) == {}
    assert NoticeRule.ORDERED_BY_TWO in found(
        of("north", DRUG, **SMITH), both | {"status": "completed"}, of("south", DRUG, when=BEFORE, **JONES)
    )


def test_a_copy_of_an_order_is_not_told_of() -> None:
    one = of("north", DRUG, **SMITH)
    assert found(one, one | {"id": "c", "source": "south", "requester": {"display": "Bob Jones MD"}}) == {}


@pytest.mark.parametrize(
    ("fills", "rule"),
    [
        ([("north", "2025-09-20")], NoticeRule.ORDERED_BY_TWO),
        ([("north", "2025-09-20"), ("south", "2025-09-25")], NoticeRule.SAME_DRUG),
        # Two places tell of one fill; it was filled when most of it was used up; both are used up.
        ([("north", "2025-09-20"), ("south", "2025-09-20")], NoticeRule.ORDERED_BY_TWO),
        ([("north", "2025-09-01"), ("south", "2025-09-25")], NoticeRule.ORDERED_BY_TWO),
        ([("north", "2025-06-20"), ("south", "2025-06-25")], NoticeRule.ORDERED_BY_TWO),
    ],
)
def test_the_fills_say_whether_there_are_two(fills: list[tuple[str, str]], rule: NoticeRule) -> None:
    orders = [of("north", DRUG, **SMITH), of("south", DRUG, when=BEFORE, **JONES)]
    said = found(*orders, *(filled(*fill) for fill in fills))
    assert list(said) == [rule]


def test_fills_of_one_prescriber_are_no_double() -> None:
    assert found(of("north", DRUG, **SMITH), filled("north", "2025-09-20"), filled("south", "2025-09-25")) == {}


@pytest.mark.parametrize("more", [SMITH, ONE_FORM, {}, ONE_FORM | SMITH])
def test_a_regimen_of_two_orders_is_no_double_and_counts_as_a_whole(more: dict[str, Any]) -> None:
    assert found(*split(**more)) == {}
    (row,) = read(*split(**more)).medicines
    assert row.per_day == "1500 mg" and [amount.text for _, amount in row.daily] == ["1500 mg"]
    assert "metformin 500 mg tablet: 1 tab in the morning" in row.directions
    assert "metformin 1000 mg tablet: 1 tab in the evening" in row.directions


def test_a_regimen_counts_against_the_label() -> None:
    evening = of("south", "acetaminophen 500 mg tablet", "8 tabs at bedtime")
    morning = of("south", "acetaminophen 500 mg tablet", "8 tabs in the morning") | {"id": "m"}
    assert "come to 8000 mg a day" in found(evening, morning)[NoticeRule.DOSE]
    assert NoticeRule.SAME_DRUG not in found(evening, morning)


def test_equal_halves_are_no_renewal_and_days_of_the_week_are_halves_too() -> None:
    halves = [of("south", DRUG, sig) | {"id": sig} for sig in ("1 tab in the morning", "1 tab in the evening")]
    assert read(*halves).medicines[0].per_day == "1000 mg" and found(*halves) == {}
    week = [
        of("south", "warfarin 5 mg tablet", "1 tab Mon/Wed/Fri"),
        of("south", "warfarin 2.5 mg tablet", "1 tab Tue/Thu/Sat/Sun"),
    ]
    assert found(*week) == {}
    coded = [
        of("south", text, "1 tab", dosageInstruction=[
            {"doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}],
             "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d", "when": [when]}}}])
        for text, when in ((DRUG, "MORN"), ("metformin 1000 mg tablet", "PCV"))
    ]  # fmt: skip
    assert found(*coded) == {} and read(*coded).medicines[0].per_day == "1500 mg"


@pytest.mark.parametrize(
    "other",
    [
        of("south", "metformin 1000 mg tablet", "1 tab in the morning", **SMITH),
        of("south", "metformin 1000 mg tablet", "1 tab daily", **SMITH),
        of("south", "metformin 1000 mg tablet", "1 tab in the evening", **JONES),
        of("south", "metformin 1000 mg tablet", "1 tab in the evening", "2025-09-20", **SMITH),
        of("south", "metformin 1000 mg oral solution", "1000 mg in the evening", **SMITH),
    ],
)
def test_what_is_no_half_of_it_stays_a_double(other: dict[str, Any]) -> None:
    assert NoticeRule.SAME_DRUG in found(of("south", DRUG, "1 tab in the morning", **SMITH), other)


def test_another_place_that_knows_the_whole_of_a_regimen_disagrees_with_nobody() -> None:
    elsewhere = of("north", "metformin 500 mg tablet", "1 tab in the morning and 2 tabs in the evening", **SMITH)
    (row,) = read(*split(**SMITH), elsewhere).medicines
    assert Conflict.DOSE not in row.conflicts
    assert NoticeRule.SAME_DRUG not in found(*split(**SMITH), elsewhere)
    (row,) = read(*split(**SMITH), of("north", "metformin 500 mg tablet", "1 tab daily")).medicines
    assert Conflict.DOSE in row.conflicts
