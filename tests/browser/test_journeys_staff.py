"""Journeys of those who work at a place, with the mouse and with the keyboard alone, in a real browser."""

import pytest

from medrec.demo.stage import until
from medrec.portal import words
from medrec.portal.page import MOUNT
from tests.browser.conftest import DESK, Opener
from tests.browser.hand import Hand, sign_in_as
from tests.browser.own import own_world as own_world
from tests.browser.world import World

pytestmark = pytest.mark.xdist_group("browser-journeys_staff")

REASON = "Seen in the morning clinic"


def opened(world: World, hand: Hand, place: str) -> None:
    """A clinician of a place finds the main person by her name, and opens her with a reason."""
    page = hand.page
    sign_in_as(world, hand, place, words.SIGN_IN["clinician"])
    page.goto(world.origin(place) + MOUNT + "/clinic")
    hand.write(page.get_by_label(words.CLINIC["text"]), world.main.patients[place])
    hand.press("button", words.CLINIC["search"])
    page.get_by_role("heading", name=words.CLINIC["found"][0]).wait_for()
    one = page.locator("article.card").first
    hand.choose(one.get_by_label(words.CLINIC["purpose"]), "TREAT")
    hand.write(one.get_by_label(words.CLINIC["reason"]), REASON)
    hand.press("button", words.CLINIC["open"], one)
    page.get_by_text(words.CLINIC["told"]).wait_for()
    assert world.main.patients[place] not in page.url and REASON not in page.url


def asked(hand: Hand, source: str) -> None:
    """The clinician asks one other place."""
    hand.tick(hand.page.locator(f"input[name=from-{source}]"))
    hand.press("button", words.CLINIC["ask_button"])
    hand.page.get_by_role("heading", name=words.CLINIC["answers"]).wait_for()


def test_a_lock_is_broken_and_the_privacy_officer_reviews_it(world: World, visit: Opener, keyboard: bool) -> None:
    source, place = world.two_places()
    hand = Hand(visit(DESK, "en"), keyboard)
    page = hand.page
    opened(world, hand, place)
    asked(hand, source)
    part = hand.unfold(words.CLINIC["emergency"])
    assert words.CLINIC["warning"] in part.inner_text()
    story = f"Found on the street, no answer ({'keys' if keyboard else 'mouse'})"
    hand.choose(page.locator("#code"), "unconscious")
    hand.write(page.locator("#words"), story)
    hand.write(page.locator("#again"), world.main.patients[place])
    hand.press("button", words.CLINIC["break"])
    page.locator(".state.bad[role=status]").wait_for()
    assert page.locator(".checks .good").count() == 1
    until(world.story.settled, "the broken lock to be told of")
    office = Hand(visit(DESK, "en"), keyboard)
    sign_in_as(world, office, place, words.SIGN_IN["privacy-officer"])
    office.page.goto(world.origin(place) + MOUNT + "/office")
    row = office.page.locator("section[aria-labelledby=board] .rows > li", has_text=story)
    assert words.OFFICE["emergency_open"] in row.inner_text()
    office.unfold(words.OFFICE["found"], row)
    office.write(row.locator("textarea"), "She could not be asked.")
    office.press("button", words.OFFICE["justified"], row)
    row.get_by_text(words.OFFICE["emergency_reviewed"], exact=True).wait_for()
    assert row.locator("details").count() == 0
    assert page.said == [] and office.page.said == []
    until(world.story.settled, "the review to be told of")


def test_a_patient_is_found_with_a_reason_and_another_place_is_asked(
    world: World, visit: Opener, keyboard: bool
) -> None:
    place, source = world.two_places()
    world.open_door(source, place)
    hand = Hand(visit(DESK, "en"), keyboard)
    opened(world, hand, place)
    asked(hand, source)
    (answer,) = hand.page.locator("section[aria-labelledby=answers] li").all()
    assert answer.get_attribute("class") == "good", answer.inner_text()
    assert hand.page.said == []
    until(world.story.settled, "the looks to be told of")


def test_a_look_is_reviewed(world: World, visit: Opener, keyboard: bool) -> None:
    source, _ = world.two_places()
    hand = Hand(visit(DESK, "en"), keyboard)
    page = hand.page
    sign_in_as(world, hand, source, words.SIGN_IN["privacy-officer"])
    page.goto(world.origin(source) + MOUNT + "/office")
    row = page.locator("section[aria-labelledby=queue] .rows > li").first
    link = row.locator("a.title").get_attribute("href")
    assert link and row.locator(".badge").count() >= 1
    hand.unfold(words.OFFICE["found"], row)
    hand.write(row.locator("textarea"), "I asked the ward; it was a visit.")
    hand.press("button", words.OFFICE["fine"], row)
    page.wait_for_function("link => !document.querySelector(`a.title[href='${link}']`)", arg=link)
    page.goto(world.origin(source) + MOUNT + "/office?all=1")
    done = page.locator("section[aria-labelledby=queue] .rows > li", has=page.locator(f"a.title[href='{link}']"))
    assert words.OFFICE["was_fine"] in done.inner_text()
    assert page.said == []
