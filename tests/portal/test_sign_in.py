"""Signing in and sessions: which key opens what, how long it lasts, and that nobody else gets in by it."""

import logging
import os
import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from medrec.node.account import devices, staff
from medrec.node.account.accounts import open_account_with, submit_signed
from medrec.node.account.devices import sign_in_message
from medrec.portal import assets, sign_in, words
from medrec.portal.app import pages
from medrec.portal.people import handle
from medrec.portal.security import Limiter
from medrec.portal.sent import ASKED
from medrec.portal.session import BY_ITSELF, IDLE_MS, WHOLE_MS
from medrec.portal.sign_in import NONCE_LIFE_MS, Challenges, from_text, to_text
from tests.core.authenticator import Authenticator, high_s
from tests.portal.story import Story

PHONE_ID, STAFF_ID = b"phone credential", b"staff credential"


class Person:
    """A person with a passkey at the agent guide."""

    def __init__(self, story: Story, name: str = "ada") -> None:
        self.story = story
        self.phone = Authenticator(f"phone {name}", rp="guide.example", origins=("https://guide.example",))
        self.id = PHONE_ID + name.encode()
        network = story.network
        self.account = open_account_with(
            network.engine, network.id, self.phone.credential, self.phone.sign, os.urandom(32)
        )
        guide: Any = network["guide"]
        guide.agent.enroll(self.account, name.title(), os.urandom(32))
        devices.remember(guide, self.account, self.phone.key_id, self.id, "my phone")
        self.page = f"/people/{handle(self.account)}"


class Browser(TestClient):
    """Goes on to what a form asked to be shown, and stops at every other redirect."""

    def post(self, url: Any, **more: Any) -> Any:
        answer = super().post(url, **more)
        to = answer.headers.get("location", "")
        return self.get(to) if f"{ASKED}=" in to else answer


def visitor(story: Story, organisation: str = "guide", **changes: Any) -> TestClient:
    node: Any = story.network[organisation]
    return Browser(
        pages(node, **changes),
        base_url=f"https://{organisation}.example",
        raise_server_exceptions=False,
        follow_redirects=False,
    )


def assertion(story: Story, asked: dict[str, Any], key: Authenticator, credential_id: bytes) -> dict[str, Any]:
    digest = sign_in_message(story.network.id, asked["organisation"], from_text(asked["nonce"], 32))
    _, data, client, signature = key.proof(digest)
    return {
        "nonce": asked["nonce"],
        "id": to_text(credential_id),
        "authenticatorData": to_text(data),
        "clientDataJSON": to_text(client),
        "signature": to_text(signature),
    }


def sign(story: Story, client: TestClient, key: Authenticator, credential_id: bytes) -> Any:
    asked = client.post("/sign-in/challenge", json={}).json()
    return client.post("/sign-in/answer", json=assertion(story, asked, key, credential_id))


@pytest.fixture
def ada(empty: Story) -> Person:
    return Person(empty)


def csrf_of(html: str) -> str:
    return html.split('name="csrf" value="')[1].split('"')[0]


def test_a_passkey_opens_its_own_page_and_no_other(empty: Story, ada: Person) -> None:
    other = Person(empty, "grace")
    client = visitor(empty)
    assert client.get(ada.page).status_code == 303
    answer = sign(empty, client, ada.phone, ada.id)
    assert answer.status_code == 200 and answer.json()["to"] == ada.page
    assert client.get(ada.page).status_code == 200
    shut = client.get(other.page)
    assert shut.status_code == 404 and "Grace" not in shut.text
    assert client.get("/people").status_code == 403


def test_the_cookie_is_kept_from_scripts_other_sites_and_plain_http(empty: Story, ada: Person) -> None:
    cookie = sign(empty, visitor(empty), ada.phone, ada.id).headers["set-cookie"]
    assert cookie.startswith("__Host-medrec=")
    for part in ("HttpOnly", "Secure", "Path=/", "SameSite=lax"):
        assert part in cookie
    assert "Domain" not in cookie


def test_what_signs_in_must_fit_in_every_part(empty: Story, ada: Person) -> None:
    client = visitor(empty)
    asked = client.post("/sign-in/challenge", json={}).json()
    good = assertion(empty, asked, ada.phone, ada.id)
    thief = Authenticator("thief", rp="guide.example", origins=("https://guide.example",))
    unseen = Authenticator("phone ada", rp="guide.example", origins=("https://guide.example",), flags=0x01)
    evil = Authenticator("phone ada", rp="guide.example", origins=("https://evil.example",))
    for changes in (
        assertion(empty, asked, thief, ada.id),
        assertion(empty, asked, unseen, ada.id),
        assertion(empty, asked, evil, ada.id),
        assertion(empty, {**asked, "organisation": "north"}, ada.phone, ada.id),
        {"id": to_text(b"another")},
        {"nonce": to_text(bytes(32))},
        {"signature": "AA"},
        {"authenticatorData": "!"},
    ):
        fresh = client.post("/sign-in/challenge", json={}).json()["nonce"]
        answer = client.post("/sign-in/answer", json={**good, "nonce": fresh, **changes})
        assert answer.status_code in (400, 401) and "set-cookie" not in answer.headers, changes
    for body in (b"", b"[]", b"{", b"{}", b'{"nonce":1}'):
        assert client.post("/sign-in/answer", content=body, headers={"content-type": "application/json"}).is_error


def test_the_other_form_of_a_signature_is_brought_to_the_one_form(empty: Story, ada: Person) -> None:
    client = visitor(empty)
    asked = client.post("/sign-in/challenge", json={}).json()
    good = assertion(empty, asked, ada.phone, ada.id)
    good["signature"] = to_text(high_s(from_text(good["signature"], 80)))
    assert client.post("/sign-in/answer", json=good).status_code == 200


def test_a_challenge_is_good_once_and_not_for_long(empty: Story, ada: Person) -> None:
    client = visitor(empty)
    asked = client.post("/sign-in/challenge", json={}).json()
    good = assertion(empty, asked, ada.phone, ada.id)
    assert client.post("/sign-in/answer", json=good).status_code == 200
    again = client.post("/sign-in/answer", json=good)
    assert again.status_code == 401 and again.json()["code"] == "challenge-over"
    asked = client.post("/sign-in/challenge", json={}).json()
    empty.network.time += sign_in.NONCE_LIFE_MS + 1
    late = client.post("/sign-in/answer", json=assertion(empty, asked, ada.phone, ada.id))
    assert late.json()["code"] == "challenge-over"


def test_a_session_ends_when_idle_and_after_a_day_of_work(empty: Story, ada: Person) -> None:
    client = visitor(empty)
    sign(empty, client, ada.phone, ada.id)
    empty.network.time += IDLE_MS
    assert client.get(ada.page).status_code == 200
    empty.network.time += IDLE_MS + 1
    assert client.get(ada.page).status_code == 303
    sign(empty, client, ada.phone, ada.id)
    for _ in range(WHOLE_MS // IDLE_MS):
        empty.network.time += IDLE_MS
        assert client.get(ada.page).status_code == 200
    empty.network.time += IDLE_MS
    assert client.get(ada.page).status_code == 303


def test_what_a_page_asks_by_itself_keeps_no_session_alive(empty: Story, ada: Person) -> None:
    client = visitor(empty)
    sign(empty, client, ada.phone, ada.id)
    for _ in range(3):
        empty.network.time += IDLE_MS // 3
        assert client.get(ada.page, headers={BY_ITSELF: "1"}).status_code == 200
    empty.network.time += 1
    assert client.get(ada.page, headers={BY_ITSELF: "1"}).status_code == 303
    assert client.get(ada.page).status_code == 303


def test_whatever_asks_by_itself_says_so() -> None:
    """Timers stand in one script, whose one request has the header; a page that loads itself anew has no script."""
    portal = Path(assets.__file__).parent
    scripts = [*portal.glob("front/**/*.ts"), *portal.glob("static/*.js"), *portal.glob("signing_page/*.js")]
    timed = [one for one in scripts if re.search("setTimeout|setInterval|EventSource|WebSocket", one.read_text())]
    assert [one.name for one in timed] == ["portal.ts"]
    (asked,) = re.findall(r"fetch\([^)]*\)", timed[0].read_text())
    assert "headers" in asked and f'const headers = {{ "{BY_ITSELF}": "1" }}' in timed[0].read_text().lower()
    for page in portal.glob("templates/**/*.html"):
        found = re.findall("(<noscript>)?<meta http-equiv", page.read_text())
        assert all(found), page


def test_signing_in_changes_the_token_and_ends_the_one_before(empty: Story, ada: Person) -> None:
    client = visitor(empty)
    client.cookies.set("__Host-medrec", "planted", domain="guide.example", path="/")
    sign(empty, client, ada.phone, ada.id)
    first = client.cookies["__Host-medrec"]
    assert first != "planted"
    sign(empty, client, ada.phone, ada.id)
    second = client.cookies["__Host-medrec"]
    assert second != first
    stolen = TestClient(client.app, base_url="https://guide.example", follow_redirects=False)
    stolen.cookies.set("__Host-medrec", first, domain="guide.example", path="/")
    assert stolen.get(ada.page).status_code == 303


def test_signing_out_needs_the_session_s_own_token(empty: Story, ada: Person) -> None:
    client = visitor(empty)
    sign(empty, client, ada.phone, ada.id)
    token = csrf_of(client.get(ada.page).text)
    assert client.post("/sign-out", data={"csrf": "x"}).status_code == 403
    assert client.get(ada.page).status_code == 200
    kept = client.cookies["__Host-medrec"]
    assert client.post("/sign-out", data={"csrf": token}).status_code == 303
    client.cookies.set("__Host-medrec", kept, domain="guide.example", path="/")
    assert client.get(ada.page).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "origin": "https://guide.example"},
    ],
)
def test_another_site_cannot_sign_anybody_in_or_out(empty: Story, ada: Person, headers: dict[str, str]) -> None:
    client = visitor(empty)
    asked = client.post("/sign-in/challenge", json={}).json()
    good = assertion(empty, asked, ada.phone, ada.id)
    answer = client.post("/sign-in/answer", json=good, headers=headers)
    assert answer.status_code == 403 and answer.json()["code"] == "foreign-origin"
    ours = {"origin": "null", "sec-fetch-site": "same-origin"}
    assert client.post("/sign-in/challenge", json={}, headers=ours).status_code == 200
    assert client.post("/sign-in/answer", json=good, headers={"origin": "https://guide.example"}).status_code == 200


def test_a_form_without_the_token_does_nothing(empty: Story, ada: Person) -> None:
    client = staff_visitor(empty, "clinician")
    token = csrf_of(client.get("/records").text)
    assert client.post("/records", data={"patient": "ada"}).status_code == 403
    why = {"purpose": "TREAT", "reason": "Visit this morning"}
    assert client.post("/records", data={"patient": "ada", "csrf": token, **why}).status_code == 200


def test_a_key_that_was_removed_is_out_with_the_next_request(empty: Story, ada: Person) -> None:
    client, tablet = visitor(empty), Authenticator("tablet", rp="guide.example", origins=("https://guide.example",))
    sign(empty, client, ada.phone, ada.id)
    engine, network = empty.network.engine, empty.network.id
    submit_signed(
        engine, network, ada.account, ada.phone.key_id, ada.phone.sign, "account/credential-add",
        {"credential": tablet.credential},
    )  # fmt: skip
    assert client.get(ada.page).status_code == 200
    submit_signed(
        engine, network, ada.account, tablet.key_id, tablet.sign, "account/credential-remove",
        {"key": ada.phone.key_id},
    )  # fmt: skip
    assert client.get(ada.page).status_code == 303
    assert sign(empty, client, ada.phone, ada.id).status_code == 401


def staff_key() -> Authenticator:
    return Authenticator("staff", rp="north.example", origins=("https://north.example",))


def staff_visitor(story: Story, role: str) -> TestClient:
    node: Any = story.network["north"]
    _, code = staff.invite(node, "Nora Nurse", role)
    client = visitor(story, "north")
    body = {
        "code": code.hex(),
        "id": to_text(STAFF_ID),
        "authenticatorData": to_text(staff_key().registration(STAFF_ID)),
    }
    assert client.post("/sign-in/register", json=body).status_code == 200
    return client


def test_too_many_tries_are_stopped(empty: Story, ada: Person) -> None:
    client, thief = visitor(empty), Authenticator("thief")
    codes = [sign(empty, client, thief, ada.id).json()["code"] for _ in range(12)]
    assert codes[0] == "key-unknown" and codes[-1] == "too-many"
    empty.network.time += 60_001
    assert sign(empty, client, ada.phone, ada.id).status_code == 200


def guide_key(name: str) -> Authenticator:
    return Authenticator(name, rp="guide.example", origins=("https://guide.example",))


def test_one_visitor_of_an_address_shuts_out_nobody_else_there(empty: Story, ada: Person) -> None:
    """All of them come from one address, as through one hospital's door, or a proxy that the settings do not name."""
    flood, other, thief = visitor(empty), visitor(empty), Authenticator("thief")
    assert [flood.post("/sign-in/challenge", json={}).status_code for _ in range(300)] == [200] * 300
    for name in range(200):
        sign(empty, flood, thief, b"nobody's key %d" % name)
    assert sign(empty, other, ada.phone, ada.id).status_code == 200
    for number in range(25):
        key = guide_key(f"phone {number}")
        body = {"label": "x", "id": to_text(key.public), "authenticatorData": to_text(key.registration())}
        flood.post("/coming-back/begin", json=body)
    new = guide_key("new").registration(b"hers")
    body = {"label": "x", "id": to_text(b"hers"), "authenticatorData": to_text(new)}
    other_id = {**body, "id": to_text(b"another")}
    assert other.post("/coming-back/begin", json=other_id).status_code == 400, "the id is the one that was made"
    assert other.post("/coming-back/begin", json=body).status_code == 200
    for _ in range(80):
        flood.post("/s/nothing", json={"recipient": "x"})
    assert flood.post("/s/nothing", json={"recipient": "x"}).status_code == 429
    assert other.post("/s/another", json={"recipient": "x"}).status_code == 404


def test_a_nonce_is_ours_is_young_and_serves_once(empty: Story) -> None:
    drawn = iter(range(1, 100))
    made = Challenges(lambda count: bytes([next(drawn)]) * count)
    nonce = made.give(1_000)
    assert made.is_open(nonce, 1_000 + NONCE_LIFE_MS) and not made.is_open(nonce, 1_001 + NONCE_LIFE_MS)
    later = (10**9).to_bytes(8, "big") + nonce[8:]
    assert not any(made.is_open(forged, 1_000) for forged in (b"", nonce[:-1] + b"?", later, nonce + nonce))
    assert made.use(nonce, 1_000) and not made.use(nonce, 1_000) and not made.is_open(nonce, 1_000)


def test_the_limiter_counts_by_name_and_forgets_the_oldest() -> None:
    limiter = Limiter(2, 100, names_max=2)
    assert [limiter.allow("a", 0), limiter.allow("a", 1), limiter.allow("a", 2)] == [True, True, False]
    assert limiter.allow("b", 2) and limiter.allow("a", 101)
    assert limiter.allow("c", 102) and len(limiter._attempts) == 2


def test_nobody_signs_in_without_a_key_outside_a_demonstration(empty: Story, ada: Person) -> None:
    shut = visitor(empty).post("/sign-in/demonstration", data={"person": handle(ada.account)})
    assert shut.status_code == 404 and "set-cookie" not in shut.headers
    client = visitor(empty, demonstration=True)
    assert client.post("/sign-in/demonstration", data={"person": handle(ada.account)}).status_code == 303
    text = client.get(ada.page).text
    assert words.SIGN_IN["sign_out"] in text
    assert client.post("/sign-in/demonstration", data={"role": "king"}).status_code == 400
    assert client.post("/sign-in/demonstration", data={"role": "operator"}).status_code == 303
    assert client.get(ada.page).status_code == 403


def test_neither_names_nor_tokens_are_logged(empty: Story, ada: Person, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client = visitor(empty)
    sign(empty, client, ada.phone, ada.id)
    client.get(ada.page)
    sign(empty, client, Authenticator("thief"), ada.id)
    own = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("medrec"))
    for secret in (client.cookies["__Host-medrec"], "Ada", ada.account, ada.phone.key_id.hex()):
        assert secret not in own


def test_the_store_holds_neither_names_nor_tokens(empty: Story, ada: Person, tmp_path: Path) -> None:
    client = visitor(empty)
    sign(empty, client, ada.phone, ada.id)
    staff_visitor(empty, "clinician")
    for organisation in ("guide", "north"):
        node: Any = empty.network[organisation]
        with node.store.read() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        data = b"".join(file.read_bytes() for file in tmp_path.glob(f"{organisation}.db*"))
        for secret in (client.cookies["__Host-medrec"].encode(), b"Nora Nurse", b"my phone"):
            assert data and secret not in data


def test_devices_are_listed_by_name_while_the_ledger_knows_them(empty: Story, ada: Person) -> None:
    node: Any = empty.network["guide"]
    sign(empty, visitor(empty), ada.phone, ada.id)
    (mine,) = devices.of_account(node, ada.account)
    assert (mine.label, mine.key, mine.used) == ("my phone", ada.phone.key_id, empty.network.time)
    with pytest.raises(LookupError):
        devices.remember(node, "medrec1nobody", bytes(16), b"x", "")
