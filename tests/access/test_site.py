"""What the site answers beside its pages, asked about somebody else by everybody: signing in, signing, acting, links.

Each address has here how it is asked with all that others know of him: his identifiers, what he has in hand open, and
what of it can be guessed. test_rules finds an address that is missing.
"""

import base64
import itertools
import json
import secrets
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from medrec.node.agent import links
from medrec.node.peers.rules import Rule
from medrec.portal import assets, calls, rules
from medrec.portal.app import Site, pages
from medrec.portal.people import handle
from medrec.portal.session import Session
from medrec.portal.sign_in import to_text
from medrec.portal.signing import Piece, desk_of
from tests.access.staff import clean
from tests.access.test_matrix import identifiers, roles
from tests.access.world import World

NODES = ("north", "guide")


class Sent(NamedTuple):
    """One request: its address, and its body as JSON or as a form (then it is a POST)."""

    path: str
    json: Any = None
    form: dict[str, str] | None = None
    method: str = "GET"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("site"))
    node: Any = made.network["guide"]
    his_helper = made.helper(made.his, "look")
    link = shared(made)
    waiting = desk_of(node).wait((Piece("revocation/1", bytes(32)),), None, b"his key", lambda proofs: "/", ["Zebulon"])
    made.held = (his_helper.hex(), link, waiting)  # type: ignore[attr-defined]
    yield made
    made.network.close()


def shared(world: World) -> str:
    """A link of his with a passcode: the last part of its address."""
    node: Any = world.network["guide"]
    wanted = links.Wanted(secrets.token_bytes(16), (), "Zebulon", "rain 7", world.network.time + 3_600_000, None)
    made = links.make(node, world.his.account, "", wanted, world.his.key.key_id)
    return str(json.loads(base64.urlsafe_b64decode(made.text.removeprefix("shlink:/") + "=="))["url"])


def known(world: World) -> list[str]:
    """What others may know of him: his identifiers, who helps him, the address of a link that he lost, though not its
    passcode, and a ticket but for a letter."""
    delegation, link, ticket = world.held  # type: ignore[attr-defined]
    return [*identifiers(world), delegation, link, ticket[:-1] + ("A" if ticket[-1] != "A" else "B")]


def _get(path: str) -> Callable[[World, str], Sent]:
    return lambda world, his: Sent(path)


def _form(path: str, *fields: str, **fixed: str) -> Callable[[World, str], Sent]:
    """A form whose `fields` name him, with the token of whoever sends it."""
    return lambda world, his: Sent(path, form={**dict.fromkeys(fields, his), **fixed, "csrf": "c"})


def _json(path: str, *fields: str, **fixed: str) -> Callable[[World, str], Sent]:
    return lambda world, his: Sent(path, json={**dict.fromkeys(fields, his), **fixed})


def _signed_in(world: World, his: str) -> Sent:
    """His account or key id, a fresh challenge, and Eve's signature or none."""
    asked: Any = TestClient(pages(world.network["guide"])).post("/sign-in/challenge").json()  # type: ignore[arg-type]
    key = to_text(world.his.key.key_id)
    return Sent("/sign-in/answer", json={**asked, "account": his, "key": key, "signature": to_text(bytes(64))})


SENT: dict[str, Callable[[World, str], Sent]] = {
    **{f"GET /{name}": _get(f"/{name}") for name in assets.NAMES},
    "GET /signing": _get("/signing"),
    "GET /signing.js": _get("/signing.js"),
    "GET /signing.css": _get("/signing.css"),
    "POST /signing/act": _json("/signing/act", "ticket"),
    "POST /signing/answer": _json("/signing/answer", "ticket", "id"),
    "POST /sign-in/challenge": _json("/sign-in/challenge", "account"),
    "POST /sign-in/answer": _signed_in,
    "POST /sign-in/register": _json("/sign-in/register", "code", "id", "authenticatorData", label="Eve"),
    "POST /sign-in/demonstration": _form("/sign-in/demonstration", "person"),
    "POST /sign-out": _form("/sign-out", "account"),
    "POST /acting": _form("/acting", "delegation"),
    "POST /acting/end": _form("/acting/end", "delegation"),
    "POST /helping": _form("/helping", "account", "person", "delegate", name="Eve", rights="look", days="3"),
    "POST /helping/end": _form("/helping/end", "delegation"),
    "POST /list-word": _form("/list-word", "row", "notice", "person", "name", act="also-taking", places="all"),
    "POST /join": _json("/join", "account", "id", "authenticatorData", name="Eve"),
    "POST /coming-back/begin": _json("/coming-back/begin", "account", "id", "authenticatorData", label="Eve"),
    "POST /s/{link}": lambda world, his: Sent(f"/s/{his}", json={"recipient": "Eve", "passcode": "rain"}),
    "OPTIONS /s/{link}": lambda world, his: Sent(f"/s/{his}", method="OPTIONS"),
}
"""How each address of the site beside its pages is asked about him."""


def send(client: TestClient, sent: Sent) -> Any:
    method = sent.method if sent.json is None and sent.form is None else "POST"
    return client.request(method, sent.path, json=sent.json, data=sent.form, follow_redirects=False)


def ask_about_him(world: World, organisation: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As everybody, with everything: nothing of his comes out, and the rule of the address holds."""
    client = TestClient(pages(world.network[organisation]), raise_server_exceptions=False)  # type: ignore[arg-type]
    rule, said = rules.RULES[path], set()
    for his, (name, session) in itertools.product(known(world), roles(world).items()):
        held: Session | None = session
        monkeypatch.setattr(Site, "session_of", lambda self, request, held=held: held)
        answer = send(client, SENT[path](world, his))
        where = name, path, his, answer.status_code
        assert clean(answer.content) and handle(world.his.account) not in answer.headers.get("location", ""), where
        assert not answer.cookies, where
        if rule in (Rule.HELD, Rule.INVENTED) or (rule is Rule.SESSION and session is None):
            assert answer.status_code >= 400, where
        if rule is Rule.EVERYBODY and SENT[path](world, his).json is None:
            said.add(answer.content)
    assert len(said) <= 1, "an address that is everybody's answers each the same"


@pytest.mark.parametrize("path", sorted(SENT))
@pytest.mark.parametrize("organisation", NODES)
def test_nothing_that_is_no_page_tells_of_another_person(
    world: World, organisation: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_about_him(world, organisation, path, monkeypatch)


def test_his_own_ticket_and_his_own_link_are_answered(world: World) -> None:
    """What is looked for is there for the one who holds it."""
    client = TestClient(pages(world.network["guide"]), raise_server_exceptions=False)  # type: ignore[arg-type]
    _, _, ticket = world.held  # type: ignore[attr-defined]
    shown = client.post("/signing/act", json={"ticket": ticket})
    assert shown.status_code == 200 and not clean(shown.content)
    link, asked = f"/s/{shared(world)}", {"recipient": "Eve", "passcode": "rain 7"}
    assert client.post(link, json={**asked, "passcode": "rain"}).status_code == 401
    assert client.post(link, json=asked).status_code == 200


@pytest.mark.parametrize("rule", [Rule.HELD, Rule.SESSION, Rule.EVERYBODY])
def test_an_answer_that_names_him_fails_whatever_its_rule_says(
    world: World, rule: Rule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(calls.CALLS, "dump", ("/dump", lambda site, request, body: PlainTextResponse("QUIVERING")))
    monkeypatch.setitem(rules.RULES, "POST /dump", rule)
    monkeypatch.setitem(SENT, "POST /dump", _json("/dump", "account"))
    with pytest.raises(AssertionError, match="dump"):
        ask_about_him(world, "guide", "POST /dump", monkeypatch)


def test_an_answer_to_whoever_has_not_signed_in_fails_by_its_rule(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(calls.CALLS, "dump", ("/dump", lambda site, request, body: PlainTextResponse("7 records")))
    monkeypatch.setitem(rules.RULES, "POST /dump", Rule.SESSION)
    monkeypatch.setitem(SENT, "POST /dump", _json("/dump", "account"))
    with pytest.raises(AssertionError, match="nobody"):
        ask_about_him(world, "guide", "POST /dump", monkeypatch)
