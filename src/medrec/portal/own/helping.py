"""People who help: who may act for the person, and whom she herself may act for."""

from typing import TYPE_CHECKING, Any

from medrec.core.delegation import Standing
from medrec.portal import render, words
from medrec.portal.own.whose import whose
from medrec.portal.page import Visit
from medrec.portal.session import Who

if TYPE_CHECKING:
    from medrec.node.node import Node


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of own/helping.html."""
    who = whose(node, visit)
    assert node.agent is not None
    names = dict(node.agent.clients())
    herself = visit.session is not None and visit.session.who is Who.PATIENT
    return {
        "handle": who.handle,
        "helpers": [
            {
                "name": held.delegation.name,
                "rights": render.listed([words.HELPERS[right] for right in held.delegation.rights]),
                "until": visit.when(held.delegation.until),
                "holds": held.holds,
                "review": held.standing is Standing.REVIEW_DUE,
                "delegation": held.hash.hex(),
            }
            for held in reversed(node.delegates.of(who.account))
        ],
        "helped": [
            {"name": names.get(held.delegation.account, held.delegation.account), "delegation": held.hash.hex()}
            for held in (node.delegates.for_delegate(who.account) if herself else [])
        ],
        "may_sign": herself and visit.session is not None and bool(visit.session.key),
        "rights": ["look", "add", "correct", "consent"],
    }
