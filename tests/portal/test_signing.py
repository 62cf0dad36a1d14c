"""The signing desk and page: what waits, for which key, and that nothing else can be signed or slipped in."""

import base64
import gc
import hashlib
import re
import weakref
from pathlib import Path
from typing import Any

import pytest

from medrec.core.types import transaction_id
from medrec.node.account import devices
from medrec.portal import signing, words
from medrec.portal.people import handle
from medrec.portal.security import WORKER
from medrec.portal.sign_in import to_text
from tests.core.authenticator import Authenticator
from tests.portal.story import Story
from tests.portal.test_sign_in import Person, csrf_of, sign, visitor


@pytest.fixture
def ada(empty: Story) -> Person:
    return Person(empty)


def new_key(name: str = "new phone") -> Authenticator:
    return Authenticator(name, rp="guide.example", origins=("https://guide.example",))


def join(story: Story, client: Any, key: Authenticator, name: str = "Nora New") -> Any:
    body = {"name": name, "label": "phone", "id": to_text(b"id " + name.encode())}
    return client.post("/join", json={**body, "authenticatorData": to_text(key.registration(b"id " + name.encode()))})


def waiting(story: Story, ticket: str) -> signing.Ticket:
    node: Any = story.network["guide"]
    return signing.desk_of(node).find(ticket)


def answer(story: Story, client: Any, ticket: str, key: Authenticator, **changes: Any) -> Any:
    kept = waiting(story, ticket)
    other = changes.pop("digest", None)
    proofs = [proof_of(key, other or signing.digest_of(piece.form, piece.value)) for piece in kept.pieces]
    body = {"ticket": ticket, "id": to_text(kept.credential_id), "proofs": proofs}
    return client.post("/signing/answer", json=body | changes)


def proof_of(key: Authenticator, digest: bytes) -> dict[str, str]:
    _, data, said, signature = key.proof(digest)
    parts = {"authenticatorData": data, "clientDataJSON": said, "signature": signature}
    return {name: to_text(part) for name, part in parts.items()}


def ticket_of(response: Any) -> str:
    to = response.json()["to"] if response.status_code == 200 else response.headers["location"]
    return str(to).split("#")[1]


def test_the_page_is_the_same_for_everybody_and_runs_one_script_only(empty: Story) -> None:
    client = visitor(empty)
    page = client.get("/signing")
    policy = page.headers["content-security-policy"]
    script = client.get("/signing.js").content
    pin = "sha256-" + base64.b64encode(hashlib.sha256(script).digest()).decode()
    assert f"script-src '{pin}';" in policy and f'integrity="{pin}"' in page.text
    assert "unsafe" not in policy and "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert page.content == visitor(empty).get("/signing").content
    assert not re.search(r"<script(?! type=.module. src=.signing.js.)|<style|\sstyle=|\son[a-z]+=|https?:", page.text)
    # Results of extensions are secrets of the browser: the page does not even name what holds them.
    for word in (
        b"getClientExtensionResults",
        b"toJSON",
        b"extensions",
        b"innerHTML",
        b"import(",
        b"localStorage",
        b"import ",
    ):
        assert word not in script


def test_somebody_new_joins_with_a_passkey_and_is_signed_in(empty: Story) -> None:
    client, key = visitor(empty), new_key()
    ticket = ticket_of(join(empty, client, key))
    act = client.post("/signing/act", json={"ticket": ticket}).json()
    (part,) = act["parts"]
    assert part["form"] == "transaction" and part["value"]["kind"] == "account/create"
    done = answer(empty, client, ticket, key)
    assert done.status_code == 200
    account = part["value"]["author"]
    assert done.json()["to"] == f"/people/{handle(account)}"
    assert "Nora New" in client.get(done.json()["to"]).text
    again = visitor(empty)
    assert sign(empty, again, key, b"id Nora New").status_code == 200
    node: Any = empty.network["guide"]
    assert [device.label for device in devices.of_account(node, account)] == ["phone"]


def test_a_ticket_serves_once_and_for_its_key_alone(empty: Story) -> None:
    client, key = visitor(empty), new_key()
    ticket = ticket_of(join(empty, client, key))
    thief = new_key("thief")
    assert answer(empty, client, ticket, thief).json()["code"] == "form-changed"
    assert answer(empty, client, ticket, key, id=to_text(b"another")).json()["code"] == "key-unknown"
    assert answer(empty, client, ticket, key, digest=transaction_id(b"other")).json()["code"] == "form-changed"
    kept = waiting(empty, ticket)
    assert answer(empty, client, ticket, key).status_code == 200
    empty.network["guide"]
    body = {"ticket": ticket, "id": to_text(kept.credential_id)}
    assert client.post("/signing/answer", json=body).json()["code"] == "challenge-over"


def test_a_ticket_runs_out(empty: Story) -> None:
    client, key = visitor(empty), new_key()
    ticket = ticket_of(join(empty, client, key))
    empty.network.time += signing.LIFE_MS
    assert client.post("/signing/act", json={"ticket": ticket}).json()["code"] == "challenge-over"
    for wrong in ("", "x", None, 1, []):
        assert client.post("/signing/act", json={"ticket": wrong}).status_code == 404


@pytest.mark.parametrize("name", ["", " ", "a" * 121, "Nora\u202eNew"])
def test_a_name_that_cannot_be_shown_does_not_join(empty: Story, name: str) -> None:
    assert join(empty, visitor(empty), new_key(), name).status_code == 400


def test_a_key_of_another_site_does_not_join(empty: Story) -> None:
    assert join(empty, visitor(empty), Authenticator("x", rp="evil.example")).json()["code"] == "key-unfit"
    assert visitor(empty, "north").post("/join", json={"name": "x"}).status_code == 503


def form(story: Story, ada: Person, client: Any, **changes: Any) -> dict[str, Any]:
    bo = story.network.patient("bo")
    fields = {"delegate": bo.account, "name": "Bo Berg", "rights": "look,add", "types": "", "days": "30"}
    return fields | {"csrf": csrf_of(client.get(ada.page).text)} | changes


def test_a_helper_is_named_and_dismissed_with_the_person_s_key(empty: Story, ada: Person) -> None:
    client = visitor(empty)
    sign(empty, client, ada.phone, ada.id)
    fields = form(empty, ada, client)
    ticket = ticket_of(client.post("/helping", data=fields))
    act = client.post("/signing/act", json={"ticket": ticket}).json()
    (part,) = act["parts"]
    assert part["form"] == "delegation/1" and part["value"]["name"] == "Bo Berg"
    node: Any = empty.network["guide"]
    assert node.delegates.of(ada.account) == []
    assert answer(empty, client, ticket, ada.phone).json()["to"] == ada.page + "/helping"
    (held,) = node.delegates.of(ada.account)
    assert held.holds and held.delegation.rights == ["look", "add"]
    ending = {"delegation": held.hash.hex(), "csrf": fields["csrf"]}
    ticket = ticket_of(client.post("/helping/end", data=ending))
    assert answer(empty, client, ticket, ada.phone).status_code == 200
    assert not node.delegates.of(ada.account)[0].holds


def test_what_is_filled_in_wrongly_is_told_and_nothing_waits(empty: Story, ada: Person) -> None:
    client = visitor(empty)
    sign(empty, client, ada.phone, ada.id)
    fields = form(empty, ada, client)
    for changes in ({"rights": "everything"}, {"days": "x"}, {"name": ""}, {"rights": ""}):
        assert client.post("/helping", data=fields | changes).status_code == 400, changes
    assert client.post("/helping", data=fields | {"csrf": "x"}).status_code == 403
    assert client.post("/helping/end", data={"delegation": "00" * 32, "csrf": fields["csrf"]}).status_code == 404
    ticket = ticket_of(client.post("/helping", data=fields | {"days": "99999"}))
    assert answer(empty, client, ticket, ada.phone).json()["code"] == "delegation-void"


def test_every_form_has_a_digest_of_its_own() -> None:
    same = {"network": "00", "signature": "aa"}
    digests = {signing.digest_of(name, same) for name in (*signing.JSON_FORMS, *signing.CBOR_FORMS)}
    digests |= {signing.digest_of(name, bytes(32)) for name in signing.BYTES_FORMS}
    forms = (*signing.JSON_FORMS, *signing.CBOR_FORMS, *signing.BYTES_FORMS)
    assert len(digests) == len(set(forms)) == len(forms)
    assert signing.digest_of("entry/1", same) == signing.digest_of("entry/1", {"network": "00", "signature": "bb"})
    with pytest.raises(KeyError):
        signing.digest_of("anything", bytes(32))


def test_a_service_worker_may_fetch_from_here_and_nowhere_else() -> None:
    policy = WORKER["Content-Security-Policy"]
    assert "connect-src 'self'" in policy and "default-src 'none'" in policy and "script-src" not in policy


def test_the_page_of_helpers_names_them_and_whom_one_helps(empty: Story, ada: Person) -> None:
    client = visitor(empty)
    sign(empty, client, ada.phone, ada.id)
    fields = form(empty, ada, client, rights="", right_look="look", right_add="add")
    assert words.HELPERS["none"] in client.get(ada.page + "/helping").text
    answer(empty, client, ticket_of(client.post("/helping", data=fields)), ada.phone)
    shown = client.get(ada.page + "/helping").text
    assert "Bo Berg" in shown and words.HELPERS["look"] in shown and words.HELPERS["end"] in shown


def test_a_node_whose_pages_were_opened_is_let_go_when_it_has_ended(tmp_path: Path) -> None:
    story = Story(tmp_path)
    node: Any = story.network["guide"]
    client = story.client("guide")
    assert client.get("/").status_code == 200 and signing.desk_of(node) is signing.desk_of(node)
    kept = weakref.ref(node)
    story.network.close()
    del story, node, client
    gc.collect()
    assert kept() is None, "something that outlives a node holds it"
