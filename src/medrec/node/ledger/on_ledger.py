"""Where a line of any organisation stands on the ledger, found in the blocks alone.

A node keeps the places of its own lines, and an agent those of its people's. The place of a line that was given with a
record is found by its entry, from when it was written: a line is anchored after that, as a rule within a minute.
"""

from typing import TYPE_CHECKING, NamedTuple

from medrec.core.kinds.anchor import decode_entries
from medrec.core.outcome import Refused
from medrec.core.types import decode_transaction
from medrec.engines.engine import CommittedBlock

if TYPE_CHECKING:
    from medrec.node.node import Node

BEHIND_MS = 5 * 60_000
"""So far the clock of a block may be behind that of an author."""
BLOCKS_READ_MAX = 5_000


class Place(NamedTuple):
    """An entry's place: block, place of its batch in the block, and position in the batch, from 0."""

    height: int
    place: int
    position: int


def block_of(node: "Node", height: int) -> CommittedBlock | None:
    """The block of a height, None if this node does not hold it. Raises EngineError."""
    found = node.engine.blocks(height - 1) if height > 0 else []
    return found[0] if found and found[0].block.height == height else None


def place_of_entry(node: "Node", author: str, entry: bytes, written: int) -> Place | None:
    """The place of an organisation's entry that was written at `written` (ms); None if it is not there, or was anchored
    long after. Raises EngineError."""
    height, read = _first_since(node, written - BEHIND_MS), 0
    while read < BLOCKS_READ_MAX:
        blocks = node.engine.blocks(height - 1)
        for block in blocks:
            for number, data in enumerate(block.block.transactions):
                position = _position(author, entry, data) if block.outcomes[number].code == 0 else None
                if position is not None:
                    return Place(block.block.height, number, position)
        if not blocks:
            return None
        read += len(blocks)
        height = blocks[-1].block.height + 1
    return None


def _position(author: str, entry: bytes, data: bytes) -> int | None:
    if entry not in data:
        return None
    try:
        transaction = decode_transaction(data)
        if transaction.body.kind != "anchor" or transaction.body.author != author:
            return None
        return decode_entries(transaction.attachment)[0].index(entry)
    except (Refused, ValueError):
        return None


def _first_since(node: "Node", time: int) -> int:
    """The first height whose block is not older than a time, as far as this node holds blocks."""
    low, high = 1, node.engine.tip().height + 1
    while low < high:
        middle = (low + high) // 2
        found = node.engine.blocks(middle - 1)
        if found and found[0].block.time < time:
            low = max(middle, found[0].block.height) + 1
        else:
            high = middle
    return low
