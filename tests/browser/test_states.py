"""States that a page has after a form, in every language: forms that are refused, a right that waits for a second
clerk, a review that is due, a look that was reviewed. The nodes are in this process; the browser is a real one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from medrec.core.delegation import birthday
from medrec.node.account import returning
from medrec.node.keeping import store
from medrec.node.notify import asking
from medrec.portal import language, words
from medrec.portal.app import pages
from medrec.portal.page import Role
from medrec.portal.people import handle
from medrec.portal.session import Who
from medrec.portal.table import PAGES
from tests.browser import checks
from tests.browser.conftest import PHONE, Opener
from tests.browser.test_every_page import NARROW, keep
from tests.node.network import Patient
from tests.portal.conftest import empty as empty
from tests.portal.rescue import Circle, Holder, NewPhone
from tests.portal.story import Story, ToldNetwork, observation
from tests.portal.test_desk_consent import nora
from tests.portal.test_desk_parent import BORN, posted
from tests.portal.test_desk_parent import bo as bo
from tests.portal.test_desk_parent import kid as kid
from tests.portal.test_ways_back import circle as circle

ORIGIN = "https://place.example"
PASSED_ON = ("content-type", "accept", "accept-language", "sec-fetch-site")
BUTTON = "main form[method=post] button:not([type=button]):enabled"
FORMS = """(buttons) => {
  // Of forms with the same fields and the same button the first stands for all: the rows of a list have one each.
  const known = new Set();
  return [...document.querySelectorAll(buttons)].flatMap((button, place) => {
    const fields = [...button.form.elements].map((one) => one.name).filter((one) => one && one !== 'csrf');
    const like = [button.form.getAttribute('action'), ...new Set(fields), button.name && button.value].join(' ');
    return known.has(like) ? [] : [known.add(like) && place];
  });
}"""
SEND = """([buttons, place]) => {
  // As a browser without scripts sends it, with nothing checked before.
  const { form, name, value } = document.querySelectorAll(buttons)[place];
  if (name) form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  HTMLFormElement.prototype.submit.call(form);
}"""
STAFF = {"clinician": Who.CLINICIAN, "desk": Who.DESK, "privacy-officer": Who.PRIVACY_OFFICER}
MAY_READ = {page.name: page.who for page in PAGES}
Open = Callable[[Story, str, str], Any]


def answered_by(page: Any, client: TestClient) -> None:
    """Every call of a browser's page to ORIGIN is answered by a client of an application in this process."""

    def answer(route: Any, request: Any) -> None:
        told = {name: value for name, value in request.headers.items() if name in PASSED_ON}
        path = request.url.removeprefix(ORIGIN)
        found = client.request(request.method, path, headers=told, content=request.post_data_buffer)
        if request.method == "POST":
            # The redirect was followed here; the browser does not see where it led.
            page.landed = str(found.url)
        kept = {name: value for name, value in found.headers.items() if name not in ("content-length", "set-cookie")}
        route.fulfill(status=found.status_code, headers=kept, body=found.content)

    page.route("**/*", answer)


@pytest.fixture
def open_at(visit: Opener) -> Open:
    """A page of a browser whose every call is answered by one node of a story, in one language."""

    def opened(story: Story, organisation: str, code: str) -> Any:
        node: Any = story.network[organisation]
        client = TestClient(pages(node, demonstration=True), base_url=ORIGIN, raise_server_exceptions=False)
        page = visit(PHONE, code)
        client.get("/", params={"lang": code})
        answered_by(page, client)
        return page

    return opened


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_the_sheets_with_her_words_can_be_read_and_carried(circle: Circle, visit: Opener, code: str) -> None:
    page, found = visit(PHONE, code), []
    answered_by(page, circle.ada.client)
    circle.ada.get(f"/?lang={code}")
    for what, count in (("paper", 9), ("record", 17)):
        sheet = circle.ada.does(circle.ada.page + "/keys", do=what).headers["location"]
        page.goto(ORIGIN + sheet)
        assert page.locator("main ol li").count() == count
        found += found_on(page, f"words-{what}", code)
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_a_new_phone_can_be_used_on_its_way_in(circle: Circle, visit: Opener, code: str) -> None:
    """It shows the digits by itself as soon as somebody wrote its number, and whose pages it opens before it does."""
    phone, page = NewPhone(circle.story), visit(PHONE, code)
    phone.get(f"/?lang={code}")
    number = phone.number
    answered_by(page, phone.client)
    page.goto(ORIGIN + phone.page)
    found = found_on(page, "new-phone-fresh", code)
    keys = circle.ada.page + "/keys"
    asked = circle.ada.send(keys, do="add", number=number)
    case = returning.by_number(circle.guide, number)
    assert case is not None
    page.get_by_text(f"{case.short_code[:3]} {case.short_code[3:]}").wait_for()
    found += found_on(page, "new-phone-bound", code)
    circle.ada.confirm(asked)
    with language.use(code):
        page.get_by_text(str(words.BACK["let_in"]), exact=True).wait_for()
    found += found_on(page, "new-phone-let-in", code)
    Holder.sign_in(phone)
    page.goto(ORIGIN + phone.page)
    with language.use(code):
        page.get_by_role("button", name=str(words.BACK["whose_yes"])).wait_for()
    found += found_on(page, "new-phone-whose", code)
    assert found == [], "\n".join(found)


def found_on(page: Any, name: str, code: str) -> list[str]:
    """What hinders somebody in this state, on a phone and on a narrow one with letters twice as large."""
    assert page.locator("html").get_attribute("lang") == code
    found = checks.axe_violations(page) + checks.overflow(page) + checks.too_small(page)
    found += checks.split_words(page) + checks.turned(page)
    keep(page, f"state-{name}", code, "phone")
    page.set_viewport_size(NARROW)
    page.evaluate("() => { document.documentElement.style.fontSize = '200%' }")
    found += checks.overflow(page) + checks.too_small(page)
    page.evaluate("() => { document.documentElement.style.fontSize = '' }")
    page.set_viewport_size(PHONE)
    return [f"{name}: {line}" for line in found]


class OfOtherKinds(ToldNetwork):
    """A laboratory and an insurer stand in two places of hospitals."""

    ROLES = {"north": "lab", "south": "payer"}


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_the_pages_of_every_node_can_be_used_at_a_laboratory_and_an_insurer(
    tmp_path: Path, open_at: Open, code: str
) -> None:
    story = Story(tmp_path, OfOtherKinds)
    alarm = {"time": story.network.time, "code": "x", "subject": "s", "sentence": "Observation/bp-1 was changed."}
    everywhere = [page for page in PAGES if page.role is Role.ANY and "GET" in page.methods and page.template]
    assert {page.name for page in everywhere} >= {"front", "sign_in", "ledger", "verify"}
    found = []
    try:
        for name, kind in OfOtherKinds.ROLES.items():
            node: Any = story.network[name]
            node.store.write(lambda connection: connection.execute(store.alarm.insert().values(**alarm)))
            page = open_at(story, name, code)
            for one in everywhere:
                assert page.goto(ORIGIN + one.path).status == 200, one.name
                found += found_on(page, f"{one.name}-{kind}", code)
    finally:
        story.network.close()
    assert found == [], "\n".join(found)


def places(story: Story, person: Patient, role: Role) -> dict[str, str]:
    """The pages with a form that one kind of node has, by name."""
    given = {"person": handle(person.account)}
    if role is Role.AGENT:
        code = asking.make(story.network["north"], practitioner="Dr Brown", note="On Monday.")  # type: ignore[arg-type]
        given["request"] = asking.take(story.network["guide"], person.account, "north", code).hex()  # type: ignore[arg-type]
    found = {}
    for page in PAGES:
        if page.template and page.methods == ("GET", "POST") and page.role in (Role.ANY, role):
            try:
                found[page.name] = ORIGIN + page.path.format(**given)
            except KeyError:
                continue
    return found


def sent(page: Any, addresses: dict[str, str], code: str) -> tuple[int, list[str]]:
    """Every form of each page sent as it lies there: how many were sent, and what hinders somebody afterwards."""
    count, found = 0, []
    for name, address in addresses.items():
        page.goto(address)
        for place in page.evaluate(FORMS, BUTTON):
            page.goto(address)
            if place >= page.locator(BUTTON).count():
                continue
            with page.expect_navigation():
                page.evaluate(SEND, [BUTTON, place])
            count += 1
            found += found_on(page, f"sent-{name}-{place}", code)
    return count, found


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_what_comes_of_a_person_s_form_that_nobody_filled_in_can_be_used(
    empty: Story, open_at: Open, code: str
) -> None:
    ada = empty.network.patient("ada", "north", "south")
    empty.settle()
    count, found = sent(open_at(empty, "guide", code), places(empty, ada, Role.AGENT), code)
    assert count >= 8
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_what_comes_of_a_form_of_the_staff_that_nobody_filled_in_can_be_used(
    empty: Story, open_at: Open, code: str
) -> None:
    ada = empty.network.patient("ada", "north", "south")
    empty.network["north"].put("Observation", "bp-1", observation("bp-1", "ada", "120/80"))
    empty.settle()
    addresses, total = places(empty, ada, Role.RECORDS), 0
    for role, who in STAFF.items():
        page = open_at(empty, "north", code)
        page.goto(ORIGIN + "/sign-in")
        with page.expect_navigation():
            page.locator(f"form:has(input[name=role][value={role}]) button").click()
        mine = {name: path for name, path in addresses.items() if who in MAY_READ[name]}
        count, found = sent(page, mine, code)
        total += count
        assert found == [], "\n".join(found)
    assert total >= 7


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_a_parent_at_the_desk_can_be_read_in_every_state(
    empty: Story, open_at: Open, kid: Patient, bo: Patient, code: str
) -> None:
    page = open_at(empty, "north", code)
    with language.use(code):
        says = {name: words.DESK_PARENT[name] for name in ("review", "rests", "not-linked", "end")}
    found: list[str] = []

    def look(name: str, text: str) -> None:
        page.goto(ORIGIN + "/desk/parent")
        assert page.get_by_text(text).first.is_visible(), name
        found.extend(found_on(page, f"parent-{name}", code))

    posted(empty, bo)
    look("named", says["end"])
    empty.network.time = birthday(BORN, 11) + 1
    look("review", says["review"])
    empty.network.time = birthday(BORN, 13)
    look("rests", says["rests"])
    page.locator("#patient").fill("nobody")
    page.locator("#delegate").fill(bo.account)
    page.locator("#name").fill("Bo Berg")
    page.locator("form[aria-labelledby=new] input[name=seen]").check()
    with page.expect_navigation():
        page.locator("form[aria-labelledby=new] button").click()
    assert page.get_by_text(says["not-linked"]).is_visible()
    found += found_on(page, "parent-refused", code)
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_a_right_that_waits_for_a_second_clerk_can_be_read(
    empty: Story, open_at: Open, kid: Patient, bo: Patient, code: str
) -> None:
    nora(empty.network["north"])
    posted(empty, bo)
    page = open_at(empty, "north", code)
    page.goto(ORIGIN + "/desk/parent")
    with language.use(code):
        begins = words.DESK_PARENT["waits"].split("{clerk}")[1].strip()
    assert page.get_by_text(begins).is_visible()
    found = found_on(page, "parent-waits", code)
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_the_office_can_be_read_after_a_review(
    empty: Story, open_at: Open, kid: Patient, bo: Patient, code: str
) -> None:
    """With a look that was wrong, a link and a parent that one clerk alone stated, and the sentence that says so."""
    posted(empty, bo)
    ada = empty.network.patient("ada", "north", "south")
    empty.network.consent(ada, "north", "south")
    empty.network["north"].put("Observation", "bp-1", observation("bp-1", "ada", "120/80"))
    empty.settle()
    empty.ask(ada, "Dr Mallory", "curious")
    empty.settle()
    page = open_at(empty, "north", code)
    page.goto(ORIGIN + "/office")
    row = page.locator("section[aria-labelledby=queue] .rows > li").first
    row.locator("summary").click()
    row.locator("textarea").fill("I asked the ward; nobody knew of a visit.")
    with page.expect_navigation():
        row.locator("button[value=wrong]").click()
    page.goto(ORIGIN + "/office?all=1")
    with language.use(code):
        assert page.get_by_text(words.OFFICE["was_wrong"], exact=True).first.is_visible()
    found = found_on(page, "office-reviewed", code)
    assert found == [], "\n".join(found)
