"""A word that a person signed with a key that acts for her no more, or while her account is frozen not now, stays hers
where the ledger shows that it was said while the key was hers.

The word's own time is nobody's but its author's, and whoever steals a key writes what he likes there. What counts is
the block in which a line of the word was anchored: not after the key went, or the account was frozen, and if a recovery
took the key's place, before the month that is looked through then (aftermath.py).
"""

from typing import TYPE_CHECKING

import sqlalchemy as sql

from medrec.core import ladder, state
from medrec.core.credential import NewCredential, signed_by
from medrec.core.manifests.acts import Act, act_message
from medrec.core.outcome import Refused
from medrec.core.types import decode_transaction
from medrec.engines.engine import CommittedBlock, EngineError
from medrec.node.account.aftermath import BEFORE_MS, FINISHED
from medrec.node.keeping import store
from medrec.node.ledger.on_ledger import block_of

if TYPE_CHECKING:
    from medrec.node.node import Node


def said_in_time(node: "Node", act: Act, tag: bytes) -> bool:
    """Whether a patient's act bears the signature of a former key of hers, or of a key of her frozen account, and its
    line with this tag was anchored while that was in force. Where the ledger cannot be read, or holds the blocks no
    more: no. Raises StoreError."""
    index = store.entry_index.c
    with node.store.read() as connection:
        height = connection.execute(sql.select(index.height).where(index.tag == tag)).scalar()
    if height is None or act.author != "patient":
        return False
    try:
        key = bytes.fromhex(act.key)
        with node.engine.view() as view:
            former = state.read(view, ladder.former_key(act.account, key), ladder.Former)
            held = state.account(view, act.account)
            froze = ladder.ladder_of(view, act.account).froze
        if held is not None and held.frozen and act.key in held.credentials:
            said = block_of(node, height)
            in_time = said is not None and said.block.time < max(froze.values(), default=0)
            return in_time and _signed(act, held.credentials[act.key])
        if former is None or height > former.until:
            return False
        if not _signed(act, former.credential):
            return False
        gone = block_of(node, former.until)
        if gone is None:
            return False
        if not _recovered(gone, act.account):
            return True
        said = block_of(node, height)
    except EngineError:
        return False
    return said is not None and said.block.time < gone.block.time - BEFORE_MS


def _signed(act: Act, credential: NewCredential) -> bool:
    return signed_by(credential, act_message(act), bytes.fromhex(act.signature))


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
