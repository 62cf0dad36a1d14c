"""Journeys of a person who changes what stands and what is done with it, and of those who answer her."""

import pytest

from medrec.demo.stage import until
from medrec.node.looks import answering, disputing
from medrec.portal import words
from medrec.portal.page import MOUNT
from tests.browser.conftest import DESK, PHONE, Opener
from tests.browser.hand import Hand, sign_in_as
from tests.browser.own import own_world as own_world
from tests.browser.test_journeys_staff import opened
from tests.browser.world import World

pytestmark = pytest.mark.xdist_group("browser-journeys_record")


def how(hand: Hand) -> str:
    return "keys" if hand.keyboard else "mouse"


def test_she_says_that_a_line_is_wrong(world: World, visit: Opener, keyboard: bool) -> None:
    hand = Hand(visit(PHONE, "en"), keyboard)
    page = hand.page
    page.goto(world.address("kind"))
    hand.press("link", words.RECORD["proof"], page.locator(".entry__foot").nth(int(keyboard)))
    hand.press("link", words.MISTAKES["this"])
    told = f"It was another day ({how(hand)})."
    hand.write(page.get_by_label(words.MISTAKES["words"]), told)
    hand.press("button", words.MISTAKES["next"])
    assert told in page.locator("main").inner_text() and "another" not in page.url
    hand.press("button", words.SIGN["sign_lent"])
    page.locator("section.card", has_text=told).first.wait_for()
    until(world.story.settled, "what is wrong to be told of")


def test_she_writes_in_her_record(world: World, visit: Opener, keyboard: bool) -> None:
    hand = Hand(visit(PHONE, "en"), keyboard)
    page = hand.page
    page.goto(world.address("writing"))
    told = f"Dizzy in the morning ({how(hand)})"
    hand.write(page.locator("[name=text]"), told)
    hand.press("button", words.WRITING["next"])
    hand.press("button", words.SIGN["sign_lent"])
    page.locator(".rows > li", has_text=told).first.wait_for()
    until(world.story.settled, "her own words to be told of")


def test_she_answers_for_a_purpose(world: World, visit: Opener, keyboard: bool) -> None:
    hand = Hand(visit(PHONE, "en"), keyboard)
    page = hand.page
    purpose = "public-health" if keyboard else "research"

    def answered(press: str, stands: str) -> None:
        page.goto(world.address("choices"))
        row = page.locator("section.card", has=page.locator(f"input[value={purpose}]"))
        hand.press("button", words.CHOICES[press], row)
        hand.press("button", words.SIGN["sign_lent"])
        page.get_by_text("Done.").first.wait_for()
        until(world.story.settled, "her choice to be told of")
        page.goto(world.address("choices"))
        assert row.locator(".badge").inner_text() == words.CHOICES[stands]
        assert row.locator(".now dt").inner_text() == words.CHOICES[stands.removeprefix("said_")]

    answered("say_yes", "said_yes")
    assert hand.taps == 2
    answered("say_no", "said_no")
    answered("say_open", "said_open")


def test_a_code_is_made_and_stopped(world: World, visit: Opener, keyboard: bool) -> None:
    hand = Hand(visit(PHONE, "en"), keyboard)
    page = hand.page
    page.goto(world.address("share"))
    hand.tick(page.locator("input[name=life][value=day]"))
    hand.write(page.locator("#label"), f"For Monday ({how(hand)})")
    hand.press("button", words.SHARE["make"])
    hand.press("button", words.SIGN["sign_lent"])
    assert page.locator("figure svg").bounding_box()["width"] > 100
    card = page.locator("section.card", has=page.get_by_role("heading", name=f"For Monday ({how(hand)})"))
    hand.press("button", words.SHARE["stop"], card)
    card.get_by_text(words.SHARE["stopped"], exact=True).wait_for()


def test_a_patient_is_sent_to_another_place(world: World, visit: Opener, keyboard: bool) -> None:
    # The first has a record that was changed without notice, so all of hers never leaves it.
    other, place = world.two_places()
    world.open_door(place, other)
    hand = Hand(visit(DESK, "en"), keyboard)
    page = hand.page
    opened(world, hand, place)
    hand.choose(page.locator("#refer"), other)
    hand.write(page.locator("#refer-words"), "Please look at her heart")
    hand.press("button", words.REFERRALS["button"])
    said = page.locator("form[aria-labelledby=send] [role=status]")
    said.wait_for()
    assert "is on its way" in said.inner_text()
    until(world.story.settled, "the referral to be told of")

    def delivered() -> bool:
        page.goto(world.origin(place) + MOUNT + "/clinic")
        first = page.locator("section[aria-labelledby=sent] .rows > li").first.inner_text()
        return words.REFERRALS["delivered"] in first and words.REFERRALS["answer_settled"] in first

    until(delivered, "the referral to be confirmed")
    assert page.said == []


def test_a_question_about_a_look_is_answered(world: World, visit: Opener, keyboard: bool) -> None:
    source, place = world.two_places()
    hand = Hand(visit(DESK, "en"), keyboard)
    page, node = hand.page, world.network.nodes[place]
    asks = f"I was not there that day ({how(hand)})"
    agent, main = world.network.agent, world.main
    about = (place, source, main.sign, main.key.key_id)
    raised = disputing.dispute(agent, main.account, *about, words=asks)
    until(lambda: any(one.id == raised.id for one in answering.about_us(node)), "the place to be asked")
    sign_in_as(world, hand, place, words.SIGN_IN["privacy-officer"])
    page.goto(world.origin(place) + MOUNT + "/office")
    row = page.locator("section[aria-labelledby=questions] .rows > li", has_text=asks)
    hand.unfold(words.QUESTIONS["answer"], row)
    hand.write(row.locator("textarea"), "A referral came for you on Monday.")
    hand.press("button", words.QUESTIONS["explained"], row)
    row.get_by_text(words.QUESTIONS["ours_answered"], exact=True).wait_for()
    assert row.locator("details").count() == 0 and page.said == []
    # What is asked in the other tests is answered again.
    assert not disputing.close(agent, main.account, raised.id, *about).waiting
