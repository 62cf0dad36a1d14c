"""People with passkeys at the agent guide, and what they do at its pages: forms, and the key that confirms them."""

import hashlib
import html
import json
import re
from typing import Any

from starlette.testclient import TestClient

from medrec.core import state
from medrec.node import devices
from medrec.node.accounts import submit_as_account
from medrec.portal.people import handle
from medrec.portal.sign_in import to_text
from tests.core.authenticator import Authenticator
from tests.node.network import Patient
from tests.portal.story import Story
from tests.portal.test_sign_in import csrf_of, sign, visitor

HOST = {"guide": "https://guide.example", "north": "https://north.example"}
HOUR, DAY = 3_600_000, 86_400_000


def authenticator(name: str, organisation: str = "guide") -> Authenticator:
    """A passkey of the site of one organisation."""
    return Authenticator(name, rp=f"{organisation}.example", origins=(HOST[organisation],))


PARTS = re.compile(r'<code data-tag="([^"]+)" data-form="([^"]+)">([^<]*)</code>')


class Holder:
    """Somebody at a browser: the client, her passkey, and the id by which the browser knows it."""

    def __init__(self, story: Story, key: Authenticator, credential_id: bytes, organisation: str = "guide") -> None:
        self.story, self.key, self.id = story, key, credential_id
        self.client: TestClient = visitor(story, organisation)

    def sign_in(self) -> Any:
        return sign(self.story, self.client, self.key, self.id)

    def get(self, address: str) -> Any:
        return self.client.get(address)

    def send(self, address: str, **fields: str) -> Any:
        """Send a form of a page, with the token of the page it stands on."""
        token = csrf_of(self.client.get(address).text)
        return self.client.post(address, data={**fields, "csrf": token})

    def confirm(self, answer: Any) -> Any:
        """Follow a form to the page that shows what is signed, and sign the very bytes that it shows."""
        assert answer.status_code == 303, answer.text
        shown = self.client.get(answer.headers["location"])
        assert shown.status_code == 200, shown.text
        proofs = [self.proof(tag, form, html.unescape(text)) for tag, form, text in PARTS.findall(shown.text)]
        assert proofs
        (action,) = re.findall(r'<form id="sign" method="post" action="([^"]+)"', shown.text)
        return self.client.post(action, data={"proofs": json.dumps(proofs), "csrf": csrf_of(shown.text)})

    def proof(self, tag: str, form: str, text: str) -> dict[str, str]:
        data = bytes.fromhex(text) if form == "hex" else text.encode()
        _, auth, client, signature = self.key.proof(hashlib.sha256(tag.encode() + data).digest())
        parts = {"authenticatorData": auth, "clientDataJSON": client, "signature": signature}
        return {"id": to_text(self.id), **{name: to_text(part) for name, part in parts.items()}}

    def does(self, address: str, **fields: str) -> Any:
        """Send a form, confirm it with the key, and read where it leads."""
        done = self.confirm(self.send(address, **fields))
        assert done.status_code == 303, done.text
        return done


class Friend(Holder):
    """A person with an account at the agent, linked where it is said, whose phone holds a passkey of hers."""

    def __init__(self, story: Story, name: str, *places: str) -> None:
        network = story.network
        self.patient: Patient = network.patient(name, *places)
        super().__init__(story, authenticator(f"phone of {name}"), b"phone of " + name.encode())
        add_key(story, self.patient, self.key, self.id)
        self.account = self.patient.account
        self.page = f"/people/{handle(self.account)}"
        assert self.sign_in().status_code == 200

    def keys(self) -> set[str]:
        """The ids of the keys that act for the account now."""
        with self.story.network.engine.view() as view:
            held = state.account(view, self.account)
        assert held is not None
        return set(held.credentials)


def add_key(story: Story, who: Patient, key: Authenticator, credential_id: bytes) -> None:
    """The person's first key adds a passkey and goes; the agent knows the device."""
    network, guide = story.network, story.network["guide"]
    account = who.account
    submit_as_account(
        network.engine, network.id, account, who.key, "account/credential-add", {"credential": key.credential}
    )
    devices.remember(guide, account, key.key_id, credential_id, "my phone")  # type: ignore[arg-type]
    body = {"key": who.key.key_id}
    submit_as_account(network.engine, network.id, account, who.key, "account/credential-remove", body)


class NewPhone(Holder):
    """A new phone without any key: it makes one on the page for coming back."""

    page = "/coming-back"

    def __init__(self, story: Story, name: str = "the new phone", organisation: str = "guide") -> None:
        super().__init__(story, authenticator(name, organisation), b"credential of " + name.encode(), organisation)
        body = {"label": name, "id": to_text(self.id), "authenticatorData": to_text(self.key.registration())}
        answer = self.client.post("/coming-back/begin", json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["to"] == self.page

    @property
    def number(self) -> str:
        (found,) = re.findall(r'<p class="code"><code><bdi dir="ltr">([\d ]+)</bdi>', self.get(self.page).text)[-1:]
        return str(found)


def wait(story: Story, ms: int) -> None:
    """Time goes by, an empty block says so, and whoever came back later signs in anew."""
    story.network.time += ms
    story.network.engine.submit([])
