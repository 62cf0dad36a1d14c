"""The emergency card: what helps at once, from the person's copies, to print or to show."""

from typing import TYPE_CHECKING, Any

from medrec.portal import render, words
from medrec.portal.own.entries import Entry, about, entries
from medrec.portal.own.whose import whose
from medrec.portal.page import Visit

if TYPE_CHECKING:
    from medrec.node.node import Node

LINES = 16
"""More than most people have: what is cut off here is not known in an emergency."""


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of own/card.html."""
    who = whose(node, visit)
    found = entries(node, who.account, ("allergies", "medicines", "problems"))
    known = about(node, who.account)
    read = bool(node.copies is not None and node.copies.all(who.account))
    parts = []
    for group in ("allergies", "medicines", "problems"):
        lines = _distinct([entry for entry in found if entry.group == group and entry.status == "active"])
        parts.append(
            {
                "title": words.CARD[group],
                "lines": lines[:LINES],
                "more": len(lines) - LINES if len(lines) > LINES else 0,
                "none": words.CARD["none" if read else "not_asked"],
            }
        )
    return {
        "handle": who.handle,
        "name": known["name"] or who.name,
        "born": render.known_date(known["born"]),
        "parts_of_card": parts,
        "sources": sorted({who.place(entry.organisation) for entry in found}),
    }


def _distinct(found: list[Entry]) -> list[str]:
    """Each thing once, by its name; statements that nothing is known are left to the empty line."""
    lines: dict[str, str] = {}
    for entry in found:
        if not getattr(entry.understood.detail, "no_known", ""):
            lines.setdefault(entry.title.casefold(), entry.title)
    return list(lines.values())
