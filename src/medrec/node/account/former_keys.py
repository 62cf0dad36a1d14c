"""What a person signed with a key that acts for her no more, or while her account is frozen not now, stays hers where
it was said while the key was hers.

The time in what she signed is nobody's but its author's, and whoever steals a key writes what he likes there. What
counts is when somebody else had it: the block in which a line of it was anchored, or the word of the agent that serves
her. Not after the key went, or the account was frozen; and if a recovery took the key's place, before the month that is
looked through then (aftermath.py).
"""

from typing import TYPE_CHECKING

from medrec.core import ladder, state
from medrec.core.credential import signed_by
from medrec.core.outcome import Refused
from medrec.core.types import decode_transaction
from medrec.engines.engine import CommittedBlock, EngineError
from medrec.node.account.aftermath import BEFORE_MS, FINISHED
from medrec.node.ledger.on_ledger import block_of

if TYPE_CHECKING:
    from medrec.node.node import Node


def signed_then(
    node: "Node", account: str, key: str, message: bytes, signature: str, *, height: int | None = None, time: int = 0
) -> bool:
    """Whether a former key (id in hex) of an account, or a key of a frozen one, signed 32 bytes, and it was said while
    that was in force: in the block of a `height`, or else at a `time` (ms) of which somebody is sure.

    Where the ledger cannot be read, or holds the blocks no more: no.
    """
    try:
        with node.engine.view() as view:
            former = state.read(view, ladder.former_key(account, bytes.fromhex(key)), ladder.Former)
            held = state.account(view, account)
            froze = ladder.ladder_of(view, account).froze
        here = held.credentials.get(key) if held is not None and held.frozen else None
        credential = here or (former.credential if former is not None else None)
        if credential is None or not signed_by(credential, message, bytes.fromhex(signature)):
            return False
        said = _time_of(node, height) if height is not None else time
        if here is not None:
            return said is not None and said < max(froze.values(), default=0)
        assert former is not None
        gone = block_of(node, former.until)
        if gone is None or (height is not None and height > former.until):
            return False
        if not _recovered(gone, account):
            return height is not None or time <= gone.block.time
        return said is not None and said < gone.block.time - BEFORE_MS
    except EngineError:
        return False


def _time_of(node: "Node", height: int) -> int | None:
    block = block_of(node, height)
    return block.block.time if block is not None else None


def _recovered(block: CommittedBlock, account: str) -> bool:
    """Whether a recovery of this account was finished in a block."""
    for data, outcome in zip(block.block.transactions, block.outcomes, strict=True):
        try:
            body = decode_transaction(data).body
        except Refused:
            continue
        if outcome.code == 0 and (body.kind, body.author) == (FINISHED, account):
            return True
    return False
