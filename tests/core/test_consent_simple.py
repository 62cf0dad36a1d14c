"""The promises of the simple decision, each by its name."""

from hypothesis import given
from hypothesis import strategies as st

from medrec.core.consent.simple import COVERED_PURPOSES, Asked, Decision, Rule, decide

KINDS = ("Observation", "Condition", "MedicationRequest")
WHO = ("north", "south")
NOW = 1000

rules = st.builds(
    Rule,
    id=st.integers(0, 10**6).map(lambda number: f"{number:064x}"),
    effect=st.sampled_from(("permit", "deny")),
    recipients=st.frozensets(st.sampled_from((*WHO, "*")), min_size=1),
    types=st.frozensets(st.sampled_from(KINDS)),
    until=st.none() | st.integers(NOW - 2, NOW + 2),
)
many = st.lists(rules, max_size=6)
asks = st.builds(
    Asked,
    requester=st.sampled_from(WHO),
    types=st.frozensets(st.sampled_from(KINDS)),
    purpose=st.sampled_from(sorted(COVERED_PURPOSES)),
)


def opened(ask: Asked, given_rules: list[Rule], now: int = NOW) -> set[str]:
    """The types that go out; another type stands for all those that no rule names."""
    decision = decide(ask, given_rules, now)
    wanted = ask.types or {*KINDS, "Encounter"}
    return {kind for kind in wanted if decision.effect == "permit" and decision.allows(kind)}


def oracle(ask: Asked, given_rules: list[Rule], kind: str) -> bool:
    """One type, straight from the words: some rule in force permits it to the requester, and none denies it."""

    def says(effect: str) -> bool:
        return any(
            rule.effect == effect
            and (rule.until is None or rule.until > NOW)
            and (ask.requester in rule.recipients or "*" in rule.recipients)
            and (not rule.types or kind in rule.types)
            for rule in given_rules
        )

    return says("permit") and not says("deny")


@given(asks, many)
def test_it_decides_as_the_words_say(ask: Asked, given_rules: list[Rule]) -> None:
    wanted = ask.types or {*KINDS, "Encounter"}
    assert opened(ask, given_rules) == {kind for kind in wanted if oracle(ask, given_rules, kind)}


@given(asks, many)
def test_a_permit_opens_something_and_a_deny_nothing(ask: Asked, given_rules: list[Rule]) -> None:
    decision = decide(ask, given_rules, NOW)
    if decision.effect == "permit" and (ask.types or decision.permitted is not None):
        assert opened(ask, given_rules)
    if decision.effect != "permit":
        assert decision.permitted == frozenset()


@given(asks)
def test_without_rules_everything_is_closed(ask: Asked) -> None:
    assert decide(ask, [], NOW) == Decision("deny", "no-consent")


@given(asks, many, st.randoms())
def test_order_and_repetition_do_not_matter(ask: Asked, given_rules: list[Rule], random: object) -> None:
    shuffled = given_rules * 2
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert decide(ask, shuffled, NOW) == decide(ask, given_rules, NOW)


@given(asks, many, rules)
def test_adding_a_deny_never_opens_anything(ask: Asked, given_rules: list[Rule], more: Rule) -> None:
    assert opened(ask, [*given_rules, more._replace(effect="deny")]) <= opened(ask, given_rules)


@given(asks, many, rules)
def test_adding_a_permit_never_closes_anything(ask: Asked, given_rules: list[Rule], more: Rule) -> None:
    assert opened(ask, [*given_rules, more._replace(effect="permit")]) >= opened(ask, given_rules)


@given(asks, many, st.sampled_from(("", "Permit", "unreadable")))
def test_a_rule_that_cannot_be_read_closes_everything(ask: Asked, given_rules: list[Rule], effect: str) -> None:
    broken = Rule("ff" * 32, effect, frozenset("*"), frozenset(), None)
    decision = decide(ask, [*given_rules, broken], NOW)
    assert (decision.effect, decision.broken) == ("indeterminate", (broken.id,))
    assert not opened(ask, [*given_rules, broken])


@given(asks, many)
def test_the_decision_names_rules_that_repeat_it(ask: Asked, given_rules: list[Rule]) -> None:
    by_id = {rule.id: rule for rule in given_rules}
    unique = list(by_id.values())
    decision = decide(ask, unique, NOW)
    assert set(decision.decided) <= set(by_id)
    again = decide(ask, [by_id[name] for name in decision.decided], NOW)
    if decision.effect == "permit":
        assert again == decision


def test_a_rule_ends_at_its_time_and_not_before() -> None:
    ask = Asked("north", frozenset(), "TREAT")
    rule = Rule("0" * 64, "permit", frozenset({"north"}), frozenset(), NOW)
    assert decide(ask, [rule], NOW - 1).effect == "permit"
    assert decide(ask, [rule], NOW).effect == "deny"


def test_a_purpose_outside_of_care_is_not_covered_whatever_the_rules_are() -> None:
    rule = Rule("0" * 64, "permit", frozenset({"*"}), frozenset(), None)
    ask = Asked("north", frozenset(), "HMARKT")
    assert decide(ask, [rule], NOW) == decide(ask, [], NOW) == Decision("deny", "purpose-not-covered")
