"""A line that her agent did not take: her page says that it came, and why it counts for nothing."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medrec.core import manifests
from medrec.core.consent.plain import EVERYTHING
from medrec.core.manifests.record import LinkManifest
from medrec.node.agent import not_taken
from medrec.node.keeping import store
from medrec.node.keeping.journal import Draft
from medrec.portal import language, render, words
from tests.portal.reading import person_page, read, text_of
from tests.portal.story import Story
from tests.portal.test_contradicted import hers, known_at
from tests.portal.test_gone_keys import signed

LATER = 120_000


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    yield from known_at(tmp_path, "north", "south")


def tell(story: Story, kind: str, data: bytes, place: str = "north") -> None:
    """A place puts these bytes into its journal, anchors them, and tells her agent of them as of any line."""
    node: Any = story.network[place]
    (row,) = [one.id for one in node.rows(store.person) if one.account == hers(story).account]
    draft = Draft(kind, data, row, None, None)
    node.store.write(lambda connection: node.journal.append(connection, [draft]))
    story.settle()
    story.network.time += LATER
    # The ledger shows it by now: her agent asks for it, and is told once more.
    guide: Any = story.network["guide"]
    guide.redeliver_missing()
    story.settle()


def home(story: Story) -> str:
    return text_of(read(story.client("guide"), person_page(story)))


def reasons(story: Story) -> list[not_taken.NotTaken]:
    return list(not_taken.of(story.network["guide"], hers(story).account).values())  # type: ignore[arg-type]


def forged(story: Story, **changes: Any) -> bytes:
    return manifests.encode(msgspec.structs.replace(signed(story, "north", says=EVERYTHING), **changes))


def test_a_form_that_nobody_can_read_is_told_as_refused(story: Story) -> None:
    odd = forged(story).replace(b'"assurance":"self"', b'"assurance":"sworn"')
    tell(story, "consent/2", odd)
    assert reasons(story) == [not_taken.NotTaken("unreadable", "")]
    page = home(story)
    assert "We did not take it, and it counts for nothing here." in page
    assert words.PERSON["not_taken_unreadable"].format(organisation="North") in page
    assert "has not told us what" not in page


@pytest.mark.parametrize(
    ("changes", "why"),
    [({"signature": "00" * 64}, "unsigned"), ({"organisation": "south"}, "another-place")],
)
def test_what_was_refused_and_why_is_said_by_its_kind(story: Story, changes: dict[str, Any], why: str) -> None:
    tell(story, "consent/2", forged(story, **changes))
    assert reasons(story) == [not_taken.NotTaken(why, "consent/2")]
    page = home(story)
    assert words.MANIFESTS["consent/2"] in page
    assert words.PERSON[f"not_taken_{why}"].format(organisation="North") in page


def test_what_never_came_is_still_said_to_be_so(story: Story) -> None:
    stated = LinkManifest(
        "link/1", story.network.id.hex(), "north", hers(story).account, story.network.time, "link", "guide", 0
    )
    node: Any = story.network["north"]
    (row,) = [one.id for one in node.rows(store.person) if one.account == hers(story).account]
    draft = Draft("link/1", manifests.encode(stated), row, None, None)
    node.store.write(lambda connection: node.journal.append(connection, [draft]))
    story.network.anchor()
    agent: Any = story.network["guide"].agent
    while agent.follow():
        pass
    story.network.time += LATER
    assert reasons(story) == [] and "has not told us what" in home(story)


def test_a_line_that_the_ledger_does_not_show_leaves_nothing_behind(story: Story) -> None:
    guide: Any = story.network["guide"]
    entry = (hers(story).account, os.urandom(16), not_taken.NotTaken("unsigned", "consent/2"))
    guide.store.write(lambda connection: not_taken.keep(connection, [entry]))
    assert guide.rows(not_taken.notice_refused) == []


def test_every_reason_has_a_sentence_in_every_language() -> None:
    for code in language.LANGUAGES:
        with language.use(code):
            said = [
                str(render.say(words.PERSON[f"not_taken_{why}"], organisation="North"))
                for why in not_taken.Why.__args__  # type: ignore[attr-defined]
            ]
            assert len(set(said)) == 4
