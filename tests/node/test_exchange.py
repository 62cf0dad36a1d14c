"""One exchange, one deadline: slow readers, slow writers, TLS with the right roots and with none."""

import datetime
import socket
import ssl
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from medrec.demo.ports import free_ports
from medrec.node.peers.exchange import Exchange, ExchangeError
from medrec.node.serve import Server, Site

from .wire import impostor


@pytest.fixture
def exchange():
    made = Exchange(connect_s=1.0)
    yield made
    made.close()


async def echo(request: Request) -> Response:
    return Response(await request.body(), headers={"x-twice": "a"}, status_code=201)


APP = Starlette(
    routes=[
        Route("/echo", echo, methods=["POST"]),
        Route("/away", lambda request: RedirectResponse("/echo"), methods=["POST"]),
    ]
)


def failed(exchange: Exchange, port: int, body: bytes = b"", **limits) -> str:
    options = {"seconds": 0.5, "bytes_max": 1000} | limits
    with pytest.raises(ExchangeError) as caught:
        exchange.post(f"http://127.0.0.1:{port}/echo", {}, body, **options)
    return caught.value.code


def test_bodies_go_and_come_whole_over_one_connection(exchange):
    (port,) = free_ports(1)
    server = Server([Site(APP, "127.0.0.1", port)])
    server.start()
    for size in (0, 1, 3_000_000):
        answer = exchange.post(
            f"http://127.0.0.1:{port}/echo", {"x-a": "b"}, b"x" * size, seconds=5, bytes_max=4_000_000
        )
        assert (answer.status, len(answer.body)) == (201, size)
        assert ("x-twice", "a") in answer.fields
    assert len(exchange._streams) == 1
    answer = exchange.post(f"http://127.0.0.1:{port}/away", {}, b"", seconds=5, bytes_max=10)
    assert answer.status == 307
    assert failed(exchange, port, b"x" * 2000, seconds=5) == "too-large"
    server.stop()
    assert failed(exchange, port) == "unreachable"


def test_a_peer_that_does_not_read_holds_nobody_up(exchange):
    (port,) = free_ports(1)
    began = time.monotonic()
    with impostor(port, lambda connection: time.sleep(3)):
        assert failed(exchange, port, b"x" * 60_000_000) == "slow"
    assert time.monotonic() - began < 2.5


def test_a_peer_that_reads_a_little_now_and_then_holds_nobody_up(exchange):
    (port,) = free_ports(1)

    def sip(connection: socket.socket) -> None:
        for _ in range(60):
            connection.recv(20_000)
            time.sleep(0.05)

    began = time.monotonic()
    with impostor(port, sip):
        assert failed(exchange, port, b"x" * 60_000_000) == "slow"
    assert time.monotonic() - began < 2.5


def test_after_close_nothing_goes(exchange):
    exchange.close()
    assert failed(exchange, free_ports(1)[0]) == "stopped"


def test_https_with_a_known_root_and_no_other(tmp_path, exchange):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    chain, secret = tmp_path / "c.pem", tmp_path / "k.pem"
    chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (port,) = free_ports(1)
    server = Server([Site(APP, "127.0.0.1", port, chain, secret)])
    server.start()
    trusting = Exchange(connect_s=2.0, tls=ssl.create_default_context(cafile=str(chain)))
    try:
        for _ in range(2):
            answer = trusting.post(f"https://localhost:{port}/echo", {}, b"hello", seconds=5, bytes_max=100)
            assert (answer.status, answer.body) == (201, b"hello")
        with pytest.raises(ExchangeError) as caught:
            exchange.post(f"https://localhost:{port}/echo", {}, b"hello", seconds=5, bytes_max=100)
        assert caught.value.code == "unreachable"
        with pytest.raises(ExchangeError):  # the certificate names another host
            trusting.post(f"https://127.0.0.1:{port}/echo", {}, b"hello", seconds=5, bytes_max=100)
    finally:
        trusting.close()
        server.stop()
