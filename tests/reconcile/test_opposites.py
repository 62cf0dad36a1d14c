"""What excludes another disease by one word is not believed under its code, is not joined with it and not ended by it;
a row that goes on bears the name of a line that goes on."""

import pytest

from medrec.core.reconcile.rows import Conflict
from medrec.core.records.opposites import has_opposite, opposed
from medrec.core.records.terms import SNOMED
from tests.reconcile.test_apart import icd, over, problem
from tests.reconcile.test_bad_input import read

MARKED = (Conflict.CODE_NAME,)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Hyponatremia", "E87.0"), ("Hypernatremia", "E87.1"), ("Hyperparathyroidism", "E20.9"),
        ("Thrombocytosis", "D69.6"), ("Underweight", "E66.9"), ("Bradycardia", "R00.0"), ("Tachycardia", "R00.1"),
        ("Mitral regurgitation", "I34.2"), ("Aortic stenosis", "I35.1"), ("Basal cell carcinoma", "C43.9"),
        ("Complete heart block", "I44.0"), ("Second degree heart block", "I44.2"),
        ("ESRD", "N18.30"), ("CKD stage 5", "N18.30"), ("CKD stage 2", "N18.6"), ("CKD stage 4", "N18.31"),
    ],
)  # fmt: skip
def test_an_opposite_or_another_stage_under_a_code_is_marked(text: str, code: str) -> None:
    [row] = read(problem(text, icd(code))).problems
    assert (row.status, row.conflicts) == ("unknown", MARKED)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Hyponatremia", "E87.1"), ("Hypernatremia", "E87.0"), ("Bradycardia", "R00.1"), ("Sick sinus", "I49.5"),
        ("Aortic stenosis", "I35.2"), ("Tachy-brady syndrome", "I49.5"), ("Obesity", "E66.9"),
        ("Complete heart block", "I44.2"), ("ESRD", "N18.6"), ("CKD stage 3", "N18.31"), ("CKD stage IIIb", "N18.32"),
        ("CKD stage 5", "N18.5"), ("CKD", "N18.4"), ("Hypoglycemia", "E16.2"),
    ],
)  # fmt: skip
def test_its_own_code_is_not(text: str, code: str) -> None:
    [row] = read(problem(text, icd(code))).problems
    assert row.conflicts == ()


@pytest.mark.parametrize(
    ("goes_on", "ended", "code"),
    [
        ("Hypernatremia", "Hyponatremia", icd("E87.0")), ("Atrial flutter", "Atrial fibrillation", icd("I48.91")),
        ("Hyponatremia", "Hypernatremia", {"system": SNOMED, "code": "99999001"}),
        ("Bradycardia", "Tachycardia", {"system": SNOMED, "code": "99999001"}),
    ],
)  # fmt: skip
def test_the_end_of_one_is_not_that_of_its_opposite(goes_on: str, ended: str, code: dict[str, str]) -> None:
    for records in ((problem(goes_on, code, id="a"), over(ended, code)), (over(ended, code), problem(goes_on, code))):
        found = {row.name: row.status for row in read(*records).problems}
        assert found[goes_on] == "active"


def test_a_row_that_goes_on_bears_the_name_of_a_line_that_does() -> None:
    [row] = read(problem("CKD stage 3a", icd("N18.31"), id="a"), over("CKD stage 4", icd("N18.4"))).problems
    assert (row.name, row.status) == ("CKD stage 3a", "active")


def test_what_says_both_or_none_is_no_opposite() -> None:
    assert opposed("hyponatremia", "hyperosmolality and hypernatremia") and opposed("leukopenia", "leukocytosis")
    for one, other in [
        ("hyponatremia", "hypo-osmolality and hyponatremia"), ("aortic stenosis", "aortic stenosis with insufficiency"),
        ("hypertension", "hyperlipidemia"), ("pulmonary artery stenosis", "pulmonary valve insufficiency"),
        ("mitral stenosis", "aortic"), ("obesity", "hypoventilation"),
    ]:  # fmt: skip
        assert not opposed(one, other) and not opposed(other, one), (one, other)
    assert has_opposite("hyponatremia")
    assert not has_opposite("hyperkalemia or hypokalemia") and not has_opposite("gout")
