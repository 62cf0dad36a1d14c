"""People with passkeys at the agent guide, and what they do at its pages: forms, and the key that confirms them."""

import re
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from medrec.core import state
from medrec.core.manifests.consent import Grant
from medrec.node.account import devices
from medrec.node.account.accounts import submit_as_account
from medrec.node.consent import consents
from medrec.portal.people import handle
from medrec.portal.sign_in import to_text
from medrec.portal.signing import desk_of, digest_of
from tests.core.authenticator import Authenticator
from tests.node.network import Patient
from tests.portal.story import Story, observation
from tests.portal.test_sign_in import csrf_of, sign, visitor

HOST = {"guide": "https://guide.example", "north": "https://north.example"}
HOUR, DAY = 3_600_000, 86_400_000
WORDS = re.compile(r"<li><strong>([a-z]{5})</strong></li>")
CODE = re.compile(r'<p class="lead code" dir="ltr"><strong>([a-z ]+)</strong></p>')


def authenticator(name: str, organisation: str = "guide") -> Authenticator:
    """A passkey of the site of one organisation."""
    return Authenticator(name, rp=f"{organisation}.example", origins=(HOST[organisation],))


class Holder:
    """Somebody at a browser: the client, her passkey, and the id by which the browser knows it."""

    def __init__(self, story: Story, key: Authenticator, credential_id: bytes, organisation: str = "guide") -> None:
        self.story, self.key, self.id, self.organisation = story, key, credential_id, organisation
        self.client: TestClient = visitor(story, organisation)

    def sign_in(self) -> Any:
        return sign(self.story, self.client, self.key, self.id)

    def get(self, address: str) -> Any:
        return self.client.get(address)

    def send(self, address: str, **fields: str) -> Any:
        """Send a form of a page, with the token of the page it stands on."""
        token = csrf_of(self.client.get(address).text)
        return self.client.post(address, data={**fields, "csrf": token})

    def asked(self, answer: Any) -> str:
        """What the signing page says after a form: the sentences, without the marks that isolate names."""
        ticket = self.client.get(answer.headers["location"]).headers["location"].split("#")[1]
        told = self.client.post("/signing/act", json={"ticket": ticket}).json()
        return re.sub("[\u2068\u2069]", "", " ".join([*told["sentences"], *told["changes"]]))

    def confirm(self, answer: Any) -> Any:
        """Follow a form to the signing page, and sign what it shows; what a browser would go on to."""
        assert answer.status_code == 303, answer.text
        sent = self.client.get(answer.headers["location"])
        assert sent.status_code == 303, sent.text
        page, ticket = sent.headers["location"].split("#")
        assert page == "/signing"
        return self.signs(ticket)

    def signs(self, ticket: str) -> Any:
        """Sign what waits under a ticket; what a browser would go on to."""
        kept = desk_of(self.story.network[self.organisation]).find(ticket)  # type: ignore[arg-type]
        proofs = [self.proof(digest_of(piece.form, piece.value)) for piece in kept.pieces]
        body = {"ticket": ticket, "id": to_text(self.id), "proofs": proofs}
        done = self.client.post("/signing/answer", json=body)
        if done.status_code == 200:
            done.status_code, done.headers["location"] = 303, done.json()["to"]
        return done

    def proof(self, digest: bytes) -> dict[str, str]:
        _, auth, client, signature = self.key.proof(digest)
        parts = {"authenticatorData": auth, "clientDataJSON": client, "signature": signature}
        return {name: to_text(part) for name, part in parts.items()}

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
        body = {"label": name, "id": to_text(self.id), "authenticatorData": to_text(self.key.registration(self.id))}
        answer = self.client.post("/coming-back/begin", json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["to"] == self.page

    def sign_in(self) -> Any:
        """She signs in; when she is asked whether the pages into which others let her are hers, she says yes."""
        answer = super().sign_in()
        if (
            answer.status_code == 200
            and answer.json()["to"] == self.page
            and 'value="hers"' in self.get(self.page).text
        ):
            assert self.send(self.page, do="hers").headers["location"].startswith("/sign-in")
            answer = super().sign_in()
        return answer

    @property
    def number(self) -> str:
        (found,) = re.findall(r'<p class="lead code"><strong><bdi dir="ltr">([\d ]+)</bdi>', self.get(self.page).text)[
            -1:
        ]
        return str(found)


def wait(story: Story, ms: int) -> None:
    """Time goes by, an empty block says so, and whoever came back later signs in anew."""
    story.network.time += ms
    story.network.engine.submit([])


class Circle:
    """Ada and three friends, all with passkeys at the agent; Ada is known at north and at south."""

    def __init__(self, folder: Path) -> None:
        self.story = Story(folder)
        network: Any = self.story.network
        self.network, self.guide, self.north = network, network["guide"], network["north"]
        self.ada = Friend(self.story, "ada", "north", "south")
        self.bo, self.cy, self.di = (Friend(self.story, name) for name in ("bo", "cy", "di"))
        self.north.put("Observation", "bp-1", observation("bp-1", "ada", "QUIVERING 120/80"))
        self.story.settle()

    def let_read(self) -> None:
        """Ada lets her agent read what north has, which it does."""
        signed = consents.write_consent(
            self.network.id, "north", self.ada.account, self.network.time, Grant("permit", ["guide"], [], None),
            b"read".ljust(32), self.ada.key.key_id, self.ada.key.sign_for,
        )  # fmt: skip
        self.guide.peers.call("north", consents.CONSENTS_PATH, signed)
        self.story.settle()
        self.guide.copies.refresh(self.ada.account)

    def ask(self, friend: Friend, name: str) -> str:
        """Ada asks a friend, who says yes; the words."""
        done = self.ada.does(self.ada.page + "/guardians", do="invite", name=name)
        (words,) = CODE.findall(self.ada.get(done.headers["location"]).text)
        looked = friend.send(friend.page + "/guarding", do="look", words=words)
        assert "Ada" in looked.text and "QUIVERING" not in looked.text
        assert friend.send(friend.page + "/guarding", do="accept", words=words).status_code == 303
        return str(words)

    def choose(self, *friends: tuple[Friend, str], needs: int = 2) -> None:
        """Ada chooses guardians from those who said yes."""
        for friend, name in friends:
            self.ask(friend, name)
        page = self.ada.get(self.ada.page + "/guardians").text
        ticked = dict.fromkeys(re.findall(r'name="(is-[0-9a-f]+)"', page), "1")
        assert len(ticked) == len(friends)
        self.ada.does(self.ada.page + "/guardians", do="choose", needs=str(needs), **ticked)
        self.ripen()

    def ripen(self) -> None:
        """What Ada chose comes into force after a week; everybody signs in anew."""
        wait(self.story, 7 * DAY)
        for one in (self.ada, self.bo, self.cy, self.di):
            one.sign_in()

    def all_choose(self) -> None:
        self.choose((self.bo, "Bo"), (self.cy, "Cy"), (self.di, "Di"))

    def speak(self, friend: Friend, phone: NewPhone) -> Any:
        return friend.does(self.ward(friend), do="speak", number=phone.number)

    def ward(self, friend: Friend) -> str:
        return f"{friend.page}/guarding/{handle(self.ada.account)}"

    def paper(self) -> str:
        """Ada makes a paper code; its words, which are shown once."""
        leads = self.ada.does(self.ada.page + "/keys", do="paper").headers["location"]
        words = " ".join(WORDS.findall(self.ada.get(leads).text))
        assert len(words.split()) == 9 and not WORDS.findall(self.ada.get(leads).text)
        self.ripen()
        return words
