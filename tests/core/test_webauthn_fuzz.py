"""Assertions that were tampered with, by the ten thousand: none is ever accepted.

MEDREC_FUZZ sets how many (the default is 20,000 for each key; a million takes some minutes).
"""

import os
import random

import pytest
from authenticator import BE, BS, UP, UV, Authenticator, hash_of, high_s

from medrec.core.credential import verify_account_signature
from medrec.core.webauthn import NewPasskey, SignatureRefused

COUNT = int(os.environ.get("MEDREC_FUZZ", "20000"))
KEYS = [
    Authenticator("fuzzed phone"),
    Authenticator("fuzzed synced phone", flags=UP | UV | BE | BS, count=7),
    Authenticator("fuzzed key", alg=-8),
]
WORDS = [b"crossOrigin", b"true", b"false", b"webauthn.create", b'"', b"}", b'{"a":1}', b"\\u0061", b"null", bytes(8)]


def passkey(key: Authenticator) -> NewPasskey:
    made = key.credential
    return NewPasskey(made["alg"], made["backup"], made["key"], made["origins"], made["rp"])


def tampered(chance: random.Random, parts: list[bytes], others: list[list[bytes]]) -> list[bytes]:
    """The parts of an assertion after one to three changes of many kinds."""
    changed = list(parts)
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(3)
        data = bytearray(changed[place])
        at = chance.randrange(len(data)) if data else 0
        match chance.randrange(7):
            case 0 if data:
                data[at] ^= 1 << chance.randrange(8)
            case 1 if data:
                data[at] = chance.randrange(256)
            case 2:
                data[at:at] = chance.choice(WORDS)
            case 3 if data:
                del data[at : at + chance.randint(1, 8)]
            case 4:
                data = bytearray(chance.choice(others)[place])
            case 5 if data:
                other = chance.randrange(len(data))
                data[at], data[other] = data[other], data[at]
            case _:
                data += chance.randbytes(chance.randint(1, 16))
        changed[place] = bytes(data)
    return changed


@pytest.mark.parametrize("key", KEYS, ids=["es256", "synced", "eddsa"])
def test_no_tampered_assertion_is_accepted(key: Authenticator) -> None:
    chance, credential, digest = random.Random(key.x), passkey(key), hash_of("digest")
    good = key.proof(digest)[1:]
    # Parts of other assertions: for another digest, in another page, by another key, in the other form.
    others = [key.proof(hash_of("another digest"))[1:], KEYS[0].proof(digest)[1:], KEYS[2].proof(digest)[1:]]
    others.append(key.proof(digest, client=key.client_data(digest, origin="https://evil.example"))[1:])
    others.append([good[0], good[1], high_s(good[2]) if key.alg == -7 else good[2][::-1]])
    verify_account_signature(credential, digest, ["webauthn", *good])
    refused = 0
    for _ in range(COUNT):
        changed = tampered(chance, good, others)
        if changed == good:
            continue
        try:
            verify_account_signature(credential, digest, ["webauthn", *changed])
        except SignatureRefused:
            refused += 1
            continue
        raise AssertionError([part.hex() for part in changed])
    assert refused > COUNT * 0.9


def test_the_search_would_find_a_hole() -> None:
    """A verifier that forgets the signature accepts what was tampered with: the changes reach that far."""
    key, digest = KEYS[0], hash_of("digest")
    chance, good = random.Random(1), key.proof(digest)[1:]
    reached = 0
    for _ in range(2000):
        changed = tampered(chance, good, [good])
        try:
            verify_account_signature(passkey(key), digest, ["webauthn", changed[0], changed[1], changed[2]])
        except SignatureRefused as refused:
            reached += refused.fault.name == "SIGNATURE"
    assert reached > 50
