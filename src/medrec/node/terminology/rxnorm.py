"""RxNorm as NLM publishes it: RXNCONSO.RRF, RXNREL.RRF, RXNSAT.RRF, full or prescribable content.

Columns as in nlm.nih.gov/research/umls/rxnorm/docs/techdoc.html, and in the scripts that NLM puts beside the files of a
release (scripts/mysql/Table_scripts_mysql_rxn.sql; a public copy: monarch-initiative/MAxO). Only atoms of source RXNORM
(names) and MTHSPL (UNII) are read; a row of RXNREL says: the concept of column 5 has the relation of column 8 to the
concept of column 1.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from medrec.core.records.terms import NDC, UNII, Drug, ndc11
from medrec.core.records.understood import Strength
from medrec.node.terminology.strengths import split_strength

KINDS = frozenset(
    {"IN", "PIN", "MIN", "BN", "SCD", "SBD", "SCDC", "SBDC", "SCDF", "SBDF", "SCDG", "SBDG", "GPCK", "BPCK"}
)
_RELATIONS = frozenset(
    {"has_ingredient", "consists_of", "has_part", "form_of", "has_form", "tradename_of", "contains", "has_dose_form",
     "has_precise_ingredient", "has_ingredients"}
)  # fmt: skip
_DEPTH = 4


def rows(path: Path, columns: tuple[int, ...]) -> Iterator[list[str]]:
    """The wanted columns of an RRF file, line by line. ValueError for a line that has too few, or has no end: the file
    is cut."""
    last = max(columns)
    with path.open(encoding="utf-8", newline="\n") as file:
        for number, line in enumerate(file, 1):
            parts = line.rstrip("\n").split("|")
            if len(parts) <= last or not line.endswith("\n"):
                raise ValueError(f"line {number} of {path.name} is cut")
            yield [parts[column] for column in columns]


class Release:
    """One release, read into memory: 45 MB of prescribable content, ten times that for the full one."""

    def __init__(self, folder: Path) -> None:
        self._kind: dict[str, str] = {}
        self._name: dict[str, str] = {}
        self._retired: set[str] = set()
        self.uniis: list[tuple[str, str]] = []
        self._forms: dict[str, str] = {}
        self._to: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        self._quantity: dict[str, str] = {}
        self.ndcs: dict[str, str] = {}
        self._concepts(folder / "RXNCONSO.RRF")
        self._relations(folder / "RXNREL.RRF")
        if (folder / "RXNSAT.RRF").exists():
            self._attributes(folder / "RXNSAT.RRF")
        # Only the full release has the archive; the prescribable content cannot say that a code is unknown.
        self.full = (folder / "RXNATOMARCHIVE.RRF").exists()
        self._merged: dict[str, str] = {}
        if self.full:
            self._archive(folder / "RXNATOMARCHIVE.RRF")

    def _concepts(self, path: Path) -> None:
        for code, source, kind, native, name, suppressed in rows(path, (0, 11, 12, 13, 14, 16)):
            if source == "MTHSPL" and kind == "SU" and len(native) == 10:
                self.uniis.append((native, code))
            if source != "RXNORM":
                continue
            if kind == "DF":
                self._forms[code] = name
            elif kind in KINDS and (code not in self._kind or suppressed == "N"):
                self._kind[code], self._name[code] = kind, name
                if suppressed in ("O", "Y", "E"):
                    self._retired.add(code)
                else:
                    self._retired.discard(code)

    def _relations(self, path: Path) -> None:
        for to, of, relation, source in rows(path, (0, 4, 7, 10)):
            if source == "RXNORM" and to and of and relation in _RELATIONS:
                self._to[of][relation].append(to)

    def _attributes(self, path: Path) -> None:
        for code, attribute, source, value in rows(path, (0, 8, 9, 10)):
            if attribute == "NDC" and source in ("RXNORM", "MTHSPL"):
                forms = ndc11(value)
                if len(forms) == 1:
                    self.ndcs[forms[0]] = code
            elif attribute == "RXN_QUANTITY":
                self._quantity[code] = value

    def _archive(self, path: Path) -> None:
        """Codes of former releases: their name, and the code that they were merged into."""
        for name, code, source, kind, merged in rows(path, (2, 12, 13, 14, 15)):
            if source == "RXNORM" and kind in KINDS and code not in self._kind:
                self._kind[code], self._name[code] = kind, name
                self._retired.add(code)
                if merged and merged != code:
                    self._merged[code] = merged

    def drugs(self) -> Iterator[Drug]:
        """All concepts of drugs, with what their relations say."""
        for code, kind in self._kind.items():
            ingredients = tuple(sorted(self._ingredients(code, _DEPTH)))
            to = self._to.get(code, {})
            generic = next((other for other in to.get("tradename_of", ()) if self._kind.get(other) == "SCD"), "")
            form = next((self._forms[other] for other in to.get("has_dose_form", ()) if other in self._forms), "")
            brand = self._name[code].rpartition("[")[2].removesuffix("]") if self._name[code].endswith("]") else ""
            yield Drug(
                code, kind, self._name[code], ingredients, self._strengths(code), form, self._quantity.get(code, ""),
                brand, generic, code in self._retired,
            )  # fmt: skip

    def short(self) -> dict[str, None]:
        """The products whose name has more parts than the release says that they consist of ("... / ..."), in order.

        Each part of a clinical drug is a component of its own (SCDC), also where two are salts of one ingredient.
        """
        return {code: None for code, kind in self._kind.items() if kind in ("SCD", "SBD") and self._lacks_parts(code)}

    def _lacks_parts(self, code: str) -> bool:
        to, parts = self._to.get(code, {}), len(self._name[code].split(" / "))
        if len({part for part in to.get("consists_of", ()) if self._kind.get(part) == "SCDC"}) >= parts:
            return False
        generic = [one for one in to.get("tradename_of", ()) if self._kind.get(one) == "SCD"]
        # With an ingredient of its own for each part nothing is missing either way.
        return len(self._ingredients(code, _DEPTH)) < parts and all(self._lacks_parts(one) for one in generic)

    def same(self) -> Iterator[tuple[str, str, str]]:
        """(system, code, RxNorm code) of NDC and UNII."""
        yield from ((NDC, code, drug) for code, drug in self.ndcs.items())
        yield from ((UNII, code, drug) for code, drug in self.uniis if drug in self._kind)

    def _ingredients(self, code: str, depth: int) -> set[str]:
        kind = self._kind.get(code)
        if code in self._merged and depth:
            return self._ingredients(self._merged[code], depth - 1)
        if kind == "IN":
            return {code}
        if kind is None or depth == 0:
            return set()
        to = self._to.get(code, {})
        found: set[str] = set()
        # A salt's ingredient is its form; a brand's, what it is the trade name of.
        for relation in ("has_ingredient", "form_of", "has_part", "consists_of", "contains", "tradename_of"):
            for other in to.get(relation, ()):
                found |= self._ingredients(other, depth - 1)
            if found and relation != "has_ingredient":
                break
        return found

    def _strengths(self, code: str) -> tuple[Strength, ...]:
        """Of the components that it consists of; a component's own name holds its strength."""
        to = self._to.get(code, {})
        parts = [code] if self._kind[code] == "SCDC" else to.get("consists_of", [])
        parts = [part for part in parts if self._kind.get(part) == "SCDC"]
        found = {}
        for part in parts:
            split, ingredients = split_strength(self._name[part]), self._ingredients(part, _DEPTH)
            if split is not None and len(ingredients) == 1:
                found[next(iter(ingredients))] = (split[1], split[2])
        return tuple(Strength(ingredient, *found[ingredient]) for ingredient in sorted(found))
