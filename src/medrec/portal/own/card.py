"""The emergency card: what helps at once, to print or to show. Made of the person's lists, so that what two places call
by two names stands once. What came in part, and what she wrote herself, is in no list: it stands here by its name, for
it may save her."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from medrec.core.reconcile.held import PATIENT
from medrec.core.reconcile.lists import Row
from medrec.node.lists.lists import Shown
from medrec.portal import render, words
from medrec.portal.own.entries import Entry, about, entries
from medrec.portal.own.whose import whose
from medrec.portal.page import Visit

if TYPE_CHECKING:
    from medrec.node.node import Node

LINES = 16
"""More than most people have: what is cut off here is not known in an emergency."""
GROUPS = ("allergies", "medicines", "problems")


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of own/card.html."""
    who = whose(node, visit)
    known = about(node, who.account)
    shown = node.lists.of(who.account)
    every = entries(node, who.account, GROUPS)
    cut = [entry for entry in every if (entry.in_part or entry.author) and _stands(entry)]
    read = bool(node.copies is not None and node.copies.all(who.account))
    rows = _rows(shown)
    parts = []
    for group in GROUPS:
        lines = _distinct([row.name for row in rows[group]] + [entry.title for entry in cut if entry.group == group])
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
        "unread": len(shown.unread),
        "sources": sorted(_sources(rows, cut, who.place)),
    }


def _stands(entry: Entry) -> bool:
    """Whether an entry that is in no list belongs on the card, by the same rules as a row of one."""
    lasts = ("active", "unknown") if entry.group == "allergies" else ("active",)
    return entry.status in lasts and not getattr(entry.understood.detail, "no_known", "")


def _rows(shown: Shown) -> dict[str, list[Row]]:
    """What stands now, by group. That nothing is known is left to the empty line; an allergy of which nobody says
    whether it lasts is one."""
    read = shown.read
    return {
        "allergies": [
            row for row in read.allergies if row.status in ("active", "unknown") and not (row.refuted or row.no_known)
        ],
        "medicines": [row for row in read.medicines if row.status == "active"],
        "problems": [
            row
            for row in read.problems
            if row.status == "active" and not (row.history or row.absent or row.none_known or row.standing)
        ],
    }


def _sources(rows: dict[str, list[Row]], cut: Iterable[Entry], place: Any) -> set[str]:
    found = {line.source for group in rows.values() for row in group for line in row.lines if line.source != PATIENT}
    return {place(source) for source in found | {entry.organisation for entry in cut}}


def _distinct(names: Iterable[str]) -> list[str]:
    """Each name once, as it is first written."""
    lines: dict[str, str] = {}
    for name in names:
        lines.setdefault(name.casefold(), name)
    return list(lines.values())
