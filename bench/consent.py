"""Decisions about access: how many a second with 40 rules, beside Cedar with 40 policies in the same run.

Both decide the same question: may this organisation see this record, for this purpose? The answers are compared
before anything is measured. Labels are measured on a made-up population.
"""

import cProfile
import os
import pstats
import time
from collections.abc import Callable, Iterator
from typing import Any

from bench.row import Row
from medrec.core.consent.access import requested, rules_of
from medrec.core.consent.compiling import Rules
from medrec.core.consent.decide import decide, judge
from medrec.core.consent.facts import Record, Request, describing
from medrec.core.consent.grants import read_grant
from medrec.core.consent.policy import Given
from medrec.node.release.labels import Labels

RULES = 40
DECISIONS_BAR, LABELS_BAR = 200_000, 5_000
TYPES = ("Observation", "Condition", "MedicationRequest", "Procedure")
NOW = 1_750_000_000_000


def grants() -> list[tuple[str, str, str]]:
    """Forty rules: effect, organisation, type; every fifth one denies."""
    return [("deny" if at % 5 == 4 else "permit", f"org-{at % 20}", TYPES[at % 4]) for at in range(RULES)]


def ours() -> Rules:
    """The rules as the node compiles them, the federal floor of the United States with them."""
    given = [
        Given(f"{at:064x}", read_grant(effect, [organisation], [kind], None, NOW - at))  # type: ignore[arg-type]
        for at, (effect, organisation, kind) in enumerate(grants())
    ]
    return rules_of(given)


def questions() -> list[tuple[str, str]]:
    """Who asks, and for which type."""
    return [(f"org-{at % 25}", TYPES[at % 4]) for at in range(100)]


def asked(rules: Rules) -> list[tuple[Request, Record]]:
    """The questions as facts."""
    return [
        (requested(rules, requester=who, holder="north", purposes=["TREAT"]), describing(kind, "r1"))
        for who, kind in questions()
    ]


def rate(work: Callable[[], int], seconds: float) -> float:
    """How often a second, over at least so many seconds."""
    done, begun = 0, time.perf_counter()
    while (spent := time.perf_counter() - begun) < seconds:
        done += work()
    return done / spent


def rows(quick: bool) -> Iterator[Row]:
    """Decisions and labels."""
    rules = ours()
    pairs = asked(rules)
    seconds = 0.5 if quick else 3.0
    answers = [judge(decide(request, rules, NOW), record).effect == "permit" for request, record in pairs]

    def once() -> int:
        for request, record in pairs:
            judge(decide(request, rules, NOW), record)
        return len(pairs)

    measured = rate(once, seconds)
    peer = _cedar(answers, seconds) if os.environ.get("PEERS") == "1" else ""
    name = f"decisions with {RULES} rules, request and record, one thread"
    yield Row(name, f"{measured:,.0f}/s", f"{DECISIONS_BAR:,}/s", measured >= DECISIONS_BAR, peer)
    decisions = [(decide(request, rules, NOW), record) for request, record in pairs]

    def records() -> int:
        for decision, record in decisions:
            judge(decision, record)
        return len(decisions)

    yield Row("one more record of a request that is decided", f"{rate(records, seconds):,.0f}/s")
    yield _labelled(seconds)


def _labelled(seconds: float) -> Row:
    labels = Labels()
    resources: list[dict[str, Any]] = [
        {
            "resourceType": "MedicationRequest",
            "id": f"m{at}",
            "status": "active",
            "medicationCodeableConcept": {
                "coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": str(at), "display": name}],
                "text": name,
            },
            "subject": {"reference": "Patient/p"},
            "authoredOn": "2026-01-01",
            "reasonCode": [{"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I10"}]}],
            "dosageInstruction": [{"text": f"{at} tablets a day", "timing": {"repeat": {"frequency": 1}}}],
        }
        for at, name in enumerate(("Lisinopril 10 MG Oral Tablet", "Buprenorphine 2 MG Sublingual Tablet") * 50)
    ]

    def once() -> int:
        for resource in resources:
            labels.of(resource)
        return len(resources)

    # The table of medicines is read once in the life of a process.
    once()
    measured = rate(once, seconds)
    return Row("resources labelled, one thread", f"{measured:,.0f}/s", f"{LABELS_BAR:,}/s", measured >= LABELS_BAR)


def _cedar(answers: list[bool], seconds: float) -> str:
    """Cedar's figure for the same rules and questions; "" where it is not installed."""
    try:
        import cedarpy
    except ImportError:
        return ""
    policies = "\n".join(
        f'{"permit" if effect == "permit" else "forbid"}(principal == Organisation::"{organisation}", '
        f'action == Action::"access", resource is {kind});'
        for effect, organisation, kind in grants()
    )
    requests = [
        {
            "principal": f'Organisation::"{who}"',
            "action": 'Action::"access"',
            "resource": f'{kind}::"r1"',
            "context": {"purpose": "TREAT"},
        }
        for who, kind in questions()
    ]
    theirs = [cedarpy.is_authorized(request, policies, []).allowed for request in requests]
    assert theirs == answers, "the two engines do not decide alike"

    def batch() -> int:
        cedarpy.is_authorized_batch(requests, policies, [])
        return len(requests)

    def single() -> int:
        for request in requests[:10]:
            cedarpy.is_authorized(request, policies, [])
        return 10

    return f"cedarpy {rate(single, seconds):,.0f}/s, in batches {rate(batch, seconds):,.0f}/s"


def profile() -> None:
    """Where the time of a decision goes."""
    rules = ours()
    pairs = asked(rules)
    measured = cProfile.Profile()
    measured.enable()
    for request, record in pairs * 50:
        judge(decide(request, rules, NOW), record)
    measured.disable()
    pstats.Stats(measured).sort_stats("cumulative").print_stats(12)
