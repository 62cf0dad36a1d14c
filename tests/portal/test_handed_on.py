"""A source that hands on other words than the requester's: the requester's own line counts, or the page says whose
word it is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medrec.core import manifests
from medrec.node.keeping import store
from medrec.node.keeping.journal import Journal
from medrec.node.looks import answering, disputing
from medrec.node.looks.disputes import ANSWERS_PATH, DISPUTED_PATH, DISPUTES_PATH
from medrec.node.release.emergency import REVIEWS_PATH
from medrec.node.release.practitioners import PHYSICIAN
from medrec.node.release.receive import request_records
from medrec.portal import words
from tests.node.test_disputes import carry
from tests.portal.reading import person_page, read, text_of
from tests.portal.story import Story, observation

FORGED = {
    "emergency-reviewed/1": {"outcome": "justified", "words": "A colleague checked it."},
    "dispute-answered/1": {"kind": "explained", "words": "You were brought in by ambulance."},
}


@pytest.fixture(params=["linked", "unlinked"])
def told(request: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Story, bool]]:
    """South found that its emergency was not right, and that its look was a mistake; North hands on other words."""
    linked = request.param == "linked"
    story = Story(tmp_path)
    ada = story.network.patient("ada", "north", *(["south"] if linked else []))
    story.person = ada  # type: ignore[attr-defined]
    story.network["north"].put("Observation", "bp", observation("bp", "ada", "150/95"))
    story.settle()
    story.network.time += 120_000
    guide, south, north = (story.network[name] for name in ("guide", "south", "north"))
    doctor, text = south.practitioners.enter("dr-south", "Dr South", PHYSICIAN), "Found unconscious at the bus station"
    south_: Any = south
    declared = south_.emergency_reviews.declare("north", ada.account, doctor, "unconscious", text)
    story.settle()
    request_records(south_, "north", ada.account, practitioner=doctor, reason=text, purpose="BTG")
    story.settle()
    raised = disputing.dispute(guide, ada.account, "south", "north", ada.sign, ada.key.key_id)  # type: ignore[arg-type]
    settle(story)
    honest = Journal.append

    def append(self: Journal, connection: Any, drafts: Any) -> Any:
        def bent(draft: Any) -> Any:
            if self is not north.journal or draft.kind not in FORGED:
                return draft
            said: Any = manifests.decode(draft.manifest)
            return draft._replace(manifest=manifests.encode(msgspec.structs.replace(said, **FORGED[draft.kind])))

        return honest(self, connection, [bent(draft) for draft in drafts])

    monkeypatch.setattr(Journal, "append", append)
    south_.emergency_reviews.review(declared.id, "po", "Petra Officer", "not-justified", "There was no emergency.")
    answering.answer(south_, "north", raised.id, "mistake", "She should not have looked.")
    settle(story)
    yield story, linked
    story.network.close()


def settle(story: Story) -> None:
    for _ in range(3):
        carry(story.network, DISPUTES_PATH, DISPUTED_PATH, ANSWERS_PATH, REVIEWS_PATH)
        story.settle()
        story.network.time += 60_000


def test_the_requester_s_own_line_counts_and_else_the_source_is_named(told: tuple[Story, bool]) -> None:
    story, linked = told
    guide: Any = story.network["guide"]
    account = story.person.account  # type: ignore[attr-defined]
    kinds = {one.kind for one in guide.agent.notices(account)}
    assert set(FORGED) <= kinds and ("dispute-answer/1" in kinds) is linked
    client, own = story.client("guide"), person_page(story)
    looks = text_of(read(client, own + "/looks"))
    guide.looks.catch_up()
    pages = [text_of(client.get(f"{own}/looks/{one.pair.hex()}").text) for one in guide.looks.page(account)]
    answer = next(page for page in pages if "You asked South why" in page)
    answer = answer[answer.index("You asked South why") : answer.index("Did you expect this?")]
    alarms = {row.code for row in guide.rows(store.alarm)}
    forged = "South had somebody else check it, who says that it was right: A colleague checked it."
    if linked:
        assert "South had somebody else check it, who says that it was not right: There was no emergency." in looks
        assert f"That does not fit together. North also wrote down: {forged}" in looks
        assert "They say it was a mistake: She should not have looked." in answer
        against = "According to North , this is why they looked: You were brought in by ambulance."
        assert f"That does not fit together. North also wrote down: {against}" in answer
        assert "look-contradicted" in alarms
    else:
        assert f"According to North: {forged}" in looks and "That does not fit" not in looks
        assert "According to North , this is why they looked: You were brought in by ambulance." in answer
        assert "They say" not in answer and "look-contradicted" not in alarms


def test_that_nothing_was_asked_for_is_the_word_of_the_place_that_gave_it() -> None:
    """It is handed on by the source alone, so no page has the requester say it."""
    said = words.LOOKS["answer_not-asked"]
    assert isinstance(said, str) and said.startswith("The place that gave it says that {organisation}")
