"""Signatures that hold and still do not count: a member signs less, or otherwise, than the one form; or the same twice.

Whoever tampers with a good request fails at the signature. Here the key is the right one each time, and what it signed
is what does not suffice.
"""

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest

from medrec.core.crypto import verify_ed25519
from medrec.node.peers.signing import ASK, Nonces, RequestRefused, content_digest, new_nonce, verify_request
from tests.node.test_signing import BODY, URL
from tests.node.wire import Wire

COMPONENTS = ("@method", "@target-uri", "content-digest", "medrec-to")


@pytest.fixture
def wire(tmp_path: Path) -> Any:
    made = Wire(tmp_path)
    yield made
    made.close()


def signed(wire: Wire, covers: tuple[str, ...] = COMPONENTS, more: str = "", **fields: str) -> list[tuple[str, str]]:
    """Headers of a request of north with a signature that holds over these components; `more` are parameters."""
    now, keys = wire.clock.now, wire.keys["north"]
    nonce = new_nonce(now, bytes(16))
    values = {
        "@method": "POST", "@target-uri": URL, "@path": "/medrec/notices", "@authority": "south.example",
        "content-digest": content_digest(BODY), "medrec-to": "south", ASK: "e30", **fields,
    }  # fmt: skip
    named = " ".join(f'"{name}"' for name in covers)
    stated = f'({named});created={now // 1000};nonce="{nonce}";keyid="north";tag="medrec"{more}'
    base = "\n".join([*(f'"{name}": {values[name]}' for name in covers), f'"@signature-params": {stated}']).encode()
    made = keys.sign_request(base)
    assert verify_ed25519(bytes.fromhex(keys.public()["ed25519"]), base, made)
    sent = {name: value for name, value in values.items() if not name.startswith("@") and name != ASK}
    text = base64.b64encode(made).decode()
    return [*sent.items(), ("signature-input", f"medrec={stated}"), ("signature", f"medrec=:{text}:")]


def code(wire: Wire, headers: list[tuple[str, str]], body: bytes = BODY) -> str:
    try:
        verify_request(wire.directory, "south", "POST", URL, headers, body, wire.clock.now, Nonces(0))
    except RequestRefused as refused:
        return refused.code
    return ""


def test_the_one_form_counts(wire: Wire) -> None:
    assert code(wire, signed(wire)) == ""


@pytest.mark.parametrize("without", COMPONENTS)
def test_each_component_has_to_be_covered(wire: Wire, without: str) -> None:
    covers = tuple(name for name in COMPONENTS if name != without)
    assert code(wire, signed(wire, covers)) == "signature-missing"


@pytest.mark.parametrize(
    "covers",
    [(), COMPONENTS[::-1], (*COMPONENTS, "@authority"), ("@method", "@path", *COMPONENTS[2:]),
     (*COMPONENTS, "content-digest"), ("@method", "@authority", *COMPONENTS[2:])],
)  # fmt: skip
def test_no_other_set_of_components_counts(wire: Wire, covers: tuple[str, ...]) -> None:
    assert code(wire, signed(wire, covers)) == "signature-missing"


@pytest.mark.parametrize("more", [";expires=9999999999", ';alg="ed25519"', ";created=1", ';nonce="0"', ';x="y"'])
def test_no_parameter_is_added(wire: Wire, more: str) -> None:
    assert code(wire, signed(wire, more=more)) == "signature-missing"


def test_an_ask_that_is_covered_has_to_be_there_and_one_that_is_there_has_to_be_covered(wire: Wire) -> None:
    covered = signed(wire, (*COMPONENTS, ASK))
    assert code(wire, covered) == "signature-bad"
    assert code(wire, [*covered, (ASK, "e30")]) == ""
    assert code(wire, [*covered, (ASK, "e31")]) == "signature-bad"
    assert code(wire, [*signed(wire), (ASK, "e30")]) == "signature-bad"


SHA512 = f"sha-512=:{base64.b64encode(hashlib.sha512(BODY).digest()).decode()}:"


@pytest.mark.parametrize(
    "digest",
    [SHA512, f"{SHA512}, {content_digest(BODY)}", f"{content_digest(BODY)}, {SHA512}", content_digest(b""), "",
     content_digest(BODY).upper(), content_digest(BODY).replace("sha-256", "id-sha-256"),
     content_digest(BODY)[:-1], content_digest(BODY) + ";q=1"],
)  # fmt: skip
def test_the_digest_is_the_bodys_in_one_form(wire: Wire, digest: str) -> None:
    assert code(wire, signed(wire, **{"content-digest": digest})) == "digest-mismatch"


def test_the_body_is_the_one_of_the_digest(wire: Wire) -> None:
    assert code(wire, signed(wire), b"") == code(wire, signed(wire), BODY + b"\x00") == "digest-mismatch"


def test_two_signatures_are_none_in_whatever_fields_they_stand(wire: Wire) -> None:
    good, other = dict(signed(wire)), dict(signed(wire, COMPONENTS[:2]))
    plain = [(name, value) for name, value in good.items() if not name.startswith("signature")]
    stated, made = good["signature-input"], good["signature"]
    second = other["signature-input"].replace("medrec=", "sig2="), other["signature"].replace("medrec=", "sig2=")
    for inputs, signatures in (
        ([f"{stated}, {second[0]}"], [f"{made}, {second[1]}"]),
        ([f"{second[0]}, {stated}"], [f"{second[1]}, {made}"]),
        ([stated, second[0]], [made, second[1]]),
        ([stated, stated], [made, made]),
        ([stated], [made, second[1]]),
    ):
        fields = [("Signature-Input", one) for one in inputs] + [("Signature", one) for one in signatures]
        assert code(wire, plain + fields) == "signature-missing"


def test_what_came_once_comes_no_second_time_under_another_spelling(wire: Wire) -> None:
    headers, remembered = signed(wire), Nonces(0)

    def take(fields: list[tuple[str, str]], url: str = URL, me: str = "south") -> str:
        try:
            verify_request(wire.directory, me, "POST", url, fields, BODY, wire.clock.now, remembered)
        except RequestRefused as refused:
            return refused.code
        return ""

    # What another node would refuse uses up nothing here.
    assert take(headers, me="helper") == "wrong-recipient"
    assert take(headers, URL.replace("south", "helper")) == "signature-bad"
    assert take(headers) == ""
    for again in (headers, headers[::-1], [(name.upper(), f" {value}\t") for name, value in headers]):
        assert take(again) == "signature-replayed"
