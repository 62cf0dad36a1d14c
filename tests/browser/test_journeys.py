"""Journeys of a person through her pages, with the mouse and with the keyboard alone, in a real browser."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from medrec.demo.network import AGENT
from medrec.demo.stage import until
from medrec.node.notify import asking
from medrec.portal import words
from tests.browser.conftest import PHONE, SCREENS, Opener
from tests.browser.hand import Hand, give_passkey, sign_in
from tests.browser.own import own_world as own_world
from tests.browser.world import FIRST_HOSPITAL, World

pytestmark = pytest.mark.xdist_group("browser-journeys")

Authenticate = Callable[[Any], Any]
KEPT = "() => caches.match(new URL('../../../offline', location.href).pathname).then((found) => Boolean(found))"


@pytest.fixture
def held(world: World, visit: Opener, authenticator: Authenticate, keyboard: bool) -> Hand:
    """The main person at her phone, signed in with a passkey of it."""
    page = visit(PHONE, "en")
    authenticator(page)
    give_passkey(world, page, world.main)
    hand = Hand(page, keyboard)
    sign_in(world, hand)
    return hand


@pytest.fixture
def lent(visit: Opener, keyboard: bool) -> Hand:
    """The main person's pages in the demonstration, where her key is lent."""
    return Hand(visit(PHONE, "en"), keyboard)


def test_she_signs_in_with_a_passkey_and_out_again(world: World, held: Hand) -> None:
    assert world.main.name in held.page.inner_text("body")
    assert held.page.said == []
    held.press("button", words.SIGN_IN["sign_out"])
    held.page.wait_for_url(lambda address: "/people/" not in address)
    assert held.page.get_by_text(words.SIGN_IN["signed_in"].split("{")[0]).count() == 0


def test_she_reads_who_looked_and_says_that_it_is_wrong(world: World, lent: Hand) -> None:
    world.a_new_look()
    page = lent.page
    page.goto(world.address("looked"))
    before = page.get_by_text(words.LOOKED["said_wrong"]).count()
    row = page.locator(".rows > li", has=page.locator("details")).first
    lent.unfold(words.LOOKED["question"], row)
    lent.press("button", words.LOOKED["wrong"], row)
    page.get_by_text(words.LOOKED["wrong_more"]).wait_for()
    assert lent.taps <= 2
    until(world.story.settled, "her answer to be told of")
    page.goto(world.address("looked"))
    assert page.get_by_text(words.LOOKED["said_wrong"]).count() == before + 1


def test_a_first_permission_from_a_code_takes_three_taps(world: World, held: Hand) -> None:
    page, held.taps = held.page, 0
    page.goto(asking.address(world.network.nodes[FIRST_HOSPITAL], AGENT[0], world.a_code()))
    held.press("button", words.ASKED["yes"])
    page.get_by_text("They may see it: Harbour General Hospital.").wait_for()
    held.press("button", words.SIGN["sign"])
    page.get_by_text("Done. Your permission is in force now.").wait_for()
    assert held.taps <= 3
    until(world.story.settled, "the permission to be anchored and told of")


def test_a_request_is_answered_with_no(world: World, lent: Hand) -> None:
    page = lent.page
    page.goto(world.address("request"))
    asked = page.url
    lent.press("button", words.ASKED["no"])
    page.wait_for_url(lambda address: address != asked)
    assert lent.taps == 1
    page.goto(asked)
    page.get_by_text(words.ASKED["answered_no"]).wait_for()
    assert page.get_by_role("button", name=words.ASKED["yes"]).count() == 0


def test_who_can_look_is_stopped_in_two_taps(world: World, lent: Hand) -> None:
    page = lent.page
    page.goto(world.address("allow"))
    page.get_by_label("Who is it about?").select_option(label="Lakeside Clinic")
    page.get_by_role("button", name="Go on and read it").click()
    page.get_by_role("button", name=words.SIGN["sign_lent"]).click()
    page.get_by_text("Done. Your permission is in force now.").wait_for()
    until(world.story.settled, "the permission to be told of")
    page.goto(world.address("sharing"))
    before = page.get_by_role("button", name=words.SHARING["stop"]).count()
    lent.press("button", words.SHARING["stop"], page.locator(".rows > li", has_text="Lakeside Clinic"))
    lent.press("button", words.SIGN["sign_lent"])
    page.get_by_text("Done. It is stopped from now on.").wait_for()
    assert lent.taps <= 2
    until(world.story.settled, "the end to be told of")
    page.reload()
    assert page.get_by_role("button", name=words.SHARING["stop"]).count() == before - 1


def test_a_topic_is_hidden(world: World, lent: Hand) -> None:
    page = lent.page
    page.goto(world.address("hidden"))
    offered = page.locator("button[name=topic]")
    before, topic = offered.count(), offered.first.inner_text()
    lent.press("button", topic)
    page.get_by_role("heading", name=words.NAMES["sign"]).wait_for()
    lent.press("button", words.SIGN["sign_lent"])
    page.get_by_text("Done.").wait_for()
    assert lent.taps <= 2
    until(world.story.settled, "the wish to be told of")
    page.goto(world.address("hidden"))
    assert page.locator("button[name=topic]").count() == before - 1
    assert page.get_by_role("button", name=topic, exact=True).count() == 0


def test_from_home_to_the_proof_of_one_line(world: World, lent: Hand) -> None:
    page = lent.page
    page.goto(world.address("person"))
    lent.press("link", words.NAMES["record"])
    page.get_by_role("heading", name=words.NAMES["record"], exact=True).wait_for()
    lent.press("link", words.RECORD["results"])
    page.get_by_role("heading", name=words.RECORD["results"], exact=True).wait_for()
    lent.press("link", words.RECORD["proof"], page.locator(".entry__foot").first)
    page.get_by_role("heading", name=words.NAMES["line"]).wait_for()
    page.get_by_role("heading", name=words.VERSION["state_yes"]).wait_for()
    assert page.get_by_role("link", name=re.compile(words.VERSION["root"])).count() == 1
    assert lent.taps <= 3


def test_the_emergency_card_is_printed(world: World, lent: Hand, keyboard: bool) -> None:
    page = lent.page
    page.add_init_script("window.print = () => { document.documentElement.dataset.printed = 'yes' }")
    page.goto(world.address("more"))
    lent.press("link", words.NAMES["card"])
    page.locator("h2", has_text=words.CARD["title"]).wait_for()
    lent.press("button", words.CARD["print"])
    page.wait_for_selector("html[data-printed=yes]", state="attached")
    page.emulate_media(media="print")
    card = page.locator(".emergency")
    assert world.main.name in card.inner_text() and words.CARD["allergies"] in card.inner_text()
    for hidden in ("nav.nav", ".actions", "a.nhsuk-skip-link", "h1", ".head", ".foot"):
        assert not any(one.is_visible() for one in page.locator(hidden).all()), hidden
    assert card.bounding_box()["width"] == pytest.approx(86 / 25.4 * 96, abs=2)
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENS / "card-en-print.png", full_page=True)
    paper = page.pdf(format="A4", path=SCREENS / "card-en-paper.pdf")
    assert paper.startswith(b"%PDF-") and len(re.findall(rb"/Type\s*/Page\b", paper)) == 1


def test_the_emergency_card_is_there_without_the_internet(world: World, visit: Opener) -> None:
    page = visit(PHONE, "en")
    page.goto(world.address("card"))
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    page.reload()
    page.wait_for_function("() => navigator.serviceWorker.controller")
    page.reload()
    page.wait_for_function(KEPT)
    assert page.said == []
    page.context.set_offline(True)
    page.reload()
    card = page.locator(".emergency").inner_text()
    assert world.main.name in card and words.CARD["medicines"] in card
    page.locator(".banner--offline").wait_for(state="visible")
    # Any other page says that it needs the internet, names nobody, and leads back to the card.
    page.goto(world.address("record"))
    page.get_by_role("heading", name=words.NAMES["offline"]).wait_for()
    assert world.main.name not in page.content()
    page.get_by_role("link", name=words.NAMES["card"]).click()
    assert world.main.name in page.locator(".emergency").inner_text()
    page.context.set_offline(False)
    page.goto(world.address("record"))
    page.get_by_role("heading", name=words.NAMES["record"], exact=True).wait_for()


def test_i_do_not_take_this_is_said_and_signed(world: World, held: Hand) -> None:
    page = held.page
    page.goto(world.address("lists"))
    reason = f"It made me dizzy ({'keys' if held.keyboard else 'mouse'})."
    row = page.locator(".rows > li", has=page.locator("form[action$='/list-word'] input[name=row]")).first
    name = row.locator(".title").first.inner_text()
    part = held.unfold(words.ONE_LIST["say"], row)
    held.write(part.query_selector("input[name=words]"), reason)
    held.press("button", words.ONE_LIST["not_taking"], row)
    page.wait_for_selector("#fields dd")
    shown = page.inner_text("#fields")
    assert reason in shown and "not-taking" in shown and "#" not in page.url
    held.press("button", "Sign")
    page.wait_for_url("**/list*")
    until(world.story.settled, "her word to be told of")
    page.reload()
    assert any(reason in text for text in page.locator(".rows > li", has_text=name).all_text_contents())


def test_a_helper_is_named_and_stopped(world: World, held: Hand) -> None:
    page = held.page
    page.goto(world.address("helping"))
    helper = next(who for who in world.network.residents if who is not world.main)
    called = "Bo with the keys" if held.keyboard else "Bo with the mouse"
    held.write(page.get_by_label(words.HELPERS["address"]), helper.account)
    held.write(page.get_by_label(words.HELPERS["called"]), called)
    held.write(page.get_by_label(words.HELPERS["days"]), "30")
    held.press("button", words.HELPERS["name"])
    page.wait_for_selector("#fields dd")
    assert called in page.inner_text("#fields") and helper.account in page.inner_text("#fields")
    held.press("button", "Sign")
    page.wait_for_url("**/helping*")
    named = page.locator("section.card", has=page.get_by_role("heading", name=called))
    assert words.HELPERS["look"] in named.inner_text()
    held.press("button", words.HELPERS["end"], named)
    page.wait_for_selector("#fields dd")
    held.press("button", "Sign")
    page.wait_for_url("**/helping*")
    assert words.HELPERS["over"] in page.locator("section.card", has_text=called).inner_text()


def test_notices_are_changed(world: World, lent: Hand) -> None:
    page = lent.page
    page.goto(world.address("settings"))
    pace = "quiet" if lent.keyboard else "at-once"
    email = f"{pace}@example.org"
    lent.tick(page.locator(f"input[name=pace][value={pace}]"))
    lent.write(page.get_by_label(words.NOTICES["email"]), email)
    lent.press("button", words.NOTICES["save"])
    lent.press("button", words.SIGN["sign_lent"])
    page.get_by_text(words.DONE["saved"]).wait_for()
    page.goto(world.address("settings"))
    assert page.locator(f"input[name=pace][value={pace}]").is_checked()
    assert page.get_by_label(words.NOTICES["email"]).input_value() == email and email not in page.url
