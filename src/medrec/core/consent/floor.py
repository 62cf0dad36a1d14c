"""The legal floor: what the law forbids whatever a person permits, and the notices that have to travel.

Each line names where it stands. A site chooses its jurisdictions (`FLOORS`); the federal floor of the United States
is the default. This is a reading by engineers, not legal advice: have it reviewed before real use.
"""

from typing import NamedTuple

from medrec.core.consent.compiling import Floor, Notice
from medrec.core.consent.terms import PURPOSES_BELOW, SENSITIVITIES_BELOW, covered

SUBSTANCE_USE = SENSITIVITIES_BELOW["SUD"] | {"ETH"}
PART_2_NOTICE = "42-CFR-2.32"
PART_2_TEXT = "42 CFR part 2 prohibits unauthorized use or disclosure of these records."
"""The short form of the notice that accompanies disclosure, 42 CFR 2.32(a)(2)."""

UNDERWRITING = covered(["COVERAGE", "COVAUTH"])
PROCEEDINGS = frozenset({"HLEGAL", "GOV"})


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
               "state shield laws, for example Cal. Civ. Code 56.108"),),
    ),
    "US-HIV": Jurisdiction(
        (Floor("floor:US-state:hiv", frozenset({"HIV"}), None, frozenset({"HIV"}),
               "state HIV statutes with specific written consent, for example N.Y. Pub. Health Law 2782"),),
    ),
    "US-minor": Jurisdiction(
        (Floor("floor:US-state:minor-proxy", frozenset({"ADOL"}), PURPOSES_BELOW["FAMRQT"], frozenset({"ADOL"}),
               "state minor-consent laws with 45 CFR 164.502(g)(3)"),),
    ),
}  # fmt: skip
"""Jurisdiction -> its floor. They add up: a site under several takes the lines of all."""


def floor_of(*jurisdictions: str) -> Jurisdiction:
    """The floor of several jurisdictions together. Raises KeyError for one that is not in the table."""
    chosen = [FLOORS[name] for name in sorted(set(jurisdictions))]
    return Jurisdiction(
        tuple(rule for item in chosen for rule in item.rules),
        tuple(notice for item in chosen for notice in item.notices),
    )
