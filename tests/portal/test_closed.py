"""A yes is called closed on her page where a no leaves nothing of it, and nowhere else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core.consent.plain import NOTHING, Party, Plain, write
from medrec.core.manifests.consent import Grant
from medrec.portal import words
from tests.portal.reading import person_page, read, text_of
from tests.portal.story import Story, observation

ODD = (
    '{"resourceType":"Consent","status":"active","dateTime":"2025-01-01","scope":{"coding":[{"system":'
    '"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}]},"category":[{"coding":[{"system":'
    '"http://loinc.org","code":"59284-0"}]}],"provision":{"type":"deny","class":[{"system":'
    '"http://hl7.org/fhir/resource-types","code":"Observation"}]}}'
)
SOUTH, DOCTOR = Party("south"), Party("south", "dr-x", "Dr X")


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    opened = Story(tmp_path)
    opened.person = opened.network.patient("ada", "north", "south")  # type: ignore[attr-defined]
    opened.network["north"].put("Observation", "bp", observation("bp", "ada", "150/95"))
    opened.settle()
    yield opened
    opened.network.close()


@pytest.mark.parametrize(
    ("said", "closed"),
    [
        ([Plain("share"), Plain("emergency-no")], False),
        ([Plain("share", [SOUTH]), Plain("withhold", [DOCTOR])], False),
        ([Plain("emergency-yes"), Plain("withhold", emergencies=True)], False),
        ([Plain("share", [SOUTH]), NOTHING], True),
        ([NOTHING, Plain("share", [SOUTH])], True),
    ],
    ids=["of emergencies", "to one person", "but emergencies", "to all", "to all, before"],
)
def test_a_yes_is_called_closed_where_nothing_is_left_of_it(story: Story, said: list[Plain], closed: bool) -> None:
    person: Any = story.person  # type: ignore[attr-defined]
    for sentence in said:
        story.network.fhir_consent(person, "north", write(sentence, person.account, story.network.time).decode())
        story.network.time += 60_000
    story.settle()
    page = text_of(read(story.client("guide"), person_page(story) + "/sharing"))
    assert (words.CONSENTS["closed"] in page) is closed


@pytest.mark.parametrize(
    ("no", "told"),
    [
        (Plain("withhold", about=["hiv"]), True),
        (Plain("withhold", [DOCTOR]), True),
        (Plain("withhold", purposes=["research"]), False),
        (Plain("emergency-no"), False),
    ],
    ids=["a topic", "one person", "another purpose", "emergencies"],
)
def test_beside_a_yes_stands_the_no_that_takes_something_of_it(story: Story, no: Plain, told: bool) -> None:
    person: Any = story.person  # type: ignore[attr-defined]
    for place, sentence in (("north", Plain("share", [SOUTH])), ("north", no), ("south", NOTHING)):
        story.network.fhir_consent(person, place, write(sentence, person.account, story.network.time).decode())
        story.network.time += 60_000
    story.settle()
    page = text_of(read(story.client("guide"), person_page(story) + "/sharing"))
    assert page.count(words.SHARING["before"]) == told
    assert words.CONSENTS["closed"] not in page


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ([Grant("deny", ["south"], [], None)], 1),
        ([Grant("deny", ["*"], ["Observation"], None)], 1),
        ([Grant("deny", ["east"], [], None)], 0),
        ([Grant("permit", ["east"], [], None)], 0),
        ([Plain("share", but_not=["hiv"])], 1),
        ([Plain("share", [Party("east")], but_not=["hiv"])], 0),
        ([ODD], 1),
    ],
    ids=["simple", "simple, of a kind", "to another", "no no", "left out", "left out of another", "another form"],
)
def test_whatever_takes_something_of_a_yes_stands_beside_it(story: Story, said: list[Any], told: int) -> None:
    """Simple denials, what another yes leaves out, and what was written elsewhere in another form."""
    person: Any = story.person  # type: ignore[attr-defined]
    network = story.network
    network.fhir_consent(person, "north", write(Plain("share", [SOUTH]), person.account, network.time).decode())
    for one in said:
        network.time += 60_000
        if isinstance(one, Grant):
            network.consent(person, "north", *one.recipients, types=tuple(one.types), effect=one.effect)
        else:
            text = one if isinstance(one, str) else write(one, person.account, network.time).decode()
            network.fhir_consent(person, "north", text)
    story.settle()
    page = text_of(read(story.client("guide"), person_page(story) + "/sharing"))
    assert page.count(words.SHARING["before"]) == told


def test_a_simple_no_to_everybody_stands_on_the_card_of_a_yes(story: Story) -> None:
    person: Any = story.person  # type: ignore[attr-defined]
    network = story.network
    network.fhir_consent(person, "north", write(Plain("share"), person.account, network.time).decode())
    network.time += 60_000
    story.settle()
    address = person_page(story) + "/choices"
    assert words.CHOICES["before"] not in text_of(read(story.client("guide"), address))
    network.consent(person, "north", "*", types=(), effect="deny")
    story.settle()
    told = text_of(read(story.client("guide"), address))
    assert words.CHOICES["before"] in told and "Everybody in the network may see nothing that North holds" in told
