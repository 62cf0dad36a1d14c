"""An emergency after which nothing was read is told to the person all the same: by whom, why, and its review."""

import re
from typing import Any

from medrec.core.consent.emergency import HOUR_MS, REVIEW_MS
from medrec.node.release.emergency import REVIEWS_PATH
from medrec.node.release.practitioners import PHYSICIAN
from medrec.portal import words
from tests.node.test_disputes import carry
from tests.portal.reading import person_page, read, text_of
from tests.portal.story import Story
from tests.portal.test_office import told as told

TEXT = "Found unconscious at the bus station"


def test_she_reads_who_why_and_until_when_and_what_came_of_its_review(told: Story) -> None:
    person, network = told.person, told.network  # type: ignore[attr-defined]
    south: Any = network["south"]
    doctor = south.practitioners.enter("night", "Dr Night", PHYSICIAN)
    declared = south.emergency_reviews.declare("north", person.account, doctor, "unconscious", TEXT)
    told.settle()
    guide = told.client("guide")
    listed = read(guide, person_page(told) + "/looks?show=emergency")
    (alone,) = re.findall(r'href="([^"]+)">[^<]*says it is an emergency', listed)
    home, looks, one = text_of(read(guide, person_page(told))), text_of(listed), text_of(read(guide, alone))
    for page in (home, looks, one):
        assert "Dr Night at South says it is an emergency. They may look at North until today at 19:09" in page
        assert f"Reason given: {TEXT}" in page and words.LOOKED["emergency_badge"] in page
    for page in (looks, one):
        assert "Somebody else at South has to check it. They have time until" in page
    assert words.LOOKED["what"] not in one, "nothing was read"
    network.time += REVIEW_MS + HOUR_MS
    network.engine.submit([])
    told.settle()
    assert "Somebody else at South should have checked it. They had time until" in text_of(read(guide, alone))
    south.emergency_reviews.review(declared.id, "nora", "Nora Officer", "not-justified", "She was awake.")
    carry(network, REVIEWS_PATH)
    told.settle()
    one = text_of(read(guide, alone))
    assert "who says that it was not right: She was awake." in one and "should have checked it" not in one
