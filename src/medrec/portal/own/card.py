"""The emergency card: what helps at once, to print or to show. Made of the person's lists, so that what two places call
by two names stands once. What is in no list (it came in part, its proof has not come yet, she wrote it herself) stands
here with words that say so: it may save her."""

import textwrap
from typing import TYPE_CHECKING, Any, NamedTuple

from medrec.core.reconcile import allergies_in_problems
from medrec.core.reconcile.held import PATIENT
from medrec.core.reconcile.lists import Row
from medrec.core.reconcile.rows import AllergyRow, Conflict, MedicineRow, ProblemRow
from medrec.node.lists.lists import Shown
from medrec.node.right_person import not_hers
from medrec.portal import render, words
from medrec.portal.list_words import called, disagrees, odd
from medrec.portal.own.entries import Entry, about, entries, title_of
from medrec.portal.own.lists import held_elsewhere
from medrec.portal.own.whose import whose
from medrec.portal.page import Visit

if TYPE_CHECKING:
    from medrec.node.node import Node

LINES = 16
"""More than most people have: what is cut off here is not known in an emergency."""
HOW_MAX = 120
"""Letters of directions and reactions: a longer text is cut visibly, so that the card fits its paper."""
COLUMN, CARD_LINES = 50, 45
"""Letters in a line of the printed card, and how many lines it has room for; a longer one takes the whole sheet."""
GROUPS = ("allergies", "medicines", "perhaps", "problems")
_READ = ("allergies", "medicines", "problems")


class OnCard(NamedTuple):
    """One line: a name, what goes with it, and what whoever reads it has to know of it."""

    name: str
    how: str
    notes: tuple[Any, ...] = ()

    @property
    def printed(self) -> int:
        """How many lines of the printed card it takes, about: the name, and below it what goes with it."""
        below = sum(len(part) + 1 for part in (self.how, *self.notes))
        return 1 + len(self.name) // COLUMN + -(-below // COLUMN)


def show(node: "Node", visit: Visit) -> dict[str, Any]:
    """The values of own/card.html."""
    who = whose(node, visit)
    known = about(node, who.account)
    shown = node.lists.of(who.account)
    apart = _in_no_list(node, who.account)
    held_apart = held_elsewhere(node, who)
    # What a place holds back, or gives of somebody else, may be the very thing: then nobody knows that there is none.
    read = node.copies is not None and bool(node.copies.all(who.account))
    read = read and not held_apart and not not_hers.known(node, who.account).strangers
    rows = _rows(shown)
    parts = []
    for group in GROUPS:
        lines = _once([_of_row(row) for row in rows[group]], [_of_entry(one) for one in apart if one.group == group])
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
        "parts_of_card": [part for part, group in zip(parts, GROUPS, strict=True) if part["lines"] or group in _READ],
        "long": sum(line.printed for part in parts for line in part["lines"]) > CARD_LINES,
        "unread": len(shown.unread),
        "apart": held_apart,
        "sources": sorted(_sources(rows, apart, who.place)),
    }


def _once(rows: list[OnCard], apart: list[OnCard]) -> list[OnCard]:
    """Each line once: two are one if all of them is the same, its side and its danger too. What is in no list stands
    beside no row that says it."""
    there = {(line.name.casefold(), line.how.casefold()) for line in rows}
    new = [line for line in apart if (line.name.casefold(), line.how.casefold()) not in there]
    return list({(line.name.casefold(), line.how.casefold(), line.notes): line for line in (*rows, *new)}.values())


def _in_no_list(node: "Node", account: str) -> list[Entry]:
    """What stands on the card beside the lists."""
    listed = {held.name for held in node.lists.held(account)}

    def apart(entry: Entry) -> bool:
        place = PATIENT if entry.organisation == node.organisation else entry.organisation
        return (place, entry.type, entry.id) not in listed and _stands(entry)

    return [entry for entry in entries(node, account, _READ) if apart(entry)]


def _stands(entry: Entry) -> bool:
    """Whether an entry that is in no list belongs on the card, by the same rules as a row of one."""
    lasts = ("active", "unknown") if entry.group == "allergies" else ("active",)
    return entry.status in lasts and not getattr(entry.understood.detail, "no_known", "")


def _rows(shown: Shown) -> dict[str, list[Row]]:
    """What stands now, by group. That nothing is known is left to the empty line; an allergy of which nobody says
    whether it lasts is one."""
    read = shown.read
    allergies = [
        row for row in read.allergies if row.status in ("active", "unknown") and not (row.refuted or row.no_known)
    ]
    return {
        # One that stands among the problems is one: whoever reads these lines alone gives the medicine.
        "allergies": [*allergies, *(row for row in read.problems if allergies_in_problems.stands(row))],
        "medicines": [row for row in read.medicines if row.status == "active"],
        "perhaps": [row for row in read.medicines if _perhaps(row)],
        "problems": [row for row in read.problems if _goes_on(row)],
    }


def _goes_on(row: ProblemRow) -> bool:
    """Whether a problem goes on, or may: nobody says, it is not certain, or one place says so against another. What is
    denied, past or a relative's is none."""
    if row.history or row.absent or row.none_known or row.standing in ("family", "denied"):
        return False
    return row.status in ("active", "unknown") or Conflict.STATUS in row.conflicts


def _perhaps(row: MedicineRow) -> bool:
    """Whether a medicine may still be taken: nobody says, or one place says so against another. Her own word that she
    does not take it counts."""
    disputed = Conflict.STATUS in row.conflicts and Conflict.PATIENT not in row.conflicts
    return row.status == "unknown" or (row.status == "stopped" and disputed)


def _of_row(row: Row) -> OnCard:
    said = [words.CARD["own"]] if all(line.source == PATIENT for line in row.lines) else []
    notes = [disagrees(row, name, words.CARE_LIST) for name in _conflicts(row)] + odd(row)
    name = str(called(row))
    if isinstance(row, MedicineRow):
        form = next((variant.form for variant in row.variants if variant.form), "")
        strengths = [" ".join(part for part in (one.strength, one.form) if part) for one in row.variants]
        # Where the places differ in the amount, each amount stands here.
        differ = Conflict.DOSE in row.conflicts and len(strengths) > 1
        strength = " / ".join(dict.fromkeys(strengths)) if differ else " ".join((row.strength, form)).strip()
        needed = [words.CARD["needed"]] if row.as_needed else []
        return OnCard(name, _how(strength, row.directions), (*needed, *said, *notes))
    if isinstance(row, AllergyRow):
        danger = [words.CARD["danger"]] if row.criticality == "high" else []
        # Nobody says what the next may do; how bad one was is said as the source says it.
        danger = danger or ([words.CARD["severe"]] if row.severe else [])
        return OnCard(name, _how("; ".join(row.reactions)), (*danger, *said, *notes))
    side = [words.CARD[row.laterality]] if row.laterality else []
    # Where another note says why nobody can be sure, it is enough.
    side += [words.ONE_LIST["stands_uncertain"]] if row.status == "unknown" and not _conflicts(row) else []
    return OnCard(name, "", (*side, *said, *notes))


def _conflicts(row: Row) -> list[str]:
    """What the places disagree about, of that which counts in an emergency."""
    loud = (Conflict.STATUS, Conflict.DOSE, Conflict.FORM, Conflict.PATIENT, Conflict.CODE_NAME, Conflict.NONE_KNOWN)
    return [f"conflict_{one.value}" for one in row.conflicts if one in loud]


def _of_entry(entry: Entry) -> OnCard:
    why = "own" if entry.author else "in_part" if entry.in_part else "unproven"
    return OnCard(title_of(entry), _how(str(getattr(entry.understood.detail, "sig", ""))), (words.CARD[why],))


def _how(*parts: str) -> str:
    return words.line(textwrap.shorten(", ".join(part for part in parts if part), HOW_MAX, placeholder=" …"))


def _sources(rows: dict[str, list[Row]], apart: list[Entry], place: Any) -> set[str]:
    found = {line.source for group in rows.values() for row in group for line in row.lines if line.source != PATIENT}
    return {place(source) for source in found | {entry.organisation for entry in apart}}
