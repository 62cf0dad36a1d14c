"""Check a receipt in the browser: the page is words and places, the check is front/receipt, and no file leaves it."""

from typing import TYPE_CHECKING, Any

from medrec.portal import words
from medrec.portal.page import Visit

if TYPE_CHECKING:
    from medrec.node.node import Node

FACTS = ("what", "who", "time", "existed", "renewed", "vouch", "block", "line", "stated", "network")


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of verify.html."""
    return {"codes": [name for name, _ in words.VERDICTS.english()], "facts": FACTS}
