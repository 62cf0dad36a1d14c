"""What must not be put together, and what must not be hidden: a wrong list could harm somebody."""

from typing import Any

import pytest

from medrec.core.reconcile.lists import Read
from medrec.core.reconcile.notices import LabelChecker, NoticeRule, notices
from medrec.core.reconcile.rows import Conflict
from medrec.core.records.icd_families import family, side, sideless
from medrec.core.records.terms import ICD10CM, RXNORM, SNOMED
from medrec.core.records.understood import NoteCode
from medrec.node.terminology.shipped import shipped
from tests.reconcile.test_bad_input import notes, order, read

DRUG_ALLERGY = {"system": SNOMED, "code": "416098002", "display": "Allergy to drug"}
FOOD_ALLERGY = {"system": SNOMED, "code": "414285001", "display": "Allergy to food"}
OTHER = {"system": "http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "code": "OTH"}
ABSENT = {"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "unknown"}
DISEASE = {"system": SNOMED, "code": "64572001", "display": "Disease"}
LOCAL = {"system": "https://north.example/items", "code": "77"}


def allergy(text: str = "", *codes: dict[str, str], clinical: str = "active", **more: Any) -> dict[str, Any]:
    code: dict[str, Any] = ({"text": text} if text else {}) | ({"coding": list(codes)} if codes else {})
    base = {"resourceType": "AllergyIntolerance", "code": code, "recordedDate": "2024-01-01"}
    status = {"clinicalStatus": {"coding": [{"code": clinical}]}} if clinical else {}
    return base | status | more


def refuted(text: str, **more: Any) -> dict[str, Any]:
    return allergy(text, clinical="", verificationStatus={"coding": [{"code": "refuted"}]}, **more)


def problem(text: str = "", *codes: dict[str, str], clinical: str = "active", **more: Any) -> dict[str, Any]:
    code: dict[str, Any] = ({"text": text} if text else {}) | ({"coding": list(codes)} if codes else {})
    base = {"resourceType": "Condition", "code": code, "onsetDateTime": "2024-01-01", "recordedDate": "2024-01-01"}
    return base | {"clinicalStatus": {"coding": [{"code": clinical}]}} | more


def icd(code: str) -> dict[str, str]:
    return {"system": ICD10CM, "code": code}


def over(text: str, *codes: dict[str, str], **more: Any) -> dict[str, Any]:
    dates = {"onsetDateTime": "2024-02-01", "abatementDateTime": "2025-01-01"}
    return problem(text, *codes, clinical="resolved", id="over", source="south", **dates | more)


def statuses(found: Read, name: str) -> dict[str, str]:
    return {row.name: row.status for row in getattr(found, name)}


AMOXICILLIN = order("amoxicillin 500 mg capsule", sig="1 cap tid", id="amox", authoredOn="2025-09-20")


def rules(found: Read) -> set[NoticeRule]:
    return {notice.rule for notice in notices(found, shipped(), [LabelChecker()])}


@pytest.mark.parametrize("code", [DRUG_ALLERGY, FOOD_ALLERGY, OTHER, ABSENT, LOCAL])
def test_a_code_that_says_nothing_joins_no_two_allergies(code: dict[str, str]) -> None:
    found = read(
        allergy("Contrast dye gadoxx", code, criticality="high"),
        allergy("Strawberry", code, clinical="resolved", id="b", source="south", recordedDate="2025-01-01"),
    )
    assert statuses(found, "allergies") == {"Contrast dye gadoxx": "active", "Strawberry": "stopped"}


def test_a_code_with_its_words_still_finds_the_code_alone() -> None:
    """What has no words goes with the only thing that its code is used for; with two of them it stays alone."""
    nut = {"system": SNOMED, "code": "91934008", "display": "Allergy to nut"}
    bare = allergy("", nut, id="bare", source="east")
    assert len(read(allergy("almond", nut), bare).allergies) == 1
    assert len(read(allergy("almond", nut), allergy("walnut", nut, id="w", source="south"), bare).allergies) == 3


@pytest.mark.parametrize("code", [ABSENT, DISEASE, OTHER, LOCAL])
def test_a_code_that_says_nothing_joins_no_two_problems(code: dict[str, str]) -> None:
    found = read(problem("Wilson disease", code), over("Ankle sprain", code))
    assert statuses(found, "problems") == {"Wilson disease": "active", "Ankle sprain": "stopped"}


def test_a_code_for_the_rest_joins_only_the_same_words() -> None:
    """E88.89 is for whatever metabolic disorder has no code of its own."""
    found = read(problem("Launois-Bensaude adenolipomatosis", icd("E88.89")), over("Trimethylaminuria", icd("E88.89")))
    assert statuses(found, "problems") == {
        "Launois-Bensaude adenolipomatosis": "active",
        "Trimethylaminuria": "stopped",
    }


@pytest.mark.parametrize(
    ("words", "stands"),
    [("See note", "unknown"), ("", "active"), ("other medication", "active"), ("Unknown", "unknown")],
)
def test_what_names_no_medicine_is_a_row_of_its_own(words: str, stands: str) -> None:
    found = read(order(words), order(words, id="b", source="south", status="stopped", authoredOn="2025-10-01"))
    assert sorted(row.status for row in found.medicines) == sorted([stands, "stopped"])
    assert len({row.key for row in found.medicines}) == 2


def test_a_reference_that_leads_nowhere_joins_nothing() -> None:
    def pointing(to: str, status: str, **more: Any) -> dict[str, Any]:
        record = order("x", status=status, **more)
        del record["medicationCodeableConcept"]
        return record | {"medicationReference": {"reference": f"Medication/{to}"}}

    found = read(pointing("1", "active"), pointing("2", "stopped", id="b", source="south", authoredOn="2025-10-01"))
    assert sorted(row.status for row in found.medicines) == ["active", "stopped"]


@pytest.mark.parametrize(
    ("words", "stands"), [("Food allergy", "active"), ("Drug allergy", "active"), ("see note", "unknown")]
)
def test_words_that_name_nothing_are_no_name(words: str, stands: str) -> None:
    found = read(allergy(words), refuted(words, id="b", source="south", recordedDate="2025-01-01"))
    assert sorted(row.status for row in found.allergies) == sorted([stands, "stopped"])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Chronic viral hepatitis B", "B18.1"), ("Chronic viral hepatitis C", "B18.2")),
        (("von Willebrand disease", "D68.0"), ("Lupus anticoagulant syndrome", "D68.62")),
        (("CAD", "I25.10"), ("Old MI", "I25.2")),
        (("Insomnia", "G47.00"), ("OSA", "G47.33")),
    ],
)
def test_two_diseases_of_one_category_are_two_problems(one: tuple[str, str], other: tuple[str, str]) -> None:
    found = read(problem(one[0], icd(one[1])), over(other[0], icd(other[1])))
    assert statuses(found, "problems") == {one[0]: "active", other[0]: "stopped"}


@pytest.mark.parametrize(
    ("text", "right", "left"),
    [("", "C50.911", "C50.912"), ("Osteoarthritis of knee", "M17.11", "M17.12"), ("Cataract", "H25.11", "H25.12"),
     ("DVT", "I82.401", "I82.402"), ("Fracture", "S72.001A", "S72.002A"), ("Kidney cancer", "C64.1", "C64.2"),
     ("", "G81.91", "G81.92"), ("", "G83.11", "G83.12"), ("", "I69.351", "I69.352"), ("", "L89.213", "L89.223"),
     ("", "M05.711", "M05.712"), ("", "M06.251", "M06.252"), ("", "E11.3551", "E11.3552"), ("", "T86.8401", "T86.8402"),
     ("Hemiplegia", "G81.91", "G81.94")],
)  # fmt: skip
def test_the_side_in_a_code_keeps_left_and_right_apart(text: str, right: str, left: str) -> None:
    found = read(problem(text, icd(right)), over(text, icd(left)))
    on = {row.laterality: row.status for row in found.problems}
    # A clot and a fracture of long ago are not known to go on; nobody has stopped that of the right.
    assert set(on) == {"right", "left"} and on["left"] == "stopped" and on["right"] != "stopped"


def test_a_code_of_one_side_and_words_of_the_other_are_marked() -> None:
    (row,) = read(problem("Left knee osteoarthritis", icd("M17.11"))).problems
    assert row.laterality == "bilateral" and Conflict.CODE_NAME in row.conflicts
    (row,) = read(problem("Left knee osteoarthritis", icd("M17.12"))).problems
    assert row.laterality == "left" and not row.conflicts


@pytest.mark.parametrize(
    ("code", "of", "on"),
    [("E11.65", "E11", ""), ("E11.3211", "E11.321-", "right"), ("E11.3219", "E11.321-", ""), ("E11.319", "E11", ""),
     ("G81.93", "G81.9-", "right"), ("I69.354", "I69.35-", "left"), ("T86.8402", "T86.840", "left"),
     ("M06.9", "M06.9", ""), ("I48.91", "I48", ""), ("I48.92", "I48.3", ""),
     ("B18.1", "B18.1", ""), ("M17.11", "M17", "right"), ("M17.0", "M17", ""), ("G56.03", "G56.0", "bilateral"),
     ("M25.561", "M25.56-", "right"), ("M25.562", "M25.56-", "left"), ("S82.101A", "S82.10-", "right"),
     ("S82.101D", "S82.10-", "right"), ("Z86.73", "Z86.73", ""), ("H90.A11", "H90.A1-", "right"),
     ("C50.411", "C50", "right"), ("R10.11", "R10.11", ""), ("S62.600A", "S62.60-", "right"),
     ("S62.602A", "S62.60=", "right"), ("C44.102", "C44.10-", "right"), ("C44.101", "C44.10-", ""),
     ("S82.012A", "S82.01-", "left"), ("S82.013A", "S82.01-", ""), ("S82.015A", "S82.01=", "left"),
     ("M62.051", "M62.05-", "right"), ("M62.052", "M62.05-", "left"), ("S72.21XA", "S72.2-X", "right"),
     ("H44.72", "H44.72", ""), ("H53.461", "H53.461", "")],
)  # fmt: skip
def test_families_and_sides_of_codes(code: str, of: str, on: str) -> None:
    assert (family(code), side(code)) == (of, on)
    assert len(sideless(code)) == min(len(code.replace(".", "")), 6 if code[0] in "ST" else 8)


def test_a_stop_under_another_code_does_not_end_what_is_active() -> None:
    """The words put them together; the codes are of two things, so the one that is called active goes on."""
    found = read(problem("Thrombophilia", icd("D68.51")), over("Thrombophilia", icd("D68.52")))
    (row,) = found.problems
    assert row.status == "active" and Conflict.STATUS in row.conflicts
    (row,) = read(problem("Thrombophilia", icd("D68.51")), over("Thrombophilia", icd("D68.51"))).problems
    assert row.status == "stopped"


def coded(text: str, *codes: tuple[str, str, str]) -> dict[str, Any]:
    concept: dict[str, Any] = {"coding": [{"system": s, "code": c, "display": d} for s, c, d in codes]}
    return order("x") | {"medicationCodeableConcept": concept | ({"text": text} if text else {})}


LISINOPRIL, METFORMIN = (RXNORM, "29046", "lisinopril"), (RXNORM, "6809", "metformin")


def test_words_for_more_than_the_code_holds_are_not_left_out() -> None:
    words = "lisinopril 20 mg / hydrochlorothiazide 12.5 mg tablet"
    (row,) = read(coded(words, LISINOPRIL)).medicines
    assert row.name == words and row.ingredients == () and Conflict.CODE_NAME in row.conflicts
    # Words for one part of a combination are short for it.
    whole = (RXNORM, "214618", "hydrochlorothiazide / lisinopril")
    (row,) = read(coded("lisinopril", whole)).medicines
    assert len(row.ingredients) == 2 and not row.conflicts


def test_all_codes_of_a_medicine_have_to_agree() -> None:
    (row,) = read(coded("", LISINOPRIL, METFORMIN)).medicines
    assert row.name == "lisinopril / metformin" and row.ingredients == () and Conflict.CODE_NAME in row.conflicts
    (row,) = read(coded("", LISINOPRIL, (RXNORM, "314077", "lisinopril 20 MG Oral Tablet"))).medicines
    assert row.ingredients == ("29046",) and row.strength == "20 mg" and not row.conflicts


def test_what_contradicts_itself_is_merged_with_nothing() -> None:
    one = coded("warfarin", LISINOPRIL)
    found = read(one, one | {"id": "b", "source": "south", "status": "stopped"})
    assert sorted(row.status for row in found.medicines) == ["active", "stopped"]


def test_an_allergy_with_codes_of_two_substances_names_both_and_warns() -> None:
    peanut = {"system": SNOMED, "code": "91935009", "display": "Allergy to peanut"}
    found = read(allergy("", {"system": RXNORM, "code": "723", "display": "amoxicillin"}, peanut), AMOXICILLIN)
    (row,) = found.allergies
    assert "peanut" in row.name and "amoxicillin" in row.name and Conflict.CODE_NAME in row.conflicts
    assert NoticeRule.ALLERGY in rules(found)
    plain = allergy("Amoxil", {"system": RXNORM, "code": "723", "display": "amoxicillin"})
    assert not read(plain).allergies[0].conflicts


def test_an_order_withdrawn_elsewhere_before_anything_was_given_stops_nothing() -> None:
    warfarin = order("warfarin 5 mg tablet", sig="1 tab daily", authoredOn="2025-03-01")
    cancelled = order("warfarin 5 mg tablet", authoredOn="2025-09-01", status="cancelled", id="c", source="south")
    (row,) = read(warfarin, cancelled).medicines
    assert row.status == "active"
    (row,) = read(cancelled).medicines
    assert row.status == "stopped"
    (row,) = read(warfarin, cancelled | {"status": "stopped"}).medicines
    assert row.status == "stopped"


@pytest.mark.parametrize("later", [refuted("penicillin"), allergy("penicillin", clinical="inactive")])
def test_an_allergy_is_not_argued_away_by_another_place(later: dict[str, Any]) -> None:
    there = allergy("penicillin", criticality="high", recordedDate="2019-01-01")
    later = later | {"id": "later", "recordedDate": "2023-01-01"}
    none = allergy("No known allergies", id="none", source="east", recordedDate="2025-01-01")
    found = read(there, later | {"source": "south"}, none, AMOXICILLIN)
    row = next(row for row in found.allergies if not row.no_known)
    assert row.status == "active" and row.criticality == "high" and Conflict.STATUS in row.conflicts
    assert all(Conflict.NONE_KNOWN in row.conflicts for row in found.allergies)
    assert NoticeRule.ALLERGY_CLASS in rules(found)
    # The same place may take back its own word.
    found = read(there, later, AMOXICILLIN)
    assert found.allergies[0].status == "stopped" and not rules(found)


def test_the_highest_criticality_that_anybody_gave_stands() -> None:
    low = allergy("penicillin", id="low", source="south", criticality="low")
    for one in (refuted("penicillin", criticality="high"), allergy("penicillin", criticality=" HIGH")):
        (row,) = read(one, low).allergies
        assert row.criticality == "high" and Conflict.CRITICALITY in row.conflicts
    mistake = allergy("penicillin", criticality="high", verificationStatus={"coding": [{"code": "entered-in-error"}]})
    (row,) = read(mistake, low).allergies
    assert row.criticality == "low" and Conflict.CRITICALITY not in row.conflicts


REACTION = [{"substance": {"text": "amoxicillin"}, "manifestation": [{"text": "anaphylaxis"}]}]


def test_none_known_with_a_reaction_contradicts_itself() -> None:
    found = read(allergy("No known allergies", reaction=REACTION), AMOXICILLIN)
    (row,) = found.allergies
    assert (row.no_known, row.status, row.name) == ("", "unknown", "amoxicillin")
    assert NoteCode.STATUS_CONFLICT in notes(found) and NoticeRule.ALLERGY in rules(found)
    (row,) = read(allergy("No known allergies", reaction=[{"manifestation": [{"text": "hives"}]}])).allergies
    assert (row.no_known, row.status, row.reactions) == ("", "unknown", ("hives",))


@pytest.mark.parametrize("code", [("Drug allergy",), ("", DRUG_ALLERGY), ("Drug allergy", DRUG_ALLERGY)])
def test_a_substance_that_stands_with_the_reaction_alone_is_read(code: Any) -> None:
    found = read(allergy(*code, reaction=REACTION), AMOXICILLIN)
    assert statuses(found, "allergies") == {"amoxicillin": "active"} and NoticeRule.ALLERGY in rules(found)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Coagulation factor 8 concentrate", "Coagulation factor 9 concentrate"),
        ("Vitamin D 2", "Vitamin D 3"),
        ("Vitamin B 6", "Vitamin B 12"),
        ("Foobarine 1", "Foobarine 2"),
        ("Interferon beta 1", "Interferon beta 2"),
    ],
)
def test_a_number_in_a_name_says_which_medicine_it_is(one: str, other: str) -> None:
    """And the stop of the one does not end the other."""
    found = read(order(one, id="one"), order(other, id="other", status="stopped", source="south"))
    assert len(found.medicines) == 2
    assert {row.lines[0].id: row.status for row in found.medicines} == {"one": "active", "other": "stopped"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("metformin 500", "metformin 500 mg"),
        ("folic acid 1", "folic acid"),
        ("Lantus 20", "insulin glargine"),
        ("losartan-hctz 50-12.5 mg", "losartan / hydrochlorothiazide"),
        ("Humulin 70/30", "humulin 70/30"),
        ("Vitamin D 3", "Vitamin D3"),
        ("diltiazem 24 hr 120 mg", "diltiazem"),
        ("Vitamin D 1000", "Vitamin D"),
    ],
)
def test_a_number_that_is_a_strength_says_no_other_medicine(one: str, other: str) -> None:
    assert len({row.ingredients for row in read(order(one, id="one"), order(other, id="other")).medicines}) == 1
    assert all(row.ingredients for row in read(order(one, id="one"), order(other, id="other")).medicines)


def test_what_its_own_source_took_back_is_in_dispute_where_a_copy_stands() -> None:
    wrong = {"verificationStatus": {"coding": [{"code": "entered-in-error"}]}}
    for mine, back, rows in (
        (problem("HIV"), wrong, "problems"),
        (allergy("penicillin"), wrong, "allergies"),
        (order("lisinopril 20 mg", sig="1 daily"), {"status": "entered-in-error"}, "medicines"),
    ):
        found = read(mine | back | {"id": "first"}, mine | {"id": "copy", "source": "south"})
        [row] = getattr(found, rows)
        assert row.status == "active" and Conflict.STATUS in row.conflicts, rows
        # Of another day it is no copy, and the source itself may have written it anew.
        other = {"authoredOn": "2025-08-01"} if rows == "medicines" else {"recordedDate": "2024-02-01"}
        for again in (mine | other | {"id": "copy", "source": "south"}, mine | {"id": "again"}):
            [row] = getattr(read(mine | back | {"id": "first"}, again), rows)
            assert Conflict.STATUS not in row.conflicts, rows
