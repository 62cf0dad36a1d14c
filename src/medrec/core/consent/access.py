"""The way into the decision for whoever holds consents as they were signed: manifests in, a decision out.

    rules = rules_of([given(manifest, digest, revoked) for ...], ("US",))
    request = requested(rules, requester="north", practitioner="dr-x", purposes=["TREAT"], holder="south")
    decision = decide(request, rules, now)           # once a request: whether anything may go out at all
    verdict = judge(decision, facts(tree, labels))   # once a record: whether this one may

Only "permit" lets something out. What was sent in a form that nobody can read is a consent all the same, a broken
one, and closes everything until it is taken back.
"""

from collections.abc import Iterable

from medrec.core.consent import names, systems
from medrec.core.consent.compiling import Rules, compile_consents
from medrec.core.consent.facts import Request, asking
from medrec.core.consent.floor import floor_of
from medrec.core.consent.grants import read_grant
from medrec.core.consent.meant import NOBODY, Meant
from medrec.core.consent.policy import Given, Policy, Provision, Unreadable
from medrec.core.consent.reading import read_consent
from medrec.core.consent.roles import may_be, roles_in_doubt
from medrec.core.consent.times import DAY_MS
from medrec.core.manifests.consent import ConsentManifest, FhirConsentManifest
from medrec.core.records.canonical import canonical
from medrec.core.records.scan import RecordError

ATTESTED_DAYS_MAX = 30
"""How long what a clinic attests opens anything; what it closes stays closed."""


_COPIED = ("access", "collect", "disclose", "use")
DOORS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "view": (("access",), ()),
    "pull": (("access", "collect"), _COPIED),
    "push": (("disclose",), _COPIED),
}
"""Door -> the actions (consentaction) that a permit must name there, if it names any, and those that follow, of which a
denial closes it: what is copied is collected, disclosed and used, whoever asked; a page that is looked at is not."""


def read_fhir(data: bytes, dated: int | None = None, zone: int = 0) -> Policy:
    """The policy in the bytes of a FHIR Consent, R4 or R5 JSON. Raises Unreadable, "not-json" among the reasons.

    `dated` (ms) is when the person decided, `zone` (minutes east of UTC) where dates without a zone are read.
    """
    try:
        tree = canonical(data).value
    except RecordError:
        raise Unreadable("not-json", "Consent") from None
    return read_consent(tree, dated, zone)


def read_manifest(manifest: ConsentManifest | FhirConsentManifest, zone: int = 0) -> Policy:
    """The policy of a consent as it was signed: dated by its own time. Raises Unreadable."""
    if isinstance(manifest, FhirConsentManifest):
        return read_fhir(manifest.consent.encode(), manifest.time, zone)
    grant = manifest.grant
    return read_grant(grant.effect, grant.recipients, grant.types, grant.until, manifest.time)


def opens_until(policy: Policy) -> int | None:
    """When the last permit of a policy ends (ms), None if it permits nothing; its conditions are not looked at."""
    ends = [policy.period.end] if policy.base == "permit" else []

    def walk(provisions: Iterable[Provision], end: int) -> None:
        for provision in provisions:
            last = min(end, provision.period.end)
            if provision.effect == "permit":
                ends.append(last)
            walk(provision.exceptions, last)

    walk(policy.provisions, policy.period.end)
    return max(ends, default=None)


def reaches_beyond(manifest: ConsentManifest | FhirConsentManifest, types: Iterable[str]) -> bool:
    """Whether a consent decides about anything but records of these types: what somebody who may act for a person in
    these alone has no word in. One that cannot be read closes everything, and so does."""
    mine = frozenset(types)
    rules = rules_of([given(manifest, "")], ())
    if rules.broken or rules.marks:
        return True
    return not all(any(name == "kind" and value <= mine for name, value in rule.tests) for rule in rules.every)


def denies(manifest: ConsentManifest | FhirConsentManifest) -> bool:
    """Whether a consent denies anything. One that cannot be read closes everything, and so does."""
    try:
        policy = read_manifest(manifest)
    except Unreadable:
        return True

    def walk(provisions: Iterable[Provision]) -> bool:
        return any(one.effect == "deny" or walk(one.exceptions) for one in provisions)

    return policy.base == "deny" or walk(policy.provisions)


def favours(manifest: ConsentManifest | FhirConsentManifest, organisation: str) -> bool:
    """Whether a consent opens, or might open, anything to an organisation. One that cannot be read opens nothing."""
    try:
        return opens_to(read_manifest(manifest), organisation)
    except Unreadable:
        return False


def given(
    manifest: ConsentManifest | FhirConsentManifest, digest: str, revoked: int | None = None, zone: int = 0
) -> Given:
    """A stored consent as the decision takes it; never raises. `digest` is the hex SHA-256 of the manifest.

    `revoked` (ms): from when it is taken back; None as long as it stands.
    """
    attested = isinstance(manifest, FhirConsentManifest) and manifest.assurance == "clinic"
    permits_until = manifest.time + ATTESTED_DAYS_MAX * DAY_MS if attested else None
    try:
        return Given(digest, read_manifest(manifest, zone), revoked, permits_until)
    except Unreadable as error:
        return Given(digest, error, revoked)


def broken(digest: str, revoked: int | None = None) -> Given:
    """A stored consent whose very manifest cannot be opened or read."""
    return Given(digest, Unreadable("not-a-consent", "Consent"), revoked)


def rules_of(consents: Iterable[Given], jurisdictions: Iterable[str] = ("US",)) -> Rules:
    """The rules of one person: her consents and the law (names of `floor.FLOORS`; KeyError for another)."""
    law = floor_of(*jurisdictions)
    return compile_consents(consents, law.rules, law.notices)


def requested(
    rules: Rules,
    *,
    requester: str,
    holder: str,
    purposes: Iterable[str],
    practitioner: str = "",
    roles: Iterable[str] = (),
    door: str = "pull",
    types: Iterable[str] = (),
    meant: Meant = NOBODY,
) -> Request:
    """The facts of a request by one organisation (id) to another, for somebody who works there ("" for nobody named).

    `door` is the one of DOORS that it comes to, `roles` ("system|code") are those that the requester's organisation
    vouches for; without one, any role is in doubt. `meant` is what somebody looked up of the references that the ledger
    alone does not explain (`looked_up(rules)`, `rules.unheld`): which of them mean the requester, or not, and the
    holder, or not. All others are in doubt, which opens nothing; so is a role that may be one of these by another name.
    """
    held = sorted({systems.token(systems.system_of(role), systems.code_of(role)) for role in roles})
    called = {names.organisation(requester), names.by_identifier(requester), *meant.also}
    if practitioner:
        called.add(names.practitioner(requester, practitioner))
    answered = called | meant.apart
    unresolved = roles_in_doubt(rules.roles, called, held)
    for token in rules.strangers:
        reference, role = names.split(token)
        if reference not in answered and (not role or role in held or may_be(role, held)):
            unresolved.append(token)
    return asking(
        references=called,
        roles=held,
        purposes=purposes,
        actions=DOORS[door][0],
        touches=DOORS[door][1],
        custodian=(names.organisation(holder), names.by_identifier(holder), *meant.holds),
        unresolved=unresolved,
        types=types,
        unheld=frozenset(rules.unheld) - meant.holds - meant.elsewhere,
    )


def looked_up(rules: Rules) -> tuple[str, ...]:
    """The references in the rules of which the ledger alone does not say whom they mean, in order, each once."""
    return tuple(sorted({names.split(token)[0] for token in rules.strangers}))


def parties(policy: Policy) -> frozenset[str]:
    """Every reference by which a consent names who receives or holds data, for whoever takes it in to check.

    A consent that names an organisation which is not on the ledger is not taken: its denials would deny nobody.
    `names.organisation_of` gives the id in a reference. Authors are not among them: they are held against what stands
    in the records, where an organisation may be called otherwise.
    """
    return frozenset(token for provision in policy.provisions for token in _parties(provision))


def opens_to(policy: Policy, organisation: str) -> bool:
    """Whether a policy permits anything to an organisation, or to somebody of whom it is not sure that he is another:
    to everybody, to a person, to a role."""

    def walk(provision: Provision, around: frozenset[str] | None) -> bool:
        named = provision.recipients if provision.recipients is not None else around
        if provision.effect == "permit":
            known = [names.organisation_of(names.split(token)[0]) for token in named or ()]
            if not known or None in known or organisation in known:
                return True
        return any(walk(exception, named) for exception in provision.exceptions)

    return policy.base == "permit" or any(walk(provision, None) for provision in policy.provisions)


def _parties(provision: Provision) -> list[str]:
    tokens = [
        names.split(token)[0] for part in (provision.recipients, provision.custodians) for token in sorted(part or ())
    ]
    below = [token for exception in provision.exceptions for token in _parties(exception)]
    return [token for token in tokens if token] + below
