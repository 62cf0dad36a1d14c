"""Which consents the ledger knows to be taken back: each nullifier is looked up at most once a block."""

from collections.abc import Sequence

from medrec.core import state
from medrec.engines.engine import Engine

REMEMBERED_MAX = 100_000


class Nullifiers:
    """Nullifiers at the ledger's tip; may be asked from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._found: tuple[int, dict[bytes, bool]] = (-1, {})
        self._whole: tuple[int, set[tuple[bytes, ...]]] = (-1, set())

    def published(self, nullifier: bytes) -> bool:
        """Whether the secret of a nullifier is on the ledger. Raises EngineError."""
        return bool(self.among([nullifier]))

    def none_of(self, nullifiers: tuple[bytes, ...]) -> bool:
        """Whether none of these is published; the same ones are gone through once a block. Raises EngineError."""
        tip = self._engine.tip().height
        height, whole = self._whole
        if height == tip and nullifiers in whole:
            return True
        if self.among(nullifiers):
            return False
        if height != tip or len(whole) >= REMEMBERED_MAX:
            # What was found at a height above this one counts for this one: nothing is ever unpublished.
            whole = set()
            self._whole = (tip, whole)
        whole.add(nullifiers)
        return True

    def among(self, nullifiers: Sequence[bytes]) -> set[bytes]:
        """Those of these nullifiers whose secret is on the ledger. Raises EngineError.

        An answer may come from a height above the tip that was asked for, never from one below it.
        """
        tip = self._engine.tip().height
        height, found = self._found
        if height != tip or len(found) >= REMEMBERED_MAX:
            # Two threads may both begin anew: either is right.
            found = {}
            self._found = (tip, found)
        unknown = [nullifier for nullifier in nullifiers if nullifier not in found]
        if unknown:
            with self._engine.view() as view:
                for nullifier in unknown:
                    found[nullifier] = view.get(state.nullifier_key(nullifier)) is not None
        return {nullifier for nullifier in nullifiers if found[nullifier]}
