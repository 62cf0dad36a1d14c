"""The simple decision: who may receive which types of records, until when.

Default deny: nothing is open that no rule opens. A deny wins over every permit. A rule that cannot be read closes
everything, because it might be a deny. The verdict depends on the set of rules only, not on their order or number.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

EVERYBODY = "*"
COVERED_PURPOSES = frozenset({"TREAT", "CAREMGT", "PATRQT"})
"""What a consent without purposes covers: care and the person's own request (HL7 v3 PurposeOfUse)."""

Effect = Literal["permit", "deny", "indeterminate"]


class Asked(NamedTuple):
    """What is decided: an organisation, the types it wants (empty = every type), and its purpose of use."""

    requester: str
    types: frozenset[str]
    purpose: str


class Rule(NamedTuple):
    """A consent in force, by its id. Empty `types` stands for every type; it ends when `until` (ms) is reached."""

    id: str
    effect: str
    recipients: frozenset[str]
    types: frozenset[str]
    until: int | None


class Decision(NamedTuple):
    """The verdict, with what it rests on, so that anybody who holds the same rules can decide it again.

    `permitted` None stands for every type; `withheld` is taken off it. `decided` names the rules that made the
    verdict, `broken` those that could not be read. `reason` is one of permitted, denied, no-consent,
    purpose-not-covered, consent-broken.
    """

    effect: Effect
    reason: str
    permitted: frozenset[str] | None = frozenset()
    withheld: frozenset[str] = frozenset()
    decided: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()

    def allows(self, kind: str) -> bool:
        """Whether records of this type may go out."""
        return kind not in self.withheld and (self.permitted is None or kind in self.permitted)


def decide(request: Asked, rules: Iterable[Rule], now: int) -> Decision:
    """Who asked may have what? `now` is in milliseconds."""
    rules = list(rules)
    # First, so that this answer says nothing about the person: it is the same whatever her rules are.
    if request.purpose not in COVERED_PURPOSES:
        return Decision("deny", "purpose-not-covered")
    broken = _ids(rule for rule in rules if not _readable(rule))
    if broken:
        return Decision("indeterminate", "consent-broken", broken=broken)
    matching = [rule for rule in rules if _matches(rule, request, now)]
    denies = [rule for rule in matching if rule.effect == "deny"]
    permits = [rule for rule in matching if rule.effect == "permit"]
    total = [rule for rule in denies if not rule.types]
    if total:
        return Decision("deny", "denied", decided=_ids(total))
    if not permits:
        return Decision("deny", "denied" if denies else "no-consent", decided=_ids(denies))
    withheld = frozenset().union(*(rule.types for rule in denies)) if denies else frozenset[str]()
    permitted = None if any(not rule.types for rule in permits) else frozenset().union(*(r.types for r in permits))
    if request.types:
        permitted = request.types if permitted is None else request.types & permitted
    if permitted is not None and not permitted - withheld:
        return Decision("deny", "denied", decided=_ids(denies))
    return Decision("permit", "permitted", permitted, withheld, _ids(matching))


def _matches(rule: Rule, request: Asked, now: int) -> bool:
    if rule.until is not None and now >= rule.until:
        return False
    if request.requester not in rule.recipients and EVERYBODY not in rule.recipients:
        return False
    return not rule.types or not request.types or not rule.types.isdisjoint(request.types)


def _readable(rule: Rule) -> bool:
    return rule.effect in ("permit", "deny") and bool(rule.recipients)


def _ids(rules: Iterable[Rule]) -> tuple[str, ...]:
    return tuple(sorted({rule.id for rule in rules}))
