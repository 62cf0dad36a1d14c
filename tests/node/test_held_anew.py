"""What is held back, and why, follows what the source has now: from the link on, and version by version."""

import json
from typing import Any

import pytest

from medrec.core.matching import Demographics
from medrec.node.right_person import desk, given_codes, holding
from medrec.node.right_person.link import LinkError, read_payload
from tests.fhir.asking import resource
from tests.node.test_contents import Ward, condition
from tests.node.test_contents import ward as ward
from tests.node.test_right_person import ADA, BOB, ada_at_north, demographics, everything, link
from tests.node.test_right_person import network as network

OF_PETER = {"reference": "Patient/ada", "display": "Peter Miller"}
SYPHILIS = resource("Condition", "c9", code={"text": "Syphilis"}, subject=OF_PETER)
PROSTATE = condition("c8", "C61", "Prostate cancer", "ada")


def held(network: Any) -> dict[str, tuple[str, ...]]:
    return {f"{one.type}/{one.id}": one.fields for one in holding.waiting(network["north"])}


def test_what_stood_there_before_the_link_is_looked_at_like_what_comes_after(network: Any) -> None:
    north = network["north"]
    north.put("Patient", "ada", demographics("ada", *ADA, gender="female"))
    north.put("Condition", "c7", resource("Condition", "c7", code={"text": "Gout"}))
    for identifier, content in (("c8", PROSTATE), ("c9", SYPHILIS)):
        north.put("Condition", identifier, content)
    assert held(network) == {}
    person = network.patient("ada", "north")
    # Each by itself: what came with what is not known of then.
    assert held(network) == {"Condition/c8": ("content-sex",), "Condition/c9": ("family", "given")}
    network.consent(person, "north", "south")
    network.anchor()
    told = everything(network, person)
    assert b"Gout" in told.body and b"Syphilis" not in told.body and b"Prostate" not in told.body
    assert [row.name for row in north.lists.of(person.account).read.problems] == ["Gout"]


def test_what_a_human_called_anothers_is_held_from_the_first_moment_of_the_next_link(network: Any) -> None:
    person = ada_at_north(network)
    network["north"].put("Condition", "c9", SYPHILIS, origin="second")
    assert holding.give_up(network["north"], "Condition", "c9", "clerk", "Another person's.")
    network.anchor()
    network.time += 60_000
    link(network, person, network["north"].linker.invite("ada"), family=ADA[0], given=ADA[1], birth=ADA[2])
    assert held(network) == {"Condition/c9": ("family", "given")}
    assert [row.name for row in network["north"].lists.of(person.account).read.problems] == ["Asthma"]


def test_what_came_with_it_and_was_called_anothers_is_held_under_the_next_link(ward: Ward) -> None:
    ward.file(Condition=[PROSTATE, condition("c9", "A53.9", "Syphilis", "ada")])
    assert holding.give_up(ward.north, "Condition", "c9", "clerk", "Another person's.")
    ward.story.settle()
    ward.network.time += 60_000
    agent = ward.network["guide"].agent
    assert agent is not None
    agent.link(ward.ada.account, "north", ward.north.linker.invite("ada"), ward.ada.sign)
    assert ward.held() == {"Condition/c8": ("content-sex",), "Condition/c9": ("came-with",)}
    assert ward.problems(ward.ada) == []
    ward.story.settle()
    # Each is told to her anew, and somebody who looks lets go of both.
    told = [one.kind for one in agent.notices(ward.ada.account)]
    assert told.count("record-held/1") == 4
    assert holding.let_go(ward.north, "Condition", "c8", "clerk", "An old code.")
    assert ward.held() == {} and "Syphilis" in ward.problems(ward.ada)


@pytest.mark.parametrize("way", ["a human lets the other go", "the other is mended"])
def test_what_came_with_another_is_held_for_itself_once_it_names_somebody_else(ward: Ward, way: str) -> None:
    ward.file(Condition=[PROSTATE, condition("c9", "A53.9", "Syphilis", "ada")])
    assert ward.held() == {"Condition/c8": ("content-sex",), "Condition/c9": ("came-with",)}
    ward.file(Condition=[SYPHILIS])
    assert ward.held()["Condition/c9"] == ("family", "given")
    if way.startswith("a human"):
        assert holding.let_go(ward.north, "Condition", "c8", "clerk", "An old code.")
    else:
        ward.file(Condition=[condition("c8", "N30.9", "Cystitis", "ada")])
    assert ward.held() == {"Condition/c9": ("family", "given")} and "Syphilis" not in ward.problems(ward.ada)


def test_a_decision_is_about_the_version_that_was_looked_at(ward: Ward) -> None:
    gussie = {"reference": "Patient/ada", "display": "Lovelace, Gussie"}
    ward.file(Condition=[resource("Condition", "c9", code={"text": "Gout"}, subject=gussie)])
    ward.file(Patient=[demographics("ada", "King", "Augusta", ADA[2], gender="female")])
    seen = {one.type: one.version for one in holding.waiting(ward.north)}
    # While the clerk reads, the source files somebody else there.
    ward.file(Condition=[SYPHILIS])
    ward.file(Patient=[demographics("ada", *BOB, gender="male")])
    assert "birth" in ward.held()["Patient/ada"] and ward.held()["Condition/c9"] == ("family", "given")
    for decide in (holding.let_go, holding.give_up):
        assert not decide(ward.north, "Patient", "ada", "clerk", "She married.", seen["Patient"])
        assert not decide(ward.north, "Condition", "c9", "clerk", "Her nickname.", seen["Condition"])
    assert set(ward.held()) == {"Patient/ada", "Condition/c9"}
    # What she has seen she decides.
    ward.file(Patient=[demographics("ada", "King", "Augusta", ADA[2], gender="female")])
    now = {one.type: one.version for one in holding.waiting(ward.north)}
    assert holding.let_go(ward.north, "Patient", "ada", "clerk", "She married.", now["Patient"])
    assert ward.held() == {"Condition/c9": ("family", "given")}


def test_nobody_is_taken_for_her_whom_the_source_has_and_nobody_signed(ward: Ward) -> None:
    ward.file(Patient=[demographics("ada", "King", "Augusta", ADA[2], gender="female")])
    ward.north.source.raw["Patient", "ada"] = demographics("ada", *BOB, gender="male").encode()
    assert not holding.let_go(ward.north, "Patient", "ada", "clerk", "She married.")
    assert "Patient/ada" in ward.held()


def patient(**parts: Any) -> str:
    return json.dumps({"resourceType": "Patient", "id": "ada"} | parts)


@pytest.mark.parametrize(
    "silent",
    [
        patient(),
        patient(gender="female"),
        patient(name=[{"family": "Lovelace"}]),
        patient(name=[{"given": ["Ada"]}]),
        patient(birthDate="1961-12-10"),
        patient(active=False, link=[{"type": "replaced-by", "other": {"reference": "Patient/bob"}}]),
    ],
)
def test_a_version_that_says_nothing_of_who_it_is_ends_no_hold(ward: Ward, silent: str) -> None:
    ward.file(Patient=[demographics("ada", *BOB, gender="male")])
    ward.file(Patient=[silent], Condition=[resource("Condition", "c9", code={"text": "Syphilis"})])
    assert "Patient/ada" in ward.held() and ward.problems(ward.ada) == []
    ward.file(Patient=[demographics("ada", *ADA, gender="female")])
    assert ward.held() == {}


def test_a_record_that_leaves_the_other_name_out_is_held_still(ward: Ward) -> None:
    ward.file(Condition=[SYPHILIS])
    ward.file(Condition=[resource("Condition", "c9", code={"text": "Syphilis"}, subject={"reference": "Patient/ada"})])
    assert ward.held() == {"Condition/c9": ("family", "given")}
    hers = {"reference": "Patient/ada", "display": "Lovelace, Ada"}
    ward.file(Condition=[resource("Condition", "c9", code={"text": "Gout"}, subject=hers)])
    assert ward.held() == {}


def test_a_patient_that_was_merged_into_another_is_held(ward: Ward) -> None:
    merged = json.loads(demographics("ada", *ADA, gender="female"))
    merged["link"] = [{"type": "replaced-by", "other": {"reference": "Patient/bob"}}]
    ward.file(Patient=[json.dumps(merged)])
    assert ward.held() == {"Patient/ada": ("replaced",)}


@pytest.mark.parametrize(
    "display", ["Miller Peter (DOB 1950-01-01)", "Peter Miller 4711", "Miller, Peter MRN 123", "Mr. Peter123 Miller456"]
)
def test_a_number_beside_a_name_hides_nobody(ward: Ward, display: str) -> None:
    subject = {"reference": "Patient/ada", "display": display}
    ward.file(Condition=[resource("Condition", "c9", code={"text": "Syphilis"}, subject=subject)])
    also = ("birth",) if "DOB" in display else ()
    assert ward.held() == {"Condition/c9": ("family", "given", *also)}
    hers = {"reference": "Patient/ada", "display": "Lovelace, Ada (DOB 1961-12-10)"}
    ward.file(Condition=[resource("Condition", "c7", code={"text": "Gout"}, subject=hers)])
    assert set(ward.held()) == {"Condition/c9"}


@pytest.mark.parametrize("thin", [patient(name=[{"given": ["Ada"]}]), patient(birthDate="1961-12-10"), patient()])
def test_a_record_that_says_too_little_gets_no_code(network: Any, thin: str) -> None:
    network["north"].put("Patient", "ada", thin)
    with pytest.raises(LinkError, match="too little"):
        desk.give_code(network["north"], "ada", Demographics(ADA[0], ADA[1], ADA[2]))


def test_what_the_record_does_not_say_is_known_from_what_was_stated(network: Any) -> None:
    north = network["north"]
    north.put("Patient", "ada", patient(name=[{"given": ["Ada"]}], birthDate="1961"))
    person = network.patient("ada")
    # The record says the year alone: somebody has looked at the papers.
    made = desk.give_code(north, "ada", Demographics(*ADA), looked=["birth"])
    _, code = read_payload(network.id, made.payload)
    link(network, person, code, family=ADA[0], given=ADA[1], birth=ADA[2])
    (given,) = given_codes.lately(north)
    given_codes.decide(north, given.digest, True)
    # The source completes its record: it was of another Ada.
    north.put("Patient", "ada", demographics("ada", "Byron", "Anna", "1961-02-03"), origin="second")
    assert held(network)["Patient/ada"][0] == "birth"
