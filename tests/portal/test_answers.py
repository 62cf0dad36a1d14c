"""Every answer of a node has the headers that guard a browser, whatever is asked and how; a refusal has a sentence."""

import re
from typing import Any

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from medrec.node.app import make_app
from medrec.portal import words
from medrec.portal.app import pages
from medrec.portal.links import PATH
from tests.portal.story import Story

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
ELSEWHERE = ("", "/nothing", "/nothing/", "/a/b", "/portal.js/", "/people/x/", "/%00", "/log/x", "/static/../x")
GUARDS = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}


def bare(answer: Any) -> list[str]:
    """What an answer lacks of the headers that guard a browser."""
    policy = answer.headers.get("content-security-policy", "")
    found = [name for name, value in GUARDS.items() if answer.headers.get(name) != value]
    if not policy.startswith("default-src 'none'") or re.search(r"unsafe|data:|https?:|\*", policy):
        found.append(f"policy {policy}")
    if "html" in answer.headers.get("content-type", "") and "frame-ancestors 'none'" not in policy:
        found.append("framed")
    return found


SENTENCES = {
    "text/html": r'id="sentence"|id="refused"|<h1>Nothing is shown[^<]*</h1><p>[A-Z]',
    "application/json": r'"sentence": ?"[A-Z]',
    "application/fhir+json": r'"(diagnostics|text)": ?"[A-Z]',
    "application/cbor": r"sentence",
    "text/plain": r"^[a-z]+ [a-z ]+",
}
"""How a refusal says why, by its kind."""


def dumb(method: str, path: str, answer: Any) -> bool:
    """Whether a refusal says nothing to whoever asked. What holders of links read is fixed (SMART Health Links)."""
    if answer.status_code < 400 or method == "HEAD" or path == PATH:
        return False
    kind = answer.headers.get("content-type", "").partition(";")[0]
    return not re.search(SENTENCES[kind], answer.content.decode("latin-1"))


def walked(client: TestClient, addresses: list[str]) -> list[str]:
    """What is wrong with the answers to every method at every address."""
    found = []
    for path in addresses:
        address = re.sub(r"\{[^}]*\}", "0" * 32, path)
        for method in METHODS:
            answer = client.request(method, address)
            lacks = bare(answer) + (["no sentence"] if dumb(method, path, answer) else [])
            found += [f"{method} {path} {answer.status_code}: {lack}" for lack in lacks]
            if answer.status_code == 405:
                assert method not in answer.headers["allow"].split(", "), (method, path)
    return found


@pytest.mark.parametrize("organisation", ["guide", "north"])
@pytest.mark.parametrize("demonstration", [True, False])
def test_every_method_at_every_address_is_answered_under_guard(
    empty: Story, organisation: str, demonstration: bool
) -> None:
    node: Any = empty.network[organisation]
    inner = pages(node, demonstration=demonstration)
    assert all(isinstance(route, Route) for route in inner.routes)
    paths = [route.path for route in inner.routes]
    assert len(paths) > 60 and "/" in paths
    client = TestClient(inner, base_url=f"https://{organisation}.example", follow_redirects=False)
    assert walked(client, [*paths, *ELSEWHERE[1:]]) == []
    # The same below a node, whose own addresses are guarded as well: its redirects, files, calls and what is not there.
    whole = make_app(node, inner)
    outside = TestClient(whole, follow_redirects=False, raise_server_exceptions=False)
    own = [route.path for route in whole._inner.routes]  # type: ignore[attr-defined]
    assert {"/", "/pages", "/health", "/medrec/{name}"} <= set(own)
    below = ["/pages" + path for path in (*ELSEWHERE, "/", "/portal-ltr.css", "/sign-in")]
    assert walked(outside, [*own, *ELSEWHERE, *below]) == []


def test_what_is_refused_by_method_has_its_page_and_says_what_goes(empty: Story) -> None:
    client = TestClient(pages(empty.network["guide"]), follow_redirects=False)  # type: ignore[arg-type]
    for method, path in (("PUT", "/"), ("POST", "/portal-ltr.css"), ("GET", "/sign-out"), ("DELETE", "/signing")):
        answer = client.request(method, path, headers={"accept-language": "es"})
        assert answer.status_code == 405 and answer.headers["allow"], path
        assert "Ábrala de nuevo" in answer.text and str(words.ERRORS["wrong-method"]) not in answer.text


def test_the_walk_finds_what_is_bare_and_what_is_dumb(empty: Story) -> None:
    node: Any = empty.network["guide"]
    inner = make_app(node, pages(node))._inner  # type: ignore[attr-defined]
    found = walked(TestClient(inner, follow_redirects=False), ["/pages", "/health"])
    assert "GET /pages 307: x-content-type-options" in found and "GET /health 200: policy " in found
