"""Loading: recognise what a site has, read it with progress, and put one whole file in the place of the last.

What is recognised is told by name and first line, never guessed; what is not recognised is named and refused, so that
a slip of the hand is not a terminology silently left out.
"""

import csv
import fcntl
import hashlib
import os
import sqlite3
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from medrec.core.records.official_names import settled
from medrec.core.records.terms import CVX, ICD10CM, LOINC, RXNORM, SNOMED, UNII, Drug, cleaned
from medrec.node.terminology import index, tables, whole
from medrec.node.terminology.index import TerminologyError
from medrec.node.terminology.rxnorm import Release
from medrec.node.terminology.shipped import shipped

Progress = Callable[[str, int], None]
"""Called with what is being read and how many rows of it were."""

_STEP = 20_000
_OTHER = 500
"""The rank of a name that RxNorm does not give: after all of RxNorm's."""
_RANK = ("IN", "PIN", "MIN", "BN", "SCD", "SBD", "SCDC", "GPCK", "BPCK")


_BROKEN = (KeyError, ValueError, EOFError, OSError, zlib.error, ET.ParseError, csv.Error, sqlite3.Error)
"""What reading a file that is cut, damaged or something else may raise."""


def nothing(_what: str, _rows: int) -> None:
    """Progress that nobody watches."""


def kind_of(path: Path) -> str:
    """Which table a path is: a kind of KINDS, or empty when it is none of them."""
    name = path.name
    if "addenda" in name.lower():
        return ""
    if path.is_dir():
        return "rxnorm" if (path / "RXNCONSO.RRF").exists() else ""
    if name == "RXNCONSO.RRF":
        return "rxnorm"
    for prefix, kind in _RF2:
        if name.startswith(prefix) and name.endswith(".txt"):
            return kind
    low = name.lower().removesuffix(".gz")
    if low.startswith("icd10c") and "tabular" in low and low.endswith(".xml"):
        return "icd10cm-tabular"
    if low.endswith(".txt"):
        if low.startswith("unii_names"):
            return "unii-names"
        if low.startswith(("icd10cm_order", "icd10cm-order", "icd10cm_codes", "icd10cm-codes")):
            return "icd10cm"
        if low.startswith("cvx"):
            return "cvx"
        return "unii" if low.startswith("unii_records") else ""
    if not low.endswith(".csv"):
        return ""
    try:
        found = set(tables.columns(path))
    except _BROKEN:
        return ""
    return next((kind for kind, needed in _COLUMNS if needed <= found), "")


_RF2 = (
    ("sct2_Concept_Snapshot", "snomed-concepts"),
    ("sct2_Description_Snapshot", "snomed-names"),
    ("der2_cRefset_LanguageSnapshot", "snomed-language"),
    ("sct2_Relationship_Snapshot", "snomed-parents"),
    ("der2_iisssccRefset_ExtendedMapSnapshot", "snomed-maps"),
)
_COLUMNS = (
    # The language variants of a release have no status.
    ("loinc", {"LOINC_NUM", "LONG_COMMON_NAME", "STATUS"}),
    ("ndc", {"ndc11", "rxcui"}),
    ("classes", {"ingredient_rxcui", "class_code", "class_name", "kind"}),
    ("concepts", {"cvx", "short", "status"}),
    ("concepts", {"code", "description"}),
)


def found_under(paths: Iterable[Path]) -> list[tuple[str, Path]]:
    """(kind, path) of every table under the paths. Raises TerminologyError for a file named that is none."""
    found: dict[Path, str] = {}
    for path in paths:
        if not path.exists():
            raise TerminologyError("not-there", f"{path} is not there; give files or folders of a release.")
        kind = kind_of(path)
        if kind:
            found[path.parent if path.name == "RXNCONSO.RRF" else path] = kind
        elif path.is_dir():
            inside = ((inner, kind_of(inner)) for inner in sorted(path.rglob("*")) if inner.is_file())
            found |= {(p.parent if p.name == "RXNCONSO.RRF" else p): kind for p, kind in inside if kind}
        else:
            packed = " Unpack it first." if path.suffix.lower() in (".zip", ".tar", ".tgz", ".7z") else ""
            told = f"{path.name} is no table that is known; see the operator's guide.{packed}"
            raise TerminologyError("not-a-table", told)
    if not found:
        raise TerminologyError("not-a-table", "No table that is known is there; see the operator's guide.")
    # Which term is preferred has to be known before the terms are. Codes of a site's own stand beside official ones,
    # and names of substances are tied to drugs by codes of other tables: they come last.
    order = {"snomed-language": 0, "concepts": 2, "unii-names": 3}
    return sorted(_one_of_each(found), key=lambda pair: order.get(pair[0], 1))


_SINGLE = ("rxnorm", "icd10cm", "icd10cm-tabular", "unii", "unii-names", "loinc", "cvx")
"""Of these a site has one release; of SNOMED CT the international one and its country's beside it."""


def _one_of_each(found: dict[Path, str]) -> list[tuple[str, Path]]:
    """The tables without those that another holds whole (codes beside an order file, the core of LOINC). Raises
    TerminologyError where two releases of one table are named."""
    smaller = {
        path: kind
        for path, kind in found.items()
        if (kind == "loinc" and "core" in path.name.lower()) or (kind == "icd10cm" and "order" not in path.name.lower())
    }
    whole = {kind for path, kind in found.items() if path not in smaller}
    kept = {path: kind for path, kind in found.items() if path not in smaller or kind not in whole}
    for kind in _SINGLE:
        several = [path for path, one in kept.items() if one == kind]
        if len(several) > 1:
            told = f"{several[0]} and {several[1]} are both {kind}; name the files or folders of one release."
            raise TerminologyError("two-releases", told)
    return [(kind, path) for path, kind in kept.items()]


def load(
    paths: Iterable[Path], target: Path, progress: Progress = nothing, language: str = ""
) -> list[tuple[str, str, int]]:
    """Read all tables under `paths` into `target`, in place of what was there: (file, kind, rows) of each. `language`:
    which reference set of SNOMED CT says what a concept is called (tables.LANGUAGES); "" is that of the U.S. where it
    is there.

    Raises TerminologyError, also while another load into it is under way, and then `target` is as it was.
    """
    if language and language not in tables.LANGUAGES:
        known = ", ".join(tables.LANGUAGES)
        raise TerminologyError("no-language", f"{language[:40]} is no language that is known; say one of: {known}.")
    tables_found = found_under(paths)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.loading")
    kind, path = tables_found[0]
    try:
        with _alone(beside) as file:
            with Writer(beside, progress, language) as writer:
                for kind, path in tables_found:
                    writer.table(kind, path)
                writer.held_together()
            os.fsync(file.fileno())
            beside.replace(target)
    except _BROKEN as error:
        why = f"it has no column {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__
        told = f"{path.name} cannot be read as {kind}: {why}. Get it anew, whole and as its owner publishes it."
        raise TerminologyError("unreadable", told) from None
    return writer.done


@contextmanager
def _alone(beside: Path) -> Iterator[BinaryIO]:
    """The file in the making, empty, for one load at a time; what a load that was killed left is taken over. Raises
    TerminologyError while another load is at it."""
    with beside.open("ab") as file:

        def ours() -> bool:
            return beside.exists() and os.path.samestat(os.fstat(file.fileno()), beside.stat())

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TerminologyError("being-loaded", _BUSY) from None
        if not ours():
            # Whoever had it put it in its place between the two lines above.
            raise TerminologyError("being-loaded", _BUSY)
        file.truncate(0)
        try:
            yield file
        finally:
            if ours():
                beside.unlink()


_BUSY = "Another load into this terminology is under way; wait until it is done, and load again."


class Writer:
    """The file in the making."""

    def __init__(self, path: Path, progress: Progress, language: str = "") -> None:
        self._count = 0
        self._database = sqlite3.connect(path, isolation_level=None)
        self._progress = progress
        self._names: dict[str, tuple[int, str]] = {}
        self._language = language
        self._preferred: dict[str, None] = {}
        self.done: list[tuple[str, str, int]] = []

    def __enter__(self) -> "Writer":
        self._database.executescript(f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; {index.SCHEMA} BEGIN;")
        self._database.execute("INSERT INTO about VALUES ('format', ?)", (str(index.FORMAT),))
        return self

    def __exit__(self, failed: object, *rest: object) -> None:
        if failed is None:
            self._database.execute("COMMIT")
        self._database.close()

    def table(self, kind: str, path: Path) -> None:
        """Read one table."""
        count = getattr(self, "_" + kind.replace("-", "_"))(path)
        if not count:
            raise TerminologyError("empty", f"{path.name} holds nothing that can be read as {kind}.")
        if kind not in whole.IN_PARTS:
            whole.held_against_a_release(kind, path.name, count, self._database)
        self._database.execute("INSERT INTO source VALUES (?,?,?,?)", (path.name, kind, count, _digest(path)))
        self.done.append((path.name, kind, count))

    def held_together(self) -> None:
        """Raises TerminologyError where the parts of a release are no whole one, or have not the language asked for."""
        if self._language and not self._preferred:
            told = f"No table there says what is preferred in {self._language}; name the language files of a release"
            raise TerminologyError("no-language", f"{told} (der2_cRefset_LanguageSnapshot) that has it.")
        whole.held_together(self.done, self._database)

    def _put(self, what: str, statement: str, rows: Iterable[tuple[Any, ...]]) -> int:
        self._database.executemany(statement, self._counted(what, rows))
        return self._count

    def _counted(self, what: str, rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        self._count = 0
        for row in rows:
            self._count += 1
            if self._count % _STEP == 0:
                self._progress(what, self._count)
            yield row
        self._progress(what, self._count)

    def _complete(self, system: str) -> None:
        self._database.execute("INSERT OR IGNORE INTO complete VALUES (?)", (system,))

    def _concepts_of(self, what: str, rows: Iterable[tuple[Any, ...]]) -> int:
        return self._put(what, "INSERT OR REPLACE INTO concept VALUES (?,?,?,?)", rows)

    def _rxnorm(self, path: Path) -> int:
        self._progress("RxNorm", 0)
        release = Release(path)
        drugs, short = [drug for drug in release.drugs() if drug.ingredients or drug.kind == "BN"], release.short()
        whole.held_against_its_names([drug for drug in drugs if not drug.retired], short)
        # A product that lacks a part would be another medicine; what ships knows it whole, or its name is read.
        drugs = [drug for drug in drugs if drug.code not in short]
        count = self._put(
            "RxNorm: drugs",
            "INSERT OR REPLACE INTO drug VALUES (?,?)",
            ((drug.code, index.encoded(drug)) for drug in drugs),
        )
        names = "INSERT OR IGNORE INTO named VALUES (?,?,?)"
        self._put(
            "RxNorm: names", names, ((cleaned(drug.name), _rank(drug), drug.code) for drug in drugs if drug.ingredients)
        )
        self._concepts_of("RxNorm: codes", ((RXNORM, drug.code, drug.name, drug.retired) for drug in drugs))
        self._put("RxNorm: NDC and UNII", "INSERT OR REPLACE INTO same VALUES (?,?,?)", release.same())
        if release.full:
            whole.held_against_a_release("rxnorm-full", path.name, count, self._database)
            self._complete(RXNORM)
        return count

    def _ndc(self, path: Path) -> int:
        return self._put("NDC", "INSERT OR REPLACE INTO same VALUES (?,?,?)", tables.plain_ndcs(path))

    def _classes(self, path: Path) -> int:
        rows = list(tables.plain_classes(path))
        self._put(
            "names of classes",
            "INSERT OR IGNORE INTO class_named VALUES (?,?)",
            (label for _, entry in rows for label in index.labels(entry)),
        )
        return self._put(
            "classes",
            "INSERT OR REPLACE INTO class VALUES (?,?,?,?,?)",
            ((ingredient, e.code, e.name, e.kind, e.purpose) for ingredient, e in rows),
        )

    def _icd10cm(self, path: Path) -> int:
        self._complete(ICD10CM)
        return self._diseases("ICD-10-CM", list(tables.icd10cm(path)))

    def _icd10cm_tabular(self, path: Path) -> int:
        return self._diseases("ICD-10-CM: terms", list(tables.icd10cm_tabular(path)))

    def _diseases(self, what: str, rows: list[tables.Disease]) -> int:
        """Their codes, and what each is called officially. What an earlier file of the load says is kept."""
        called = settled((row.code, row.title, row.above, name) for row in rows for name in (row.title, *row.names))
        self._put(f"{what}: names", "INSERT OR IGNORE INTO problem VALUES (?,?)", called.items())
        concepts = ((ICD10CM, row.code, row.title, False) for row in rows)
        return self._put(what, "INSERT OR IGNORE INTO concept VALUES (?,?,?,?)", concepts)

    def _unii_names(self, path: Path) -> int:
        """Other names of drugs: of those that a code of this load, or of the table that ships, ties to RxNorm."""
        loaded = dict(self._database.execute("SELECT code, drug FROM same WHERE system=?", (UNII,)).fetchall())
        rows: list[tuple[str, int, str]] = []
        found = tables.unii_names(path)
        self._put("UNII: foods", "INSERT OR IGNORE INTO food VALUES (?,?)", found.eaten.items())
        for name, code in found.drugs.items():
            drug = shipped().drug(UNII, code) if code not in loaded else None
            of = loaded.get(code) or (drug.code if drug is not None else "")
            rows += [(name, _OTHER, of)] if of else []
        return self._put("UNII: names", "INSERT OR IGNORE INTO named VALUES (?,?,?)", rows)

    def _cvx(self, path: Path) -> int:
        self._complete(CVX)
        return self._concepts_of("CVX", tables.cvx(path))

    def _concepts(self, path: Path) -> int:
        return self._concepts_of(path.name, self._beside_official(tables.plain_concepts(path)))

    def _beside_official(self, rows: Iterable[tables.Concept]) -> Iterator[tables.Concept]:
        """Rows of a plain table; a code keeps its official title. ValueError where a row calls it something else
        altogether: a fee schedule and a list of visits have the same two columns."""
        for system, code, name, retired in rows:
            known = self._database.execute("SELECT name FROM concept WHERE system=? AND code=?", (system, code))
            official = next((found for (found,) in known), "") or shipped().name(system, code)
            if official and not whole.may_be_one(official, name):
                raise ValueError(f"it calls {code} {name[:60]!r}, and {system} {official!r}")
            yield system, code, official or name, retired

    def _unii(self, path: Path) -> int:
        rows = list(tables.unii(path))
        drugs = ((UNII, code, drug) for code, _, drug in rows if drug)
        self._put("UNII: RxNorm codes", "INSERT OR IGNORE INTO same VALUES (?,?,?)", drugs)
        self._complete(UNII)
        return self._concepts_of("UNII", ((UNII, code, name, False) for code, name, _ in rows))

    def _loinc(self, path: Path) -> int:
        self._complete(LOINC)
        return self._concepts_of("LOINC", tables.loinc(path))

    def _snomed_concepts(self, path: Path) -> int:
        self._complete(SNOMED)
        statement = (
            "INSERT INTO concept VALUES (?,?,?,?) ON CONFLICT(system, code) DO UPDATE SET retired = excluded.retired"
        )
        rows = ((SNOMED, code, "", retired) for code, retired in tables.snomed_concepts(path))
        return self._put("SNOMED CT: concepts", statement, rows)

    def _snomed_language(self, path: Path) -> int:
        wanted, count = tables.LANGUAGES[self._language or "en-US"], 0
        for language, description in self._counted("SNOMED CT: preferred terms", tables.snomed_preferred(path)):
            count += 1
            if language == wanted:
                self._preferred[description] = None
        return count

    def _snomed_names(self, path: Path) -> int:
        here: dict[str, None] = {}
        for code, term, rank in tables.snomed_names(path, self._preferred):
            # Another language has a file of its own: the best of all files counts, whichever is read last.
            self._names[code] = min(self._names.get(code, (rank, term)), (rank, term))
            here[code] = None
        statement = "INSERT INTO concept VALUES (?,?,?,0) ON CONFLICT(system, code) DO UPDATE SET name = excluded.name"
        return self._put("SNOMED CT: names", statement, ((SNOMED, code, self._names[code][1]) for code in here))

    def _snomed_parents(self, path: Path) -> int:
        rows = ((SNOMED, code, above) for code, above in tables.snomed_parents(path))
        return self._put("SNOMED CT: hierarchy", "INSERT OR IGNORE INTO parent VALUES (?,?,?)", rows)

    def _snomed_maps(self, path: Path) -> int:
        rows = ((SNOMED, code, ICD10CM, target) for code, target in tables.snomed_maps(path))
        return self._put("SNOMED CT: map to ICD-10-CM", "INSERT OR IGNORE INTO map VALUES (?,?,?,?)", rows)


def _rank(drug: Drug) -> int:
    """Of equal names the current one counts, and of those the most general."""
    place = _RANK.index(drug.kind) if drug.kind in _RANK else len(_RANK)
    return place + (100 if drug.retired else 0)


def _digest(path: Path) -> str:
    """The digest of a file; of a folder, of the digests of its files."""
    if path.is_dir():
        parts = "".join(_digest(file) for file in sorted(path.glob("RXN*.RRF")))
        return hashlib.sha256(parts.encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
