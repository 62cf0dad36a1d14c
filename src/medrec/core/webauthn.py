"""Does an assertion of a passkey hold over these 32 bytes? Eight rules, the same bytes the same answer for ever.

A passkey (W3C Web Authentication Level 3) does not sign our digest. It signs authenticatorData || SHA-256 of a small
JSON text that the browser wrote and that carries the digest as its challenge. So this file reads both, strictly: no
clock, no counter, no library that may read more tolerantly tomorrow. docs/spec/account.md is the rules in words.

`clientDataJSON` is read by a grammar of our own: one flat object without white space, no name twice, names and the
four members that count without escapes. That is what browsers write; a lenient reader would let two nodes differ.
"""

import base64
import hashlib
import re
from enum import Enum
from typing import Annotated, Literal

import msgspec

from medrec.core.crypto import P256_ORDER, p256_der, p256_integers, p256_low_s, verify_ed25519, verify_p256
from medrec.core.types import Bytes32, Fields

ES256, EDDSA = -7, -8
CLIENT_DATA_BYTES_MAX, AUTHENTICATOR_DATA_BYTES_MAX, SIGNATURE_BYTES_MAX = 1024, 512, 72
AUTHENTICATOR_DATA_BYTES_MIN = 37
ORIGINS_MAX = 8
USER_PRESENT, USER_VERIFIED, BACKUP_ELIGIBLE, BACKED_UP, ATTESTED, EXTENSIONS = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80

ORIGIN = r"^(https://[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[1-9][0-9]{0,4})?|http://localhost(:[1-9][0-9]{0,4})?|android:apk-key-hash:[A-Za-z0-9_-]{43})\Z"

_TEXT = rb'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"'
_NUMBER = rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_MEMBER = rb'"([^"\\\x00-\x1f]+)":(' + _TEXT + rb"|" + _NUMBER + rb"|true|false|null)"
_object = re.compile(rb"\{" + _MEMBER + rb"(?:," + _MEMBER + rb")*\}").fullmatch
_members = re.compile(rb"[{,]" + _MEMBER).match

_P256_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_P256_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_COSE_ES256, _COSE_ES256_Y = bytes.fromhex("a5010203262001215820"), bytes.fromhex("225820")
_COSE_EDDSA = bytes.fromhex("a4010103272006215820")


class Fault(Enum):
    """The rule that did not hold; the value is its sentence."""

    SIZE = "a part of the assertion has too many or too few bytes"
    CLIENT_DATA = "clientDataJSON is not one flat object in the form that browsers write"
    TYPE = "the client data is not of type webauthn.get"
    CHALLENGE = "the challenge is not the digest that had to be signed"
    ORIGIN = "the origin is not one that this passkey was registered with"
    CROSS_ORIGIN = "the assertion was made inside a page of another origin"
    RP = "the assertion was made for another relying party"
    USER_PRESENCE = "nobody was present"
    USER_VERIFICATION = "the person was not verified"
    BACKUP = "the backup flags are not those of this passkey"
    STRUCTURE = "authenticatorData does not have the parts that its flags state"
    HIGH_S = "the signature is not in its low-s form"
    SIGNATURE = "the signature does not hold"
    PROOF = "the proof is not of the credential's kind"


class SignatureRefused(Exception):
    """A signature of an account does not hold; `fault` says which rule, the text is its sentence."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class NewPasskey(Fields, frozen=True, tag_field="kind", tag="webauthn"):
    """A passkey as its owner registers it, for ever unchanged.

    `alg` is the COSE algorithm; `key` the SEC 1 point (65 bytes, uncompressed) for ES256 or the 32 bytes of an
    Ed25519 key; `rp` the SHA-256 of the RP id; `backup` whether it may be synchronised (the flag BE).
    """

    alg: Literal[-7, -8]
    backup: bool
    key: Annotated[bytes, msgspec.Meta(min_length=32, max_length=65)]
    origins: Annotated[
        list[Annotated[str, msgspec.Meta(max_length=300, pattern=ORIGIN)]],
        msgspec.Meta(min_length=1, max_length=ORIGINS_MAX),
    ]
    rp: Bytes32


def is_usable(passkey: NewPasskey) -> bool:
    """Whether the key is one of its algorithm, and no origin is named twice: what cannot sign must not be added."""
    if len(set(passkey.origins)) != len(passkey.origins):
        return False
    if passkey.alg == EDDSA:
        return len(passkey.key) == 32
    return _is_p256_point(passkey.key)


def check_assertion(
    passkey: NewPasskey, digest: bytes, authenticator_data: bytes, client_data: bytes, signature: bytes
) -> None:
    """Raise SignatureRefused unless the passkey signed `digest` (32 bytes) by all the rules."""
    # 1. Nothing is larger than any authenticator makes it, and the client data is read in one way only.
    _claim(len(client_data) <= CLIENT_DATA_BYTES_MAX, Fault.SIZE)
    _claim(AUTHENTICATOR_DATA_BYTES_MIN <= len(authenticator_data) <= AUTHENTICATOR_DATA_BYTES_MAX, Fault.SIZE)
    _claim(len(signature) <= SIGNATURE_BYTES_MAX, Fault.SIZE)
    members = read_client_data(client_data)
    # 2. It was made to sign, and to sign this.
    _claim(members.get(b"type") == b'"webauthn.get"', Fault.TYPE)
    _claim(members.get(b"challenge") == b'"' + challenge_of(digest) + b'"', Fault.CHALLENGE)
    # 3. In a page of the person's own origin, not inside somebody else's.
    _claim(members.get(b"origin") in [b'"' + origin.encode() + b'"' for origin in passkey.origins], Fault.ORIGIN)
    _claim(members.get(b"crossOrigin", b"false") == b"false", Fault.CROSS_ORIGIN)
    _claim(b"topOrigin" not in members, Fault.CROSS_ORIGIN)
    # 4. For this relying party, by a person who was there and was verified, with the kind of passkey registered.
    flags = authenticator_data[32]
    _claim(authenticator_data[:32] == passkey.rp, Fault.RP)
    _claim(flags & USER_PRESENT, Fault.USER_PRESENCE)
    _claim(flags & USER_VERIFIED, Fault.USER_VERIFICATION)
    _claim(bool(flags & BACKUP_ELIGIBLE) == passkey.backup, Fault.BACKUP)
    _claim(flags & BACKUP_ELIGIBLE or not flags & BACKED_UP, Fault.BACKUP)
    _claim(not flags & ATTESTED, Fault.STRUCTURE)
    _claim(bool(flags & EXTENSIONS) == (len(authenticator_data) > AUTHENTICATOR_DATA_BYTES_MIN), Fault.STRUCTURE)
    # 5. Under the key and the algorithm that were registered, in the one form of the signature.
    message = authenticator_data + hashlib.sha256(client_data).digest()
    if passkey.alg == EDDSA:
        _claim(verify_ed25519(passkey.key, message, signature), Fault.SIGNATURE)
        return
    _claim(p256_integers(signature) is None or p256_low_s(signature), Fault.HIGH_S)
    _claim(verify_p256(passkey.key, message, signature), Fault.SIGNATURE)
    # 6. The counter (authenticator_data[33:37]) decides nothing: passkeys that travel report 0. 7. The key set is the
    # ledger's. 8. Nothing else is signed with: the nonce and the expiry of the body end a replay.


def read_client_data(data: bytes) -> dict[bytes, bytes]:
    """The members of clientDataJSON, names and values as they are written. Raises SignatureRefused CLIENT_DATA."""
    try:
        data.decode("utf-8", "strict")
    except UnicodeDecodeError:
        raise SignatureRefused(Fault.CLIENT_DATA) from None
    _claim(_object(data), Fault.CLIENT_DATA)
    members: dict[bytes, bytes] = {}
    position = 0
    while (member := _members(data, position)) is not None:
        _claim(member[1] not in members, Fault.CLIENT_DATA)
        members[member[1]] = member[2]
        position = member.end()
    return members


def challenge_of(digest: bytes) -> bytes:
    """How the client data states the bytes that were to be signed: base64url without padding."""
    return base64.urlsafe_b64encode(digest).rstrip(b"=")


def low_s(signature: bytes) -> bytes:
    """The form of an ES256 signature that the ledger takes; what is no signature stays as it is. For clients."""
    integers = p256_integers(signature)
    if integers is None:
        return signature
    r, s = integers
    return p256_der(r, min(s, P256_ORDER - s))


def read_registration(authenticator_data: bytes, origins: list[str]) -> NewPasskey:
    """The passkey that the authenticatorData of a registration describes, for clients that put it on the ledger.

    `origins` are those at which it may sign. Raises ValueError for another algorithm than ES256 and EdDSA, an
    unverified person, or what is no registration.
    """
    if not 55 <= len(authenticator_data) <= CLIENT_DATA_BYTES_MAX * 4:
        raise ValueError("authenticatorData has the wrong size")
    flags = authenticator_data[32]
    if not flags & ATTESTED or not flags & USER_PRESENT or not flags & USER_VERIFIED:
        raise ValueError("a person must be present and verified when a passkey is made")
    start = 55 + int.from_bytes(authenticator_data[53:55], "big")
    alg, key, end = _read_cose(authenticator_data, start)
    if bool(flags & EXTENSIONS) != (end < len(authenticator_data)):
        raise ValueError("authenticatorData does not have the parts that its flags state")
    made = NewPasskey(alg, bool(flags & BACKUP_ELIGIBLE), key, origins, authenticator_data[:32])
    if not is_usable(made):
        raise ValueError("the key is not a point of the curve")
    return made


def registered_id(authenticator_data: bytes) -> bytes:
    """The credential id within the authenticatorData of a registration that `read_registration` has read."""
    return authenticator_data[55 : 55 + int.from_bytes(authenticator_data[53:55], "big")]


def _read_cose(data: bytes, start: int) -> tuple[Literal[-7, -8], bytes, int]:
    # CTAP2 canonical CBOR leaves a COSE key of a given algorithm one form, so its prefix tells all.
    if data.startswith(_COSE_ES256, start):
        x = start + len(_COSE_ES256)
        y = x + 32 + len(_COSE_ES256_Y)
        if data[x + 32 : y] == _COSE_ES256_Y and len(data) >= y + 32:
            return -7, b"\x04" + data[x : x + 32] + data[y : y + 32], y + 32
    elif data.startswith(_COSE_EDDSA, start):
        x = start + len(_COSE_EDDSA)
        if len(data) >= x + 32:
            return -8, data[x : x + 32], x + 32
    raise ValueError("the passkey's algorithm is neither ES256 nor EdDSA")


def _is_p256_point(key: bytes) -> bool:
    if len(key) != 65 or key[0] != 0x04:
        return False
    x, y = int.from_bytes(key[1:33], "big"), int.from_bytes(key[33:], "big")
    return x < _P256_P and y < _P256_P and (y * y - (x * x * x - 3 * x + _P256_B)) % _P256_P == 0


def _claim(holds: object, fault: Fault) -> None:
    if not holds:
        raise SignatureRefused(fault)
