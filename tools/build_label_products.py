"""Put the National Drug Codes of sensitive medicines into the labelling rules: usage: tools/build_label_products.py NDC

NDC is a table (gzip) with `ndc11` and `rxcui` (FDA's codes beside RxNorm's, NLM; both free to use with the credit that
the file of rules carries). A product is told by the first nine of its eleven digits, which name who makes it and what
it is; the last two are the package. A rule gets the beginnings of all products that meet it by their ingredients, as
the table of medicines that ships has them. The same input gives the same bytes.
"""

import csv
import gzip
import json
import sys
from pathlib import Path

from medrec.core.consent.labels import Labeller
from medrec.core.records.terms import RXNORM
from medrec.node.terminology.shipped import shipped

TARGET = Path(__file__).resolve().parent.parent / "src" / "medrec" / "core" / "consent" / "labels.json"
_PRODUCT = 9
_PER_LINE = 11


def products(table: Path, labeller: Labeller) -> dict[str, list[str]]:
    """The beginnings of codes that meet each rule, by its id, sorted."""
    met: dict[str, set[str]] = {}
    with gzip.open(table, "rt", encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            for number in labeller.numbers_of_code(RXNORM, row["rxcui"]):
                met.setdefault(labeller.rules[number].id, set()).add(row["ndc11"][:_PRODUCT])
    return {rule: sorted(found) for rule, found in met.items()}


def written(codes: list[str]) -> str:
    """Codes as they stand in the file, some on each line."""
    lines = [" ".join(codes[at : at + _PER_LINE]) for at in range(0, len(codes), _PER_LINE)]
    return ",\n".join(f"      {json.dumps(line)}" for line in lines)


def main() -> None:
    """Write the codes into the file of rules, before its words."""
    text = TARGET.read_text(encoding="utf-8")
    words = text.index('  "empty": [')
    start = text.find('  "products": {')
    before = text[: start if start >= 0 else words]
    found = products(Path(sys.argv[1]), Labeller(text.encode(), terms=shipped()))
    body = ",\n".join(f"    {json.dumps(rule)}: [\n{written(found[rule])}\n    ]" for rule in sorted(found))
    TARGET.write_text(f'{before}  "products": {{\n{body}\n  }},\n{text[words:]}', encoding="utf-8")
    print(f"{sum(len(codes) for codes in found.values())} products in {len(found)} rules")


if __name__ == "__main__":
    main()
