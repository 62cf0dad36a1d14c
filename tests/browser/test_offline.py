"""Whose emergency card a browser keeps for when it is offline: the signed-in person's, and nobody else's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medrec.node.account.accounts import submit_as_account
from medrec.node.account.devices import sign_in_message
from medrec.portal import words
from medrec.portal.people import handle
from medrec.portal.session import IDLE_MS
from medrec.portal.sign_in import from_text, to_text
from tests.browser.conftest import PHONE, Opener
from tests.browser.test_ways_back import Served, serving
from tests.node.helping import Help
from tests.node.network import Patient

CARDS = """async () => {
  const found = [];
  for (const name of await caches.keys())
    for (const kept of await (await caches.open(name)).keys()) found.push(new URL(kept.url).pathname);
  return found.filter((path) => path.endsWith("/card"));
}"""


class ServedHelp(Help):
    """Ada and Bo at an agent that answers browsers; Bo may be named to help her."""

    def __init__(self, folder: Path) -> None:
        self.network: Any = Served(folder)
        self.ada, self.bo = self.network.patient("ada"), self.network.patient("bo")
        self.guide: Any = self.network["guide"]

    def path(self, who: Patient, rest: str = "") -> str:
        return f"/people/{handle(who.account)}{rest}"

    def go(self, page: Any, path: str) -> Any:
        return page.goto(self.network.address(path))

    def sign_in(self, page: Any, who: Patient) -> None:
        """A person signs in with a key that is no passkey, and comes to her page."""
        http = page.context.request
        asked = http.post(self.network.address("/sign-in/challenge"), data={}).json()
        message = sign_in_message(self.network.id, "guide", from_text(asked["nonce"], 32))
        body = {
            "nonce": asked["nonce"],
            "account": who.account,
            "key": to_text(who.key.key_id),
            "signature": to_text(who.key.sign_transaction_id(message)),
        }
        assert http.post(self.network.address("/sign-in/answer"), data=body).ok
        assert self.go(page, self.path(who)).ok

    def keep_card(self, page: Any, who: Patient) -> None:
        """She opens her card, as somebody whose browser has the worker already."""
        self.go(page, self.path(who, "/card"))
        page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
        page.reload()
        page.wait_for_function("() => navigator.serviceWorker.controller")
        page.reload()
        assert self.kept(page) == [who]

    def kept(self, page: Any) -> list[Patient]:
        """Whose cards the browser holds."""
        paths = page.evaluate(CARDS)
        found = [who for who in (self.ada, self.bo) if any(self.path(who) in path for path in paths)]
        assert len(found) == len(paths)
        return found


@pytest.fixture
def help_(tmp_path: Path) -> Iterator[ServedHelp]:
    made = ServedHelp(tmp_path)
    for _ in serving(made.network):
        yield made


def reads_nothing_offline(help_: ServedHelp, page: Any, name: str) -> None:
    """Without the internet nobody reads the card, and no page leads to one."""
    page.context.set_offline(True)
    for path in (help_.path(help_.ada, "/card"), help_.path(help_.bo, "/record")):
        help_.go(page, path)
        assert page.locator("h1").inner_text() == words.NAMES["offline"]
        assert name not in page.locator("main").inner_text()
    page.context.set_offline(False)


@pytest.mark.parametrize("end", ["sign-out", "idle", "other", "key"])
def test_the_next_person_at_a_browser_reads_nothing_of_hers(help_: ServedHelp, visit: Opener, end: str) -> None:
    page = visit(PHONE, "en")
    help_.sign_in(page, help_.ada)
    help_.keep_card(page, help_.ada)
    # Any page of hers, and one that is not there, leave it where it is.
    for path in (help_.path(help_.ada, "/record"), "/", "/verify", "/no-such-page"):
        help_.go(page, path)
        assert help_.kept(page) == [help_.ada], path
    if end == "sign-out":
        help_.go(page, help_.path(help_.ada))
        page.get_by_role("button", name=words.SIGN_IN["sign_out"]).click()
        page.wait_for_url(lambda address: address.endswith("/pages/"))
    elif end == "idle":
        help_.network.time += IDLE_MS + 1
        help_.go(page, help_.path(help_.ada, "/card"))
    elif end == "other":
        page.context.clear_cookies()
        help_.sign_in(page, help_.bo)
    else:
        network, ada = help_.network, help_.ada
        submit_as_account(network.engine, network.id, ada.account, ada.key, "account/freeze", {"account": ada.account})
        help_.go(page, help_.path(help_.ada, "/record"))
    assert help_.kept(page) == []
    reads_nothing_offline(help_, page, "Ada")


OVER = """async () => {
  // Ninety days go by: the stamp of the kept card lies behind.
  const cards = await caches.open("medrec-card-3");
  const [key] = await cards.keys();
  const found = await cards.match(key);
  const headers = new Headers(found.headers);
  const left = Number(headers.get("medrec-until")) - Date.now();
  headers.set("medrec-until", String(Date.now() - 1));
  await cards.put(key, new Response(await found.blob(), { status: 200, headers }));
  return left / 86400000;
}"""


def test_a_card_that_was_kept_for_long_ends_without_the_internet(help_: ServedHelp, visit: Opener) -> None:
    page = visit(PHONE, "en")
    help_.sign_in(page, help_.ada)
    help_.keep_card(page, help_.ada)
    page.context.set_offline(True)
    help_.go(page, help_.path(help_.ada, "/card"))
    assert "Ada" in page.locator(".emergency").inner_text()
    assert 89 < page.evaluate(OVER) <= 90
    help_.go(page, help_.path(help_.ada, "/card"))
    assert page.locator("h1").inner_text() == words.NAMES["offline"]
    assert help_.kept(page) == []
    page.context.set_offline(False)


def test_who_acts_for_somebody_keeps_her_own_card_only(help_: ServedHelp, visit: Opener) -> None:
    page = visit(PHONE, "en")
    secret = help_.name_bo()
    help_.sign_in(page, help_.bo)
    help_.keep_card(page, help_.bo)
    help_.go(page, help_.path(help_.bo, "/helping"))
    page.get_by_role("button", name=words.HELPERS["act"].format(name="Ada")).click()
    page.wait_for_url("**" + help_.path(help_.ada))
    for _ in range(2):
        assert help_.go(page, help_.path(help_.ada, "/card")).ok
        assert "Ada" in page.locator(".emergency").inner_text()
        assert help_.kept(page) == [help_.bo]
    page.context.set_offline(True)
    help_.go(page, help_.path(help_.ada, "/card"))
    assert page.locator("h1").inner_text() == words.NAMES["offline"]
    page.get_by_role("link", name=words.NAMES["card"]).click()
    assert "Bo" in page.locator(".emergency").inner_text()
    page.context.set_offline(False)
    # Her right ends while she acts: from the next page on she is herself.
    assert help_.end(secret)
    assert help_.go(page, help_.path(help_.ada, "/card")).status == 404
    assert help_.kept(page) == [help_.bo]
