"""A session has a new token whenever its rights change: after signing in (test_sign_in), while acting for somebody
(test_acting), and when the keys of its account change."""

from typing import Any

from starlette.testclient import TestClient

from medrec.node.account import devices
from tests.portal.conftest import empty as empty
from tests.portal.rescue import Friend, NewPhone
from tests.portal.story import Story
from tests.portal.test_acting import help_ as help_
from tests.portal.test_acting import page, signed_in, take_up
from tests.portal.test_sign_in import csrf_of

COOKIE = "__Host-medrec"


def thief_of(client: TestClient) -> TestClient:
    """Another browser with a copy of the cookie."""
    copied = TestClient(client.app, base_url=client.base_url, follow_redirects=False)
    copied.cookies.set(COOKIE, client.cookies[COOKIE], domain="guide.example", path="/")
    return copied


def test_a_session_whose_keys_change_goes_on_under_a_new_token(empty: Story) -> None:
    ada = Friend(empty, "ada")
    new = NewPhone(empty)
    assert thief_of(ada.client).get(ada.page).status_code == 200, "a copied cookie is a session"
    # What changes no key changes no token: what she has open elsewhere goes on.
    before = ada.client.cookies[COOKIE]
    ada.does(ada.page + "/keys", do="paper")
    assert ada.client.cookies[COOKIE] == before
    for change in ("add", "remove"):
        thief, before = thief_of(ada.client), ada.client.cookies[COOKIE]
        keys = ada.keys()
        if change == "add":
            ada.does(ada.page + "/keys", do="add", number=new.number)
        else:
            ada.does(ada.page + "/keys", do="remove", key=new.key.key_id.hex())
        assert ada.keys() != keys and ada.client.cookies[COOKIE] != before, change
        assert ada.get(ada.page).status_code == 200
        assert thief.get(ada.page).status_code == 303, change


def test_a_key_that_removes_itself_ends_its_own_session(empty: Story) -> None:
    ada, new = Friend(empty, "ada"), NewPhone(empty)
    ada.does(ada.page + "/keys", do="add", number=new.number)
    thief = thief_of(ada.client)
    assert any(one.key == ada.key.key_id for one in devices.of_account(empty.network["guide"], ada.account))  # type: ignore[arg-type]
    ada.does(ada.page + "/keys", do="remove", key=ada.key.key_id.hex())
    assert COOKIE not in ada.client.cookies
    assert ada.get(ada.page).status_code == thief.get(ada.page).status_code == 303


def test_acting_for_somebody_and_ending_it_change_the_token(help_: Any) -> None:
    help_.name_bo()
    client = signed_in(help_, help_.bo)
    mine = thief_of(client)
    take_up(help_, client)
    acting = thief_of(client)
    assert client.get(page(help_.ada)).status_code == 200
    assert mine.get(page(help_.bo)).status_code == mine.get(page(help_.ada)).status_code == 303
    client.post("/acting/end", data={"csrf": csrf_of(client.get(page(help_.ada)).text)})
    assert client.get(page(help_.bo)).status_code == 200
    assert acting.get(page(help_.ada)).status_code == acting.get(page(help_.bo)).status_code == 303
