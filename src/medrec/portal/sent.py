"""Forms that were sent: each is done once, and what it asks to be shown has an address of its own.

A page is never the answer to a form. The form is done and the browser goes on to a page, which it may load again, go
back to, or ask for in another language, and nothing is done a second time. What a form asked to be shown stands under
a random number, for the session that sent it: an address says nothing of whom it is about.

A browser whose page hangs sends its form again. Each copy of a form has a number; of one copy with the same words, the
answer to the first holds.
"""

import hashlib
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from medrec.node.right_person.finding import LOOK_LIFE_MS
from medrec.portal.page import PageError, Shows, Visit
from medrec.portal.room import Room

if TYPE_CHECKING:
    from medrec.portal.session import Session

COPY = "copy"
"""The field of the number that each copy of a form has."""
ASKED = "form"
"""The part of an address that names what a form asked to be shown."""
EACH, EVERYBODY = 12, 600
ANSWERS_EACH, ANSWERS = 200, 20_000
_copies = itertools.count(1)


def copy() -> str:
    """A number for one more copy of a form: no other of this process has it."""
    return str(next(_copies))


class _Asked(NamedTuple):
    path: str
    shows: Shows


class _Answer:
    """Where a form led; "" as long as it was not done."""

    def __init__(self, address: str) -> None:
        self.address = address


class Sent:
    """What was sent to one site; safe to use from several threads."""

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._random = random
        self._asked: Room[_Asked] = Room(EACH, EVERYBODY)
        self._answers: Room[str] = Room(ANSWERS_EACH, ANSWERS)
        self._lock = threading.Lock()
        self._running: set[str] = set()

    def keep(self, visit: Visit, path: str, shows: Shows) -> str:
        """The address, of the page at `path`, that shows this from now on, as long as a look lasts.

        Raises TypeError for a page: it is no answer to a form.
        """
        if not isinstance(shows, Shows):
            raise TypeError("the answer to a form is a page")
        number, owner = self._random(16).hex(), _owner(visit.session)
        self._asked.put(f"{owner} {number}", _Asked(path, shows), owner, visit.now + LOOK_LIFE_MS, visit.now)
        query = {name: value for name, value in visit.query.items() if name not in ("lang", "done", ASKED)}
        return f"{path}?{urlencode({**query, ASKED: number})}"

    def find(self, visit: Visit, path: str) -> Shows | None:
        """What the address of this visit shows because a form asked for it."""
        found = self._asked.get(f"{_owner(visit.session)} {visit.query.get(ASKED, '')}", visit.now)
        return found.shows if found is not None and found.path == path else None

    @contextmanager
    def once(self, visit: Visit, address: str) -> Iterator[_Answer]:
        """Where a form led is written into what this gives, and is found there by one who sends the same copy again.

        Raises PageError (form-running) while the first is still being done. What fails leaves nothing: it may be sent
        again.
        """
        if visit.session is None or COPY not in visit.form:
            yield _Answer("")
            return
        owner, now = _owner(visit.session), visit.now
        name = hashlib.sha256(repr((owner, address, sorted(visit.form.items()))).encode("utf-8", "replace")).hexdigest()
        with self._lock:
            if name in self._running:
                raise PageError(409, "form-running")
            self._running.add(name)
        try:
            answer = _Answer(self._answers.get(name, now) or "")
            yield answer
            if answer.address:
                self._answers.put(name, answer.address, owner, now + LOOK_LIFE_MS, now)
        finally:
            with self._lock:
                self._running.discard(name)


def _owner(session: "Session | None") -> str:
    return session.csrf if session is not None else ""
