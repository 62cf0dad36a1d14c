"""Breaking the glass: who may, why, for how long, and what it opens. It is a purpose of use, never a bypass.

Somebody declares an emergency about one person at one organisation. From then on her requests for ETREAT or BTG are
decided like all others, with one rule more, which is weaker than all others: what nobody forbids is permitted. What
the person or the law forbids stays forbidden. What may forbid it and cannot be known (a consent that nobody can read, a
denial to people, or to a place, that nobody can look up, or by a code that nobody knows) holds back everything but the
summary.
"""

from typing import Literal, NamedTuple

import msgspec

from medrec.core.consent import terms
from medrec.core.consent.compiling import NO_PARENT, Rule, Rules, gather, seen
from medrec.core.consent.decide import blind_denials, denials_in_doubt
from medrec.core.consent.facts import Record, Request
from medrec.core.consent.times import EVER

HOUR_MS = 3_600_000
HOURS_DEFAULT = 4
HOURS_MAX = 120
REVIEW_MS = 72 * HOUR_MS
"""How long the organisation of whoever broke the glass has to review it."""
TEXT_MIN = 20
"""So many characters the reason in her own words has at least."""

REASONS = ("cardiac-arrest", "unconscious", "severe-injury", "poisoning", "acute-illness", "birth", "mental-crisis",
           "person-unable-to-ask", "other")  # fmt: skip
"""Why the person is not asked. `other` says it in words alone."""

Scope = Literal["summary", "restricted"]
"""`summary`: what keeps somebody alive, nothing that carries a sensitivity, and of what may carry one allergies and
medicines alone. `restricted`: all that is permitted. One opens with the declaration, the other by a second one."""

_SNOMED = "http://snomed.info/sct"
ROLES = frozenset(f"{_SNOMED}|{code}" for code in ("158965000", "224535009", "309294001", "397897005"))
"""Who may: medical practitioner, registered nurse, emergency physician, paramedic. A program never may."""

SUMMARY_TYPES = frozenset(
    ("AllergyIntolerance", "Condition", "Consent", "Device", "DeviceUseStatement", "Flag", "Immunization", "Medication",
     "MedicationAdministration", "MedicationDispense", "MedicationRequest", "MedicationStatement", "Patient",
     "RelatedPerson")
)  # fmt: skip
VITAL_TYPES = frozenset(
    ("AllergyIntolerance", "Medication", "MedicationAdministration", "MedicationDispense", "MedicationRequest",
     "MedicationStatement")
)  # fmt: skip
"""What is given or must not be given tonight. It comes with its notes: what is not cut goes whole or not at all."""
SUMMARY_CODES = frozenset(
    f"http://loinc.org|{code}"
    for code in ("882-1", "883-9", "10331-7", "890-4", "60591-5", "42348-3", "75320-2", "81334-5", "100822-6")
)
"""LOINC: blood group and Rh, antibody screen, patient summary, advance directives."""

DEFAULT = "law:emergency"
"""The name of the rule that a declared emergency adds."""


def with_default(rules: Rules) -> Rules:
    """The rules of a person, and the one that opens for an emergency what nothing else speaks of."""
    more = Rule(
        max((rule.number for rule in rules.every), default=NO_PARENT) + 1,
        NO_PARENT,
        DEFAULT,
        "permit",
        "default",
        -EVER,
        -EVER,
        EVER,
        terms.EMERGENCY,
        (),
        (),
        (),
        (),
    )
    return gather([*rules.every, more], rules.broken, rules.notices, rules.marks)


class Settled(NamedTuple):
    """A request in an emergency, and the rules, without what is in doubt; `doubted` are the consents (ids) that stood
    in the way by a doubt alone, `why` what nobody knows of them. If there are any, nothing opens but the summary."""

    request: Request
    rules: Rules
    doubted: tuple[str, ...] = ()
    why: str = ""


def settled(request: Request, rules: Rules, now: int) -> Settled:
    """What decides in an emergency, of the rules `with_default`: what is known, where the rest is a doubt."""
    # Whatever is asked for: one more type in the question must not find out what is in doubt.
    whole = msgspec.structs.replace(request, types=frozenset())
    blind = {rule.number: rule.consent for rule in blind_denials(whole, rules, now)}
    found = {
        "actor-unresolved": denials_in_doubt(whole, rules, now),
        "consent-broken": tuple(item.consent for item in rules.broken if now < item.until),
        "codes-unknown": tuple(blind.values()),
    }
    why = next((reason for reason, consents in found.items() if consents), "")
    if not why:
        return Settled(request, rules)
    known = msgspec.structs.replace(request, unresolved=frozenset(), unheld=frozenset())
    # What surely carries such a code is denied all the same.
    every = [seen(rule) if rule.number in blind else rule for rule in rules.every]
    doubted = sorted({consent for consents in found.values() for consent in consents})
    return Settled(known, gather(every, (), rules.notices, rules.marks), tuple(doubted), why)


def in_scope(scope: Scope, record: Record) -> bool:
    """Whether a record belongs to what a declared emergency opens. What is not known of it does not.

    What may carry a sensitivity (a document, a note, a name that nobody has read) waits for the second step. An allergy
    or a medicine does not, if it says in words what it is: a code alone helps nobody at a bedside.
    """
    if scope == "restricted":
        return True
    if record.codes is None or record.labels is None or record.level is None:
        return False
    listed = record.type in SUMMARY_TYPES or not SUMMARY_CODES.isdisjoint(record.codes | record.kinds)
    read = not record.may or (record.type in VITAL_TYPES and not record.wordless)
    return listed and read and not record.labels and record.level <= terms.rank("N")


def may_declare(role: str, machine: bool) -> bool:
    """Whether somebody in this role ("system|code") may declare an emergency."""
    return not machine and role in ROLES
