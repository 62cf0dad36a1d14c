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
from tests.browser.own import own_world as own_world
from tests.browser.test_every_page import used
from tests.browser.world import FIRST_HOSPITAL, World

pytestmark = pytest.mark.xdist_group("browser-signing_page")

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


def written_down(
    world: World, visit: Opener, authenticator: Callable[[Any], Any], change: Callable[[Any], None]
) -> Any:
    """The signing page of a medicine that she takes, as a server gives it that makes this change."""
    page = visit(PHONE, "en")
    authenticator(page)
    give_passkey(world, page, world.main)
    sign_in(world, Hand(page, False))

    def changed(route: Any) -> None:
        told = route.fetch()
        act = told.json()
        change(act)
        route.fulfill(response=told, json=act)

    page.route("**/signing/act", changed)
    page.goto(world.address("writing"))
    page.locator("input[name=what][value=taken]").check()
    page.locator("input[name=text]").fill("Warfarin 5 mg")
    page.locator("main form button.button").first.click()
    page.wait_for_url("**/signing")
    page.wait_for_function("() => !document.querySelector('#exact').hidden || !document.querySelector('#state').hidden")
    return page


def test_what_is_written_down_is_read_before_it_is_signed(
    world: World, visit: Opener, authenticator: Callable[[Any], Any]
) -> None:
    """Whatever the server says of it: the page reads the text that is signed, above the button."""

    def lies(act: Any) -> None:
        act["sentences"], act["changes"] = ["You take: Aspirin"], []

    page = written_down(world, visit, authenticator, lies)
    assert "Warfarin 5 mg" in page.inner_text("#fields"), "not folded away"
    above = page.evaluate(
        "() => document.querySelector('#fields').compareDocumentPosition(document.querySelector('#sign')) === 4"
    )
    assert above and page.locator("#sign").is_enabled()
    found = used(page, "signing-entry", "en")
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("kind", ["missing", "another"])
def test_an_entry_whose_text_is_missing_or_another_is_not_signed(
    world: World, visit: Opener, authenticator: Callable[[Any], Any], kind: str
) -> None:
    def cheats(act: Any) -> None:
        (part,) = act["parts"]
        assert "Warfarin 5 mg" in part["contents"][0]
        part["contents"] = [] if kind == "missing" else [part["contents"][0].replace("Warfarin", "Aspirin")]

    page = written_down(world, visit, authenticator, cheats)
    assert page.inner_text("#state") == words.SIGNING["no_content" if kind == "missing" else "not_the_content"]
    assert not page.locator("#sign").is_visible()


def test_lists_that_are_empty_fields_and_names_that_stand_twice_are_told_as_they_are(
    world: World, visit: Opener
) -> None:
    page = visit(PHONE, "en")
    page.goto(world.address("verify"))
    shown = page.evaluate(
        """async () => {
          const { shownOf } = await import("./signing.js");
          const lines = (form, value) => shownOf({ form, value }).flat().map((one) => one.textContent);
          return [
            lines("transaction", { kind: "account/doors", payload: { papers: [], signature: "in" }, signature: "in" }),
            lines("delegation/1", { rights: [], types: [], signature: "unsigned" }),
            lines("sharing/1", { types: [] }),
            lines("list-act/1", { recipients: [], words: "\u202e" }),
            shownOf({ form: "transaction", value: { author: "a", kind: "account/create", payload: { salt: "b" } } })
              .map((all) => all.map((one) => one.textContent)),
            shownOf({ form: "transaction", value: { kind: "account/other", payload: { backup: true } } })
              .map((all) => all.map((one) => one.textContent)),
          ];
        }"""
    )
    none, everything = words.SIGNING["none"], words.SIGNING["all_of_them"]
    assert shown[0] == [
        words.SIGNING["field-kind"] + words.SIGNING["kind-account/doors"],
        f"{words.SIGNING['field-payload']}{words.SIGNING['field-papers']}{none}signaturein",
        "signaturein",
    ]
    assert shown[1] == [words.SIGNING["field-rights"] + none, words.SIGNING["field-types"] + everything]
    assert shown[2] == [words.SIGNING["field-types"] + everything]
    assert shown[3] == [words.SIGNING["field-recipients"] + none, words.SIGNING["field-words"] + "\\u{202e}"]
    # A change of an account is read in words; one that the page has none for is shown whole.
    (read, below), (whole, nothing) = shown[4], shown[5]
    assert read == [words.SIGNING["field-kind"] + words.SIGNING["kind-account/create"]] and len(below) == 2
    assert whole == [
        f"{words.SIGNING['field-kind']}account/other",
        words.SIGNING["field-payload"] + words.SIGNING["field-backup"] + words.SIGNING["yes"],
    ]
    assert nothing == []


def test_the_signing_page_is_small(world: World, visit: Opener) -> None:
    page = visit(PHONE, "en")
    answer = page.goto(world.origin(AGENT[0]) + MOUNT + "/signing")
    assert answer is not None and answer.status == 200
    weight = sum(
        page.evaluate("address => fetch(address).then((got) => got.arrayBuffer()).then((got) => got.byteLength)", one)
        for one in ("signing", "signing.js", "signing.css")
    )
    assert weight < PAGE_BYTES
