"""Lines about a look that do not fit: the privacy officer of either end sees them, by its own lines and the ledger."""

from typing import Any

import msgspec
import pytest
import sqlalchemy as sql

from medrec.core import manifests
from medrec.core.manifests.access import obligation_of
from medrec.node.keeping.journal import Draft
from medrec.node.looks import unfit
from medrec.node.release import access
from medrec.portal import words
from tests.portal.reading import read, text_of
from tests.portal.story import Story
from tests.portal.test_contradicted import hers, looked, newest, story, write

__all__ = ["story"]

DAY = 86_400_000


def reasons(story: Story, place: str) -> list[tuple[str, tuple[str, ...]]]:
    """Kind and reasons of each look in an officer's queue, of those that say that lines do not fit."""
    queue = story.network[place].watch.queue()  # type: ignore[attr-defined]
    kept = [(one.statement.manifest, [why for why in one.ranked.reasons if why in MINE]) for one in queue]
    return sorted((kind, tuple(found)) for kind, found in kept if found)


MINE = ("contradicted", "stopped")


def refused(given: Any, **changed: Any) -> Any:
    """A refusal under the number of what was given."""
    head = (given.network, given.organisation, given.account, given.time, given.request, "consent-changed", [])
    stated = manifests.FORMS["refusal/1"]("refusal/1", *head, "11" * 16, given.obligation)
    return msgspec.structs.replace(stated, **changed)


def state(story: Story, place: str, stated: Any, settles: list[Any]) -> None:
    """A line about nobody in a place's journal, which settles something."""
    node: Any = story.network[place]
    draft = Draft(stated.manifest, manifests.encode(stated), None, {"settles": settles}, None)
    node.store.write(lambda connection: node.journal.append(connection, [draft]))
    story.settle()


def test_the_source_s_officer_sees_what_was_refused_after_it_was_answered_for(story: Story) -> None:
    given = looked(story)
    assert reasons(story, "north") == []
    # What the line says of its time hides it no more than what it says of the look.
    write(story, "north", refused(given, time=given.time - 60 * DAY))
    assert reasons(story, "north") == [("disclosure/1", ("contradicted",)), ("refusal/1", ("contradicted",))]
    assert words.WATCH["contradicted"] in text_of(read(story.client("north"), "/office"))


def test_what_was_stopped_before_anybody_answered_for_it_is_only_named(story: Story) -> None:
    given = looked(story)
    number = "22" * 16
    owed = obligation_of("north", "south", bytes.fromhex(number)).hex()
    request = msgspec.structs.replace(given.request, id=number)
    second = msgspec.structs.replace(given, request=request, obligation=owed)
    write(story, "north", second, [bytes.fromhex(owed), "south", story.network.time + DAY])
    write(story, "north", refused(second))
    assert reasons(story, "north") == [("disclosure/1", ("stopped",)), ("refusal/1", ("stopped",))]


@pytest.mark.parametrize("how", ["another-line", "another-number"])
def test_the_source_s_officer_sees_a_second_line_of_one_look(story: Story, how: str) -> None:
    given = looked(story)
    second = msgspec.structs.replace(given, records=[], time=story.network.time)
    if how == "another-number":
        second = msgspec.structs.replace(second, request=msgspec.structs.replace(given.request, id="33" * 16))
    write(story, "north", second)
    each = ("disclosure/1", ("contradicted",))
    assert reasons(story, "north") == ([each] * 2 if how == "another-line" else [each])


def test_the_requester_s_officer_sees_two_halves_of_one_look(story: Story) -> None:
    given, half = looked(story), newest(story, "south", "disclosure-received/1")
    south: Any = story.network["south"]
    assert unfit.halves_unfit(south) == []
    good = read(story.client("south"), "/office")
    assert words.COMPLETE["unfit_none"] in text_of(good)
    other = msgspec.structs.replace(half, outcome="nothing", records=[])
    state(story, "south", other, [["north", bytes.fromhex(given.obligation)]])
    (found,) = unfit.halves_unfit(south)
    assert found == ("north", bytes.fromhex(given.obligation), "twice")
    page = text_of(read(story.client("south"), "/office"))
    assert words.COMPLETE["unfit"][0] in page and words.COMPLETE["unfit_twice"] in page and given.obligation in page


def test_the_requester_s_officer_sees_an_answer_in_its_name_that_no_line_gave(story: Story) -> None:
    given = looked(story)
    south: Any = story.network["south"]
    # As after its store was put back to before the answer came, while the request waits.
    south.store.write(
        lambda connection: [
            connection.execute(sql.update(access.asking).values(status="waiting")),
            connection.execute(sql.text("UPDATE line SET kind = 'x' WHERE kind = 'disclosure-received/1'")),
        ]
    )
    assert unfit.halves_unfit(south) == [("north", bytes.fromhex(given.obligation), "not-ours")]
    assert words.COMPLETE["unfit_not-ours"] in text_of(read(story.client("south"), "/office"))


def test_the_requester_s_officer_sees_that_the_ledger_has_another_in_its_place(story: Story) -> None:
    given, half = looked(story), newest(story, "south", "disclosure-received/1")
    number = "44" * 16
    owed = obligation_of("north", "south", bytes.fromhex(number))
    # East writes the half of South's look; North then writes down that East owes it.
    stolen = msgspec.structs.replace(half, request=number, obligation=owed.hex())
    state(story, "east", msgspec.structs.replace(stolen, organisation="east"), [["north", owed]])
    state(story, "south", stolen, [["north", owed]])
    south: Any = story.network["south"]
    assert unfit.halves_unfit(south) == [("north", owed, "somebody-else")]
    request = msgspec.structs.replace(given.request, id=number)
    lie = msgspec.structs.replace(given, request=request, obligation=owed.hex())
    write(story, "north", lie, [owed, "east", story.network.time + DAY])
    assert unfit.halves_unfit(south) == [("north", owed, "not-settled")]
    page = text_of(read(story.client("south"), "/office"))
    assert words.COMPLETE["unfit_not-settled"] in page
    assert hers(story).account not in page
