"""Anchoring: runs of journal lines become signed batches on the ledger.

A batch is signed and stored before it is submitted, and submitted again byte for byte until its outcome is known,
so a crash at any step anchors every line exactly once:

1. nothing stored: the lines wait, the next step takes them;
2. stored, not submitted, or submitted and not heard of: the same bytes are submitted again; a replay answers with
   its first outcome;
3. expired before it was ordered: the same lines are signed again under a later height;
4. ordered, not heard of, and expired since (a node that was away for days): the ledger's head of this journal is
   this very batch, and its place is looked up;
5. refused for what one of its lines says: half of the batch is signed in its place, until that line is alone; it is
   anchored without what the ledger refuses (keeping/reduced.py), and the operator is told. A refusal that says nothing
   about the lines, or that may pass, changes nothing.

One step runs at a time, whoever asks for it: the node's own loop and the operator's verbs do, each in its thread. A
batch's bytes are never replaced but by what was made from those very bytes, and never once its place is known.
"""

import threading
from collections.abc import Callable
from typing import Any

import sqlalchemy as sql

from medrec.core import codec, merkle, state
from medrec.core.kinds.anchor import ENTRIES_MAX, encode_attachment
from medrec.core.kinds.anchor import reduced as reduce_entry
from medrec.core.outcome import Code, Outcome
from medrec.core.state import BatchHead
from medrec.core.types import (
    EXPIRY_HEIGHTS_MAX,
    TIME_MS_MAX,
    TRANSACTION_BYTES_MAX,
    encode_body,
    encode_transaction,
    transaction_id,
)
from medrec.engines.engine import Engine, EngineError, TransactionRefused
from medrec.node.keeping import obligations, reduced, store
from medrec.node.keeping.keys import OrganisationKeys
from medrec.node.keeping.prepared import Prepared

BATCH_BYTES_MAX = TRANSACTION_BYTES_MAX - (64 << 10)
ABOUT_A_LINE = frozenset((Code.ENTRY_MALFORMED, Code.UNKNOWN_DEBTOR, Code.OBLIGATION_EXISTS, Code.DUE_OUT_OF_RANGE))
"""Why a batch is refused for what one of its lines says, tomorrow as today."""


class AnchorError(Exception):
    """The ledger refused a batch for good: the journal and the ledger disagree, a human must look."""

    def __init__(self, code: Code, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class Anchorer:
    """Anchors one organisation's journal through an engine."""

    def __init__(
        self,
        kept: store.Store,
        engine: Engine,
        keys: OrganisationKeys,
        organisation: str,
        network: bytes,
        clock: Callable[[], int],
    ) -> None:
        self._store = kept
        self._engine = engine
        self._keys = keys
        self._organisation = organisation
        self._network = network
        self._clock = clock
        self._stepping = threading.Lock()
        # When it was last looked up since when a line waits, and since when; at first at no time there is.
        self._measured = (TIME_MS_MAX + 1, 0)

    def step(self) -> int:
        """Anchor at most one batch; the number of lines anchored. Raises EngineError, StoreError, AnchorError."""
        with self._stepping:
            return self._step()

    def _step(self) -> int:
        last = self._last()
        if last is None or last.height is not None:
            if not self._store.write(lambda connection: self._prepare(connection, last)):
                return 0
            last = self._last()
        # Each refusal leaves fewer lines, or less of the only one.
        while (anchored := self._submit(last)) is None:
            last = self._last()
        return anchored

    def _last(self) -> Any:
        """The newest batch, None if there is none."""
        with self._store.read() as connection:
            return _NEWEST.first(connection, {})

    def _prepare(self, connection: sql.Connection, last: Any) -> bool:
        """Sign and store the next batch; False if no line waits."""
        first = 1 if last is None else last.last + 1
        lines = _LINES.all(connection, {"first": first})
        entries: list[bytes] = []
        size = 0
        for row in lines:
            size += len(row.entry)
            if size > BATCH_BYTES_MAX:
                break
            entries.append(bytes(row.entry))
        if not entries:
            return False
        number = 1 if last is None else last.number + 1
        end = lines[len(entries) - 1]
        connection.execute(
            sql.insert(store.batch).values(
                number=number, first=first, last=end.seq, **self._signed(first, entries, bytes(end.hash))
            )
        )
        return True

    def _signed(self, first: int, entries: list[bytes], journal: bytes) -> dict[str, Any]:
        with self._engine.view() as view:
            head = state.read(view, state.batch_key(self._organisation), BatchHead)
            nonce = state.read_integer(view, state.nonce_key(self._organisation)) + 1
            expires = view.tip.height + EXPIRY_HEIGHTS_MAX
        body = encode_body(
            author=self._organisation,
            expires=expires,
            key=self._keys.key_id,
            kind="anchor",
            network=self._network,
            nonce=nonce,
            payload={
                "count": len(entries),
                "first": first,
                "journal": journal,
                "previous": head.transaction if head else state.NO_BATCH,
                "root": merkle.root([merkle.leaf_hash(entry) for entry in entries]),
            },
        )
        identifier = transaction_id(body)
        proof = ["ed25519", self._keys.sign_transaction_id(identifier)]
        transaction = encode_transaction(body, proof, encode_attachment(entries))
        return {"transaction": transaction, "id": identifier, "expires": expires}

    def _submit(self, last: Any) -> int | None:
        """Submit a batch; how many lines were anchored, None if another one stands in its place now."""
        try:
            position = self._engine.submit([bytes(last.transaction)])[0]
            outcome = self._engine.blocks(position.height - 1)[0].outcomes[position.index]
        except TransactionRefused as refused:
            outcome = refused.outcome
        if outcome.code == Code.OK:
            self._place(last, self._where(bytes(last.id), last.expires))
            return int(last.last - last.first + 1)
        if outcome.code in (Code.EXPIRED, Code.STALE_NONCE, Code.RETIRED_KEY):
            found = self._long_ago(bytes(last.id), last.expires)
            if found is not None:
                self._place(last, found)
                return int(last.last - last.first + 1)
            # Nothing of it was applied: sign the same lines again on the next step.
            self._store.write(lambda connection: self._sign_again(connection, last))
            return 0
        if outcome.code in ABOUT_A_LINE and self._store.write(lambda one: self._narrow(one, last, outcome)):
            return None
        raise AnchorError(outcome.code, f"The ledger refused batch {last.number}: {outcome.sentence}")

    def _narrow(self, connection: sql.Connection, last: Any, outcome: Outcome) -> bool:
        """Sign the first half of a batch that was refused for one of its lines; of the only one, less. False if nothing
        less can be said."""
        middle = (last.first + last.last) // 2
        if last.first == last.last:
            (line,) = reduced.stretch(connection, last.first, last.last)
            less = reduce_entry(line.entry)
            if not less:
                return False
            sentence = (
                f"The ledger does not take all of line {last.first}: {outcome.sentence} It stands there without that, "
                "and nobody owes an answer for it. Look at the line, and tell the person."
            )
            reduced.keep(connection, last.first, less[0], int(outcome.code), sentence, self._clock())
        self._sign_again(connection, last, middle)
        return True

    def _place(self, last: Any, values: dict[str, int]) -> None:
        self._store.write(
            lambda connection: connection.execute(sql.update(store.batch).where(*_same(last)).values(**values))
        )

    def _where(self, identifier: bytes, expires: int) -> dict[str, int]:
        """Block and leaf of the first application, which a replay answers with as well."""
        with self._engine.view() as view:
            seen = view.get(state.seen_key(expires, identifier))
        if seen is None:
            raise EngineError("unknown", "An anchored batch was not found on the ledger; start the node again.")
        height, leaf = codec.decode(seen)
        return {"height": height, "time": self._engine.blocks(height - 1)[0].block.time, "leaf": leaf}

    def _long_ago(self, identifier: bytes, expires: int) -> dict[str, int] | None:
        """Block and leaf of a batch that was applied before it expired, None if it was not: the ledger remembers ids
        only as long as they could come again.
        """
        with self._engine.view() as view:
            head = state.read(view, state.batch_key(self._organisation), BatchHead)
        if head is None or head.transaction != identifier:
            return None
        after = max(0, expires - EXPIRY_HEIGHTS_MAX - 1)
        while blocks := self._engine.blocks(after):
            for committed in blocks:
                for place, data in enumerate(committed.block.transactions):
                    leaf = committed.leaf_indices[place]
                    if leaf is not None and transaction_id(_body(data)) == identifier:
                        return {"height": committed.block.height, "time": committed.block.time, "leaf": leaf}
                after = committed.block.height
            if after > expires:
                break
        raise EngineError("unknown", "The block of an anchored batch is not here; ask an organisation that has it.")

    def _sign_again(self, connection: sql.Connection, last: Any, end: int | None = None) -> None:
        """Sign the lines of a batch, or those up to `end`, in its place."""
        end = last.last if end is None else end
        lines = reduced.stretch(connection, last.first, end)
        values = self._signed(last.first, [line.entry for line in lines], lines[-1].hash) | {"last": end}
        connection.execute(sql.update(store.batch).where(*_same(last), store.batch.c.height.is_(None)).values(**values))

    def overdue(self, now: int, delay: int) -> bool:
        """Whether the oldest line that is not anchored is older than the delay (ms).

        Lines only get younger as they are anchored, so an answer holds until the delay after it has run out.
        """
        measured, since = self._measured
        if not measured <= now <= since + delay:
            oldest = self.waiting_since()
            since = now if oldest is None else oldest
            self._measured = (now, since)
        return now > since + delay

    def waiting_since(self) -> int | None:
        """The time of the oldest line that is not anchored, None if all are: the merge delay is counted from it."""
        with self._store.read() as connection:
            anchored = obligations.last_anchored(connection)
            ((oldest,),) = _OLDEST.all(connection, {"anchored": anchored})
        return None if oldest is None else int(oldest)


# What runs at every tick, and at every look at how the node is.
_NEWEST = Prepared(sql.select(store.batch).order_by(store.batch.c.number.desc()).limit(1))
_LINES = Prepared(
    sql.select(store.line.c.seq, store.line.c.entry, store.line.c.hash)
    .where(store.line.c.seq >= sql.bindparam("first"))
    .order_by(store.line.c.seq)
    .limit(ENTRIES_MAX)
)
_OLDEST = Prepared(
    sql.select(sql.func.min(store.line.c.time)).where(store.line.c.seq > sql.bindparam("anchored")), plain=True
)


def _same(last: Any) -> tuple[sql.ColumnElement[bool], ...]:
    """The row of a batch, as long as it holds the bytes that were read."""
    return store.batch.c.number == last.number, store.batch.c.id == last.id


def _body(transaction: bytes) -> bytes:
    return bytes(codec.decode(transaction, bytes_max=TRANSACTION_BYTES_MAX)[0])
