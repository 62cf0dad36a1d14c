"""A code that a person makes on her page is opened by somebody else's browser, which reads what is in it."""

import base64
import json

import pytest

from medrec.portal import words
from tests.browser.conftest import PHONE, Opener
from tests.browser.own import own_world as own_world
from tests.browser.world import World

pytestmark = pytest.mark.xdist_group("browser-share")


def test_a_code_is_made_opened_with_its_passcode_and_stopped(world: World, visit: Opener) -> None:
    owner, doctor = visit(PHONE, "en"), visit(PHONE, "en")
    owner.goto(world.address("share"))
    owner.check("input[name=everything]")
    owner.fill("#passcode", "rain 7")
    owner.click("button[name=share]")
    owner.get_by_role("button", name=words.SIGN["sign_lent"]).click()
    address = owner.text_content("section pre code")
    assert owner.locator("figure svg").bounding_box()["width"] > 100
    doctor.goto(address)
    doctor.fill("#recipient", "Dr Brown")
    doctor.fill("#passcode", "rain 8")
    doctor.click("#open button")
    doctor.wait_for_selector("#open-state:not([hidden])")
    assert "Tries left: 4" in doctor.inner_text("#open-state")
    doctor.fill("#passcode", "rain 7")
    doctor.click("#open button")
    doctor.wait_for_selector("#shown:not([hidden])")
    assert doctor.locator("#entries li").count() > 3 and "undefined" not in doctor.inner_text("#entries")
    owner.goto(world.address("share"))
    assert "Opened once." in owner.inner_text("main")
    owner.click("button[name=stop]")
    doctor.reload()
    doctor.fill("#recipient", "Dr Brown")
    doctor.fill("#passcode", "rain 7")
    doctor.click("#open button")
    doctor.wait_for_selector("#open-state:not([hidden])")
    assert "does not work any more" in doctor.inner_text("#open-state")
    # A browser tells of the answers 401 and 404 on its console; nothing else went wrong.
    assert [said for said in doctor.said if "401" not in said and "404" not in said] == [] and owner.said == []


def coded(value: object) -> str:
    """The fragment of a link that holds this."""
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return "#shlink:/" + base64.urlsafe_b64encode(text).decode().rstrip("=")


def test_a_code_that_is_damaged_says_so_before_anything_is_asked(world: World, visit: Opener) -> None:
    page, key = visit(PHONE, "en"), "A" * 43
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    whole = {"url": f"{world.origin('patients-agent')}/pages/s/x", "key": key, "flag": "P"}
    cut = coded(whole)[:-9]
    damaged = [{**whole, "url": "not a url"}, {**whole, "key": "short"}, {"url": whole["url"]}, [], None, b"\xff{"]
    address = world.address("open_shared")
    for fragment in [*map(coded, damaged), cut, "#shlink:/***", "#x"]:
        page.goto(address)
        assert page.locator("#no-link").inner_text() == words.SHARE["view_none"]
        page.evaluate("(fragment) => { location.hash = fragment }", fragment)
        page.get_by_text(words.SHARE["view_damaged"]).wait_for()
        assert not page.locator("#open").is_visible(), fragment
    page.goto(address + coded(whole))
    page.locator("#passcode").wait_for()
    page.goto(address + coded({**whole, "url": "https://elsewhere.example/s/x"}))
    page.locator("#passcode").fill("rain 7")
    page.locator("#recipient").fill("Dr Brown")
    page.click("#open button")
    page.get_by_text(words.SHARE["view_other"]).wait_for()
    assert asked == [] and page.said == []
