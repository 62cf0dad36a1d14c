"""Medicines that records point at: a Medication of a pharmacy's own list is nobody's, and says what an order says.

It is decided under the same decision as the order. The order is as sensitive as both together; the medicine is judged
as of the order's time and authors; and whoever is given the order is given the medicine with it (decision 0106).
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sql

from medrec.core.consent.decide import Decision, judge
from medrec.core.consent.facts import POINTING, Record, as_part, together
from medrec.core.consent.pointers import Called, Pointer
from medrec.node.refusals import Code
from medrec.node.release.parts import Sent
from medrec.node.release.pointed import medications_of
from medrec.node.release.reading import Known, Reader, all_definitions, definitions


class Pointed(NamedTuple):
    """A Medication that a record points at: its row, its facts as a part of that record, and what is wrong with it.
    `says`: there are words about it beside the pointer. `named`: by its type and id, so that others find it, too."""

    row: Any
    facts: Record
    trouble: Code | None
    says: bool
    named: bool


class Medicines:
    """The Medications of one organisation that are nobody's record, by id, each looked up once.

    `others` gives the decision about records of every type.
    """

    def __init__(self, reader: Reader, connection: sql.Connection, others: Callable[[], Decision]) -> None:
        self._reader = reader
        self._connection = connection
        self._others = others
        self._rows: dict[Pointer, Sequence[Any]] = {}
        self._all: Sequence[Any] | None = None

    def of(self, record: Record) -> list[Pointed]:
        """Those that a record points at, directly or by one of them, each once; and those that it may mean where it
        names its medicine in another form (a business identifier, a search)."""
        found: dict[str, Pointed] = {}
        waiting = [record]
        while waiting:
            one = waiting.pop()
            exact = [pointer for pointer in one.pointers if pointer.type == "Medication" and pointer.id]
            for pointer in (*exact, *one.medicines):
                for row in self._meant(pointer._replace(says=False)):
                    before = found.get(row.id)
                    if before is not None:
                        says, named = before.says or pointer.says, before.named or bool(pointer.id)
                        found[row.id] = before._replace(says=says, named=named)
                        continue
                    known = self._reader.facts(row)
                    part = as_part(known.facts, record)
                    found[row.id] = Pointed(row, part, known.trouble, pointer.says, bool(pointer.id))
                    waiting.append(known.facts)
        return list(found.values())

    def whole(self, known: Known) -> Known:
        """What is known of a record with what it says by the medicines that it points at."""
        found = self.of(known.facts)
        if not found:
            return known
        trouble = known.trouble or next((one.trouble for one in found if one.trouble is not None), None)
        return Known(together(known.facts, [one.facts for one in found]), trouble)

    def hide(self, record: Record) -> bool:
        """Whether one of them is withheld for what it is, or may not be named and the record names it."""
        for one in self.of(record):
            verdict = judge(self._others(), one.facts)
            if verdict.hidden or (verdict.unnamed and one.says):
                return True
        return False

    def beside(self, record: Record, sent: Sent | None = None) -> tuple[Any, ...]:
        """The rows of those that go with a record that goes: all but those of a kind that she forbids by name. Of a
        record that goes in part (`sent`) those that it still points at."""
        found = [one for one in self.of(record) if one.named and record.type in POINTING]
        if found and sent is not None:
            named = medications_of(sent.content)
            found = [one for one in found if one.row.id in named]
        return tuple(one.row for one in found if not judge(self._others(), one.facts).unnamed)

    def _meant(self, pointer: Pointer) -> Sequence[Any]:
        """The medicines that a pointer means, or may mean."""
        rows = self._rows.get(pointer)
        if rows is None:
            rows = self._rows[pointer] = self._looked_up(pointer)
        return rows

    def _looked_up(self, pointer: Pointer) -> Sequence[Any]:
        if pointer.type.casefold() not in ("", "medication"):
            return ()
        if pointer.id:
            return definitions(self._connection, pointer.id)
        if self._all is None:
            self._all = all_definitions(self._connection)
        return [row for row in self._all if Called([(row.type, row.id, self._called(row))]).mean(pointer)]

    def _called(self, row: Any) -> frozenset[str] | None:
        return self._reader.facts(row).facts.called
