"""Every word that a look can bear has its text, and a look through the third door is shown to both sides."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from medrec.core.manifests.access import Denial, Outcome
from medrec.core.manifests.dispute import AnswerKind
from medrec.core.manifests.emergency import ReviewOutcome
from medrec.node.looks.halves import one_sided
from medrec.node.looks.unfit import Why
from medrec.node.refusals import Refusal
from medrec.node.release import receive
from medrec.node.release.practitioners import PHYSICIAN
from medrec.node.release.views import view_at
from medrec.portal import words
from medrec.portal.looks import SETTLED
from tests.portal.reading import person_page, read, text_of
from tests.portal.story import Story
from tests.portal.test_contradicted import alarms, hers, known_at, newest

STATUSES = ("open", "settled", "overdue", "late", "unanchored", "not-owed")
"""What the ledger can say of what is owed for a look (state.Obligation, portal/looks.answered)."""


def test_every_word_of_a_look_has_its_text() -> None:
    wanted = [("LOOKS", f"answer_{one}") for one in (*get_args(Outcome), *get_args(Denial))]
    wanted += [("LOOKS", one) for one in STATUSES] + [("LOOKS", f"review_{one}") for one in get_args(ReviewOutcome)]
    for one in get_args(Outcome):
        wanted += [("LOOKS", "oneside" if one == "received" else f"oneside_{one}")]
        wanted += [("GIVEN", "got" if one == "received" else f"got_{one}")]
    wanted += [("MISTAKES", f"{told}_{one}") for told in ("answer", "told") for one in get_args(AnswerKind)]
    wanted += [("COMPLETE", f"unfit_{one}") for one in get_args(Why)]
    assert [one for one in wanted if one[1] not in getattr(words, one[0])] == []
    assert set(SETTLED) <= set(STATUSES)


@pytest.fixture(params=["linked", "unlinked"])
def viewed(request: Any, tmp_path: Path) -> Iterator[tuple[Story, bool]]:
    """A permitted view of her record at North by somebody of South."""
    linked = request.param == "linked"
    for story in known_at(tmp_path, *(["north", "south"] if linked else ["north"])):
        south: Any = story.network["south"]
        doctor = south.practitioners.enter("dr-brown", "Dr Brown", PHYSICIAN)
        address = view_at(south, "north", hers(story).account, practitioner=doctor, reason="a check-up")
        assert len(story.network["north"].views.open(address.rsplit("/", 1)[1]).records) == 1
        for _ in range(3):
            story.settle()
            receive.close_failed(south)
            story.network.time += 60_000
        story.settle()
        yield story, linked


def test_a_view_is_shown_to_her_and_to_both_houses(viewed: tuple[Story, bool]) -> None:
    story, linked = viewed
    assert newest(story, "south", "disclosure-received/1").outcome == "viewed"
    guide: Any = story.network["guide"]
    guide.looks.catch_up()
    (look,) = guide.looks.page(hers(story).account)
    own = person_page(story)
    for path in ("", "/looks", f"/looks/{look.pair.hex()}"):
        page = text_of(read(story.client("guide"), own + path))
        assert "Dr Brown at South got 1 measurement or test result from North" in page
        if path:
            confirmed = words.LOOKS["answer_viewed"].format(organisation="South") in page
            assert confirmed is linked
    for place in ("north", "south"):
        assert "South" in text_of(read(story.client(place), "/given"))
    asked = words.GIVEN["got_viewed"].format(organisation="South", source="North")
    assert asked in text_of(read(story.client("south"), "/given"))


@pytest.mark.parametrize("stopped_by", ["a no of hers", "its own system"])
def test_a_page_that_was_not_shown_after_all_accuses_nobody(tmp_path: Path, stopped_by: str) -> None:
    """Between the line and the page she says no, or the source's own system is away."""
    for story in known_at(tmp_path, "north", "south"):
        network, ada = story.network, hers(story)
        north: Any = network["north"]
        south: Any = network["south"]
        guide: Any = network["guide"]

        def between(step: str, north: Any = north, network: Any = network, ada: Any = ada) -> None:
            if stopped_by == "a no of hers" and step == "recheck":
                network.consent(ada, "north", "south", effect="deny")
            if stopped_by == "its own system" and step == "read":
                north.source.raw.clear()

        north.gate.step = between
        doctor = south.practitioners.enter("dr-brown", "Dr Brown", PHYSICIAN)
        address = view_at(south, "north", ada.account, practitioner=doctor, reason="a check-up")
        with pytest.raises(Refusal):
            north.views.open(address.rsplit("/", 1)[1])
        north.gate.step = lambda _: None
        for _ in range(3):
            story.settle()
            receive.close_failed(south)
            story.network.time += 60_000
            guide.looks.catch_up()
        story.settle()
        assert newest(story, "south", "disclosure-received/1").outcome == "viewed"
        assert newest(story, "north", "refusal/1").obligation is not None
        guide.looks.catch_up()
        (look,) = guide.looks.page(ada.account)
        assert not look.stopped and guide.looks.questions(ada.account) == [look]
        page = text_of(read(story.client("guide"), f"{person_page(story)}/looks/{look.pair.hex()}"))
        assert words.LOOKS["taken_back_page"].format(organisation="North", requester="South") in page
        assert words.LOOKS["answer_viewed"].format(organisation="South") in page
        assert words.LOOKS["check"] in page and "does not fit" not in page
        assert one_sided(guide, ada.account) == [] and "look-contradicted" not in alarms(story)
