"""Commitments, tags and nullifiers against their formulas."""

import hashlib
import hmac

import pytest

from medrec.core.commitment import commitment, nullifier, tag

SALT, MANIFEST, KEY = bytes(range(32)), b'{"manifest":"record/1"}', bytes(32)


def test_a_commitment_by_hand() -> None:
    inner = hashlib.sha256(MANIFEST).digest()
    assert commitment(MANIFEST, SALT) == hashlib.sha256(b"medrec/entry/1" + SALT + inner).digest()


def test_a_commitment_follows_every_byte_of_manifest_and_salt() -> None:
    seen = {commitment(MANIFEST, SALT)}
    for place in range(len(MANIFEST)):
        seen.add(commitment(MANIFEST[:place] + bytes([MANIFEST[place] ^ 1]) + MANIFEST[place + 1 :], SALT))
    for place in range(32):
        seen.add(commitment(MANIFEST, SALT[:place] + bytes([SALT[place] ^ 1]) + SALT[place + 1 :]))
    assert len(seen) == 1 + len(MANIFEST) + 32


def test_a_tag_by_hand() -> None:
    assert tag(KEY, 1) == hmac.new(KEY, b"\0\0\0\0\0\0\0\1", hashlib.sha256).digest()[:16]
    assert len({tag(KEY, counter) for counter in range(1000)}) == 1000


def test_a_nullifier_by_hand() -> None:
    assert nullifier(SALT) == hashlib.sha256(b"medrec/nullifier/1" + SALT).digest()


@pytest.mark.parametrize("length", [0, 31, 33])
def test_wrong_lengths(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        commitment(MANIFEST, bytes(length))
    with pytest.raises(ValueError, match="32 bytes"):
        nullifier(bytes(length))


def test_counters_begin_at_nothing_and_never_go_below() -> None:
    assert len(tag(KEY, 0)) == 16
    with pytest.raises(OverflowError):
        tag(KEY, -1)
