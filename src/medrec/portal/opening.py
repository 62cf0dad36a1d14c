"""Where the QR code of a shared link leads people: a page that fetches the file, opens it in the browser, and lists it.

The link stands behind the # of the address, so this node is not told of it before the visitor says who she is; the key
in it never leaves the browser.
"""

import json
from typing import TYPE_CHECKING, Any

from medrec.portal import words
from medrec.portal.page import Visit
from medrec.portal.words.general import RECORD_TYPES

if TYPE_CHECKING:
    from medrec.node.node import Node


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of opening.html."""
    names = {kind: words.record_types(kind) for kind in RECORD_TYPES}
    return {"names": json.dumps(names, ensure_ascii=False)}
