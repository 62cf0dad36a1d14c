"""Allergies in the forms that people type: understood, or shown as not understood."""

import pytest

from medrec.core.reconcile.aloud import LOUD
from medrec.core.reconcile.notices import LabelChecker, notices
from medrec.node.terminology.shipped import shipped
from tests.reconcile.test_allergies_in_problems import allergy
from tests.reconcile.test_bad_input import order, read


@pytest.mark.parametrize(
    ("typed", "taken"),
    [
        ("PCN-rash", "amoxicillin 500 mg"), ("amox", "amoxicillin 500 mg"), ("salicylates", "aspirin 81 mg"),
        ("anti-inflammatories", "ibuprofen 400 mg"), ("MSO4", "morphine 15 mg"), ("HMG-CoA", "simvastatin 20 mg"),
        ("codeine-nausea", "codeine 30 mg"),
    ],
)  # fmt: skip
def test_what_people_type_warns(typed: str, taken: str) -> None:
    found = read(allergy(typed), order(taken, sig="1 daily"))
    assert [one.rule.value for one in notices(found, shipped(), [LabelChecker()]) if "aller" in one.rule.value]
    assert not any("name-not-known" in line.notes for line in found.allergies[0].lines)


@pytest.mark.parametrize("typed", ["mycins", "all pain meds", "Quiverz", "N"])
def test_what_nobody_here_knows_says_so(typed: str) -> None:
    [row] = read(allergy(typed)).allergies
    told = [note for line in row.lines for note in line.notes]
    assert row.status == "active" and ("name-not-known" in told or "read-as" in told)
    assert "name-not-known" in LOUD and "read-as" in LOUD


@pytest.mark.parametrize("typed", ["latex", "peanuts", "shellfish", "penicillin", "none", "unknown", "see list", ""])
def test_what_is_known_or_says_nothing_does_not(typed: str) -> None:
    [row] = read(allergy(typed)).allergies
    assert not any("name-not-known" in line.notes for line in row.lines)
