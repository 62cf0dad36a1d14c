"""Every page of the table in the states that it has beside the full one (test_every_page): before anything happened,
about something that is not there, while it waits, while a place does not answer, without the internet.

What is looked at follows from the table: a new page is in it, and one whose address has a new part in braces fails here
until `World.parameters` and `NOWHERE` say what stands for it.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from medrec.portal import language, words
from medrec.portal.page import Role
from medrec.portal.people import handle
from medrec.portal.table import PAGES
from tests.browser.conftest import PHONE, Opener
from tests.browser.own import own_world as own_world
from tests.browser.test_every_page import opened
from tests.browser.test_journeys import KEPT
from tests.browser.test_states import ORIGIN, Open, found_on, sent
from tests.browser.test_states import open_at as open_at
from tests.browser.world import POST, World
from tests.node.test_right_person import ADA, demographics
from tests.portal.conftest import empty as empty
from tests.portal.story import Story
from tests.portal.test_waits import HANGS_S, Hanging, until_read

READ = [page for page in PAGES if "GET" in page.methods and page.template]
HERS = [page for page in READ if page.role is Role.AGENT]
ABOUT = re.compile(r"\{(\w+)\}")
NOWHERE = dict.fromkeys(("tag", "manifest", "pair", "act", "waiting", "request", "consent", "asked"), "0" * 32)
NOWHERE |= {"kind": "results", "series": "no-such-series", "ward": "nobody"}
"""What stands in the address of a page about one thing, where there is no such thing."""


@pytest.mark.parametrize("code", language.LANGUAGES)
@pytest.mark.parametrize(("organisation", "role"), [("guide", Role.AGENT), ("north", Role.RECORDS)])
def test_a_page_with_nothing_on_it_can_be_used(
    empty: Story, open_at: Open, organisation: str, role: Role, code: str
) -> None:
    ada = empty.network.patient("ada")
    page = open_at(empty, organisation, code)
    found = []
    for one in READ:
        if one.role not in (Role.ANY, role):
            continue
        answer = page.goto(ORIGIN + one.path.format(**{**NOWHERE, "person": handle(ada.account)}))
        gone = set(ABOUT.findall(one.path)) - {"person", "kind"}
        assert answer.status == (404 if gone else 200), f"{one.name}: {answer.status}"
        found += found_on(page, f"empty-{one.name}", code)
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_a_page_that_waits_can_be_used_and_says_when_the_wait_is_over(empty: Story, open_at: Open, code: str) -> None:
    ada = empty.network.patient("ada", "north")
    empty.settle()
    hanging, guide = Hanging(empty), empty.network["guide"]
    hanging.places.add("north")
    try:
        guide.copies.refresh_soon(ada.account)
        assert hanging.asked.wait(HANGS_S)
        page, found = open_at(empty, "guide", code), []
        for one in HERS:
            address = ORIGIN + one.path.format(**{**NOWHERE, "person": handle(ada.account)})
            if one.reads and page.goto(address).status == 200:
                assert page.locator("#waits").get_by_role("link").get_attribute("href") == "?"
                found += found_on(page, f"waits-{one.name}", code)
        page.locator("#waits").get_by_role("link").click()
        page.wait_for_load_state()
    finally:
        hanging.release()
    until_read(guide, ada.account)
    with language.use(code):
        page.get_by_text(str(words.WAITS["over"])).wait_for()
    found += found_on(page, "waits-over", code)
    page.locator("#waits").get_by_role("link").click()
    page.wait_for_function("() => document.querySelector('#waits').children.length === 0")
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_a_screen_that_waits_for_a_place_can_be_used(empty: Story, open_at: Open, code: str) -> None:
    north: Any = empty.network["north"]
    north.put("Patient", "ada", demographics("ada", *ADA))
    empty.network.patient("ada", "north", "south")
    empty.settle()
    hanging = Hanging(empty)
    hanging.places.add("south")
    page = open_at(empty, "north", code)
    page.goto(ORIGIN + "/sign-in")
    with page.expect_navigation():
        page.locator("form:has(input[name=role][value=clinician]) button").click()
    page.goto(ORIGIN + "/clinic")
    token = page.locator("input[name=csrf]").first.input_value()
    form = {"csrf": token, "patient": "ada", "purpose": "TREAT", "reason": "First visit today", "from-south": "1"}
    try:
        with page.expect_navigation():
            page.evaluate(POST, [ORIGIN + "/clinic/patient", form])
        page.goto(page.landed)
        with language.use(code):
            page.get_by_text(str(words.WAITS["title"])).wait_for()
        found = found_on(page, "waits-clinic_patient", code)
    finally:
        hanging.release()
    with language.use(code):
        page.get_by_text(str(words.WAITS["over"])).wait_for()
    assert found == [], "\n".join(found)


def stop_answering(world: World, organisation: str) -> None:
    """From now on nobody reaches an organisation's port; its node lives on."""
    server = world.network._server
    place = list(world.network.ports).index(organisation)
    server._loop.call_soon_threadsafe(server._servers[place].stop)  # type: ignore[union-attr]
    copies = world.network.agent.copies
    assert copies is not None
    for _ in range(100):
        if any(reading.code == "unreachable" for reading in copies.refresh(world.main.account)):
            return
    raise AssertionError(f"{organisation} answers still")


@pytest.fixture(scope="module")
def silent(world: World) -> Iterator[World]:
    """Her agent cannot reach one of her places any more."""
    stop_answering(world, list(world.main.patients)[-1])
    yield world


@pytest.mark.xdist_group("browser-table_states")
@pytest.mark.parametrize("code", language.LANGUAGES)
def test_a_page_can_be_used_while_a_place_does_not_answer(silent: World, visit: Opener, code: str) -> None:
    """All her pages are there; those that say which place fails, and why, are looked at closely."""
    page, found, told = visit(PHONE, code), [], []
    with language.use(code):
        reason = str(words.SOURCE_ERRORS["unreachable"])
    for one in HERS:
        opened(page, silent, one.name, code)
        if reason in page.locator("main").inner_text():
            told.append(one.name)
            found += found_on(page, f"silent-{one.name}", code)
    assert found == [], "\n".join(found)
    assert {"person", "record"} <= set(told)


@pytest.mark.xdist_group("browser-table_states")
@pytest.mark.parametrize("code", language.LANGUAGES)
def test_every_page_of_hers_says_that_it_needs_the_internet(world: World, visit: Opener, code: str) -> None:
    """The card alone is kept; the others say so by a page in her language that names nobody."""
    page = visit(PHONE, code)
    opened(page, world, "card", code)
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    page.reload()
    page.wait_for_function("() => navigator.serviceWorker.controller")
    page.reload()
    page.wait_for_function(KEPT)
    page.context.set_offline(True)
    with language.use(code):
        offline = str(words.NAMES["offline"])
    for one in HERS:
        page.goto(world.address(one.name))
        if one.name == "card":
            assert world.main.name in page.locator(".emergency").inner_text()
            continue
        assert page.locator("h1").inner_text() == offline, one.name
        assert world.main.name not in page.content()
    page.context.set_offline(False)


@pytest.mark.xdist_group("browser-table_states")
@pytest.mark.parametrize("code", language.LANGUAGES)
def test_what_comes_of_a_form_about_one_thing_can_be_used(world: World, visit: Opener, code: str) -> None:
    """The forms of her pages whose addresses name one thing, as she left them; the others are sent in test_states."""
    forms = {one.name for one in HERS if "POST" in one.methods and set(ABOUT.findall(one.path)) - {"person"}}
    assert {"request", "ward"} <= forms
    page = visit(PHONE, code)
    opened(page, world, "person", code)
    count, found = sent(page, {name: world.address(name) for name in sorted(forms)}, code)
    assert found == [], "\n".join(found)
    assert count >= 2
