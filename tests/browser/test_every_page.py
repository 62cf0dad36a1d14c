"""Every page of the table, in every language: axe finds nothing, nothing scrolls sideways, all can be read and hit."""

import os
import re
from typing import Any

import pytest

from medrec.portal import language, words
from medrec.portal.page import Role
from medrec.portal.table import PAGES
from tests.browser import checks
from tests.browser.conftest import DESK, PHONE, SCREENS, Opener
from tests.browser.world import FIRST_HOSPITAL, World

READABLE = [page.name for page in PAGES if "GET" in page.methods and page.template]
READABLE += [f"{page.name}@{FIRST_HOSPITAL}" for page in PAGES if page.name in READABLE and page.role is Role.ANY]
"""Every page where it is: one that all nodes have at the agent and at a hospital (the other kinds: test_states)."""
NARROW, PAPER = {"width": 320, "height": 640}, {"width": 718, "height": 1040}
"""A narrow phone, and what A4 leaves between margins of 10 mm."""
SCREEN_ONLY = (
    ".nav", ".head__end", ".banner--offline", "a.nhsuk-skip-link", ".actions button", ".languages", ".tiles", ".tap",
)  # fmt: skip
AFTER_LINKS = """() => [...document.querySelectorAll('a')].filter((a) => a.checkVisibility())
  .map((a) => getComputedStyle(a, '::after').content).filter((content) => !['none', 'normal'].includes(content))"""
INK = """() => {
  const grey = (colour) => {
    const [r, g, b, a = 1] = colour.match(/[0-9.]+/g).map(Number);
    return a ? (r + g + b) / 3 : 255;
  };
  const main = document.querySelector('main');
  const ground = [main, document.body, document.documentElement].map((e) => getComputedStyle(e).backgroundColor);
  return [grey(getComputedStyle(main.querySelector('h1') ?? main).color), Math.min(...ground.map(grey))];
}"""


def opened(page: Any, world: World, name: str, code: str) -> None:
    name, _, place = name.partition("@")
    with language.use(code):
        address = world.address(name, place)
    answer = page.goto(f"{address}?lang={code}")
    assert answer is not None and answer.status == 200, f"{name}: {answer and answer.status}"
    assert page.locator("html").get_attribute("lang") == code


def keep(page: Any, name: str, code: str, size: str) -> None:
    """A screenshot of the whole page, where they are asked for; its name is the same in every run."""
    if not os.environ.get("MEDREC_SCREENS"):
        return
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENS / f"{name}-{code}-{size}.png", full_page=True, animations="disabled")


def used(page: Any, name: str, code: str) -> list[str]:
    """What hinders somebody on the page as it lies there, at each size."""
    found = checks.axe_violations(page) + checks.overflow(page) + checks.too_small(page) + checks.split_words(page)
    found += checks.turned(page)
    keep(page, name, code, "phone")
    page.set_viewport_size(NARROW)
    found += checks.overflow(page) + checks.too_small(page)
    page.evaluate("() => { document.documentElement.style.fontSize = '200%' }")
    found += checks.overflow(page) + checks.too_small(page)
    page.evaluate("() => { document.documentElement.style.fontSize = '' }")
    page.set_viewport_size(DESK)
    found += checks.overflow(page) + checks.too_small(page)
    keep(page, name, code, "desk")
    return found


def at_the_narrowest(page: Any) -> list[str]:
    """What names that are too long break, on a narrow phone with letters twice as large. The page is spent."""
    page.set_viewport_size(NARROW)
    page.evaluate("() => { document.documentElement.style.fontSize = '200%' }")
    return checks.stretched(page)


@pytest.mark.parametrize("code", language.LANGUAGES)
@pytest.mark.parametrize("name", READABLE)
def test_a_page_can_be_used_by_everybody(world: World, look: Opener, name: str, code: str) -> None:
    page = look(PHONE, code)
    opened(page, world, name, code)
    found = used(page, name, code) + at_the_narrowest(page)
    assert found == [], "\n".join(found)
    assert page.said == []


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_the_screen_of_one_patient_can_be_used_by_everybody(world: World, visit: Opener, code: str) -> None:
    """A page that forms alone open: with the list, an answer that was refused, and the lock to break unfolded."""
    source, place = world.two_places()
    page = visit(PHONE, code)
    page.goto(f"{world.address('front', place)}?lang={code}")
    fields = {"patient": world.main.patients[place], "purpose": "TREAT", "reason": "First visit today"}
    world.staff_post(page, "clinic_patient", place, "clinician", {**fields, f"from-{source}": "1"})
    assert page.locator("html").get_attribute("lang") == code
    page.locator("details.state.bad summary").click()
    page.locator("#again").wait_for()
    found = used(page, "clinic_patient", code)
    assert found == [], "\n".join(found)
    assert page.said == []
    # A second time: what stands open now is read in the dark.
    page.emulate_media(color_scheme="dark")
    dark = checks.axe_violations(page)
    assert dark == [], "\n".join(dark)
    found = at_the_narrowest(page)
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_a_page_that_is_not_there_can_be_used_by_everybody(world: World, look: Opener, code: str) -> None:
    page = look(PHONE, code)
    answer = page.goto(f"{world.address('front')}no-such-page?lang={code}")
    assert answer is not None and answer.status == 404
    found = used(page, "error", code)
    assert found == [], "\n".join(found)


def test_a_browser_that_shows_no_messages_says_why(world: World, visit: Opener) -> None:
    page = visit(PHONE, "en")
    opened(page, world, "settings", "en")
    page.locator("#push-form button").click()
    page.get_by_text(words.NOTICES["push_denied"]).wait_for()
    assert page.locator("#push-form button").is_visible(), "it can be tried again"
    without = visit(PHONE, "en")
    without.add_init_script("delete window.PushManager")
    opened(without, world, "settings", "en")
    without.get_by_text(words.NOTICES["push_unable"]).wait_for()
    assert not without.locator("#push-form button").is_visible()


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_a_form_that_is_refused_can_be_mended_by_everybody(world: World, visit: Opener, code: str) -> None:
    """What was filled in stands there again, the summary has the focus, and from it one key leads to the field."""
    page = visit(PHONE, code)
    opened(page, world, "writing", code)
    page.locator("input[name=what][value=wish]").check()
    page.locator("#note").fill("Because <of> that")
    page.evaluate("() => document.querySelectorAll('form').forEach((form) => { form.noValidate = true })")
    with page.expect_navigation():
        page.locator("main form button.button").first.click()
    assert page.evaluate("() => document.activeElement.id") == "refused"
    assert page.locator("#note").input_value() == "Because <of> that"
    assert page.locator("input[name=what][value=wish]").is_checked()
    found = used(page, "refused", code)
    assert found == [], "\n".join(found)
    page.locator("#refused").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.activeElement.id") == "text"
    assert page.locator("#text").get_attribute("aria-invalid") == "true"
    assert [said for said in page.said if "400" not in said] == []


@pytest.mark.parametrize("name", READABLE)
def test_a_page_shows_where_the_keyboard_is_and_reads_in_the_dark(world: World, look: Opener, name: str) -> None:
    page = look(DESK, "en", color_scheme="dark")
    opened(page, world, name, "en")
    dark = checks.axe_violations(page)
    keep(page, name, "en", "dark")
    assert dark == [], "\n".join(dark)
    assert checks.unseen_focus(page) == []


@pytest.mark.parametrize("name", READABLE)
def test_a_page_prints_on_paper_without_what_is_for_the_screen(world: World, look: Opener, name: str) -> None:
    page = look(PAPER, "en", color_scheme="dark")
    opened(page, world, name, "en")
    page.emulate_media(media="print")
    for screen_only in SCREEN_ONLY:
        shown = [one.inner_text() for one in page.locator(screen_only).all() if one.is_visible()]
        assert shown == [], f"{screen_only} is printed: {shown}"
    assert checks.overflow(page) == []
    assert page.evaluate(AFTER_LINKS) == [], "a link says where it leads: a long number"
    ink, ground = page.evaluate(INK)
    assert ink < 90 and ground == 255, f"{name} prints with ink {ink} on {ground}"
    keep(page, name, "en", "print")


def test_the_checks_can_fail(world: World, visit: Opener) -> None:
    page = visit(PHONE, "en")
    opened(page, world, "front", "en")
    page.evaluate(
        """() => { document.querySelector('main').insertAdjacentHTML('beforeend',
        '<div id="bad"><img src="icon.svg"><a href="#x">x</a><p>tiny</p><pre>' + 'w'.repeat(500) +
          '</pre><svg viewBox="0 0 24 24"></svg><button class="button">low</button></div>');
        document.querySelector('#bad button').style.cssText = 'min-height:30px;height:30px;padding:0';
        document.querySelector('#bad svg').style.cssText = 'width:300px;height:300px';
        const bad = document.querySelector('#bad'); bad.children[2].style.fontSize = '9px';
        bad.children[3].style.width = '5000px';
        bad.children[1].style.cssText = 'display:block;width:9px;height:9px;outline:none;box-shadow:none'; }"""
    )
    page.evaluate("() => document.querySelector('#bad p').style.display = 'flex'")
    page.evaluate("() => { document.querySelector('#bad p').innerHTML = 'Hide <bdi>it</bdi>' }")
    assert checks.split_words(page)
    assert any("image-alt" in line for line in checks.axe_violations(page))
    assert checks.overflow(page)
    told = checks.too_small(page)
    assert {line.split()[0] for line in told} == {"target", "text", "icon"}
    assert any('class="button"' in line for line in told), "a main target of 30 pixels"
    page.evaluate("() => { document.querySelector('main').innerHTML = '<p><bdi>Ann</bdi></p>' }")
    assert checks.stretched(page) == []
    page.evaluate("() => { document.querySelector('main').style.cssText = 'overflow-wrap:normal;width:40px' }")
    assert any(line.startswith("too long a name") for line in checks.stretched(page))
    page.evaluate("() => { document.querySelector('main').style.cssText = '' }")
    page.evaluate(
        """() => { document.querySelector('main').insertAdjacentHTML('beforeend',
        '<p dir="rtl">مثال: 27-3-1961 هنا</p><p dir="rtl">مثال: <bdi>28-3-1961</bdi></p><input name="bare">'); }"""
    )
    assert checks.turned(page) == ["turned: 27-3-1961 in مثال: 27-3-1961 هنا", "no direction: bare"]


def test_the_language_is_kept_and_arabic_runs_the_other_way(world: World, visit: Opener) -> None:
    page = visit(PHONE, "en")
    page.goto(world.address("front") + "?lang=ar")
    page.goto(world.address("ledger"))
    assert page.locator("html").get_attribute("dir") == "rtl"
    assert re.search("portal-rtl", page.content())
    page.locator(".languages summary").click()
    page.get_by_role("link", name="Español").click()
    page.goto(world.address("front"))
    assert page.locator("html").get_attribute("lang") == "es"
