"""What the engines of one process share: a queue of submissions, and one thread at a time that makes the blocks.

Submissions that arrive while a block is being kept go together into the next one, so a hundred callers pay for
one write to the disk. The order of a step and what a crash there means:

1. the block is computed: nothing has happened;
2. `keep` stores block, roots and state in one transaction: all or nothing;
3. the tip moves and callers are answered: a crash before this is healed by opening the store again.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from medrec.core.machine import ProtocolError, apply_block
from medrec.core.types import TRANSACTION_BYTES_MAX, Block, BlockResult, Tip
from medrec.core.view import View
from medrec.engines.engine import CommittedBlock, EngineError, Position, Snapshot

BLOCK_TRANSACTIONS_MAX = 2000
BLOCK_BYTES_MAX = 8 << 20


class _Waiting:
    def __init__(self, transactions: tuple[bytes, ...]) -> None:
        self.transactions = transactions
        self.bytes = sum(map(len, transactions))
        self.positions: list[Position] = []
        self.error: EngineError | None = None
        self.leads = False
        self.woken = threading.Event()


class LocalEngine(ABC):
    """Orders and applies; a subclass keeps. `clock` gives milliseconds; block time never goes back."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._queue: list[_Waiting] = []
        self._queue_lock = threading.Lock()
        self._has_leader = False
        self._making = threading.Lock()
        self._new_block = threading.Condition()
        self._broken: EngineError | None = None

    @abstractmethod
    def _state(self) -> View:
        """The state to apply the next block to; called by the one thread that makes blocks."""

    @abstractmethod
    def _keep(self, block: Block, result: BlockResult) -> None:
        """Store block, roots and state in one durable step. Raises EngineError if nothing was stored."""

    @abstractmethod
    def _read_blocks(self, after: int) -> list[CommittedBlock]:
        """Stored blocks after a height."""

    @abstractmethod
    def tip(self) -> Tip:
        """Where the ledger stands."""

    @abstractmethod
    def view(self) -> Snapshot:
        """A point-in-time read at the tip."""

    def submit(self, transactions: Sequence[bytes]) -> list[Position]:
        """See Engine.submit. More than a block holds is refused whole: code `too-much`."""
        mine = _Waiting(tuple(transactions))
        if len(mine.transactions) > BLOCK_TRANSACTIONS_MAX or mine.bytes > BLOCK_BYTES_MAX:
            raise EngineError("too-much", "More transactions than one block holds; submit them in smaller groups.")
        if any(len(data) > TRANSACTION_BYTES_MAX for data in mine.transactions):
            raise EngineError("too-large", "A transaction has more bytes than the ledger takes; split the batch.")
        with self._queue_lock:
            self._queue.append(mine)
            # Whoever finds nobody at work makes the block; the others sleep until they are answered or lead.
            mine.leads = not self._has_leader
            self._has_leader = True
        if not mine.leads:
            self._sleep(mine)
        if mine.leads:
            try:
                with self._making:
                    self._make_block()
            finally:
                self._hand_over()
        if mine.error is not None:
            raise mine.error
        return mine.positions

    def _sleep(self, mine: _Waiting) -> None:
        try:
            mine.woken.wait()
        except BaseException:  # the thread is stopped: its place must not stay empty
            with self._queue_lock:
                if mine in self._queue:
                    self._queue.remove(mine)
            if mine.leads:
                self._hand_over()
            raise

    def _hand_over(self) -> None:
        """The first of those who wait makes the next block."""
        with self._queue_lock:
            if self._queue:
                self._queue[0].leads = True
                self._queue[0].woken.set()
            else:
                self._has_leader = False

    def _make_block(self) -> None:
        group = self._take_group()
        try:
            block = self._commit(tuple(data for waiting in group for data in waiting.transactions))
        except EngineError as error:
            if error.code == "unknown":
                self._broken = error
            self._answer(group, error)
            return
        except BaseException:
            # The process is being stopped, maybe in the middle of a write: nobody can tell what was kept.
            self._broken = EngineError("unknown", "The node was stopped while a block was being kept.")
            self._answer(group, self._broken)
            raise
        index = 0
        for waiting in group:
            waiting.positions = [Position(block.height, index + i) for i in range(len(waiting.transactions))]
            index += len(waiting.transactions)
        self._answer(group, None)
        with self._new_block:
            self._new_block.notify_all()

    def _commit(self, transactions: tuple[bytes, ...]) -> Block:
        if self._broken is not None:
            raise self._broken
        try:
            tip = self.tip()
            block = Block(tip.height + 1, max(self._clock(), tip.time), transactions)
            result = apply_block(self._state(), block)
        except ProtocolError as error:
            raise EngineError("protocol", str(error)) from error
        except Exception as error:
            raise self._failure(error) from error
        try:
            self._keep(block, result)
        except EngineError:
            raise
        except Exception as error:
            raise EngineError("unknown", "The block may or may not have been kept; start the node again.") from error
        return block

    def _failure(self, error: Exception) -> EngineError:
        """What to tell the callers of a block that could not be computed; nothing was stored."""
        return EngineError("failed", f"The block could not be made: {type(error).__name__}: {error}.")

    def _take_group(self) -> list[_Waiting]:
        with self._queue_lock:
            count = size = taken = 0
            for waiting in self._queue:
                count += len(waiting.transactions)
                size += waiting.bytes
                if taken and (count > BLOCK_TRANSACTIONS_MAX or size > BLOCK_BYTES_MAX):
                    break
                taken += 1
            group, self._queue = self._queue[:taken], self._queue[taken:]
        return group

    @staticmethod
    def _answer(group: list[_Waiting], error: EngineError | None) -> None:
        for waiting in group:
            waiting.error = error
            waiting.woken.set()

    def blocks(self, after: int, wait_s: float = 0.0) -> list[CommittedBlock]:
        """See Engine.blocks."""
        with self._new_block:
            self._new_block.wait_for(lambda: self.tip().height > after, timeout=wait_s)
        return self._read_blocks(after)
