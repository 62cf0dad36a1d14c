"""What one process remembers of transactions that wait in the pool: whose signature holds, and until when they may."""

import threading
from collections import OrderedDict
from collections.abc import Container, Iterable
from hashlib import sha256
from typing import NamedTuple

from medrec.core import state
from medrec.core.machine import nonce_place
from medrec.core.outcome import Code, Outcome
from medrec.core.types import Transaction, decode_transaction
from medrec.core.view import View

MARKS_MAX = 50_000
POOL_MAX = 20_000
DECODED_MAX, DECODED_BYTES_MAX = 10_000, 4 << 10


class Marks(Container[bytes]):
    """Marks of signatures that held, the newest MARKS_MAX of them. It saves work and never changes an outcome.

    `machine.check` asks for the mark of the one signature it would verify next; when it passes, `remember` keeps it.
    For several threads: each remembers what it asked for itself.
    """

    def __init__(self) -> None:
        self._marks: OrderedDict[object, None] = OrderedDict()
        self._thread = threading.local()
        self.hits = 0

    def __contains__(self, mark: object) -> bool:
        self._thread.asked = mark
        known = mark in self._marks
        self.hits += known
        return known

    def __len__(self) -> int:
        return max(1, len(self._marks))  # never empty: an empty container would not be asked

    def forget_asked(self) -> None:
        """A new check begins: what an earlier one asked for, and was perhaps refused, is not its own."""
        self._thread.asked = None

    def remember(self) -> None:
        """The signature asked for last held."""
        asked = getattr(self._thread, "asked", None)
        if asked is not None:
            self._marks[asked] = None
            self._thread.asked = None
        if len(self._marks) > MARKS_MAX:
            self._marks.popitem(last=False)


class Decoded:
    """Decodes transactions and remembers the newest small ones: one is asked for in the pool, in proposals, in its
    block. For one thread.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, Transaction] = OrderedDict()

    def __call__(self, data: bytes) -> Transaction:
        """The transaction in these bytes. Raises Refused, every time anew."""
        found = self._known.get(data)
        if found is None:
            found = decode_transaction(data)
            if len(data) <= DECODED_BYTES_MAX:
                self._known[data] = found
                if len(self._known) > DECODED_MAX:
                    self._known.popitem(last=False)
        return found


class _Waiting(NamedTuple):
    place: bytes
    nonce: int
    expires: int


class Pool:
    """Place of the nonce, nonce and last height of the transactions that were let into the pool."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[bytes, _Waiting] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, data: bytes, transaction: Transaction) -> None:
        """Remember a transaction that waits."""
        body = transaction.body
        self._waiting[sha256(data).digest()] = _Waiting(
            nonce_place(body.author, body.key, body.kind), body.nonce, body.expires
        )
        if len(self._waiting) > POOL_MAX:
            self._waiting.popitem(last=False)

    def ordered(self, transactions: Iterable[bytes]) -> None:
        """Forget what stands in a block."""
        if self._waiting:
            for data in transactions:
                self._waiting.pop(sha256(data).digest(), None)

    def recheck(self, view: View, height: int, data: bytes) -> Outcome | None:
        """Why a transaction can no longer wait, None if it can. Two comparisons and one read, whatever its size."""
        name = sha256(data).digest()
        waiting = self._waiting.get(name)
        if waiting is None:
            return Outcome(Code.STALE_NONCE, "forgotten by a full pool")
        if height > waiting.expires:
            outcome = Outcome(Code.EXPIRED, f"at height {height}, valid to {waiting.expires}")
        else:
            last = state.read_integer(view, waiting.place)
            if waiting.nonce > last:
                return None
            outcome = Outcome(Code.STALE_NONCE, f"nonce {waiting.nonce}, last {last}")
        del self._waiting[name]
        return outcome
