"""The officer's desk as she reads it: the order of the queue, the board of broken locks, whether the log is whole."""

import re
from typing import Any

from medrec.node.looks import halves
from medrec.node.release.emergency import REVIEWS_PATH
from medrec.node.release.practitioners import PHYSICIAN
from medrec.portal import render, words
from medrec.signals.watch import WEIGHTS
from tests.node.test_disputes import carry
from tests.portal.reading import text_of
from tests.portal.story import HOUR, Story, observation
from tests.portal.test_clinic import clinician
from tests.portal.test_clinic import told as met
from tests.portal.test_office import ask_why
from tests.portal.test_office import told as told
from tests.portal.test_sign_in import csrf_of, visitor

__all__ = ["met", "told"]

DAY = 24 * HOUR
ROWS = re.compile(r'<a class="title" href="/versions/([0-9a-f]{64})"')


def test_the_queue_stands_in_the_order_of_its_reasons_and_is_narrowed_by_one(told: Story) -> None:
    client, north = told.client("north"), told.network["north"]
    ranked = [item for item in north.watch.queue() if item.ranked.weight]  # type: ignore[attr-defined]
    weights = [item.ranked.weight for item in ranked]
    assert len(set(weights)) > 1 and weights == sorted(weights, reverse=True)
    assert ROWS.findall(client.get("/office").text) == [item.ranked.seen.id.hex() for item in ranked][:10]
    for reason in WEIGHTS:
        with_it = [item.ranked.seen.id.hex() for item in ranked if reason in item.ranked.reasons]
        if with_it:
            assert ROWS.findall(client.get("/office", params={"reason": reason}).text) == with_it[:10], reason
    # A reason that there is not narrows nothing.
    assert len(ROWS.findall(client.get("/office?reason=x").text)) == min(10, len(ranked))


def board(met: Story, organisation: str) -> str:
    html = met.client(organisation).get("/office").text
    return text_of(html.split('aria-labelledby="board"')[1].split("</section>")[0])


def test_the_board_shows_a_broken_lock_at_both_places_and_when_its_review_is_late(met: Story) -> None:
    for place in ("north", "south"):
        assert words.OFFICE["board_none"] in board(met, place)
    client, csrf = clinician(met)
    lock = {"break": "north", "code": "unconscious", "scope": "summary", "again": "ada", "patient": "ada"}
    asked = {"csrf": csrf, "purpose": "TREAT", "reason": "First visit today", "words": "Found on the street, no answer"}
    assert client.post("/clinic/patient", data={**lock, **asked}).status_code == 200
    met.settle()
    assert words.OFFICE["emergency_overdue"] not in board(met, "south") + board(met, "north")
    assert words.OFFICE["emergency_open"] in board(met, "south") and "Found on the street" in board(met, "south")
    # The place whose lock was broken sees which place did it.
    assert words.OFFICE["emergency_open"] in board(met, "north") and "South" in board(met, "north")
    met.network.time += 30 * DAY
    met.network.engine.submit([])
    for place in ("north", "south"):
        # It said when it was due, and that it is too late now.
        assert words.OFFICE["emergency_overdue"] in board(met, place)


def test_a_review_as_long_as_the_page_allows_is_taken_and_one_sign_more_is_not(met: Story) -> None:
    south: Any = met.network["south"]
    doctor = south.practitioners.enter("day", "Dr Day", PHYSICIAN)
    about = met.person.account  # type: ignore[attr-defined]
    declared = south.emergency_reviews.declare("north", about, doctor, "unconscious", "Found unconscious in the hall")
    client = visitor(met, "south", demonstration=True)
    client.post("/sign-in/demonstration", data={"role": "privacy-officer"})
    # A browser counts the end of a line as one sign, and sends two.
    words_ = "\n".join(["It was right."] * 9).ljust(1000, "x")
    form = {"csrf": csrf_of(client.get("/office").text), "emergency": declared.id.hex(), "outcome": "justified"}
    for long in (words_ + "x", words_.replace("\n", "\r\n") + "x"):
        no = client.post("/office", data={**form, "words": long}, follow_redirects=False)
        assert no.status_code == 400 and words.ERRORS["too-long"] in text_of(no.text) and "It was right." in no.text
    done = client.post("/office", data={**form, "words": words_.replace("\n", "\r\n")}, follow_redirects=False)
    assert done.status_code == 303
    carry(met.network, REVIEWS_PATH)
    assert declared.id in {one.id for one in met.network["north"].emergencies.all() if one.status == "reviewed"}


def panel(met: Story, organisation: str) -> str:
    html = met.client(organisation).get("/office").text
    return text_of(html.split('aria-labelledby="complete"')[1])


def says(name: str, count: int = 0) -> str:
    return text_of(str(render.say(words.COMPLETE[name], count=count)))


def test_the_panel_says_what_is_whole_and_names_what_is_not(met: Story) -> None:
    north: Any = met.network["north"]
    north.put("Observation", "bp-1", observation("bp-1", "ada", "1"))
    met.settle()
    for place in ("north", "south"):
        whole = panel(met, place)
        for good in (
            "anchored",
            "halves",
            "owed_none",
            "strange_none",
            "alone_none",
            "unwritten_none",
            "about_us_none",
        ):
            assert says(good) in whole, (place, good)
        assert says("disputes_none") in whole
    person: Any = met.person  # type: ignore[attr-defined]
    ask_why(met, "Why?")
    assert says("about_us", 1) in panel(met, "north") and says("about_us_none") not in panel(met, "north")
    assert says("disputes", 1) in panel(met, "south") and says("disputes_none") not in panel(met, "south")
    # South got records and its half never comes: north's officer reads who owes it, and since when.
    met.network.consent(person, "north", "south")
    met.ask(person, "Dr Brown", "a check-up")
    north.anchor()
    waiting = halves.unmatched(north)
    met.network.time = max(half.due for half in waiting) + 1
    met.network.engine.submit([])
    late = [half for half in halves.unmatched(north) if half.status == "overdue"]
    assert late and says("halves_late", len(late)) in panel(met, "north")
    assert "South should have said so by" in panel(met, "north") and says("halves") not in panel(met, "north")
    # A line that waits too long for the ledger.
    north.put("Observation", "bp-9", '{"resourceType":"Observation","id":"bp-9","status":"final"}')
    met.network.time += north.merge_delay_ms + 1
    assert says("anchor_late") in panel(met, "north") and says("anchored") not in panel(met, "north")
