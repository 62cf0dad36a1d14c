"""Whether a role that a consent names may be the one that an organisation vouches for.

    may_be("http://terminology.hl7.org/CodeSystem/practitioner-role|nurse", {"http://snomed.info/sct|224535009"})   True
    may_be("http://snomed.info/sct|46255001", {"http://snomed.info/sct|224535009"})     False: a pharmacist is no nurse

One role has many names: those of HL7, SNOMED CT and NUCC, wider and narrower ones. Two names are surely not of one role
only where both are of professions of the table, and of different ones. All else that is not the same is in doubt, and
so is every role where none is vouched for: a denial of it closes, a permit of it opens nothing.
"""

from collections.abc import Collection, Iterable

from medrec.core.consent import names, systems
from medrec.core.records.terms import SNOMED

_NUCC = "http://nucc.org/provider-taxonomy"
_HL7 = f"{systems.HL7}practitioner-role"
PROFESSIONS: dict[str, tuple[str, ...]] = {
    "dentist": (f"{SNOMED}|106289002", f"{_NUCC}|1223*"),
    "doctor": (f"{_HL7}|doctor", f"{SNOMED}|158965000", f"{SNOMED}|309343006", f"{SNOMED}|309294001",
               f"{SNOMED}|62247001", f"{SNOMED}|112247003", f"{_NUCC}|20*"),
    "nurse": (f"{_HL7}|nurse", f"{SNOMED}|224535009", f"{SNOMED}|106292003", f"{_NUCC}|163W*", f"{_NUCC}|164*",
              f"{_NUCC}|363L*"),
    "paramedic": (f"{SNOMED}|397897005", f"{_NUCC}|146*"),
    "pharmacist": (f"{_HL7}|pharmacist", f"{SNOMED}|46255001", f"{_NUCC}|1835*"),
    "physiotherapist": (f"{SNOMED}|36682004", f"{_NUCC}|2251*"),
    "program": (f"{SNOMED}|706594005",),
    "psychologist": (f"{SNOMED}|59944000", f"{_NUCC}|103T*"),
    "social worker": (f"{SNOMED}|106328005", f"{_NUCC}|1041*"),
}  # fmt: skip
"""Profession -> its roles as tokens; `*`: every code that begins so. Who is of one is of no other.

Each code was held against its published name, in November 2026: those of SNOMED CT in HL7's list of practitioner roles
and in published value sets (106328005, 62247001, 706594005), those of NUCC in US Core's provider roles, whose groups
begin so (122300000X to 1223X2210X dentists, 163W and 164 nurses, 363L nurse practitioners, 146D to 146N ambulance
staff, 1835 pharmacists, 2251 physical therapists, 103T psychologists, 1041 social workers, 202C to 209800000X doctors).
"""


SOMEBODY = "urn:medrec:role|somebody"
"""The role of a trial that asks for nobody in particular: it is of no profession of the table."""


def profession(role: str) -> str | None:
    """The profession of a role, None for one that is not in the table."""
    if role == SOMEBODY:
        return role
    for name, tokens in PROFESSIONS.items():
        if any(role == one or (one.endswith("*") and role.startswith(one[:-1])) for one in tokens):
            return name
    return None


def may_be(named: str, held: Collection[str]) -> bool:
    """Whether a named role may be one of those that somebody holds, under another name; any, where none is known."""
    wanted = profession(named)
    return not held or any(wanted is None or profession(one) in (None, wanted) for one in sorted(held))


def roles_in_doubt(tokens: Iterable[str], called: Collection[str], held: Collection[str]) -> list[str]:
    """The actors' tokens that ask a role of nobody or of one of these references, which may be one of those held."""
    found = []
    for token in tokens:
        reference, role = names.split(token)
        if role not in held and (not reference or reference in called) and may_be(role, held):
            found.append(token)
    return found


def strange(tokens: Iterable[str]) -> tuple[str, ...]:
    """The roles in actors' tokens of which nobody can say whose they are not, in order."""
    return tuple(sorted({role for _, role in map(names.split, tokens) if role and profession(role) is None}))
