"""A node's certificate is vouched for by its organisation's key, for its own host, and for nobody else."""

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from medrec.node.keeping.keys import OrganisationKeys
from medrec.node.peers import tls
from medrec.wiring import now_ms

HARBOUR = OrganisationKeys.from_seed("harbour", bytes(32))
LAKESIDE = OrganisationKeys.from_seed("lakeside", bytes(31) + b"\x01")


def public(keys: OrganisationKeys) -> bytes:
    return bytes.fromhex(keys.public()["ed25519"])


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A door of Harbour's."""
    made = tls.make_certificate(HARBOUR, "https://127.0.0.1:8700", tmp_path / "tls", now_ms())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(connection, server_side=True) as secure:
                    secure.sendall(b"welcome")
            except OSError:
                continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield int(listener.getsockname()[1])
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def enter(port: int, context: ssl.SSLContext, host: str = "127.0.0.1") -> bytes:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=30) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        return secure.recv(100)


def test_the_key_on_the_ledger_opens_the_door(port: int) -> None:
    # As strictly as any version of Python asks for by itself.
    assert tls.trust_in("harbour", public(HARBOUR)).verify_flags & ssl.VERIFY_X509_STRICT
    assert enter(port, tls.trust_in("harbour", public(HARBOUR))) == b"welcome"


@pytest.mark.parametrize(
    ("organisation", "keys", "host"),
    [
        ("harbour", LAKESIDE, "127.0.0.1"),  # another key
        ("lakeside", LAKESIDE, "127.0.0.1"),  # Harbour answers under Lakeside's address
        ("lakeside", HARBOUR, "127.0.0.1"),  # a key vouches in its own organisation's name only
        ("harbour", HARBOUR, "harbour.example"),  # a certificate of another host
    ],
)
def test_nothing_else_does(port: int, organisation: str, keys: OrganisationKeys, host: str) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        enter(port, tls.trust_in(organisation, public(keys)), host)


def test_the_systems_roots_alone_do_not_know_it(port: int) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        enter(port, ssl.create_default_context())


def test_only_the_owner_reads_the_key(tmp_path: Path) -> None:
    made = tls.make_certificate(HARBOUR, "https://harbour.example", tmp_path / "tls", now_ms())
    assert made.key.stat().st_mode & 0o077 == 0
    before = made.certificate.read_bytes()
    again = tls.make_certificate(HARBOUR, "https://harbour.example", tmp_path / "tls", now_ms())
    assert again.certificate.read_bytes() != before


def test_a_certificate_of_other_keys_or_of_an_older_form_is_made_anew(tmp_path: Path) -> None:
    def follow(keys: OrganisationKeys) -> bool:
        return tls.follow_keys(keys, "https://127.0.0.1:8700", tmp_path, now_ms())

    assert not follow(HARBOUR)  # none of the organisation's is there
    made = tls.make_certificate(HARBOUR, "https://127.0.0.1:8700", tmp_path, now_ms())
    before = made.certificate.read_bytes()
    assert not follow(HARBOUR) and made.certificate.read_bytes() == before
    fresh = OrganisationKeys.from_seed("harbour", b"n" * 32)
    assert follow(fresh) and made.certificate.read_bytes() != before and not follow(fresh)
    (tmp_path / tls.AUTHORITY_FILE).write_bytes(tls.authority("harbour", public(fresh)))
    assert follow(fresh) and not follow(fresh)
