"""Do keys, master key, store and ledger belong together? Asked when a node opens, before anything is written, and at
every block after it.

A part that was lost must not be replaced by an empty one in silence: a new master key makes everything sealed
unreadable, an empty ledger forgets what was anchored, an old store would fork the journal.

What a ledger lacks that has other members behind it comes from them: the node is open to nobody until it has come. And
what such a ledger has can come to light late, when the whole folder is an old copy: then blocks come that anchored
lines which the store does not have. Nothing mends that but the newest store; the node writes and sends nothing more.
"""

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sql

from medrec.core import state
from medrec.core.state import BatchHead, Organisation
from medrec.engines.engine import EngineError
from medrec.node.keeping import journal, store
from medrec.node.keeping.rehashing import NUMBER
from medrec.node.keeping.ring import ring_bytes
from medrec.node.keeping.vault import KEY_BYTES, MARK, NUMBER_BYTES, Vault

if TYPE_CHECKING:
    from medrec.node.node import Node

JOURNAL_LOST = "journal-lost"
CATCHING_UP = "Catching up with the other members; nothing is written down or answered until the newest block is here."
ALONE_S = 20.0
"""So long after its opening a node without any peer takes it that its link is down, and writes on."""
STILL_S = 60.0
"""The same for one that has peers, of whom no block has come for so long."""


class ApartError(Exception):
    """Parts of a node do not belong together. `code` is a short name, the text one sentence for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class Together:
    """Watches that a node's parts tell one story: asked before each line, by each loop, and by whoever serves.

    `apart` is what is wrong, None while nothing is. A node over a ledger of its own asks nothing of anybody else.
    """

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._lock = threading.Lock()
        self._height = -1
        self._found: ApartError | None = None
        self._met = node.sight.local
        self._opened = self._moved = time.monotonic()
        self._seen_height = -1

    def open(self) -> None:
        """What must hold before anything else. Raises ApartError for what no block of other members can mend."""
        _check_master_key(self._node.store, self._node.vault)
        found = self.apart()
        if found is not None and (self._node.sight.local or found.code == JOURNAL_LOST):
            raise found
        self._node.journal.guard = self.guard

    def apart(self, connection: sql.Connection | None = None) -> ApartError | None:
        """What is wrong now. `connection` reads the store where one is open. Raises EngineError, StoreError."""
        node = self._node
        height = node.engine.tip().height
        if height != self._height or self._found is not None:
            with node.engine.view() as view:
                ledger = _Ledger(
                    state.organisation(view, node.organisation),
                    state.read(view, state.batch_key(node.organisation), BatchHead),
                )
            if connection is not None:
                found = _compared(node, ledger, connection)
            else:
                with node.store.read() as reading:
                    found = _compared(node, ledger, reading)
            with self._lock:
                # A contradiction stays one, whatever another thread saw a moment before.
                if self._found is None or self._found.code != JOURNAL_LOST:
                    self._height, self._found = height, found
        if self._found is None and not self._met:
            self._meet(height)
        return self.known

    @property
    def known(self) -> ApartError | None:
        """The same without looking, for a thread that must not wait."""
        found, sight = self._found, self._node.sight
        if found is None:
            return None if self._met else ApartError("catching-up", CATCHING_UP)
        if found.code == JOURNAL_LOST or sight.local or sight.ever:
            return found
        sentence = f"{CATCHING_UP} It stands at height {max(0, self._height)}. {found.sentence}"
        return ApartError("catching-up", sentence)

    def check(self) -> None:
        """Raises ApartError, and what `apart` raises."""
        found = self.apart()
        if found is not None:
            raise found

    def guard(self, connection: sql.Connection) -> None:
        """Before lines are written in this transaction. Raises StoreError: a line written now could be a second one of
        its number."""
        try:
            found = self.apart(connection)
        except EngineError:
            return  # nothing can be compared now, and what happens is written down before all else
        if found is not None:
            raise store.StoreError(found.code, found.sentence)

    def wait(self, seconds: float) -> None:
        """Until all is well. Raises ApartError after that time, at once for what waiting does not mend."""
        until = time.monotonic() + seconds
        while (found := self.apart()) is not None:
            if found.code == JOURNAL_LOST or self._node.sight.local or time.monotonic() > until:
                raise found
            time.sleep(0.1)

    def _meet(self, height: int) -> None:
        """See whether the others were heard of since the node was opened, or cannot be: a node with a weak link must be
        able to write down what happens, but not before it has looked whether it is an old copy of itself."""
        self._node.sight.look()
        now = time.monotonic()
        if height != self._seen_height:
            self._seen_height, self._moved = height, now
        alone = not self._node.sight.peers and now - self._opened > ALONE_S
        if self._node.sight.ever or alone or now - self._moved > STILL_S:
            self._met = True
            # The last blocks may have come after the last comparison.
            self._height = -1
            self.apart()


class _Ledger(NamedTuple):
    """What the ledger says of this organisation: its keys, and the last batch of its journal."""

    organisation: Organisation | None
    head: BatchHead | None


def check_together(node: "Node") -> None:
    """Raises ApartError, saying which part is lost, old or of somebody else."""
    node.together.open()


def _compared(node: "Node", ledger: _Ledger, connection: sql.Connection) -> ApartError | None:
    known, head = ledger
    last, _, _ = journal.head(connection)
    anchored = connection.execute(
        sql.select(sql.func.max(store.batch.c.last)).where(store.batch.c.height.is_not(None))
    ).scalar()
    at_head = None
    if head is not None and head.last <= last:
        at_head = connection.execute(sql.select(store.line.c.hash).where(store.line.c.seq == head.last)).scalar()
    stands = head.last if head is not None else 0
    if stands > last or (head is not None and (at_head is None or bytes(at_head) != head.journal)):
        return ApartError(
            JOURNAL_LOST,
            f"The ledger has {stands} lines of this organisation and the store has {last}, or others: node.db was "
            "lost, or is an old copy. Bring the newest one back before anything is signed.",
        )
    if known is None:
        return ApartError("not-a-member", f"The network knows no organisation called {node.organisation}.")
    if node.keys.organisation != node.organisation or node.keys.public()["ed25519"] != known.keys.ed25519.hex():
        return ApartError("wrong-keys", f"The keys in the data folder are not those of {node.organisation}.")
    if (anchored or 0) > stands:
        mend = "Bring the newest one back; a backup has it." if node.sight.local else "The other members have the rest."
        return ApartError(
            "ledger-lost",
            f"This node anchored {anchored} lines and the ledger has {stands} of them: the ledger file was lost, or is "
            f"an old copy. {mend}",
        )
    return None


def check_key_file(path: Path, kept: store.Store) -> None:
    """Raises ApartError if a used store has lost its master key or key ring, or a part of it: new ones would open
    nothing, and a ring that is cut short looks as if people had been erased."""
    ring = path.suffix == ".ring"
    with kept.read() as connection:
        number = sql.func.substr(store.person.c["keys"], 1, NUMBER_BYTES)
        newest = connection.execute(sql.select(number).order_by(number.desc()).limit(1)).scalar() if ring else None
        used = connection.execute(sql.select(store.person.c.id).limit(1)).first() is not None
        named = connection.execute(sql.select(store.setting.c.value).where(store.setting.c.name == NUMBER)).scalar()
    needed = KEY_BYTES
    if ring:
        numbers = [int.from_bytes(one, "big") for one in (newest, named) if one]
        needed = ring_bytes(max(numbers)) if numbers else 0
    if path.exists() and path.stat().st_size < needed:
        raise ApartError(
            "master-key-lost",
            f"{path.name} is damaged: it has {path.stat().st_size} bytes and must have {needed}. Bring it back from "
            "your backup; nothing was changed.",
        )
    if used and not path.exists():
        raise ApartError(
            "master-key-lost",
            f"{path.name} is missing and the store holds what was sealed with it; bring it back from your backup.",
        )


def _check_master_key(kept: store.Store, vault: Vault) -> None:
    """The first opening leaves a mark under the master key; every later one must be able to read it."""
    with kept.read() as connection:
        sealed = connection.execute(sql.select(store.setting.c.value).where(store.setting.c.name == MARK)).scalar()
        used = connection.execute(sql.select(store.line.c.seq).limit(1)).first() is not None
    if sealed is None and not used:
        row = {"name": MARK, "value": vault.mark()}
        kept.write(lambda connection: connection.execute(sql.insert(store.setting).values(**row)))
        return
    if not vault.made_mark(bytes(sealed or b"")):
        raise ApartError(
            "wrong-master-key",
            "The master key does not open what this node has sealed: master.key was lost or is another node's. "
            "Bring the right one back from your backup; nothing was changed.",
        )
