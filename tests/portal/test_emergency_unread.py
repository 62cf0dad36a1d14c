"""An emergency after which nothing was read is told to the person all the same: by whom, why, and its review."""

import re
from typing import Any

import pytest

from medrec.core.consent.emergency import HOUR_MS, REVIEW_MS
from medrec.node.release.practitioners import PHYSICIAN
from medrec.portal import words
from tests.portal.reading import person_page, read, text_of
from tests.portal.story import Story

TEXT = "Found unconscious at the bus station"


@pytest.fixture
def unread(told: Story) -> Story:
    """South declared an emergency about her at North, and looked at nothing."""
    person, south = told.person, told.network["south"]  # type: ignore[attr-defined]
    doctor = south.practitioners.enter("night", "Dr Night", PHYSICIAN)
    south.emergency_reviews.declare("north", person.account, doctor, "unconscious", TEXT)
    told.settle()
    return told


def seen(story: Story, path: str = "") -> str:
    return text_of(read(story.client("guide"), person_page(story) + path))


def test_she_reads_who_why_and_until_when_on_every_page_of_looks(unread: Story) -> None:
    says = "Dr Night at South says it is an emergency. They may look at North until today at 19:09"
    guide = unread.client("guide")
    listed = read(guide, person_page(unread) + "/looks?show=emergency")
    (alone,) = re.findall(r'href="([^"]+)">[^<]*says it is an emergency', listed)
    home, one = seen(unread), text_of(read(guide, alone))
    for page in (home, text_of(listed), one):
        assert says in page and f"Reason given: {TEXT}" in page and words.LOOKED["emergency_badge"] in page
    for page in (text_of(listed), one):
        assert "Somebody else at South has to check it. They have time until" in page
    assert words.LOOKED["what"] not in one, "nothing was read"


def test_she_reads_that_nobody_checked_it_and_what_came_of_it(unread: Story) -> None:
    unread.network.time += REVIEW_MS + HOUR_MS
    unread.network.engine.submit([])
    unread.settle()
    assert "Somebody else at South should have checked it. They had time until" in seen(unread, "/looks")
    south: Any = unread.network["south"]
    (owed,) = south.emergency_reviews.all()
    south.emergency_reviews.review(owed.id, "nora", "Nora Officer", "not-justified", "She was awake.")
    unread.settle()
    page = seen(unread, "/looks")
    assert "who says that it was not right: She was awake." in page and "should have checked it" not in page
