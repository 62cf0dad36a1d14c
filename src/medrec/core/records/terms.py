"""What readers ask a terminology, and the lookup over a table that is wholly in memory.

The core reads no files: whoever calls a reader hands it `Terms`. medrec.node.terminology fills a `Table` from the
small file that ships, or answers the same questions from the indexed file that a site has loaded.
"""

from collections.abc import Iterable
from typing import Literal, Protocol, TypeAlias

import msgspec

from medrec.core.records.understood import Strength
from medrec.core.signs import as_latin, seen

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
NDC = "http://hl7.org/fhir/sid/ndc"
UNII = "http://fdasis.nlm.nih.gov"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
CVX = "http://hl7.org/fhir/sid/cvx"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"

Validity: TypeAlias = Literal["valid", "retired", "unknown", "no-table"]
"""`unknown`: the table of that system is loaded and has no such code. `no-table`: nothing can be said."""


class Drug(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One RxNorm concept of a drug. `kind` is its term type: IN, PIN, MIN, BN, SCD, SBD, SCDC, GPCK, BPCK, or what a
    retired code had. `ingredients`: IN codes, all of them, sorted. `generic`: the SCD of a branded product."""

    code: str
    kind: str
    name: str
    ingredients: tuple[str, ...]
    strengths: tuple[Strength, ...] = ()
    form: str = ""
    quantity: str = ""
    brand: str = ""
    generic: str = ""
    retired: bool = False


class DrugClass(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A class of drugs: FDA's EPC, MoA, PE, CS, or a GROUP of ours whose `purpose` is a subset of "allergy",
    "duplicate", "interaction" (";" between)."""

    code: str
    name: str
    kind: str
    purpose: str = ""


class Unit(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A UCUM unit as a multiple of base units: value in base = value * numerator / denominator.

    Two units are comparable if and only if `dimension` is equal. Units of no dimension ({tbl}) keep their annotation.
    """

    code: str
    dimension: str
    numerator: int
    denominator: int


class Terms(Protocol):
    """Questions about codes. All answers are facts of the loaded tables; nothing is guessed."""

    def drug(self, system: str, code: str) -> Drug | None:
        """The RxNorm concept of a code of RxNorm, NDC (10 or 11 digits, hyphens allowed) or UNII."""

    def drug_named(self, name: str) -> Drug | None:
        """The ingredient, brand or product of exactly this name, ignoring case and spacing."""

    def classes(self, ingredient: str) -> tuple[DrugClass, ...]:
        """The classes of an ingredient (RxNorm IN), sorted by code."""

    def class_named(self, name: str) -> tuple[DrugClass, tuple[str, ...]] | None:
        """The class of this name ("penicillins") or code, and its ingredients."""

    def name(self, system: str, code: str) -> str:
        """The name that the table gives to a code; empty when it has none."""

    def validity(self, system: str, code: str) -> Validity:
        """Whether a code is in force."""

    def ancestors(self, system: str, code: str) -> tuple[str, ...]:
        """More general codes of the same system, nearest first, where the table holds a hierarchy."""

    def equivalents(self, system: str, code: str) -> tuple[tuple[str, str], ...]:
        """(system, code) pairs of the same meaning, from loaded maps."""

    def problem_named(self, key: str) -> str:
        """The ICD-10-CM code of a disease by a key of one of its official names (official_names.py); empty when no
        disease, or more than one, is called so."""

    def food_named(self, name: str) -> str:
        """The one name of something that is eaten, or that allergists test for, by any of its names; else empty."""

    def strengths(self, ingredient: str) -> tuple[Strength, ...]:
        """What one piece or one millilitre of the products with this ingredient alone holds, each strength once."""

    def sold_together(self, ingredients: tuple[str, ...]) -> bool:
        """Whether some product holds exactly these ingredients (RxNorm IN, sorted)."""

    def unit(self, code: str) -> Unit | None:
        """A UCUM unit, or one of the words that sites write for it ("mcg", "ML"); None when not known."""


_WIDE = {sign: sign - 0xFEE0 for sign in range(0xFF01, 0xFF5F)}
"""Letters, digits and signs as wide as a Chinese character, and what they are (Unicode, "Fullwidth Forms")."""


def cleaned(name: str) -> str:
    """A name to compare by: lower case, one space between words, no sign that nobody sees, wide letters as others, and
    those of another alphabet in a Latin word as the Latin ones that they are taken for."""
    if name.isascii() and name.isalpha() and name.islower():
        # One plain word: asked of a thousand guesses for each slip of the pen.
        return name
    plain = name if name.isascii() else as_latin(seen(name).translate(_WIDE))
    return " ".join(plain.lower().split())


class Table:
    """Terms over rows in memory. Later rows of the same code win; order of rows is otherwise without effect."""

    def __init__(
        self,
        drugs: Iterable[Drug] = (),
        classes: Iterable[tuple[str, DrugClass]] = (),
        concepts: Iterable[tuple[str, str, str, bool]] = (),
        same: Iterable[tuple[str, str, str]] = (),
        units: Iterable[Unit] = (),
        complete: Iterable[str] = (),
        names: Iterable[tuple[str, str]] = (),
        problems: Iterable[tuple[str, str]] = (),
        foods: Iterable[tuple[str, str]] = (),
    ) -> None:
        """`classes`: (ingredient, class). `concepts`: (system, code, name, retired). `same`: (system, code, RxNorm
        code) for NDC and UNII. `complete`: the systems of which every code is here, so that a missing one is unknown.
        `names`: (another name of a drug, its RxNorm code). `problems`: (key of an official name, ICD-10-CM code).
        `foods`: (another name, the usual one).
        """
        self._drugs = {row.code: row for row in drugs}
        self._strengths: dict[str, tuple[Strength, ...]] | None = None
        self._together: frozenset[tuple[str, ...]] | None = None
        self._named: dict[str, Drug] = {}
        for row in sorted(self._drugs.values(), key=_preference):
            self._named.setdefault(cleaned(row.name), row)
        for other, code in names:
            if code in self._drugs:
                self._named.setdefault(cleaned(other), self._drugs[code])
        self._problems = dict(problems)
        self._foods = dict(foods)
        self._classes: dict[str, list[DrugClass]] = {}
        self._members: dict[str, tuple[DrugClass, list[str]]] = {}
        for ingredient, entry in classes:
            self._classes.setdefault(ingredient, []).append(entry)
            for label in {entry.code: 0, cleaned(entry.name): 0}:
                self._members.setdefault(label, (entry, []))[1].append(ingredient)
        self._concepts = {(system, code): (name, retired) for system, code, name, retired in concepts}
        self._same = {(system, code): drug for system, code, drug in same}
        self._units = {row.code: row for row in units}
        self._complete = frozenset(complete)

    def drug(self, system: str, code: str) -> Drug | None:
        """See Terms."""
        if system == RXNORM:
            return self._drugs.get(code)
        if system == NDC:
            # Ten digits that may be two different products say nothing.
            found = [self._same[NDC, form] for form in ndc11(code) if (NDC, form) in self._same]
            return self._drugs.get(found[0]) if len(dict.fromkeys(found)) == 1 else None
        return self._drugs.get(self._same.get((system, code), ""))

    def drug_named(self, name: str) -> Drug | None:
        """See Terms."""
        return self._named.get(cleaned(name))

    def strengths(self, ingredient: str) -> tuple[Strength, ...]:
        """See Terms."""
        if self._strengths is None:
            found: dict[str, dict[Strength, None]] = {}
            for code in sorted(self._drugs):
                row = self._drugs[code]
                if row.kind in ("SCD", "SBD", "SCDC") and len(row.ingredients) == len(row.strengths) == 1:
                    found.setdefault(row.ingredients[0], {})[row.strengths[0]] = None
            self._strengths = {name: tuple(held) for name, held in found.items()}
        return self._strengths.get(ingredient, ())

    def sold_together(self, ingredients: tuple[str, ...]) -> bool:
        """See Terms."""
        if self._together is None:
            self._together = frozenset(tuple(sorted(row.ingredients)) for row in self._drugs.values())
        return ingredients in self._together

    def all_drugs(self) -> tuple[Drug, ...]:
        """Every drug of the table, by code."""
        return tuple(self._drugs[code] for code in sorted(self._drugs))

    def classes(self, ingredient: str) -> tuple[DrugClass, ...]:
        """See Terms."""
        return tuple(sorted(self._classes.get(ingredient, ()), key=lambda entry: (entry.code, entry.name)))

    def class_named(self, name: str) -> tuple[DrugClass, tuple[str, ...]] | None:
        """See Terms."""
        found = self._members.get(name) or self._members.get(cleaned(name))
        return (found[0], tuple(sorted(found[1]))) if found else None

    def name(self, system: str, code: str) -> str:
        """See Terms."""
        if system == RXNORM and code in self._drugs:
            return self._drugs[code].name
        return self._concepts.get((system, code), ("", False))[0]

    def validity(self, system: str, code: str) -> Validity:
        """See Terms."""
        if system == RXNORM and code in self._drugs:
            return "retired" if self._drugs[code].retired else "valid"
        found = self._concepts.get((system, code))
        if found is not None:
            return "retired" if found[1] else "valid"
        return "unknown" if system in self._complete else "no-table"

    def ancestors(self, system: str, code: str) -> tuple[str, ...]:
        """ICD-10-CM carries its hierarchy in its codes: I48.91 is below I48.9 and I48, with or without its point."""
        if system != ICD10CM or len(code) <= 3:
            return ()
        code = code if "." in code else f"{code[:3]}.{code[3:]}"
        shorter = [code[:length] for length in range(len(code) - 1, 4, -1)]
        return (*shorter, code[:3])

    def equivalents(self, system: str, code: str) -> tuple[tuple[str, str], ...]:
        """A table in memory holds no maps between systems."""
        return ()

    def problem_named(self, key: str) -> str:
        """See Terms."""
        return self._problems.get(key, "")

    def food_named(self, name: str) -> str:
        """See Terms."""
        return self._foods.get(cleaned(name), "")

    def unit(self, code: str) -> Unit | None:
        """See Terms."""
        return self._units.get(code)


_ORDER = ("IN", "PIN", "MIN", "BN", "SCD", "SBD", "SCDC", "GPCK", "BPCK")


def _preference(row: Drug) -> tuple[bool, int, str]:
    """Of equal names the current one counts, and of those the most general."""
    return row.retired, _ORDER.index(row.kind) if row.kind in _ORDER else len(_ORDER), row.code


def ndc11(code: str) -> tuple[str, ...]:
    """The eleven-digit forms that an NDC may stand for: ten digits without hyphens are ambiguous (4-4-2, 5-3-2,
    5-4-1), so all three are given; with hyphens there is one."""
    parts = code.strip().split("-")
    if not all(part.isdigit() for part in parts):
        return ()
    if len(parts) == 3 and len(parts[0]) <= 5 and len(parts[1]) <= 4 and len(parts[2]) <= 2:
        return (parts[0].zfill(5) + parts[1].zfill(4) + parts[2].zfill(2),)
    digits = "".join(parts)
    if len(parts) > 1 or len(digits) not in (10, 11):
        return ()
    if len(digits) == 11:
        return (digits,)
    return "0" + digits, digits[:5] + "0" + digits[5:], digits[:9] + "0" + digits[9:]
