"""Who can look: every permission in a sentence, those in force first, each with its way to be stopped."""

from typing import TYPE_CHECKING, Any

from medrec.portal import person
from medrec.portal.own.whose import whose
from medrec.portal.page import Visit, paged

if TYPE_CHECKING:
    from medrec.node.node import Node

LINES = 20


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of own/sharing.html."""
    who = whose(node, visit)
    consents, pages = paged(visit, person.consents(node, visit, who.known, who.account), LINES)
    return {
        "handle": who.handle,
        "person": who.name,
        "active": [consent for consent in consents if consent["state"] == "active"],
        "over": [consent for consent in consents if consent["state"] != "active"],
        "pager": pages,
    }
