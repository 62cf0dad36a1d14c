"""The unproven indexes that follow from proven records: whoever takes a state in by its proofs makes them anew.

Every rule that keeps an index under "~" has its line here. A node that lacked one would decide later blocks
otherwise than all others; tests/core/test_indexes.py holds the two against each other.
"""

import msgspec

from medrec.core import codec, state
from medrec.core.ladder import Ladder, thaw_index


def following(key: bytes, value: bytes) -> list[bytes]:
    """The index keys that follow from a record. Their values are empty."""
    if key.startswith(b"obligation/"):
        _, creditor, identifier = key.split(b"/", 2)
        obligation = msgspec.convert(codec.decode(value), state.Obligation)
        due, found = obligation.due, list[bytes]()
        if obligation.status == "open":
            found.append(state.due_index(due, creditor.decode(), identifier))
        if obligation.unsettled:
            found.append(state.owes_index(obligation.debtor, due, creditor.decode(), identifier))
        return found
    if key.startswith(b"ladder/"):
        ladder = msgspec.convert(codec.decode(value), Ladder)
        if ladder.frozen_until:
            return [thaw_index(ladder.frozen_until, key.removeprefix(b"ladder/").decode())]
    return []
