"""How near the lists of problems and of allergies come to the truth, beside the same two baselines as for medicines.

Identity is counted over all pairs of records of one person and one list. What is so today is counted over problems of a
side, and over substances and classes, of which at least one place wrote something: of the others nobody can know.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from medrec.core.reconcile.held import Held
from medrec.core.reconcile.lists import Lists, Read
from medrec.core.reconcile.rows import AllergyRow, Conflict, ProblemRow
from medrec.core.records.canonical import canonical
from medrec.core.records.dates import clinical_date
from medrec.core.records.reading import Around
from medrec.core.records.table import understand
from medrec.core.records.terms import Terms
from medrec.core.records.understood import AllergyDetail, ProblemDetail
from medrec.demo.truth_history import TODAY_MS, Products
from medrec.demo.truth_ill_charts import IllChart, Noted, ill_chart
from medrec.demo.truth_ills import OWN, Ills, Vocabulary, ills
from medrec.demo.truth_measure import Count
from medrec.demo.truth_writing import day

LISTS = {"problems": "Condition", "allergies": "AllergyIntolerance"}
WAYS = ("lists", "code", "text")
Pairs = list[tuple[Held, Noted]]


@dataclass
class IllScore:
    """One way of making one list, measured. `today`: what stands as active; `unrefuted`: of that, what nobody says is
    over or never was, against what is so and nobody says so of (of the lists alone)."""

    identity: Count = field(default_factory=Count)
    today: Count = field(default_factory=Count)
    unrefuted: Count = field(default_factory=Count)


@dataclass
class IllMeasured:
    """All figures of one run: list -> way -> score."""

    people: int = 0
    records: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LISTS, 0))
    scores: dict[str, dict[str, IllScore]] = field(
        default_factory=lambda: {name: {way: IllScore() for way in WAYS} for name in LISTS}
    )


def held_of(found: IllChart, terms: Terms) -> Pairs:
    """Every record of a chart, read as a node reads it."""
    around = Around(terms, TODAY_MS, clinical_date(day(found.ills.born)))
    pairs = []
    for note in found.noted:
        form = canonical(note.raw)
        mark = hashlib.sha256(note.source.encode() + form.data).hexdigest()
        read = understand(form.value, around)
        pairs.append((Held(note.source, read, 1, form.sha256.hex(), mark, note.signed, "record", note.updated), note))
    return pairs


Chart = Callable[[Ills, Products, Terms], IllChart]


def measure_ills(
    seeds: Iterable[str], products: Products, terms: Terms, chart: Chart = ill_chart, words: Vocabulary = OWN
) -> IllMeasured:
    """The figures of the people of these seeds, of whom places wrote such charts."""
    total = IllMeasured()
    for seed in seeds:
        found = chart(ills(seed, words), products, terms)
        pairs = held_of(found, terms)
        total.people += 1
        read = Lists(terms, TODAY_MS, [item for item, _ in pairs]).read()
        for name, kind in LISTS.items():
            mine = [(item, note) for item, note in pairs if note.type == kind and note.about]
            total.records[name] += len(mine)
            truth = {today for today in found.today if today.startswith("allergy") == (name == "allergies")}
            groups = _groups(read, name)
            ways: dict[str, Callable[[Held], str]] = {
                "lists": lambda item, groups=groups: groups[item.manifest],  # type: ignore[misc]
                "code": _by_code,
                "text": _by_text,
            }
            for way, of in ways.items():
                score = total.scores[name][way]
                _identity(score.identity, mine, of)
                said = _active_rows(read, name, mine) if way == "lists" else _newest_active(mine, of)
                for key in sorted(said | truth):
                    score.today.add(key in said, key in truth)
                if way == "lists":
                    undisputed = _active_rows(read, name, mine, disputed=False)
                    for key in sorted(undisputed | truth):
                        score.unrefuted.add(key in undisputed, key in truth)
    return total


def _groups(read: Read, name: str) -> dict[str, str]:
    """Manifest -> row."""
    rows: tuple[ProblemRow | AllergyRow, ...] = read.problems if name == "problems" else read.allergies
    return {line.manifest: str(place) for place, row in enumerate(rows) for line in row.lines}


def _identity(count: Count, pairs: Pairs, way: Callable[[Held], str]) -> None:
    names = [(way(item), note.about) for item, note in pairs]
    for place, (name, about) in enumerate(names):
        for other, another in names[place + 1 :]:
            count.add(name == other, about == another)


def _active_rows(read: Read, name: str, pairs: Pairs, *, disputed: bool = True) -> set[str]:
    """What the list says is so today. A row is what most of its records are about in truth. `disputed`: also rows of
    which the list says that a source calls it over, or refutes it."""
    notes = {item.manifest: note for item, note in pairs}
    rows: Sequence[ProblemRow | AllergyRow]
    if name == "problems":
        rows = [row for row in read.problems if row.status == "active" and not (row.history or row.absent)]
    else:
        rows = [row for row in read.allergies if row.status == "active" and not (row.refuted or row.no_known)]
    against = (Conflict.STATUS, Conflict.REFUTED)
    kept = [row.lines for row in rows if disputed or not any(one in row.conflicts for one in against)]
    return _most([[notes[line.manifest] for line in lines if line.manifest in notes] for lines in kept])


def _newest_active(pairs: Pairs, way: Callable[[Held], str]) -> set[str]:
    """What a baseline says: groups of which the newest record is active. It is told what its groups are in truth, and
    that "history of" is no problem of today."""
    groups: dict[str, Pairs] = {}
    for item, note in pairs:
        detail = item.record.detail
        if not (isinstance(detail, ProblemDetail) and detail.history):
            groups.setdefault(way(item), []).append((item, note))
    found = []
    for group in groups.values():
        newest = max(group, key=lambda pair: (_recorded(pair[0]), pair[0].manifest))[0]
        if newest.record.status == "active":
            found.append([note for _, note in group])
    return _most(found)


def _most(groups: list[list[Noted]]) -> set[str]:
    counted = [Counter(note.today for note in group if note.today).most_common(1) for group in groups]
    return {found[0][0] for found in counted if found}


def _recorded(item: Held) -> int:
    date = item.record.recorded or item.record.when
    return date.start_ms if date is not None else 0


def _by_code(item: Held) -> str:
    """The first code; what has none is alone."""
    codes = item.record.codes
    return f"{codes[0].system}|{codes[0].code}" if codes else item.manifest


def _by_text(item: Held) -> str:
    detail = item.record.detail
    assert isinstance(detail, ProblemDetail | AllergyDetail)
    return " ".join(detail.name.lower().split())
