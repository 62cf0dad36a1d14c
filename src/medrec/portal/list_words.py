"""What a row of the lists is called, what is odd about it, and what is held back from them, in words for a page."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from medrec.core.reconcile.aloud import aloud, beside
from medrec.core.reconcile.lists import Row
from medrec.core.reconcile.rows import AllergyRow, MedicineRow, ProblemRow
from medrec.core.records.problem_where import KIND_OF
from medrec.core.records.understood import NoteCode
from medrec.node.lists.sources import Page
from medrec.node.right_person import holding_said
from medrec.portal import render, words

if TYPE_CHECKING:
    from medrec.node.node import Node


def called(row: Row) -> Any:
    """What a row is called on a page: what says that there is none as such, in the reader's words; a medicine that
    nobody names, too."""
    if isinstance(row, AllergyRow) and row.no_known:
        return words.ONE_LIST[f"none_{row.no_known}"]
    if isinstance(row, ProblemRow) and row.none_known:
        return words.ONE_LIST["none_problems"]
    if isinstance(row, ProblemRow) and KIND_OF in row.name:
        code, _, name = row.name.partition(KIND_OF)
        return render.say(words.ONE_LIST["kind_of"], code=code, name=name)
    return row.name if row.name.strip() else words.ONE_LIST["unnamed"]


def odd(row: Row) -> list[Any]:
    """What is odd about entries that still count and could mislead whoever reads the row alone; a remark in its own
    words."""
    noted = [words.NOTES[code] for code in aloud(row) if code != NoteCode.REMARK]
    return noted + [render.say(words.ONE_LIST["beside"], words=one) for one in beside(row)]


def disagrees(row: Row, name: str, reader: words.Texts | None = None) -> Any:
    """What sources disagree about in a row ("conflict_status"), in the words of `reader` where it has its own. A
    problem or an allergy goes on or is over; it is not taken."""
    if not isinstance(row, MedicineRow):
        if name == "conflict_status":
            return words.ONE_LIST["conflict_going"]
        if name == "conflict_code-and-name":
            return words.NOTES[NoteCode.NAME_DIFFERS]
    return (reader.get(name) if reader is not None else None) or words.ONE_LIST[name]


def day(amount: str, needed: bool) -> Any:
    """What is taken in a day; as needed only the most is known."""
    said = words.measure(amount)
    return render.say(words.ONE_LIST["day_most" if needed else "day"], amount=said) if amount else None


def held_here(node: "Node", patient: str) -> list[Any]:
    """What whoever treats a patient has to know of records of this place that are in no list."""
    found = holding_said.count(node, patient)
    if found.all:
        return [words.CARE_LIST["held_all"], words.CARE_LIST["held_unshown"]]
    counts = {"held": found.strange, "disowned": found.said}
    return [render.say(words.CARE_LIST[name], count=count) for name, count in counts.items() if count]


def not_all(pages: Iterable[Page], place: Callable[[str], str]) -> list[Any]:
    """Who gave something and says that it is not all, each in a sentence."""
    sources = dict.fromkeys(page.source for page in pages if page.not_all)
    return [render.say(words.CARE_LIST["not_all"], place=place(source)) for source in sources]


def in_doubt(node: "Node", patient: str) -> list[Any]:
    """Why nothing of the linked person is shown under a local number, while all that is filed under it is held back:
    the name there is another's, and so may be whoever is treated under it. Empty where nothing speaks against it."""
    return held_here(node, patient) if holding_said.count(node, patient).all else []
