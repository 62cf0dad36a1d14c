"""What is held back, and why, follows what the source has now: from the link on, and version by version."""

from typing import Any

import pytest

from medrec.node.right_person import holding
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
