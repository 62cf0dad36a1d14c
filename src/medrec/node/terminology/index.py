"""One indexed file of the terminology that a site has loaded, and the answers out of it.

SQLite, read by key: a question costs one or two look-ups, however large the tables are (full SNOMED CT and RxNorm
together are a gigabyte). The file is written beside its place and moved there whole, so that a reader never sees half
a table, and a load that was broken off changes nothing.
"""

import sqlite3
import threading
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import msgspec

from medrec.core.records.terms import (
    ICD10CM,
    NDC,
    RXNORM,
    Drug,
    DrugClass,
    Terms,
    Unit,
    Validity,
    cleaned,
    ndc11,
)
from medrec.core.records.understood import Strength

FORMAT = 2
_CACHED = 1 << 16
_ANCESTORS_MAX = 200
SCHEMA = """
CREATE TABLE about(name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE source(file TEXT NOT NULL, kind TEXT NOT NULL, rows INTEGER NOT NULL, sha256 TEXT NOT NULL);
CREATE TABLE complete(system TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE concept(system TEXT, code TEXT, name TEXT NOT NULL, retired INTEGER NOT NULL,
  PRIMARY KEY(system, code)) WITHOUT ROWID;
CREATE TABLE drug(code TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE named(name TEXT, rank INTEGER, code TEXT, PRIMARY KEY(name, rank, code)) WITHOUT ROWID;
CREATE TABLE same(system TEXT, code TEXT, drug TEXT NOT NULL, PRIMARY KEY(system, code)) WITHOUT ROWID;
CREATE TABLE class(ingredient TEXT, code TEXT, name TEXT, kind TEXT, purpose TEXT,
  PRIMARY KEY(ingredient, code, name)) WITHOUT ROWID;
CREATE TABLE class_named(label TEXT, code TEXT, PRIMARY KEY(label, code)) WITHOUT ROWID;
CREATE INDEX class_code ON class(code, ingredient);
CREATE TABLE parent(system TEXT, code TEXT, parent TEXT, PRIMARY KEY(system, code, parent)) WITHOUT ROWID;
CREATE TABLE map(system TEXT, code TEXT, to_system TEXT, to_code TEXT,
  PRIMARY KEY(system, code, to_system, to_code)) WITHOUT ROWID;
CREATE TABLE problem(key TEXT PRIMARY KEY, code TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE food(name TEXT PRIMARY KEY, usual TEXT NOT NULL) WITHOUT ROWID;
"""


class TerminologyError(Exception):
    """A table cannot be loaded or read. `code` is a short name, `sentence` says what, where and what to do."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def encoded(drug: Drug) -> bytes:
    """A drug as the file keeps it."""
    strengths = [[s.ingredient, s.value, s.unit] for s in drug.strengths]
    rest = (drug.form, drug.quantity, drug.brand, drug.generic, drug.retired)
    return msgspec.json.encode([drug.code, drug.kind, drug.name, drug.ingredients, strengths, *rest])


def decoded(body: bytes) -> Drug:
    """The drug in these bytes."""
    code, kind, name, ingredients, strengths, *rest = msgspec.json.decode(body)
    return Drug(code, kind, name, tuple(ingredients), tuple(Strength(*triple) for triple in strengths), *rest)


class Indexed:
    """Terms out of one file; what the file does not hold is asked of `behind` (the table that ships)."""

    def __init__(self, path: Path, behind: Terms) -> None:
        self._path = path
        self._behind = behind
        self._local = threading.local()
        found = self._rows("SELECT value FROM about WHERE name = 'format'")
        if not found or found[0][0] != str(FORMAT):
            raise TerminologyError("format", f"{path.name} was written by another version; load the tables again.")
        self._complete = {row[0] for row in self._rows("SELECT system FROM complete")}
        self._systems = {row[0] for row in self._rows("SELECT DISTINCT system FROM concept")}
        # Bounded, and per object: a process that opens another file starts anew.
        self.drug = lru_cache(_CACHED)(self._drug)  # type: ignore[method-assign]
        self.drug_named = lru_cache(_CACHED)(self._drug_named)  # type: ignore[method-assign]
        self.name = lru_cache(_CACHED)(self._name)  # type: ignore[method-assign]
        self.validity = lru_cache(_CACHED)(self._validity)  # type: ignore[method-assign]
        self.classes = lru_cache(_CACHED)(self._classes)  # type: ignore[method-assign]
        self.equivalents = lru_cache(_CACHED)(self._equivalents)  # type: ignore[method-assign]

    def _rows(self, statement: str, *values: str) -> list[tuple[str, ...]]:
        connection = getattr(self._local, "connection", None)
        try:
            if connection is None:
                connection = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, check_same_thread=False)
                self._local.connection = connection
            return connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise TerminologyError("unreadable", f"{self._path.name} cannot be read ({error}); load it anew.") from None

    def drug(self, system: str, code: str) -> Drug | None:
        """See Terms."""
        return self._drug(system, code)

    def _drug(self, system: str, code: str) -> Drug | None:
        codes = [code] if system == RXNORM else []
        if system != RXNORM:
            forms = ndc11(code) if system == NDC else (code,)
            for form in forms:
                codes += [row[0] for row in self._rows("SELECT drug FROM same WHERE system=? AND code=?", system, form)]
            if len(set(codes)) > 1:
                return None
        for found in codes[:1]:
            row = self._rows("SELECT body FROM drug WHERE code=?", found)
            if row:
                return decoded(row[0][0])  # type: ignore[arg-type]
        return self._behind.drug(system, code)

    def drug_named(self, name: str) -> Drug | None:
        """See Terms."""
        return self._drug_named(name)

    def _drug_named(self, name: str) -> Drug | None:
        row = self._rows("SELECT code FROM named WHERE name=? ORDER BY rank, code LIMIT 1", cleaned(name))
        return self.drug(RXNORM, row[0][0]) if row else self._behind.drug_named(name)

    def classes(self, ingredient: str) -> tuple[DrugClass, ...]:
        """See Terms."""
        return self._classes(ingredient)

    def _classes(self, ingredient: str) -> tuple[DrugClass, ...]:
        rows = self._rows("SELECT code, name, kind, purpose FROM class WHERE ingredient=?", ingredient)
        found = {entry.code: entry for entry in self._behind.classes(ingredient)}
        found |= {row[0]: DrugClass(*row) for row in rows}
        return tuple(found[code] for code in sorted(found))

    def class_named(self, name: str) -> tuple[DrugClass, tuple[str, ...]] | None:
        """See Terms."""
        row = self._rows("SELECT code FROM class_named WHERE label IN (?, ?) LIMIT 1", name, cleaned(name))
        if not row:
            return self._behind.class_named(name)
        rows = self._rows("SELECT ingredient, code, name, kind, purpose FROM class WHERE code=?", row[0][0])
        return DrugClass(*rows[0][1:]), tuple(sorted({found[0] for found in rows}))

    def name(self, system: str, code: str) -> str:
        """See Terms."""
        return self._name(system, code)

    def _name(self, system: str, code: str) -> str:
        row = self._rows("SELECT name FROM concept WHERE system=? AND code=?", system, code)
        return row[0][0] if row else self._behind.name(system, code)

    def validity(self, system: str, code: str) -> Validity:
        """See Terms."""
        return self._validity(system, code)

    def _validity(self, system: str, code: str) -> Validity:
        row = self._rows("SELECT retired FROM concept WHERE system=? AND code=?", system, code)
        if row:
            return "retired" if row[0][0] else "valid"
        behind = self._behind.validity(system, code)
        return "unknown" if system in self._complete and behind == "no-table" else behind

    def ancestors(self, system: str, code: str) -> tuple[str, ...]:
        """See Terms."""
        if system == ICD10CM or system not in self._systems:
            return self._behind.ancestors(system, code)
        found: dict[str, None] = {}
        row = [code]
        while row and len(found) < _ANCESTORS_MAX:
            above = [
                parent[0]
                for each in row
                for parent in self._rows("SELECT parent FROM parent WHERE system=? AND code=?", system, each)
            ]
            row = [parent for parent in above if parent not in found]
            found |= dict.fromkeys(row)
        return tuple(found)

    def equivalents(self, system: str, code: str) -> tuple[tuple[str, str], ...]:
        """See Terms."""
        return self._equivalents(system, code)

    def _equivalents(self, system: str, code: str) -> tuple[tuple[str, str], ...]:
        rows = self._rows("SELECT to_system, to_code FROM map WHERE system=? AND code=?", system, code)
        return tuple(sorted((row[0], row[1]) for row in rows)) or self._behind.equivalents(system, code)

    def problem_named(self, key: str) -> str:
        """See Terms."""
        row = self._rows("SELECT code FROM problem WHERE key=?", key)
        return row[0][0] if row else self._behind.problem_named(key)

    def food_named(self, name: str) -> str:
        """See Terms."""
        row = self._rows("SELECT usual FROM food WHERE name=?", cleaned(name))
        return row[0][0] if row else self._behind.food_named(name)

    def strengths(self, ingredient: str) -> tuple[Strength, ...]:
        """Those of the table that ships: the drugs that can be prescribed."""
        return self._behind.strengths(ingredient)

    def sold_together(self, ingredients: tuple[str, ...]) -> bool:
        """Those of the table that ships, as of the strengths."""
        return self._behind.sold_together(ingredients)

    def unit(self, code: str) -> Unit | None:
        """See Terms."""
        return self._behind.unit(code)

    def sources(self) -> list[tuple[str, str, int, str]]:
        """What was loaded: (file, kind, rows, SHA-256)."""
        rows = self._rows("SELECT file, kind, rows, sha256 FROM source ORDER BY rowid")
        return [(row[0], row[1], int(row[2]), row[3]) for row in rows]

    def close(self) -> None:
        """Let go of the file (of this thread's connection)."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None


def labels(entry: DrugClass) -> Iterable[tuple[str, str]]:
    """What a class may be asked for by."""
    return ((entry.code, entry.code), (cleaned(entry.name), entry.code))
