"""Measure the lists against the truth of invented people: writes docs/figures/lists.md. No arguments.

The seeds "test-0" to "test-999" are the frozen split: no rule is looked at or changed on them. The seeds "dev-*" are
for looking. The same code gives the same figures on every machine.
"""

from pathlib import Path

from medrec.core.records.terms import Table
from medrec.demo.truth_hard import hard_chart
from medrec.demo.truth_history import Products
from medrec.demo.truth_ill_measure import LISTS, IllMeasured, measure_ills
from medrec.demo.truth_measure import Count, Measured, measure
from medrec.demo.truth_public import fresh_allergens, public_words
from medrec.node.terminology.shipped import shipped

TARGET = Path(__file__).resolve().parent.parent / "docs" / "figures" / "lists.md"
ILLS = """
# Problems and allergies

The same frozen split, with problems and allergies of their own ([truth_ills](../../src/medrec/demo/truth_ills.py),
[truth_ill_charts](../../src/medrec/demo/truth_ill_charts.py)): ICD-10-CM, SNOMED CT, both, local codes, typed names
with slips; codes that say nothing in particular beside words that do; sides coded, said, in the code alone, or
forgotten; onsets exact, by year, off or missing; ends that one side hears of;
"history of"; suspicions that another place refutes; allergies by substance, by class or typed, refuted at one place;
"none known" at another; copies of copies. {problems} records of problems, {allergies} of allergies. No map between
SNOMED CT and ICD-10-CM is at hand, as where a site has loaded none.

**What is below.** {below}

**An allergy is not argued away by another place.** As long as one source says that there is one it stands as active,
disputed, and keeps its notices, also where a later test elsewhere refuted it. By plain F1 of "so today" that costs more
than believing the newest record, as the baselines do; it is kept, for an allergy hidden wrongly does the greater harm.
What the list says without a dispute is measured beside it.
On `dev-0` to `dev-249` 57 allergies are wrongly so today: 38 of them stand as disputed, and 23 or 24 of these the
baselines have wrong as well. Of the other 19, which both baselines have wrong too, 18 are refuted in no record of any
place, so no reader of the records can know it (one is typed with a slip, in a row of its own). So what is below the
baselines is the rule, and what both share is the measure: it counts as wrong what was refuted and nobody wrote down.

What is left of problems, as looked at on `dev-*`: pairs missed are mostly those of which one has no side and no time
that tells which, then slips and names that are not known or have several meanings, then times that lie too far apart;
pairs wrongly put together are two episodes of one illness, or two sides of one illness of which a record says none. No
two illnesses were put together. Wrongly said to be so today: passing illnesses that were left open, and suspicions that
nobody refuted.

The lists name common problems by a short table of their own
([problem_names](../../src/medrec/core/records/problem_names.py)), which was written with the problems of `dev-*` in
sight, and the illnesses of `test-*` are drawn from the same forty: on problems outside it, and without codes of one
system in common, they find less.
"""
HARD = """
# Problems in harder words

{people} people of a split of their own, `hard-0` to `hard-{last}`
([truth_hard](../../src/medrec/demo/truth_hard.py)): the same charts, with sides in a letter or in Spanish alone under a
code of no side, and with a relative's, denied and suspected illnesses under the code of the person's own, in the words
of NegEx and ConText. {problems} records of problems. The forms were in sight when the rules were
written; the people were not: `hard-dev-*` were looked at.
"""
PUBLIC = """
# In words that nobody of the project chose

{people} people of the seeds `held-0` to `held-{last}` ([truth_public](../../src/medrec/demo/truth_public.py)). The
charts are made as before; every word in them is of a public table: titles, short titles and inclusion terms of
ICD-10-CM (typed alone, beside their code, or beside a place's own), sides as its titles say them, medicines drawn from
all products of RxNorm with brands, salts and FDA's names and UNII codes, allergens by FDA's names and classes. Which
diseases, foods and medicines there are was decided by form and by a hash. No SNOMED CT code is among them. {medicines}
records of medicines, {problems} of problems, {allergies} of allergies.

**What was looked at.** Rules were mended on the half `seen` alone: other people, other diseases, other medicines, other
foods. Of the half `held` nobody had seen more than these figures until 27 November 2026, when the allergies wrongly put
together were looked at: all are one, the FDA's class "Nicotinic Acid" typed beside the medicine that has this for its
other name (niacin). No reader can tell these apart: nothing was mended after it, and the pairs stay counted as wrong.
In the first run, before anything was mended, they
were: medicines 0.982 (the same) and 0.927 (taken now), problems 0.932 and 0.965, allergies 0.905 and 0.954. What was
then mended: the official names themselves are read (they ship with the terminology, from the same public tables), and
the side of every ICD-10-CM code is that of its title. So this part says how well official words are read, whoever
chose them; what people say besides, it does not say.
"""
FRESH = """
# Allergies that nobody had looked at

{people} people of the seeds `fresh-0` to `fresh-{last}`, allergic to what no other split has
([truth_public](../../src/medrec/demo/truth_public.py), `fresh_allergens`): {allergens} medicines and allergenic
extracts of RxNorm that have a class of FDA's, or several, typed by RxNorm's names, salts, brands and the names of those
classes. {allergies} records. **Frozen and measured once, on 27 November 2026: these are the figures of the first run,
and no rule was mended with them or these people in sight.** How charts are written is as in the other splits, and was
in sight: the allergens alone are new. About a fifth of them are extracts for tests, which are seldom written down as an
allergy; no food is among them. That the lists say "so today" a little oftener than the newest record does is meant: no
place argues an allergy away.
"""
ILL_NAMES = {"lists": "MedRec's lists", "code": "same code = same thing", "text": "same text = same thing"}
NAMES = {"lists": "MedRec's lists", "code": "same code = same drug", "text": "same text = same drug"}
HEAD = """# How near the lists come to the truth

Made by `tools/measure_lists.py`; do not edit by hand. The people are invented: of each there is a true history of
medicines ([truth_history](../../src/medrec/demo/truth_history.py)), and the FHIR records that three to five places
with habits of their own wrote of it ([truth_hospitals](../../src/medrec/demo/truth_hospitals.py)): brands, generics,
combinations, changes and stops that one side knows of, orders left open, retired and local codes, typed names with
slips, copies of copies, systems that touch old records; halved tablets and weights in words, with decimal commas and
commas of thousands; orders that point at a Medication of the pharmacy; orders written anew in the weeks before a stop
and left open. Truth and records are kept apart.

**Frozen split, version 2** (frozen anew with the generator on 26 November 2026). The {people} people of the seeds
`test-0` to `test-{last}` were looked at by nobody; rules were looked at on `dev-*` alone. {records} records. The
baselines run on the same records in the same run. They take a drug to be taken when its newest record is active, and
are told the true ingredients of what they name.

These are figures of invented data. They say that the rules do what they are meant to do on untidy records; they do not
say how untidy a given hospital's records are.
"""
COLUMNS = "| | precision | recall | F1 | right | wrong | missed |\n|---|---|---|---|---|---|---|"
TAIL = """
Where a record says neither dose nor strength, the lists see no difference and the truth may have one: that is most of
what is missed under other-dose and of what is wrong under identical and brand-generic. The same over those pairs of
which both say how much is taken a day:
"""


def row(name: str, count: Count) -> str:
    """One line of a table."""
    figures = f"{count.precision:.4f} | {count.recall:.4f} | **{count.f1:.4f}**"
    return f"| {name} | {figures} | {count.hit:,} | {count.wrong:,} | {count.missed:,} |"


def ill_page(found: IllMeasured) -> str:
    """The part on problems and allergies."""
    below = [
        f"{name}, {what}: F1 {count.f1:.4f}, where {floor} is asked for"
        for name, scores in found.scores.items()
        for what, floor, count in (
            ("identity", 0.97, scores["lists"].identity), ("what is so today", 0.95, scores["lists"].today),
        )
        if count.f1 < floor
    ]  # fmt: skip
    counts = {name: f"{count:,}" for name, count in found.records.items()}
    parts = [ILLS.format(**counts, below="; ".join(below).capitalize() + "." if below else "Nothing.")]
    for name, scores in found.scores.items():
        parts += [f"\n## {name.capitalize()}: is it the same?\n\nOver all pairs of records of one person.\n", COLUMNS]
        parts += [row(title, scores[way].identity) for way, title in ILL_NAMES.items()]
        parts += [f"\n## {name.capitalize()}: is it so today?\n\nOf what at least one place wrote down.\n", COLUMNS]
        parts += [row(title, scores[way].today) for way, title in ILL_NAMES.items()]
        parts += [row("MedRec's lists, what no source disputes", scores["lists"].unrefuted)]
    return "\n".join(parts) + "\n"


def hard_page(found: IllMeasured) -> str:
    """The part on problems in harder words."""
    scores = found.scores["problems"]
    parts = [HARD.format(people=found.people, last=found.people - 1, problems=f"{found.records['problems']:,}")]
    parts += ["## Is it the same?\n", COLUMNS]
    parts += [row(title, scores[way].identity) for way, title in ILL_NAMES.items()]
    parts += ["\n## Is it so today?\n", COLUMNS]
    parts += [row(title, scores[way].today) for way, title in ILL_NAMES.items()]
    return "\n".join(parts) + "\n"


def fresh_page(found: IllMeasured, allergens: int) -> str:
    """The part on allergies that nobody had looked at."""
    scores, records = found.scores["allergies"], f"{found.records['allergies']:,}"
    parts = [FRESH.format(people=found.people, last=found.people - 1, allergens=allergens, allergies=records)]
    parts += ["## Is it the same?\n", COLUMNS]
    parts += [row(title, scores[way].identity) for way, title in ILL_NAMES.items()]
    parts += ["\n## Is it so today?\n", COLUMNS]
    parts += [row(title, scores[way].today) for way, title in ILL_NAMES.items()]
    parts += [row("MedRec's lists, what no source disputes", scores["lists"].unrefuted)]
    return "\n".join(parts) + "\n"


def measure_fresh(terms: Table) -> tuple[IllMeasured, int]:
    """The fresh split, and how many allergens there are in it."""
    words = fresh_allergens(terms)
    people = [f"fresh-{number}" for number in range(300)]
    return measure_ills(people, public_words("held", terms).products, terms, words=words), len(words.allergens)


def public_page(found: Measured, ill: IllMeasured) -> str:
    """The part on words of public tables."""
    counts = {name: f"{count:,}" for name, count in ill.records.items()}
    parts = [PUBLIC.format(people=ill.people, last=ill.people - 1, medicines=f"{found.records:,}", **counts)]
    parts += ["## Is it the same?\n", COLUMNS]
    parts += [row(f"medicines: {title}", found.scores[way].identity) for way, title in NAMES.items()]
    parts += [row(f"{name}: {t}", ill.scores[name][way].identity) for name in LISTS for way, t in ILL_NAMES.items()]
    parts += ["\n## Is it so today?\n", COLUMNS]
    parts += [row(f"medicines: {title}", found.scores[way].taken) for way, title in NAMES.items()]
    parts += [row(f"{name}: {t}", ill.scores[name][way].today) for name in LISTS for way, t in ILL_NAMES.items()]
    return "\n".join(parts) + "\n"


def page(found: Measured) -> str:
    """The part on medicines."""
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
    parts += [TAIL, COLUMNS]
    parts += [row(str(kind), count) for kind, count in found.told.items()]
    return "\n".join(parts) + "\n"


def main() -> None:
    """Measure and write."""
    terms = shipped()
    products = Products(terms.all_drugs())
    people = [f"test-{number}" for number in range(1000)]
    found, ill = measure(people, products, terms), measure_ills(people, products, terms)
    hard = measure_ills([f"hard-{number}" for number in range(300)], products, terms, hard_chart)
    words = public_words("held", terms)
    held = [f"held-{number}" for number in range(300)]
    public = public_page(
        measure(held, words.products, terms, words.plans),
        measure_ills(held, words.products, terms, words=words.words),
    )
    TARGET.parent.mkdir(exist_ok=True)
    fresh = fresh_page(*measure_fresh(terms))
    TARGET.write_text(page(found) + ill_page(ill) + hard_page(hard) + fresh + public, encoding="utf-8")
    print(TARGET.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
