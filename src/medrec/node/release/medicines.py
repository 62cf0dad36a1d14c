"""Medicines that records point at: a Medication of a pharmacy's own list is nobody's, and says what an order says.

It is decided under the same decision as the order. The order is as sensitive as both together; the medicine is judged
as of the order's time and authors; and whoever is given the order is given the medicine with it (decision 0106).
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sql

from medrec.core.consent.decide import Decision, judge
from medrec.core.consent.facts import POINTING, Record, as_part, facts, together
from medrec.core.consent.pointers import Pointer, may_mean
from medrec.core.records.canonical import canonical
from medrec.node.refusals import Code
from medrec.node.release.parts import Sent
from medrec.node.release.reading import Known, Reader, all_definitions, definitions

_KINDS = frozenset(("medication", "substance"))


class Pointed(NamedTuple):
    """A Medication that a record points at, or a Substance in one: its row, its facts as a part of that record, and
    what is wrong with it. `says`: there are words about it beside the pointer. `named`: by its id, or by a business
    identifier that it alone has, so that others find it, too."""

    row: Any
    facts: Record
    trouble: Code | None
    says: bool
    named: bool


class Medicines:
    """The Medications and Substances of one organisation that are nobody's record, each looked up once.

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
        found: dict[tuple[str, str], Pointed] = {}
        waiting = [record]
        while waiting:
            one = waiting.pop()
            typed = [pointer for pointer in one.pointers if _is_typed(pointer)]
            for pointer in (*typed, *one.medicines):
                rows = self._meant(pointer._replace(says=False))
                named = bool(pointer.id) or (pointer.exact and len(rows) == 1)
                for row in rows:
                    name = row.type, row.id
                    before = found.get(name)
                    if before is not None:
                        found[name] = before._replace(says=before.says or pointer.says, named=before.named or named)
                        continue
                    known = self._reader.facts(row)
                    found[name] = Pointed(row, as_part(known.facts, record), known.trouble, pointer.says, named)
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
        """The rows of the Medications that go with a record that goes: all but those of a kind that she forbids by
        name. Of a record that goes in part (`sent`) those that it still points at."""
        if record.type not in POINTING:
            return ()
        if sent is not None:
            record = msgspec.structs.replace(record, **_left(sent))
        found = [one for one in self.of(record) if one.named and one.row.type == "Medication"]
        return tuple(one.row for one in found if not judge(self._others(), one.facts).unnamed)

    def _meant(self, pointer: Pointer) -> Sequence[Any]:
        """The medicines that a pointer means, or may mean."""
        rows = self._rows.get(pointer)
        if rows is None:
            rows = self._rows[pointer] = self._looked_up(pointer)
        return rows

    def _looked_up(self, pointer: Pointer) -> Sequence[Any]:
        if pointer.type and pointer.type.casefold() not in _KINDS:
            return ()
        if pointer.id:
            rows = definitions(self._connection, pointer.id)
            return [row for row in rows if pointer.type in ("", row.type)]
        if self._all is None:
            self._all = all_definitions(self._connection)
        return [row for row in self._all if may_mean(pointer, row.type, row.id, self._called(row))]

    def _called(self, row: Any) -> frozenset[str] | None:
        return self._reader.facts(row).facts.called


def _left(sent: Sent) -> dict[str, Any]:
    """What a record that goes in part still points at."""
    left = facts(canonical(sent.content).value)
    return {"pointers": left.pointers, "medicines": left.medicines}


def _is_typed(pointer: Pointer) -> bool:
    """Whether a pointer says, well or badly, that it is at a medicine or a substance."""
    return pointer.type.casefold() in _KINDS or any(word.partition("/")[0] in _KINDS for word in pointer.words)
