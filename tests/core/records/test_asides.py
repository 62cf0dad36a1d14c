"""An amount in a name that is another medicine's, an old one or a greatest one is no strength of this one."""

from typing import Any

import pytest
from tests.reconcile.test_bad_input import order, read
from tests.reconcile.test_said_later import act
from tests.reconcile.test_said_later import read as read_said

from medrec.core.reconcile.notices import LabelChecker, notices
from medrec.core.records.drug_names import named, strengths_of
from medrec.core.records.understood import NoteCode
from medrec.node.terminology.shipped import shipped


def noted(row: Any) -> set[str]:
    return {note for line in row.lines for note in line.notes}


@pytest.mark.parametrize(
    ("name", "drug", "aside"),
    [
        ("warfarin (bridge with enoxaparin 40 mg)", "warfarin", "bridge with enoxaparin 40 mg"),
        ("warfarin [bridge with enoxaparin 40 mg]", "warfarin", "bridge with enoxaparin 40 mg"),
        ("warfarin (bridge with enoxaparin 40 mg", "warfarin", "bridge with enoxaparin 40 mg"),
        ("warfarin - bridge with enoxaparin 40 mg", "warfarin", "bridge with enoxaparin 40 mg"),
        ("lisinopril (replaces losartan 50 mg)", "lisinopril", "replaces losartan 50 mg"),
        ("lisinopril (was 10 mg)", "lisinopril", "was 10 mg"),
        ("lisinopril, was 10 mg", "lisinopril", "was 10 mg"),
        ("lisinopril was 10 mg", "lisinopril", "was 10 mg"),
        ("lisinopril (off 10 mg)", "lisinopril", "off 10 mg"),
        ("lisinopril (max 40 mg)", "lisinopril", "max 40 mg"),
        ("lisinopril, max 40 mg daily", "lisinopril", "max 40 mg daily"),
        ("lisinopril (antes 10 mg)", "lisinopril", "antes 10 mg"),
        ("Norvasc (husband's is 5 mg)", "amlodipine", "husband's is 5 mg"),
    ],
)
def test_an_amount_of_something_else_is_shown_and_is_no_strength(name: str, drug: str, aside: str) -> None:
    (row,) = read(order(name, sig="1 tab daily")).medicines
    assert row.name.lower() == drug and row.ingredients and row.strength == ""
    assert row.per_day == "1 tablet" and row.directions == f"{aside}; 1 tab daily"
    assert NoteCode.UNIT_NOT_UNDERSTOOD in noted(row)
    assert notices(read(order(name, sig="1 tab daily")), shipped(), [LabelChecker()]) == []


@pytest.mark.parametrize(
    ("name", "strength"),
    [
        ("lisinopril 20 mg (was 10 mg)", "20"),
        ("lisinopril (was 10 mg) 20 mg", "20"),
        ("lisinopril 20 mg, max 40 mg daily", "20"),
        ("lisinopril 20 mg (replaces losartan 50 mg) tablet", "20"),
        ("aspirin 81 mg (takes with warfarin 5 mg)", "81"),
    ],
)
def test_the_strength_beside_it_stays(name: str, strength: str) -> None:
    found = named(name, shipped())
    assert [one.value for one in strengths_of(found)] == [strength] and found.aside


def test_an_old_amount_does_not_speak_against_a_code() -> None:
    coded = order("lisinopril (was 10 mg)", code="314077")
    (row,) = read(coded).medicines
    assert row.strength == "20 mg" and NoteCode.STRENGTH_DIFFERS not in noted(row)


def test_directions_behind_an_aside_are_read_and_those_in_it_are_not() -> None:
    (row,) = read(order("lisinopril (was 10 mg) 20 mg daily")).medicines
    assert (row.per_day, row.strength) == ("20 mg", "20 mg")
    (row,) = read(order("lisinopril 20 mg, was 10 mg daily")).medicines
    assert (row.per_day, row.directions) == ("", "was 10 mg daily")


@pytest.mark.parametrize(
    ("name", "strengths"),
    [
        ("Norvasc (amlodipine 5 mg)", ["5"]),
        ("Norvasc (amlodipine besylate 5 mg oral tablet)", ["5"]),
        ("acetaminophen (Tylenol) 500 mg", ["500"]),
        ("metformin (XR) 500 mg", ["500"]),
        ("metformin (500 mg ER tablet)", ["500"]),
        ("lisinopril (20 mg once daily)", ["20"]),
        ("cholecalciferol 25 mcg (1,000 units)", ["25", "1000"]),
        ("ferrous sulfate 325 mg (65 mg iron)", ["325", "65"]),
        ("calcium carbonate 1250 mg (500 mg elemental calcium)", ["1250", "500"]),
        ("Vicodin (hydrocodone 5 mg plus acetaminophen 300 mg)", ["5", "300"]),
        ("insulin glargine (Lantus) 100 units/mL (3 mL)", ["100"]),
        ("amoxicillin (400 mg per 5 mL) suspension", ["400"]),
    ],
)
def test_what_is_of_the_product_goes_on(name: str, strengths: list[str]) -> None:
    found = named(name, shipped())
    assert found.drugs and found.aside == ""
    assert [value for value, _ in found.strengths] == strengths


@pytest.mark.parametrize("name", ["insulin (70/30)", "Norvasc", "sulfamethoxazole, trimethoprim 800-160 mg"])
def test_other_names_have_no_aside(name: str) -> None:
    assert named(name, shipped()).aside == ""


def test_what_she_types_is_read_so_too() -> None:
    typed = act("also-taking", "lisinopril (was 10 mg)", "text:lisinopril (was 10 mg)", words="1 tab daily")
    (row,) = read_said(said_of=typed).medicines
    assert (row.strength, row.directions, row.status) == ("", "was 10 mg; 1 tab daily", "active")
    assert NoteCode.UNIT_NOT_UNDERSTOOD in noted(row)
