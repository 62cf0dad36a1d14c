"""Allergies that stand where no list of allergies looks: among the problems, and in a remark beside "none known"."""

from typing import Any

import pytest

from medrec.core.reconcile.lists import Read
from medrec.core.reconcile.notices import LabelChecker, notices
from medrec.core.reconcile.rows import Conflict
from medrec.node.terminology.shipped import shipped
from tests.reconcile.test_apart import AMOXICILLIN, icd, problem
from tests.reconcile.test_bad_input import order, read


def allergy(text: str, **more: Any) -> dict[str, Any]:
    base = {"resourceType": "AllergyIntolerance", "code": {"text": text}, "recordedDate": "2025-01-01"}
    return base | {"clinicalStatus": {"coding": [{"code": "active"}]}, "id": "allergy"} | more


def warned(found: Read) -> list[str]:
    return [one.rule.value for one in notices(found, shipped(), [LabelChecker()]) if one.rule.value.startswith("aller")]


NKDA = allergy("NKDA", source="south")


@pytest.mark.parametrize(
    "listed",
    [
        problem("", icd("Z88.0")),
        problem("penicillin allergy"),
        problem("PCN allergy", icd("Z88.0")),
        problem("h/o penicillin allergy"),
        problem("Possible allergy to penicillin"),
        problem("Anaphylaxis due to amoxicillin"),
        problem("amoxicillin-induced anaphylaxis"),
        problem("Alergia a la penicilina"),
    ],
)
def test_an_allergy_among_the_problems_warns_and_speaks_against_none_known(listed: dict[str, Any]) -> None:
    found = read(listed, AMOXICILLIN, NKDA)
    [row], [none] = found.problems, found.allergies
    assert len(warned(found)) == 1
    assert Conflict.NONE_KNOWN in row.conflicts and Conflict.NONE_KNOWN in none.conflicts


@pytest.mark.parametrize(
    "listed",
    [
        problem("Allergic rhinitis, on amoxicillin"),
        problem("Seasonal allergies: takes amoxicillin"),
        problem("Mother: penicillin allergy"),
        problem("No penicillin allergy"),
        problem("penicillin allergy", clinical="resolved"),
        problem("penicillin allergy", verificationStatus={"coding": [{"code": "refuted"}]}),
        problem("Otitis media, amoxicillin"),
    ],
)
def test_what_is_no_allergy_of_hers_warns_of_nothing(listed: dict[str, Any]) -> None:
    found = read(listed, AMOXICILLIN, NKDA)
    assert warned(found) == [] and found.allergies[0].conflicts == ()


def test_an_allergy_to_another_drug_or_to_none_that_is_named_is_told_apart() -> None:
    found = read(problem("Allergy status to sulfonamides", icd("Z88.2")), AMOXICILLIN, NKDA)
    assert warned(found) == [] and found.allergies[0].conflicts == (Conflict.NONE_KNOWN,)
    found = read(problem("Allergy to peanuts", icd("Z91.010")), AMOXICILLIN, NKDA)
    assert warned(found) == [] and found.allergies[0].conflicts == ()
    found = read(problem("Allergy to peanuts", icd("Z91.010")), allergy("No known allergies"))
    assert found.allergies[0].conflicts == (Conflict.NONE_KNOWN,)


def test_what_stands_in_both_lists_is_told_once() -> None:
    found = read(problem("penicillin allergy", icd("Z88.0")), allergy("penicillin"), AMOXICILLIN)
    assert warned(found) == ["allergy-to-the-class"] and len(found.problems) == len(found.allergies) == 1


@pytest.mark.parametrize(
    ("remark", "tells"),
    [
        ("penicillin anaphylaxis", True),
        ("Rash with amoxicillin as a child, does not want it", True),
        ("allergic to PCN per her mother", True),
        ("penicillin", True),
        ("tolerates penicillin", False),
        ("denies penicillin allergy", False),
        ("takes amoxicillin", False),
        ("confirmed with the patient", False),
        ("has a rash today, unclear", False),
    ],
)
def test_none_known_with_a_remark_that_tells_of_one_contradicts_itself(remark: str, tells: bool) -> None:
    found = read(allergy("NKDA", note=[{"text": remark}]), AMOXICILLIN)
    [row] = found.allergies
    assert (row.status, row.no_known) == (("unknown", "") if tells else ("active", "medicine"))
    assert (len(warned(found)) == 1) is tells
    assert any("status-conflict" in line.notes for line in row.lines) is tells


def test_its_own_medicine_is_told_with_the_notice() -> None:
    found = read(problem("Anaphylaxis due to lisinopril"), order("lisinopril 10 mg tablet", sig="1 daily"))
    [told] = notices(found, shipped(), [LabelChecker()])
    assert told.sentence == "lisinopril is taken, and an allergy to lisinopril is on the list."
    assert found.problems[0].key in told.rows and found.problems[0].lines[0].manifest in told.evidence


@pytest.mark.parametrize(
    ("event", "medicine"),
    [
        ("Anaphylaxis due to amoxicillin", "amoxicillin 500 mg"),
        ("Anaphylactic reaction to penicillin", "amoxicillin 500 mg"),
        ("Angioedema due to lisinopril", "lisinopril 20 mg"), ("Allergic reaction to codeine", "codeine 30 mg"),
        ("Stevens-Johnson syndrome due to lamotrigine", "lamotrigine 100 mg"), ("HIT", "heparin 5000 units/mL"),
        ("DRESS due to carbamazepine", "carbamazepine 200 mg"), ("HIT type II", "UFH"), ("History of HIT", "Hep-Lock"),
        ("Heparin induced thrombocytopenia", "enoxaparin 40 mg"), ("HITT", "LMWH"),
    ],
)  # fmt: skip
def test_a_reaction_that_is_over_warns_for_what_it_was_to_is_not(event: str, medicine: str) -> None:
    taken = order(medicine, sig="1 daily", authoredOn="2025-10-05")
    for status in ("active", "resolved"):
        found = read(problem(event, clinical=status), taken, NKDA)
        assert len(warned(found)) == 1, status
        assert Conflict.NONE_KNOWN in found.problems[0].conflicts
    for said in ("refuted", "entered-in-error"):
        denied = problem(event, clinical="resolved", verificationStatus={"coding": [{"code": said}]})
        assert warned(read(denied, taken, NKDA)) == [], said


def test_a_reaction_of_a_relative_warns_of_nothing() -> None:
    hers = problem("Mother: anaphylaxis due to amoxicillin", clinical="resolved")
    assert warned(read(hers, order("amoxicillin 500 mg", sig="1 daily", authoredOn="2025-10-05"), NKDA)) == []
