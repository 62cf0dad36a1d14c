"""No address without a rule, none without a probe: mounted sites are gone into, and the calls behind one address too.

What a node answers is what its application has: its own routes, the calls of peers, and the whole site of its pages.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from medrec.node import app
from medrec.node.ledger.invite import JOIN_PATH
from medrec.node.peers.doors import ENGINE_PATH
from medrec.node.peers.rules import Rule
from medrec.node.release.view_page import VIEW_ROUTE
from medrec.node.witness.witness_door import DOOR_PATH
from medrec.portal import calls, rules
from medrec.portal.app import pages
from medrec.portal.table import FILES, PAGES
from tests.access.probes import PROBES
from tests.access.test_site import SENT
from tests.access.world import World

SITE = "/pages"
ELSEWHERE = {
    "/": "leads to the pages",
    "/medrec/{name}": "the calls of peers, each with its own probe",
    "/fhir/{path:path}": "the interactions of test_matrix",
    "/fhir/metadata": "the same statement for everybody",
    VIEW_ROUTE: "opened in test_matrix with the ticket of a view of him",
    DOOR_PATH: "a cosignature of a tree head, which names nobody",
    JOIN_PATH: "an organisation that joins; nothing about people is there",
    ENGINE_PATH: "the state of the ledger's engine",
    "/log": "the tiles of the ledger, which names nobody",
    "/health": "numbers of the node",
    "/standing": "numbers of the node",
}
"""Addresses of the application itself that are asked elsewhere, or of which no question about anybody can be asked."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("rules"))
    yield made
    made.network.close()


def addresses(application: Any, before: str = "") -> set[str]:
    """What an application's routes and all that is mounted in it answer, as "METHOD /path" ("*": any method). A folder
    of files is one address."""
    found: set[str] = set()
    for route in application.routes:
        assert isinstance(route, Route | Mount), route
        if isinstance(route, Route):
            methods = set(route.methods or "*") - {"HEAD"}
            found |= {f"{method} {before}{route.path}" for method in methods}
        elif isinstance(route.app, StaticFiles):
            found.add(f"GET {before}{route.path}")
        else:
            # Whatever hides what it answers cannot be asked: it fails here.
            found |= addresses(route.app, before + route.path)
    return found


def on_site(table: Iterable[str]) -> set[str]:
    """The addresses of the site as the application has them."""
    return {address.replace(" /", f" {SITE}/", 1) for address in table}


def on_pages() -> set[str]:
    """Those that are pages: each has its rule in its line of the table, and its probe in test_matrix."""
    return on_site(f"{method} {page.path}" for page in (*PAGES, *FILES) for method in (*page.methods, *page.answers))


def beyond(found: set[str], peer_calls: dict[str, Any], site: dict[str, Any], own: dict[str, Any]) -> set[str]:
    """The addresses and calls that stand neither in a table of the site nor in one of the node's own paths."""
    rest = found - on_pages() - on_site(site)
    return {one for one in rest if one.partition(" ")[2] not in own} | {one for one in peer_calls if one not in own}


def without_rule(application: Any, peer_calls: dict[str, Any]) -> set[str]:
    """The addresses of an application, and of the calls behind one of them, for which no rule is declared."""
    return beyond(addresses(application), peer_calls, rules.RULES, app.RULES)


def without_probe(application: Any, peer_calls: dict[str, Any]) -> set[str]:
    """The addresses and calls for which nobody has written down how they are asked about somebody else."""
    return beyond(addresses(application), peer_calls, SENT, {**PROBES, **ELSEWHERE})


def whole(world: World, organisation: str, demonstration: bool = True) -> Any:
    node: Any = world.network[organisation]
    return app.make_app(node, pages(node, demonstration=demonstration))._inner  # type: ignore[attr-defined]


@pytest.mark.parametrize("organisation", ["north", "guide"])
def test_every_address_has_a_rule_and_a_probe(world: World, organisation: str) -> None:
    inner = whole(world, organisation)
    found = addresses(inner)
    assert {
        "POST /pages/s/{link}",
        "POST /pages/sign-in/answer",
        "POST /pages/signing/act",
        "GET /pages/portal.js",
    } <= found
    assert len(found) > 100
    assert without_rule(inner, app.ROUTES) == set()
    assert without_probe(inner, app.ROUTES) == set()


def test_no_rule_and_no_probe_outlives_its_address(world: World) -> None:
    found = addresses(whole(world, "guide")) | addresses(whole(world, "north"))
    paths = {one.partition(" ")[2] for one in found}
    # The tiles are there where a node keeps them.
    assert set(app.RULES) - {"/log"} <= paths | set(app.ROUTES) and set(ELSEWHERE) - {"/log"} <= paths
    assert set(PROBES) == set(app.ROUTES)
    assert on_site(rules.RULES) | on_pages() <= found and set(SENT) == set(rules.RULES)
    assert not on_site(rules.RULES) & on_pages()


def test_what_is_for_demonstrations_is_nowhere_else(world: World) -> None:
    invented = on_site(address for address, rule in rules.RULES.items() if rule is Rule.INVENTED)
    assert invented and not invented & addresses(whole(world, "guide", demonstration=False))


def _tells(request: Request) -> PlainTextResponse:
    return PlainTextResponse("Zebulon QUIVERING rec-of-z")


def test_an_address_without_a_rule_is_found_however_deep() -> None:
    deep = Mount("/deep", Starlette(routes=[Route("/export", _tells)]))
    site = Mount("/pages", Starlette(routes=[Route("/everybody", _tells), deep]))
    planted, dump = Starlette(routes=[Route("/health", _tells), site]), {"/medrec/dump": _tells}
    missing = {"GET /pages/everybody", "GET /pages/deep/export", "/medrec/dump"}
    assert without_rule(planted, dump) == without_probe(planted, dump) == missing
    # A page that is there for reading is not there for sending.
    sent = Starlette(routes=[Mount("/pages", Starlette(routes=[Route("/records", _tells, methods=["GET", "PUT"])]))])
    assert without_rule(sent, {}) == {"PUT /pages/records"}
    with pytest.raises((AssertionError, AttributeError)):
        addresses(Starlette(routes=[Mount("/hidden", PlainTextResponse("whatever it answers"))]))


def test_a_call_of_the_site_that_is_added_is_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line in the table of calls, as somebody would write it: neither its rule nor its probe is there."""
    dump = ("/dump/{person}", lambda site, request, body: PlainTextResponse("Zebulon QUIVERING rec-of-z"))
    monkeypatch.setitem(calls.CALLS, "dump", dump)
    inner = whole(world, "guide")
    assert without_rule(inner, app.ROUTES) == without_probe(inner, app.ROUTES) == {"POST /pages/dump/{person}"}
    # A rule alone is not enough.
    monkeypatch.setitem(rules.RULES, "POST /dump/{person}", Rule.HELD)
    assert without_rule(inner, app.ROUTES) == set()
    assert without_probe(inner, app.ROUTES) == {"POST /pages/dump/{person}"}


def test_a_call_for_members_needs_a_probe_as_every_other_does(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.RULES, "/medrec/peek", Rule.MEMBER)
    assert without_probe(whole(world, "north"), {**app.ROUTES, "/medrec/peek": _tells}) == {"/medrec/peek"}
