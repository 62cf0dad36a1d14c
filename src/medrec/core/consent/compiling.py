"""Consents -> one flat list of rules for one person.

A rule is a path through a tree of provisions: all conditions on the path must hold. Each rule names its parent, so
that where an exception holds its parent does not count. What depends on the request alone is kept apart from what
depends on the record (`tests`), so that the first part is done once per request.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from medrec.core.consent import systems, terms
from medrec.core.consent.names import is_holder, is_stranger, split
from medrec.core.consent.policy import Effect, Given, Policy, Provision, Unreadable
from medrec.core.consent.tables import Table, table
from medrec.core.consent.times import EVER, Span

Strength = Literal["floor", "provision", "base", "default"]
"""What a rule comes from: the law, a provision that a person wrote, what her consent says for all the rest, or what
holds where nobody says anything."""

NO_PARENT = -1


class Rule(msgspec.Struct, frozen=True):
    """One path. It holds from `start` until before `end` (ms), for these purposes (None: every one), for actions
    that each of `actions` is about, for a requester that is in each of `actors` and a holder that is in each of
    `custodians`, and for a record that passes every one of `tests`, pairs of the name of a test and its value.

    `names` are the sensitivities that the path names; a rule of the law is `lifted` by a permit that names one.
    """

    number: int
    parent: int
    consent: str
    effect: Effect
    strength: Strength
    dated: int
    start: int
    end: int
    purposes: frozenset[str] | None
    actions: tuple[frozenset[str], ...]
    actors: tuple[frozenset[str], ...]
    custodians: tuple[frozenset[str], ...]
    tests: tuple[tuple[str, Any], ...]
    names: frozenset[str] = frozenset()
    lifted: frozenset[str] = frozenset()
    force: int = 0
    """What it is combined by: 3 the law, 2 an explicit deny, 1 a permit to somebody, 0 what is said for everybody."""
    plain: bool = True
    """Whether it puts no condition on action, holder and type, so that these need not be looked at."""
    at_best: bool = True
    """Whether it counts before a record is known, at best for the requester: a permit may mean every record, a deny
    with conditions on the record may spare every one."""
    content: bool = False
    """Whether it asks for more of a record than its type: then what it holds back shows by what is missing."""
    blind: bool = False
    """Whether it denies by a code that can be compared with nothing: no record is surely spared by that code."""


class Notice(msgspec.Struct, frozen=True):
    """A text that travels with records that carry one of these sensitivities: its code, and the law it stands in."""

    code: str
    labels: frozenset[str]
    source: str


class Broken(msgspec.Struct, frozen=True):
    """A consent that could not be read, why, and from when it does not matter any more."""

    consent: str
    reason: str
    until: int


class Codes(NamedTuple):
    """Codes that a provision names, as tokens: all of them, those systems among them that nobody here knows, the codes
    without their systems, those that are media types, whether one is a type or a profile of which a record need not say
    that it is one, and all of them in capitals."""

    tokens: frozenset[str]
    strange: frozenset[str]
    bare: frozenset[str]
    media: frozenset[str]
    undeclared: bool
    capitals: frozenset[str]

    @property
    def blind(self) -> bool:
        """Whether no record is surely without these: one is of a system that nobody here knows, or need not be said."""
        return self.undeclared or bool(self.strange)


Mark = tuple[int, int, int, bool]
"""What a consent says about marks: how new it is, from when until when it says so, and yes or no."""


class Rules(msgspec.Struct, frozen=True):
    """All that decides about one person's records.

    `by_purpose` holds, for each purpose that a rule names, the rules that cover it; `every_purpose` those that name
    none, for all other purposes. `strangers` are the actors of whom the ledger alone does not say who they are.
    `marks` are what her consents say about marks: how new, from when until when, and yes or no. `turns` are the times
    (ms) at which something of all this begins or ends, in order: between two of them every decision is the same.
    `unheld` are the holders of data of whom the ledger alone does not say who they are, `roles` the actors of whom a
    role is asked. `blind`: one of them denies by a code that can be compared with nothing.
    """

    every: tuple[Rule, ...]
    by_purpose: dict[str, Table]
    every_purpose: Table
    broken: tuple[Broken, ...] = ()
    notices: tuple[Notice, ...] = ()
    strangers: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()
    turns: tuple[int, ...] = ()
    unheld: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    blind: bool = False


class Floor(msgspec.Struct, frozen=True):
    """A rule of the law: records with one of these sensitivities do not go out for these purposes (None: for none).

    Where `lifted` is set, a permit that names one of these sensitivities itself lifts it: a consent of its own. `ages`:
    it holds for a person from one birthday until another (years).
    """

    id: str
    labels: frozenset[str]
    purposes: frozenset[str] | None
    lifted: frozenset[str]
    source: str
    ages: tuple[int, int] | None = None


def compile_consents(consents: Iterable[Given], floor: Sequence[Floor] = (), notices: Sequence[Notice] = ()) -> Rules:
    """The rules of a person. The order and repetition of the consents make no difference."""
    # Of copies of one consent the one that ends first counts.
    unique = {given.id: given for given in sorted(consents, key=lambda given: (given.id, -_end(given)))}
    rules: list[Rule] = [_floor(law, number) for number, law in enumerate(sorted(floor, key=lambda law: law.id))]
    broken: list[Broken] = []
    marks: list[Mark] = []
    for name in sorted(unique):
        given = unique[name]
        if isinstance(given.content, Unreadable):
            broken.append(Broken(name, given.content.code, _end(given)))
        elif given.content.in_force:
            rules += _Compiler(given, given.content, len(rules)).rules()
            if given.content.marks is not None:
                start, end = given.content.period
                if given.content.marks and given.permits_until is not None:
                    # What a clinic attests opens for thirty days, and marks are an opening.
                    end = min(end, given.permits_until)
                marks.append((given.content.dated, start, min(end, _end(given)), given.content.marks))
    return gather(rules, tuple(broken), tuple(notices), tuple(sorted(marks)))


def marks_allowed(rules: Rules, now: int) -> bool:
    """Whether what goes out may say that something is held back: as the newest consent says that says anything
    about it, no at the same instant, and no if none does."""
    said = [(dated, not allowed) for dated, start, end, allowed in rules.marks if start <= now < end]
    return bool(said) and not max(said)[1]


def unturned(rules: Rules, then: int, now: int) -> bool:
    """Whether nothing began or ended between two times (ms), so that what was decided then is what is decided now."""
    return bisect_right(rules.turns, then) == bisect_right(rules.turns, now)


def gather(
    rules: Sequence[Rule],
    broken: tuple[Broken, ...] = (),
    notices: tuple[Notice, ...] = (),
    marks: tuple[Mark, ...] = (),
) -> Rules:
    """Flat rules, with the index that finds those of a purpose."""
    purposes = sorted({purpose for rule in rules if rule.purposes is not None for purpose in sorted(rule.purposes)})
    by_purpose = {
        purpose: table([rule for rule in rules if rule.purposes is None or purpose in rule.purposes])
        for purpose in purposes
    }
    every_purpose = table([rule for rule in rules if rule.purposes is None])
    actors = {token for rule in rules for named in rule.actors for token in sorted(named)}
    strangers = tuple(token for token in sorted(actors) if is_stranger(token))
    holders = {token for rule in rules for named in rule.custodians for token in sorted(named)}
    unheld = tuple(token for token in sorted(holders) if not is_holder(token))
    turns = {turn for rule in rules for turn in (rule.start, rule.end)}
    turns.update(item.until for item in broken)
    turns.update(turn for _, start, end, _ in marks for turn in (start, end))
    roles = tuple(token for token in sorted(actors) if split(token)[1])
    blind = any(rule.blind for rule in rules)
    ended = tuple(sorted(turns))
    return Rules(
        tuple(rules), by_purpose, every_purpose, broken, notices, strangers, marks, ended, unheld, roles, blind
    )


def _end(given: Given) -> int:
    return EVER if given.revoked is None else given.revoked


def _floor(law: Floor, number: int) -> Rule:
    return Rule(
        number,
        NO_PARENT,
        law.id,
        "deny",
        "floor",
        -EVER,
        -EVER,
        EVER,
        None if law.purposes is None else terms.met(law.purposes),
        (),
        (),
        (),
        (("label", (law.labels, frozenset(), "deny")),),
        lifted=law.lifted,
        force=3,
        at_best=False,
        content=True,
    )


class _Compiler:
    """Walks one consent."""

    def __init__(self, given: Given, policy: Policy, first: int) -> None:
        self.given = given
        self.policy = policy
        self.first = first
        self.found: list[Rule] = []
        self.silent = terms.RESEARCH if policy.silent == "research" else terms.CARE

    def rules(self) -> list[Rule]:
        policy = self.policy
        parent = NO_PARENT
        if policy.base is not None:
            # Where the consent has an exception to it, its base is only what it says for all the rest.
            general = any(provision.effect != policy.base for provision in policy.provisions)
            parent = self._add(policy.base, (), NO_PARENT, "base" if general else "provision")
        for provision in policy.provisions:
            self._walk(provision, (), parent)
        return self.found

    def _walk(self, provision: Provision, above: tuple[Provision, ...], parent: int) -> None:
        path = (*above, provision)
        number = self._add(provision.effect, path, parent, "provision")
        for exception in provision.exceptions:
            self._walk(exception, path, number)

    def _add(self, effect: Effect, path: tuple[Provision, ...], parent: int, strength: Strength) -> int:
        number = self.first + len(self.found)
        periods = [self.policy.period, *(provision.period for provision in path)]
        ends = [_end(self.given), *(period.end for period in periods)]
        if effect == "permit" and self.given.permits_until is not None:
            ends.append(self.given.permits_until)
        actions = tuple(provision.actions for provision in path if provision.actions is not None)
        custodians = tuple(provision.custodians for provision in path if provision.custodians is not None)
        tests = tuple(test for provision in path for test in record_tests(provision))
        meant = terms.covered if effect == "permit" else terms.met
        purposes = _both([None if p.purposes is None else meant(p.purposes) for p in path])
        if purposes is None and effect == "permit":
            purposes = self.silent
        recipients = tuple(provision.recipients for provision in path if provision.recipients is not None)
        # A permit that names nobody and a base both speak for everybody: of these the newest is what she wants now.
        for_everybody = strength == "base" or (effect == "permit" and not recipients)
        self.found.append(
            Rule(
                number,
                parent,
                self.given.id,
                effect,
                strength,
                self.policy.dated,
                max(period.start for period in periods),
                min(ends),
                purposes,
                actions,
                recipients,
                custodians,
                tests,
                frozenset().union(*(provision.labels or frozenset() for provision in path)),
                force=0 if for_everybody else 2 if effect == "deny" else 1,
                plain=not actions and not custodians and all(name != "kind" for name, _ in tests),
                at_best=effect == "permit" or not tests,
                content=any(name not in ("kind", "document") for name, _ in tests),
                blind=effect == "deny" and any(map(is_blind, tests)),
            )
        )
        return number


def record_tests(provision: Provision) -> list[tuple[str, Any]]:
    """The conditions of one provision that depend on the record, as pairs of the name of a test and its value."""
    found: list[tuple[str, Any]] = []
    for kinds in (provision.kinds, provision.documents):
        if kinds is not None:
            types = frozenset(kind for kind in sorted(kinds) if "|" not in kind)
            found.append(("kind", kinds) if types == kinds else ("document", (types, named_codes(kinds - types))))
    if provision.labels is not None or provision.confidentiality is not None:
        levels = frozenset(terms.rank(level) for level in sorted(provision.confidentiality or ()))
        found.append(("label", (provision.labels or frozenset(), levels, provision.effect)))
    if provision.codes is not None:
        found.append(("code", named_codes(provision.codes)))
    if provision.authors is not None:
        found.append(("author", provision.authors))
    if provision.data_period is not None:
        found.append(("date", Span(*provision.data_period)))
    if provision.data is not None:
        found.append(("data", tuple(sorted(provision.data))))
    return found


def named_codes(tokens: frozenset[str]) -> Codes:
    """What a decision asks about these codes."""
    named = {systems.system_of(one) for one in sorted(tokens)}
    return Codes(
        tokens,
        frozenset(one for one in sorted(named) if not systems.is_known(one)),
        frozenset(systems.code_of(one) for one in sorted(tokens)),
        frozenset(one for one in sorted(tokens) if systems.system_of(one) == systems.MEDIA_TYPES),
        not named.isdisjoint((systems.RESOURCE_TYPES, systems.PROFILES)),
        frozenset(one.upper() for one in sorted(tokens)),
    )


def is_blind(test: tuple[str, Any]) -> bool:
    """Whether a condition is in doubt, or met, whatever a record holds."""
    name, value = test
    return (name == "code" and value.blind) or (name == "document" and value[1].blind)


def seen(rule: Rule) -> Rule:
    """A denial of what surely carries its codes, and of nothing that only may."""

    def sure(test: tuple[str, Any]) -> tuple[str, Any]:
        name, value = test
        if not is_blind(test):
            return test
        codes = value if name == "code" else value[1]
        certain = Codes(codes.tokens, frozenset(), frozenset(), frozenset(), False, frozenset())
        return name, certain if name == "code" else (value[0], certain)

    return msgspec.structs.replace(rule, tests=tuple(map(sure, rule.tests)), blind=False)


def strange_codes(rules: Iterable[Rule]) -> tuple[str, ...]:
    """The codes in rules that may mean any record: of systems that nobody here knows, no types of FHIR's, profiles."""
    every = [value for rule in rules for name, value in rule.tests if name == "code"]
    every += [value[1] for rule in rules for name, value in rule.tests if name == "document"]
    doubted = {systems.RESOURCE_TYPES, systems.PROFILES}.union(*(codes.strange for codes in every))
    return tuple(sorted({one for codes in every for one in sorted(codes.tokens) if systems.system_of(one) in doubted}))


def _both(conditions: Sequence[frozenset[str] | None]) -> frozenset[str] | None:
    """What passes all conditions; None puts none."""
    found: frozenset[str] | None = None
    for condition in conditions:
        if condition is not None:
            found = condition if found is None else found & condition
    return found
