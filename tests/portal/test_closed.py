"""A yes is called closed on her page where a no leaves nothing of it, and nowhere else."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.core.consent.plain import NOTHING, Party, Plain, write
from medrec.portal import words
from tests.portal.reading import person_page, read, text_of
from tests.portal.story import Story, observation

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
