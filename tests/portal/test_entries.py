"""Lines of a person's record: what stands beside the title is said once; dates are no closer than they are known."""

import json
from typing import Any

import pytest

from medrec.node.agent.copies import Copy
from medrec.portal import language, render
from medrec.portal.own.entries import everyday, read, title_of
from medrec.portal.own.record import more_of
from medrec.portal.own.trend import said

COMMON = {"id": "o", "status": "final", "subject": {"reference": "Patient/ada"}, "effectiveDateTime": "2026-09-27"}
A1C = {"text": "Hemoglobin A1c"}
PRESSURE = {"coding": [{"system": "http://loinc.org", "code": "85354-9", "display": "Blood pressure"}]}
LONG_NAME = "Blood pressure panel with all children optional"
PANEL = {"coding": [{"system": "http://loinc.org", "code": "85354-9", "display": LONG_NAME}]}
CREATININE = {"text": "Creatinine [Mass/volume] in Serum or Plasma"}
MILLIGRAMS = {"value": 1.24, "unit": "mg/dL", "system": "http://unitsofmeasure.org", "code": "mg/dL"}
PERCENT = {"value": 6.8, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"}


def part(name: str, value: int) -> dict[str, Any]:
    quantity = {"value": value, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}
    return {"code": {"text": name}, "valueQuantity": quantity}


@pytest.mark.parametrize(
    ("fields", "more"),
    [
        ({"code": A1C, "valueQuantity": PERCENT}, ""),
        (
            {"code": PANEL, "component": [part("Systolic", 134), part("Diastolic", 84)]},
            "",
        ),
        ({"code": CREATININE, "valueQuantity": MILLIGRAMS}, ""),
        (
            {"code": PRESSURE, "component": [part("Systolic", 134), part("Diastolic", 84)]},
            "",
        ),
    ],
)
def test_a_line_says_its_title_value_and_date_once(fields: dict[str, Any], more: str) -> None:
    content = json.dumps({"resourceType": "Observation", **COMMON, **fields}).encode()
    entry = read(Copy("north", "Observation", "o", bytes(16), content))
    assert entry is not None
    told = more_of(entry)
    assert told == more
    assert not told.startswith(":") and "2026" not in told


@pytest.mark.parametrize(
    ("written", "english", "spanish"),
    [
        ("1959-04-12", "12 April 1959", "12 de abril de 1959"),
        ("1959-04", "April 1959", "abril de 1959"),
        ("1959", "1959", "1959"),
        ("1959-13-40", "1959-13-40", "1959-13-40"),
        ("unknown", "unknown", "unknown"),
        ("", "", ""),
    ],
)
def test_a_date_is_said_as_closely_as_it_is_known(written: str, english: str, spanish: str) -> None:
    assert render.known_date(written).striptags() == english
    with language.use("es"):
        assert render.known_date(written).striptags() == spanish


def test_a_unit_is_said_as_one_reads_it() -> None:
    warm = {"value": 37.1, "unit": "Cel", "system": "http://unitsofmeasure.org", "code": "Cel"}
    tree = {"resourceType": "Observation", **COMMON, "code": {"text": "Body temperature"}, "valueQuantity": warm}
    entry = read(Copy("north", "Observation", "o", bytes(16), json.dumps(tree).encode()))
    assert entry is not None and entry.value == "37.1 °C" and more_of(entry) == ""


def test_a_day_has_no_hour() -> None:
    assert render.day(1_759_795_200_000) == '<time datetime="2025-10-07">7 October 2025</time>'
    assert render.day(1 << 62) == str(1 << 62)


@pytest.mark.parametrize(
    ("display", "title"),
    [
        ("Creatinine [Mass/volume] in Serum or Plasma", "Creatinine in Serum or Plasma"),
        ("Blood pressure panel with all children optional", "Blood pressure panel"),
        ("Leukocytes [#/volume] in Blood by Automated count", "Leukocytes in Blood by Automated count"),
        ("Body temperature [oral]", "Body temperature [oral]"),
    ],
)
def test_a_test_is_called_without_what_is_for_machines(display: str, title: str) -> None:
    assert everyday(display) == title


def test_a_test_is_called_by_its_everyday_name_in_the_language_of_the_visit() -> None:
    coding = {"system": "http://loinc.org", "code": "4548-4", "display": "Hemoglobin A1c/Hemoglobin.total in Blood"}
    tree = {"resourceType": "Observation", "id": "a", "status": "final", "code": {"coding": [coding]}}
    entry = read(Copy("north", "Observation", "a", b"t" * 16, json.dumps(tree).encode()))
    assert entry is not None and title_of(entry) == "Long-term blood sugar (HbA1c)"
    with language.use("es"):
        assert title_of(entry) == "Azúcar de los últimos meses (HbA1c)"
    # One that has no such name keeps that of its place.
    assert title_of(entry._replace(series="1-8")) == entry.title


def pressure(upper: int, lower: int) -> Any:
    """A blood pressure whose place writes the lower number first."""
    coded = [part("Diastolic", lower), part("Systolic", upper)]
    for one, code in zip(coded, ("8462-4", "8480-6"), strict=True):
        one["code"]["coding"] = [{"system": "http://loinc.org", "code": code}]
    content = json.dumps({"resourceType": "Observation", **COMMON, "code": PANEL, "component": coded}).encode()
    return read(Copy("north", "Observation", "o", bytes(16), content))


def test_a_blood_pressure_is_written_as_it_is_spoken_whatever_the_order_of_its_parts() -> None:
    entry = pressure(134, 84)
    assert (entry.number, entry.second, entry.value) == (134, 84, "134/84 mmHg")


@pytest.mark.parametrize(
    ("first", "last", "says"),
    [
        ((134, 84), (133, 85), "about the same"),
        ((134, 84), (158, 85), "gone up"),
        ((134, 84), (134, 62), "gone down"),
        ((134, 84), (158, 62), "One number has gone up"),
    ],
)
def test_where_a_blood_pressure_went_is_said_of_both_numbers(
    first: tuple[int, int], last: tuple[int, int], says: str
) -> None:
    sentence = str(said([pressure(*last), pressure(*first)]))
    assert says in sentence and f"{last[0]}/{last[1]} mmHg" in sentence
