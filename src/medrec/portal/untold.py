"""What a person signed here that a place has taken and not yet told of: what she says next is worked out from it, too.

A place tells her agent with its next batch, a minute later. Kept in memory, as acts are, for an hour.
"""

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from medrec.core import manifests
from medrec.node.agent import standing_links
from medrec.portal.room import Room

if TYPE_CHECKING:
    from medrec.node.node import Node

LIFE_MS = 60 * 60_000
EACH_MAX, KEPT_MAX = 500, 20_000
_of_node: "WeakKeyDictionary[Any, Room[Any]]" = WeakKeyDictionary()


def _room(node: "Node") -> Room[Any]:
    return _of_node.setdefault(node, Room(EACH_MAX, KEPT_MAX))


def given(node: "Node", signed: bytes) -> None:
    """A place has taken this consent (the bytes of its manifest)."""
    manifest: Any = manifests.decode(signed)
    with node.store.read() as connection:
        epoch = standing_links.newest(connection, manifest.account).get(manifest.organisation, 0)
    _keep(node, manifest.account, f"given {manifest.nullifier}", manifest, epoch)


def ended(node: "Node", account: str, mark: str) -> None:
    """A place has taken that the consent of this mark (hex) is taken back."""
    _keep(node, account, f"ended {mark}", None)


def _keep(node: "Node", account: str, name: str, manifest: Any, epoch: int = 0) -> None:
    now = node.clock()
    _room(node).put(name, (now, epoch, manifest), account, now + LIFE_MS, now)


def said(node: "Node", account: str) -> tuple[list[Any], frozenset[str]]:
    """What places took in the last hour: consents under links that stand, and the marks (hex) of those that ended."""
    kept = _room(node).of(account, node.clock())
    over = frozenset(name.removeprefix("ended ") for name, (_, _, one) in kept.items() if one is None)
    given = [(one, epoch) for _, epoch, one in kept.values() if one is not None]
    left = standing_links.over(node, account) if given else None
    return [one for one, epoch in given if left is not None and not left(one.organisation, epoch)], over


def since(node: "Node", account: str, time: int) -> bool:
    """Whether a place took anything after a time (ms)."""
    return any(taken > time for taken, _, _ in _room(node).of(account, node.clock()).values())
