"""Ways back in a real browser, with the mouse and with keys alone: guardians, paper and veto, two clerks, a lost phone.

Each journey has a network of its own, whose time the test moves on: the waits are as long as in life.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from medrec.core import ladder, state
from medrec.core.crypto import key_id
from medrec.core.webauthn import read_registration
from medrec.demo.ports import free_ports
from medrec.node.account import devices, recovery, staff
from medrec.node.account.accounts import submit_as_account
from medrec.node.serve import Server, Site
from medrec.portal import words
from medrec.portal.app import pages
from medrec.portal.page import MOUNT
from medrec.portal.people import handle
from medrec.portal.sign_in import from_text
from tests.browser import checks
from tests.browser.conftest import DESK, PHONE, Opener
from tests.browser.hand import Hand
from tests.browser.test_every_page import keep
from tests.node.network import Patient
from tests.portal.story import ToldNetwork

HOUR = 3_600_000
Authenticate = Callable[[Any], Any]
MAKE = """async () => {
  const { registration } = await import(new URL("passkey.js", location.href));
  return registration("localhost", "MedRec", crypto.getRandomValues(new Uint8Array(16)), "phone");
}"""


class Served(ToldNetwork):
    """The tests' network, whose agent and first hospital answer browsers on this machine."""

    SERVED = ("guide", "north")

    def __init__(self, folder: Path) -> None:
        self.ports = dict(zip(self.SERVED, free_ports(len(self.SERVED)), strict=True))
        super().__init__(folder)
        sites = [Site(Starlette(routes=[Mount(MOUNT, pages(self.node(name)))]), "127.0.0.1", port)
                 for name, port in self.ports.items()]  # fmt: skip
        self.server = Server(sites)

    def endpoint(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}" if name in self.ports else super().endpoint(name)

    def node(self, name: str) -> Any:
        return self[name]

    def address(self, path: str, name: str = "guide") -> str:
        return f"http://localhost:{self.ports[name]}{MOUNT}{path}"

    def wait(self, hours: int) -> None:
        """Time goes by, and an empty block says so."""
        self.time += hours * HOUR
        self.engine.submit([])


def serving(network: Any) -> Iterator[Any]:
    """A network whose pages answer until the test is over."""
    network.server.start()
    yield network
    network.server.stop()
    network.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    yield from serving(Served(tmp_path))


class Someone:
    """Somebody at a browser of her own, with a passkey on it, at an agent."""

    def __init__(self, served: Served, hand: Hand, who: Patient, at: str = "guide") -> None:
        self.served, self.hand, self.page, self.who, self.at = served, hand, hand.page, who, at
        self.path = f"/people/{handle(who.account)}"
        guide: Any = served[at]
        self.page.goto(served.address("/sign-in", at))
        made = self.page.evaluate(MAKE)
        home = devices.home_of(guide)
        assert home is not None
        credential = read_registration(from_text(made["authenticatorData"], 4096), [home.origin])
        payload = {"credential": recovery.plain(credential)}
        submit_as_account(served.engine, served.id, who.account, who.key, "account/credential-add", payload)
        devices.remember(guide, who.account, key_id(credential.key), from_text(made["id"], 1023), "my phone")
        self.sign_in()

    def sign_in(self) -> None:
        self.page.goto(self.served.address("/sign-in", self.at))
        self.hand.press("button", words.SIGN_IN["button"])
        self.page.wait_for_url(lambda address: not address.endswith("/sign-in"))

    def go(self, path: str) -> None:
        self.page.goto(self.served.address(self.path + path, self.at))

    def confirm(self) -> None:
        confirm(self.hand)


def confirm(hand: Hand) -> None:
    """Read what is signed, and let the key sign it."""
    hand.page.wait_for_url("**/signing")
    hand.page.locator("#sign:enabled").wait_for()
    hand.press("button", words.SIGN["sign"])
    hand.page.wait_for_url(lambda address: "/signing" not in address)


def seen(page: Any, name: str) -> None:
    """The page can be used by everybody as it lies there, at both widths."""
    found = checks.axe_violations(page) + checks.overflow(page) + checks.too_small(page)
    keep(page, name, "en", "phone")
    size = page.viewport_size
    page.set_viewport_size(DESK)
    found += checks.overflow(page) + checks.too_small(page)
    keep(page, name, "en", "desk")
    page.set_viewport_size(size)
    assert found == [], "\n".join(found)


@pytest.fixture
def person(served: Served, visit: Opener, authenticator: Authenticate, keyboard: bool) -> Callable[..., Someone]:
    def made(name: str, *places: str) -> Someone:
        page = visit(PHONE, "en")
        authenticator(page)
        return Someone(served, Hand(page, keyboard), served.patient(name, *places))

    return made


@pytest.fixture
def new_phone(served: Served, visit: Opener, authenticator: Authenticate, keyboard: bool) -> Callable[[], Hand]:
    """A phone without any key begins on the page for coming back."""

    def made() -> Hand:
        page = visit(PHONE, "en")
        authenticator(page)
        hand = Hand(page, keyboard)
        page.goto(served.address("/sign-in"))
        hand.press("link", words.BACK["go"])
        hand.write(page.locator("#label"), "my new phone")
        hand.press("button", words.BACK["begin_do"])
        page.get_by_role("heading", name=words.BACK["number"]).wait_for()
        return hand

    return made


def number_of(hand: Hand) -> str:
    return hand.page.locator("section[aria-labelledby=number] .code").inner_text().strip()


def signs_in(served: Served, hand: Hand) -> None:
    """She signs in; where others let her key in, she is asked once whether those are her pages."""
    hand.page.goto(served.address("/sign-in"))
    hand.press("button", words.SIGN_IN["button"])
    hand.page.wait_for_url(lambda address: not address.endswith("/sign-in"))
    hand.page.wait_for_load_state()
    if hand.page.get_by_role("button", name=words.BACK["whose_yes"]).count():
        hand.press("button", words.BACK["whose_yes"])
        hand.page.get_by_text(words.DONE["came_back"]).wait_for()
        hand.press("button", words.SIGN_IN["button"])
        hand.page.wait_for_url(lambda address: "/sign-in" not in address)


def answers_all(phone: Hand) -> None:
    """She tells her places again whose page is hers, and says of everything else that it was her."""
    phone.press("button", words.AFTERMATH["tell"])
    confirm(phone)
    phone.page.get_by_text(words.DONE["kept"]).wait_for()
    phone.page.goto(phone.page.url.rpartition("/")[0] + "/after")
    while "/after" in phone.page.url:
        phone.press("button", words.AFTERMATH["keep"])
        phone.page.get_by_text(words.DONE["kept"]).wait_for()


def says_yes(ada: Someone, friend: Someone, name: str) -> None:
    """Ada asks a friend, with her key, who says yes by the words of the code."""
    ada.go("/keys")
    ada.hand.press("link", words.KEYS["guardians"])
    ada.hand.write(ada.page.locator("#name"), name)
    ada.hand.press("button", words.GUARDIANS["make"])
    ada.confirm()
    code = ada.page.locator("section.done .code").inner_text()
    friend.go("/guarding")
    friend.hand.write(friend.page.locator("#words"), code)
    friend.hand.press("button", words.GUARDIANS["look"])
    friend.hand.press("button", words.GUARDIANS["yes"])
    friend.page.get_by_text(words.DONE["guardian"]).wait_for()


def speaks(friend: Someone, phone: Hand) -> None:
    """A guardian of Ada's types the number that she reads to her, and both see the same digits."""
    friend.go("/guarding")
    friend.hand.press("link", "Ada")
    friend.hand.write(friend.page.locator("#number"), number_of(phone))
    friend.hand.press("button", words.GUARDIANS["set"])
    friend.page.get_by_text("by voice").wait_for()
    digits = re.search(r"\d{3} \d{3}", friend.page.inner_text("#said"))
    assert digits is not None
    friend.confirm()
    phone.page.reload()
    assert digits.group() in phone.page.inner_text("main")


def test_guardians_are_chosen_and_let_a_new_phone_in(
    served: Served, person: Callable[..., Someone], new_phone: Callable[[], Hand]
) -> None:
    ada, bo, cy = person("ada", "north"), person("bo"), person("cy")
    for friend, name in ((bo, "Bo"), (cy, "Cy")):
        says_yes(ada, friend, name)
    ada.go("/guardians")
    seen(ada.page, "guardians-ready")
    ada.hand.choose(ada.page.locator("#needs"), "2")
    ada.hand.press("button", words.GUARDIANS["set"])
    ada.confirm()
    ada.page.get_by_text("A change comes").wait_for()
    served.wait(7 * 24)
    for one in (ada, bo, cy):
        one.sign_in()
    ada.go("/guardians")
    ada.page.get_by_text("2 of 2 have to agree").wait_for()
    phone = new_phone()
    seen(phone.page, "coming-back-fresh")
    for friend in (bo, cy):
        speaks(friend, phone)
    phone.page.get_by_text(words.BACK["waits"]).wait_for()
    seen(phone.page, "coming-back-waits")
    ada.go("/keys")
    ada.page.get_by_role("button", name=words.KEYS["stop"]).wait_for()
    seen(ada.page, "keys-under-way")
    served.wait(48)
    signs_in(served, phone)
    seen(phone.page, "coming-back-ripe")
    phone.press("button", words.BACK["finish"])
    confirm(phone)
    phone.page.get_by_text("The account is yours again").wait_for()
    signs_in(served, phone)
    # Her guardians were chosen in the month before: was it her?
    phone.page.get_by_text(words.AFTERMATH["doors"]).first.wait_for()
    seen(phone.page, "after-coming-back")
    answers_all(phone)
    assert "Ada" in phone.page.inner_text("body") and ada.path in phone.page.url
    ada.go("/keys")
    assert ada.page.url.endswith("/sign-in")


def test_a_paper_code_is_stopped_from_the_old_phone_and_the_account_frozen_and_thawed(
    served: Served, person: Callable[..., Someone], new_phone: Callable[[], Hand]
) -> None:
    ada = person("ada", "north")
    ada.go("/keys")
    ada.hand.press("button", words.KEYS["paper"])
    ada.confirm()
    ada.page.get_by_role("heading", name=words.KEYS["paper_title"]).wait_for()
    code = " ".join(ada.page.locator("ol.card li").all_inner_texts())
    served.wait(7 * 24)
    ada.sign_in()
    thief = new_phone()
    thief.write(thief.page.locator("#words"), code)
    thief.press("button", words.BACK["use_paper"])
    thief.page.get_by_text(words.BACK["waits"]).wait_for()
    ada.go("/keys")
    ada.hand.press("button", words.KEYS["stop"])
    ada.confirm()
    ada.page.get_by_text(words.DONE["vetoed"]).wait_for()
    thief.page.reload()
    thief.page.get_by_text(words.BACK["stopped"]).wait_for()
    seen(thief.page, "coming-back-stopped")
    ada.hand.press("button", words.KEYS["freeze"])
    ada.confirm()
    assert ada.page.url.split("?")[0].endswith("/sign-in")
    ada.sign_in()
    seen(ada.page, "frozen-until")
    ada.hand.press("button", words.BACK["thaw"])
    ada.confirm()
    ada.page.get_by_text(words.DONE["thawed"]).wait_for()
    ada.sign_in()
    assert ada.path in ada.page.url


def test_two_clerks_vouch_with_keys_of_their_own(
    served: Served,
    visit: Opener,
    authenticator: Authenticate,
    keyboard: bool,
    person: Callable[..., Someone],
    new_phone: Callable[[], Hand],
) -> None:
    ada = person("ada", "north")
    north: Any = served["north"]
    clerks = []
    for name in ("Rose Clerk", "Carl Clerk"):
        page = visit(DESK, "en")
        authenticator(page)
        hand = Hand(page, keyboard)
        _, code = staff.invite(north, name, "desk")
        page.goto(served.address("/sign-in", "north"))
        hand.unfold(words.SIGN_IN["staff"])
        hand.write(page.locator("#code"), code.hex())
        hand.press("button", words.SIGN_IN["register"])
        page.wait_for_url(lambda address: not address.endswith("/sign-in"))
        clerks.append(hand)
    recovery.name_staff(north, staff.credentials(north, ("desk",)))
    served.wait(25)
    phone = new_phone()
    rose, carl = clerks
    for clerk in clerks:
        clerk.page.goto(served.address("/sign-in", "north"))
        clerk.press("button", words.SIGN_IN["button"])
        clerk.page.wait_for_url(lambda address: not address.endswith("/sign-in"))
    rose.page.goto(served.address("/desk/vouch", "north"))
    rose.write(rose.page.locator("#patient"), "ada")
    rose.write(rose.page.locator("#number"), number_of(phone))
    rose.press("button", words.VOUCH["go_on"])
    confirm(rose)
    rose.page.get_by_text(words.VOUCH["yours"]).wait_for()
    carl.page.goto(served.address("/desk/vouch", "north"))
    seen(carl.page, "desk-vouch-second")
    carl.press("button", words.VOUCH["second"])
    confirm(carl)
    carl.page.get_by_text(words.DONE["vouched"]).wait_for()
    with served.engine.view() as view:
        attempt = ladder.ladder_of(view, ada.who.account).attempt_at(served.time)
        held = state.account(view, ada.who.account)
    assert attempt is not None and attempt.door == "clinic" and attempt.by == "north" and held is not None
    served.wait(72)
    signs_in(served, phone)
    phone.press("button", words.BACK["finish"])
    confirm(phone)
    signs_in(served, phone)
    assert ada.path in phone.page.url
