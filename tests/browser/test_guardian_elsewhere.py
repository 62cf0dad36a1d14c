"""A guardian whose pages are at another agent, in a browser: named by her address, she takes the card, and speaks."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.portal import words
from tests.browser.conftest import PHONE, Opener
from tests.browser.hand import Hand
from tests.browser.test_ways_back import (
    Authenticate,
    Served,
    Someone,
    confirm,
    says_yes,
    seen,
    serving,
    signs_in,
    speaks,
)
from tests.browser.test_ways_back import new_phone as new_phone
from tests.browser.test_ways_back import person as person
from tests.node.network import Patient

pytestmark = pytest.mark.xdist_group("browser-guardian_elsewhere")


class TwoAgents(Served):
    """The same network with a second agent, whose pages are served too."""

    OTHER_AGENTS = ("helper",)
    SERVED = ("guide", "north", "helper")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[TwoAgents]:
    yield from serving(TwoAgents(tmp_path))


def takes(who: Someone, name: str, data: bytes) -> None:
    """Choose a file for the card, as the phone hands it over."""
    kind = "image/jpeg" if name.endswith(".jpg") else "text/plain"
    who.page.locator("#card-file").set_input_files({"name": name, "mimeType": kind, "buffer": data})


def photo(page: Any) -> bytes:
    """A photo of the phone on which the card stands: askew, with what is around the code."""
    page.locator("section[aria-labelledby=card] figure").scroll_into_view_if_needed()
    page.evaluate("() => { document.querySelector('main').style.rotate = '4deg' }")
    taken = page.screenshot(type="jpeg", quality=80)
    page.evaluate("() => { document.querySelector('main').style.rotate = '' }")
    return bytes(taken)


def test_a_guardian_at_another_agent_helps_from_her_own_pages(
    served: TwoAgents, person: Callable[..., Someone], new_phone: Callable[[], Hand], visit: Opener,
    authenticator: Authenticate, keyboard: bool,
) -> None:  # fmt: skip
    ada, bo = person("ada", "north"), person("bo")
    helper: Any = served["helper"]
    who = Patient(served, "eve")
    helper.agent.enroll(who.account, "Eve", who.view_secret)
    page = visit(PHONE, "en")
    authenticator(page)
    eve = Someone(served, Hand(page, keyboard), who, "helper")
    says_yes(ada, bo, "Bo")
    # Eve reads her address to Ada from her own page; Ada's key says that it is she.
    eve.go("/helping")
    assert who.account in eve.page.text_content("main")
    ada.go("/guardians")
    ada.hand.write(ada.page.locator("#name"), "Eve")
    ada.hand.unfold(words.GUARDIANS["elsewhere"])
    ada.hand.write(ada.page.locator("#account"), who.account)
    ada.hand.press("button", words.GUARDIANS["make"])
    ada.confirm()
    ada.hand.choose(ada.page.locator("#needs"), "2")
    ada.hand.press("button", words.GUARDIANS["set"])
    ada.confirm()
    seen(ada.page, "guardians-card")
    eve.go("/guarding")
    takes(eve, "nothing.txt", b"what?")
    eve.page.get_by_text(words.GUARDIANS["guard_card_unread"]).wait_for()
    seen(eve.page, "guarding-unread")
    if keyboard:
        with ada.page.expect_download() as saved:
            ada.hand.press("link", words.GUARDIANS["card_save"])
        takes(eve, "guardian-card.txt", saved.value.path().read_bytes())
    else:
        takes(eve, "photo.jpg", photo(ada.page))
    eve.page.get_by_text(words.GUARDIANS["guard_card_read"]).wait_for()
    card = ada.page.locator("section[aria-labelledby=card] code").text_content()
    assert eve.page.locator("#card").input_value() == card
    eve.hand.press("button", words.GUARDIANS["take"])
    eve.page.get_by_text(words.DONE["kept"]).wait_for()
    seen(eve.page, "guarding-elsewhere")
    served.wait(7 * 24)
    for one in (bo, eve):
        one.sign_in()
    phone = new_phone()
    speaks(bo, phone)
    speaks(eve, phone)
    phone.page.get_by_text(words.BACK["waits"]).wait_for()
    served.wait(48)
    signs_in(served, phone)
    phone.press("button", words.BACK["finish"])
    confirm(phone)
    phone.page.get_by_text("The account is yours again").wait_for()
