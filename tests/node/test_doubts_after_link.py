"""Doubts that come after the link: a Patient within a record, a visit that comes later than what points at it, a newer
version of her Patient that is not as it was, a chart that its source closed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core.matching import Demographics
from medrec.node.right_person.contradicting import contradicts, ends
from tests.node.test_list_swapped import Two
from tests.node.test_lists import order
from tests.node.test_of_somebody_else import bring, held, named, noted, told, visit

HER = Demographics("Lovelace", "Ada Augusta", "1961-12-10", "female")


def inside(more: dict[str, Any] | None = None, **patient: Any) -> dict[str, Any]:
    """A result of hers with a Patient within, at whom nothing points."""
    within = {"resourceType": "Patient", "id": "p"} | patient
    return {"resourceType": "Observation", "subject": {"reference": "Patient/ada"}, "contained": [within]} | (
        more or {}
    )


BYRON = [{"family": "Byron", "given": ["Robert"]}]


@pytest.mark.parametrize(
    ("record", "fields"),
    [
        (inside(name=BYRON, birthDate="1948-01-02"), ("family", "given", "birth")),
        (inside(name=BYRON), ("family", "given")),
        (inside(birthDate="1948-01-02"), ("birth",)),
        (inside(name=[{"family": "Lovelace", "given": ["Peter"]}]), ("given",)),
        (inside({"encounter": {"reference": "Encounter/e"}}, name=BYRON), ("family", "given")),
        # The subject of what the record holds within itself is its own.
        (inside({"hasMember": [{"reference": "#o"}], "subject": {"reference": "#p"}}, name=BYRON), ("family", "given")),
        # Hers, nobody's, or somebody beside her.
        (inside(), ()),
        (inside(name=[{"family": "Lovelace", "given": ["Ada"]}], birthDate="1961-12-10"), ()),
        (inside(name=[{"text": "Ada A. Lovelace"}]), ()),
        (inside(name=[{"family": "Unknown"}]), ()),
        (inside({"resourceType": "Coverage", "subscriber": {"reference": "#p"}}, name=BYRON), ()),
        (inside({"focus": [{"reference": "#p"}]}, name=BYRON), ()),
    ],
)  # fmt: skip
def test_a_patient_within_a_record_is_held_against_her(record: dict[str, Any], fields: tuple[str, ...]) -> None:
    assert contradicts(HER, record) == fields


def test_a_patient_within_that_is_she_ends_what_another_began() -> None:
    hers = inside(name=[{"family": "Lovelace", "given": ["Ada Augusta"]}], birthDate="1961-12-10")
    silent = {"resourceType": "Observation", "subject": {"reference": "Patient/ada"}}
    assert ends(HER, ("family", "given"), hers) and not ends(HER, ("family", "given"), silent)


@pytest.mark.parametrize(
    ("record", "fields"),
    [
        (noted("WRONG PT - see Byron"), ("words",)),
        (noted("Wrong patient selected"), ("words",)),
        (noted("incorrect patient"), ("words",)),
        (noted("charted in error, different patient"), ("words",)),
        (noted("Misfiled."), ("words",)),
        (noted("not this patient's result"), ("words",)),
        (noted("Entered in error on this chart, meant for Robert Byron"), ("family", "given")),
        (noted("Order belongs in Robert Byron's chart"), ("family", "given")),
        (noted("belongs in Robert Byron's chart"), ("family", "given")),
        (noted("belongs in Ada Lovelace's chart"), ()),
        (noted("PATIENT: ROBERT BYRON"), ("family", "given")),
        (noted("Pt: Robert Byron"), ("family", "given")),
        (noted("Patient - Robert Byron"), ("family", "given")),
        (noted("Patient - Denies Chest Pain"), ()),
        (noted("Name: Robert Byron, DOB 1948-01-02"), ("family", "given", "birth")),
        (noted("Name: Glucophage Extended"), ()),
        (noted("born 1948-01-02"), ("birth",)),
        (noted("Her son, born 2001-02-03, visits"), ()),
        (noted("DOB: 1948"), ("birth",)),
        (noted("DOB: 1961"), ()),
        (noted("This is not my patient."), ("words",)),
        (told("<span>Patient</span><span>Robert Byron</span>"), ("family", "given")),
        (told("<table><tr><th>Patient</th><td>Robert Byron</td></tr></table>"), ("family", "given")),
        (told("<table><tr><td><b>Patient name</b></td></tr></table>"), ()),
        (noted("DOB 01/02/48"), ("birth",)),
        (noted("DOB: 2 Jan 1948"), ("birth",)),
        (noted("DOB: 02-JAN-1948"), ("birth",)),
        (noted("Date of birth: January 2, 1948"), ("birth",)),
        (named("Ada Lovelace / Robert Byron"), ("given",)),
        (named("Ada Lovelace 1948-01-02"), ("birth",)),
        # Hers, a complaint, or something else than a person.
        (noted("DOB 12/10/61"), ()),
        (noted("DOB: 10 Dec 1961"), ()),
        (noted("DOB: December 10, 1961"), ()),
        (named("Ada Lovelace 1961-12-10"), ()),
        (named("Ada Lovelace / Female"), ()),
        (named("Lovelace, Ada / Female 64 years"), ()),
        (noted("Patient: Doing Well"), ()),
        (noted("PATIENT: STABLE OVERNIGHT"), ()),
        (noted("Pt: Denies Pain"), ()),
        (noted("a different patient room was used"), ()),
        (noted("not in the wrong chart"), ()),
        (noted("meant for pain"), ()),
        (noted("Patient: Ada Lovelace"), ()),
        (noted("Pt: Nil By Mouth"), ()),
        (noted("Patient: Mother Present"), ()),
        (noted("Patient: New Patient"), ()),
        (noted("Patient: Phone Call"), ()),
        (noted("Patient: Walk-In Visit"), ()),
        (noted("Patient: Robert Byron MD saw her"), ()),
        (noted("wrong patient selected for lab was corrected, this is right"), ()),
        (noted("Wrong patient selected: was corrected, this is the right order for today"), ()),
        # A name beside such a word is one, and what was not put right holds it back still.
        (noted("Patient: Robert Byron, New Patient"), ("family", "given")),
        (noted("Patient: Robert Byron MD"), ("family", "given")),
        (noted("Patient: Robert Byron RN visit"), ("family", "given")),
        (noted("Patient: Robert Byron PA resident"), ("family", "given")),
        (noted("Pt: Robert Byron NP referral"), ("family", "given")),
        (noted("Patient: Robert Byron MD saw him, DOB 01/02/1948"), ("family", "given", "birth")),
        (noted("wrong patient selected, to be corrected"), ("words",)),
        (noted("Wrong patient selected: was corrected, this is the right chart of Byron"), ("words",)),
        (noted("wrong patient selected, was corrected, this is right for Robert Byron"), ("words",)),
        (noted("wrong patient selected, was not corrected, this is not right"), ("words",)),
    ],
)
def test_plain_words_that_it_is_another_s_are_held_against_her(record: dict[str, Any], fields: tuple[str, ...]) -> None:
    assert contradicts(HER, record) == fields


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    made = Two(tmp_path)
    yield made
    made.network.close()


def test_a_record_with_somebody_else_s_patient_within_is_in_no_list(two: Two) -> None:
    warfarin = json.loads(order("w", "855332", "warfarin 5 mg"))
    bring(two, warfarin | {"contained": [{"resourceType": "Patient", "name": BYRON, "birthDate": "1948-01-02"}]})
    assert held(two) == [("MedicationRequest", "w", ("family", "given", "birth"))]
    assert two.lists()["north"]["ada"] == two.lists()["guide"]["ada"] == ["lisinopril"]


def test_a_visit_that_comes_later_is_held_against_what_points_at_it(two: Two) -> None:
    warfarin = json.loads(order("w", "855332", "warfarin 5 mg")) | {"encounter": {"reference": "Encounter/e-bob"}}
    bring(two, warfarin)
    assert held(two) == [] and two.lists()["north"]["ada"] == ["lisinopril", "warfarin"]
    bring(two, visit("bob"))
    assert held(two) == [("MedicationRequest", "w", ("of-another",))]
    assert two.lists()["north"]["ada"] == two.lists()["guide"]["ada"] == ["lisinopril"]
    # The visit was filed under him by mistake, and is hers: what was held for it alone goes on.
    bring(two, visit("bob") | {"subject": {"reference": "Patient/ada"}})
    assert held(two) == [] and two.lists()["north"]["ada"] == ["lisinopril", "warfarin"]
    # And the other way round.
    bring(two, visit("bob"))
    assert held(two) == [("MedicationRequest", "w", ("of-another",))]


def test_a_later_visit_of_her_own_holds_nothing_back(two: Two) -> None:
    warfarin = json.loads(order("w", "855332", "warfarin 5 mg")) | {"encounter": {"reference": "Encounter/e-ada"}}
    bring(two, warfarin)
    bring(two, visit("ada"), visit("bob"))
    assert held(two) == []
    # What points there no more is not asked about it.
    bring(two, warfarin | {"encounter": {"reference": "Encounter/e-later"}})
    bring(two, visit("ada") | {"subject": {"reference": "Patient/bob"}})
    assert held(two) == []
