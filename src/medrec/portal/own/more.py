"""More: the way to every other page of a person, and where she is known."""

from typing import TYPE_CHECKING, Any

from medrec.node.looks.disputing import organisations
from medrec.portal import words
from medrec.portal.own.whose import kinds_of, whose
from medrec.portal.page import Area, Visit

if TYPE_CHECKING:
    from medrec.node.node import Node


PARTS = {
    "part_record": ("lists", "timeline", "summary", "card", "writing", "mistakes"),
    "part_sharing": ("share", "requests", "linking", "choices", "hidden"),
    "part_safety": ("settings", "keys", "helping", "guarding"),
}
"""The pages under each heading, in the order in which they stand."""
HER_OWN = frozenset({"keys", "guarding", "settings", "share"})
"""Pages that no helper reads: keys, whom she guards, where notices go, what she shows."""


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of own/more.html: every page of the area that stands on its own and not in the bar, under headings."""
    from medrec.portal.table import PAGES

    who, kinds = whose(node, visit, heeds_kinds=True), kinds_of(visit)
    acting = visit.session is not None and bool(visit.session.acting_for)
    tiles = {
        page.name: {
            "link": visit.link(page.name, person=who.handle),
            "icon": page.icon,
            "name": words.NAMES[page.name],
            "more": words.MORE.get(page.name),
        }
        for page in PAGES
        if page.area is Area.PERSON
        and page.icon
        and not page.menu
        and (page.kinds or not kinds)
        and not (acting and page.name in HER_OWN)
    }
    parts = [(words.MORE[part], [tiles[name] for name in names if name in tiles]) for part, names in PARTS.items()]
    return {
        "handle": who.handle,
        "account": "" if kinds else who.account,
        "groups": [(title, shown) for title, shown in parts if shown],
        "places": [who.place(organisation) for organisation in (() if kinds else organisations(node, who.account))],
    }
