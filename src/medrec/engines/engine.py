"""The seam between what is agreed and what is done with it: four methods, and nothing else.

An engine orders transactions into blocks, applies each block with `core.machine.apply_block`, and keeps blocks,
roots and state together.

- `submit` returns when the transactions are ordered and durable: a crash right afterwards loses nothing. It never
  says "it worked": the outcome of a transaction stands in its block. A submission that raises EngineError was not
  ordered, unless the code is `unknown`: then look for it in `blocks`, or submit the same bytes again, which is
  always safe, since a replay answers with its first outcome.
- `blocks` gives committed blocks in order, without gaps; it waits up to `wait_s` for the first one.
- `view` is a point-in-time read at the tip: close it (or use `with`), it pins the past.
- `tip` is where the ledger stands.

All four may be called from any thread.
"""

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import NamedTuple, Protocol

import msgspec

from medrec.core.outcome import Outcome
from medrec.core.types import Block, Tip


class EngineError(Exception):
    """The engine could not do what was asked. `code` is a short name, the text one sentence for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class TransactionRefused(EngineError):
    """The network does not take the transaction: its nodes let none into a block that could not be accepted.

    Nothing was ordered, except transactions that stood before it in the same submission. `outcome` says why.
    """

    def __init__(self, outcome: Outcome) -> None:
        super().__init__("refused", outcome.sentence)
        self.outcome = outcome


class Position(NamedTuple):
    """Where a transaction stands: the block's height and its place in the block."""

    height: int
    index: int  # type: ignore[assignment]  # a place, not tuple.index


class CommittedBlock(msgspec.Struct, frozen=True):
    """A block with what it did: outcomes and log leaf indices (None if refused) by place, and the tip after it."""

    block: Block
    outcomes: tuple[Outcome, ...]
    leaf_indices: tuple[int | None, ...]
    tip: Tip


class Snapshot(Protocol):
    """A view that stands still, and must be closed."""

    tip: Tip

    def get(self, key: bytes) -> bytes | None:
        """The value of a key at this tip."""
        ...

    def scan(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values with start <= key < end, in byte order, at this tip."""
        ...

    def close(self) -> None:
        """Let the past go."""
        ...

    def __enter__(self) -> "Snapshot": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Engine(Protocol):
    """What every engine does; see the head of this file."""

    def submit(self, transactions: Sequence[bytes]) -> list[Position]:
        """Order the transactions, in this order, durably; an empty sequence makes an empty block."""
        ...

    def blocks(self, after: int, wait_s: float = 0.0) -> list[CommittedBlock]:
        """Committed blocks with height > after, at most BLOCKS_MAX at once; empty if none came in time."""
        ...

    def view(self) -> Snapshot:
        """A point-in-time read at the tip."""
        ...

    def tip(self) -> Tip:
        """Where the ledger stands."""
        ...


BLOCKS_MAX = 100
