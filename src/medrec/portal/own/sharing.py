"""Who can look: every permission in a sentence, those in force first, each with its way to be stopped."""

from typing import TYPE_CHECKING, Any

from medrec.portal import person
from medrec.portal.own.whose import whose
from medrec.portal.page import Visit

if TYPE_CHECKING:
    from medrec.node.node import Node


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of own/sharing.html."""
    who = whose(node, visit)
    consents = person.consents(node, visit, who.known, who.account)
    return {
        "handle": who.handle,
        "person": who.name,
        "active": [consent for consent in consents if consent["state"] == "active"],
        "over": [consent for consent in consents if consent["state"] != "active"],
    }
