"""What a record says that cannot be of a person: each rule with what it finds, and what it leaves alone."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from medrec.core.impossible import blood_group, impossible, other_blood
from medrec.core.matching import Demographics, of_patient
from medrec.core.records.terms import CVX, ICD10CM, LOINC, SNOMED

ADA = Demographics("Lovelace", "Ada", "1961-12-10", "female")
BOB = Demographics("Byron", "Robert", "1948-01-02", "male")
KID = Demographics("Byron", "Kid", "2020-05-05", "male")


def condition(code: str = "", system: str = ICD10CM, text: str = "", **more: Any) -> dict[str, Any]:
    coding = {"coding": [{"system": system, "code": code}]} if code else {}
    return {"resourceType": "Condition", "id": "c", "code": coding | ({"text": text} if text else {}), **more}


def vaccine(code: str, day: str, status: str = "completed") -> dict[str, Any]:
    concept = {"coding": [{"system": CVX, "code": code}]}
    return {"resourceType": "Immunization", "status": status, "vaccineCode": concept, "occurrenceDateTime": day}


REFUTED = {"verificationStatus": {"coding": [{"code": "refuted"}]}}


@pytest.mark.parametrize(
    ("who", "record", "found"),
    [
        (BOB, condition("O80", recordedDate="1975-01-01"), ["content-sex"]),
        (BOB, condition("72892002", SNOMED), ["content-sex"]),
        (BOB, condition(text="Pregnancy"), ["content-sex"]),
        (BOB, condition("N80.0"), ["content-sex"]),
        (ADA, condition("C61"), ["content-sex"]),
        (ADA, condition("N40.1"), ["content-sex"]),
        # Not known, not certain, taken back, or of both: nothing is said.
        (Demographics("B", "R", "1948-01-02"), condition("O80", recordedDate="1975-01-01"), []),
        (Demographics("B", "R", "1948-01-02", "other"), condition("C61"), []),
        (BOB, condition("O80", **REFUTED), []),
        (BOB, condition(text="Pregnancy test of the wife"), []),
        (BOB, condition("C50.929"), []),
        (ADA, condition("E11.9"), []),
        (ADA, condition("O80", onsetDateTime="1990-02-01"), []),
        (ADA, condition("O80", onsetDateTime="2024-02-01"), ["content-age"]),
        (ADA, condition("O80", onsetDateTime="1966-02-01"), ["content-age"]),
        (ADA, condition("P07.3", onsetDateTime="1990-01-01"), ["content-age"]),
        # What one was born with is written down later, with the onset or without.
        (ADA, condition("P07.3", onsetDateTime="1961-12-10", recordedDate="1990-01-01"), []),
        (ADA, condition("P07.3", recordedDate="1990-01-01"), []),
        (KID, condition("F03.90", onsetDateTime="2024-01-01"), ["content-age"]),
        (BOB, condition("F03.90", onsetDateTime="2024-01-01"), []),
        (BOB, vaccine("20", "2024-03-01"), ["content-age"]),
        (BOB, vaccine("146", "2024-03-01"), ["content-age"]),
        (KID, vaccine("20", "2021-03-01"), []),
        (BOB, vaccine("115", "2024-03-01"), []),
        (BOB, vaccine("20", "2024-03-01", "not-done"), []),
        (BOB, vaccine("20", "1940-03-01"), ["before-birth"]),
        (KID, {"resourceType": "Encounter", "status": "finished", "period": {"start": "2011-01-01"}}, ["before-birth"]),
        (KID, {"resourceType": "MedicationRequest", "authoredOn": "2019-01-01"}, ["before-birth"]),
        # On the unborn child; a placeholder; since when, which may be a slip and is shown with a note.
        (KID, {"resourceType": "Observation", "effectiveDateTime": "2019-12-01"}, []),
        (KID, {"resourceType": "Observation", "effectiveDateTime": "1900-01-01"}, []),
        (KID, condition("J45.909", onsetDateTime="2011-01-01"), []),
        (ADA, {"resourceType": "Patient", "deceasedBoolean": True}, ["death"]),
        (ADA, {"resourceType": "Patient", "deceasedDateTime": "2024-01-01"}, ["death"]),
        (ADA, {"resourceType": "Patient", "deceasedBoolean": False}, []),
        (ADA, {"resourceType": "FamilyMemberHistory", "condition": [{"code": {"text": "C61"}}]}, []),
    ],
)
def test_what_cannot_be_hers(who: Demographics, record: dict[str, Any], found: list[str]) -> None:
    assert list(impossible(who, record)) == found


@pytest.mark.parametrize("text", ['{"resourceType":"Condition","code":[]}', '{"resourceType":"Immunization"}',
    '{"resourceType":"Observation","effectivePeriod":"x","valueString":7}',
    '{"resourceType":"Patient","deceasedBoolean":"y"}',
    '{"resourceType":"Condition","code":{"coding":[{"system":7,"code":null}]},"onsetDateTime":"soon"}'])  # fmt: skip
def test_odd_shapes_say_nothing(text: str) -> None:
    assert impossible(BOB, json.loads(text)) == () and blood_group(json.loads(text)) == ("", "")


def blood(value: dict[str, Any], code: str = "882-1") -> tuple[str, str]:
    concept = {"coding": [{"system": LOINC, "code": code}]}
    return blood_group({"resourceType": "Observation", "status": "final", "code": concept} | value)


@pytest.mark.parametrize(
    ("value", "group"),
    [
        ({"valueCodeableConcept": {"coding": [{"system": SNOMED, "code": "278149003"}]}}, ("A", "+")),
        ({"valueCodeableConcept": {"coding": [{"system": SNOMED, "code": "58460004"}]}}, ("O", "")),
        ({"valueCodeableConcept": {"text": "AB neg"}}, ("AB", "-")),
        ({"valueString": "O Rh positive"}, ("O", "+")),
        ({"valueString": "B-"}, ("B", "-")),
        ({"valueString": "Group A"}, ("A", "")),
        ({"valueString": "see report"}, ("", "")),
        ({"valueString": ""}, ("", "")),
        ({}, ("", "")),
    ],
)
def test_blood_groups_as_they_are_written(value: dict[str, Any], group: tuple[str, str]) -> None:
    assert blood(value) == group
    assert blood(value, "2345-7") == ("", "")


def test_what_a_blood_group_does_not_say_is_no_difference() -> None:
    assert other_blood(("A", "+"), ("B", "")) and other_blood(("A", "+"), ("A", "-"))
    assert not other_blood(("A", ""), ("A", "-")) and not other_blood(("", ""), ("B", "+"))
    assert not other_blood(("A", ""), ("", "-"))


def test_of_published_people_nothing_is_found_and_most_swaps_are(shared: Path) -> None:
    """Synthea's patients: no record of their own is held back; of two swapped whole charts two thirds are noticed."""
    charts = []
    for file in sorted((shared / "data" / "synthea-r4" / "bundles").iterdir()):
        raw = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        records = [entry["resource"] for entry in json.loads(raw)["entry"]]
        (patient,) = [record for record in records if record["resourceType"] == "Patient"]
        charts.append((of_patient(patient), [record for record in records if record is not patient]))
    assert len(charts) == 60
    assert [name for who, records in charts for record in records for name in impossible(who, record)] == []
    pairs = [
        (who, records) for n, (who, _) in enumerate(charts[:30]) for m, (_, records) in enumerate(charts) if n != m
    ]
    noticed = sum(any(impossible(who, record) for record in records) for who, records in pairs)
    assert 0.6 < noticed / len(pairs) < 0.75, "docs/spec/right-person.md says how many"
