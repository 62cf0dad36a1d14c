"""The table of pages and states: what each page answers before there is anything, while a place is waited for, when one
fails, and without the internet. It is measured on every page of the table, and kept beside the screenshots; a page that
has no answer for a state fails here."""

import re
from typing import Any

import pytest

from medrec.portal import words
from medrec.portal.page import Role
from medrec.portal.people import handle
from medrec.portal.table import PAGES, Page
from tests.browser.conftest import SCREENS
from tests.portal.reading import text_of
from tests.portal.story import Story
from tests.portal.test_states import SAYS_SOMETHING
from tests.portal.test_waits import HANGS_S, Hanging, at_once, until_read, waiting

STATES = ("nothing there yet", "a place is waited for", "a place fails", "without the internet")
READ = [page for page in PAGES if "GET" in page.methods and page.template]


class Sight:
    """Pages of one network, each read as it is now."""

    def __init__(self, story: Story, account: str) -> None:
        self._known = {"person": handle(account), "kind": "results"}
        self._at = {role: story.client(name) for role, name in ((Role.AGENT, "guide"), (Role.RECORDS, "north"))}

    def of(self, page: Page) -> tuple[int, str]:
        """Status and HTML, read at the node that has the page; nobody is waited for, whoever hangs."""
        about = {name: self._known.get(name, "0" * 32) for name in re.findall(r"\{(\w+)\}", page.path)}
        client = self._at.get(page.role, self._at[Role.AGENT])
        answer = at_once(client, page.path.format(**about))
        return answer.status_code, answer.text


def main_of(html: str) -> str:
    """What stands below the heading of a page."""
    return html.partition('<main id="content"')[2].partition("</main>")[0].partition("</h1>")[2]


def empty_answer(status: int, html: str) -> str:
    if status == 404:
        return "says that it is not there"
    says = status == 200 and SAYS_SOMETHING.search(main_of(html))
    return "has words for nothing" if says and text_of(main_of(html)) else ""


def waits_answer(status: int, html: str) -> str:
    if status not in (200, 404):
        return ""
    return "says for whom and since when" if status == 200 and waiting(html) else "is made of what is here"


def fails_answer(status: int, html: str) -> str:
    if status not in (200, 404):
        return ""
    told = text_of(html)
    return "says which and why" if words.SOURCE_ERRORS["unreachable"] in told else "is made of what is here"


def offline_answer(page: Page) -> str:
    if page.role is not Role.AGENT:
        return "is of a place that is connected"
    return "is kept" if page.name == "card" else "says so"


@pytest.fixture
def states(empty: Story) -> dict[str, dict[str, str]]:
    ada = empty.network.patient("ada", "north", "south")
    empty.settle()
    node: Any = empty.network["guide"]
    sight, hanging = Sight(empty, ada.account), Hanging(empty)
    found: dict[str, dict[str, str]] = {page.name: {} for page in READ}
    for page in READ:
        found[page.name][STATES[0]] = empty_answer(*sight.of(page))
        found[page.name][STATES[3]] = offline_answer(page)
    hanging.places |= set(empty.network.nodes)
    node.copies.refresh_soon(ada.account)
    assert hanging.asked.wait(HANGS_S)
    for page in READ:
        found[page.name][STATES[1]] = waits_answer(*sight.of(page))
    hanging.release()
    until_read(node, ada.account)
    empty.network.wires.leave("north")
    node.copies.refresh(ada.account)
    for page in READ:
        found[page.name][STATES[2]] = fails_answer(*sight.of(page))
    return found


def test_every_page_has_an_answer_for_every_state(states: dict[str, dict[str, str]]) -> None:
    lines = ["| page | " + " | ".join(STATES) + " |", "|" + "---|" * (len(STATES) + 1)]
    lines += [f"| {name} | " + " | ".join(told[state] for state in STATES) + " |" for name, told in states.items()]
    SCREENS.mkdir(parents=True, exist_ok=True)
    (SCREENS / "states.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    missing = [f"{name}: {state}" for name, told in states.items() for state in STATES if not told[state]]
    assert missing == []
    # What shows a record says what it waits for; a series of measurements is not there before one was read.
    says = {name for name, told in states.items() if told[STATES[1]].startswith("says")}
    assert says == {page.name for page in PAGES if page.reads} - {"trend"}
    fails = {name for name, told in states.items() if told[STATES[2]].startswith("says which")}
    assert fails == says


def test_a_page_without_an_answer_is_found() -> None:
    assert empty_answer(200, '<main id="content"><h1>Nothing</h1>') == empty_answer(500, "") == ""
    assert waits_answer(503, "") == fails_answer(500, "") == ""
