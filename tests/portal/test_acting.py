"""Acting for somebody else: what a helper sees, that both names are written down, and how fast it ends."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from medrec.core.manifests.delegation import ActingManifest
from medrec.node.devices import sign_in_message
from medrec.portal.people import handle
from medrec.portal.sign_in import from_text, to_text
from tests.node.helping import Help
from tests.node.network import Patient
from tests.portal.test_sign_in import csrf_of, visitor


@pytest.fixture
def help_(tmp_path: Path) -> Iterator[Help]:
    made = Help(tmp_path)
    yield made
    made.close()


def signed_in(help_: Help, who: Patient) -> TestClient:
    """A person signs in with a key that is no passkey."""
    client = visitor(help_.story)
    asked = client.post("/sign-in/challenge", json={}).json()
    message = sign_in_message(help_.network.id, "guide", from_text(asked["nonce"], 32))
    body = {
        "nonce": asked["nonce"],
        "account": who.account,
        "key": to_text(who.key.key_id),
        "signature": to_text(who.key.sign_transaction_id(message)),
    }
    assert client.post("/sign-in/answer", json=body).status_code == 200
    return client


def page(who: Patient) -> str:
    return f"/people/{handle(who.account)}"


def take_up(help_: Help, client: TestClient) -> Any:
    (held,) = help_.guide.delegates.of(help_.ada.account)
    token = csrf_of(client.get(page(help_.bo)).text)
    return client.post("/acting", data={"delegation": held.hash.hex(), "csrf": token})


def test_a_helper_sees_her_page_and_both_names_are_written_down(help_: Help) -> None:
    help_.name_bo()
    client = signed_in(help_, help_.bo)
    assert client.get(page(help_.ada)).status_code == 404
    before = client.cookies["__Host-medrec"]
    answer = take_up(help_, client)
    assert answer.status_code == 303 and answer.headers["location"] == page(help_.ada)
    assert client.cookies["__Host-medrec"] != before
    shown = client.get(page(help_.ada))
    assert shown.status_code == 200 and "You are acting for" in shown.text
    assert client.get(page(help_.bo)).status_code == 404
    (act,) = [line for line in help_.told(help_.ada.account) if isinstance(line, ActingManifest)]
    assert act.name == "Bo Berg for Ada"
    token = csrf_of(shown.text)
    assert client.post("/acting/end", data={"csrf": token}).headers["location"] == page(help_.bo)
    assert client.get(page(help_.ada)).status_code == 404


def test_a_dismissed_helper_is_out_with_the_next_request_and_keeps_her_own_page(help_: Help) -> None:
    secret = help_.name_bo()
    client = signed_in(help_, help_.bo)
    take_up(help_, client)
    assert client.get(page(help_.ada)).status_code == 200
    help_.end(secret)
    assert client.get(page(help_.ada)).status_code == 404
    assert client.get(page(help_.bo)).status_code == 200
    assert take_up(help_, client).status_code == 403


def test_nobody_takes_up_what_is_not_hers(help_: Help) -> None:
    help_.name_bo()
    eve = help_.network.patient("eve")
    client = signed_in(help_, eve)
    (held,) = help_.guide.delegates.of(help_.ada.account)
    token = csrf_of(client.get(page(eve)).text)
    assert client.post("/acting", data={"delegation": held.hash.hex(), "csrf": token}).status_code == 403
    assert client.post("/acting", data={"delegation": "zz", "csrf": token}).status_code == 400
    assert client.post("/acting", data={"delegation": held.hash.hex(), "csrf": "x"}).status_code == 403
    assert visitor(help_.story).post("/acting", data={"delegation": held.hash.hex()}).status_code == 401
    assert client.get(page(help_.ada)).status_code == 404


def test_a_helper_without_the_right_to_look_sees_nothing(help_: Help) -> None:
    help_.name_bo(rights=["add"])
    client = signed_in(help_, help_.bo)
    assert take_up(help_, client).status_code == 403


def test_a_helper_for_some_kinds_sees_no_page_that_shows_all(help_: Help) -> None:
    help_.name_bo(types=["Observation"])
    client = signed_in(help_, help_.bo)
    assert take_up(help_, client).status_code == 303
    assert client.get(page(help_.ada)).status_code == 403


def test_a_key_signs_in_nobody_but_its_account(help_: Help) -> None:
    client = visitor(help_.story)
    asked = client.post("/sign-in/challenge", json={}).json()
    message = sign_in_message(help_.network.id, "guide", from_text(asked["nonce"], 32))
    body = {
        "nonce": asked["nonce"],
        "account": help_.ada.account,
        "key": to_text(help_.bo.key.key_id),
        "signature": to_text(help_.bo.key.sign_transaction_id(message)),
    }
    assert client.post("/sign-in/answer", json=body).status_code == 401
    asked = client.post("/sign-in/challenge", json={}).json()
    forged = {**body, "nonce": asked["nonce"], "key": to_text(help_.ada.key.key_id)}
    assert client.post("/sign-in/answer", json=forged).status_code == 401
