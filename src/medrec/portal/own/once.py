"""What is shown once, to the very page that made it: the words of a sheet of paper, the text of a code.

A thief may have another page of hers open, on a device that was left signed in, and ask there again and again. So what
was made is kept under the session that began to make it, in memory, for ten minutes.
"""

from typing import TYPE_CHECKING, Generic, TypeVar
from weakref import WeakKeyDictionary

from medrec.portal.page import Visit
from medrec.portal.room import Room

if TYPE_CHECKING:
    from medrec.node.node import Node

LIFE_MS = 10 * 60_000
KEPT_MAX = 10_000
Made = TypeVar("Made")


class Once(Generic[Made]):
    """Things of one kind, each for one session and one person."""

    def __init__(self) -> None:
        self._kept: WeakKeyDictionary[Node, Room[Made]] = WeakKeyDictionary()

    def keep(self, node: "Node", visit: Visit, made: Made) -> None:
        """Keep what the session of this visit made."""
        now, name = node.clock(), _name(visit)
        self._kept.setdefault(node, Room(1, KEPT_MAX)).put(name, made, name, now + LIFE_MS, now)

    def take(self, node: "Node", visit: Visit) -> Made | None:
        """What the session of this visit made last; None if it made nothing, saw it already, or waited too long."""
        kept = self._kept.get(node)
        return kept.take(_name(visit), node.clock()) if kept is not None else None


def _name(visit: Visit) -> str:
    return f"{visit.session.csrf if visit.session is not None else ''} {visit.path['person']}"
