"""Every address x everybody else's identifiers x every role: nothing about another person comes out.

Here the calls of peers, the FHIR API and the pages; test_site has what else the site answers, and test_rules that
no address is left out.
"""

import base64
import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from medrec.core import codec
from medrec.node import app
from medrec.node.agent.told import sealed
from medrec.node.consent import policies
from medrec.node.fhir import routes
from medrec.node.fhir.answer import Answer
from medrec.node.fhir.query import CONSENTS, EVENTS, INTERACTIONS, PROVENANCE, SEARCH, SUMMARY, read_query
from medrec.node.fhir.routes import create, serve
from medrec.node.fhir.search import COMMON
from medrec.node.keeping import store
from medrec.node.looks.looks import Looks
from medrec.node.notify import asking
from medrec.node.peers.calls import CallRefused
from medrec.node.peers.peers import PeerError
from medrec.node.peers.rules import Rule
from medrec.node.refusals import Refusal
from medrec.node.release import access
from medrec.node.release.views import PAGE_PATH, VIEW_PATH
from medrec.portal import app as portal_app
from medrec.portal import front, line
from medrec.portal.app import Site, pages
from medrec.portal.own import trend
from medrec.portal.own.entries import entries
from medrec.portal.own.record import series_handles
from medrec.portal.page import Area, File, Reader, Role, Visit
from medrec.portal.people import handle
from medrec.portal.session import PEOPLE, STAFF, Session, Who
from medrec.portal.table import FILES, PAGES, Page
from tests.access.probes import PROBES
from tests.access.staff import MARKS, MAY_SEE, clean, may_see
from tests.access.world import World

ORGANISATIONS = ("south", "east")
"""Who asks: neither serves him, and to neither has he permitted anything."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("matrix"))
    yield made
    made.network.close()


# --- the calls of peers --------------------------------------------------------------------------------------------


def call(world: World, by: str, path: str) -> bytes:
    """What the one who calls gets to see; a ticket is for whoever asks, and what it opens is decided then."""
    node: Any = world.network["north"]
    try:
        answer = app.local_answer(node)(path, by, PROBES[path](world, by))
    except PeerError as error:
        return f"{error.code} {error.sentence}".encode()
    if path != VIEW_PATH:
        return answer
    page = TestClient(app.make_app(node)).post(PAGE_PATH + codec.decode(answer)["ticket"])
    assert page.status_code >= 400, page.text
    return page.content


@pytest.mark.parametrize("path", sorted(app.ROUTES))
@pytest.mark.parametrize("by", ORGANISATIONS)
def test_no_call_tells_of_another_person(world: World, by: str, path: str) -> None:
    node: Any = world.network["north"]
    standing = len(node.rows(store.consent)), [row.account for row in node.rows(store.person)]
    answer = call(world, by, path)
    assert answer and clean(answer), answer
    if app.RULES[path] in (Rule.GATE, Rule.HER_AGENT, Rule.HER_SIGNATURE):
        assert (len(node.rows(store.consent)), [row.account for row in node.rows(store.person)]) == standing
        # He is as unknown as somebody who does not exist.
        assert not answer.startswith(b"\xa0") and b" " in answer, answer
    assert [row for row in node.rows(store.outbox) if row.organisation == by and row.path == "/medrec/notices"] == []


def test_every_probe_is_a_question_that_is_read(world: World) -> None:
    """A call that cannot read what it is asked says nothing of anybody, whatever its rule is worth."""
    unread = {path for path in PROBES if b"malformed" in call(world, "south", path)}
    assert unread == {"/medrec/cosign", "/medrec/renew"}, "heads of the ledger and notes about them name nobody"


def test_his_own_agent_is_answered_where_others_are_not(world: World) -> None:
    node: Any = world.network["north"]
    answer = app.local_answer(node)("/medrec/redeliver", "guide", PROBES["/medrec/redeliver"](world, "guide"))
    assert codec.decode(answer) == 2


# --- the FHIR API --------------------------------------------------------------------------------------------------

SPECIAL = (
    "Observation",
    "Patient",
    "Observation?_sort=-date&patient=zebulon",
    "Observation?_elements=subject",
    "Observation?_summary=data&subject=Patient/zebulon",
    "Observation?_summary=count&patient=zebulon",
    "Observation?patient.identifier=zebulon",
    "Observation/rec-of-z?_elements=subject",
    "Patient/zebulon?_summary=true",
    "Patient/zebulon/$everything?_type=Observation",
)
"""What no table says: parameters of all interactions, together with one that names him."""
OWN_PARAMETERS = {EVENTS: ("patient",), CONSENTS: ("patient",), PROVENANCE: ("target",)}


def named_by(kind: str) -> tuple[str, str]:
    """How a search parameter of this kind names him, and how his record."""
    return ("Patient/zebulon", "Observation/rec-of-z") if kind == "reference" else ("zebulon", "rec-of-z")


def asked_of_fhir(kind: str) -> list[str]:
    """An interaction of the table: his identifiers in every place, and in every parameter that is answered."""
    places = {"{type}": ("Patient", "Observation"), "{id}": ("zebulon", "rec-of-z"), "{version}": ("1", "rec-of-z")}
    wanted = INTERACTIONS[kind].split("/")
    found = ["/".join(parts) for parts in itertools.product(*(places.get(name, (name,)) for name in wanted))]
    parameters = OWN_PARAMETERS.get(kind, ())
    found += [f"{path}?{name}={his}" for path in found for name in parameters for his in named_by("reference")]
    if kind != SEARCH:
        return found
    pointing = [name for name, one in COMMON.items() if one.kind == "reference"]
    found += [f"Observation?{name}={his}" for name, one in COMMON.items() for his in named_by(one.kind)]
    found += [f"Patient?{name}={his}" for name in ("_id", "identifier", *pointing) for his in named_by("")]
    found += [f"Observation?_include=Observation:{name}" for name in pointing]
    found += [f"Patient?_revinclude=Observation:{name}" for name in pointing]
    return [*found, *SPECIAL]


def ask_fhir(world: World, by: str, about: str, asked_for: str) -> bytes:
    """What an organisation is told, but for the address that it asked for, which comes back in the link to itself."""
    path, _, parameters = asked_for.partition("?")
    try:
        query = read_query(path, parameters)
        wanted = {"types": query.asked_types(), "ids": query.asked_ids()}
    except Refusal:
        wanted = {"types": [], "ids": []}
    asked = world.asked(getattr(world, about), by, query=asked_for, **wanted)
    field = base64.urlsafe_b64encode(access.encode(asked)).decode()
    try:
        answer = serve(world.network["north"], by, "GET", path, parameters, field).body  # type: ignore[arg-type]
    except (Refusal, CallRefused) as no:
        answer = f"{no.code} {no.sentence}".encode()
    return answer.replace(parameters.encode(), b"") if parameters else answer


def ask_interaction(world: World, by: str, about: str, kind: str) -> None:
    for asked_for in asked_of_fhir(kind):
        shown = ask_fhir(world, by, about, asked_for)
        assert clean(shown), (kind, asked_for, shown)


@pytest.mark.parametrize("kind", sorted(INTERACTIONS))
@pytest.mark.parametrize(("by", "about"), list(itertools.product(ORGANISATIONS, ("his", "eve"))))
def test_no_interaction_tells_of_another_person(world: World, by: str, about: str, kind: str) -> None:
    ask_interaction(world, by, about, kind)


@pytest.mark.parametrize("by", ORGANISATIONS)
def test_a_consent_about_him_is_not_taken_from_others(world: World, by: str) -> None:
    with pytest.raises(Refusal) as refused:
        create(world.network["north"], PROBES["/medrec/consents"](world, by), by)  # type: ignore[arg-type]
    assert clean(f"{refused.value.code} {refused.value.sentence}".encode())


@pytest.mark.parametrize(
    "path", ["Patient/zebulon/$export", "Patient/$export", "$export", "Binary/x/y", "AuditEvent/$x"]
)
def test_what_is_no_line_of_the_table_is_refused_before_anything_looks_at_it(
    world: World, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operation that somebody wrote, and did not enter."""
    monkeypatch.setattr(routes, "answer_query", _leaks)
    monkeypatch.setattr(routes, "answer_face", _leaks)
    assert ask_fhir(world, "south", "his", path).startswith(b"query-unknown")


def _leaks(*asked: Any) -> Answer:
    return Answer(200, b'{"x":"QUIVERING"}', {})


@pytest.mark.parametrize(("kind", "path"), [(SUMMARY, INTERACTIONS[SUMMARY]), ("export", "Patient/{id}/$export")])
def test_an_operation_that_is_entered_is_asked_and_a_leak_in_it_found(
    world: World, kind: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As somebody would write it: one line in the table, and what answers it; or a fault in one that is there."""
    monkeypatch.setitem(INTERACTIONS, kind, path)
    answers = routes.answer_query
    monkeypatch.setattr(
        routes, "answer_query", lambda *asked: (_leaks if path.endswith(asked[3][-7:]) else answers)(*asked)
    )
    with pytest.raises(AssertionError, match=kind):
        ask_interaction(world, "south", "his", kind)


# --- the pages -----------------------------------------------------------------------------------------------------


def identifiers(world: World) -> list[str]:
    """All that stands for him or for something of his, in addresses and anywhere else."""
    node, agent = world.network["north"], world.network["guide"]
    manifest = next(bytes(row.manifest) for row in node.rows(store.record) if row.id == "rec-of-z")
    tag = [bytes(row.tag) for row in agent.rows(store.notice) if row.account == world.his.account][-1]
    return [handle(world.his.account), world.his.account, manifest.hex(), tag.hex(), "zebulon", "rec-of-z"]


def things_in(world: World, path: str) -> list[str]:
    """Those of his that the places of this address may name."""
    return [one for name in re.findall(r"{(\w+)", path) for one in world.things.get(name, ())]


def addresses_of(world: World, path: str) -> list[str]:
    """A page's addresses with each of his identifiers in every place; a page of hers with something of his, too."""
    names = re.findall(r"{(\w+)", path)
    his = [*identifiers(world), *things_in(world, path)]
    if len(names) > 1 and names[0] == "person":
        filled = [[who, other] for who in (handle(world.his.account), handle(world.eve.account)) for other in his]
    else:
        filled = [[one] for one in his]
    found = set()
    for values in filled:
        address = path
        for name, value in zip(names, values + values[-1:] * len(names), strict=False):
            address = re.sub(rf"{{{name}(:\w+)?}}", value, address)
        found.add(address)
    return sorted(found)


def roles(world: World) -> dict[str, Session | None]:
    """Everybody who may come: nobody, another person, whoever helps her, and each other role."""
    found: dict[str, Session | None] = {"nobody": None}
    found["another"] = Session(Who.PATIENT, "Eve", account=world.eve.account, csrf="c")
    found["her helper"] = Session(
        Who.DELEGATE, "Bo", account=world.bo.account, acting_for=world.eve.account, acting_for_name="Eve",
        delegation=world.helps_eve, csrf="c",
    )  # fmt: skip
    for who in Who:
        if who not in (Who.PATIENT, Who.DELEGATE):
            found[who.value] = Session(who, "Staff", staff="x", csrf="c")
    return found


def ask_page(world: World, organisation: str, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """As everybody, at each of its addresses that has to do with him."""
    node: Any = world.network[organisation]
    client = TestClient(pages(node), raise_server_exceptions=False)
    found = addresses_of(world, page.path)
    if page.role is not Role.ANY and (page.role is Role.AGENT) != (node.agent is not None):
        # A node that has no such page says so of each of its addresses, before it reads it.
        found = found[:1]
    for address, (name, session) in itertools.product(found, roles(world).items()):
        monkeypatch.setattr(Site, "session_of", lambda self, request, session=session: session)
        allowed = page.reader is Reader.SIGNED_IN and session is not None and session.who in (page.who or STAFF)
        staff = allowed and session is not None and session.who in STAFF
        may = may_see(organisation, session, page.name) if allowed else ()
        about_him = "{" in page.path and handle(world.eve.account) not in address
        for method in (*page.methods, *page.answers):
            form = {"csrf": "c"} if method == "POST" else None
            answer = client.request(method, address, data=form, follow_redirects=False)
            assert clean(answer.content, may), (name, method, address)
            if staff:
                # Whether there is such a page for them is another question than what it shows.
                continue
            if page.reader is Reader.SIGNED_IN and (not allowed or about_him):
                assert answer.status_code >= 300, (name, method, address)
            if allowed and not about_him and set(address.split("/")).intersection(things_in(world, page.path)):
                # What is his is on no page of hers.
                assert answer.status_code >= 400, (name, method, address)


@pytest.mark.parametrize("page", [*PAGES, *FILES], ids=lambda page: page.name)
@pytest.mark.parametrize("organisation", ["north", "guide"])
def test_no_page_tells_of_another_person(
    world: World, organisation: str, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_page(world, organisation, page, monkeypatch)


@pytest.mark.parametrize(
    ("page", "who"),
    [
        # A page for people that stands in no person's area, and one of a person's own that a helper is shown.
        (Page("/peek/{what}", "peek", front.show, "", Role.AGENT, who=PEOPLE), Who.PATIENT),
        (Page("/peek/{what}", "peek", front.show, "", Role.AGENT, who=PEOPLE), Who.DELEGATE),
        (Page("/people/{person}/peek", "peek", front.show, "", Role.AGENT, who=PEOPLE, area=Area.PERSON), Who.DELEGATE),
        (Page("/peek/{what}", "peek", front.show, "", Role.AGENT, who=(Who.HELPER,)), Who.HELPER),
    ],
)
def test_a_page_that_shows_him_to_those_it_is_not_for_is_found(
    world: World, page: Page, who: Who, monkeypatch: pytest.MonkeyPatch
) -> None:
    def show(node: Any, visit: Visit) -> File:
        shown = b"QUIVERING" if visit.session is not None and visit.session.who is who else b""
        return File(shown, "text/plain", "peek.txt")

    planted = page._replace(show=show)
    monkeypatch.setattr(portal_app, "FILES", (*FILES, planted))
    with pytest.raises(AssertionError, match="peek"):
        ask_page(world, "guide", planted, monkeypatch)


@pytest.mark.parametrize("who", [who for who in Who if who in STAFF])
@pytest.mark.parametrize(("organisation", "role"), [("north", Role.RECORDS), ("guide", Role.AGENT)])
def test_a_page_that_shows_him_to_the_staff_is_found(
    world: World, organisation: str, role: Role, who: Who, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each mark by itself, to each role: the one that is shown must be the one that is found."""
    for mark in MARKS:
        planted = Page("/peek/{what}", "peek", _shows(mark), "", role, who=(who,))
        monkeypatch.setattr(portal_app, "FILES", (*FILES, planted))
        with pytest.raises(AssertionError, match="peek"):
            ask_page(world, organisation, planted, monkeypatch)


def _shows(mark: bytes) -> Callable[..., File]:
    return lambda node, visit: File(mark, "text/plain", "peek.txt")


@pytest.mark.parametrize(("organisation", "who", "name"), sorted(MAY_SEE, key=str))
def test_what_the_staff_may_see_is_there_and_nothing_more_is_allowed(
    tmp_path: Path, organisation: str, who: Who, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a world of its own: what all the other questions left there pushes his look off the first page."""
    page = next(one for one in (*PAGES, *FILES) if one.name == name)
    monkeypatch.delitem(MAY_SEE, (organisation, who, name))
    world = World(tmp_path)
    try:
        with pytest.raises(AssertionError, match=who.value):
            ask_page(world, organisation, page, monkeypatch)
    finally:
        world.network.close()


def _any_of(kept: Any) -> Callable[..., Any]:
    """As one of these finds it, for whoever asks."""
    return lambda *asked: kept


@pytest.mark.parametrize("name", ["one_look", "request", "line", "line_receipt", "trend"])
def test_what_is_found_without_asking_whose_it_is_is_found_here(
    world: World, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each place of an address leads to something of his, as soon as nobody asks whether it is hers. An act that waits
    is held back twice: it is signed by no key but the one that it waits for."""
    node: Any = world.network["guide"]
    his, things = world.his.account, world.things
    kept: dict[str, tuple[Any, str, Any]] = {
        "one_look": (Looks, "find", node.looks.find(his, bytes.fromhex(things["pair"][0]))),
        "request": (asking, "find", asking.find(node, his, bytes.fromhex(things["request"][0]))),
        "line": (line, "sealed", sealed(node, his, bytes.fromhex(things["tag"][0]))),
        "trend": (trend, "entries", entries(node, his, ("results",))),
        "line_receipt": (line, "sealed", sealed(node, his, bytes.fromhex(things["tag"][0]))),
    }
    page = next(one for one in (*PAGES, *FILES) if one.name == name)
    where, what, found = kept[name]
    if name == "trend":
        # The handle of a series is made with a secret of his.
        monkeypatch.setattr(trend, "series_handles", _any_of(series_handles(node, his)))
    monkeypatch.setattr(where, what, _any_of(found))
    with pytest.raises(AssertionError):
        ask_page(world, "guide", page, monkeypatch)


@pytest.mark.parametrize(("organisation", "name"), [("north", "office"), ("north", "desk"), ("guide", "cases")])
def test_a_role_that_is_not_asked_for_is_found(
    world: World, organisation: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = next(one for one in PAGES if one.name == name)
    monkeypatch.setattr(portal_app, "require", lambda visit, *roles: visit.session)
    with pytest.raises(AssertionError, match=name):
        ask_page(world, organisation, page, monkeypatch)


def test_a_call_that_does_not_ask_who_serves_him_is_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The question is one that is answered, once the right to ask is not asked for."""
    monkeypatch.setattr(policies, "is_served_by", lambda node, account, caller: True)
    assert not clean(call(world, "south", "/medrec/trial"))


def test_the_person_himself_is_shown_his_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The marks that are looked for are there for the one who may see them: the matrix can fail."""
    own = Session(Who.PATIENT, "Zebulon", account=world.his.account, csrf="c")
    monkeypatch.setattr(Site, "session_of", lambda self, request: own)
    client = TestClient(pages(world.network["guide"]), raise_server_exceptions=False)  # type: ignore[arg-type]
    answer = client.get(f"/people/{handle(world.his.account)}")
    assert answer.status_code == 200 and not clean(answer.content)
