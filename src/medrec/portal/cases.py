"""Cases: whom this organisation helps, for those of its staff who act for people; each act is named with both names.

Who stands here acts by a statement that a person signed for the organisation, and only while her own key stands among
the organisation's staff on the ledger.
"""

from typing import TYPE_CHECKING, Any

from medrec.portal import render, words
from medrec.portal.page import Visit

if TYPE_CHECKING:
    from medrec.node.node import Node


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of cases.html."""
    assert node.agent is not None
    session = visit.session
    known = bool(session is not None and session.key and node.delegates.acts_with(node.organisation, session.key))
    helped = node.delegates.for_delegate(node.organisation) if known else []
    names = node.agent.names_of(held.delegation.account for held in helped)
    return {
        "known": known,
        "has_key": session is not None and bool(session.key),
        "cases": [
            {
                "name": names[held.delegation.account],
                "rights": render.listed([words.HELPERS[right] for right in held.delegation.rights]),
                "until": visit.when(held.delegation.until),
                "delegation": held.hash.hex(),
            }
            for held in helped
            if held.delegation.account in names
        ],
    }
