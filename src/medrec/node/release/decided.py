"""Decisions that were made before by the same rules, for the same who asks for the same.

A decision follows from the facts of a request, the rules and the time, and from nothing else; between two times at
which nothing begins or ends it is the same (`unturned`, a law of the core). So none that is remembered can be stale:
the rules are those of the consents that the store holds at this very read, and other consents make other rules.
"""

from typing import NamedTuple

from medrec.core.consent.compiling import Rules, unturned
from medrec.core.consent.decide import Decision, decide
from medrec.core.consent.facts import Request as Facts
from medrec.core.consent.meant import Meant
from medrec.core.consent.replay import facts_of
from medrec.core.consent.terms import EMERGENCY
from medrec.core.manifests.access import Request

REMEMBERED_MAX = 5_000


class _Made(NamedTuple):
    """A decision, what it was made of, and when."""

    rules: Rules
    now: int
    decision: Decision


class Decided:
    """The facts of requests at one organisation, and the decisions about them; may be asked from any thread."""

    def __init__(self, holder: str) -> None:
        self._holder = holder
        self._facts: dict[tuple[object, ...], tuple[Rules, Facts]] = {}
        self._made: dict[tuple[int, Facts], _Made] = {}

    def facts(self, request: Request, rules: Rules, meant: Meant) -> Facts:
        """See replay.facts_of."""
        if request.purpose in EMERGENCY:
            # Its rules are made for it alone: they would be kept for nobody.
            return facts_of(request, self._holder, rules, meant)
        # All of a request that it looks at. Rules are told by which they are: they are kept here as long as their name.
        asked = (request.requester, request.identity, request.role, request.purpose, request.door, *request.types)
        name = (id(rules), meant, *asked)
        found = self._facts.get(name)
        if found is None or found[0] is not rules:
            if len(self._facts) >= REMEMBERED_MAX:
                self._facts = {}
            found = self._facts[name] = (rules, facts_of(request, self._holder, rules, meant))
        return found[1]

    def decide(self, facts: Facts, rules: Rules, now: int) -> Decision:
        """See decide.decide."""
        if not EMERGENCY.isdisjoint(facts.purposes):
            return decide(facts, rules, now)
        name = (id(rules), facts)
        found = self._made.get(name)
        if found is None or found.rules is not rules or not unturned(rules, found.now, now):
            if len(self._made) >= REMEMBERED_MAX:
                self._made = {}
            found = self._made[name] = _Made(rules, now, decide(facts, rules, now))
        return found.decision
