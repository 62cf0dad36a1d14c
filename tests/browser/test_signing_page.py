"""The one page on which keys sign, in every language: it says what is signed, everybody can use it, and it is small."""

from collections.abc import Callable
from typing import Any

import pytest

from medrec.demo.network import AGENT
from medrec.demo.stage import until
from medrec.portal import language, words
from medrec.portal.page import MOUNT
from tests.browser import checks
from tests.browser.conftest import PHONE, Opener
from tests.browser.hand import Hand, give_passkey, sign_in
from tests.browser.test_every_page import used
from tests.browser.world import FIRST_HOSPITAL, World

PAGE_BYTES = 60_000


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_the_signing_page_can_be_read_by_everybody_in_her_language(
    world: World, visit: Opener, authenticator: Callable[[Any], Any], code: str
) -> None:
    page = visit(PHONE, "en")
    authenticator(page)
    give_passkey(world, page, world.main)
    sign_in(world, Hand(page, False))
    page.goto(world.address("allow") + f"?lang={code}")
    page.locator("select[name=to]").select_option(FIRST_HOSPITAL)
    page.locator("main form button.button").last.click()
    page.wait_for_selector("#fields dd")
    assert page.url.endswith(MOUNT + "/signing"), "the ticket does not stay in the address"
    with language.use(code):
        wanted = [words.NAMES["sign"], words.SIGN["sign"]]
        wanted += [words.SIGNING["title-consent/2"], words.SIGNING["field-time"]]
    shown = page.inner_text("body")
    assert all(text in shown for text in wanted)
    assert page.locator("html").get_attribute("lang") == code
    assert page.locator("html").get_attribute("dir") == language.LANGUAGES[code].direction
    assert page.locator("#said p").count() >= 2 and page.locator("#said bdi").count() >= 1
    # Each field of each statement is there, the permission itself word by word.
    agent = world.network.agent
    assert page.locator("#fields dl").count() >= len(world.main.patients)
    fields = page.text_content("#fields")
    assert agent.network.hex() in fields and '"resourceType": "Consent"' in fields
    found = used(page, "signing", code)
    assert found == [], "\n".join(found)
    page.emulate_media(color_scheme="dark")
    assert checks.axe_violations(page) == []
    assert checks.unseen_focus(page) == []
    page.click("#sign")
    page.wait_for_url("**/sharing?done=given")
    assert page.said == []
    until(world.story.settled, "the permissions to be told of")


def test_the_signing_page_is_small(world: World, visit: Opener) -> None:
    page = visit(PHONE, "en")
    answer = page.goto(world.origin(AGENT[0]) + MOUNT + "/signing")
    assert answer is not None and answer.status == 200
    weight = sum(
        page.evaluate("address => fetch(address).then((got) => got.arrayBuffer()).then((got) => got.byteLength)", one)
        for one in ("signing", "signing.js", "signing.css")
    )
    assert weight < PAGE_BYTES
