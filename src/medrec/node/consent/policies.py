"""A FHIR consent on its way: drafted for the one who signs it, and tried on the record before that.

text = plain.write(Plain(...), account, now)               what will be signed, and is shown
try_at(agent, account, "north", text)                      what each party would see there, and would have seen
draft = draft_consent(..., text, ...); draft.message       32 bytes for the passkey
signed_consent(draft, signature)                           what goes to CONSENTS_PATH
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import sqlalchemy as sql

from medrec.core import codec, commitment, manifests
from medrec.core.consent import access as consenting
from medrec.core.consent import emergency, names, terms
from medrec.core.consent.access import looked_up, rules_of
from medrec.core.consent.actors import Who
from medrec.core.consent.compiling import Rules
from medrec.core.consent.decide import decide
from medrec.core.consent.policy import Given, Policy, Provision
from medrec.core.consent.roles import SOMEBODY
from medrec.core.consent.trial import Asker, Judged, Look, Shown, Trial, try_policy
from medrec.core.manifests.access import DisclosureManifest
from medrec.core.manifests.consent import FhirConsentManifest, fhir_consent_message
from medrec.node.agent.own import is_served_by
from medrec.node.keeping import store
from medrec.node.keeping.journal import Person
from medrec.node.refusals import Code, Refusal
from medrec.node.release.actors import Actors
from medrec.node.release.deciding import Permitted, law_about
from medrec.node.release.reading import signed_records

if TYPE_CHECKING:
    from medrec.node.node import Node

TRIAL_PATH = "/medrec/trial"
YEAR_MS = 365 * 86_400_000
LOOKS_MAX = 5_000
ASKERS_MAX = 300
PROPOSED = "proposed"
_EVERY_RECORD = 1_000_000_000


class DraftConsent(NamedTuple):
    """A consent that waits for its signature: the manifest without it, and the 32 bytes to be signed."""

    manifest: FhirConsentManifest
    message: bytes


def draft_consent(
    network: bytes,
    organisation: str,
    account: str,
    time: int,
    text: bytes,
    secret: bytes,
    key: bytes,
    acting: str | None = None,
) -> DraftConsent:
    """The consent of a person (or of `acting`, who acts for her) to one organisation.

    `secret` (32 random bytes) will take it back; `key` is the id of the credential that will sign.
    """
    manifest = FhirConsentManifest(
        "consent/2",
        network.hex(),
        organisation,
        account,
        time,
        text.decode(),
        "self" if acting is None else "delegate",
        acting,
        None,
        commitment.nullifier(secret).hex(),
        key.hex(),
    )
    return DraftConsent(manifest, fhir_consent_message(manifest))


def signed_consent(draft: DraftConsent, signature: bytes) -> bytes:
    """The bytes of the consent with its signature (a packed proof; see core.credential)."""
    return manifests.encode(msgspec.structs.replace(draft.manifest, signature=signature.hex()))


def try_here(
    node: "Node", account: str, text: bytes, replaced: Iterable[str] = (), askers: Sequence[Asker] = ()
) -> Trial:
    """What would follow here from a proposed FHIR consent, without those it replaces (hex SHA-256).

    Asked for are the parties that the consent and those that stand name, whoever looked within a year, and `askers`.
    Who may look, and at what, is found as the gate finds it. Raises Refusal (malformed for a consent that cannot be
    read, not-linked, rules-unreadable).
    """
    node.labels.check()
    now = node.clock()
    proposed = _proposed(text, now)
    standing = [consenting.given(kept.consent, kept.hash.hex()) for kept in node.consents.of(account)]
    with node.store.read() as connection:
        person = node.journal.person_of_account(connection, account)
        if person is None:
            raise Refusal(Code.NOT_LINKED)
        there = {f"{row.type}/{row.id}" for row in signed_records(connection, person.id, (), (), "", _EVERY_RECORD)}
        looks = _looks(node, connection, person, now)
        looking = Actors(node, node.gate.reader, connection, person.id)
        law = law_about(node, person, now)
        after = rules_of([proposed, *[one for one in standing if one.id not in frozenset(replaced)]], law)
        known = looking.known(looked_up(after), now)
        named = _parties(node, [proposed, *standing], known.parties)
        # Who looked is asked for by the name that was given then.
        called = {look.asker._replace(name="") for look in looks if look.asker.name}
        looked = sorted({*(look.asker for look in looks), *(one for one in askers if one not in called)})
        every = [*looked, *sorted({*named} - called - {*looked})]
        tried = frozenset(every[:ASKERS_MAX])
        return try_policy(
            standing,
            proposed,
            frozenset(replaced),
            there,
            sorted(one for one in tried if one.door != "push"),
            [look for look in looks[:LOOKS_MAX] if look.asker in tried],
            _Seeing(node, connection, person, looking, now).visible,
            law,
        )._replace(
            complete=len(looks) <= LOOKS_MAX and len(tried) == len(every),
            strange=looking.strange(after, now),
        )


class _Seeing:
    """What the gate would send whom by which rules, each decision looked at once."""

    def __init__(self, node: "Node", connection: sql.Connection, person: Person, looking: Actors, now: int) -> None:
        self._node, self._connection, self._person, self._looking, self._now = node, connection, person, looking, now
        self._seen: dict[tuple[Any, ...], frozenset[str]] = {}

    def visible(self, rules: Rules, asker: Asker) -> frozenset[str]:
        """With references, parts, disputes; in an emergency, all that a declared one may open. Nothing to whom the
        ledger does not know, or has suspended."""
        node, now = self._node, self._now
        found = node.directory.find(asker.organisation)
        account = self._person.account or ""
        if found is None or not found.active or node.disputes.stops(account, asker.organisation):
            return frozenset()
        roles = asker.roles or (() if asker.door == "push" else (SOMEBODY,))
        who = Who(asker.organisation, found.name, asker.practitioner, asker.name, frozenset(roles), False, now)
        meant = self._looking.meant(who, rules)
        urgent = any(purpose in terms.EMERGENCY for purpose in asker.purposes)
        rules = emergency.with_default(rules) if urgent else rules
        request = consenting.requested(
            rules,
            requester=asker.organisation,
            holder=node.organisation,
            purposes=asker.purposes,
            practitioner=asker.practitioner,
            roles=roles,
            door=asker.door,
            meant=meant,
        )
        scope: emergency.Scope | None = None
        if urgent:
            request, rules, doubted, _ = emergency.settled(request, rules, now)
            scope = "summary" if doubted else "restricted"
        decision = decide(request, rules, now)
        if decision.effect != "permit":
            return frozenset()
        same = (decision.left, decision.doubtful, decision.marks, scope)
        if same not in self._seen:
            permitted = Permitted(node, node.gate.reader, self._connection, self._person, decision, scope)
            self._seen[same] = permitted.in_parts().names()
        return self._seen[same]


def _proposed(text: bytes, now: int) -> Given:
    try:
        return Given(PROPOSED, consenting.read_fhir(text, now))
    except ValueError:
        raise Refusal(Code.MALFORMED) from None


def _looks(node: "Node", connection: sql.Connection, person: Person, now: int) -> list[Look]:
    """The disclosures of a person's records within a year, newest first."""
    line, manifest = store.line.c, store.manifest.c
    hashes = connection.execute(
        sql.select(manifest.hash)
        .join_from(store.manifest, store.line, manifest.seq == line.seq)
        .where(manifest.person == person.id, manifest.kind == "disclosure/1", line.time >= now - YEAR_MS)
        .order_by(manifest.seq.desc())
        .limit(LOOKS_MAX + 1)
    ).scalars()
    found = []
    for digest in hashes.all():
        opened = node.journal.manifest(connection, bytes(digest))
        statement = manifests.decode(opened[1]) if opened is not None else None
        if isinstance(statement, DisclosureManifest):
            request = statement.request
            roles = (request.role,) if request.role else ()
            asker = Asker(request.requester, request.identity, roles, (request.purpose,), request.practitioner)
            if request.door == "push":
                # Who is named in it is the source's own; it went to a house, and to nobody in particular there.
                asker = Asker(request.requester, purposes=(request.purpose,), door="push")
            listed = tuple(f"{record.type}/{record.id}" for record in statement.records)
            found.append(Look(statement.time, asker, listed))
    return found


TRIED_PURPOSES = ("TREAT", "ETREAT", "FAMRQT", "HOPERAT", "HPAYMT", "HRESCH", "PUBHLTH")
"""The purposes that are tried where a consent covers them; care always is, and what a consent names itself."""


def _parties(node: "Node", consents: Sequence[Given], known: Iterable[str]) -> list[Asker]:
    """Whom these consents speak of (and `known`, to whom their references lead), for every purpose that they speak of:
    organisations, people, roles, and every active member where one speaks of everybody."""
    policies = [given.content for given in consents if isinstance(given.content, Policy)]
    provisions = [one for policy in policies for one in _every(policy.provisions)]
    named = {code for one in provisions for code in sorted(one.purposes or ())}
    covered = terms.covered(named)
    purposes = {"TREAT", *(code for code in TRIED_PURPOSES if code in covered)}
    purposes |= named - terms.CARE - {"PurposeOfUse"}
    tokens = {token for one in provisions for token in sorted(one.recipients or ())} | set(known)
    parties = {(*_asked(reference), role) for reference, role in map(names.split, sorted(tokens))}
    if any(policy.base for policy in policies) or any(not one.recipients for one in provisions):
        parties.add(("", "", ""))
    members = [one.id for one in node.directory.active() if one.id != node.organisation]
    return [
        Asker(house, person, (role,) if role else (), (purpose,))
        for organisation, person, role in sorted(parties)
        for house in ([organisation] if organisation else members)
        if organisation or not person
        for purpose in sorted(purposes)
    ]


def _asked(reference: str) -> tuple[str, str]:
    """An organisation of the ledger, and who there ("" for anybody); "" twice for everybody, "" and the reference for
    somebody who is neither."""
    organisation = names.organisation_of(reference)
    if organisation is None:
        return "", reference
    inside = reference.startswith(f"identifier:{names.PRACTITIONER}")
    return organisation, reference.partition("|")[2] if inside else ""


def _every(provisions: Iterable[Provision]) -> list[Provision]:
    """These provisions and all below them that speak of somebody else or of another purpose."""
    return [one for provision in provisions for one in (provision, *_every(_below(provision)))]


def _below(provision: Provision) -> list[Provision]:
    """Its exceptions, which speak of those that it speaks of, where they name nobody."""
    return [
        one if one.recipients else msgspec.structs.replace(one, recipients=provision.recipients)
        for one in provision.exceptions
    ]


# --- over the wire -------------------------------------------------------------------------------------------------


def answer_trial(node: "Node", caller: str, body: bytes) -> bytes:
    """POST /medrec/trial: CBOR {account, askers, consent, replaced} -> CBOR {complete, looks, parties, strange}.

    Only the agent that serves the person here is answered.
    """
    try:
        asked = codec.decode(body)
        account, text, replaced = asked["account"], asked["consent"], asked["replaced"]
        askers = [_asker(one) for one in asked["askers"]]
        if type(replaced) is not list or any(type(name) is not str for name in replaced):
            raise ValueError
    except (codec.CodecError, KeyError, TypeError, ValueError):
        raise Refusal(Code.MALFORMED) from None
    if type(account) is not str or type(text) is not bytes or len(askers) > ASKERS_MAX:
        raise Refusal(Code.MALFORMED)
    if not is_served_by(node, account, caller):
        raise Refusal(Code.NOT_PERMITTED)
    found = try_here(node, account, text, replaced, askers)
    looks = [
        [judged.look.time, _wire(judged.look.asker), list(judged.still), list(judged.stopped)] for judged in found.looks
    ]
    parties = [[_wire(shown.asker), list(shown.before), list(shown.after)] for shown in found.parties]
    answer = {"complete": found.complete, "looks": looks, "parties": parties, "strange": list(found.strange)}
    return codec.encode(answer)


def try_at(
    agent: "Node",
    account: str,
    organisation: str,
    text: bytes,
    replaced: Iterable[str] = (),
    askers: Sequence[Asker] = (),
) -> Trial:
    """`try_here` at an organisation that holds records, asked by the person's agent. Raises PeerError."""
    asked = {
        "account": account,
        "askers": [_wire(asker) for asker in askers],
        "consent": text,
        "replaced": sorted(replaced),
    }
    answer = codec.decode(agent.peers.call(organisation, TRIAL_PATH, codec.encode(asked)))
    looks = tuple(
        Judged(Look(time, _asker(asker), tuple(still + stopped)), tuple(still), tuple(stopped))
        for time, asker, still, stopped in answer["looks"]
    )
    parties = tuple(Shown(_asker(asker), tuple(before), tuple(after)) for asker, before, after in answer["parties"])
    return Trial(parties, looks, bool(answer.get("complete", True)), tuple(answer.get("strange", ())))


def _wire(asker: Asker) -> list[Any]:
    said = [asker.organisation, asker.practitioner, list(asker.roles), list(asker.purposes), asker.name]
    return said if asker.door == "pull" else [*said, asker.door]


def _asker(value: Any) -> Asker:
    """An asker as it came. Raises TypeError, ValueError."""
    house, who, roles, purposes, name, door = (*value, *("", "pull")[len(value) - 4 :]) if len(value) < 6 else value
    named = (house, who, *roles, *purposes, name)
    if type(roles) is not list or type(purposes) is not list or any(type(name) is not str for name in named):
        raise ValueError
    if door not in consenting.DOORS:
        raise ValueError
    return Asker(house, who, tuple(roles), tuple(purposes), name, door)
