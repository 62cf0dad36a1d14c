"""A source gave records out, and then says that it did not; who asked for them is not linked to her, and silent."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medrec.core import manifests, state
from medrec.node.looks import look_parts
from medrec.node.looks.halves import one_sided
from medrec.portal import words
from tests.portal.reading import person_page, read, text_of
from tests.portal.story import Story
from tests.portal.test_contradicted import alarms, found, hers, known_at, newest, page, write


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    """Ada is known at North alone."""
    yield from known_at(tmp_path, "north")


def not_sent(story: Story) -> Any:
    """South looks and has the records; North writes that it sent nothing. What North wrote of it first."""
    story.ask(hers(story), "Dr Brown", "a check-up")
    story.settle()
    given = newest(story, "north", "disclosure/1")
    write(story, "north", refusal_of(story, given))
    return given


def refusal_of(story: Story, given: Any) -> Any:
    head = ("refusal/1", given.network, "north", given.account, story.network.time)
    return manifests.FORMS["refusal/1"](*head, given.request, "consent-changed", [], "00" * 16, given.obligation)


def test_she_is_asked_about_what_its_source_alone_says_it_did_not_send(story: Story) -> None:
    given, guide, person = not_sent(story), story.network["guide"], hers(story)
    with story.network.engine.view() as view:
        stands = state.read(view, state.obligation_key("north", bytes.fromhex(given.obligation)), state.Obligation)
    assert stands is not None and (stands.debtor, stands.status) == ("south", "settled")
    (look,) = found(story)
    assert look.given and look.refused and look.received is None and not look.stopped
    assert guide.looks.questions(person.account) == [look]  # type: ignore[attr-defined]
    assert (found(story, "one-sided"), found(story, "refused")) == ([look], [])
    assert [(one.silent, one.status) for one in one_sided(guide, person.account)] == [("south", "settled")]  # type: ignore[arg-type]
    told = page(story)
    assert "Dr Brown at South got 1 measurement" in told and words.LOOKS["check"] in told
    assert words.LOOKS["taken_back"].format(organisation="North", requester="South") in told
    assert words.LOOKS["settled"].format(organisation="South") in told
    assert words.LOOKS["refused"].format(who="Dr Brown at South", source="North") not in told
    address = f"{person_page(story)}/looks/{look.pair.hex()}"
    one = read(story.client("guide"), address)
    assert f"{address}/dispute" in one and words.LOOKED["one_side"] in text_of(one)
    assert words.LOOKED["question"] in text_of(one) and alarms(story) == []


def test_a_refusal_counts_once_the_requester_says_that_nothing_came(story: Story) -> None:
    given = not_sent(story)
    half = newest(story, "south", "disclosure-received/1")

    def told(*said: Any) -> look_parts.Parts:
        return look_parts.joined([_Line(one) for one in said])

    refused = refusal_of(story, given)
    nothing = msgspec.structs.replace(half, outcome="nothing", records=[])
    assert told(given, refused).taken_back and told(given, refused).shown.manifest is given
    assert told(given, refused, nothing).stopped and told(given, refused, nothing).shown.manifest is refused
    assert told(refused).stopped and not told(given).stopped
    got = told(given, refused, half)
    assert not got.stopped and not got.taken_back and [one.manifest for one in got.contrary] == [refused]


class _Line(msgspec.Struct):
    manifest: Any
