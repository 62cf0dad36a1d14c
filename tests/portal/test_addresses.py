"""No address of the site says anything of a person: what stands in one is a word of the table or of a short list, the
number of a page, or hex digits."""

import html
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from starlette.testclient import TestClient

from medrec.node.looks.looks import FILTERS
from medrec.portal import language, words
from medrec.portal.app import pages
from medrec.portal.table import FILES, PAGES
from medrec.signals.watch import WEIGHTS
from tests.portal.reading import walk
from tests.portal.story import Story, ToldNetwork

LEADS = re.compile(r'(?:href|action|src|data-[a-z-]+)="([^"]*)"')
OPAQUE = re.compile(r"[0-9a-f]{12,64}|\d{1,4}")
APART = re.compile(r"[/?&=#.]|%2F")


def closed(story: Story, organisation: str) -> set[str]:
    """The words that may stand in an address: of the table, and of short lists that say nothing of anybody."""
    node: Any = story.network[organisation]
    parts = {part for route in pages(node, demonstration=True).routes for part in APART.split(route.path)}
    parts |= {part for page in (*PAGES, *FILES) for part in (*APART.split(page.path), page.name)}
    lists = (language.LANGUAGES, words.DONE, WEIGHTS, FILTERS, words.RECORD, story.network.nodes)
    return (
        parts
        | {str(part) for known in lists for part in known}
        | {"lang", "page", "reason", "all", "v", "done", "show"}
    )


def strange(addresses: set[str], known: set[str]) -> dict[str, str]:
    """The parts of addresses that are neither closed nor opaque, and where they stand."""
    return {
        part: address
        for address in sorted(addresses)
        for part in APART.split(unquote(address))
        if part and part not in known and not OPAQUE.fullmatch(part)
    }


@pytest.mark.parametrize("organisation", ["guide", "north"])
def test_no_address_of_a_page_says_anything_of_a_person(told: Story, organisation: str) -> None:
    answers = walk(told.client(organisation))
    texts = [answer.text for answer in answers.values() if "html" in answer.headers["content-type"]]
    assert len(texts) > 12
    found = {html.unescape(one) for text in texts for one in LEADS.findall(text)}
    addresses = {*answers, *(one for one in found if one.startswith(("/", "?")))}
    known = closed(told, organisation)
    assert strange(addresses, known) == {}
    # What a form carries goes with POST: no field of a page is ever put into an address.
    assert not any(re.search(r"<form(?![^>]*method=.post.)", text) for text in texts)


def test_a_name_or_a_thing_in_an_address_is_found(told: Story) -> None:
    known = closed(told, "north")
    for bad in ("/records?patient=ada", "/people/ada", "/versions/Observation-bp-1", "/x/hiv", "/verify?q=Dr%20Brown"):
        assert strange({bad}, known)


class AtHome(ToldNetwork):
    def endpoint(self, name: str) -> str:
        return "http://127.0.0.1:8701"


def test_a_page_with_passkeys_is_led_to_the_name_at_which_browsers_have_them(tmp_path: Path) -> None:
    story = Story(tmp_path, AtHome)
    node: Any = story.network["guide"]
    site = pages(node, demonstration=True)

    def led(base: str, path: str) -> str:
        answer = TestClient(site, base_url=base, follow_redirects=False).get(path)
        return answer.headers.get("location", "") if answer.status_code == 303 else str(answer.status_code)

    for page in ("/sign-in", "/join", "/coming-back"):
        assert led("http://127.0.0.1:8701", page + "?lang=es") == f"http://localhost:8701{page}?lang=es"
        assert led("http://[::1]:8701", page) == f"http://localhost:8701{page}"
        # By its name, behind another port, or by any other name it stays where it is.
        for base in ("http://localhost:8701", "http://127.0.0.1:8702", "http://10.0.0.7:8701", "http://evil.example"):
            assert led(base, page) == "200"
    assert led("http://127.0.0.1:8701", "/") == "200"
    story.network.close()
