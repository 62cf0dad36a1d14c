"""Misbehaviour of validators that the network has proven and agreed on: public, counted, never forgotten.

An engine whose members validate hands it over with the block (engines of one machine have none). What follows is for
people: the ledger keeps the record and the count, and a vote may suspend the organisation.
"""

from medrec.core import state
from medrec.core.state import Misdeed
from medrec.core.types import Misbehaviour
from medrec.core.view import Draft


def record(draft: Draft, found: tuple[Misbehaviour, ...], height: int) -> None:
    """Keep what is new, and count it; what stands already changes nothing."""
    for one in found:
        key = state.misbehaviour_key(one.organisation, one.height, one.kind)
        if draft.get(key) is None:
            state.write(draft, key, Misdeed(one.kind, one.height, one.time, since=height))
            counted = state.faults_key(one.organisation)
            state.write_integer(draft, counted, state.read_integer(draft, counted) + 1)
