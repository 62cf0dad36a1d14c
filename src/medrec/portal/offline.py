"""What a browser shows that is offline: a page that holds nothing of anybody, kept by the service worker."""

from typing import TYPE_CHECKING, Any

from medrec.portal.page import Visit

if TYPE_CHECKING:
    from medrec.node.node import Node


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of offline.html; whoever asks, nobody is signed in on it."""
    return {"session": None}
