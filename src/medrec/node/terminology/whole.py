"""Whether a table may be a whole release: one that is cut would make every code that is missing look unknown.

Figures are far below those of the releases: ICD-10-CM of 2026 has 98,052 codes, over 74,000 of them billable, from A00
to Z99 (CDC/NCHS and CMS, order and codes files); the CVX table of the CDC had 288 codes in December 2025. LOINC 2.36 of
2011 had 65,004 terms, 2.74 of 2023 has 99,687 (loinc.org, release notes). SNOMED CT had over 311,000 active concepts in
January 2008 and 354,259 in July 2022 (termlex.com, content of editions); its root is 138875005, which no extension has
of its own. FDA's list of UNIIs holds the 14,648 ingredients of RxNorm and far more.
"""

import sqlite3
from typing import NamedTuple

from medrec.core.records.terms import CVX, ICD10CM, LOINC, SNOMED, UNII
from medrec.node.terminology.index import TerminologyError


class Least(NamedTuple):
    """What a whole table of a system has at least: so many rows, codes that begin with these, and names (`named`)."""

    system: str
    rows: int
    codes: tuple[str, ...] = ()
    named: bool = False


LEAST = {
    "icd10cm": Least(ICD10CM, 60_000, ("A00", "Z99")),
    "cvx": Least(CVX, 200),
    "loinc": Least(LOINC, 60_000),
    "snomed-concepts": Least(SNOMED, 300_000, ("138875005",), named=True),
    "unii": Least(UNII, 14_000),
}
"""By kind of table; only of tables of which a code that is not in them counts as unknown."""
IN_PARTS = ("snomed-concepts",)
"""Of these several tables, and their names in tables of their own, make one release: they are looked at together."""


_NAMED = "SELECT 1 FROM concept WHERE system = ? AND name != '' LIMIT 1"


def held_together(done: list[tuple[str, str, int]], database: sqlite3.Connection) -> None:
    """Raises TerminologyError where the tables of one release, by all that were read (file, kind, rows), are none."""
    for kind in IN_PARTS:
        names = [name for name, one, _ in done if one == kind]
        if names and kind in LEAST:
            (rows,) = database.execute(
                "SELECT count(*) FROM concept WHERE system = ?", (LEAST[kind].system,)
            ).fetchone()
            held_against_a_release(kind, " and ".join(names), rows, database)


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
    if not why and least.named and database.execute(_NAMED, (least.system,)).fetchone() is None:
        why = "none of its codes has a name; load the descriptions beside it"
    if why:
        part = "Some codes alone are loaded as a table with the columns code and description."
        told = f"{name} is no whole release of {kind}: {why}. Get it anew, whole. {part}"
        raise TerminologyError("not-whole", told)
