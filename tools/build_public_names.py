"""Make the words of the second variety of the truth: usage: tools/build_public_names.py TABULAR_XML ORDER UNII_NAMES

TABULAR_XML is the tabular list of ICD-10-CM as CDC/NCHS publishes it (icd10c-tabular-*.xml), ORDER the order file of
CMS with its short titles (icd10cm_order_*.txt), UNII_NAMES the table of names of FDA's substance registry
(UNII_Names*.txt). All are of the U.S. government and free to use; what is taken is codes, titles and terms. Which
diseases and names are taken is decided by form and by a hash alone, never by what the lists know. The same input gives
the same bytes.
"""

import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

from medrec.core.records.terms import UNII, cleaned
from medrec.node.terminology.shipped import shipped
from medrec.node.terminology.tables import Disease, icd10cm, icd10cm_tabular

TARGET = Path(__file__).resolve().parent.parent / "src" / "medrec" / "demo" / "public_names.json"
CREDIT = (
    "Titles and inclusion terms: ICD-10-CM tabular list of April 2026, CDC/NCHS; short titles: order file of 2025, CMS."
    " Names of substances: FDA's UNII names. Chosen by form and by hash; see tools/build_public_names.py."
)
FORMS = ("Oral Tablet", "Oral Capsule", "Extended Release Oral Tablet", "Topical Cream", "Ophthalmic Solution")
WORDS_MAX, TERMS_MAX, TITLE_MAX = 7, 4, 100
_PLAIN_TERM = re.compile(r"[A-Za-z][A-Za-z'’\- ,()]{3,59}")
_LEFT_OUT = re.compile(r"\b(?:other|not elsewhere|sequelae|due to|see |classified|encounter|history)\b", re.I)
_NAME = re.compile(r"[A-Za-z][A-Za-z' -]{3,29}")
_NO_NAME = re.compile(r"COMPONENT|EXTRACT|RELATED|IMPURITY|^AE-", re.I)


def order(words: str) -> str:
    """What decides between equals: a hash, so that no liking does."""
    return hashlib.sha256(words.encode()).hexdigest()


def terms_of(entry: Disease) -> list[str]:
    """The terms of an entry that somebody could type for it as they stand: short, without numbers and "other"."""
    kept = [one.strip() for one in entry.names if _PLAIN_TERM.fullmatch(one.strip()) and not _LEFT_OUT.search(one)]
    return [one for one in kept if len(one.split()) <= WORDS_MAX][:TERMS_MAX]


def illnesses(rows: dict[str, Disease], short: dict[str, str]) -> list[list[Any]]:
    """[code, title, terms, [titles of right, left and no side], passing], of each category one: diseases (A to N) with
    terms of their own, and those that the list has by sides (`{}` stands for the digit of the side)."""
    chosen: dict[str, tuple[str, list[Any]]] = {}
    for code, entry in rows.items():
        sided = _by_sides(code, rows)
        words = terms_of(entry)
        fits = code[:1] in "ABCDEFGHIJKLMN" and (sided or (not entry.above and words and len(code) > 3))
        if not fits or _LEFT_OUT.search(entry.title) or len(entry.title) > TITLE_MAX:
            continue
        acute = bool(re.search(r"\bacute\b", entry.title, re.I)) or code[:3] <= "B34" or "J00" <= code[:3] <= "J22"
        if not sided and short.get(code, entry.title).lower() != entry.title.lower():
            words = [*words, short[code]]
        titles = [rows[code + digit].title for digit in "129"] if sided else []
        row = [code + ("{}" if sided else ""), entry.title, words, titles, acute]
        chosen[code[:3]] = min(chosen.get(code[:3], ("~", [])), (order(code), row))
    return [row for _, (_, row) in sorted(chosen.items())]


def _by_sides(code: str, rows: dict[str, Disease]) -> bool:
    named = [rows[code + digit].title if code + digit in rows else "" for digit in "129"]
    return (
        all(named)
        and all(word in name.lower() for word, name in zip(("right", "left", "unspecified"), named, strict=True))
        and not any(rows[code + digit].above for digit in "129")
    )


def substances(path: Path) -> tuple[dict[str, list[str]], list[list[str]]]:
    """FDA's common and official names: of the ingredients of RxNorm's products by their code, and of the foods that are
    tested for (FDA names their extracts "AE-...", and has their number in the LanguaL thesaurus of foods)."""
    of: dict[str, dict[str, None]] = {}
    tested: dict[str, None] = {}
    foods_known: dict[str, None] = {}
    display: dict[str, str] = {}
    meant: dict[str, dict[str, None]] = {}
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        name, kind, code, shown = line.split("\t")
        display[code] = shown
        meant.setdefault(cleaned(name), {})[code] = None
        if name.startswith("AE-"):
            tested[code] = None
        if name.endswith("[LANGUAL]"):
            foods_known[code] = None
        if kind in ("cn", "of") and _NAME.fullmatch(name) and not _NO_NAME.search(name) and len(name.split()) <= 3:
            of.setdefault(code, {})[name.lower()] = None
    terms, drugs = shipped(), {}
    sold = {
        code for drug in terms.all_drugs() if drug.kind == "SCD" and drug.form in FORMS for code in drug.ingredients
    }
    for code, names in of.items():
        drug = terms.drug(UNII, code)
        if drug is not None and drug.code in sold:
            alone = [name for name in names if len(meant[name]) == 1 and name != cleaned(drug.name)]
            if alone:
                drugs[drug.code] = [code, *sorted(alone, key=order)[:TERMS_MAX]]
    foods = []
    for code in sorted(tested.keys() & foods_known.keys(), key=order):
        names = [n for n in of.get(code, {}) if len(meant[n]) == 1 and len(n.split()) <= 2]
        if len(names) > 1:
            foods.append([code, display[code].lower(), *sorted(names, key=order)[:TERMS_MAX]])
    return dict(sorted(drugs.items(), key=lambda pair: int(pair[0]))), foods


def main() -> None:
    """Build and write the file."""
    rows = {entry.code: entry for entry in icd10cm_tabular(Path(sys.argv[1]))}
    short = {entry.code: entry.names[0] for entry in icd10cm(Path(sys.argv[2]))}
    drugs, foods = substances(Path(sys.argv[3]))
    ill = illnesses(rows, short)
    content = {"credit": CREDIT, "illnesses": ill, "drugs": drugs, "allergens": foods}
    lines = [f'"{key}": {json.dumps(part, ensure_ascii=False)}' for key, part in content.items()]
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print({key: len(part) for key, part in content.items()}, TARGET.stat().st_size)


if __name__ == "__main__":
    main()
