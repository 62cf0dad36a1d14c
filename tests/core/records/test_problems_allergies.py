"""Problems and allergies: status, sides, history, the statement that there is none, and dates that cannot be."""

import pytest
from tests.core.records.pharmacy import coded, reads

from medrec.core.records.dates import clinical_date
from medrec.core.records.reading import Around
from medrec.core.records.table import understand
from medrec.core.records.terms import ICD10CM, RXNORM, SNOMED
from medrec.core.records.understood import AllergyDetail, NoteCode, ProblemDetail, Understood
from medrec.node.terminology.shipped import shipped


def problem(code: dict[str, object], clinical: str = "active", **more: object) -> Understood:
    record = {"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p"}, "code": code}
    return reads(record | ({"clinicalStatus": coded("x", clinical)} if clinical else {}) | more)


def allergy(code: dict[str, object], **more: object) -> Understood:
    record = {"resourceType": "AllergyIntolerance", "id": "a", "patient": {"reference": "Patient/p"}, "code": code}
    return reads(record | {"clinicalStatus": coded("x", "active")} | more)


def codes(found: Understood) -> set[NoteCode]:
    return {note.code for note in found.notes}


def of_problem(found: Understood) -> ProblemDetail:
    assert isinstance(found.detail, ProblemDetail)
    return found.detail


def of_allergy(found: Understood) -> AllergyDetail:
    assert isinstance(found.detail, AllergyDetail)
    return found.detail


def test_codes_of_one_category_are_one_problem() -> None:
    one, other = problem(coded(ICD10CM, "E11.9", "Diabetes")), problem(coded(ICD10CM, "E11.65", "Diabetes, high"))
    assert one.key == other.key == "problem/icd10cm|E11/-/present"


@pytest.mark.parametrize(
    ("words", "side"),
    [("Cataract, left eye", "left"), ("Knee pain (R) right", "right"), ("Bilateral hearing loss", "bilateral"),
     ("Glaucoma OD", "right"), ("Left ventricular failure", ""), ("Hypertension", ""), ("Overdose OD", "")],
)  # fmt: skip
def test_the_side_is_kept(words: str, side: str) -> None:
    assert of_problem(problem({"text": words})).laterality == side


def test_left_and_right_never_have_one_key() -> None:
    left = problem(coded(SNOMED, "57676002", "Joint pain"), bodySite=[coded(SNOMED, "7771000", "Left")])
    right = problem(coded(SNOMED, "57676002", "Joint pain"), bodySite=[coded(SNOMED, "24028007", "Right")])
    assert left.key != right.key


@pytest.mark.parametrize("words", ["History of stroke", "h/o MI", "s/p appendectomy", "Family history of cancer"])
def test_the_past_is_no_present_problem(words: str) -> None:
    found = problem({"text": words})
    assert of_problem(found).history and found.key.endswith("/family" if "Family" in words else "/history")
    assert not of_problem(problem({"text": "Stroke"})).history


@pytest.mark.parametrize(
    ("clinical", "more", "status"),
    [
        ("active", {}, "active"),
        ("relapse", {}, "active"),
        ("resolved", {}, "stopped"),
        ("", {}, "unknown"),
        ("", {"abatementDateTime": "2020"}, "stopped"),
        ("active", {"abatementDateTime": "2020"}, "unknown"),
        ("active", {"verificationStatus": coded("x", "refuted")}, "stopped"),
        ("active", {"verificationStatus": coded("x", "entered-in-error")}, "stopped"),
        ("perhaps", {}, "unknown"),
    ],
)
def test_status_of_a_problem(clinical: str, more: dict[str, object], status: str) -> None:
    assert problem({"text": "Asthma"}, clinical, **more).status == status


def test_an_onset_before_birth_is_marked_and_kept() -> None:
    record = {"resourceType": "Condition", "code": {"text": "Asthma"}, "onsetDateTime": "1948-05-01"}
    found = reads(record, birth=clinical_date("1950-01-01"))
    assert NoteCode.BEFORE_BIRTH in codes(found) and found.when is not None and found.when.text == "1948-05-01"
    same_year = reads(record | {"onsetDateTime": "1950"}, birth=clinical_date("1950-06-01"))
    assert NoteCode.BEFORE_BIRTH not in codes(same_year)


def test_partial_onsets_are_kept_as_written() -> None:
    found = problem({"text": "Asthma"}, onsetDateTime="2012-03")
    assert found.when is not None and found.when.precision == "month" and "Mar 2012" in found.plain
    crossed = problem({"text": "Asthma"}, "resolved", onsetDateTime="2015", abatementDateTime="2012")
    assert NoteCode.DATES_CROSSED in codes(crossed)


@pytest.mark.parametrize(
    ("code", "of"),
    [
        ({"text": "None"}, "any"),
        ({"text": "NKDA"}, "medicine"),
        ({"text": "No known allergies"}, "any"),
        ({"text": "no known food allergies"}, "food"),
        ({"text": "denies allergies"}, "any"),
        (coded(SNOMED, "716186003"), "any"),
        (coded(SNOMED, "409137002"), "medicine"),
        ({"text": "Nonesuch pollen"}, ""),
        ({"text": "Nickel"}, ""),
    ],
)
def test_an_allergy_to_none_is_no_allergy(code: dict[str, object], of: str) -> None:
    found = allergy(code)
    assert of_allergy(found).no_known == of
    assert found.key.startswith("allergy/none/") == bool(of)


@pytest.mark.parametrize(
    "code",
    [coded(RXNORM, "1191"), {"text": "Aspirin"}, {"text": "Allergy to aspirin (disorder)"}, {"text": "ASA"}],
    ids=str,
)
def test_a_substance_by_any_name(code: dict[str, object]) -> None:
    assert of_allergy(allergy(code)).ingredients == ("1191",)


def test_an_allergy_to_a_class_is_to_the_class() -> None:
    found = of_allergy(allergy({"text": "Penicillin allergy"}))
    assert found.classes == ("XG:penicillins",) and found.ingredients == ()
    assert of_allergy(allergy(coded(RXNORM, "7980"))).ingredients == ("7980",)


def test_reactions_risk_and_refutation_are_kept() -> None:
    reaction = [{"manifestation": [{"text": "Hives"}, {"text": "Swelling"}], "severity": "severe"}]
    found = allergy({"text": "aspirin"}, reaction=reaction, criticality="high")
    assert "Hives" in found.plain and "high risk" in found.plain
    refuted = allergy({"text": "aspirin"}, verificationStatus=coded("x", "refuted"))
    assert refuted.status == "stopped" and of_allergy(refuted).refuted and "refuted" in refuted.plain


def _note(words: str) -> list[dict[str, str]]:
    return [{"text": words}]


@pytest.mark.parametrize(
    "words", ["resolved 2019", "Asthma resolved", "RESOLVED", "seen today; has been resolved since 2019", "ruled out",
              "no longer active", "entered in error", "in remission", "resuelta"]
)  # fmt: skip
def test_a_remark_that_a_problem_is_over_makes_it_unknown(words: str) -> None:
    found = problem({"text": "Asthma"}, note=_note(words))
    assert found.status == "unknown" and {NoteCode.STATUS_CONFLICT, NoteCode.REMARK} <= codes(found)
    assert words in found.plain and words in found.clinical
    assert problem({"text": "Asthma"}, "resolved", note=_note(words)).status == "stopped"


@pytest.mark.parametrize(
    "words", ["rash resolved, asthma persists", "resolved but back again", "not resolved", "uses an inhaler daily",
              "to be ruled out", "would be cured if treated"]
)  # fmt: skip
def test_another_remark_stands_in_the_line_and_changes_nothing(words: str) -> None:
    found = problem({"text": "Asthma"}, note=_note(words))
    assert found.status == "active" and NoteCode.STATUS_CONFLICT not in codes(found)
    assert NoteCode.REMARK in codes(found) and words in found.plain
    beside = allergy({"text": "aspirin"}, note=_note(words))
    assert beside.status == "active" and NoteCode.REMARK in codes(beside)
    assert words in beside.plain and words in beside.clinical


def _two(*values: str) -> dict[str, object]:
    return {"coding": [{"code": value} for value in values]}


@pytest.mark.parametrize("more", [
    {"clinicalStatus": _two("active", "resolved")}, {"clinicalStatus": _two("resolved", "active")},
    {"verificationStatus": _two("refuted", "confirmed")}, {"verificationStatus": _two("confirmed", "entered-in-error")},
])  # fmt: skip
def test_two_statuses_that_contradict_each_other_are_neither_believed_nor_dropped(more: dict[str, object]) -> None:
    for found in (problem({"text": "Asthma"}, **more), allergy({"text": "aspirin"}, **more)):
        assert found.status == "unknown" and NoteCode.STATUS_CONFLICT in codes(found)
        assert NoteCode.ENTERED_IN_ERROR not in codes(found)


def test_an_end_in_words_or_by_yes_contradicts_an_active_problem() -> None:
    for more in ({"abatementString": "resolved last year"}, {"abatementBoolean": True}):
        found = problem({"text": "Asthma"}, **more)
        assert found.status == "unknown" and NoteCode.STATUS_CONFLICT in codes(found)
    assert problem({"text": "Asthma"}, abatementBoolean=False).status == "active"


def test_words_codes_and_places_of_two_sides_are_marked() -> None:
    left = [{"text": "left knee"}]
    apart = coded(SNOMED, "1003722009", "Right knee pain") | {"text": "Knee pain, left"}
    for code, sites in (({"text": "Knee pain right"}, left), (apart, [])):
        found = problem(code, bodySite=sites)
        assert of_problem(found).laterality == "bilateral" and NoteCode.NAME_DIFFERS in codes(found)
    for code, sites in (({"text": "Knee pain left"}, left), ({"text": "Knee pain"}, [*left, {"text": "right knee"}])):
        assert NoteCode.NAME_DIFFERS not in codes(problem(code, bodySite=sites))


@pytest.mark.parametrize(("value", "unit", "year"), [
    (30, "a", "2010"), (0, "years", "1980"), (400, "a", ""), (131, "a", ""), (6, "mo", ""),
])  # fmt: skip
def test_an_age_is_a_year_or_is_said_to_be_none(value: int, unit: str, year: str) -> None:
    record = {"resourceType": "Condition", "id": "c", "code": {"text": "Asthma"},
              "clinicalStatus": coded("x", "active"), "onsetAge": {"value": value, "code": unit}}  # fmt: skip
    found = understand(record, Around(shipped(), birth=clinical_date("1980-05-01")))
    onset = of_problem(found).onset
    assert (onset.text if onset is not None else "") == year
    assert (NoteCode.BAD_DATE in codes(found)) is not bool(year)
