"""What is shown once, to the very page that made it: the words of a sheet of paper, the text of a code.

A thief may have another page of hers open, on a device that was left signed in, and ask there again and again. So what
was made is kept under the session that began to make it, in memory, for ten minutes.
"""

import threading
from typing import TYPE_CHECKING, Generic, TypeVar
from weakref import WeakKeyDictionary

from medrec.portal.page import Visit

if TYPE_CHECKING:
    from medrec.node.node import Node

LIFE_MS = 10 * 60_000
Made = TypeVar("Made")
_Key = tuple[str, str]


class Once(Generic[Made]):
    """Things of one kind, each for one session and one person."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: WeakKeyDictionary[Node, dict[_Key, tuple[Made, int]]] = WeakKeyDictionary()

    def keep(self, node: "Node", visit: Visit, made: Made) -> None:
        """Keep what the session of this visit made."""
        now = node.clock()
        with self._lock:
            kept = self._kept.setdefault(node, {})
            for key in [key for key, (_, until) in kept.items() if until <= now]:
                del kept[key]
            kept[_key(visit)] = (made, now + LIFE_MS)

    def take(self, node: "Node", visit: Visit) -> Made | None:
        """What the session of this visit made last; None if it made nothing, saw it already, or waited too long."""
        with self._lock:
            made, until = self._kept.get(node, {}).pop(_key(visit), (None, 0))
        return made if node.clock() < until else None


def _key(visit: Visit) -> _Key:
    return (visit.session.csrf if visit.session is not None else "", visit.path["person"])
