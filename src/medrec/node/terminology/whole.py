"""Whether a table may be a whole release: one that is cut would make every code that is missing look unknown.

Figures are far below those of the releases: ICD-10-CM of 2026 has 98,052 codes, over 74,000 of them billable, from A00
to Z99 (CDC/NCHS and CMS, order and codes files); the CVX table of the CDC had 288 codes in December 2025.
"""

import sqlite3
from typing import NamedTuple

from medrec.core.records.terms import CVX, ICD10CM
from medrec.node.terminology.index import TerminologyError


class Least(NamedTuple):
    """What a whole table of a system has at least: so many rows, and codes that begin with these."""

    system: str
    rows: int
    codes: tuple[str, ...] = ()


LEAST = {
    "icd10cm": Least(ICD10CM, 60_000, ("A00", "Z99")),
    "cvx": Least(CVX, 200),
}
"""By kind of table; only of tables of which a code that is not in them counts as unknown."""


def held_against_a_release(kind: str, name: str, rows: int, database: sqlite3.Connection) -> None:
    """Raises TerminologyError where a table that was read can be no whole release."""
    least = LEAST.get(kind)
    if least is None:
        return
    why = f"it has {rows:,} rows, and a release has over {least.rows:,}" if rows < least.rows else ""
    held = "SELECT 1 FROM concept WHERE system = ? AND code GLOB ? LIMIT 1"
    for code in least.codes:
        if not why and database.execute(held, (least.system, f"{code}*")).fetchone() is None:
            why = f"it has no code {code}"
    if why:
        part = "Some codes alone are loaded as a table with the columns code and description."
        told = f"{name} is no whole release of {kind}: {why}. Get it anew, whole. {part}"
        raise TerminologyError("not-whole", told)
