"""Who is on the network, where, and with which keys: the ledger's organisations, as of its tip.

Nothing is configured twice: a node believes about its peers what the ledger says, and it sees a suspension or a new
key with the block that brings it.
"""

import threading
from typing import NamedTuple

from medrec.core import state
from medrec.core.state import Organisation
from medrec.engines.engine import Engine

FORMER_KEYS_MAX = 8


class _Seen(NamedTuple):
    height: int
    organisations: dict[str, Organisation]
    former: dict[str, tuple[bytes, ...]]


class Directory:
    """The organisations of the ledger, read again when the tip has moved. Raises EngineError when it cannot be read."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._seen = _Seen(-1, {}, {})

    def _at_tip(self) -> _Seen:
        seen = self._seen
        if seen.height == self._engine.tip().height:
            return seen
        with self._lock:
            seen = self._seen
            if seen.height == self._engine.tip().height:
                return seen
            with self._engine.view() as view:
                found = {organisation.id: organisation for organisation in state.organisations(view)}
                self._seen = _Seen(view.tip.height, found, _former(seen, found))
            return self._seen

    def organisations(self) -> list[Organisation]:
        """Everybody who ever joined, the suspended included, by id."""
        return [organisation for _, organisation in sorted(self._at_tip().organisations.items())]

    def active(self) -> list[Organisation]:
        """Everybody who is not suspended, by id."""
        return [organisation for organisation in self.organisations() if organisation.active]

    def find(self, organisation: str) -> Organisation | None:
        """An organisation, None if nobody of this id ever joined."""
        return self._at_tip().organisations.get(organisation)

    def former_keys(self, organisation: str) -> tuple[bytes, ...]:
        """Signing keys that were replaced while this node ran, newest first.

        The ledger keeps only the ids of older ones; what they sign is refused all the same, as a signature that does
        not verify.
        """
        return self._at_tip().former.get(organisation, ())


def _former(before: _Seen, now: dict[str, Organisation]) -> dict[str, tuple[bytes, ...]]:
    former = dict(before.former)
    for name, old in before.organisations.items():
        if name in now and now[name].keys.ed25519 != old.keys.ed25519:
            former[name] = (old.keys.ed25519, *former.get(name, ()))[:FORMER_KEYS_MAX]
    return former
