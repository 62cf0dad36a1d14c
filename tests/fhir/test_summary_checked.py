"""$summary is a valid document whatever a source wrote: what R4 does not allow stands in words, and is not lost."""

import json
from pathlib import Path
from typing import Any

import pytest

from medrec.core.reconcile.held import Held
from medrec.core.reconcile.lists import Lists
from medrec.core.records.canonical import canonical
from medrec.core.records.reading import Around
from medrec.core.records.table import understand
from medrec.core.records.terms import ICD10CM
from medrec.node.fhir.summary import About, document
from medrec.node.terminology.shipped import shipped
from tests.fhir import hapi
from tests.fhir.test_summary_lines import condition, of
from tests.reconcile.records_said import NOW
from tests.reconcile.test_bad_input import order

ODD = {"name": [{"family": " ", "given": ["", None]}], "birthDate": "1961-13-40", "gender": "bogus"}
GIVEN = {"resourceType": "Immunization", "status": "completed", "id": "i", "vaccineCode": {"text": "flu"}}


def made(*records: dict[str, Any], subject: dict[str, Any] | None = None) -> dict[str, Any]:
    held = []
    for number, record in enumerate(records):
        form = canonical(json.dumps(record | {"id": f"r{number}"}).encode())
        mark = form.sha256.hex()
        held.append(Held("north", understand(form.value, Around(shipped(), NOW, None)), 1, mark, mark, NOW))
    about = About("north", "North", "2025-10-09T00:00:00Z", b"x" * 16)
    read = Lists(shipped(), NOW, held).read()
    return document(read, held, subject, {}, about, lambda ms: "2025-10-09T00:00:00Z").bundle


def patient(subject: dict[str, Any]) -> dict[str, Any]:
    return of(made(subject=subject), "Patient")[0]


def nasty() -> list[dict[str, Any]]:
    """Records with codes, dates and words that R4 does not allow."""
    spaced = {"system": "not an address", "code": "a  b", "display": "y"}
    listed = [{"system": "urn:oid:abc", "code": "1"}, {"system": "http://hl7.org/fhir/ValueSet/x", "code": "z"}]
    allergy = {"resourceType": "AllergyIntolerance", "code": {"text": "x\u0007\u202ey"}, "criticality": "bogus"}
    allergy |= {"clinicalStatus": {"coding": [{"code": "active"}]}}
    reaction = {"reaction": [{"manifestation": [{"text": "\u200b"}], "severity": "bogus"}]}
    return [
        condition("y", spaced),
        condition("z", *listed),
        condition("w", {"system": ICD10CM, "code": "J45\u200b.909"}),
        condition("v", onsetDateTime="2024-03-01T10:00"),
        condition("\u200b"),
        order("\u202eevil <b>&amp; \u0007 pill", sig="1-2 tabs q4-6h prn"),
        order("lisinopril", sig=" \u200b "),
        allergy | reaction,
        GIVEN | {"vaccineCode": {"coding": [spaced], "text": "flu"}, "occurrenceDateTime": "2024-03-01T10:00:00+15:00"},
    ]


def test_a_patient_of_parts_that_are_none_is_said_in_words() -> None:
    found = patient(ODD)
    assert not {"birthDate", "gender"} & set(found) and "family" not in json.dumps(found)
    assert found["_birthDate"]["extension"][0]["valueCode"] == "as-text"
    told = found["text"]["div"]
    assert "1961-13-40" in told and "bogus" in told and "a name that says nothing" in told


@pytest.mark.parametrize("birth", ["1961-13-40", "0000", "1961-1-2", "1961-02-30", 1961, "1961-12-10T00:00:00Z", ""])
def test_a_day_of_birth_that_is_none_does_not_go_out(birth: Any) -> None:
    assert "birthDate" not in patient({"name": [{"family": "Lovelace"}], "birthDate": birth})


def test_what_a_patient_says_rightly_goes_out_and_nothing_is_said_of_it() -> None:
    name = {"use": "bogus", "family": "Love\u200blace", "given": ["Ada", 5, "\u202e"], "period": {"start": "x"}}
    found = patient({"name": [name, "Ada", {"use": "old"}], "birthDate": "1815-12", "gender": "female"})
    assert found["name"] == [{"family": "Lovelace", "given": ["Ada"]}] and "text" not in found
    assert (found["birthDate"], found["gender"]) == ("1815-12", "female")
    assert "text" not in of(made(), "Patient")[0]


def test_a_code_that_is_none_stands_in_the_note_and_the_other_ones_go_out() -> None:
    good = {"system": ICD10CM, "code": "J45.909", "display": "Asthma\u202e"}
    (entry,) = of(made(condition("Asthma", {"system": "a b", "code": "q  r"}, good)), "Condition")
    assert entry["code"]["coding"] == [good | {"display": "Asthma"}]
    assert '"a b q r"' in entry["note"][0]["text"]


@pytest.mark.parametrize(
    "code",
    [
        {"system": "not an address", "code": "1"},
        {"system": "LOCAL", "code": "1"},
        {"system": "urn:oid:abc", "code": "1"},
        {"system": "urn:uuid:1", "code": "1"},
        {"system": "http://hl7.org/fhir/ValueSet/x", "code": "1"},
        {"system": "http://local/codes", "code": "a  b"},
        {"system": "http://local/codes", "code": "a\u200bb"},
    ],
)
def test_no_code_of_another_form_goes_out(code: dict[str, str]) -> None:
    for record, kind, element in (
        (condition("y", code), "Condition", "code"),
        (order("zzyx") | {"medicationCodeableConcept": {"text": "zzyx", "coding": [code]}}, "MedicationStatement", ""),
        ({"resourceType": "AllergyIntolerance", "code": {"text": "y", "coding": [code]}}, "AllergyIntolerance", "code"),
        (GIVEN | {"vaccineCode": {"text": "y", "coding": [code]}}, "Immunization", "vaccineCode"),
    ):
        (entry,) = of(made(record), kind)
        assert "coding" not in entry[element or "medicationCodeableConcept"]
        assert "is not as FHIR writes codes" in entry["note"][0]["text"]


def test_a_time_without_a_zone_goes_out_as_its_day() -> None:
    (entry,) = of(made(condition("v", onsetDateTime="2024-03-01T10:00")), "Condition")
    assert entry["onsetDateTime"] == "2024-03-01"


def test_no_sign_that_nobody_sees_and_no_empty_part_is_in_a_document() -> None:
    written = json.dumps(made(*nasty(), subject=ODD), ensure_ascii=False)
    assert not any(sign in written for sign in ("\u202e", "\u200b", "\\u0007", '""', "[]", "{}"))
    assert "evil" in written


@pytest.mark.slow
def test_a_foreign_validator_finds_no_error_in_a_summary_of_odd_records(shared: Path, tmp_path: Path) -> None:
    file = tmp_path / "summary.json"
    file.write_text(json.dumps(made(*nasty(), subject=ODD)))
    assert hapi.errors_of_profiles(shared, file) == []
