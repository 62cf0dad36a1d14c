"""A word that a person signed with a key that acts for her no more stays hers where the ledger shows that a line of it
was anchored while the key was hers."""

from typing import TYPE_CHECKING

import sqlalchemy as sql

from medrec.core.manifests.acts import Act, act_message
from medrec.node.account.former_keys import signed_then
from medrec.node.keeping import store

if TYPE_CHECKING:
    from medrec.node.node import Node


def said_in_time(node: "Node", act: Act, tag: bytes) -> bool:
    """Whether a patient's act bears the signature of a former key of hers, or of a key of her frozen account, and its
    line with this tag was anchored while that was in force. Raises StoreError."""
    index = store.entry_index.c
    with node.store.read() as connection:
        height = connection.execute(sql.select(index.height).where(index.tag == tag)).scalar()
    if height is None or act.author != "patient":
        return False
    return signed_then(node, act.account, act.key, act_message(act), act.signature, height=height)
