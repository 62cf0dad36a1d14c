"""Which of a person's records a consent means by a reference, and which of them point at one another.

    related = Related(wanted(decision), look, servers)          once an answer; `look` finds her records by a name
    record = related.told(record)                               what `judge` needs to know of one

A consent names a record as anything else does: by type and id, by the full address on a server, by `urn:uuid:`, or by a
business identifier; and so do her records. A name surely means a record that bears it: its type and id, alone or below
one of the holder's own servers, or its business identifier. It may mean one that bears it on a server that is not known
to be the holder's, or one of which nothing is known.
"""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from medrec.core.consent.decide import Decision
from medrec.core.consent.facts import Record
from medrec.core.consent.pointers import Pointer, identifiers_of, local, may_mean, named

Asked = tuple[str, str]
"""A meaning (instance, related, dependents) and the reference that it is about."""


def wanted(*decisions: Decision) -> frozenset[Asked]:
    """What these decisions ask about references."""
    tests = [test for one in decisions for bearing in one.left for rule in bearing for test in rule.tests]
    return frozenset(asked for name, value in tests if name == "data" for asked in value if asked[0] != "authoredby")


class Related:
    """The records of one person that consents name, and what leads to them.

    `look` gives her records that a name may mean: those of its id, or, where it has none, all of them.
    """

    def __init__(
        self, asked: Iterable[Asked], look: Callable[[Pointer], Iterable[Record]], servers: Sequence[str]
    ) -> None:
        self._servers = servers
        self._asked = tuple(sorted(asked))
        self._names = {reference: self._name(reference) for _, reference in self._asked}
        self._meant: dict[str, list[Record]] = {reference: [] for reference in self._names}
        self._maybe: dict[str, list[Record]] = {reference: [] for reference in self._names}
        for reference, name in self._names.items():
            for record in look(name):
                means = self._means(name, record)
                if means is not False:
                    (self._meant if means else self._maybe)[reference].append(record)

    def told(self, record: Record) -> Record:
        """The record with the answers to all that is asked: yes, no, or nobody can say."""
        if not self._asked:
            return record
        answered = {asked: self._answer(*asked, record) for asked in self._asked}
        return msgspec.structs.replace(record, answered=answered)

    def _answer(self, meaning: str, reference: str, record: Record) -> bool | None:
        name = self._names[reference]
        answers = [self._means(name, record)]
        if not self._meant[reference] and not name.type:
            # Nobody here is called so: whoever bears this name elsewhere may be here under another.
            answers.append(None)
        if meaning == "related":
            answers += [self._points(one, record) for one in self._meant[reference]]
            answers += [self._points(one, record) and None for one in self._maybe[reference]]
        if meaning == "dependents":
            answers += [self._points(record, one) for one in self._meant[reference]]
            answers += [self._points(record, one) and None for one in self._maybe[reference]]
            answers += [True for pointer in record.pointers if self._same(pointer, name)]
        return True if True in answers else None if None in answers else False

    def _points(self, record: Record, other: Record) -> bool | None:
        """Whether a record points at another one."""
        if record.refers is None:
            return None
        answers = [self._means(pointer, other) for pointer in record.pointers]
        return True if True in answers else None if None in answers else False

    def _means(self, name: Pointer, record: Record) -> bool | None:
        """Whether a name means a record."""
        if name.id:
            if name.id != record.id or name.type not in ("", record.type):
                return False
            return True if self._here(name) else None
        if self._bears(record, name):
            return True
        return None if may_mean(name, record.type, record.id, record.called) else False

    def _bears(self, record: Record, name: Pointer) -> bool:
        """Whether a record bears the business identifier, system and value, that a name is."""
        if not name.exact or not record.called or name.type not in ("", record.type):
            return False
        return not record.called.isdisjoint(identifiers_of(name))

    def _same(self, one: Pointer, other: Pointer) -> bool:
        """Whether two pointers give one name."""
        if one.id or other.id:
            return (one.type, one.id) == (other.type, other.id) and self._here(one) is self._here(other)
        return one.exact and other.exact and not set(identifiers_of(one)).isdisjoint(identifiers_of(other))

    def _here(self, name: Pointer) -> bool:
        return not name.server or name.server in self._servers

    def _name(self, reference: str) -> Pointer:
        return named(local(reference, self._servers))


NOTHING_ASKED = Related((), lambda name: (), ())
"""Where no consent names a record."""
