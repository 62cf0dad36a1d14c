"""Behind a reverse proxy the limits go by the visitor, and nobody is believed but the proxies of the settings."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from medrec.node.peers.proxied import Proxied, limited, site_of, visitor
from medrec.portal.app import pages
from tests.portal.story import Story

PROXY = "127.0.0.1"


@pytest.mark.parametrize(
    ("peer", "lines", "expected"),
    [
        (PROXY, ["198.51.100.7"], "198.51.100.7"),
        # What stands before the last the visitor wrote himself.
        (PROXY, ["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
        (PROXY, ["203.0.113.9", "198.51.100.7"], "198.51.100.7"),
        # Two proxies of ours in a row.
        (PROXY, ["203.0.113.9, 198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        (PROXY, ["[2001:db8::1]:4711"], "2001:db8::1"),
        (PROXY, ["198.51.100.7:80"], "198.51.100.7"),
        (PROXY, [], PROXY),
        (PROXY, ["unknown"], PROXY),
        (PROXY, ["203.0.113.9, not an address"], PROXY),
        # Nobody else is believed.
        ("203.0.113.9", ["198.51.100.7"], "203.0.113.9"),
        ("testclient", ["198.51.100.7"], "testclient"),
        # A socket of both kinds writes an IPv4 address as IPv6.
        (f"::ffff:{PROXY}", ["198.51.100.7"], "198.51.100.7"),
        (f"::ffff:{PROXY}", ["198.51.100.7, ::ffff:10.0.0.2"], "198.51.100.7"),
    ],
)
def test_who_came_is_whom_our_proxy_names_last(peer: str, lines: list[str], expected: str) -> None:
    assert visitor(peer, lines, frozenset({PROXY, "10.0.0.2"})) == expected


def test_limits_go_by_what_one_connection_has() -> None:
    assert limited("2001:db8::1") == limited("2001:db8::ffff:2") == "2001:db8::/64" != limited("2001:db8:0:1::1")
    assert limited("::ffff:198.51.100.7") == limited("198.51.100.7") == "198.51.100.7" != limited("198.51.100.8")
    assert limited("testclient") == "testclient"
    assert limited("64:ff9b::c633:6407") == "198.51.100.7" != limited("64:ff9b::c633:6408")
    assert limited("64:ff9b:1::c633:6407") == "64:ff9b:1::/64", "another prefix is an address as any other"
    # One customer is one site, however many names he has.
    assert site_of(limited("2001:db8::1")) == site_of(limited("2001:db8:0:ff::1")) == "2001:db8::/48"
    assert site_of(limited("2001:db8:1::1")) != "2001:db8::/48"
    assert site_of(limited("198.51.100.7")) == "198.51.100.7/32" and site_of("testclient") == "testclient"


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    made = Story(tmp_path)
    yield made
    made.network.close()


def tries(
    story: Story, proxies: list[str], one: Sequence[str] = ("203.0.113.9",), other: str = "198.51.100.7"
) -> tuple[int, int]:
    """What the last of many tries of one visitor, and the first of another, are answered behind one proxy."""
    guide: Any = story.network["guide"]
    app = Proxied(pages(guide), proxies)

    def ask(address: str) -> int:
        client = TestClient(app, base_url="https://guide.example", client=(PROXY, 4444))
        headers = {"x-forwarded-for": address}
        return int(client.post("/s/nothing", json={"recipient": "x"}, headers=headers).status_code)

    return [ask(one[number % len(one)]) for number in range(130)][-1], ask(other)


def test_without_the_setting_all_share_one_limit(story: Story) -> None:
    assert tries(story, []) == (429, 429)


def test_with_the_proxy_named_each_visitor_has_limits_of_its_own(story: Story) -> None:
    assert tries(story, [PROXY]) == (429, 404)


def test_the_addresses_of_one_connection_share_their_limits(story: Story) -> None:
    home = [f"2001:db8::{number:x}" for number in range(1, 131)]
    assert tries(story, [PROXY], home, "2001:db8:0:1::1") == (429, 404)


def test_a_proxy_is_an_address() -> None:
    with pytest.raises(ValueError, match="proxy"):
        Proxied(lambda scope, receive, send: None, ["proxy.example"])  # type: ignore[arg-type, return-value]
