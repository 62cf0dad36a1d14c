"""The legal floor: what the law forbids whatever a person permits, and the notices that have to travel.

Each line names where it stands. The ages of California and Washington were held against published texts of these
sections and the Washington Senate's report on bill 5883 (2021-22), in November 2026; so were N.Y. Pub. Health Law 2782
(nysenate.gov), Cal. Civ. Code 56.108 (Findlaw, as of January 2025) and 45 CFR 164.502(g)(3) (as amended August 2002).
Where a line keeps back more than its law, its source says so. The federal lines beside that one have been held against
no text yet; each of them only keeps back. A site chooses its laws
(`FLOORS`); the federal floor of the United States is the default. This is a reading by engineers, not legal advice:
have it reviewed before real use.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from medrec.core.consent.compiling import Floor, Notice
from medrec.core.consent.terms import PURPOSES_BELOW, SENSITIVITIES_BELOW, covered
from medrec.core.delegation import birthday

SUBSTANCE_USE = SENSITIVITIES_BELOW["SUD"] | {"ETH"}
PART_2_NOTICE = "42-CFR-2.32"
PART_2_TEXT = "42 CFR part 2 prohibits unauthorized use or disclosure of these records."
"""The short form of the notice that accompanies disclosure, 42 CFR 2.32(a)(2)."""

UNDERWRITING = covered(["COVERAGE", "COVAUTH"])
PROCEEDINGS = frozenset({"HLEGAL", "GOV"})


_FAMILY = PURPOSES_BELOW["FAMRQT"]
_REPRODUCTIVE = frozenset({"PREGNANT", "SEX", "SDV"})
_MIND = frozenset({"MH", "PSY"})
_INFECTIONS = frozenset({"HIV", "STD"})


class Jurisdiction(NamedTuple):
    """The floor of one jurisdiction."""

    rules: tuple[Floor, ...]
    notices: tuple[Notice, ...] = ()


FLOORS: dict[str, Jurisdiction] = {
    "none": Jurisdiction(()),
    "US": Jurisdiction(
        (
            Floor("floor:US:part-2-proceedings", SUBSTANCE_USE, PROCEEDINGS, SUBSTANCE_USE, "42 CFR 2.12(d), 2.61"),
            Floor("floor:US:psychotherapy-notes", frozenset({"PSYTHPN"}), None, frozenset({"PSYTHPN"}),
                  "45 CFR 164.508(a)(2); 42 CFR 2.31(b) for counseling notes"),
            Floor("floor:US:genetic-underwriting", frozenset({"GDIS"}), UNDERWRITING, frozenset(),
                  "45 CFR 164.502(a)(5)(i) (GINA)"),
        ),
        (Notice(PART_2_NOTICE, SUBSTANCE_USE, "42 CFR 2.32"),),
    ),
    "US-reproductive-shield": Jurisdiction(
        (Floor("floor:US-shield:reproductive", frozenset({"SEX", "PREGNANT"}), PROCEEDINGS, frozenset(),
               "state shield laws, for example Cal. Civ. Code 56.108, which is about abortion and the laws of other "
               "states: this line keeps back more"),),
    ),
    "US-HIV": Jurisdiction(
        (Floor("floor:US-state:hiv", frozenset({"HIV"}), None, frozenset({"HIV"}),
               "state HIV statutes with specific written consent, for example N.Y. Pub. Health Law 2782(1)(b), which "
               "in (c) and (d) lets those know who treat: this line keeps back more"),),
    ),
    "US-CA-minor": Jurisdiction(
        (
            Floor("floor:US-CA:minor-reproductive", _REPRODUCTIVE, _FAMILY, _REPRODUCTIVE,
                  "Cal. Fam. Code 6925, 6927, 6928; Health & Saf. Code 123115(a)(1)", (0, 18)),
            Floor("floor:US-CA:minor-from-12", _MIND | SUBSTANCE_USE | _INFECTIONS, _FAMILY,
                  _MIND | SUBSTANCE_USE | _INFECTIONS, "Cal. Fam. Code 6924, 6926, 6929", (12, 18)),
        ),
    ),
    "US-WA-minor": Jurisdiction(
        (
            Floor("floor:US-WA:minor-reproductive", _REPRODUCTIVE, _FAMILY, _REPRODUCTIVE, "RCW 9.02.100", (0, 18)),
            Floor("floor:US-WA:minor-from-13", _MIND | SUBSTANCE_USE, _FAMILY, _MIND | SUBSTANCE_USE,
                  "RCW 71.34.530", (13, 18)),
            Floor("floor:US-WA:minor-from-14", _INFECTIONS, _FAMILY, _INFECTIONS, "RCW 70.24.110", (14, 18)),
        ),
    ),
    "US-minor": Jurisdiction(
        (Floor("floor:US-state:minor-proxy", frozenset({"ADOL"}), _FAMILY, frozenset({"ADOL"}),
               "45 CFR 164.502(g)(3)(i): no parent stands for a minor in what she alone may consent to by the law of "
               "her state; the label says in what"),),
    ),
}  # fmt: skip
"""Jurisdiction -> its floor. They add up: a site under several takes the lines of all."""

_WHOLE_DATE = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\Z")


def asks_for_age(jurisdictions: Iterable[str]) -> bool:
    """Whether one of these laws holds for some ages alone."""
    return any(rule.ages is not None for name in jurisdictions for rule in FLOORS[name].rules)


def of_age(jurisdictions: Iterable[str], born: str, now: int) -> tuple[str, ...]:
    """These jurisdictions as they hold at a time (ms) for somebody born on a FHIR date: a law about ages by the last
    birthday that counts in it ("US-CA-minor@12"); by its bare name, every line of it, where the date is not whole."""
    found = []
    for name in sorted(set(jurisdictions)):
        steps = {0, *(age for rule in FLOORS[name].rules for age in rule.ages or ())}
        if len(steps) > 1 and _WHOLE_DATE.match(born):
            name = f"{name}@{max(age for age in sorted(steps) if age == 0 or birthday(born, age) <= now)}"
        found.append(name)
    return tuple(found)


def floor_of(*jurisdictions: str) -> Jurisdiction:
    """The floor of several jurisdictions together, each by its name or as `of_age` names it. Raises KeyError for one
    that is not in the table."""
    rules, notices = list[Floor](), list[Notice]()
    for one in sorted(set(jurisdictions)):
        name, _, age = one.partition("@")
        rules += [rule for rule in FLOORS[name].rules if not age or _holds(rule, age)]
        notices += FLOORS[name].notices
    return Jurisdiction(tuple(rules), tuple(notices))


def _holds(rule: Floor, age: str) -> bool:
    """Whether a line holds for somebody of an age (years, as text; an age that is none makes every line hold)."""
    return rule.ages is None or not age.isdecimal() or rule.ages[0] <= int(age) < rule.ages[1]
