"""Web push: a message sealed for one browser (RFC 8291, aes128gcm of RFC 8188) and the sender's claim (RFC 8292)."""

import base64
import os
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

RECORD_BYTES = 4096
MESSAGE_BYTES_MAX = 2000
CLAIM_S = 12 * 3600
Random = Callable[[int], bytes]


class Subscription(NamedTuple):
    """What a browser hands out: where to send, its public point (65 bytes) and its secret (16 bytes)."""

    endpoint: str
    p256dh: bytes
    auth: bytes


def encode(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The bytes of base64url without padding. Raises ValueError."""
    return base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)


def point_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The public point of a key, uncompressed (65 bytes)."""
    return key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def sealed(
    subscription: Subscription,
    message: bytes,
    key: ec.EllipticCurvePrivateKey | None = None,
    random: Random = os.urandom,
) -> bytes:
    """The body of a push: only the browser can open it. `key` is for this one message. Raises ValueError."""
    if len(message) > MESSAGE_BYTES_MAX:
        raise ValueError("a push message is short")
    ours = key or ec.generate_private_key(ec.SECP256R1())
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), subscription.p256dh)
    mine = point_of(ours)
    shared = ours.exchange(ec.ECDH(), theirs)
    info = b"WebPush: info\x00" + subscription.p256dh + mine
    secret = HKDF(hashes.SHA256(), 32, subscription.auth, info).derive(shared)
    salt = random(16)
    content = HKDF(hashes.SHA256(), 16, salt, b"Content-Encoding: aes128gcm\x00").derive(secret)
    nonce = HKDF(hashes.SHA256(), 12, salt, b"Content-Encoding: nonce\x00").derive(secret)
    head = salt + RECORD_BYTES.to_bytes(4, "big") + bytes([len(mine)]) + mine
    # One record, the last: its padding begins with 2.
    return head + AESGCM(content).encrypt(nonce, message + b"\x02", None)


def claim(endpoint: str, contact: str, key: ec.EllipticCurvePrivateKey, now_s: int) -> str:
    """The Authorization header that says who sends (VAPID): an ES256 token for the push service's origin."""
    import json

    parts = urlsplit(endpoint)
    head = encode(json.dumps({"typ": "JWT", "alg": "ES256"}, separators=(",", ":")).encode())
    body = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": now_s + CLAIM_S, "sub": contact}
    told = f"{head}.{encode(json.dumps(body, separators=(',', ':')).encode())}"
    r, s = decode_dss_signature(key.sign(told.encode(), ec.ECDSA(hashes.SHA256())))
    signature = encode(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    return f"vapid t={told}.{signature}, k={encode(point_of(key))}"
