"""The unproven indexes that follow from proven records: whoever takes a state in by its proofs makes them anew.

Every rule that keeps an index under "~" has its line here. A node that lacked one would decide later blocks
otherwise than all others; tests/core/test_indexes.py holds the two against each other.
"""

import msgspec

from medrec.core import codec, state
from medrec.core.ladder import Ladder, thaw_index


def following(key: bytes, value: bytes) -> bytes | None:
    """The index key that follows from a record, None if none does. Its value is empty."""
    if key.startswith(b"obligation/"):
        _, creditor, identifier = key.split(b"/", 2)
        obligation = msgspec.convert(codec.decode(value), state.Obligation)
        if obligation.status == "open":
            return state.due_index(obligation.due, creditor.decode(), identifier)
    if key.startswith(b"ladder/"):
        ladder = msgspec.convert(codec.decode(value), Ladder)
        if ladder.frozen_until:
            return thaw_index(ladder.frozen_until, key.removeprefix(b"ladder/").decode())
    return None
