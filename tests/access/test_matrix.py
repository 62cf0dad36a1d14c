"""Every address x everybody else's identifiers x every role: nothing about another person comes out.

Here the calls of peers, the FHIR API and the pages; test_site has what else the site answers, and test_rules that
no address is left out.
"""

import base64
import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from medrec.core import codec
from medrec.node import app
from medrec.node.fhir.query import read_query
from medrec.node.fhir.routes import serve
from medrec.node.keeping import store
from medrec.node.peers.calls import CallRefused
from medrec.node.peers.peers import PeerError
from medrec.node.peers.rules import Rule
from medrec.node.refusals import Refusal
from medrec.node.release import access
from medrec.node.release.views import PAGE_PATH, VIEW_PATH
from medrec.portal.app import Site, pages
from medrec.portal.page import Area, Reader
from medrec.portal.people import handle
from medrec.portal.session import Session, Who
from medrec.portal.table import FILES, PAGES
from tests.access.probes import PROBES
from tests.access.world import World

MARKS = (b"Zebulon", b"zebulon", b"QUIVERING", b"rec-of-z")
"""What must never be seen by anybody else: his name, his patient id, a word of his record, the id of his record."""
ORGANISATIONS = ("south", "east")
"""Who asks: neither serves him, and to neither has he permitted anything."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("matrix"))
    yield made
    made.network.close()


def clean(answer: bytes) -> bool:
    return not any(mark in answer for mark in MARKS)


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

HIS = (
    "Patient/zebulon",
    "Observation/rec-of-z",
    "Patient/zebulon/$everything",
    "Observation?patient=zebulon",
    "Observation?subject=Patient/zebulon",
    "Observation?_id=rec-of-z",
    "Observation",
    "Patient",
    "Patient?_id=zebulon",
    "Observation/rec-of-z/_history",
    "Observation/rec-of-z/_history/1",
    "Observation/rec-of-z?_elements=subject",
    "Patient/zebulon?_summary=true",
    "Observation?_sort=-date&patient=zebulon",
    "Observation?_elements=subject",
    "Observation?_summary=data&subject=Patient/zebulon",
    "Observation?patient.identifier=zebulon",
    "Observation?_include=Observation:subject",
    "Patient?_revinclude=Observation:subject",
    "Observation?_summary=count&patient=zebulon",
    "AuditEvent?patient=zebulon",
    "AuditEvent",
    "Consent",
    "Consent?patient=zebulon",
    "Provenance?target=Observation/rec-of-z",
)


@pytest.mark.parametrize("interaction", HIS)
@pytest.mark.parametrize(("by", "about"), list(itertools.product(ORGANISATIONS, ("his", "eve"))))
def test_no_interaction_tells_of_another_person(world: World, by: str, about: str, interaction: str) -> None:
    path, _, parameters = interaction.partition("?")
    try:
        query = read_query(path, parameters)
        wanted = {"types": query.asked_types(), "ids": query.asked_ids()}
    except Refusal:
        wanted = {"types": [], "ids": []}
    asked = world.asked(getattr(world, about), by, query=interaction, **wanted)
    field = base64.urlsafe_b64encode(access.encode(asked)).decode()
    node: Any = world.network["north"]
    try:
        answer = serve(node, by, "GET", path, parameters, field).body
    except (Refusal, CallRefused) as no:
        answer = f"{no.code} {no.sentence}".encode()
    # The address of what was asked for comes back in the link to itself.
    shown = answer.replace(parameters.encode(), b"") if parameters else answer
    assert clean(shown), shown


# --- the pages -----------------------------------------------------------------------------------------------------


def identifiers(world: World) -> list[str]:
    """All that stands for him or for something of his, in addresses and anywhere else."""
    node, agent = world.network["north"], world.network["guide"]
    manifest = next(bytes(row.manifest) for row in node.rows(store.record) if row.id == "rec-of-z")
    tag = [bytes(row.tag) for row in agent.rows(store.notice) if row.account == world.his.account][-1]
    return [handle(world.his.account), world.his.account, manifest.hex(), tag.hex(), "zebulon", "rec-of-z"]


def addresses_of(world: World, path: str) -> list[str]:
    """A page's addresses with each of his identifiers in every place; a page of hers with something of his, too."""
    names, his = re.findall(r"{(\w+)", path), identifiers(world)
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
    """Everybody who may come: nobody, another person, and each role of the staff."""
    found: dict[str, Session | None] = {"nobody": None}
    found["another"] = Session(Who.PATIENT, "Eve", account=world.eve.account, csrf="c")
    for who in Who:
        if who not in (Who.PATIENT, Who.DELEGATE):
            found[who.value] = Session(who, "Staff", staff="x", csrf="c")
    return found


@pytest.mark.parametrize("page", [*PAGES, *FILES], ids=lambda page: page.name)
@pytest.mark.parametrize("organisation", ["north", "guide"])
def test_no_page_tells_of_another_person(
    world: World, organisation: str, page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = TestClient(pages(world.network[organisation]), raise_server_exceptions=False)  # type: ignore[arg-type]
    found = addresses_of(world, page.path)
    for address, (name, session) in itertools.product(found, roles(world).items()):
        monkeypatch.setattr(Site, "session_of", lambda self, request, session=session: session)
        allowed = page.reader is Reader.SIGNED_IN and session is not None and session.who in page.who
        # The staff of the very organisation may see what is in its own records; a page of a person's own is hers.
        if allowed and page.area is not Area.PERSON:
            continue
        her_own = handle(world.eve.account) in address and name == "another"
        for method in page.methods:
            form = {"csrf": "c"} if method == "POST" else None
            answer = client.request(method, address, data=form, follow_redirects=False)
            assert clean(answer.content), (name, method, address)
            if page.reader is Reader.SIGNED_IN and not her_own:
                assert answer.status_code >= 300, (name, method, address)


def test_the_person_himself_is_shown_his_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The marks that are looked for are there for the one who may see them: the matrix can fail."""
    own = Session(Who.PATIENT, "Zebulon", account=world.his.account, csrf="c")
    monkeypatch.setattr(Site, "session_of", lambda self, request: own)
    client = TestClient(pages(world.network["guide"]), raise_server_exceptions=False)  # type: ignore[arg-type]
    answer = client.get(f"/people/{handle(world.his.account)}")
    assert answer.status_code == 200 and not clean(answer.content)
