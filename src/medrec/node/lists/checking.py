"""A site's own checker beside those that ship: it may fail, hang or say nonsense, and no list waits for it or goes
without. That it did not answer stands where its notices would, for whoever reads them believes that there are none.

A site's package names it as an entry point of the group `medrec.checkers`: a class, or a function that makes one.
"""

import logging
import threading
from collections.abc import Iterable
from importlib.metadata import entry_points
from itertools import islice
from queue import Empty, SimpleQueue

from medrec.core.reconcile.lists import Read
from medrec.core.reconcile.notices import Checker, Notice, NoticeRule, notice
from medrec.core.reconcile.rows import ProblemRow
from medrec.core.records.dates import DAY_MS
from medrec.core.records.terms import Terms

GROUP = "medrec.checkers"
WAIT_S = 2.0
"""So long a list waits for one checker."""
SENTENCE_MAX, NOTICES_MAX = 500, 200
FAILED = "A checker of this place gave no answer. What it knows of is missing here."

log = logging.getLogger(__name__)


class Guarded:
    """A checker that cannot take a list with it. One that hangs is not asked again before it has come back."""

    def __init__(self, name: str, checker: Checker, wait_s: float = WAIT_S) -> None:
        self._name, self._checker, self._wait_s = name, checker, wait_s
        self._busy: threading.Thread | None = None

    def notices(self, read: Read, terms: Terms) -> Iterable[Notice]:
        """See Checker; that there is no answer, or none that can be shown, is one notice that says so."""
        found = self._asked(read, terms)
        if found is None:
            log.warning("the checker %s gave no answer that can be shown", self._name)
            # Put away for today: tomorrow's silence is another one.
            return [notice(NoticeRule.LICENSED, FAILED, (), self._name, (str(read.as_of // DAY_MS),))]
        return found

    def _asked(self, read: Read, terms: Terms) -> list[Notice] | None:
        if self._busy is not None and self._busy.is_alive():
            return None
        answer: SimpleQueue[list[Notice] | None] = SimpleQueue()

        def ask() -> None:
            try:
                answer.put(self._sound(read, list(islice(self._checker.notices(read, terms), NOTICES_MAX + 1))))
            except BaseException:
                # Whatever another's program raises ends its own answer alone.
                answer.put(None)

        self._busy = threading.Thread(target=ask, name=f"checker-{self._name}", daemon=True)
        self._busy.start()
        try:
            return answer.get(timeout=self._wait_s)
        except Empty:
            return None

    def _sound(self, read: Read, found: list[Notice]) -> list[Notice] | None:
        """The notices with the names that their facts give them; None where one is none, or rests on what is not
        here."""
        rows = {row.key: row for row in read.rows if not isinstance(row, ProblemRow)}
        made = []
        for one in found:
            fits = isinstance(one, Notice) and isinstance(one.sentence, str) and 0 < len(one.sentence) <= SENTENCE_MAX
            if not fits or not all(key in rows for key in one.rows) or not isinstance(one.source, str):
                return None
            # Its rule is its own: a program of another's does not speak as the label or as MedRec's rules.
            behind = [rows[key] for key in one.rows]
            made.append(notice(NoticeRule.LICENSED, one.sentence, behind, one.source or self._name, (one.sentence,)))
        return made if len(made) <= NOTICES_MAX else None


def installed() -> list[Guarded]:
    """The checkers that packages of this site name, in the order of their names; one that cannot be loaded is there as
    one that gives no answer."""
    found = []
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            found.append(Guarded(point.name, point.load()()))
        except Exception:
            log.warning("the checker %s cannot be loaded", point.name)
            found.append(Guarded(point.name, _Absent()))
    return found


class _Absent:
    """A checker that is not there."""

    def notices(self, read: Read, terms: Terms) -> Iterable[Notice]:
        """Raises LookupError."""
        raise LookupError("it could not be loaded")
