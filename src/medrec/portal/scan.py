"""Where a camera leads: the code of a desk or of a request stands behind the # of this page's address.

Browsers send what stands there to nobody. The page's script keeps it for this one window while the person signs in, and
then posts it to her own pages (own/linking.py).
"""

from typing import TYPE_CHECKING, Any

from medrec.node.account import devices
from medrec.portal.page import Visit
from medrec.portal.people import handle
from medrec.portal.session import PEOPLE

if TYPE_CHECKING:
    from medrec.node.node import Node


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of scan.html."""
    session = visit.session
    signed_in = session is not None and session.who in PEOPLE
    return {
        "has_home": devices.home_of(node) is not None,
        "action": visit.link("linking", person=handle(session.subject)) if session is not None and signed_in else "",
    }
