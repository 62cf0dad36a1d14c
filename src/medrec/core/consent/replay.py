"""A decision decided again, by anybody who holds its manifest, the consents it names, and the records.

Nothing of the node that decided is needed: what it looked at stands in the manifest's `basis`.
"""

from collections.abc import Mapping, Sequence

from medrec.core.consent import emergency, terms
from medrec.core.consent.access import given, looked_up, requested, rules_of
from medrec.core.consent.compiling import Rules
from medrec.core.consent.decide import Decision, decide, judge
from medrec.core.consent.facts import POINTING, Record
from medrec.core.consent.facts import Request as Facts
from medrec.core.consent.meant import NOBODY, Meant, read
from medrec.core.manifests.access import DisclosureManifest, RefusalManifest, Request
from medrec.core.manifests.consent import ConsentManifest, FhirConsentManifest


def facts_of(request: Request, holder: str, rules: Rules, meant: Meant = NOBODY) -> Facts:
    """The facts of a request as its manifest states it, and what was found of those whom the rules name. What is pushed
    goes to an organisation, and to nobody in particular there."""
    pushed = request.door == "push"
    return requested(
        rules,
        requester=request.requester,
        holder=holder,
        purposes=[request.purpose],
        door=request.door,
        practitioner="" if pushed else request.identity,
        roles=[request.role] if request.role and not pushed else (),
        types=_with_pointing(request.types),
        meant=meant,
    )


def _with_pointing(types: Sequence[str]) -> Sequence[str]:
    """Who asks for Medications asks for what those records say that point at them."""
    return [*types, *POINTING] if "Medication" in types else types


def differences(
    stated: DisclosureManifest | RefusalManifest,
    consents: Mapping[str, ConsentManifest | FhirConsentManifest],
    records: Mapping[str, Record],
) -> list[str]:
    """What does not come out as a disclosure says, or as a refusal for the person's will says; empty if all does.

    `consents` by the hex SHA-256 of their manifests, `records` (facts, by the labelling rules that the basis names) by
    "Type/id" (`related` over all of hers, where a consent names records); of a record that was cut, the facts of what
    was sent; of one that points at a medicine of nobody, those
    of both (facts.together). A refusal for another reason (a replay, a clock) is not decided by consents, and is not
    looked at.
    """
    basis = stated.basis
    if basis is None:
        return ["the manifest does not say what the decision rests on"]
    missing = [name for name in basis.consents if name not in consents]
    if missing:
        return [f"consent {name} is not here" for name in missing]
    rules = rules_of([given(consents[name], name) for name in basis.consents], basis.law)
    if stated.request.purpose in terms.EMERGENCY:
        rules = emergency.with_default(rules)
    meant = read(looked_up(rules), rules.unheld, basis.actors)
    facts, doubted = facts_of(stated.request, stated.organisation, rules, meant), tuple[str, ...]()
    if stated.request.purpose in terms.EMERGENCY:
        facts, rules, doubted, _ = emergency.settled(facts, rules, stated.time)
    decision = decide(facts, rules, stated.time)
    if isinstance(stated, RefusalManifest):
        wills = ("no-consent", "denied", "consent-broken", "actor-unresolved", "codes-unknown")
        if stated.code in wills and decision.effect == "permit":
            return ["the request was to be permitted"]
        return []
    if decision.effect != "permit":
        return [f"the request was to be refused: {decision.reason}"]
    found = [] if list(doubted) == sorted(basis.doubted) else ["other consents were in doubt"]
    if sorted(decision.decided) != sorted(stated.decided):
        found.append("other consents decide")
    attach: set[str] = set()
    for record in stated.records:
        name = f"{record.type}/{record.id}"
        if record.part is not None and record.part.how == "cut" and not decision.marks:
            found.append(f"{name} was cut, and the person allows no marks")
        if name not in records:
            found.append(f"{name} is not here")
            continue
        verdict = judge(decision, records[name])
        attach.update(verdict.attach)
        if verdict.effect != "permit" and not (
            record.type == "Medication" and _goes_with(decision, record.id, records)
        ):
            found.append(f"{name} was not to go out: {verdict.reason}")
    if not found and sorted(attach) != sorted(stated.attach):
        found.append("other notices were to travel along")
    return found


def _goes_with(decision: Decision, identifier: str, records: Mapping[str, Record]) -> bool:
    """Whether a medicine goes with a record that points at it and may go."""
    known = records[f"Medication/{identifier}"].called or frozenset[str]()
    pointing = [
        one
        for one in records.values()
        if any(pointer.id == identifier and pointer.type == "Medication" for pointer in one.pointers)
        or any(pointer.id == identifier and not pointer.type for pointer in one.medicines)
        or any(pointer.exact and not known.isdisjoint(pointer.words) for pointer in one.medicines)
    ]
    return any(judge(decision, one).effect == "permit" for one in pointing)
