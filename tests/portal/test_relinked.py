"""What she said at a place ends with her link to it: her pages say so, and a new link asks about what she hid there."""

import html
import json
import re
from typing import Any

import pytest

from medrec.core.consent.plain import Party, Plain, write
from medrec.core.matching import Demographics
from medrec.node.agent import standing_links
from medrec.node.right_person.desk import give_code
from medrec.portal import language, words
from medrec.portal.own import linking as linking_page
from medrec.portal.people import handle
from tests.node.network import Patient
from tests.portal.reading import read, text_of
from tests.portal.story import Story
from tests.portal.test_linking import ada as ada
from tests.portal.test_linking import code_of, linking
from tests.portal.test_linking import story as story
from tests.portal.test_linking_hidden import at_north, begin, sign_it


@pytest.fixture
def hid(story: Story, ada: Patient) -> Patient:
    """She is linked at north, where she hides HIV and shares with east."""
    link(story, ada)
    for says in (Plain("withhold", about=["hiv"]), Plain("share", [Party("east", name="East")])):
        story.network.fhir_consent(ada, "north", write(says, ada.account, story.network.time).decode())
        later(story)
    return ada


def link(story: Story, ada: Patient) -> None:
    network: Any = story.network
    network["guide"].agent.link(ada.account, "north", network["north"].linker.invite("ada"), ada.sign)
    later(story)


def later(story: Story) -> None:
    story.network.time += 60_000
    story.settle()


def pages(story: Story, ada: Patient) -> tuple[str, str]:
    """What her pages of hidden things, and of who can look, say."""
    hidden, sharing = (
        text_of(read(story.client("guide"), f"/people/{handle(ada.account)}/{name}")) for name in ("hidden", "sharing")
    )
    return hidden, sharing


def ends(story: Story, ada: Patient, how: str) -> None:
    network: Any = story.network
    if how == "the desk":
        network["north"].linker.unlink("ada")
    elif how == "an erasure":
        network["north"].source.raw.clear()
        network["north"].erasures.erase_person("ada", "patient-request")
    else:
        shown = story.client("guide").post(linking(ada), data={"do": "undo", "place": "north"})
        told = text_of(shown.text)
        assert "All that you allowed or closed at North ends, too, and so does what you hide there." in told
        sign_undo(story, shown)
    later(story)


def sign_undo(story: Story, shown: Any) -> None:
    action = re.search(r'action="([^"]+/signed)"', shown.text)
    assert action is not None
    assert story.client("guide").post(html.unescape(action.group(1)), data={}).status_code == 200


@pytest.mark.parametrize("how", ["her page", "the desk", "an erasure"])
def test_what_ended_with_the_link_is_said_to_have_ended(story: Story, hid: Patient, how: str) -> None:
    hidden, sharing = pages(story, hid)
    assert "about HIV to yourself" in hidden and words.CONSENTS["unlinked"] not in sharing
    ends(story, hid, how)
    assert at_north(story, hid) == []
    hidden, sharing = pages(story, hid)
    assert "about HIV to yourself" not in hidden and words.HIDDEN["none"] in hidden
    assert sharing.count(words.CONSENTS["unlinked"]) == 2 and words.SHARING["none"] in sharing
    if how == "an erasure":
        return
    link(story, hid)
    hidden, sharing = pages(story, hid)
    assert "about HIV to yourself" not in hidden and words.SHARING["none"] in sharing
    assert words.HIDDEN["button"].format(topic=words.POLICY_TOPICS["hiv"]) in hidden.replace("\u2068", "")


@pytest.mark.parametrize("keeps", [False, True])
def test_a_new_link_asks_about_what_she_hid_there(story: Story, hid: Patient, keeps: bool) -> None:
    ends(story, hid, "the desk")
    code = code_of(story)
    page = story.client("guide").post(linking(hid), data={"code": code}).text
    assert 'name="hide-hiv" value="1" checked' in page and "you hid it from everyone here before" in text_of(page)
    signing = begin(story, hid, code, **({"keeps": "1"} if keeps else {}))
    assert "What you allowed or closed at North before ended" in text_of(signing.text)
    sign_it(story, signing)
    assert at_north(story, hid) == ([] if keeps else [Plain("withhold", about=["hiv"])])
    hidden, _ = pages(story, hid)
    assert ("about HIV to yourself" in hidden) is not keeps


def test_a_newer_link_ends_what_was_said_under_the_older_though_its_end_was_never_told(
    story: Story, hid: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A place that keeps silent about the end does not keep her in the belief that its noes hold."""
    ends(story, hid, "the desk")
    link(story, hid)
    monkeypatch.setattr(standing_links, "undone", lambda node, account: {})
    hidden, sharing = pages(story, hid)
    assert "about HIV to yourself" not in hidden and words.SHARING["none"] in sharing


def test_the_code_of_another_chart_asks_nothing_of_what_she_said_at_that_place(story: Story, hid: Patient) -> None:
    """She hides it there, as she said it: asked again, it would lose "but not in an emergency"."""
    network: Any = story.network
    raw = json.loads(network["north"].source.raw["Patient", "p1"]) | {"id": "b2"}
    network["north"].put("Patient", "b2", json.dumps(raw))
    later(story)
    shown = network["north"].linker.patient("b2")
    code = give_code(network["north"], "b2", Demographics(shown.family, shown.given, shown.birth)).payload
    page = story.client("guide").post(linking(hid), data={"code": code}).text
    assert "North" in page and 'name="hide-' not in page
    before = at_north(story, hid)
    sign_it(story, begin(story, hid, code))
    assert at_north(story, hid) == before


def test_it_is_said_in_each_language() -> None:
    names = ("hide_again", "anew", "ends_too")
    said = set()
    for code in language.LANGUAGES:
        with language.use(code):
            said.update([*(str(linking_page.words.LINKING[name]) for name in names), words.CONSENTS["unlinked"]])
    assert len(said) == 4 * len(language.LANGUAGES)
