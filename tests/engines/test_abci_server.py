"""The ABCI server on a real socket: order, flush, pieces of frames, strangers, and an application that cannot go on."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from medrec.engines.abci import messages as abci
from medrec.engines.abci.server import REQUEST_BYTES_MAX, AbciServer, FatalError
from medrec.engines.abci.wire import encode_varint, frame, read_varint


class App:
    """Remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[abci.Message] = []
        self.failed: list[str] = []

    def handle(self, request: abci.Message) -> abci.Message:
        self.asked.append(request)
        if isinstance(request, abci.RequestCommit):
            raise FatalError("The disk is full.")
        assert isinstance(request, abci.RequestCheckTx)
        return abci.ResponseCheckTx(len(request.tx))


@contextmanager
def serving(folder: Path) -> Iterator[tuple[App, Path]]:
    app = App()
    server = AbciServer(folder / "s", app.handle, app.failed.append)
    server.start()
    try:
        yield app, folder / "s"
    finally:
        server.stop()


def connect(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(10)
    connection.connect(str(path))
    return connection


def answers(connection: socket.socket, count: int) -> list[abci.Message]:
    data, found = b"", []
    while len(found) < count:
        length = read_varint(data, 0)
        if length is None or len(data) < sum(length):
            piece = connection.recv(1 << 16)
            assert piece, "the connection was closed"
            data += piece
            continue
        found.append(abci.decode_response(data[length[1] : sum(length)]))
        data = data[sum(length) :]
    return found


def ask(*requests: abci.Message) -> bytes:
    return b"".join(frame(abci.encode_request(request)) for request in requests)


def test_answers_come_in_the_order_of_the_requests(tmp_path: Path) -> None:
    with serving(tmp_path) as (app, path), connect(path) as connection:
        connection.sendall(ask(*[abci.RequestCheckTx(bytes(n)) for n in range(1, 500)], abci.RequestFlush()))
        found = answers(connection, 500)
        assert [answer.code for answer in found[:-1]] == list(range(1, 500))
        assert found[-1] == abci.ResponseFlush() and len(app.asked) == 499


def test_a_request_in_single_bytes_and_two_connections(tmp_path: Path) -> None:
    with serving(tmp_path) as (_, path), connect(path) as one, connect(path) as other:
        data = ask(abci.RequestEcho("a" * 200), abci.RequestFlush())
        for byte in data:
            one.send(bytes((byte,)))
        other.sendall(ask(abci.RequestEcho("b")))
        assert answers(other, 1) == [abci.ResponseEcho("b")]
        assert answers(one, 2) == [abci.ResponseEcho("a" * 200), abci.ResponseFlush()]


@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\n\r\n" + bytes(100), b"\xff" * 40, encode_varint(REQUEST_BYTES_MAX + 1), frame(b"\xff\xff")],
)
def test_a_stranger_is_told_so_and_sent_away_while_others_are_served(tmp_path: Path, garbage: bytes) -> None:
    with serving(tmp_path) as (app, path), connect(path) as stranger, connect(path) as friend:
        stranger.sendall(garbage)
        (said,) = answers(stranger, 1)
        assert isinstance(said, abci.ResponseException) and said.error
        assert stranger.recv(1) == b""
        friend.sendall(ask(abci.RequestEcho("here")))
        assert answers(friend, 1) == [abci.ResponseEcho("here")]
        assert app.asked == [] and app.failed == []


def test_an_application_that_cannot_go_on_says_why_and_stops(tmp_path: Path) -> None:
    with serving(tmp_path) as (app, path), connect(path) as connection:
        connection.sendall(ask(abci.RequestCheckTx(b"1"), abci.RequestCommit(), abci.RequestCheckTx(b"2")))
        first, said = answers(connection, 2)
        assert first == abci.ResponseCheckTx(1) and said == abci.ResponseException("The disk is full.")
        # The connection ends after the application was told: only then is its word to be looked at.
        assert connection.recv(1) == b""
        assert app.failed == ["The disk is full."] and len(app.asked) == 2
