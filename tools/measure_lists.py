"""Measure the lists against the truth of invented people: writes docs/figures/lists.md. No arguments.

The seeds "test-0" to "test-999" are the frozen split: no rule is looked at or changed on them. The seeds "dev-*" are
for looking. The same code gives the same figures on every machine.
"""

from pathlib import Path

from medrec.demo.truth_history import Products
from medrec.demo.truth_measure import Count, Measured, measure
from medrec.node.terminology.shipped import shipped

TARGET = Path(__file__).resolve().parent.parent / "docs" / "figures" / "lists.md"
NAMES = {"lists": "MedRec's lists", "code": "same code = same drug", "text": "same text = same drug"}
HEAD = """# How near the lists come to the truth

Made by `tools/measure_lists.py`; do not edit by hand. The people are invented: of each there is a true history of
medicines ([truth_history](../../src/medrec/demo/truth_history.py)), and the FHIR records that three to five places
with habits of their own wrote of it ([truth_hospitals](../../src/medrec/demo/truth_hospitals.py)): brands, generics,
combinations, changes and stops that one side knows of, orders left open, retired and local codes, typed names with
slips, copies of copies, systems that touch old records. Truth and records are kept apart.

**Frozen split.** The {people} people of the seeds `test-0` to `test-{last}` were looked at by nobody; rules were looked
at on `dev-*` alone. {records} records. The baselines run on the same records in the same run. They take a drug to be
taken when its newest record is active, and are told the true ingredients of what they name.

These are figures of invented data. They say that the rules do what they are meant to do on untidy records; they do not
say how untidy a given hospital's records are.
"""
COLUMNS = "| | precision | recall | F1 | right | wrong | missed |\n|---|---|---|---|---|---|---|"
TAIL = """
Where a record says neither dose nor strength, the lists see no difference and the truth may have one: that is most of
what is missed under other-dose and of what is wrong under identical and brand-generic.
"""


def row(name: str, count: Count) -> str:
    """One line of a table."""
    figures = f"{count.precision:.4f} | {count.recall:.4f} | **{count.f1:.4f}**"
    return f"| {name} | {figures} | {count.hit:,} | {count.wrong:,} | {count.missed:,} |"


def page(found: Measured) -> str:
    """The whole page."""
    scores = found.scores
    parts = [HEAD.format(people=f"{found.people:,}", last=found.people - 1, records=f"{found.records:,}")]
    parts += ["## Is it the same drug?\n\nOver all pairs of records of one person. Floor: F1 0.97.\n", COLUMNS]
    parts += [row(name, scores[key].identity) for key, name in NAMES.items()]
    parts += ["\n## Is it taken now?\n\nOver ingredients, by place of action. Floor: F1 0.95.\n", COLUMNS]
    parts += [row(name, scores[key].taken) for key, name in NAMES.items()]
    parts += ["\n## Is the strength that of today?\n\nOf the rows rightly called taken.\n", COLUMNS]
    parts += [row(NAMES["lists"], scores["lists"].dose)]
    parts += ["\n## How do two records stand to each other?\n\nOver pairs of two places.\n", COLUMNS]
    parts += [row(str(kind), count) for kind, count in found.classes.items()]
    return "\n".join([*parts, TAIL])


def main() -> None:
    """Measure and write."""
    terms = shipped()
    found = measure([f"test-{number}" for number in range(1000)], Products(terms.all_drugs()), terms)
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(page(found), encoding="utf-8")
    print(TARGET.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
