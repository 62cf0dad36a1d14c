"""What the ledger holds of a manifest, and how a relationship finds its own entries.

The salt is 32 random bytes per manifest and lives beside it. Who destroys both leaves a commitment that nothing can
be matched to. A tag can be computed only with the relationship key, so nobody else can link two entries.
"""

import hashlib
import hmac

SALT_BYTES = 32
TAG_BYTES = 16
COMMITMENT_BYTES = 32
SECRET_BYTES = 32

_ENTRY = b"medrec/entry/1"
_NULLIFIER = b"medrec/nullifier/1"


def commitment(manifest: bytes, salt: bytes) -> bytes:
    """SHA-256("medrec/entry/1" || salt || SHA-256(manifest)), 32 bytes. Raises ValueError for a wrong salt length."""
    return commitment_of(hashlib.sha256(manifest).digest(), salt)


def commitment_of(digest: bytes, salt: bytes) -> bytes:
    """The commitment to the manifest with this SHA-256. Raises ValueError for a wrong salt length."""
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes, not {len(salt)}")
    return hashlib.sha256(_ENTRY + salt + digest).digest()


def tag(relationship_key: bytes, counter: int) -> bytes:
    """The first 16 bytes of HMAC-SHA256(relationship key, counter as 8 bytes big-endian); counters start at 0."""
    return hmac.digest(relationship_key, counter.to_bytes(8, "big"), "sha256")[:TAG_BYTES]


def nullifier(secret: bytes) -> bytes:
    """SHA-256("medrec/nullifier/1" || secret): a consent carries it, revoking publishes the secret."""
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a nullifier secret has {SECRET_BYTES} bytes, not {len(secret)}")
    return hashlib.sha256(_NULLIFIER + secret).digest()
