"""What she hides elsewhere is asked about when a new place comes to know her: in the same step, with one signature."""

import html
import re
from typing import Any

import pytest

from medrec.core.consent import plain
from medrec.core.consent.plain import Plain, write
from medrec.node.keeping import store
from medrec.portal import words
from medrec.portal.people import handle
from tests.node.network import Patient
from tests.portal.reading import read, text_of
from tests.portal.story import Story
from tests.portal.test_linking import ME, code_of, confirmed, linking
from tests.portal.test_linking import ada as ada
from tests.portal.test_linking import story as story


@pytest.fixture
def hiding(story: Story, ada: Patient) -> Patient:
    """She is known at south and hides two topics there, and a third from one house alone."""
    south: Any = story.network["south"]
    guide: Any = story.network["guide"]
    guide.agent.link(ada.account, "south", south.linker.invite("ada"), ada.sign)
    hides_one = Plain("withhold", [plain.Party("north")], about=["violence"])
    for says in (Plain("withhold", about=["hiv"]), Plain("withhold", about=["substance-use"]), hides_one):
        story.network.fhir_consent(ada, "south", write(says, ada.account, story.network.time).decode())
        story.network.time += 60_000
    story.settle()
    return ada


def begin(story: Story, ada: Patient, code: str = "", **form: str) -> Any:
    """The page on which she signs that North and she are linked."""
    client = story.client("guide")
    answer = client.post(linking(ada), data={"code": code or code_of(story), "do": "link", **ME, **form})
    assert answer.status_code == 200, text_of(answer.text)
    return answer


def sign_it(story: Story, signing: Any) -> None:
    action = re.search(r'action="([^"]+/signed)"', signing.text)
    assert action is not None
    assert story.client("guide").post(html.unescape(action.group(1)), data={}).status_code == 200
    confirmed(story)
    story.settle()


def at_north(story: Story, ada: Patient) -> list[Plain]:
    kept = story.network["north"].consents.of(ada.account)
    return [plain.read(one.consent.consent.encode()) for one in kept]  # type: ignore[union-attr]


def test_each_hidden_topic_is_asked_about_and_ticked(story: Story, hiding: Patient) -> None:
    page = story.client("guide").post(linking(hiding), data={"code": code_of(story)}).text
    for topic, asked in (("hiv", True), ("substance-use", True), ("violence", False), ("mental-health", False)):
        ticked = f'name="hide-{topic}" value="1" checked' in page
        assert ticked is asked, topic
    told = text_of(page)
    assert words.LINKING["hide_too"] in told and "you hide it from everyone at South" in told


@pytest.mark.parametrize("form", [{}, {"read": "1"}, {"keeps": "1", "hide-hiv": "1", "hide-substance-use": "1"}])
def test_what_she_does_not_change_is_hidden_with_one_signature(
    story: Story, hiding: Patient, form: dict[str, str]
) -> None:
    signing = begin(story, hiding, **form)
    said = text_of(signing.text)
    assert words.POLICY_TOPICS["hiv"] in said and words.POLICY_TOPICS["substance-use"] in said
    assert signing.text.count("medrec/consent/2") == (2 if "read" in form else 1), "one sentence for both topics"
    sign_it(story, signing)
    noes = [one for one in at_north(story, hiding) if one.effect == "withhold"]
    assert len(noes) == 1 and set(noes[0].about) == {"hiv", "substance-use"} and not noes[0].to
    assert not noes[0].emergencies, "until she says otherwise, in an emergency as well"
    assert len(at_north(story, hiding)) == (2 if "read" in form else 1)
    hidden = text_of(read(story.client("guide"), f"/people/{handle(hiding.account)}/hidden"))
    assert words.HIDDEN["button"].format(topic=words.POLICY_TOPICS["hiv"]) not in hidden
    assert "Hide HIV at North, too" not in hidden


def test_what_she_unticks_is_not_hidden(story: Story, hiding: Patient) -> None:
    sign_it(story, begin(story, hiding, keeps="1", **{"hide-hiv": "1"}))
    assert [one.about for one in at_north(story, hiding)] == [["hiv"]]


def test_unticking_all_links_and_hides_nothing(story: Story, hiding: Patient) -> None:
    sign_it(story, begin(story, hiding, keeps="1"))
    assert at_north(story, hiding) == []
    linked = [row.account for row in story.network["north"].rows(store.person) if row.account]
    assert linked == [hiding.account]


def test_who_hides_nothing_is_asked_nothing_and_signs_the_link_alone(story: Story, ada: Patient) -> None:
    code = code_of(story)
    page = story.client("guide").post(linking(ada), data={"code": code}).text
    assert words.LINKING["hide_too"] not in text_of(page) and 'name="keeps"' not in page
    sign_it(story, begin(story, ada, code))
    assert at_north(story, ada) == []
