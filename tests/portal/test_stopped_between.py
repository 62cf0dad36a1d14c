"""A node that stops after the ledger took an act, and before it wrote the new key down: nobody is shut out by it."""

from collections.abc import Callable
from typing import Any

import pytest

from medrec.engines.engine import EngineError
from medrec.node.account import devices, returning
from medrec.portal.people import handle
from medrec.portal.sign_in import to_text
from tests.portal.rescue import DAY, Circle, Holder, NewPhone, wait
from tests.portal.story import Story
from tests.portal.test_sign_in import csrf_of, sign, visitor
from tests.portal.test_signing import answer, join, new_key, ticket_of
from tests.portal.test_ways_back import circle as circle

Stop = Callable[[Any, str], None]


@pytest.fixture
def stop(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Stop the node where it calls this next; from then on it runs again."""

    def at(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def dies(*_: Any, **__: Any) -> None:
            monkeypatch.setattr(owner, name, real)
            raise SystemError("the node stops here")

        monkeypatch.setattr(owner, name, dies)

    return at


def test_a_new_phone_that_took_the_account_back_goes_on_at_its_next_visit(circle: Circle, stop: Stop) -> None:
    words = circle.paper()
    phone = NewPhone(circle.story)
    assert phone.send("/coming-back", do="paper", words=words).status_code == 303
    wait(circle.story, DAY)
    phone.sign_in()
    stop(devices, "remember")
    assert phone.confirm(phone.send("/coming-back", do="finish")).status_code == 500
    assert circle.ada.keys() == {phone.key.key_id.hex()}
    # The page that is still open leads on by itself, and so does signing in again.
    led = phone.get("/coming-back")
    assert led.status_code == 303 and led.headers["location"].startswith("/sign-in")
    assert phone.sign_in().json()["to"] == circle.ada.page
    assert phone.get(circle.ada.page).status_code == 200
    assert returning.by_passkey(circle.guide, phone.id) is None


def test_her_own_public_key_under_another_id_is_no_second_device(circle: Circle) -> None:
    """Anybody knows a public key: a case with it is signed by nobody, and leaves no row beside hers."""
    ada, client = circle.ada, visitor(circle.story)
    body = {"label": "x", "id": to_text(b"a thief's"), "authenticatorData": to_text(ada.key.registration(b"a thief's"))}
    assert client.post("/coming-back/begin", json=body).status_code == 200
    case = returning.by_passkey(circle.guide, b"a thief's")
    assert case is not None
    before = devices.of_account(circle.guide, ada.account)
    assert ada.send(ada.page + "/keys", do="add", number=case.number).status_code == 404
    # Bound by whoever else may say whose it is, it still settles nothing.
    case = returning.bind(circle.guide, case, ada.account)
    assert "<strong><bdi>x</bdi></strong>" not in ada.get(ada.page + "/keys").text
    shown = client.get("/coming-back").text
    assert "Ada" not in shown and 'value="hers"' not in shown
    # Whose case it is nobody says who has not signed with the key.
    assert client.post("/coming-back", data={"do": "hers", "csrf": csrf_of(shown)}).status_code == 400
    assert not returning.settle(circle.guide, returning.say_hers(circle.guide, case))
    assert devices.of_account(circle.guide, ada.account) == before and ada.sign_in().status_code == 200


@pytest.mark.parametrize("owner", [devices, returning])
def test_a_second_device_goes_on_at_its_next_visit(circle: Circle, stop: Stop, owner: Any) -> None:
    tablet = NewPhone(circle.story, "my tablet")
    page = circle.ada.page + "/keys"
    circle.ada.does(page, do="add", number=tablet.number)
    assert Holder.sign_in(tablet).json()["to"] == tablet.page
    stop(owner, "remember" if owner is devices else "forget")
    assert tablet.send(tablet.page, do="hers").status_code == 500
    assert tablet.sign_in().json()["to"] == circle.ada.page
    assert "my tablet" in tablet.get(page).text


@pytest.mark.parametrize("step", [(devices, "remember"), (returning, "settle")])
def test_somebody_who_joined_is_served_at_her_next_visit(empty: Story, stop: Stop, step: tuple[Any, str]) -> None:
    client, key = visitor(empty), new_key()
    ticket = ticket_of(join(empty, client, key))
    account = client.post("/signing/act", json={"ticket": ticket}).json()["parts"][0]["value"]["author"]
    stop(*step)
    assert answer(empty, client, ticket, key).status_code == 500
    again = sign(empty, visitor(empty), key, b"id Nora New")
    assert again.status_code == 200 and again.json()["to"] == f"/people/{handle(account)}"
    node: Any = empty.network["guide"]
    assert (account, "Nora New") in node.agent.clients()
    secret = node.agent.view_secret(account)
    assert sign(empty, visitor(empty), key, b"id Nora New").status_code == 200
    assert node.agent.view_secret(account) == secret


def test_whoever_did_not_join_gets_no_further_and_helps_nobody_in(empty: Story, monkeypatch: Any) -> None:
    client, key = visitor(empty), new_key()
    ticket = ticket_of(join(empty, client, key))
    node: Any = empty.network["guide"]

    def down(*_: Any) -> None:
        raise EngineError("engine-down", "The engine does not answer.")

    monkeypatch.setattr(node.engine, "submit", down)
    assert answer(empty, client, ticket, key).status_code == 503
    monkeypatch.undo()
    # Her name waits with the key; it opens nothing, since the ledger knows no such account.
    assert sign(empty, visitor(empty), key, b"id Nora New").status_code == 401
    case = returning.by_passkey(node, b"id Nora New")
    assert case is not None and not returning.settle(node, case) and case.name == "Nora New"
    assert "Nora New" not in dict(node.agent.clients()).values()
