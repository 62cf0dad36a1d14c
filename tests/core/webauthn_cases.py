"""Each rule for passkeys as cases: one that holds and at least one that must not.

The cases test core/webauthn.py and make tests/vectors/webauthn/assertions.json: `python tests/core/webauthn_cases.py`.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from authenticator import BE, BS, ED, ORIGIN, UP, UV, Authenticator, hash_of, high_s

from medrec.core.webauthn import Fault

FILE = Path(__file__).resolve().parent.parent / "vectors" / "webauthn" / "assertions.json"
DIGEST = hash_of("what is to be signed")
APP = "android:apk-key-hash:" + "A" * 43

Parts = tuple[Authenticator, list[Any]]


class Case(NamedTuple):
    """`fault` is None if the assertion holds."""

    rule: int
    fault: Fault | None
    name: str
    make: Callable[[], Parts]


def phone(**settings: Any) -> Authenticator:
    return Authenticator("phone", **settings)


def client(**changes: Any) -> Callable[[], Parts]:
    """An assertion whose client data was changed before it was signed."""
    return lambda: (phone(), phone().proof(DIGEST, client=phone().client_data(DIGEST, **changes)))


def text(change: Callable[[bytes], bytes]) -> Callable[[], Parts]:
    """An assertion whose client data has other bytes, rightly signed."""
    return lambda: (phone(), phone().proof(DIGEST, client=change(phone().client_data(DIGEST))))


def data(registered: int = UP | UV, **changes: Any) -> Callable[[], Parts]:
    """An assertion whose authenticator data was changed before it was signed."""
    key = phone(flags=registered)
    return lambda: (key, key.proof(DIGEST, data=key.authenticator_data(**changes)))


def signed(change: Callable[[bytes], bytes], **settings: Any) -> Callable[[], Parts]:
    """An assertion whose signature was changed."""
    key = phone(**settings)

    def make() -> Parts:
        proof = key.proof(DIGEST)
        return key, [*proof[:3], change(proof[3])]

    return make


def good(**settings: Any) -> Callable[[], Parts]:
    return lambda: (phone(**settings), phone(**settings).proof(DIGEST))


def padded(size: int) -> Callable[[], Parts]:
    """Client data of exactly this many bytes."""
    bare = len(phone().client_data(DIGEST, padding=""))
    return client(padding="x" * (size - bare))


def insert(member: bytes) -> Callable[[], Parts]:
    """A further member before the end."""
    return text(lambda value: value[:-1] + b"," + member + b"}")


CASES = [
    Case(0, None, "a phone's passkey signs with ES256", good()),
    Case(0, None, "a passkey signs with EdDSA", good(alg=-8)),
    Case(1, None, "members that nobody knows", client(other_keys_can_be_added_here="do not compare", number=-1.5e3)),
    Case(1, None, "members in another order", text(lambda value: b'{"crossOrigin":false,' + value[1:-21] + b"}")),
    Case(1, None, "1,024 bytes of client data", padded(1024)),
    Case(1, Fault.SIZE, "1,025 bytes of client data", padded(1025)),
    Case(1, Fault.SIZE, "36 bytes of authenticator data", lambda: (phone(), phone().proof(DIGEST, data=bytes(36)))),
    Case(1, Fault.SIZE, "more than 512 bytes of authenticator data", data(flags=UP | UV | ED, extensions=bytes(476))),
    Case(1, Fault.SIZE, "a signature of 73 bytes", signed(lambda value: value + bytes(73 - len(value)))),
    Case(1, Fault.CLIENT_DATA, "a member twice", insert(b'"type":"webauthn.get"')),
    Case(1, Fault.CLIENT_DATA, "an unknown member twice", insert(b'"a":1,"a":1')),
    Case(1, Fault.CLIENT_DATA, "white space", text(lambda value: value.replace(b",", b", "))),
    Case(1, Fault.CLIENT_DATA, "something behind the object", text(lambda value: value + b"\n")),
    Case(1, Fault.CLIENT_DATA, "a byte order mark", text(lambda value: b"\xef\xbb\xbf" + value)),
    Case(1, Fault.CLIENT_DATA, "bytes that are not UTF-8", insert(b'"a":"\xff"')),
    Case(1, Fault.CLIENT_DATA, "a lone surrogate as bytes", insert(b'"a":"\xed\xa0\x80"')),
    Case(1, Fault.CLIENT_DATA, "an object within", insert(b'"tokenBinding":{"status":"supported"}')),
    Case(1, Fault.CLIENT_DATA, "an escaped name", text(lambda value: value.replace(b'"type"', b'"t\\u0079pe"'))),
    Case(1, Fault.CLIENT_DATA, "no object", text(lambda value: b"[" + value + b"]")),
    Case(1, Fault.CLIENT_DATA, "an empty object", text(lambda value: b"{}")),
    Case(1, Fault.CLIENT_DATA, "a comma before the end", text(lambda value: value[:-1] + b",}")),
    Case(2, Fault.TYPE, "made when a passkey was registered", client(type="webauthn.create")),
    Case(2, Fault.TYPE, "made to pay", client(type="payment.get")),
    Case(2, Fault.TYPE, "without a type", client(type=None)),
    Case(2, Fault.TYPE, "an escaped type", text(lambda value: value.replace(b"n.get", b"n\\u002eget"))),
    Case(2, Fault.CHALLENGE, "another digest", lambda: (phone(), phone().proof(hash_of("something else")))),
    Case(2, Fault.CHALLENGE, "a padded challenge", text(lambda value: value.replace(b'","origin', b'=","origin'))),
    Case(2, Fault.CHALLENGE, "without a challenge", client(challenge=None)),
    Case(2, Fault.CHALLENGE, "the challenge in hex", client(challenge=DIGEST.hex())),
    Case(3, None, "another origin of the same passkey", lambda: second_origin()),
    Case(3, None, "an app on a phone", good(origins=(APP,))),
    Case(3, None, "crossOrigin left out", client(crossOrigin=None)),
    Case(3, Fault.ORIGIN, "a foreign origin", client(origin="https://medrec.example.evil.example")),
    Case(3, Fault.ORIGIN, "the origin with a slash", client(origin=ORIGIN + "/")),
    Case(3, Fault.ORIGIN, "the origin without its s", client(origin="http://medrec.example")),
    Case(3, Fault.ORIGIN, "the origin with a port", client(origin=ORIGIN + ":8443")),
    Case(3, Fault.ORIGIN, "without an origin", client(origin=None)),
    Case(3, Fault.CROSS_ORIGIN, "inside a page of another origin", client(crossOrigin=True)),
    Case(3, Fault.CROSS_ORIGIN, "inside a page that is named", client(topOrigin="https://evil.example")),
    Case(3, Fault.CROSS_ORIGIN, "a topOrigin of our own", client(topOrigin=ORIGIN)),
    Case(3, Fault.CROSS_ORIGIN, "crossOrigin as a text", client(crossOrigin="false")),
    Case(3, Fault.CROSS_ORIGIN, "crossOrigin null", text(lambda value: value.replace(b":false", b":null"))),
    Case(4, None, "with extensions", data(flags=UP | UV | ED, extensions=b"\xa1\x63foo\x01")),
    Case(4, Fault.RP, "for another relying party", data(rp="evil.example")),
    Case(4, Fault.USER_PRESENCE, "nobody was there", data(flags=UV)),
    Case(4, Fault.USER_VERIFICATION, "somebody was there", data(flags=UP)),
    Case(4, None, "a passkey that may travel and did not", good(flags=UP | UV | BE)),
    Case(4, None, "a passkey that travelled", data(UP | UV | BE, flags=UP | UV | BE | BS)),
    Case(4, Fault.BACKUP, "suddenly it may travel", data(flags=UP | UV | BE)),
    Case(4, Fault.BACKUP, "suddenly it may not travel", data(UP | UV | BE, flags=UP | UV)),
    Case(4, Fault.BACKUP, "it travelled and may not", data(flags=UP | UV | BS)),
    Case(4, Fault.STRUCTURE, "credential data in an assertion", data(flags=UP | UV | 0x40)),
    Case(4, Fault.STRUCTURE, "extensions that were not announced", data(extensions=b"\xa0")),
    Case(4, Fault.STRUCTURE, "extensions announced and not there", data(flags=UP | UV | ED)),
    Case(5, Fault.HIGH_S, "the signature's other form", signed(high_s)),
    Case(5, Fault.SIGNATURE, "a signature of zeros", signed(lambda value: bytes(len(value)))),
    Case(5, Fault.SIGNATURE, "an empty signature", signed(lambda value: b"")),
    Case(5, Fault.SIGNATURE, "a byte behind the signature", signed(lambda value: value + b"\0")),
    Case(5, Fault.SIGNATURE, "an EdDSA signature of zeros", signed(lambda value: bytes(64), alg=-8)),
    Case(5, Fault.SIGNATURE, "another key", lambda: (phone(), Authenticator("thief").proof(DIGEST))),
    Case(5, Fault.SIGNATURE, "another algorithm", lambda: (phone(), phone(alg=-8).proof(DIGEST))),
    Case(6, None, "a counter that stands still at a high count", good(count=4_000_000_000)),
    Case(6, None, "a counter of nothing", good(count=0)),
    Case(7, Fault.PROOF, "a proof of three parts", lambda: (phone(), phone().proof(DIGEST)[:3])),
    Case(7, Fault.PROOF, "an Ed25519 proof under a passkey", lambda: (phone(), ["ed25519", bytes(64)])),
    Case(7, Fault.PROOF, "a text where bytes belong", lambda: (phone(), ["webauthn", "", b"", b""])),
]  # fmt: skip


def second_origin() -> Parts:
    key = phone(origins=("https://home.example", ORIGIN))
    return key, key.proof(DIGEST, client=key.client_data(DIGEST, origin=ORIGIN))


def vector(case: Case) -> dict[str, Any]:
    """One case as data."""
    key, proof = case.make()
    registered = {name: value.hex() if type(value) is bytes else value for name, value in key.credential.items()}
    parts = [part.hex() if type(part) is bytes else {"text": part} for part in proof[1:]]
    return {
        "name": case.name,
        "rule": case.rule,
        "credential": registered,
        "digest": DIGEST.hex(),
        "proof": [proof[0], *parts],
        "refused": None if case.fault is None else case.fault.name,
    }


def document() -> str:
    """The text of the vector file."""
    made = {"vectors": "medrec webauthn assertions, protocol 1", "cases": [vector(case) for case in CASES]}
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(document(), encoding="utf-8")
