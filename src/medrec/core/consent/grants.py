"""The simple grant, the form of consent that needs no FHIR: who, which types, until when."""

from collections.abc import Iterable

from medrec.core.consent.policy import Effect, Policy, Provision
from medrec.core.consent.times import EVER, Span

EVERYBODY = "*"


def read_grant(
    effect: Effect, recipients: Iterable[str], types: Iterable[str], until: int | None, dated: int
) -> Policy:
    """The policy of a grant to organisations (ids, or "*" for everybody), for these types (none: every type)."""
    names = sorted(set(recipients))
    kinds = frozenset(types)
    provision = Provision(
        effect=effect,
        period=Span(-EVER, EVER if until is None else until),
        recipients=None if EVERYBODY in names else frozenset(f"Organization/{name}" for name in names),
        kinds=kinds or None,
    )
    return Policy(None, (provision,), dated)
