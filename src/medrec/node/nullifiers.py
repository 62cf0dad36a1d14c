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

    def published(self, nullifier: bytes) -> bool:
        """Whether the secret of a nullifier is on the ledger. Raises EngineError."""
        return bool(self.among([nullifier]))

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
