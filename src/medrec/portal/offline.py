"""What a browser keeps for when it is offline: a page that holds nothing of anybody, and the emergency card of whoever
is signed in. The service worker (front/worker.ts) keeps both."""

from typing import TYPE_CHECKING, Any

from medrec.portal.page import Visit
from medrec.portal.people import handle
from medrec.portal.session import PEOPLE

if TYPE_CHECKING:
    from medrec.node.node import Node

KEEPS = "Medrec-Keeps"
"""The header in which a page says whose card its browser may keep; cards of everybody else are forgotten there."""
NOBODY = "nobody"


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of offline.html; whoever asks, nobody is signed in on it."""
    return {"session": None}


def keeps(visit: Visit) -> dict[str, str]:
    """The header KEEPS of a page. Who acts for somebody keeps her own card only. In a demonstration that nobody signed
    in to, everybody reads everything: the page's person stands in her place."""
    if visit.session is None:
        return {KEEPS: visit.path.get("person", NOBODY) if visit.demonstration else NOBODY}
    own = visit.session.account if visit.session.who in PEOPLE else ""
    return {KEEPS: handle(own) if own else NOBODY}
