"""Who people are to her, and what a team is called: which names tell no more, and which may tell why."""

from pathlib import Path
from typing import Any

import pytest

from medrec.core.consent import labels as labelling
from medrec.core.consent.labels import Labeller
from medrec.node.release.labels import Labels

LABELLER = Labeller((Path(labelling.__file__).parent / "labels.json").read_bytes())
ROLES = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"


def of(kind: str, **elements: Any) -> labelling.Labels:
    return LABELLER.label({"resourceType": kind, "id": "x", **elements})


@pytest.mark.parametrize(
    "name",
    [
        "Abuser", "Ex-partner, restraining order", "AA sponsor", "NA sponsor", "Sponsor", "Egg donor", "Sperm donor",
        "Surrogate mother", "Probation officer", "Foster parent", "Foster mother", "Sister from the shelter",
        "Sister's abuser", "Patrocinador de AA", "Donante de óvulos", "Madre de acogida", "Mother and abuser",
    ],
)  # fmt: skip
def test_who_is_no_kin_may_tell_why_they_know_each_other(name: str) -> None:
    for concept in ({"text": name}, {"coding": [{"system": "http://house/kin", "code": "9", "display": name}]}):
        for found in (
            of("RelatedPerson", relationship=[concept]),
            of("FamilyMemberHistory", relationship=concept),
        ):
            assert found.codes or found.may == LABELLER.opaque


@pytest.mark.parametrize(
    "name",
    [
        "Sister", "mother", "Mother-in-law", "Legal guardian", "Wife / emergency contact", "Next-of-Kin", "Friend",
        "maternal grandmother", "Hermana", "cónyuge", "Tía materna", "Hijo y tutor legal", "Great-grandfather",
        "niece/nephew", "Father (guardian)", "Self", "Primary caregiver", "Emergency Contact 1", "Emergency contact #2",
        "Self (patient)", "Son/POA", "Daughter, HCP", "Husband - next of kin", "NOK", "MTH", "Sister 1", "Godmother",
        "None", "Not on file", "hija mayor", "2nd daughter",
    ],
)  # fmt: skip
def test_kin_is_no_doubt(name: str) -> None:
    for concept in ({"text": name}, {"coding": [{"system": "http://house/kin", "code": "9", "display": name}]}):
        assert of("RelatedPerson", relationship=[concept])[:2] == ((), ())
        assert of("Patient", contact=[{"relationship": [concept]}])[:2] == ((), ())
        assert of("FamilyMemberHistory", relationship=concept)[:2] == ((), ())


@pytest.mark.parametrize("name", ["AA sponsor", "Foster mother", "Word that nobody knows", "الأم"])
def test_a_contact_makes_no_doubt_of_the_whole_patient(name: str) -> None:
    local = {"coding": [{"system": "http://house/kin", "code": "9", "display": name}]}
    for concept in ({"text": name}, local, {"coding": [{"system": "http://house/kin", "code": "9"}]}):
        for element in ("relationship", "role"):
            assert of("Patient", contact=[{element: [concept], "name": {"family": "X"}}])[:2] == ((), ())
    assert of("Patient", contact=[{"relationship": [{"text": "HIV infection"}]}]).codes == ("HIV",)
    assert of("Patient", contact=[{"relationship": [{"text": "word " * 40}]}]).may == LABELLER.opaque


def test_a_code_of_kin_is_known_and_one_of_a_foster_family_tells_more() -> None:
    for code, may in (("MTH", ()), ("GUARD", ()), ("FTHFOST", LABELLER.opaque), ("PRNFOST", LABELLER.opaque)):
        concept = {"coding": [{"system": ROLES, "code": code}]}
        assert of("RelatedPerson", relationship=[concept])[:2] == ((), may)
    assert of("RelatedPerson", relationship=[{"text": "HIV infection"}]).codes == ("HIV",)
    # Names, addresses and languages of people are no doubt.
    assert of("RelatedPerson", name=[{"text": "Ann Abuser"}], communication=[{"language": {"text": "Deutsch"}}])[
        :2
    ] == (((), ()))


@pytest.mark.parametrize(
    "name",
    [
        "MAT team", "IOP team", "Recovery team", "Crisis team", "ACT team", "PACT", "Gender team", "Perinatal team",
        "MAT team 2", "Dr Smith MAT team", "Dr Smith's Recovery Team", "DR Recovery team", "Blue crisis team",
        "HIV Dr Smith",
    ],
)  # fmt: skip
def test_the_name_of_a_team_is_read_as_what_it_is_there_for(name: str) -> None:
    labels = Labels()
    for elements in ({"name": name}, {"category": [{"text": name}]}):
        found = labels.of({"resourceType": "CareTeam", "id": "x", **elements})
        assert found.codes or found.may == LABELLER.opaque


@pytest.mark.parametrize(
    "name",
    [
        "Diabetes team", "Primary care team", "Stroke team", "Equipo de enfermería", "Dr Smith team",
        "Dr. J. Brown's Team",
        "DR SMITH TEAM", "Dra. Núñez", "Blue team", "Team Blue", "Team 3", "3", "Palliative team", "Oncology care team",
        "Anticoagulation clinic team", "Dr Smith diabetes team",
    ],
)  # fmt: skip
def test_a_team_that_is_known_is_no_doubt(name: str) -> None:
    assert of("CareTeam", name=name)[:2] == ((), ())
