"""The three lists of one person over whatever somebody may see, kept up to date record by record.

What comes out depends on the set of records held alone: not on their order, not on what was there before, not on how
often one was given. Taking a record out leaves what would be there had it never come. `now` is fixed for one object.
"""

from collections.abc import Iterable

import msgspec

from medrec.core.reconcile import allergies, allergies_in_problems, medicines, problems
from medrec.core.reconcile.held import Held
from medrec.core.reconcile.normal import Normal
from medrec.core.reconcile.rows import AllergyRow, Conflict, MedicineRow, ProblemRow
from medrec.core.records.terms import Terms
from medrec.core.records.understood import AllergyDetail, MedicineDetail, ProblemDetail

_STATUS_ORDER = {"active": 0, "unknown": 1, "stopped": 2}
KNOWN_MAX = 10_000
Name = tuple[str, str, str]
Row = MedicineRow | ProblemRow | AllergyRow


class Read(msgspec.Struct, frozen=True, gc=False):
    """The lists. `others`: how many records are of no list (visits, results), which the lists do not show; `as_of`:
    when they are (ms)."""

    medicines: tuple[MedicineRow, ...]
    problems: tuple[ProblemRow, ...]
    allergies: tuple[AllergyRow, ...]
    others: int
    as_of: int = 0

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows, list after list."""
        return (*self.medicines, *self.problems, *self.allergies)


class Lists:
    """The lists of one person at one time, `now` (ms since 1970 UTC)."""

    def __init__(self, terms: Terms, now: int, held: Iterable[Held] = ()) -> None:
        self._terms = terms
        self._now = now
        self._versions: dict[Name, dict[tuple[int, str], Held]] = {}
        self._others: dict[Name, None] = {}
        self._blocks: dict[str, dict[Name, medicines.Entry]] = {}
        self._block_of: dict[Name, str] = {}
        self._rows: dict[str, list[MedicineRow]] = {}
        self._stale: dict[str, None] = {}
        self._problems: dict[Name, problems.Entry] = {}
        self._allergies: dict[Name, allergies.Entry] = {}
        self._known_problems: problems.Known = {}
        self._known_allergies: allergies.Known = {}
        self._forms: dict[MedicineDetail, Normal] = {}
        self._short: dict[str, bool] = {}
        self._entries = 0
        self._read: Read | None = None
        for item in held:
            self.put(item)

    def put(self, item: Held) -> None:
        """Hold one more record version. Of several versions of a record the highest is in the lists."""
        versions = self._versions.setdefault(item.name, {})
        before = versions[max(versions)] if versions else None
        versions[item.version, item.manifest] = item
        after = versions[max(versions)]
        if before is not after:
            self._exchange(item.name, after)

    def drop(self, item: Held) -> None:
        """Hold a record version no longer; one that is not held is passed over."""
        versions = self._versions.get(item.name, {})
        if versions.pop((item.version, item.manifest), None) is None:
            return
        if not versions:
            del self._versions[item.name]
        self._exchange(item.name, versions[max(versions)] if versions else None)

    def drop_source(self, source: str) -> None:
        """Hold nothing of a source any more."""
        gone = [item for name, held in self._versions.items() if name[0] == source for item in held.values()]
        for item in gone:
            self.drop(item)

    def _exchange(self, name: Name, item: Held | None) -> None:
        """The record of this name is now this one, or is gone."""
        self._read = None
        self._others.pop(name, None)
        self._problems.pop(name, None)
        self._allergies.pop(name, None)
        block = self._block_of.pop(name, None)
        if block is not None:
            del self._blocks[block][name]
            self._stale[block] = None
        if item is None:
            return
        # The same version may be read otherwise later (a birth date came): what is remembered goes by entry, not by it.
        self._entries += 1
        detail = item.record.detail
        if isinstance(detail, MedicineDetail) and detail.kind != "definition":
            entry = medicines.entry(item, self._terms, self._now, self._forms, self._short)
            block = entry.form.block
            self._blocks.setdefault(block, {})[name] = entry
            self._block_of[name] = block
            self._stale[block] = None
        elif isinstance(detail, ProblemDetail):
            self._problems[name] = problems.entry(item, self._now, self._entries)
        elif isinstance(detail, AllergyDetail):
            self._allergies[name] = allergies.entry(item, self._now, self._entries)
        else:
            self._others[name] = None

    def read(self) -> Read:
        """The lists as they are now: what is taken and disputed first, then what is taken, unknown, stopped."""
        if self._read is None:
            for block in self._stale:
                entries = list(self._blocks[block].values())
                if entries:
                    self._rows[block] = medicines.rows_of(entries, self._now)
                else:
                    self._rows.pop(block, None)
                    del self._blocks[block]
            self._stale.clear()
            ills = tuple(sorted(self._problem_rows(), key=_problem_order))
            told = tuple(sorted(self._allergy_rows(), key=_allergy_order))
            self._read = Read(
                self._medicines(),
                *allergies_in_problems.marked(ills, told),
                len(self._others),
                self._now,
            )
        return self._read

    def _medicines(self) -> tuple[MedicineRow, ...]:
        rows = [row for block in self._rows.values() for row in block]
        rows.sort(key=_medicine_order)
        near = medicines.links(rows, self._terms)
        return tuple(msgspec.structs.replace(row, links=near[row.key]) if row.key in near else row for row in rows)

    def _problem_rows(self) -> list[ProblemRow]:
        if len(self._known_problems) > KNOWN_MAX:
            self._known_problems.clear()
        return problems.rows_of(list(self._problems.values()), self._now, self._known_problems)

    def _allergy_rows(self) -> list[AllergyRow]:
        if len(self._known_allergies) > KNOWN_MAX:
            self._known_allergies.clear()
        return allergies.rows_of(list(self._allergies.values()), self._now, self._known_allergies)

    def held(self) -> list[Held]:
        """Every record in the lists, in its highest version, by name."""
        return [versions[max(versions)] for _, versions in sorted(self._versions.items())]


def _medicine_order(row: MedicineRow) -> tuple[int, bool, str, str]:
    urgent = Conflict.STATUS in row.conflicts or Conflict.PATIENT in row.conflicts
    return (-1 if urgent else _STATUS_ORDER[row.status]), not row.conflicts, row.name.lower(), row.key


def _problem_order(row: ProblemRow) -> tuple[bool, int, str, str]:
    return row.history, _STATUS_ORDER[row.status], row.name.lower(), row.key


def _allergy_order(row: AllergyRow) -> tuple[int, bool, str, str]:
    mild = row.criticality != "high" and not row.severe
    return _STATUS_ORDER[row.status], mild, row.name.lower(), row.key
