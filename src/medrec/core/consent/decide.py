"""The decision: may this requester have this person's records, and which?

In plain words:

1. A consent that cannot be read might forbid it, so nothing goes out. A request without a purpose gets nothing.
2. Each purpose is decided by itself; what goes out is what every one of them permits.
3. Of each consent count the provisions that match and have no exception that matches.
4. Of what is then left counts, in this order: the law; the person's explicit deny; a provision over what a consent
   says for all the rest; of the latter, the newest. A deny that counts denies. If nothing counts, it is denied.
5. What cannot be known counts against release: a deny that may match does, a permit that may match does not.

`decide` does this once for a request, as far as it can be known without a record; `judge` does it for each record.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from medrec.core.consent import terms
from medrec.core.consent.compiling import NO_PARENT, Notice, Rule, Rules, is_blind, marks_allowed
from medrec.core.consent.conditions import TESTS
from medrec.core.consent.facts import Record, Request
from medrec.core.consent.tables import Row, Table

Verdict = Literal["permit", "deny", "indeterminate"]


LAW = ("floor", "default")
"""Strengths of rules that no consent says."""
NO_DOUBT: frozenset[int] = frozenset()
NOTHING: tuple[str, ...] = ()


class Redaction(NamedTuple):
    """What a releasing system has to hold back: `only` what matches one of `parts`, or "all-except" it.

    A part is a conjunction of pairs (test, value). It is a summary for people and for other systems; `judge` decides.
    """

    mode: Literal["only", "all-except"]
    parts: tuple[tuple[tuple[str, Any], ...], ...]


class Decision(msgspec.Struct, frozen=True):
    """The verdict about a request. "permit" says that something may go out; ask `judge` of each record.

    `reason`: permitted, denied, no-consent, consent-broken, purpose-missing, purpose-unknown, actor-unresolved,
    codes-unknown.
    `decided` names the consents that bear on the request (whoever has them can decide it again), `broken` those that
    could not be read, `law` the lines of the legal floor that bear on it. `attach` is what has to travel with the
    answer; `marks` whether it may say that something is held back. `left` holds, per purpose, the rules that are left
    to be held against each record, `doubtful` those of which it is not known whether they mean the requester.
    """

    effect: Verdict
    reason: str
    decided: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    attach: tuple[str, ...] = ()
    left: tuple[tuple[Rule, ...], ...] = ()
    doubtful: frozenset[int] = frozenset()
    notices: tuple[Notice, ...] = ()
    law: tuple[str, ...] = ()
    marks: bool = False

    @property
    def redact(self) -> tuple[Redaction, ...]:
        """What has to be held back, one redaction a purpose that asks for one; all of them hold."""
        asked = [_redaction(bearing) for bearing in self.left]
        return tuple(redaction for redaction in asked if redaction is not None)

    @property
    def is_cut(self) -> bool:
        """Whether something is held back, or may be, by a consent. What the law keeps from everybody (the notes of a
        psychotherapist) is not counted."""
        whole = all(
            any(rule.effect == "permit" and not rule.tests for rule in bearing)
            and not any(rule.effect == "deny" and rule.strength != "floor" for rule in bearing)
            for bearing in self.left
        )
        return self.effect != "permit" or bool(self.doubtful) or not whole


class Judgement(msgspec.Struct, frozen=True):
    """The verdict about one record, the consents (and the law) that decided, and what has to travel with it.

    `reason`: permitted, denied, no-consent, or what is not known of the record: labels-unknown, record-undated,
    author-unknown, references-unknown, codes-unknown, actor-unresolved, record-unread. `hidden` says that it is held
    back for what it is (a label, a code, an author, a date), not for want of a consent or for its type alone: then
    nothing that goes out may point at it. `unnamed` says that it is held back because its type was forbidden in so many
    words: it may be pointed at, and no word beside the pointer may say what it is.
    """

    effect: Verdict
    reason: str
    decided: tuple[str, ...] = ()
    attach: tuple[str, ...] = ()
    law: tuple[str, ...] = ()
    hidden: bool = False
    unnamed: bool = False


NOBODY_SAYS_SO = Judgement("deny", "no-consent")
"""The verdict about a record of which nothing speaks."""
UNREAD = Judgement("indeterminate", "record-unread", hidden=True)
"""The verdict about a record that nobody could read: whatever is permitted, it may be what nobody would permit."""


def decide(request: Request, rules: Rules, now: int) -> Decision:
    """Decide about a request at a time (ms since 1970 UTC)."""
    if rules.broken:
        broken = sorted(item.consent for item in rules.broken if now < item.until)
        if broken:
            return Decision("indeterminate", "consent-broken", broken=tuple(broken))
    if not request.purposes:
        return Decision("indeterminate", "purpose-missing")
    left: list[tuple[Rule, ...]] = []
    doubtful = NO_DOUBT
    for purpose in request.purposes:
        if purpose not in terms.PURPOSES_BELOW:
            return Decision("indeterminate", "purpose-unknown")
        bearing = _bearing(request, rules.by_purpose.get(purpose, rules.every_purpose), now)
        if request.unresolved or request.unheld:
            doubtful |= _doubtful(bearing, request)
        # At best for the requester: every record that a permit could mean, none that a deny could spare.
        hoped = [rule for rule in bearing if rule.at_best]
        # A deny whose exception is a deny of some records alone is one that spares them, as far as something permits
        # them below.
        spared = {rule.parent for rule in bearing if not rule.at_best and rule.parent != NO_PARENT}
        if spared or doubtful:
            # Where such a deny is an exception itself, what it is one to does not count all the same.
            over = {rule.parent for rule in hoped if rule.effect == "deny" and rule.number in spared}
            hoped = [
                rule
                for rule in hoped
                if rule.number not in over and rule.number not in (spared if rule.effect == "deny" else doubtful)
            ]
        # Permits alone permit, whatever they are combined by.
        if not hoped or [rule for rule in hoped if rule.effect == "deny"]:
            best = combine(hoped)
            if best.effect == "deny":
                return _refused(bearing, best, doubtful)
        if rules.blind or doubtful:
            doubt = _shut(bearing, hoped, doubtful)
            if doubt:
                return Decision("indeterminate", doubt, _sources(bearing)[0])
        left.append(bearing)
    ids, law = _sources(left[0] if len(left) == 1 else [rule for bearing in left for rule in bearing])
    attach = NOTHING if terms.EMERGENCY.isdisjoint(request.purposes) else ("break-glass-review",)
    marks = bool(rules.marks) and marks_allowed(rules, now)
    return Decision("permit", "permitted", ids, (), attach, tuple(left), doubtful, rules.notices, law, marks)


def denials_in_doubt(request: Request, rules: Rules, now: int) -> tuple[str, ...]:
    """The consents (ids) with a denial that may bear on a request: it names somebody of whom nobody could say whether
    that is the requester, or the one who holds the data."""
    found: set[str] = set()
    for purpose in request.purposes if request.unresolved or request.unheld else ():
        bearing = _bearing(request, rules.by_purpose.get(purpose, rules.every_purpose), now)
        doubtful = _doubtful(bearing, request)
        found.update(rule.consent for rule in bearing if rule.effect == "deny" and rule.number in doubtful)
    return tuple(sorted(found))


def blind_denials(request: Request, rules: Rules, now: int) -> tuple[Rule, ...]:
    """The denials that may bear on a request by a code that can be compared with nothing."""
    found: dict[int, Rule] = {}
    for purpose in request.purposes if rules.blind else ():
        bearing = _bearing(request, rules.by_purpose.get(purpose, rules.every_purpose), now)
        found |= {rule.number: rule for rule in bearing if rule.blind}
    return tuple(found.values())


def judge(decision: Decision, record: Record) -> Judgement:
    """Decide about one record of a request that `decide` has decided about."""
    if decision.effect != "permit":
        return Judgement(decision.effect, decision.reason, decision.decided)
    if record.unread:
        return UNREAD
    decided: list[str] = []
    for bearing in decision.left:
        found = _judge(bearing, record, decision.doubtful)
        if found.effect != "permit":
            return found
        decided += found.decided
    # Where the labels are not known, every notice travels.
    notices = [n.code for n in decision.notices if record.labels is None or not n.labels.isdisjoint(record.labels)]
    if len(decision.left) == 1 and not notices and not decision.attach:
        return found
    return Judgement("permit", "permitted", tuple(sorted(set(decided))), (*decision.attach, *sorted(notices)))


# --- combining ----------------------------------------------------------------------------------------------------

EXPLICIT_DENY = 2
COMBINERS = ("specific-over-general", "explicit-deny", "legal-floor")
"""What a rule is combined by, from the weakest to the strongest; `Rule.force` counts in it (0: said for everybody).

legal-floor: what the law forbids, nobody permits. explicit-deny: what a person has forbidden in so many words is
forbidden, whatever else she permits. specific-over-general: a permit to somebody counts for more than what is said for
everybody (a base, or a permit that names nobody). Of the latter the newest counts; those of the same instant count
together, and then deny wins.
"""


class Outcome(msgspec.Struct, frozen=True):
    """What is left when rules are combined."""

    effect: Literal["permit", "deny"]
    rules: tuple[Rule, ...]


def combine(matching: Sequence[Rule]) -> Outcome:
    """The outcome of rules that match: exceptions first, then the combiners; deny wins, and is the default."""
    if len(matching) == 1:
        return Outcome(matching[0].effect, (matching[0],))
    excepted = {rule.parent for rule in matching}
    rules: list[Rule] = []
    for rule in matching:
        if rule.number in excepted or (rules and rule.force < rules[0].force):
            continue
        if rules and rule.force > rules[0].force:
            rules.clear()
        rules.append(rule)
    if len(rules) > 1 and rules[0].force == 0:
        newest = max([rule.dated for rule in rules])
        rules = [rule for rule in rules if rule.dated == newest]
    denies = tuple([rule for rule in rules if rule.effect == "deny"])
    return Outcome("permit", tuple(rules)) if rules and not denies else Outcome("deny", denies)


# --- one request --------------------------------------------------------------------------------------------------


def _bearing(request: Request, table: Table, now: int) -> tuple[Rule, ...]:
    """The rules whose conditions on the request hold, or may hold, in their order."""
    who = request.who | request.unresolved if request.unresolved else request.who
    names = table.named.keys() & who
    if len(names) < 2:
        found = table.named[names.pop()] if names else table.anyone
        if found.since <= now < found.until and not (found.kinds and request.types):
            return found.rules
        rows: Sequence[Row] = found.rows
    else:
        several = {row[3].number: row for name in sorted(names) for row in table.named[name].rows}
        rows = [several[number] for number in sorted(several)]
    return tuple(
        [
            rule
            for start, end, others, rule in rows
            if start <= now < end
            and not (others and any(map(who.isdisjoint, others)))
            and (rule.plain or _meant(rule, request))
        ]
    )


def _meant(rule: Rule, request: Request) -> bool:
    """Whether the rule is, or may be, about this action, this holder of the data, and one of the types asked for."""
    for named in rule.actions:
        # A permit names all that is done, a denial something of what follows from it.
        if not request.actions <= named if rule.effect == "permit" else request.touches.isdisjoint(named):
            return False
    for holders in rule.custodians:
        if request.custodian.isdisjoint(holders) and request.unheld.isdisjoint(holders):
            return False
    if not request.types:
        return True
    kinds = [value for name, value in rule.tests if name == "kind"]
    return all(not request.types.isdisjoint(value) for value in kinds)


def _doubtful(bearing: Sequence[Rule], request: Request) -> frozenset[int]:
    """The rules that bear on it only if who asks, or who holds the data, is somebody of whom that is not known."""
    who, holder = request.who.isdisjoint, request.custodian.isdisjoint
    return frozenset(rule.number for rule in bearing if any(map(who, rule.actors)) or any(map(holder, rule.custodians)))


def _refused(bearing: Sequence[Rule], best: Outcome, doubtful: frozenset[int]) -> Decision:
    """The refusal of a request as a whole."""
    if doubtful:
        in_doubt = [rule for rule in bearing if rule.number in doubtful]
        sure = [rule for rule in best.rules if rule.number not in doubtful]
        if in_doubt and not sure:
            return Decision("indeterminate", "actor-unresolved", _sources(bearing)[0], _sources(in_doubt)[0])
    denies = [rule for rule in bearing if rule.effect == "deny" and rule.strength != "floor"]
    return Decision("deny", "denied" if denies else "no-consent", _sources(denies)[0])


def _shut(bearing: Sequence[Rule], hoped: Sequence[Rule], doubtful: frozenset[int]) -> str:
    """What nobody knows, where denials in doubt meet all that could be permitted, whatever her records hold; else "".

    A denial meets what a permit opens where each of its conditions on a record is one of the permit's, or is in doubt
    of every record. So this follows from consents and request alone. Which types are asked for makes no difference but
    to what is permitted: one more of them must not find out what is in doubt.
    """
    spared = _spared(bearing, doubtful)
    # No permit outweighs what she denies in so many words. What the law denies may be lifted; a base is the weakest.
    denials = [rule for rule in bearing if rule.force == EXPLICIT_DENY and rule.number not in spared]
    in_doubt = [rule for rule in denials if rule.blind or rule.number in doubtful]
    if not in_doubt:
        return ""
    met: set[int] = set()
    for permit in [rule for rule in hoped if rule.effect == "permit"]:
        meeting = [denial for denial in denials if _meets(denial, permit)]
        if not meeting:
            return ""
        if all(denial in in_doubt for denial in meeting):
            met.update(denial.number for denial in meeting)
    if not met:
        return ""
    return "codes-unknown" if met.isdisjoint(doubtful) else "actor-unresolved"


def _spared(bearing: Sequence[Rule], doubtful: frozenset[int]) -> set[int]:
    """The rules (numbers) that have an exception which may hold."""
    return {rule.parent for rule in bearing if rule.effect == "deny" or rule.number not in doubtful}


def _meets(denial: Rule, permit: Rule) -> bool:
    return all(test in permit.tests or is_blind(test) for test in denial.tests)


def _redaction(bearing: Sequence[Rule]) -> Redaction | None:
    if any(rule.effect == "permit" and not rule.tests for rule in bearing):
        parts = {rule.tests for rule in bearing if rule.effect == "deny" and rule.tests}
        return Redaction("only", _in_order(parts)) if parts else None
    return Redaction("all-except", _in_order({rule.tests for rule in bearing if rule.effect == "permit"}))


def _in_order(parts: Iterable[tuple[tuple[str, Any], ...]]) -> tuple[tuple[tuple[str, Any], ...], ...]:
    return tuple(sorted(parts, key=lambda part: [(name, _text(value)) for name, value in part]))


def _text(value: Any) -> str:
    if isinstance(value, frozenset):
        return " ".join(sorted(map(str, value)))
    return " ".join(map(_text, value)) if isinstance(value, tuple) else str(value)


def _sources(rules: Sequence[Rule]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The consents, and the lines of the law, from which these rules come."""
    consents, law = set(), set()
    for rule in rules:
        if rule.strength in LAW:
            law.add(rule.consent)
        else:
            consents.add(rule.consent)
    return tuple(sorted(consents)), tuple(sorted(law))


# --- one record ---------------------------------------------------------------------------------------------------


def _judge(bearing: Sequence[Rule], record: Record, doubtful: frozenset[int]) -> Judgement:
    matching: list[Rule] = []
    doubts: dict[int, str] = {}
    for rule in bearing:
        held = "actor-unresolved" if rule.number in doubtful else ""
        for name, value in rule.tests:
            answer, doubt = TESTS[name]
            found = answer(value, record, rule.effect)
            if found is False:
                break
            if found is None:
                held = held or doubt
        else:
            if held:
                doubts[rule.number] = held
            if not held or rule.effect == "deny":
                matching.append(rule)
    if not matching and not doubts:
        return NOBODY_SAYS_SO
    if [rule for rule in matching if rule.lifted]:
        named = [rule.names for rule in matching if rule.effect == "permit" and rule.number not in doubts]
        matching = [rule for rule in matching if not any(not rule.lifted.isdisjoint(names) for names in named)]
    outcome = combine(matching)
    if outcome.effect == "permit":
        return Judgement("permit", "permitted", _sources(outcome.rules)[0])
    if not outcome.rules and not doubts:
        return NOBODY_SAYS_SO
    sure = [rule for rule in outcome.rules if rule.number not in doubts]
    hidden = bool([rule for rule in outcome.rules if rule.content])
    unnamed = not hidden and bool([rule for rule in outcome.rules if rule.tests])
    if sure or not doubts:
        consents, law = _sources(sure)
        reason = "denied" if sure else "no-consent"
        return Judgement("deny", reason, consents, law=law, hidden=hidden, unnamed=unnamed)
    in_doubt = _sources([rule for rule in bearing if rule.number in doubts])[0]
    return Judgement("indeterminate", min(doubts.values()), in_doubt, hidden=hidden, unnamed=unnamed)
