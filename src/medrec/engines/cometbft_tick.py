"""Ticks: the word of one who validates that a block is wanted, which may be empty.

An idle network makes no blocks, so something must be able to ask for one: what is due waits for it, and a transaction
that not everybody heard of. A tick does that, and comes into no block itself. It holds for one height, so that an old
one is worth nothing, and is signed with a consensus key that is in force: a stranger cannot make the network write.

    tick = "medrec/tick/2" || height 8 || chance 8 || consensus key 32 || signature 64
    signed = "medrec/tick/2" || height 8 || chance 8 || chain id
"""

import os
from collections.abc import Collection

from nacl.signing import SigningKey

from medrec.core.crypto import verify_ed25519

TICK = b"medrec/tick/2"
TICKS_MAX = 16
"""So many may wait in the pool at one height: one is enough, unless others did not hear of it."""
_BODY = len(TICK) + 8 + 8
_KEY = _BODY + 32
_BYTES = _KEY + 64


def make_tick(signer: SigningKey, chain_id: str, height: int) -> bytes:
    """A new tick for the block of a height. No two are alike: one that was not heard may be followed by another."""
    body = TICK + height.to_bytes(8, "big") + os.urandom(8)
    return body + bytes(signer.verify_key) + signer.sign(body + chain_id.encode()).signature


def is_tick(data: bytes) -> bool:
    """Whether these bytes mean to be a tick, good or not; no transaction begins so."""
    return data.startswith(TICK)


def good_tick(data: bytes, chain_id: str, height: int, keys: Collection[bytes]) -> bool:
    """Whether one of the consensus keys `keys` asks for the block of `height`, or for that after it: whoever asks may
    be a block ahead.
    """
    if len(data) != _BYTES or int.from_bytes(data[len(TICK) : len(TICK) + 8], "big") not in (height, height + 1):
        return False
    body, key, signature = data[:_BODY], data[_BODY:_KEY], data[_KEY:]
    return key in keys and verify_ed25519(key, body + chain_id.encode(), signature)
