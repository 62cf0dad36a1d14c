"""Calls that were refused for their signature, as lines of the journal: some of one caller in a minute, then a count.

Nobody fills a journal by sending one request again and again, and nobody hides among what was not written down: when
the minute is over, one line says how many more there were.
"""

import threading
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import msgspec

from medrec.core import manifests
from medrec.core.manifests.access import CallRefusedManifest
from medrec.node.keeping.journal import Draft

if TYPE_CHECKING:
    from medrec.node.node import Node

LINES_MAX = 20
LINES_MS = 60_000


class RefusedCalls:
    """The refused calls of one node, which is given each time: what is kept for as long as a node lives holds none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since = 0
        self._lines: dict[str, int] = {}
        self._last: dict[str, CallRefusedManifest] = {}

    def note(self, node: "Node", caller: str, path: str, code: str) -> None:
        """Write a refused call down. Raises StoreError, VaultError.

        Paths of the FHIR API may name a record: only where they begin is written.
        """
        self.step(node)
        now = node.clock()
        shown = "/fhir" if path.startswith("/fhir") else path[:100]
        stated = CallRefusedManifest(
            "call-refused/1",
            node.network.hex(),
            node.organisation,
            now,
            caller,
            shown,
            code,
            node.vault.random(16).hex(),
        )
        with self._lock:
            if not self._lines:
                self._since = now
            self._lines[caller] = self._lines.get(caller, 0) + 1
            self._last[caller] = stated
            if self._lines[caller] > LINES_MAX:
                return
        _write(node, [stated])

    def step(self, node: "Node") -> None:
        """When the minute is over: one line for each caller of whom more was refused than was written down. Raises
        StoreError, VaultError; then it is tried again."""
        now = node.clock()
        with self._lock:
            if self._since <= now < self._since + LINES_MS:
                return
            more = [
                msgspec.structs.replace(
                    self._last[caller], time=now, id=node.vault.random(16).hex(), more=count - LINES_MAX
                )
                for caller, count in self._lines.items()
                if count > LINES_MAX
            ]
            if more:
                _write(node, more)
            self._lines, self._last = {}, {}


def _write(node: "Node", stated: list[CallRefusedManifest]) -> None:
    drafts = [Draft("call-refused/1", manifests.encode(one)) for one in stated]
    node.store.write(lambda connection: node.journal.append(connection, drafts))


_of: "WeakKeyDictionary[Node, RefusedCalls]" = WeakKeyDictionary()


def refused_calls(node: "Node") -> RefusedCalls:
    """Those of a node."""
    return _of.setdefault(node, RefusedCalls())
