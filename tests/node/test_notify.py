"""Notices outside: sealed pushes, signed calls, short mails; digest or at once; repeated, never about health."""

import hashlib
import hmac
import json
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from medrec.core.consent import plain
from medrec.node.notify import asking, push, texts, ways, wishes
from medrec.node.notify.teller import DAY_MS, KEPT_MS, waiting
from medrec.node.notify.ways import Relay, WayError, check_address
from medrec.node.notify.wishes import Browser, Wishes
from medrec.node.peers.peers import PeerError
from medrec.portal import language
from tests.portal.story import Story, observation

# RFC 8291, section 5 and appendix A.
THEIRS = push.decode("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94")
THEIR_POINT = push.decode("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4")
AUTH = push.decode("BTBZMqHH6r4Tts7J_aSIgg")
OURS = push.decode("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")
SALT = push.decode("DGv6ra1nlYgDCS1FRnbzlw")
SEALED = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_y"
    "l95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def key_of(number: bytes) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(number, "big"), ec.SECP256R1())


def opened(body: bytes) -> bytes:
    """What the browser of the RFC reads in a push."""
    salt, point, text = body[:16], body[21:86], body[86:]
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    shared = key_of(THEIRS).exchange(ec.ECDH(), theirs)
    secret = HKDF(hashes.SHA256(), 32, AUTH, b"WebPush: info\x00" + THEIR_POINT + point).derive(shared)
    key = HKDF(hashes.SHA256(), 16, salt, b"Content-Encoding: aes128gcm\x00").derive(secret)
    nonce = HKDF(hashes.SHA256(), 12, salt, b"Content-Encoding: nonce\x00").derive(secret)
    return AESGCM(key).decrypt(nonce, text, None).rstrip(b"\x02")


class Receiver:
    """A push service and a webhook on this machine; `status` is what it answers."""

    def __init__(self) -> None:
        self.status, self.got = 201, []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.got.append((self.path, dict(self.headers), body))
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, *parts: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    made = Story(tmp_path)
    yield made
    made.network.close()


def served(story: Story, wished: Wishes) -> tuple[Any, Any]:
    person = story.network.patient("ada", "north")
    guide: Any = story.network["guide"]
    guide.teller.loopback = True
    wishes.keep(guide, person.account, wished)
    return guide, person


def browser(receiver: Receiver) -> Browser:
    return Browser(receiver.address + "/push", THEIR_POINT, AUTH)


def test_a_push_is_sealed_as_the_rfc_s_example() -> None:
    to = push.Subscription("https://push.example/x", THEIR_POINT, AUTH)
    body = push.sealed(to, b"When I grow up, I want to be a watermelon", key_of(OURS), lambda count: SALT[:count])
    assert push.encode(body) == SEALED
    assert opened(body) == b"When I grow up, I want to be a watermelon"
    with pytest.raises(ValueError):
        push.sealed(to, bytes(3000))


def test_a_look_goes_out_on_every_channel_and_says_nothing_of_it(story: Story, receiver: Receiver) -> None:
    secret = secrets.token_bytes(32)
    wished = Wishes(webhook=receiver.address + "/hook", secret=secret, browsers=[browser(receiver)])
    guide, person = served(story, wished)
    network = story.network
    network["north"].put("Observation", "bp-1", observation("bp-1", "ada", "diabetes"))
    network.consent(person, "north", "south")
    story.settle()
    story.ask(person, "Dr Brown", "a check-up")
    story.settle()
    assert guide.tell_of_looks() == 1 and guide.teller.step(network.time) == 2
    found = {path: (headers, body) for path, headers, body in receiver.got}
    headers, body = found["/push"]
    assert opened(body).decode() == texts.TEXTS["en"]["first-look"] and headers["Content-Encoding"] == "aes128gcm"
    assert headers["Authorization"].startswith("vapid t=") and guide.teller.public_key() in headers["Authorization"]
    headers, body = found["/hook"]
    signed = hmac.new(secret, f"{headers['MedRec-Time']}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["MedRec-Signature"] == f"sha256={signed}" and set(json.loads(body)) == {"id", "kind", "time"}
    # What is sealed was opened above and what is signed was checked: their letters spell what they like.
    told = dict(found["/push"][0]), dict(headers), json.loads(body)
    token = told[0].pop("Authorization").removeprefix("vapid t=").partition(",")[0]
    claims = [push.decode(part).decode() for part in token.split(".")[:2]]
    assert told[1].pop("MedRec-Signature") and told[2].pop("id")
    whole = repr((list(found), told, claims)).lower()
    assert not any(word in whole for word in ("ada", "brown", "north", "south", "diabetes", "bp-1", person.account))
    assert guide.teller.step(network.time) == 0


def test_what_is_not_urgent_waits_for_one_digest_a_day(story: Story, receiver: Receiver) -> None:
    guide, person = served(story, Wishes(browsers=[browser(receiver)]))
    for _ in range(5):
        guide.teller.tell(person.account, "look")
    assert guide.teller.step(story.network.time) == 0
    assert guide.teller.step(story.network.time + DAY_MS) == 1
    assert opened(receiver.got[0][2]).decode() == texts.TEXTS["en"]["digest"]
    wishes.keep(guide, person.account, Wishes(pace="quiet", browsers=[browser(receiver)]))
    guide.teller.tell(person.account, "look")
    assert guide.teller.step(story.network.time + 3 * DAY_MS) == 0
    guide.teller.tell(person.account, "emergency")
    assert guide.teller.step(story.network.time) == 1


def test_a_failing_channel_is_tried_again_and_one_that_is_gone_forgotten(story: Story, receiver: Receiver) -> None:
    guide, person = served(story, Wishes(pace="at-once", browsers=[browser(receiver)]))
    now, receiver.status = story.network.time, 500
    guide.teller.tell(person.account, "look")
    assert guide.teller.step(now) == 0 and guide.teller.step(now + 1) == 0 and len(receiver.got) == 1
    assert "500" in guide.teller.troubles(person.account)["push"]
    receiver.status = 201
    assert guide.teller.step(now + 10_000) == 1 and guide.teller.troubles(person.account) == {}
    receiver.status = 410
    guide.teller.tell(person.account, "look")
    assert guide.teller.step(now) == 0 and wishes.of(guide, person.account).browsers == []
    receiver.status = 500
    wishes.keep(guide, person.account, Wishes(pace="at-once", browsers=[browser(receiver)]))
    guide.teller.tell(person.account, "look")
    guide.teller.step(now + KEPT_MS)
    with guide.store.read() as connection:
        assert connection.execute(sql.select(sql.func.count()).select_from(waiting)).scalar() == 0


def test_a_notice_that_cannot_be_sent_keeps_no_other_from_going_out(
    story: Story, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    guide, person = served(story, Wishes(pace="at-once", email="ada@mail.example", browsers=[browser(receiver)]))
    guide.teller.relay = Relay("127.0.0.1", 1, "x@y.example")

    def broken(*_: Any) -> None:
        raise RuntimeError("ada@mail.example")

    monkeypatch.setattr(ways, "send_mail", broken)
    now = story.network.time
    guide.teller.tell(person.account, "look")
    assert guide.teller.step(now) == 1 and len(receiver.got) == 1
    trouble = guide.teller.troubles(person.account)["email"]
    assert "RuntimeError" in trouble and "ada" not in trouble
    # It is tried again, later, and given up as any other that fails.
    monkeypatch.undo()
    guide.teller.step(now + KEPT_MS)
    with guide.store.read() as connection:
        assert connection.execute(sql.select(sql.func.count()).select_from(waiting)).scalar() == 0


@pytest.mark.parametrize(
    "address",
    ["http://example.org/x", "https://127.0.0.1/x", "https://localhost/x", "https://10.0.0.8/x", "https://[::1]/x",
     "https://169.254.169.254/latest", "ftp://example.org", "", "https://"],
)  # fmt: skip
def test_an_agent_calls_no_address_beside_it(address: str) -> None:
    with pytest.raises(WayError):
        check_address(address)


def test_a_mail_names_nobody_s_health(story: Story) -> None:
    guide, person = served(story, Wishes(pace="at-once", email="ada@mail.example", language="es"))
    listener = socket.create_server(("127.0.0.1", 0))
    said: list[str] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rwb") as lines, suppress(OSError):
            lines.write(b"220 here\r\n")
            lines.flush()
            inside = False
            for line in lines:
                text = line.decode().strip()
                said.append(text)
                if inside and text != ".":
                    continue
                inside = text.upper() == "DATA"
                answer = b"354 go\r\n" if inside else b"221 bye\r\n" if text.upper() == "QUIT" else b"250 ok\r\n"
                lines.write(answer)
                lines.flush()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    guide.teller.relay = Relay("127.0.0.1", listener.getsockname()[1], "medrec@agent.example")
    guide.teller.tell(person.account, "emergency")
    assert guide.teller.step(story.network.time) == 1
    thread.join(20)
    listener.close()
    whole = "\n".join(said)
    assert "ada@mail.example" in whole and "https://guide.example" in whole
    assert person.account not in whole and "North" not in whole


def test_a_mail_without_a_server_is_dropped(story: Story) -> None:
    guide, person = served(story, Wishes(pace="at-once", email="ada@mail.example"))
    guide.teller.tell(person.account, "look")
    assert guide.teller.step(story.network.time) == 0 and guide.teller.step(story.network.time) == 0
    with pytest.raises(WayError):
        ways.send_mail(Relay("127.0.0.1", 1, "x@y.example"), "a@b.example", "s", "t")


def test_every_notice_is_worded_in_every_language() -> None:
    assert set(texts.TEXTS) == set(language.LANGUAGES)
    assert all(set(words) == {*texts.KINDS, "subject"} and all(words.values()) for words in texts.TEXTS.values())


def test_a_request_by_a_code_lies_before_the_person_until_she_answers(story: Story) -> None:
    person = story.network.patient("ada", "north")
    guide, south = story.network["guide"], story.network["south"]
    code = asking.make(south, practitioner="Dr Brown", note="Monday", kinds=["medicines"])  # type: ignore[arg-type]
    assert (
        asking.address(south, "guide", code)
        == f"https://guide.example/pages/scan#MEDREC-ASK:1:SOUTH:{code.hex().upper()}"
    )  # type: ignore[arg-type]
    identifier = asking.take(guide, person.account, "south", code)  # type: ignore[arg-type]
    assert asking.take(guide, person.account, "south", code) == identifier  # type: ignore[arg-type]
    (one,) = asking.waiting(guide, person.account)  # type: ignore[arg-type]
    assert (one.asking.practitioner, one.asking.note, one.answer) == ("Dr Brown", "Monday", "")
    asking.keep_answer(guide, person.account, identifier, "no")  # type: ignore[arg-type]
    assert asking.waiting(guide, person.account)[0].answer == "no"  # type: ignore[arg-type]
    for wrong in (bytes(16), code[:8]):
        with pytest.raises(PeerError):
            asking.take(guide, person.account, "south", wrong)  # type: ignore[arg-type]
    story.network.time += asking.LIFE_MS + 1
    other = story.network.patient("grace", "north")
    with pytest.raises(PeerError):
        asking.take(guide, other.account, "south", code)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "words",
    [
        {"purpose": "a chat, no record"},
        {"purpose": ""},
        {"kinds": ["allergies", "allergies-only"]},
        {"but_not": ["HIV"]},
    ],
    ids=str,
)
def test_a_request_in_words_of_no_table_is_refused(
    story: Story, monkeypatch: pytest.MonkeyPatch, words: dict[str, Any]
) -> None:
    """She would read one thing, and sign another."""
    person = story.network.patient("ada", "north")
    guide, south = story.network["guide"], story.network["south"]
    with pytest.raises(plain.NotPlain):
        asking.make(south, practitioner="Dr Brown", **words)  # type: ignore[arg-type]
    with monkeypatch.context() as hostile:
        hostile.setattr(asking, "sentence_of", lambda asking: None)
        code = asking.make(south, practitioner="Dr Brown", **words)  # type: ignore[arg-type]
    with pytest.raises(PeerError) as refused:
        asking.take(guide, person.account, "south", code)  # type: ignore[arg-type]
    assert refused.value.code == "unreadable"
    assert asking.waiting(guide, person.account) == []  # type: ignore[arg-type]
