"""What the ledger says now about those who ask and about consents taken back, looked up once a block."""

from medrec.core import state
from medrec.core.state import Organisation
from medrec.engines.engine import Engine

REMEMBERED_MAX = 100_000


class Standing:
    """Answers at one height. What is looked up late may come from a later height, never from an earlier one."""

    def __init__(self, engine: Engine, height: int) -> None:
        self.height = height
        self._engine = engine
        self._organisations: dict[str, Organisation | None] = {}
        self._revoked: dict[bytes, bool] = {}

    def organisation(self, name: str) -> Organisation | None:
        """An organisation, None if the ledger does not know it. Raises EngineError."""
        if name not in self._organisations:
            with self._engine.view() as view:
                self._organisations[name] = state.organisation(view, name)
        return self._organisations[name]

    def active(self, name: str) -> bool:
        """Whether an organisation may ask. Raises EngineError."""
        found = self.organisation(name)
        return found is not None and found.active

    def revoked(self, nullifier: bytes) -> bool:
        """Whether the secret of a nullifier was published. Raises EngineError."""
        key = state.nullifier_key(nullifier)
        found: bool | None = self._revoked.get(key)
        if found is None:
            with self._engine.view() as view:
                found = view.get(key) is not None
            if len(self._revoked) >= REMEMBERED_MAX:
                self._revoked = {}
            self._revoked[key] = found
        return found


class Standings:
    """The standing at the tip; may be asked from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._last = Standing(engine, -1)

    def now(self) -> Standing:
        """The standing at the ledger's tip. Raises EngineError."""
        height = self._engine.tip().height
        last = self._last
        if last.height != height:
            # Two threads may both make one: either is right.
            last = self._last = Standing(self._engine, height)
        return last
