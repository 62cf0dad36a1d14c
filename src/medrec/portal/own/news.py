"""What is new: every line that the places have told of, newest first, page by page."""

from typing import TYPE_CHECKING, Any

from medrec.portal import person
from medrec.portal.own.whose import whose
from medrec.portal.page import PAGE_LINES, Visit, pager

if TYPE_CHECKING:
    from medrec.node.node import Node


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of own/news.html."""
    who = whose(node, visit)
    total = person.count(node, who.account, person.NEWS)
    lines = person.read(node, who.account, person.NEWS, PAGE_LINES, (visit.page - 1) * PAGE_LINES)
    return {
        "handle": who.handle,
        "news": [person.news(node, visit, who.known, notice) for notice in lines],
        "pager": pager(visit, total),
    }
