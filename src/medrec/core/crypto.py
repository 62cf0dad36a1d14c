"""Does this signature hold? Verification only; nothing here can sign.

This is the one file of `core` that imports PyNaCl and cryptography. Every node must give the same answer to
the same bytes for ever, so each function fixes one acceptance rule:

* Ed25519 (RFC 8032): libsodium's strict rule. Refused are S >= L, a public key or R in a non-canonical
  encoding, a public key or R of small order, and everything that fails the equation without cofactor. Of
  the 914 CCTV edge cases exactly the 43 in tests/vectors/ed25519 are accepted; that table is the rule,
  whatever library carries it out.
* P-256 with SHA-256 (FIPS 186-5; ES256): DER is read here, strictly, before OpenSSL sees it, so that the
  tolerance of an OpenSSL version never decides. A high s is allowed unless a caller asks `p256_low_s`.
* ML-DSA-44 (FIPS 204, pure, context up to 255 bytes): the standard leaves a verifier no freedom.

Bytes that are wrong in any way give False, never an exception. A machine whose OpenSSL has no ML-DSA raises
cryptography's UnsupportedAlgorithm: "cannot tell" must not look like "refused".
"""

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, mldsa
from cryptography.hazmat.primitives.hashes import SHA256
from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError

KEY_ID_BYTES = 16
ED25519_PUBLIC_BYTES, ED25519_SIGNATURE_BYTES = 32, 64
MLDSA44_PUBLIC_BYTES, MLDSA44_SIGNATURE_BYTES, MLDSA_CONTEXT_MAX = 1312, 2420, 255
P256_COMPRESSED_BYTES, P256_UNCOMPRESSED_BYTES = 33, 65
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

_DER_SEQUENCE, _DER_INTEGER = 0x30, 0x02
_P256_DER_INTEGER_MAX = 33
_ES256 = ec.ECDSA(SHA256())


def sha256(*parts: bytes) -> bytes:
    """SHA-256 of the parts one after the other, 32 bytes. The parts are not framed: fix their lengths or
    tag them.
    """
    return hashlib.sha256(b"".join(parts)).digest()


def key_id(public: bytes) -> bytes:
    """The first 16 bytes of SHA-256(public key bytes): how a transaction names the key it is signed with."""
    return hashlib.sha256(public).digest()[:KEY_ID_BYTES]


def consensus_address(public: bytes) -> bytes:
    """The first 20 bytes of SHA-256(consensus key): how evidence names a validator."""
    return hashlib.sha256(public).digest()[:20]


def verify_ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    """True if the 64-byte signature over the message holds under the 32-byte key, by libsodium's strict
    rule.
    """
    if len(public) != ED25519_PUBLIC_BYTES or len(signature) != ED25519_SIGNATURE_BYTES:
        return False
    try:
        crypto_sign_open(signature + message, public)
    except BadSignatureError:
        return False
    return True


def verify_mldsa44(public: bytes, message: bytes, signature: bytes, context: bytes = b"") -> bool:
    """True if the 2,420-byte signature holds under the raw 1,312-byte key (FIPS 204 algorithm 3)."""
    if len(public) != MLDSA44_PUBLIC_BYTES or len(signature) != MLDSA44_SIGNATURE_BYTES:
        return False
    if len(context) > MLDSA_CONTEXT_MAX:
        return False
    try:
        mldsa.MLDSA44PublicKey.from_public_bytes(public).verify(signature, message, context)
    except (InvalidSignature, ValueError):
        return False
    return True


def verify_p256(public: bytes, message: bytes, signature: bytes) -> bool:
    """True if the DER signature over SHA-256(message) holds under a SEC 1 point of 65 or 33 bytes (ES256,
    WebAuthn).

    Accepts s and n - s alike: nothing may be identified by the bytes of an ECDSA signature.
    """
    if p256_integers(signature) is None or not _is_point(public):
        return False
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
        key.verify(signature, message, _ES256)
    except (InvalidSignature, ValueError):
        return False
    return True


def verify_p256_raw(public: bytes, message: bytes, signature: bytes) -> bool:
    """As `verify_p256` for a signature of 64 bytes, r then s (JWS, IEEE P1363)."""
    if len(signature) != 64:
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    return verify_p256(public, message, p256_der(r, s))


def p256_low_s(signature: bytes) -> bool:
    """True if the signature is strict DER and s <= (n - 1) / 2, the one of its two forms a policy may
    insist on.
    """
    integers = p256_integers(signature)
    return integers is not None and integers[1] <= P256_ORDER // 2


def p256_integers(signature: bytes) -> tuple[int, int] | None:
    """r and s of a strict DER signature, None for any other bytes.

    Strict: one SEQUENCE of exactly two INTEGERs, short lengths, no padding, nothing behind, 1 <= r, s < n.
    """
    if len(signature) < 2 or signature[0] != _DER_SEQUENCE or signature[1] != len(signature) - 2:
        return None
    integers: list[int] = []
    rest = signature[2:]
    for _ in range(2):
        if len(rest) < 3 or rest[0] != _DER_INTEGER:
            return None
        length = rest[1]
        content, rest = rest[2 : 2 + length], rest[2 + length :]
        if not 1 <= length <= _P256_DER_INTEGER_MAX or len(content) != length or content[0] & 0x80:
            return None
        if length > 1 and content[0] == 0 and not content[1] & 0x80:
            return None
        integers.append(int.from_bytes(content, "big"))
    r, s = integers
    if rest or not 0 < r < P256_ORDER or not 0 < s < P256_ORDER:
        return None
    return r, s


def p256_der(r: int, s: int) -> bytes:
    """The DER form of two integers of 0 to 2^256 - 1."""
    body = b""
    for number in (r, s):
        content = number.to_bytes(number.bit_length() // 8 + 1, "big")
        body += bytes((_DER_INTEGER, len(content))) + content
    return bytes((_DER_SEQUENCE, len(body))) + body


def _is_point(public: bytes) -> bool:
    if len(public) == P256_UNCOMPRESSED_BYTES:
        return public[0] == 0x04
    return len(public) == P256_COMPRESSED_BYTES and public[0] in (0x02, 0x03)
