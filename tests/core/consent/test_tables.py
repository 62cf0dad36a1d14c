"""Rules that are found together bear together only while all of them hold, and on all that is asked for."""

import pytest

from medrec.core.consent.access import requested, rules_of
from medrec.core.consent.decide import decide
from medrec.core.consent.policy import Given, Policy, Provision
from medrec.core.consent.times import EVER, Span

GIVEN = [
    ("a", ["clinic"], ["Observation"], 10, 2_000),
    ("b", ["clinic"], ["Condition"], 1_000, EVER),
    ("c", ["clinic", "lab"], [], 500, 3_000),
    ("d", ["*"], [], 30, 4_000),
]
"""Permits: id, to whom, which types, from when, until when (ms)."""


def bearing(who: str, types: tuple[str, ...], now: int) -> set[str]:
    """The consents that bear on a request, each looked at by itself."""
    return {
        name
        for name, recipients, kinds, start, end in GIVEN
        if not {who, "*"}.isdisjoint(recipients)
        and (not types or not kinds or not set(types).isdisjoint(kinds))
        and start <= now < end
    }


def policy(recipients: list[str], kinds: list[str], start: int, end: int) -> Policy:
    named = None if "*" in recipients else frozenset(f"Organization/{name}" for name in recipients)
    provision = Provision(
        effect="permit", period=Span(start, end), recipients=named, kinds=frozenset(kinds) if kinds else None
    )
    return Policy(None, (provision,), 0)


@pytest.mark.parametrize("who", ["clinic", "lab", "stranger"])
@pytest.mark.parametrize("types", [(), ("Observation",), ("Condition", "Procedure"), ("Procedure",)])
@pytest.mark.parametrize("now", [0, 10, 29, 30, 499, 500, 999, 1_000, 1_999, 2_000, 2_999, 3_000, 3_999, 4_000])
def test_rules_that_are_found_together_bear_each_in_its_time_and_on_its_types(
    who: str, types: tuple[str, ...], now: int
) -> None:
    rules = rules_of([Given(name, policy(*said)) for name, *said in GIVEN], ())
    request = requested(rules, requester=who, holder="north", purposes=["TREAT"], types=types)
    decision = decide(request, rules, now)
    assert {rule.consent for bearing in decision.left for rule in bearing} == bearing(who, types, now)
