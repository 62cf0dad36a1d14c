"""What a row of the lists is called, what is odd about it, and what is held back from them, in words for a page."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from medrec.core.reconcile.lists import Row
from medrec.core.reconcile.rows import AllergyRow, ProblemRow
from medrec.core.records.understood import NoteCode
from medrec.node.right_person import holding_said
from medrec.portal import render, words

if TYPE_CHECKING:
    from medrec.node.node import Node

LOUD = frozenset((
    NoteCode.BEFORE_BIRTH,
    NoteCode.DATES_CROSSED,
    NoteCode.FUTURE_DATE,
    NoteCode.MODIFIER_EXTENSION,
    NoteCode.NAME_NOT_KNOWN,
    NoteCode.NO_CODE,
    NoteCode.READ_AS,
    NoteCode.REMARK,
    NoteCode.STATUS_CONFLICT,
    NoteCode.STRENGTH_DIFFERS,
    NoteCode.TOTAL_DIFFERS,
    NoteCode.UNIT_NOT_UNDERSTOOD,
    NoteCode.WRONG_SYSTEM,
))  # fmt: skip
"""Notes that stand with the row and not only with the entry (that name and code differ is a conflict of the row)."""


def called(row: Row) -> Any:
    """What a row is called on a page: what says that there is none as such, in the reader's words; a medicine that
    nobody names, too."""
    if isinstance(row, AllergyRow) and row.no_known:
        return words.ONE_LIST[f"none_{row.no_known}"]
    if isinstance(row, ProblemRow) and row.none_known:
        return words.ONE_LIST["none_problems"]
    return row.name if row.name.strip() else words.ONE_LIST["unnamed"]


def odd(row: Row, loud: Iterable[NoteCode] = LOUD) -> list[Any]:
    """What is odd about entries that still count and could mislead whoever reads the row alone."""
    live = (line for line in row.lines if not line.outdone and line.says != "error")
    return [words.NOTES[code] for code in dict.fromkeys(n for line in live for n in line.notes if n in loud)]


def day(amount: str, needed: bool) -> Any:
    """What is taken in a day; as needed only the most is known."""
    said = words.measure(amount)
    return render.say(words.ONE_LIST["day_most" if needed else "day"], amount=said) if amount else None


def held_here(node: "Node", patient: str) -> list[Any]:
    """What whoever treats a patient has to know of records of this place that are in no list."""
    found = holding_said.count(node, patient)
    if found.all:
        return [words.CARE_LIST["held_all"]]
    counts = {"held": found.strange, "disowned": found.said}
    return [render.say(words.CARE_LIST[name], count=count) for name, count in counts.items() if count]
