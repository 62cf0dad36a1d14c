"""What a clinician's screen asks of other places: all at once, so that one that hangs holds up neither her nor others.

What they give lies in the memory of the process alone, with the screen that it is for (sent.py).
"""

import threading
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from medrec.node.peers.peers import LANES, PeerError
from medrec.node.release.practitioners import Practitioner
from medrec.node.release.receive import NotGenuineError, Received, request_records

if TYPE_CHECKING:
    from medrec.node.node import Node

PAGES_MAX = 20
PATIENCE_S = 3.0
"""How long a screen waits before it is shown with what came."""


class Answer(NamedTuple):
    """What a place let out, page by page, and what went wrong with the rest."""

    pages: list[Received]
    error: Exception | None = None


class SoFar(NamedTuple):
    """What came until one moment, in the order in which the places were named, and who had not answered by then."""

    answers: list[tuple[str, Answer]]
    waiting: list[str]


class Asking:
    """One question about a patient to several places; safe to use from several threads."""

    def __init__(self, node: "Node", places: Sequence[str], account: str, who: Practitioner, why: tuple[str, str]):
        """`why` is the purpose and the reason."""
        self.places, self.began = tuple(places), node.clock()
        self._node, self._account, self._who, self._why = node, account, who, why
        self._answers: dict[str, Answer] = {}
        self._changed = threading.Condition()
        self._left = deque(places)
        for _ in range(min(len(places), LANES)):
            threading.Thread(target=self._ask_on, name="ask-others", daemon=True).start()

    def wait(self, seconds: float) -> bool:
        """Wait so long at most; whether all have answered."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._answers) == len(self.places), seconds)

    def so_far(self) -> SoFar:
        """What came so far and who is waited for, both of one moment: who answers while the screen is made is on the
        next one, which this one has to ask for. Raises what went wrong here, and not there."""
        with self._changed:
            found = [(place, self._answers[place]) for place in self.places if place in self._answers]
            waiting = [place for place in self.places if place not in self._answers]
        for _, answer in found:
            if answer.error is not None and not isinstance(answer.error, PeerError | NotGenuineError):
                raise answer.error
        return SoFar(found, waiting)

    def _ask_on(self) -> None:
        while True:
            try:
                place = self._left.popleft()
            except IndexError:
                return
            answer = self._ask(place)
            with self._changed:
                self._answers[place] = answer
                self._changed.notify_all()

    def _ask(self, place: str) -> Answer:
        """Everything that a place lets out, page by page."""
        (purpose, reason), after, pages = self._why, "", list[Received]()
        try:
            while len(pages) < PAGES_MAX:
                page = request_records(
                    self._node, place, self._account,
                    practitioner=self._who, purpose=purpose, reason=reason, after=after,
                )  # fmt: skip
                pages.append(page)
                if not page.more:
                    break
                after = page.more
        except Exception as error:
            return Answer(pages, error)
        return Answer(pages)
