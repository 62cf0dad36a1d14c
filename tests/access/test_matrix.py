"""Every address x everybody else's identifiers x every role: nothing about another person comes out.

The addresses are those that the application has: the calls of peers, the FHIR API, the pages. One without a declared
rule fails, and so does one for which nobody has written down how it is asked about somebody else.
"""

import base64
import itertools
import re
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from medrec.core import codec
from medrec.core.manifests.consent import Grant
from medrec.core.manifests.delegation import (
    Delegation,
    DelegationRest,
    delegation_message,
    delegation_rest_message,
    encode_delegation,
)
from medrec.core.matching import Demographics
from medrec.node import app
from medrec.node.account.resting import encode_rest
from medrec.node.agent.moving import move_message
from medrec.node.consent.consents import write_consent, write_revocation
from medrec.node.fhir.query import read_query
from medrec.node.fhir.routes import serve
from medrec.node.keeping import store
from medrec.node.peers.calls import CallRefused
from medrec.node.peers.peers import PeerError
from medrec.node.peers.rules import Rule
from medrec.node.refusals import Refusal
from medrec.node.release import access
from medrec.node.right_person.link import unlink_message
from medrec.node.right_person.matching import as_stated, find_message
from medrec.portal.app import Site, pages
from medrec.portal.page import Area, Reader
from medrec.portal.people import handle
from medrec.portal.session import Session, Who
from medrec.portal.table import FILES, PAGES
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


# --- every address has a rule ------------------------------------------------------------------------------------


def addresses(application: Any) -> set[str]:
    """The paths of an application's routes."""
    found: set[str] = set()
    for route in application.routes:
        assert isinstance(route, Route | Mount), route
        found.add(route.path)
    return found


def without_rule(application: Any, calls: dict[str, Any]) -> set[str]:
    """The addresses of an application, and of the calls behind one of them, for which no rule is declared."""
    return (addresses(application) | set(calls)) - set(app.RULES)


def test_every_address_has_a_rule(world: World) -> None:
    inner = app.make_app(world.network["north"], PlainTextResponse("pages"))._inner  # type: ignore[arg-type, attr-defined]
    assert len(addresses(inner)) >= 6
    assert without_rule(inner, app.ROUTES) == set()


def test_an_address_without_a_rule_is_found(world: World) -> None:
    def answer(request: Request) -> PlainTextResponse:
        return PlainTextResponse("all of it")

    planted = Starlette(routes=[Route("/health", answer), Route("/export", answer), Mount("/admin", Starlette())])
    assert without_rule(planted, {"/medrec/dump": answer}) == {"/export", "/admin", "/medrec/dump"}


# --- the calls of peers --------------------------------------------------------------------------------------------


def _his_consent(world: World, sign: Any) -> bytes:
    return write_consent(
        world.network.id,
        "north",
        world.his.account,
        world.network.time,
        Grant("permit", ["south"], [], None),
        secrets.token_bytes(32),
        world.eve.key.key_id,
        sign,
    )


def _dispute(world: World) -> bytes:
    statement = {
        "network": world.network.id.hex(),
        "account": world.his.account,
        "id": "00" * 16,
        "action": "open",
        "requester": "south",
        "source": "north",
        "obligation": None,
        "time": world.network.time,
        "words": "",
        "key": world.eve.key.key_id.hex(),
        "signature": "00" * 64,
    }
    return codec.encode([codec.encode_json(statement)])


def _list_act(world: World) -> bytes:
    act = {
        "network": world.network.id.hex(),
        "account": world.his.account,
        "id": "00" * 16,
        "kind": "not-taking",
        "author": "patient",
        "organisation": "",
        "name": "Z",
        "time": world.network.time,
        "subjects": [{"key": "29046|body", "name": "lisinopril"}],
        "recipients": ["*"],
        "key": world.eve.key.key_id.hex(),
        "signature": "00" * 64,
    }
    return codec.encode([codec.encode_json(act)])


def _link(world: World) -> bytes:
    code = world.network["north"].linker.invite("zebulon")
    asked = {"account": world.eve.account, "code": code, "epoch": 1, "key": world.eve.key.key_id}
    parts = {"relationship": bytes(32), "seal": bytes(32), "signature": bytes(64)}
    return codec.encode({**asked, **parts})


def _trial(world: World) -> bytes:
    return codec.encode({"account": world.his.account, "askers": [], "consent": b"{}", "replaced": []})


def _delegation(world: World) -> bytes:
    """Eve names herself his helper."""
    named = Delegation(
        world.network.id.hex(), world.his.account, world.network.time, world.eve.account, "Eve", ["look"], [],
        world.network.time + 1000, "consent", None, None, "00" * 32, world.eve.key.key_id.hex(),
    )  # fmt: skip
    _, signature = world.eve.sign(delegation_message(named))
    return encode_delegation(msgspec.structs.replace(named, signature=signature.hex()))


def _move(world: World, by: str) -> bytes:
    """Somebody takes him to another agent with Eve's signature."""
    key, signature = world.eve.sign(move_message(world.network.id, world.his.account, by, world.network.time))
    return codec.encode({"account": world.his.account, "key": key, "signature": signature, "time": world.network.time})


def _rest(world: World) -> bytes:
    """Somebody lets a helper of his rest with Eve's signature."""
    network, eve = world.network, world.eve
    stated = DelegationRest(
        network.id.hex(), world.his.account, network.time, "00" * 32, "rest", eve.key.key_id.hex()
    )  # fmt: skip
    _, signature = eve.sign(delegation_rest_message(stated))
    return codec.encode([encode_rest(msgspec.structs.replace(stated, signature=signature.hex()))])


def _unlink(world: World) -> bytes:
    """Somebody undoes his link with Eve's signature."""
    key, signature = world.eve.sign(unlink_message(world.network.id, "north", world.his.account, world.network.time))
    return codec.encode({"account": world.his.account, "key": key, "signature": signature, "time": world.network.time})


def _find(world: World) -> bytes:
    """Somebody looks for a patient in his name, with Eve's signature."""
    stated = Demographics("Zebulon", "Zeb", "1950-01-01")
    key, signature = world.eve.sign(find_message(world.network.id, "north", world.his.account, bytes(16), stated))
    asked = {"account": world.his.account, "id": bytes(16), "demographics": as_stated(stated)}
    return codec.encode({**asked, "key": key, "signature": signature})


PROBES: dict[str, Callable[[World, str], bytes]] = {
    "/medrec/notices": lambda world, by: codec.encode([codec.encode([world.his.account, 1, 0, bytes(60)])]),
    "/medrec/link": lambda world, by: _link(world),
    "/medrec/unlink": lambda world, by: _unlink(world),
    "/medrec/find": lambda world, by: _find(world),
    "/medrec/redeliver": lambda world, by: codec.encode({"account": world.his.account, "epoch": 1, "counters": [0, 1]}),
    "/medrec/release": lambda world, by: access.encode(world.about_him(by)),
    "/medrec/referral": lambda world, by: access.seal_release(access.encode(world.about_him(by)), bytes(64)),
    "/medrec/view": lambda world, by: access.encode(world.about_him(by)),
    "/medrec/consents": lambda world, by: _his_consent(world, world.eve.sign),
    "/medrec/revocations": lambda world, by: write_revocation(world.his.account, bytes(32), world.eve.sign),
    "/medrec/disputes": lambda world, by: _dispute(world),
    "/medrec/disputed": lambda world, by: codec.encode([codec.encode({"account": world.his.account, "id": bytes(16)})]),
    "/medrec/dispute-answers": lambda world, by: codec.encode([b"{}"]),
    "/medrec/trial": lambda world, by: _trial(world),
    "/medrec/delegations": lambda world, by: _delegation(world),
    "/medrec/move": lambda world, by: _move(world, by),
    "/medrec/returning": lambda world, by: codec.encode({"account": world.his.account, "number": "123456789"}),
    "/medrec/delegation-rests": lambda world, by: _rest(world),
    "/medrec/corrections": lambda world, by: codec.encode([b"{}"]),
    "/medrec/lone-halves": lambda world, by: codec.encode(
        [codec.encode([world.his.account, bytes(16), bytes(16), [[bytes(8), bytes(60)]]])]
    ),
    "/medrec/emergency": lambda world, by: access.encode(world.about_him(by, query="$emergency")),
    "/medrec/emergency-reviews": lambda world, by: codec.encode([b"{}"]),
    "/medrec/delegation-ends": lambda world, by: write_revocation(world.his.account, bytes(32), world.eve.sign),
    "/medrec/asked-consents": lambda world, by: codec.encode({"code": world.his.account.encode()[:16]}),
    "/medrec/list-acts": lambda world, by: _list_act(world),
    "/medrec/list-act-ends": lambda world, by: world.act_taken_back(by),
    "/medrec/renew": lambda world, by: codec.encode({"receipt": world.his.account.encode()}),
    "/medrec/members": lambda world, by: codec.encode(
        {"waiting": [[1, world.his.account.encode(), b""]], "root": False}
    ),
    "/medrec/standing": lambda world, by: codec.encode({"account": world.his.account}),
    "/medrec/cosign": lambda world, by: codec.encode({"note": world.his.account.encode()}),
}
"""How each call is asked about somebody else, by an organisation or a person who has no business with him."""


def probe(path: str) -> Callable[[World, str], bytes]:
    """How a call is asked; one that is said to be about nobody is asked about him in the plainest way."""
    if app.RULES.get(path) is Rule.MEMBER and path not in PROBES:
        return lambda world, by: codec.encode({"account": world.his.account, "patient": "zebulon"})
    return PROBES[path]


def call(world: World, by: str, path: str) -> bytes:
    """What the one who calls gets to see."""
    node: Any = world.network["north"]
    try:
        return app.local_answer(node)(path, by, probe(path)(world, by))
    except PeerError as error:
        return f"{error.code} {error.sentence}".encode()


def test_every_call_is_asked_about_somebody_else(world: World) -> None:
    needed = {path for path in app.ROUTES if app.RULES.get(path) is not Rule.MEMBER}
    assert needed <= set(PROBES) <= set(app.ROUTES), "write down how the new call is asked about another person"


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
