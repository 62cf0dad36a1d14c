"""A requester that asks again and again: her page and the officer's tell the exact number, once."""

import secrets
from pathlib import Path
from typing import Any

import pytest

from medrec.node.fhir.audit import Auditor
from medrec.node.refusals import Refusal
from medrec.node.release import refused_often
from medrec.node.release.practitioners import PHYSICIAN
from medrec.node.release.pull import Pages
from medrec.node.release.refused_often import LINES_MAX, LINES_MS
from medrec.portal import words
from tests.portal.reading import person_page, read, text_of
from tests.portal.story import Story

MORE = 17


def test_her_page_and_the_officer_s_say_how_often_it_was(tmp_path: Path) -> None:
    story = Story(tmp_path)
    person = story.network.patient("ada", "north")
    story.person = person  # type: ignore[attr-defined]
    north: Any = story.network["north"]
    story.settle()
    east: Any = story.network["east"]
    doctor = east.practitioners.enter("dr-east", "Dr East", PHYSICIAN)
    for _ in range(LINES_MAX + MORE):
        request = doctor.request(secrets.token_bytes(16), "TREAT", "please")
        wanted = doctor.ask(story.network.id, "north", person.account, story.network.time + 60_000, request)
        with pytest.raises(Refusal):
            north.gate.release("east", wanted, Pages(north))
    story.network.time += LINES_MS
    assert refused_often.step(north) == 1
    story.settle()
    said = words.LOOKS["refused_more"][1].split("{when}")[0].format(count=MORE).strip()
    page = text_of(read(story.client("guide"), person_page(story) + "/looks"))
    assert page.count(said) == 1
    # What the officer is to look at by lot goes before the others: the line stands on one of the pages.
    office = [f"/office?all=1&page={number}" for number in (1, 2, 3)]
    for place in (office, ["/given"]):
        told = "".join(text_of(read(story.client("north"), one)) for one in place)
        assert told.count(said) == 1, place
    guide: Any = story.network["guide"]
    lines = [one.manifest for one in guide.agent.notices(person.account) if one.kind == "refusal/1"]
    assert len(lines) == LINES_MAX + 1 and sum(one.more or 1 for one in lines) == LINES_MAX + MORE
    (line,) = [one for one in lines if one.more]
    events = Auditor(north, person.account, "ada").events(1, line)
    detail = [one["detail"] for event in events for one in event["entity"] if "detail" in one]
    assert detail == [[{"type": "refusals", "valueString": str(MORE)}]]
    story.network.close()
