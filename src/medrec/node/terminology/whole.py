"""Whether a table may be a whole release: one that is cut would make every code that is missing look unknown.

Figures are below those of the releases: ICD-10-CM of 2026 has 98,052 codes, over 74,000 of them billable, from A00
to Z99 (CDC/NCHS and CMS, order and codes files); the CVX table of the CDC had 288 codes in December 2025. LOINC 2.36 of
2011 had 65,004 terms, 2.74 of 2023 has 99,687 (loinc.org, release notes). SNOMED CT had over 311,000 active concepts in
January 2008 and 354,259 in July 2022 (termlex.com, content of editions); its root is 138875005, which no extension has
of its own, and inactive concepts stand in the same file. FDA's list of UNIIs holds the 14,648 ingredients of RxNorm and
many times more, in the order of its codes. The prescribable content of RxNorm of October 2025 has over 20,000 drugs.
A file that is cut has no codes of its end: those named here stand in every release since 2010.
"""

import re
import sqlite3
from collections.abc import Container, Sequence
from typing import NamedTuple

from medrec.core.records.terms import CVX, ICD10CM, LOINC, RXNORM, SNOMED, UNII, Drug, cleaned
from medrec.node.terminology.index import TerminologyError


class Least(NamedTuple):
    """What a whole table of a system has at least: so many rows, codes that begin with these, and a name for nine of
    ten codes (`named`)."""

    system: str
    rows: int
    codes: tuple[str, ...] = ()
    named: bool = False


LEAST = {
    "icd10cm": Least(ICD10CM, 60_000, ("A00", "Z99")),
    "cvx": Least(CVX, 200),
    # Sorted by text or by number, the blood pressure, the glucose and the pulse stand on both sides of the middle.
    "loinc": Least(LOINC, 90_000, ("8480-6", "2345-7", "8867-4", "9279-1")),
    "snomed-concepts": Least(SNOMED, 400_000, ("138875005",), named=True),
    "unii": Least(UNII, 60_000, ("0", "Z")),
    "rxnorm": Least(RXNORM, 15_000),
    "rxnorm-full": Least(RXNORM, 60_000),
}
"""By kind of table; only of tables of which a code that is not in them counts as unknown."""
IN_PARTS = ("snomed-concepts",)
"""Of these several tables, and their names in tables of their own, make one release: they are looked at together."""


_NAMED = "SELECT count(*) FROM concept WHERE system = ? AND name != ''"
_SHORT_SHARE = 200
"""Of so many products one may lack a part: a release of October 2025 has none in 20,000."""


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
    if not why and least.named and database.execute(_NAMED, (least.system,)).fetchone()[0] * 10 < rows * 9:
        why = "most of its codes have no name; load the descriptions beside it, whole"
    if why:
        part = "Some codes alone are loaded as a table with the columns code and description."
        told = f"{name} is no whole release of {kind}: {why}. Get it anew, whole. {part}"
        raise TerminologyError("not-whole", told)


def held_against_its_names(drugs: Sequence[Drug], short: Container[str]) -> None:
    """Raises TerminologyError where products of RxNorm lack parts that their own names tell: its relations are cut."""
    products = [drug for drug in drugs if drug.kind in ("SCD", "SBD")]
    lacking = [drug for drug in products if drug.code in short]
    if len(lacking) * _SHORT_SHARE > len(products):
        first = lacking[0]
        told = (
            f"RXNREL.RRF is not whole: {len(lacking):,} of {len(products):,} products have fewer parts than their "
            f'names say, {first.code} first ("{first.name[:80]}"). Get the release anew, whole.'
        )
        raise TerminologyError("not-whole", told)


_WORD = re.compile(r"[^\W\d_]{4,}")


def may_be_one(official: str, name: str) -> bool:
    """Whether a name may be a title of the same code in another year or in other words: they share a word."""
    own = _WORD.findall(cleaned(official))
    return cleaned(official) == cleaned(name) or any(word in own for word in _WORD.findall(cleaned(name)))
