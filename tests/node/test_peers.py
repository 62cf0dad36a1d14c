"""Calling other nodes: over real sockets, past peers that lie, dawdle or babble, and over the simulated network."""

import threading
import time

import pytest

from medrec.core import codec
from medrec.engines.engine import EngineError
from medrec.node import app
from medrec.node.peers import peers
from medrec.node.peers.peers import Fault, HttpPeers, LocalNetwork, PeerError
from medrec.node.peers.signing import sign_answer

from .wire import Wire, impostor


def echo(node, caller: str, body: bytes) -> bytes:
    return codec.encode([node.organisation, caller, body])


@pytest.fixture
def wire(tmp_path, monkeypatch):
    monkeypatch.setitem(app.ROUTES, "/medrec/echo", echo)
    made = Wire(tmp_path)
    yield made
    made.close()


def refused(wire, to: str = "south", path: str = "/medrec/echo", body: bytes = b"", by: str = "north") -> PeerError:
    with pytest.raises(PeerError) as caught:
        wire.nodes[by].peers.call(to, path, body)
    return caught.value


def plain(status: int, body: bytes, *more: bytes):
    head = [b"HTTP/1.1 %d X" % status, b"content-length: %d" % len(body), *more, b"", b""]

    def speak(connection) -> None:
        connection.sendall(b"\r\n".join(head) + body)

    return speak


def test_a_call_brings_the_caller_the_body_and_a_signed_answer(wire):
    wire.serve()
    for caller, to in (("north", "south"), ("south", "helper"), ("helper", "helper")):
        assert codec.decode(wire.nodes[caller].peers.call(to, "/medrec/echo", b"hello")) == [to, caller, b"hello"]


def test_a_refusal_comes_in_the_peers_own_words(wire):
    wire.serve("south")
    error = refused(wire, path="/medrec/nothing")
    assert (error.code, error.answered) == ("unknown-path", True)
    assert error.sentence == "This node answers nothing under this path."


def test_many_callers_at_once(wire):
    wire.serve("south")
    answers: list[bytes] = []

    def call(number: int) -> None:
        for turn in range(10):
            answers.append(wire.nodes["north"].peers.call("south", "/medrec/echo", b"%d %d" % (number, turn)))

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({codec.decode(answer)[2] for answer in answers}) == 80


def test_a_suspended_caller_is_refused_and_a_suspended_peer_gets_nothing(wire):
    wire.serve("south")
    wire.suspend("north")
    error = refused(wire)
    assert (error.code, error.answered) == ("organisation-suspended", True)
    with impostor(wire.ports["north"], lambda connection: pytest.fail("something was sent")):
        error = refused(wire, to="north", by="south")
    assert (error.code, error.answered) == ("organisation-suspended", False)


def test_a_replaced_key_is_refused_by_the_peer_and_does_not_answer_either(wire):
    wire.serve("south")
    wire.nodes["north"].peers.call("south", "/medrec/echo", b"")
    wire.rotate("north", b"n" * 32)
    assert refused(wire).code == "key-retired"
    renewed = HttpPeers(wire.keys["north"], wire.engine, wire.clock)
    assert renewed.call("south", "/medrec/echo", b"")
    wire.rotate("south", b"m" * 32)
    with pytest.raises(PeerError) as caught:
        renewed.call("south", "/medrec/echo", b"")
    assert (caught.value.code, caught.value.answered) == ("unsigned", False)
    renewed.close()


def test_nobody_there_and_nobody_known(wire):
    assert refused(wire).code == "unreachable"
    assert refused(wire, to="elsewhere").code == "unknown-organisation"


def test_no_address_and_no_tls(tmp_path):
    wire = Wire(tmp_path, {"south": "", "helper": "http://192.0.2.1:80"})
    assert refused(wire, to="south").code == "no-endpoint"
    assert refused(wire, to="helper").code == "no-tls"
    wire.close()


@pytest.mark.parametrize(
    ("endpoint", "allowed"),
    [
        ("https://far.example", True),
        ("http://127.0.0.1:80", True),
        ("http://[::1]:80", True),
        ("http://localhost", True),
        ("http://localhost.far.example", False),
        ("http://10.0.0.1", False),
        ("http://127.0.0.1.far.example", False),
        ("http://far.example@127.0.0.1.nip.example", False),
    ],
)
def test_plain_http_stays_on_the_machine(endpoint, allowed):
    assert peers.is_private_way(endpoint) is allowed


@pytest.mark.parametrize(
    ("speak", "code"),
    [
        (plain(200, b"\x80"), "unsigned"),
        (plain(500, b"oops"), "unsigned"),
        (plain(302, b"", b"location: http://127.0.0.1:1/"), "unsigned"),
        (plain(200, b"", b'signature-input: medrec=("@status")', b"signature: medrec=:AAAA:"), "unsigned"),
        (lambda connection: connection.sendall(b"\x00\xffgarbage\r\n\r\n"), "unreachable"),
        (lambda connection: connection.close(), "unreachable"),
        (lambda connection: connection.sendall(b"HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\nab"), "unreachable"),
    ],
    ids=["unsigned", "error", "redirect", "bad-form", "garbage", "closes", "breaks-off"],
)
def test_a_peer_that_is_not_the_node_does_not_count(wire, speak, code):
    with impostor(wire.ports["south"], speak):
        error = refused(wire)
    assert (error.code, error.answered) == (code, False)


def drip(head: bytes):
    def speak(connection) -> None:
        connection.sendall(head)
        for _ in range(200):
            connection.sendall(b"x")
            time.sleep(0.05)

    return speak


@pytest.mark.parametrize(
    "speak",
    [
        lambda connection: time.sleep(3),
        drip(b"HTTP/1.1 200 X\r\nx: "),
        drip(b"HTTP/1.1 200 X\r\ncontent-length: 999\r\n\r\n"),
    ],
    ids=["silent", "drips-head", "drips-body"],
)
def test_a_slow_peer_holds_nobody_up(wire, speak):
    wire.nodes["north"].peers.close()
    wire.nodes["north"].peers = HttpPeers(wire.keys["north"], wire.engine, wire.clock, call_s=0.4)
    began = time.monotonic()
    with impostor(wire.ports["south"], speak):
        error = refused(wire)
    assert error.code == "slow"
    assert time.monotonic() - began < 2.5


def test_an_answer_without_end_is_cut_off(wire, monkeypatch):
    monkeypatch.setattr(peers, "ANSWER_BYTES_MAX", 100_000)

    def speak(connection) -> None:
        connection.sendall(b"HTTP/1.1 200 X\r\ncontent-length: 100000000\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with impostor(wire.ports["south"], speak):
        assert refused(wire).code == "too-large"


def test_a_signed_refusal_in_another_form_is_garbage(wire, monkeypatch):
    # The node of south signs what it likes: here a refusal that is no refusal.
    monkeypatch.setattr(app, "_answer_call", lambda node, remembered, request, headers, body: (
        403, b"\xff", sign_answer(node.keys, 403, b"\xff", headers)
    ))  # fmt: skip
    wire.serve("south")
    error = refused(wire)
    assert (error.code, error.answered) == ("garbage", False)


def test_a_ledger_that_cannot_be_read_is_told(wire):
    def broken() -> None:
        raise EngineError("failed", "The ledger is closed.")

    wire.engine.tip = broken
    assert refused(wire).code == "ledger"


def test_calls_end_when_the_node_stops(wire):
    caller = wire.nodes["north"].peers
    caught: list[PeerError] = []

    def call() -> None:
        try:
            caller.call("south", "/medrec/echo", b"")
        except PeerError as error:
            caught.append(error)

    with impostor(wire.ports["south"], lambda connection: time.sleep(2)):
        thread = threading.Thread(target=call)
        thread.start()
        time.sleep(0.3)
        caller.close()
        thread.join(2)
    assert [error.code for error in caught] == ["stopped"]


class Box:
    """A LocalNetwork of two whose `south` writes down what comes."""

    def __init__(self, **options) -> None:
        self.network = LocalNetwork(**options)
        self.came: list[tuple[str, str, bytes]] = []
        self.network.join("south", self.answer)
        self.peers = self.network.peers("north")

    def answer(self, path: str, caller: str, body: bytes) -> bytes:
        self.came.append((path, caller, body))
        return b"%d" % len(self.came)


def test_local_calls_and_their_faults():
    fault = Fault()
    slept: list[int] = []
    box = Box(fault=lambda caller, organisation, path: fault, sleep=slept.append)
    assert box.peers.call("south", "/p", b"a") == b"1"
    assert box.came == [("/p", "north", b"a")]
    fault = Fault(duplicate=True, delay_ms=70)
    assert box.peers.call("south", "/p", b"b") == b"3"
    assert slept == [70]
    for lost, arrives in ((Fault(drop=True), 0), (Fault(drop_answer=True), 1)):
        fault, before = lost, len(box.came)
        with pytest.raises(PeerError) as caught:
            box.peers.call("south", "/p", b"c")
        assert caught.value.code == "unreachable"
        assert len(box.came) - before == arrives
    fault = Fault()
    box.network.leave("south")
    with pytest.raises(PeerError):
        box.peers.call("south", "/p", b"d")


def test_a_local_call_is_refused_as_one_over_http_is(wire):
    wire.serve("south")
    network = LocalNetwork()
    network.join("south", app.local_answer(wire.nodes["south"]))

    def both(path: str, body: bytes = b"") -> set[tuple[str, str, bool]]:
        errors = [refused(wire, path=path, body=body)]
        with pytest.raises(PeerError) as caught:
            network.peers("north").call("south", path, body)
        return {(error.code, error.sentence, error.answered) for error in (*errors, caught.value)}

    assert len(both("/medrec/nothing")) == 1
    assert len(both("/medrec/link", b"\xff")) == 1
    wire.suspend("north")
    assert len(both("/medrec/echo")) == 1
