"""Where the ledger did not take it that somebody has to answer for what they got, each of whom it concerns reads it."""

from typing import Any

import pytest

from medrec.node.keeping import obligations
from medrec.node.release.receive import close_failed
from medrec.portal import render, words
from tests.portal.reading import person_page, read, text_of
from tests.portal.story import HOUR, Story
from tests.portal.test_office import told as told

__all__ = ["told"]


def given_without_a_debt(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """North gives records to South under an obligation that stands on the ledger already; the journal would not write
    such a line: that is what is switched off here."""
    person: Any = story.person  # type: ignore[attr-defined]
    network, north = story.network, story.network["north"]
    network.consent(person, "north", "south", until=network.time + 24 * HOUR)
    before = story.ask(person, "Dr Brown", "a check-up")
    story.settle()
    close_failed(network["south"])  # type: ignore[arg-type]
    append = north.journal.append

    def appending(connection: Any, drafts: Any) -> Any:
        owes = {"owes": [before.obligation, "south", network.time + HOUR]}
        return append(connection, [one._replace(extras=owes) if one.kind == "disclosure/1" else one for one in drafts])

    with monkeypatch.context() as patched:
        patched.setattr(obligations, "make", lambda *_: None)
        patched.setattr(north.journal, "append", appending)
        story.ask(person, "Dr Green", "a second look")
    story.settle()


def test_the_person_and_the_officer_read_that_nothing_is_owed(told: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, one = words.COMPLETE["unclaimed_none"], text_of(str(render.say(words.COMPLETE["unclaimed"], count=1)))
    says = words.LOOKS["not-owed"].format(organisation="South")
    guide, north = told.client("guide"), told.client("north")
    looks = person_page(told) + "/looks"
    assert whole in text_of(north.get("/office").text)
    assert says not in text_of(read(guide, looks)) + text_of(read(north, "/given"))
    given_without_a_debt(told, monkeypatch)
    desk = text_of(north.get("/office").text)
    assert one in desk and whole not in desk
    hers = text_of(read(guide, looks))
    # Of this look alone, and in place of what South says of it: that settles nothing.
    (about,) = [part for part in hers.split("Did you expect this?") if "a second look" in part]
    assert hers.count(says) == 1 and says in about and "South has confirmed" not in about.split("a second look")[1]
    assert text_of(read(north, "/given")).count(says) >= 1
