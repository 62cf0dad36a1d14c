"""The emergency card never says that none is known where a problem, or an allergy among the problems, may go on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.node.test_lists import Clinic
from tests.portal.test_summary_missing import allergy, put, read

ACTIVE = {"coding": [{"code": "active"}]}
GOES_ON = "One place says that it goes on, another that it is over."
EPILEPSY = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "G40.909"}], "text": "Epilepsy"}


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(tmp_path)
    yield made
    made.network.close()


def problem(node: Any, name: str, text: str, **more: Any) -> None:
    put(node, "Condition", name, **{"code": {"text": text}, "recordedDate": "2024-01-01"} | more)


def problems(clinic: Clinic) -> str:
    clinic.refresh()
    return read(clinic, "card").partition("Health problems")[2]


def test_a_problem_of_which_nobody_says_whether_it_goes_on_stands_there(clinic: Clinic) -> None:
    problem(clinic.north, "h", "Hemophilia A")
    said = problems(clinic)
    assert "Hemophilia A" in said and "Not certain" in said and "None known here" not in said


def test_what_one_place_calls_over_and_another_does_not_stands_there_in_words_for_a_problem(clinic: Clinic) -> None:
    dates = {"onsetDateTime": "2024-02-01", "abatementDateTime": "2025-01-01"}
    problem(clinic.north, "a", "", code=EPILEPSY, clinicalStatus=ACTIVE, onsetDateTime="2024-01-01")
    problem(clinic.south, "b", "", code=EPILEPSY, clinicalStatus={"coding": [{"code": "resolved"}]}, **dates)
    said = problems(clinic)
    assert "Epilepsy" in said and GOES_ON in said and "None known here" not in said
    assert GOES_ON in read(clinic, "list")


@pytest.mark.parametrize("text", ["Penicillin allergy", "History of penicillin allergy"])
def test_an_allergy_among_the_problems_stands_among_the_allergies(clinic: Clinic, text: str) -> None:
    allergy(clinic.north, "none", "NKDA")
    problem(clinic.south, "a", text, clinicalStatus=ACTIVE)
    clinic.refresh()
    said = read(clinic, "card").partition("Allergies")[2].partition("Medicines")[0]
    assert text in said and "None known here" not in said
    assert "One place says that there is nothing of this kind." in said


def test_what_is_denied_or_over_stands_on_no_card(clinic: Clinic) -> None:
    problem(clinic.north, "a", "No asthma", clinicalStatus=ACTIVE)
    problem(clinic.north, "b", "Gout", clinicalStatus={"coding": [{"code": "resolved"}]})
    said = problems(clinic)
    assert "asthma" not in said and "Gout" not in said
