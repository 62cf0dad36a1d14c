"""The node's application on a real port: who may call what, what is refused how, and what never leaves."""

import logging
import os
import socket

import httpx
import msgspec
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from medrec.core import codec
from medrec.engines.cometbft_reach import Reach
from medrec.engines.engine import EngineError
from medrec.node import app
from medrec.node.account.accounts import open_account
from medrec.node.keeping.journal import NOTICES_PATH
from medrec.node.keeping.keys import PersonKey
from medrec.node.keeping.store import StoreError
from medrec.node.peers import calls
from medrec.node.peers.peers import LocalNetwork, PeerError
from medrec.node.peers.signing import new_nonce, sign_request, verify_answer
from medrec.node.refusals import Code, Refusal

from .wire import Wire, asked
from .world import incoming, observation


@pytest.fixture
def wire(tmp_path, monkeypatch):
    monkeypatch.setitem(app.ROUTES, "/medrec/echo", lambda node, caller, body: codec.encode([caller, body]))
    made = Wire(tmp_path)
    yield made
    made.close()


class Letter:
    """A request of north to south as bytes on the wire, to be sent as it is, twice, or altered."""

    count = 0

    def __init__(self, wire: Wire, path: str = "/medrec/echo", body: bytes = b"hello", at: int | None = None) -> None:
        Letter.count += 1
        self.wire, self.path, self.body, self.method = wire, path, body, "POST"
        self.url = wire.endpoints["south"] + path
        nonce = new_nonce(wire.clock.now if at is None else at, Letter.count.to_bytes(16, "big"))
        self.headers = sign_request(wire.keys["north"], "south", "POST", self.url, body, nonce)

    def send(self, **more) -> httpx.Response:
        return asked(self.method, self.url, content=self.body, headers=self.headers, **more)

    def told(self) -> tuple[int, str]:
        """Status and code of a refusal, whose signature must hold."""
        response = self.send()
        fields = response.headers.multi_items()
        verify_answer(self.wire.directory, "south", response.status_code, fields, response.content, dict(self.headers))
        answer = codec.decode(response.content)
        assert sorted(answer) == ["code", "sentence"]
        return response.status_code, answer["code"]


def test_a_signed_call_is_answered_and_the_answer_proves_who_gave_it(wire):
    wire.serve("south")
    letter = Letter(wire)
    response = letter.send()
    assert (response.status_code, codec.decode(response.content)) == (200, ["north", b"hello"])
    assert response.headers["content-type"] == "application/cbor"
    verify_answer(wire.directory, "south", 200, response.headers.multi_items(), response.content, dict(letter.headers))


def test_what_came_before_is_refused(wire):
    wire.serve("south")
    letter = Letter(wire)
    assert letter.send().status_code == 200
    assert letter.told() == (401, "signature-replayed")


def test_a_replay_after_a_restart_is_refused(wire):
    wire.serve("south")
    early, ahead = Letter(wire), Letter(wire, at=wire.clock.now + 90_000)
    assert early.send().status_code == ahead.send().status_code == 200
    wire.server.stop()
    wire.clock.now += 2000
    wire.serve("south")
    assert early.told() == (401, "signature-stale")
    wire.clock.now += 90_000
    assert ahead.told() == (401, "signature-stale")
    assert Letter(wire).send().status_code == 200


def test_what_was_altered_on_the_way_is_refused(wire):
    wire.serve("south", "helper")

    def altered(**changes) -> tuple[int, str]:
        letter = Letter(wire)
        for name, value in changes.items():
            setattr(letter, name, value)
        return letter.told()

    south = wire.endpoints["south"]
    assert altered(body=b"hellO") == (401, "digest-mismatch")
    assert altered(url=south + "/medrec/release") == (401, "signature-bad")
    assert altered(url=south + "/medrec/echo?x=1") == (401, "signature-bad")
    assert altered(url=south + "/medrec/ech%6f") == (401, "signature-bad")
    letter = Letter(wire)
    letter.url = wire.endpoints["helper"] + letter.path
    assert codec.decode(letter.send().content)["code"] == "signature-bad"


def test_a_request_signed_for_another_method_is_refused(wire):
    wire.serve("south")
    letter = Letter(wire)
    nonce = new_nonce(wire.clock.now, bytes(16))
    letter.headers = sign_request(wire.keys["north"], "south", "PUT", letter.url, letter.body, nonce)
    assert letter.told() == (401, "signature-bad")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_only_post_reaches_a_peer_route(wire, method):
    wire.serve("south")
    letter = Letter(wire)
    letter.method = method
    assert letter.send().status_code == 405


def test_a_clock_ten_minutes_off_and_a_suspended_organisation(wire):
    wire.serve("south")
    assert Letter(wire, at=wire.clock.now - 600_000).told() == (401, "signature-stale")
    assert Letter(wire, at=wire.clock.now + 600_000).told() == (401, "signature-stale")
    wire.suspend("north")
    assert Letter(wire).told() == (403, "organisation-suspended")


def test_an_unsigned_request_is_refused_without_a_signature(wire):
    wire.serve("south")
    response = asked("POST", wire.endpoints["south"] + NOTICES_PATH, content=b"\x80")
    assert response.status_code == 401
    assert codec.decode(response.content)["code"] == "signature-missing"
    assert "signature" not in response.headers


def test_garbage_cbor_is_malformed(wire):
    wire.serve("south", "helper")
    call = wire.nodes["north"].peers.call
    for body in (b"", b"\xff", b"\x81", b"{}", b"\xc1\x00", b"\x9f\xff", b"\x5b" + b"\xff" * 8, bytes(range(200))):
        for to, path in (("helper", NOTICES_PATH), ("south", "/medrec/link"), ("south", "/medrec/release")):
            with pytest.raises(PeerError) as caught:
                call(to, path, body)
            assert (caught.value.code, caught.value.answered) == ("malformed", True), (path, body)
    for body in (codec.encode(1), codec.encode(["text"]), codec.encode({})):
        with pytest.raises(PeerError, match="not an array of notices"):
            call("helper", NOTICES_PATH, body)


def test_an_oversized_body_is_refused_early(wire):
    wire.serve("south")
    letter = Letter(wire, body=b"x" * (app.BODY_BYTES_MAX + 1))
    assert letter.told() == (413, "too-large")
    just = Letter(wire, body=b"x" * 1000)
    assert just.send().status_code == 200

    def endless():
        for _ in range(80):
            yield b"x" * 100_000

    headers = dict(letter.headers)
    response = asked("POST", letter.url, content=endless(), headers=headers)
    assert response.status_code == 413
    # Announced, and never sent.
    with socket.create_connection(("127.0.0.1", wire.ports["south"]), timeout=3) as connection:
        head = "POST /medrec/echo HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999999\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(100).split(b" ")[1] in (b"400", b"413")


def test_a_body_that_never_ends_is_given_up(wire, monkeypatch):
    monkeypatch.setattr(calls, "BODY_S", 0.3)
    wire.serve("south")
    with socket.create_connection(("127.0.0.1", wire.ports["south"]), timeout=5) as connection:
        connection.sendall(b"POST /medrec/echo HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc")
        assert connection.recv(100).split(b" ")[1] == b"408"


def test_what_goes_wrong_inside_stays_inside(wire, monkeypatch, caplog):
    secret = "Ada Lovelace 1815-12-10"
    raised = {
        "/medrec/bug": (ValueError(secret), 500, "failed"),
        "/medrec/exit": (RecursionError(secret), 500, "failed"),
        "/medrec/store": (StoreError("disk-full", secret), 503, "unavailable"),
        "/medrec/ledger": (EngineError("failed", secret), 503, "unavailable"),
        "/medrec/peer": (PeerError("slow", secret), 503, "unavailable"),
    }

    def fail(error):
        def handler(node, caller, body):
            raise error

        return handler

    for path, (error, _, _) in raised.items():
        monkeypatch.setitem(app.ROUTES, path, fail(error))
    wire.serve("south")
    with caplog.at_level(logging.DEBUG):
        for path, (_, status, code) in raised.items():
            letter = Letter(wire, path)
            assert letter.told() == (status, code)
    assert "ValueError at tests.node.test_app:" in caplog.text or "ValueError at test_app:" in caplog.text
    for text in (secret, "Traceback"):
        assert text not in caplog.text


def test_refusals_of_the_gate_carry_their_status(wire, monkeypatch):
    def handler(node, caller, body):
        raise Refusal(Code.NOT_PERMITTED)

    monkeypatch.setitem(app.ROUTES, "/medrec/gate", handler)
    wire.serve("south")
    assert Letter(wire, "/medrec/gate").told() == (403, "not-permitted")


def test_a_ledger_that_cannot_be_read_refuses_everything(wire, monkeypatch):
    wire.serve("south")
    letter = Letter(wire)

    def broken():
        raise EngineError("failed", "closed")

    monkeypatch.setattr(wire.nodes["south"].engine, "tip", broken)
    response = letter.send()
    assert (response.status_code, codec.decode(response.content)["code"]) == (503, "unavailable")
    assert asked("GET", wire.endpoints["south"] + "/health").status_code == 503


def test_health_and_unknown_paths(wire):
    wire.serve("south")
    at = wire.endpoints["south"]
    health = asked("GET", at + "/health")
    assert (health.status_code, health.json()) == (
        200,
        {"ok": True, "organisation": "south", "network": wire.network.hex(), "height": wire.engine.tip().height},
    )
    assert asked("GET", at + "/").status_code == 404
    assert asked("GET", at + "/medrec/a/b").status_code == 404


def test_pages_are_mounted_and_their_failures_tell_nothing(wire, caplog):
    async def page(request):
        return PlainTextResponse("page of " + request.path_params["who"])

    async def broken(request):
        raise ValueError("Ada's record")

    pages = Starlette(routes=[Route("/person/{who}", page), Route("/broken", broken)])
    wire.serve("south", pages=pages)
    at = wire.endpoints["south"]
    with caplog.at_level(logging.DEBUG):
        assert asked("GET", at + "/pages/person/ada?q=secret").text == "page of ada"
        response = asked("GET", at + "/pages/broken")
        assert asked("GET", at + "/").headers["location"] == "/pages/"
    assert response.status_code == 500
    assert "Ada" not in response.text
    mine = [record.getMessage() for record in caplog.records if record.name.startswith("medrec")]
    assert any("GET /pages/... 200" in line for line in mine)
    assert not any(word in line for line in mine for word in ("person/ada", "secret", "Ada's"))


def test_the_access_log_names_caller_and_path_and_nothing_of_the_body(wire, caplog):
    wire.serve("south")
    with caplog.at_level(logging.INFO, logger="medrec.access"):
        Letter(wire, body=b"a secret body").send()
        asked("POST", wire.endpoints["south"] + "/medrec/<script>?a=secret", content=b"")
    lines = [record.getMessage() for record in caplog.records if record.name == "medrec.access"]
    assert lines[0].startswith("POST /medrec/echo 200 ")
    assert lines[0].endswith(" north")
    assert lines[1].startswith("POST ... ")
    assert "secret" not in "".join(lines)


def test_two_deliveries_of_one_notice_are_one_line_at_the_agent(wire):
    """The whole way with real parts: link, publish, deliver, deliver the same once more."""
    wire.serve()
    agent, north = wire.nodes["helper"].agent, wire.nodes["north"]
    key = PersonKey.generate()
    account = open_account(wire.engine, wire.network, key, os.urandom)
    agent.enroll(account, "Ada", os.urandom(32))
    code = north.linker.invite("p1")
    agent.link(account, "north", code, lambda message: (key.key_id, key.sign_transaction_id(message)))
    north.publisher.publish([incoming(observation("o1", "p1", 5))])
    bodies: list[bytes] = []
    call = north.peers.call

    def twice(organisation: str, path: str, body: bytes) -> bytes:
        bodies.append(body)
        first = call(organisation, path, body)
        assert call(organisation, path, body) == first
        return first

    north.peers.call = twice
    waiting = sum(item.rows for item in north.deliverer.status())
    assert waiting >= 2
    assert north.deliverer.step(wire.clock.now) == waiting
    notices = agent.notices(account)
    assert len(notices) == waiting
    assert len({(notice.organisation, notice.epoch, notice.counter) for notice in notices}) == waiting
    assert codec.decode(call("helper", NOTICES_PATH, codec.encode([b"", b"\xff", os.urandom(80)]))) == [False] * 3


def test_nodes_at_work_deliver_and_cosign_over_sockets(wire):
    """Whole nodes, one round each: the line is anchored, the head carries every organisation's signature."""
    wire.serve()
    north = wire.nodes["north"]
    north.publisher.publish([incoming(observation("o1", "p1", 5))])
    for node in wire.nodes.values():
        node.tick()
    assert north.anchorer.waiting_since() is None
    note = north.checkpoints.make()
    assert north.checkpoints.cosigners(note) == ["helper", "north", "south"]


def test_every_route_is_a_line_of_the_table():
    assert {"/medrec/notices", "/medrec/link", "/medrec/redeliver", "/medrec/release"} <= set(app.ROUTES)
    for path, handler in app.ROUTES.items():
        assert path.startswith("/medrec/")
        assert "/" not in path.removeprefix("/medrec/")
        assert callable(handler)


def test_local_answers_go_through_the_same_table(wire):
    network = LocalNetwork()
    network.join("south", app.local_answer(wire.nodes["south"]))
    assert codec.decode(network.peers("north").call("south", "/medrec/echo", b"x")) == ["north", b"x"]
    with pytest.raises(PeerError, match="No organisation of this name"):
        network.peers("stranger").call("south", "/medrec/echo", b"x")


def test_a_node_that_is_cut_off_does_not_take_the_word_of_who_may_be_suspended_since(wire):
    """Both answer by the ledger that they have; what says nothing about people goes on, so that others hear of it."""
    south = wire.nodes["south"]
    south.together.open()
    wire.engine.reach = lambda: None
    try:
        wire.serve("south")
        wire.clock.now += 3_600_000
        for path in ("/medrec/redeliver", "/medrec/corrections"):
            assert Letter(wire, path).told() == (503, "merge-delay"), path
        assert Letter(wire, "/medrec/standing", b"").send().status_code == 200
        assert Letter(wire, "/medrec/release").told()[1] != "merge-delay"  # the gate says who may still
        wire.engine.reach = lambda: Reach(False, 2, 2, 3)
        wire.clock.now += 3000
        assert Letter(wire, "/medrec/redeliver").told()[1] != "merge-delay"
    finally:
        del wire.engine.reach


def test_where_engines_do_not_meet_the_nodes_tell_one_another_what_height_there_is(wire):
    south = wire.nodes["south"]
    wire.engine.reach = lambda: None
    try:
        south.sight.look(ask=True)
        assert not south.sight.ever, "nobody answers"
        for node in wire.nodes.values():
            node.together._met = True
        wire.serve("north", "helper")
        wire.clock.now += 40_000
        south.sight.look(ask=True)
        assert south.sight.ever and south.sight.since(wire.clock.now, 60_000) is None
        ahead = type(
            "Ahead",
            (),
            {"reach": lambda self: None, "tip": lambda self: msgspec.structs.replace(wire.engine.tip(), height=-1)},
        )
        south.engine = ahead()
        wire.clock.now += 3_600_000
        south.sight.look(ask=True)
        assert south.sight.overdue(wire.clock.now, 60_000), "they have blocks that it has not"
    finally:
        del wire.engine.reach
