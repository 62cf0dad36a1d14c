"""Put codes into the labelling rules that tables tell: usage: tools/build_label_codes.py NDC ICD10CM CIE10

NDC is a table (gzip) with `ndc11` and `rxcui` (FDA's codes beside RxNorm's, NLM; both free to use with the credit that
the file of rules carries). A product is told by the first nine of its eleven digits, which name who makes it and what
it is; the last two are the package. A rule gets the beginnings of all products that meet it by their ingredients, as
the table of medicines that ships has them (`products`).

ICD10CM is a table with `code` and `description` (gzip; CDC/NCHS), CIE10 the same for WHO's edition in Spanish. A rule
gets each code whose own title its words meet (`titles`), but for EXCEPTIONS: a code by itself tells what it tells
beside its title. The same input gives the same bytes.
"""

import csv
import gzip
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from medrec.core.consent import terms
from medrec.core.consent.labels import Labeller
from medrec.core.records.terms import ICD10CM, RXNORM
from medrec.node.terminology.shipped import shipped

TARGET = Path(__file__).resolve().parent.parent / "src" / "medrec" / "core" / "consent" / "labels.json"
_PRODUCT = 9
_LINE = 108
_CODE = re.compile(r"[A-Z][0-9A-Z]{2}(\.?[0-9A-Z]+)?\Z")

EXCEPTIONS: Mapping[str, str] = {
    "reproductive": r"ectopic (?!pregnan)|ectópic[ao]s? (?!.*embaraz)|fetal hemoglobin|hemoglobina fetal|harlequin",
    "violence": r"\AX3|spatial neglect|neglect syndrome",
    "mental-disorder": r"adrenocortical overactivity|cerebral depression|depresión cereb|\AF0[1-3]|\AF1.*trastornos? m",
    "mental-care": r"dietary|dietétic|nutrición|\AF[01]",
    "sexual-infection": r"psittaci|nonvenereal|no venérea|\AB85 ",
}
"""Rule -> titles ("code title") that have its words and are not about it: tissue in a wrong place, who is a victim of
an earthquake, a half of space that somebody does not see, an organ that does too much or too little, dementia "without
anxiety", use of a substance as a mental disorder in general, advice on food, infections that birds and children pass
on."""


def products(table: Path, labeller: Labeller) -> dict[str, list[str]]:
    """The beginnings of National Drug Codes that meet each rule, by its id, sorted."""
    met: dict[str, set[str]] = {}
    with gzip.open(table, "rt", encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            for number in labeller.numbers_of_code(RXNORM, row["rxcui"]):
                met.setdefault(labeller.rules[number].id, set()).add(row["ndc11"][:_PRODUCT])
    return {rule: sorted(found) for rule, found in met.items()}


def excepted(rule: str, code: str, title: str) -> bool:
    """Whether a title has words of a rule and is not about it."""
    return rule in EXCEPTIONS and bool(re.search(EXCEPTIONS[rule], f"{code} {title}", re.IGNORECASE))


def untold(labeller: Labeller, rows: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    """Rule, code and title of each code that does not tell by itself what its title tells; of (code, title)."""
    for code, title in rows:
        met = labeller.numbers_of_text(title)
        if not met:
            continue
        numbers = labeller.numbers_of_code(ICD10CM, code)
        told = {above for n in numbers for one in labeller.rules[n].labels for above in terms.SENSITIVITIES_ABOVE[one]}
        for rule in (labeller.rules[number] for number in met):
            if not told.issuperset(rule.labels) and not excepted(rule.id, code, title):
                yield rule.id, code, title


def titles(rows: Iterable[tuple[str, str]], labeller: Labeller) -> dict[str, list[str]]:
    """The beginnings of codes whose titles meet each rule, by its id, sorted, none below another."""
    met: dict[str, set[str]] = {}
    for rule, code, _ in untold(labeller, rows):
        met.setdefault(rule, set()).add(code.replace(".", ""))
    return {
        rule: sorted(code for code in codes if codes.isdisjoint(code[:end] for end in range(3, len(code))))
        for rule, codes in met.items()
    }


def member(name: str, codes: Mapping[str, list[str]]) -> str:
    """A member of the file that holds codes by rule, some on each line."""
    rules = []
    for rule in sorted(codes):
        lines = re.findall(rf"(.{{1,{_LINE}}})(?: |\Z)", " ".join(codes[rule]))
        body = ",\n".join(f"      {json.dumps(line)}" for line in lines)
        rules.append(f"    {json.dumps(rule)}: [\n{body}\n    ]")
    return f'  "{name}": {{\n' + ",\n".join(rules) + "\n  },\n"


def main() -> None:
    """Write the codes into the file of rules, before its words."""
    ndc, icd10, spanish = map(Path, sys.argv[1:])
    text = TARGET.read_text(encoding="utf-8")
    words = text[text.index('  "empty": [') :]
    before = text[: min(at for name in ("products", "titles", "empty") if (at := text.find(f'  "{name}": ')) >= 0)]
    labeller = Labeller((before + words).encode(), terms=shipped())
    with gzip.open(icd10, "rt", encoding="utf-8") as english, spanish.open(encoding="utf-8") as other:
        rows = [
            (row["code"], row["description"])
            for table in (english, other)
            for row in csv.DictReader(table)
            if _CODE.match(row["code"])
        ]
    of_products, of_titles = products(ndc, labeller), titles(rows, labeller)
    TARGET.write_text(before + member("products", of_products) + member("titles", of_titles) + words, encoding="utf-8")
    for name, codes in (("products", of_products), ("titles", of_titles)):
        print(f"{name}: {sum(map(len, codes.values()))} codes in {len(codes)} rules")


if __name__ == "__main__":
    main()
