"""What of a long list stands on one page: every section begins there, the rest of it is a tap away, and it is said how
much that is. One page shows a section alone, or one row with all that stands behind it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from medrec.core.reconcile.rows import Conflict
from medrec.node.lists.lists import Shown
from medrec.portal.page import PageError

ROWS, ROWS_ALONE = 24, 40
"""Rows of all sections of a list together, and of a section that is shown alone."""
ROWS_LEAST = 3
"""So many of each section at least."""
LINES, LINES_ALONE = 6, 120
"""Entries behind each of many rows, and behind a row that is shown alone."""
NOTICES, NAMES = 12, 30
_START_MAX = 1_000_000

LIKENESS = ("identical", "similar", "only-here")
GROUPS = {
    "allergies": ("allergies",),
    "medicines": ("disputed", *LIKENESS, "unknown", "stopped"),
    "problems": ("problems", "history"),
}
"""The lists, and the sections of each, in order: what may kill at once stands first."""

Item = TypeVar("Item")


class Fold(NamedTuple):
    """Which part of a list is asked for: a section by name ("": the beginnings of all) from a row on; with `entry`,
    that row alone, from this entry on."""

    part: str = ""
    start: int = 0
    entry: int | None = None


class Some(NamedTuple):
    """Those of many that a page shows: the first one's number (from 0), they, and how many there are."""

    start: int
    shown: tuple[object, ...]
    total: int

    @property
    def rest(self) -> int:
        """How many come after those that are shown."""
        return self.total - self.start - len(self.shown)

    @property
    def after(self) -> int:
        """The number of the first one after those that are shown."""
        return self.start + len(self.shown)


def asked(fields: Mapping[str, str]) -> Fold:
    """The part that the fields of a form or an address ask for. Raises PageError."""
    part, start, entry = (fields.get(name, "") for name in ("part", "start", "entry"))
    if not part:
        return Fold()
    try:
        numbers = int(start or 0), int(entry) if entry else None
    except ValueError:
        raise PageError(400, "form-unreadable") from None
    if not all(number is None or 0 <= number <= _START_MAX for number in numbers):
        raise PageError(400, "form-unreadable")
    return Fold(part, *numbers)


def some(items: Sequence[Item], count: int, start: int = 0) -> Some:
    """At most so many of these, from one on."""
    return Some(start, tuple(items[start : start + count]), len(items))


def dealt(lengths: Iterable[int], rows: int = ROWS, least: int = ROWS_LEAST) -> list[int]:
    """How many rows of each section stand on a page of all: the least of each, and what is left over to the first ones,
    in order."""
    wanted = list(lengths)
    given = [min(length, least) for length in wanted]
    left = max(0, rows - sum(given))
    for at, length in enumerate(wanted):
        more = min(left, length - given[at])
        given[at] += more
        left -= more
    return given


def sections_of(shown: Shown) -> dict[str, list[Any]]:
    """All rows by section, what is new first; `new`: those of all sections that have something new."""
    medicines, problems = shown.read.medicines, shown.read.problems
    urgent = {Conflict.STATUS, Conflict.PATIENT}
    rest = [row for row in medicines if not urgent & set(row.conflicts)]
    found: dict[str, list[Any]] = {"disputed": [row for row in medicines if urgent & set(row.conflicts)]}
    for likeness in LIKENESS:
        found[likeness] = [row for row in rest if row.status == "active" and row.likeness == likeness]
    for status in ("unknown", "stopped"):
        found[status] = [row for row in rest if row.status == status]
    found["allergies"] = list(shown.read.allergies)
    found["problems"] = [row for row in problems if not row.history]
    found["history"] = [row for row in problems if row.history]
    for rows in found.values():
        rows.sort(key=lambda row: row.key not in shown.new)
    return found | {"new": [row for row in shown.read.rows if row.key in shown.new]}
