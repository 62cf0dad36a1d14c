"""A real Chromium before the real demonstration: three hospitals, an agent, invented people, the told story.

`world` is the network that tests read together; a module that changes it takes `own_world` in its place, and stays on
one worker. `browser` is one Chromium for all tests of a worker, `visit` makes pages of any size, `look` gives a window
that was looked through before, `authenticator` gives a page a phone's passkeys, and `keyboard` says whether a journey
is made without a mouse.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from rich.console import Console

from medrec.demo import run
from medrec.demo.network import Network, members
from medrec.demo.ports import free_ports
from tests.browser.world import World

ROOT = Path(__file__).resolve().parents[2]
SCREENS = ROOT / "out" / "screens"
AUTHENTICATOR = {
    "protocol": "ctap2",
    "ctap2Version": "ctap2_1",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
    "hasPrf": True,
    "defaultBackupEligibility": True,
    "defaultBackupState": True,
}
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


def find_browser(playwright: Any) -> str | None:
    """The Chromium of this machine, or the one that Playwright installed."""
    for name in (os.environ.get("MEDREC_BROWSER"), "chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name) if name else None
        if found:
            return found
    own = playwright.chromium.executable_path
    return own if Path(own).is_file() else None


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One headless Chromium."""
    api = pytest.importorskip("playwright.sync_api", reason="no browser: Playwright is not installed")
    with api.sync_playwright() as playwright:
        path = find_browser(playwright)
        if path is None:
            pytest.skip("no browser: neither a Chromium of this machine nor one of Playwright's was found")
        running = playwright.chromium.launch(executable_path=path, headless=True, args=["--disable-dev-shm-usage"])
        yield running
        running.close()


@contextmanager
def told_world(home: Path) -> Iterator[World]:
    """The demonstration's network after its story, served on loopback."""
    network = Network(home, free_ports(len(members())), time.time_ns() // 1_000_000)
    quiet = Console(file=(home / "said.txt").open("w"), soft_wrap=True)
    try:
        people = run._fill(network, run.Options(people=4), quiet)
        network.start()
        yield World.told(network, people, quiet)
    finally:
        network.stop()
        quiet.file.close()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The world of all tests that only read it. A module whose tests change it has one of its own (own_world)."""
    with told_world(tmp_path_factory.mktemp("world")) as told:
        yield told


Opener = Callable[..., Any]


def new_page(browser: Any, size: dict[str, int], language: str, **more: Any) -> Any:
    """A page of somebody who was never here; what it says on its console is kept."""
    context = browser.new_context(
        viewport=size, locale=language, reduced_motion="reduce", device_scale_factor=1, **more
    )
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.said = []
    page.on("console", lambda message: page.said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.said.append(str(error)))
    return page


@pytest.fixture
def visit(browser: Any) -> Iterator[Opener]:
    """Makes pages: visit(size=PHONE, language="ar", color_scheme="dark", ...)."""
    pages: list[Any] = []

    def opened(size: dict[str, int] = PHONE, language: str = "en", **more: Any) -> Any:
        pages.append(new_page(browser, size, language, **more))
        return pages[-1]

    yield opened
    for page in pages:
        page.context.close()


@pytest.fixture(scope="session")
def looked(browser: Any) -> Iterator[dict[tuple[Any, ...], Any]]:
    """The pages of `look`, by what they were asked for with."""
    pages: dict[tuple[Any, ...], Any] = {}
    yield pages
    for page in pages.values():
        page.context.close()


@pytest.fixture
def look(browser: Any, looked: dict[tuple[Any, ...], Any]) -> Opener:
    """As `visit`, for tests that only look at a page: a new window for each takes longer than the look.

    Nothing of a test is left for the next: no cookie, no size, and no service worker, which alone keeps pages.
    """

    def opened(size: dict[str, int] = PHONE, language: str = "en", **more: Any) -> Any:
        asked = (*size.values(), language, *sorted(more.items()))
        if asked not in looked:
            looked[asked] = new_page(browser, size, language, service_workers="block", **more)
        page = looked[asked]
        page.context.clear_cookies()
        page.set_viewport_size(size)
        page.emulate_media(media="null", color_scheme=more.get("color_scheme", "null"))
        page.said.clear()
        return page

    return opened


class Authenticator(NamedTuple):
    """A virtual authenticator with synced passkeys: the session to steer it by, and its id."""

    session: Any
    id: str


@pytest.fixture
def authenticator() -> Callable[[Any], Authenticator]:
    """Gives a page an authenticator, before the page calls for one."""

    def given(page: Any) -> Authenticator:
        session = page.context.new_cdp_session(page)
        session.send("WebAuthn.enable", {"enableUI": False})
        added = session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        return Authenticator(session, added["authenticatorId"])

    return given


@pytest.fixture(params=[False, True], ids=["mouse", "keyboard"])
def keyboard(request: pytest.FixtureRequest) -> bool:
    """Whether the journey is made with keys alone."""
    return bool(request.param)
