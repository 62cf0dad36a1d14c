"""The other tables that a site may hold, each by a reader: (system, code, name, retired) and what belongs to it.

ICD-10-CM's order and code files (CMS), CVX (CDC, pipes), UNII (FDA, tabs), SNOMED CT RF2 snapshots and LOINC's table
(each under the licence that the site has), and plain CSV files whose first line names known columns.
"""

import csv
import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from medrec.core.records.terms import CVX, ICD10CM, LOINC, NDC, DrugClass, ndc11

Concept = tuple[str, str, str, bool]
_IS_A = "116680003"
_FULLY_SPECIFIED = "900000000000003001"
_SYNONYM = "900000000000013009"


@contextmanager
def opened(path: Path) -> Iterator[IO[str]]:
    """The text of a file, gzipped or not; UTF-8 with or without its mark, and Latin-1 where it is neither."""
    with path.open("rb") as raw, gzip.open(raw, "rb") if path.suffix == ".gz" else raw as file:
        start = file.read(1 << 16)
        try:
            start[: len(start) - 4].decode("utf-8")
            encoding = "utf-8-sig"
        except UnicodeDecodeError:
            encoding = "latin-1"
        file.seek(0)
        yield io.TextIOWrapper(file, encoding=encoding, newline="", errors="replace")


def icd10cm(path: Path) -> Iterator[Concept]:
    """icd10cm_order_YYYY.txt: number, code, billable, short and long title at fixed columns; or the codes file."""
    order = "order" in path.name
    with opened(path) as file:
        for line in file:
            code = line[6:13].strip() if order else line[:7].strip()
            title = (line[77:].strip() or line[16:76].strip()) if order else line[7:].strip()
            if code and title:
                yield ICD10CM, code if len(code) <= 3 else f"{code[:3]}.{code[3:]}", title, False


def cvx(path: Path) -> Iterator[Concept]:
    """cvx.txt of the CDC: code|short|full|notes|status|..."""
    with opened(path) as file:
        for line in file:
            parts = [part.strip() for part in line.split("|")]
            if len(parts) >= 5 and parts[0].isdigit():
                yield CVX, parts[0].zfill(2), parts[1], parts[4] not in ("Active", "Pending")


def unii(path: Path) -> Iterator[tuple[str, str, str]]:
    """UNII_Records_*.txt: (UNII, preferred term, RxNorm code or empty)."""
    with opened(path) as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            code = row.get("UNII") or ""
            if len(code) == 10:
                name = row.get("PT") or row.get("DISPLAY_NAME") or row.get("Display Name") or ""
                yield code, name, row.get("RXCUI") or ""


def loinc(path: Path) -> Iterator[Concept]:
    """Loinc.csv: LOINC_NUM, LONG_COMMON_NAME, STATUS."""
    with opened(path) as file:
        for row in csv.DictReader(file):
            if row.get("LOINC_NUM"):
                name = row.get("LONG_COMMON_NAME") or row.get("SHORTNAME") or row.get("COMPONENT") or ""
                yield LOINC, row["LOINC_NUM"], name, (row.get("STATUS") or "ACTIVE") in ("DEPRECATED", "DISCOURAGED")


def snomed_concepts(path: Path) -> Iterator[tuple[str, bool]]:
    """sct2_Concept_Snapshot: (id, retired)."""
    for row in _rf2(path):
        yield row["id"], row["active"] != "1"


def snomed_names(path: Path) -> Iterator[tuple[str, str, int]]:
    """sct2_Description_Snapshot: (concept, term, rank); a synonym is what people say, the full name a last resort."""
    for row in _rf2(path):
        if row["active"] == "1" and row["typeId"] in (_FULLY_SPECIFIED, _SYNONYM):
            yield row["conceptId"], row["term"], 0 if row["typeId"] == _SYNONYM else 1


def snomed_parents(path: Path) -> Iterator[tuple[str, str]]:
    """sct2_Relationship_Snapshot: (concept, the more general one)."""
    for row in _rf2(path):
        if row["active"] == "1" and row["typeId"] == _IS_A:
            yield row["sourceId"], row["destinationId"]


def snomed_maps(path: Path) -> Iterator[tuple[str, str]]:
    """der2_iisssccRefset_ExtendedMapSnapshot to ICD-10-CM: (concept, code), maps that hold always only."""
    for row in _rf2(path):
        target = row.get("mapTarget") or ""
        always = row.get("mapGroup") == "1" and row.get("mapRule") in ("TRUE", "OTHERWISE TRUE")
        if row["active"] == "1" and target and always:
            yield row["referencedComponentId"], target.rstrip("?")


def _rf2(path: Path) -> Iterator[dict[str, str]]:
    with opened(path) as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def columns(path: Path) -> tuple[str, ...]:
    """The names in the first line of a CSV."""
    with opened(path) as file:
        return tuple(next(csv.reader(file), ()))


def plain_concepts(path: Path) -> Iterator[Concept]:
    """code,...: a CSV of CVX (cvx, short, status) or ICD-10-CM (code, description) with a first line of names."""
    with opened(path) as file:
        for row in csv.DictReader(file):
            if "cvx" in row:
                yield CVX, row["cvx"], row["short"], row["status"] not in ("Active", "Pending")
            else:
                yield ICD10CM, row["code"], row["description"], "deleted" in (row.get("release") or "")


def plain_ndcs(path: Path) -> Iterator[tuple[str, str, str]]:
    """ndc11,rxcui: (system, code, RxNorm code)."""
    with opened(path) as file:
        for row in csv.DictReader(file):
            if len(ndc11(row["ndc11"])) == 1:
                yield NDC, ndc11(row["ndc11"])[0], row["rxcui"]


def plain_classes(path: Path) -> Iterator[tuple[str, DrugClass]]:
    """ingredient_rxcui,class_code,class_name,kind[,source]: classes of ingredients, for instance from RxClass."""
    with opened(path) as file:
        for row in csv.DictReader(file):
            said = row.get("purpose") or (row.get("source") or "").removeprefix("hand:")
            said = said if row["kind"] == "GROUP" else ""
            code = row["class_code"] or row["class_name"]
            yield row["ingredient_rxcui"], DrugClass(code, row["class_name"], row["kind"], said.replace(",", ";"))
