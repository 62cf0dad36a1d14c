"""Do keys, master key, store and ledger belong together? Asked once, when a node opens, before anything is written.

A part that was lost must not be replaced by an empty one in silence: a new master key makes everything sealed
unreadable, an empty ledger forgets what was anchored, an old store would fork the journal.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sql

from medrec.core import state
from medrec.core.state import BatchHead
from medrec.node import journal, store
from medrec.node.vault import Vault, VaultError

if TYPE_CHECKING:
    from medrec.node.node import Node

_CHECK = "master-key-check"
_CONTEXT = b"medrec/master-key-check/1"


class ApartError(Exception):
    """Parts of a node do not belong together. `code` is a short name, the text one sentence for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def check_together(node: "Node") -> None:
    """Raises ApartError, saying which part is lost, old or of somebody else."""
    _check_master_key(node.store, node.vault)
    with node.engine.view() as view:
        known = state.organisation(view, node.organisation)
        head = state.read(view, state.batch_key(node.organisation), BatchHead)
    if known is None:
        raise ApartError("not-a-member", f"The network knows no organisation called {node.organisation}.")
    if node.keys.organisation != node.organisation or node.keys.public()["ed25519"] != known.keys.ed25519.hex():
        raise ApartError("wrong-keys", f"The keys in the data folder are not those of {node.organisation}.")
    with node.store.read() as connection:
        last, _, _ = journal.head(connection)
        anchored = connection.execute(
            sql.select(sql.func.max(store.batch.c.last)).where(store.batch.c.height.is_not(None))
        ).scalar()
        at_head = None
        if head is not None and head.last <= last:
            at_head = connection.execute(sql.select(store.line.c.hash).where(store.line.c.seq == head.last)).scalar()
    stands = head.last if head is not None else 0
    if (anchored or 0) > stands:
        raise ApartError(
            "ledger-lost",
            f"This node anchored {anchored} lines and the ledger has {stands} of them: the ledger file was lost, or is "
            "an old copy. Bring the newest one back; a backup, or another organisation, has it.",
        )
    if stands > last or (at_head is not None and head is not None and bytes(at_head) != head.journal):
        raise ApartError(
            "journal-lost",
            f"The ledger has {stands} lines of this organisation and the store has {last}, or others: node.db was "
            "lost, or is an old copy. Bring the newest one back before anything is signed.",
        )


def check_key_file(path: Path, kept: store.Store) -> None:
    """Raises ApartError if a used store has lost its master key: a new one would open nothing."""
    with kept.read() as connection:
        used = connection.execute(sql.select(store.person.c.id).limit(1)).first() is not None
    if used and not path.exists():
        raise ApartError(
            "master-key-lost",
            f"{path.name} is missing and the store holds what was sealed with it; bring it back from your backup.",
        )


def _check_master_key(kept: store.Store, vault: Vault) -> None:
    """The first opening leaves a mark under the master key; every later one must be able to read it."""
    with kept.read() as connection:
        sealed = connection.execute(sql.select(store.setting.c.value).where(store.setting.c.name == _CHECK)).scalar()
        used = connection.execute(sql.select(store.line.c.seq).limit(1)).first() is not None
    if sealed is None and not used:
        mark = vault.seal(None, b"", _CONTEXT)
        kept.write(lambda connection: connection.execute(sql.insert(store.setting).values(name=_CHECK, value=mark)))
        return
    try:
        vault.open(None, bytes(sealed or b""), _CONTEXT)
    except VaultError:
        raise ApartError(
            "wrong-master-key",
            "The master key does not open what this node has sealed: master.key was lost or is another node's. "
            "Bring the right one back from your backup; nothing was changed.",
        ) from None
