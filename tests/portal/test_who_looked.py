"""Who is named beside a look is at the place that answers for her: of a referral that is the one that sent it."""

import re
from typing import Any

import pytest

from medrec.node.refusals import Refusal
from medrec.node.release.practitioners import PHYSICIAN
from medrec.portal import words
from tests.portal.reading import person_page, read, text_of
from tests.portal.story import HOUR, Story
from tests.portal.test_office import told as told

__all__ = ["told"]


def test_a_referral_names_who_sent_it_at_the_place_that_sent_it(told: Story) -> None:
    person: Any = told.person  # type: ignore[attr-defined]
    network: Any = told.network
    north = network["north"]
    network.consent(person, "north", "south", until=network.time + 24 * HOUR)
    doctor = north.practitioners.enter("hill", "Dr Hill", PHYSICIAN)
    north.referrals.refer(person.account, "south", practitioner=doctor, reason="Please see her")
    with pytest.raises(Refusal):
        north.referrals.refer(person.account, "east", practitioner=doctor, reason="Please see her, too")
    assert north.referrals.step(network.time) == 1
    told.settle()
    guide = told.client("guide")
    listed = read(guide, person_page(told) + "/looks")
    page = text_of(listed)
    assert "Dr Hill at North sent 2 measurements or test results to South." in page
    assert "Dr Hill at North wanted to send records about you to East. Nothing was sent." in page
    (one,) = re.findall(r'href="([^"]+)">[^<]*Dr Hill at North sent', listed)
    assert words.LOOKS["vouched"].format(organisation="North") in text_of(read(guide, one))
    desk = told.client("north")
    for path in ("/given", "/office?all=1"):
        staff = text_of(read(desk, path))
        assert "Dr Hill at North sent 2 measurements or test results to South." in staff, path
        assert "Dr Hill at North wanted to send records to East." in staff, path
    for everything in (page, text_of(read(desk, "/given"))):
        assert "Dr Hill at South" not in everything and "Dr Hill at East" not in everything


def test_of_a_look_the_asking_place_answers_for_who_asked(told: Story) -> None:
    guide = told.client("guide")
    (one,) = re.findall(r'href="([^"]+)">[^<]*Dr Brown at South got', read(guide, person_page(told) + "/looks"))
    assert words.LOOKS["vouched"].format(organisation="South") in text_of(read(guide, one))
