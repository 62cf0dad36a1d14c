"""More than one order of a medicine in force within one row: noticed, and added up; a renewal is neither."""

from typing import Any

import pytest

from medrec.core.reconcile.notices import LabelChecker, NoticeRule, notices
from medrec.node.terminology.shipped import shipped
from tests.reconcile.test_apart import allergy
from tests.reconcile.test_bad_input import order, read

# Lists are read on 9 October 2025.
LATELY, MONTH_AGO = "2025-10-01", "2025-09-05"


def found(*records: dict[str, Any]) -> dict[NoticeRule, str]:
    return {one.rule: one.sentence for one in notices(read(*records), shipped(), [LabelChecker()])}


def of(place: str, text: str, sig: str = "1 tab daily", when: str = LATELY, **more: Any) -> dict[str, Any]:
    return order(text, sig=sig, id=f"{place}-{text}-{when}", source=place, authoredOn=when, **more)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Zestril 20 mg tablet", "lisinopril 20 mg tablet"),
        ("lisinopril 10 mg tablet", "lisinopril 20 mg tablet"),
        ("metoprolol succinate 50 mg ER tablet", "metoprolol tartrate 25 mg tablet"),
        ("fentanyl 25 mcg/hr patch", "fentanyl 200 mcg lozenge"),
        ("Percocet 5-325 tablet", "Endocet 5-325 tablet"),
    ],
)
def test_two_orders_of_one_place_are_the_same_drug_twice(one: str, other: str) -> None:
    rows = read(of("south", one), of("south", other))
    assert len(rows.medicines) == 1
    said = found(of("south", one), of("south", other))[NoticeRule.SAME_DRUG]
    assert one in said and other in said


def test_a_brand_here_and_another_name_there_may_be_two_boxes() -> None:
    said = found(of("north", "Tylenol 500 mg tablet"), of("south", "acetaminophen 500 mg tablet"))
    assert "Tylenol 500 mg tablet and acetaminophen 500 mg tablet" in said[NoticeRule.SAME_DRUG]


def test_a_renewal_and_the_same_order_told_by_two_places_are_no_double() -> None:
    again = [of("south", "lisinopril 20 mg tablet", when=when) for when in ("2025-02-01", LATELY)]
    assert found(*again) == {}
    assert found(of("north", "lisinopril 20 mg tablet"), of("south", "lisinopril 20 mg tablet")) == {}
    stopped = of("south", "lisinopril 10 mg tablet", when="2025-02-01", status="stopped")
    assert found(stopped, of("south", "lisinopril 20 mg tablet")) == {}


def test_the_orders_of_one_place_are_added_up_against_the_label() -> None:
    two = [
        of("south", "acetaminophen 500 mg tablet", "2 tabs q6h"),
        of("south", "acetaminophen 325 mg tablet", "2 tabs q4h"),
    ]
    assert "come to 7900 mg a day" in found(*two)[NoticeRule.DOSE]
    assert NoticeRule.DOSE not in found(two[0]) and NoticeRule.DOSE not in found(two[1])
    # Two places that each know of one are not added up: it may be the same.
    apart = [two[0], two[1] | {"source": "north"}]
    assert NoticeRule.DOSE not in found(*apart)


def taken(place: str, text: str, sig: str = "1 tab daily", when: str = LATELY, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationStatement", "id": f"{place}-said-{text}", "source": place, "status": "active",
        "medicationCodeableConcept": {"text": text}, "dosage": [{"text": sig}], "dateAsserted": when,
    } | more  # fmt: skip


@pytest.mark.parametrize("place", ["south", "north"])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Zestril 20 mg tablet", "lisinopril 20 mg tablet"),
        ("lisinopril 10 mg tablet", "lisinopril 20 mg tablet"),
        ("metoprolol succinate 50 mg ER tablet", "metoprolol tartrate 25 mg tablet"),
        ("Percocet 5-325 tablet", "acetaminophen 500 mg tablet"),
    ],
)
def test_what_is_said_to_be_taken_is_the_same_drug_twice(one: str, other: str, place: str) -> None:
    assert NoticeRule.SAME_DRUG in found(of("south", one), taken(place, other))
    assert NoticeRule.SAME_DRUG in found(taken("south", one), taken(place, other))
    for status in ("completed", "entered-in-error", "not-taken", "intended"):
        assert NoticeRule.SAME_DRUG not in found(of("south", one), taken(place, other, status=status))


def test_what_is_said_to_be_taken_is_the_same_class_twice() -> None:
    said = found(of("south", "lisinopril 10 mg tablet"), taken("north", "enalapril 5 mg tablet"))
    assert "ACE inhibitors" in said[NoticeRule.SAME_CLASS]


@pytest.mark.parametrize("place", ["south", "north"])
@pytest.mark.parametrize("said", [("lisinopril 20 mg tablet", "1 tab daily"), ("lisinopril", ""), ("lisinopril", "qd")])
def test_a_statement_that_says_an_order_again_is_no_double(place: str, said: tuple[str, str]) -> None:
    assert found(of("south", "lisinopril 20 mg tablet"), taken(place, *said)) == {}
    # An order that only reports what somebody takes is such a statement.
    reported = of("south", "lisinopril 20 mg tablet", when="2025-09-20", reportedBoolean=True)
    assert found(of("south", "lisinopril 20 mg tablet"), reported) == {}


def test_a_statement_of_the_whole_of_two_orders_is_a_third_of_nothing() -> None:
    two = [of("south", "lisinopril 10 mg tablet"), of("south", "lisinopril 20 mg tablet")]
    (before,) = read(*two).medicines
    (row,) = read(*two, taken("south", "lisinopril 30 mg tablet")).medicines
    assert row.doubled == before.doubled and row.daily == before.daily


@pytest.mark.parametrize("place", ["south", "north"])
def test_what_is_said_to_be_taken_counts_in_the_sum(place: str) -> None:
    ordered = of("south", "acetaminophen 500 mg tablet", "2 tabs q6h")
    said = taken(place, "acetaminophen 325 mg tablet", "2 tabs q4h")
    assert "come to 7900 mg a day" in found(ordered, said)[NoticeRule.DOSE]
    assert NoticeRule.DOSE not in found(ordered, taken(place, "acetaminophen 500 mg tablet", "2 tabs q6h"))
    assert NoticeRule.DOSE not in found(ordered, taken(place, "acetaminophen", ""))
    # Another product that holds it, too.
    both = found(ordered, taken(place, "oxycodone-acetaminophen 5-325 mg tablet", "2 tabs q6h"))
    assert "come to 6600 mg a day" in both[NoticeRule.DOSE]


@pytest.mark.parametrize(
    "said",
    [
        {"dispenseRequest": {"numberOfRepeatsAllowed": 11}},
        {"dispenseRequest": {"validityPeriod": {"start": MONTH_AGO, "end": "2026-09-01"}}},
        {"courseOfTherapyType": {"coding": [{"code": "continuous"}]}},
    ],
)
@pytest.mark.parametrize("text", ["penicillin V potassium 250 mg tablet", "doxycycline 100 mg capsule"])
def test_a_class_that_is_given_for_days_does_not_overrule_what_the_order_says(text: str, said: dict[str, Any]) -> None:
    """Penicillin after rheumatic fever, doxycycline for acne: years."""
    (row,) = read(of("south", text, when=MONTH_AGO, **said)).medicines
    assert row.status == "active"
    (row,) = read(of("south", text, when=MONTH_AGO)).medicines
    assert row.status == "unknown" and "short-course" in row.rules


def test_a_fill_within_the_month_keeps_a_short_course() -> None:
    fill = {
        "resourceType": "MedicationDispense", "id": "f", "source": "south", "status": "completed",
        "medicationCodeableConcept": {"text": "amoxicillin 500 mg capsule"}, "whenHandedOver": "2025-10-07",
    }  # fmt: skip
    drug = of("south", "amoxicillin 500 mg capsule", when=MONTH_AGO)
    assert read(drug, fill).medicines[0].status == "active"
    assert read(drug, fill | {"whenHandedOver": "2025-09-06"}).medicines[0].status == "unknown"


def test_an_allergy_stands_against_what_may_be_taken_and_against_a_fill() -> None:
    fill = {
        "resourceType": "MedicationDispense", "id": "f", "source": "south", "status": "completed",
        "medicationCodeableConcept": {"text": "amoxicillin 500 mg capsule"}, "whenHandedOver": "2025-10-07",
    }  # fmt: skip
    perhaps = [
        fill,
        of("south", "amoxicillin 500 mg capsule", when=MONTH_AGO),
        of("south", "amoxicillin", status="draft"),
    ]
    for drug in perhaps:
        assert NoticeRule.ALLERGY_CLASS in found(allergy("penicillin"), drug)
    said = found(allergy("amoxicillin"), fill)[NoticeRule.ALLERGY]
    assert said == "amoxicillin is on the list, and an allergy to amoxicillin is, too."
    # What was stopped, or filled years ago, is history: an allergy often has it for its reason.
    assert found(allergy("penicillin"), of("south", "amoxicillin", status="stopped")) == {}
    assert found(allergy("penicillin"), fill | {"whenHandedOver": "2019-10-07"}) == {}
