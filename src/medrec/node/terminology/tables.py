"""The other tables that a site may hold, each by a reader: (system, code, name, retired) and what belongs to it.

ICD-10-CM's order and code files (CMS) and tabular list (CDC), CVX (CDC, pipes), UNII (FDA, tabs), SNOMED CT RF2
snapshots and LOINC's table (each under the licence that the site has), and plain CSV files whose first line names known
columns.
"""

import csv
import gzip
import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from medrec.core.records.terms import CVX, ICD10CM, LOINC, NDC, DrugClass, cleaned, ndc11

Concept = tuple[str, str, str, bool]
_IS_A = "116680003"
_FULLY_SPECIFIED = "900000000000003001"
_SYNONYM = "900000000000013009"
_TO_ICD10CM = "6011000124106"
"""The map of the U.S. edition. The international one has a map to the ICD-10 of the WHO in a file of the same name."""


@contextmanager
def opened(path: Path) -> Iterator[IO[str]]:
    """The text of a file, gzipped or not; UTF-8 with or without its mark, and Latin-1 where it is neither."""
    with path.open("rb") as raw, gzip.open(raw, "rb") if path.suffix == ".gz" else raw as file:
        start = file.read1(1 << 16)
        if b"\0" in start:
            raise ValueError("it is no text in UTF-8")
        try:
            start[: len(start) - 4].decode("utf-8")
            encoding = "utf-8-sig"
        except UnicodeDecodeError:
            encoding = "latin-1"
        file.seek(0)
        yield io.TextIOWrapper(file, encoding=encoding, newline="", errors="replace")


_ICD_CODE = re.compile(r"(?=.*\d)[A-Z][0-9A-Z]{2,6}")
"""Since October 2025 there are codes with two letters in front (QA0)."""


class Disease(NamedTuple):
    """A code of ICD-10-CM: its title, whether codes stand below it, its other names."""

    code: str
    title: str
    above: bool
    names: tuple[str, ...]


def icd10cm(path: Path) -> Iterator[Disease]:
    """icd10cm_order_YYYY.txt: number in columns 1 to 5, code in 7 to 13, 0 in 15 for a heading, short title in 17 to
    76, long title from 78; or the codes file, code and title. Held against public readers of CMS's files (icd10parse.py
    cuts 5, 1, 7, 1, 1, 1, 60, 1 and the rest)."""
    order = "order" in path.name
    with opened(path) as file:
        for number, line in enumerate(file, 1):
            code = line[6:13].strip() if order else line[:7].strip()
            if line.strip() and not _ICD_CODE.fullmatch(code):
                raise ValueError(f"line {number} has no code where one should stand")
            short = line[16:76].strip() if order else ""
            title = (line[77:].strip() or short) if order else line[7:].strip()
            if code and title:
                yield Disease(_pointed(code), title, order and line[14:15] == "0", (short,) if short else ())


def icd10cm_tabular(path: Path) -> Iterator[Disease]:
    """The tabular list of CDC/NCHS (icd10cm_tabular_YYYY.xml): every code with its title and inclusion terms.

    Codes of seven characters do not stand in it. A `sevenChrDef` says for its code and all below it which characters
    may be the seventh; where a code has nothing below it they follow it, with "X" in the places between.
    """
    sevenths: list[list[tuple[str, str]] | None] = []
    with path.open("rb") as file:
        # The site's own file, read by whoever may write its settings.
        for event, node in ET.iterparse(file, ("start", "end")):  # noqa: S314
            if event == "start" and node.tag == "diag":
                sevenths.append(None)
            elif event == "end" and node.tag == "sevenChrDef" and sevenths:
                found = [(one.get("char", ""), (one.text or "").strip()) for one in node.findall("extension")]
                sevenths[-1] = [(char, text) for char, text in found if len(char) == 1 and text]
            elif event == "end" and node.tag == "diag":
                own = next((one for one in reversed(sevenths) if one is not None), [])
                sevenths.pop()
                yield from _of_tabular(node, own)


def _of_tabular(node: ET.Element, sevenths: list[tuple[str, str]]) -> Iterator[Disease]:
    code, title = (node.findtext("name") or "").strip(), (node.findtext("desc") or "").strip()
    if not code or not title:
        return
    notes = (note.text or "" for terms in node.findall("inclusionTerm") for note in terms.findall("note"))
    below = node.find("diag") is not None
    yield Disease(code, title, below, tuple(note.strip() for note in notes if note.strip()))
    for char, text in () if below else sevenths:
        yield Disease(_pointed(code.replace(".", "").ljust(6, "X") + char), f"{title}, {text}", False, ())


def _pointed(code: str) -> str:
    return code if len(code) <= 3 else f"{code[:3]}.{code[3:]}"


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
        for row in _whole(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)):
            code = row.get("UNII") or ""
            if len(code) == 10:
                name = row.get("PT") or row.get("DISPLAY_NAME") or row.get("Display Name") or ""
                yield code, name, row.get("RXCUI") or ""


_OTHER_NAME = re.compile(r"(?=(?:[ '-]*[^\W\d_]){3})(?:[^\W\d_]|[ '-]){3,60}")
_NO_NAME = re.compile(r"\b(?:component|extract|related|impurity)\b", re.IGNORECASE)
_SHORT = 6
"""An abbreviation of fewer letters ("CPZ", "AZT") is of several drugs."""


class UniiNames(NamedTuple):
    """Common and official names that one substance has: name (lower case) -> UNII, and of what is eaten or tested for
    name -> the name that the FDA shows for it; names of a kind of food ("nut") name none."""

    drugs: dict[str, str]
    eaten: dict[str, str]


def unii_names(path: Path) -> UniiNames:
    """UNII_Names_*.txt of the FDA: Name, TYPE, UNII, Display Name. What is eaten or tested for has a name that begins
    with "AE-" (allergenic extract) or a number of LanguaL. Brands are left out, for a substance is listed under those
    of its combinations, too."""
    of: dict[str, dict[str, None]] = {}
    called: dict[str, None] = {}
    eaten: dict[str, str] = {}
    with opened(path) as file:
        for row in _whole(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)):
            name, code = cleaned(row["Name"]), row["UNII"].strip()
            if name.startswith("ae-") or name.endswith("[langual]"):
                eaten[code] = cleaned(row["Display Name"])
            if _OTHER_NAME.fullmatch(name) and not _NO_NAME.search(name):
                of.setdefault(name, {})[code] = None
                called |= {name: None} if row["TYPE"] in ("cn", "of") else {}
    alone = {name: next(iter(of[name])) for name in sorted(called) if len(of[name]) == 1}
    drugs = {name: code for name, code in alone.items() if code not in eaten and len(name) >= _SHORT}
    usual = {name: eaten[code] for name, code in alone.items() if code in eaten}
    return UniiNames(drugs, {name: one for name, one in usual.items() if not one.endswith("unspecified")})


def loinc(path: Path) -> Iterator[Concept]:
    """Loinc.csv: LOINC_NUM, LONG_COMMON_NAME, STATUS."""
    with opened(path) as file:
        for row in _whole(csv.DictReader(file)):
            if row.get("LOINC_NUM"):
                name = row.get("LONG_COMMON_NAME") or row.get("SHORTNAME") or row.get("COMPONENT") or ""
                yield LOINC, row["LOINC_NUM"], name, (row.get("STATUS") or "ACTIVE") in ("DEPRECATED", "DISCOURAGED")


def snomed_concepts(path: Path) -> Iterator[tuple[str, bool]]:
    """sct2_Concept_Snapshot: (id, retired)."""
    for row in _rf2(path):
        yield row["id"], row["active"] != "1"


_SHORT_FORM = re.compile(r"[A-Z][A-Za-z0-9]{1,7} - ")
_FOREIGN = 3


LANGUAGES = {
    "en-US": "900000000000509007",
    "en-GB": "900000000000508004",
    "es": "448879004",
    "es-419": "450828004",
}
"""The reference sets of SNOMED CT that say which term is preferred in a language (SNOMED International, Language
Reference Sets; 450828004 is that of the Spanish edition, for Latin America)."""
_PREFERRED = "900000000000548007"


def snomed_preferred(path: Path) -> Iterator[tuple[str, str]]:
    """der2_cRefset_LanguageSnapshot: (reference set, description) of every term that is preferred in a language."""
    for row in _rf2(path):
        if row["active"] == "1" and row["acceptabilityId"] == _PREFERRED:
            yield row["refsetId"], row["referencedComponentId"]


def snomed_names(path: Path, preferred: Container[str] = ()) -> Iterator[tuple[str, str, int]]:
    """sct2_Description_Snapshot: (concept, term, rank); the synonym that is preferred (its id is in `preferred`) stands
    before all, then what people say, one behind its own short form ("MS - Multiple sclerosis") less so, the full name a
    last resort. English stands before other languages."""
    for row in _rf2(path):
        if row["active"] == "1" and row["typeId"] in (_FULLY_SPECIFIED, _SYNONYM):
            rank = 2 if row["typeId"] == _FULLY_SPECIFIED else 1 if _SHORT_FORM.match(row["term"]) else 0
            rank = rank if row["languageCode"].startswith("en") else rank + _FOREIGN
            chosen = row["typeId"] == _SYNONYM and row["id"] in preferred
            yield row["conceptId"], row["term"], -1 if chosen else rank


def snomed_parents(path: Path) -> Iterator[tuple[str, str]]:
    """sct2_Relationship_Snapshot: (concept, the more general one)."""
    for row in _rf2(path):
        if row["active"] == "1" and row["typeId"] == _IS_A:
            yield row["sourceId"], row["destinationId"]


def snomed_maps(path: Path) -> Iterator[tuple[str, str]]:
    """der2_iisssccRefset_ExtendedMapSnapshot to ICD-10-CM: (concept, code) of maps that hold always, or where no rule
    of age, sex or another illness does. The columns are those of an extended map (SNOMED CT Release File
    Specifications). "?" stands for a seventh character that the concept does not tell (NLM, Mapping SNOMED CT to
    ICD-10-CM), and an X before it for a place that is empty: what is left is the code above."""
    for row in _rf2(path):
        target = row.get("mapTarget") or ""
        always = row.get("mapGroup") == "1" and row.get("mapRule") in ("TRUE", "OTHERWISE TRUE")
        if row["active"] == "1" and row["refsetId"] == _TO_ICD10CM and target and always:
            code = target.rstrip("?").rstrip("X").rstrip(".") if target.endswith("?") else target
            yield row["referencedComponentId"], code


def _rf2(path: Path) -> Iterator[dict[str, str]]:
    with opened(path) as file:
        yield from _whole(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def _whole(rows: "csv.DictReader[str]") -> Iterator[dict[str, str]]:
    """The rows of a table. ValueError for one that ends before its last column."""
    for row in rows:
        if None in row.values():
            raise ValueError(f"line {rows.line_num} is cut")
        yield row


def columns(path: Path) -> tuple[str, ...]:
    """The names in the first line of a CSV."""
    with opened(path) as file:
        return tuple(next(csv.reader(file), ()))


def plain_concepts(path: Path) -> Iterator[Concept]:
    """code,...: a CSV of CVX (cvx, short, status) or ICD-10-CM (code, description) with a first line of names."""
    with opened(path) as file:
        for row in _whole(csv.DictReader(file)):
            if "cvx" in row:
                yield CVX, row["cvx"], row["short"], row["status"] not in ("Active", "Pending")
            elif not _ICD_CODE.fullmatch(row["code"].replace(".", "")):
                raise ValueError(f"{row['code'][:20]!r} is no code of ICD-10-CM")
            else:
                yield ICD10CM, row["code"], row["description"], "deleted" in (row.get("release") or "")


def plain_ndcs(path: Path) -> Iterator[tuple[str, str, str]]:
    """ndc11,rxcui: (system, code, RxNorm code)."""
    with opened(path) as file:
        for row in _whole(csv.DictReader(file)):
            if len(ndc11(row["ndc11"])) == 1:
                yield NDC, ndc11(row["ndc11"])[0], row["rxcui"]


def plain_classes(path: Path) -> Iterator[tuple[str, DrugClass]]:
    """ingredient_rxcui,class_code,class_name,kind[,source]: classes of ingredients, for instance from RxClass."""
    with opened(path) as file:
        for row in _whole(csv.DictReader(file)):
            said = row.get("purpose") or (row.get("source") or "").removeprefix("hand:")
            said = said if row["kind"] == "GROUP" else ""
            code = row["class_code"] or row["class_name"]
            yield row["ingredient_rxcui"], DrugClass(code, row["class_name"], row["kind"], said.replace(",", ";"))
