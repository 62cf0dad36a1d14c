"""Where the pointers of a person's records lead: to which of her records here, and whether to one that is withheld."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from medrec.core.consent.decide import Decision, judge
from medrec.core.consent.facts import Record, pointed_at
from medrec.core.consent.pointers import Pointer, may_mean

Rows = Callable[[Sequence[str], Sequence[str]], Iterable[Any]]
"""A person's signed records of these types and ids (none: all)."""
_MAY_BE_NAMED = ("Encounter", "Patient")
"""Of which an allergy may say a word in an emergency although she denied them by their type."""


class Leads:
    """Follows pointers for one answer; what was found once is remembered until its end.

    `rows` are her records, `facts_of` what is known of each, `hides` whether one points at a medicine that is nobody's
    and withheld.
    """

    def __init__(self, rows: Rows, facts_of: Callable[[Any], Record], hides: Callable[[Record], bool]) -> None:
        self._rows = rows
        self._facts_of = facts_of
        self._hides = hides
        self._meant: dict[Pointer, Sequence[Any]] = {}
        self._clear: dict[bool, set[str]] = {True: set(), False: set()}
        """Names from which no pointer leads to anything that is withheld for what it is, with doubts or without."""

    def to_hidden(self, facts: Record, decision: Decision, doubts: bool = True) -> bool:
        """Whether pointers lead from a record to one that is withheld for what it is, over however many others, or to
        one with words about it that may not be named. Raises Refusal, StoreError.

        A record goes out as it was signed or not at all, and its pointer would tell that the other one is there.
        Who somebody is to her, in words that nobody has read, holds nothing back but that record itself (`aside`).
        Without `doubts` one counts only if it is surely denied; a visit, and whose the record is, may be named then.
        """
        clear = self._clear[doubts]
        seen: set[str] = set()
        waiting = [facts]
        while waiting:
            record = waiting.pop()
            if self._hides(record):
                return True
            for pointer in record.pointers:
                for row in self.meant(pointer):
                    name, found = f"{row.type}/{row.id}", self._facts_of(row)
                    verdict = judge(decision, pointed_at(found))
                    hidden = verdict.hidden and not pointer.own and (doubts or verdict.effect == "deny")
                    named = verdict.unnamed and pointer.says
                    if hidden or (named and (doubts or (record is facts and pointer.type not in _MAY_BE_NAMED))):
                        return True
                    if not pointer.own and name not in seen and name not in clear:
                        seen.add(name)
                        waiting.append(found)
        clear |= seen
        return False

    def meant(self, pointer: Pointer) -> Sequence[Any]:
        """The records that a pointer means, or may mean. Raises Refusal, StoreError."""
        bare = pointer._replace(says=False)
        found = self._meant.get(bare)
        if found is None:
            found = self._meant[bare] = list(self._looked_up(bare))
        return found

    def _looked_up(self, pointer: Pointer) -> Iterable[Any]:
        types = (pointer.type,) if pointer.type else ()
        if pointer.id:
            return self._rows(types, (pointer.id,))
        rows = self._rows(types, ()) if pointer.words else ()
        return (row for row in rows if may_mean(pointer, row.type, row.id, self._facts_of(row).called))
