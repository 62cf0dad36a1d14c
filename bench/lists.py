"""Lists: 1,000 records of one person from five hospitals merged from cold, one more record, and shared patients.

The medicines are those that the demo's truth writes, of several people put together; problems, allergies and results
are added so that the thousand look like a chart.
"""

import cProfile
import gzip
import json
import os
import pstats
import resource
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bench.row import Row
from medrec.core.reconcile.held import Held
from medrec.core.reconcile.lists import Lists
from medrec.core.records.canonical import canonical
from medrec.core.records.reading import Around
from medrec.core.records.table import understand
from medrec.core.records.terms import ICD10CM, RXNORM, Table
from medrec.demo.truth_history import TODAY_MS, Products, history
from medrec.demo.truth_hospitals import chart
from medrec.demo.truth_measure import held_of
from medrec.node.terminology.shipped import shipped

COLD_MS, ONE_MS = 50, 2
PLACES = [f"place-{number}" for number in range(5)]
CODES = (
    "I10",
    "E11.9",
    "J45.909",
    "M54.5",
    "F32.9",
    "K21.9",
    "N18.3",
    "I25.10",
    "J20.9",
    "S52.501A",
    "H40.9",
    "C50.911",
)


def thousand(terms: Table) -> list[Held]:
    """About 450 medicines, 200 problems, 50 allergies and 300 results of one person at five places."""
    products = Products(terms.all_drugs())
    medicines: list[Held] = []
    number = 0
    while len(medicines) < 450:
        found = held_of(chart(history(f"bench-{number}", products), products), terms)
        medicines += [_renamed(item, number) for item, _ in found]
        number += 1
    around = Around(terms, TODAY_MS, None)
    rest = [_problem(n) for n in range(200)] + [_allergy(n) for n in range(50)] + [_result(n) for n in range(300)]
    return medicines[:450] + [_held(raw, PLACES[n % 5], around) for n, raw in enumerate(rest)]


def _renamed(item: Held, number: int) -> Held:
    record = msgspec.structs.replace(item.record, id=f"{number}-{item.record.id}")
    return msgspec.structs.replace(item, record=record, manifest=f"{number}-{item.manifest}")


def _held(value: dict[str, object], place: str, around: Around) -> Held:
    form = canonical(json.dumps(value).encode())
    return Held(place, understand(form.value, around), 1, form.sha256.hex(), place + form.sha256.hex(), TODAY_MS)


def _problem(n: int) -> dict[str, object]:
    code = CODES[n * 7 % len(CODES)]
    year = 2005 + n * 3 % 20
    status = {"coding": [{"code": ("active", "resolved")[n % 3 == 0]}]}
    concept = {"coding": [{"system": ICD10CM, "code": code}], "text": f"Problem {code}"}
    base = {"resourceType": "Condition", "id": f"c{n}", "subject": {"reference": "Patient/p"}, "code": concept}
    return {**base, "clinicalStatus": status, "onsetDateTime": f"{year}-03-01", "recordedDate": f"{year}-04-01"}


def _allergy(n: int) -> dict[str, object]:
    code = ("723", "7980", "1191", "10180", "5640")[n % 5]
    base = {"resourceType": "AllergyIntolerance", "id": f"a{n}", "patient": {"reference": "Patient/p"}}
    concept = {"coding": [{"system": RXNORM, "code": code}]}
    return {**base, "code": concept, "criticality": ("low", "high")[n % 2], "recordedDate": f"20{10 + n % 15}-01-01"}


def _result(n: int) -> dict[str, object]:
    value = {"value": 100 + n % 40, "unit": "mg/dL"}
    base = {"resourceType": "Observation", "id": f"o{n}", "subject": {"reference": "Patient/p"}, "status": "final"}
    return {
        **base,
        "code": {"text": "Glucose"},
        "valueQuantity": value,
        "effectiveDateTime": f"2020-01-{1 + n % 28:02}",
    }


def rows(quick: bool) -> Iterator[Row]:
    """The figures."""
    terms = shipped()
    held = thousand(terms)
    times = []
    for _ in range(3 if quick else 15):
        start = time.perf_counter()
        read = Lists(terms, TODAY_MS, held).read()
        times.append((time.perf_counter() - start) * 1000)
    cold = statistics.median(times)
    sizes = f"{len(read.medicines)} medicines, {len(read.problems)} problems, {len(read.allergies)} allergies"
    yield Row(f"1,000 records of five hospitals, cold ({sizes})", f"{cold:.1f} ms", "<= 50 ms", cold <= COLD_MS)
    kept = Lists(terms, TODAY_MS, held)
    kept.read()
    singles = []
    for item in held[:: 40 if quick else 5]:
        kept.drop(item)
        kept.read()
        start = time.perf_counter()
        kept.put(item)
        kept.read()
        singles.append((time.perf_counter() - start) * 1000)
    one, worst = statistics.median(singles), sorted(singles)[int(len(singles) * 0.99)]
    yield Row(
        "one new record among them, p50 (p99 beside)", f"{one:.2f} ms", "<= 2 ms", one <= ONE_MS, f"p99 {worst:.2f} ms"
    )
    yield from _shared(terms)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield Row("memory of this process at its highest, terminology included", f"{peak:.0f} MB")


def _shared(terms: Table) -> Iterator[Row]:
    folder = Path(os.environ.get("MEDREC_SHARED", Path(__file__).resolve().parents[2] / "shared"))
    files = sorted((folder / "data" / "synthea-r4" / "bundles").glob("*"))
    if not files:
        yield Row("60 published Synthea patients as a batch", "not here")
        return
    around = Around(terms, TODAY_MS, None)
    people: list[list[Held]] = []
    start = time.perf_counter()
    for file in files:
        data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        entries = canonical(data).value["entry"]
        people.append(
            [
                Held("north", understand(entry["resource"], around), 1, "", f"{n}", TODAY_MS)
                for n, entry in enumerate(entries)
            ]
        )
    read_s = time.perf_counter() - start
    start = time.perf_counter()
    total = sum(len(Lists(terms, TODAY_MS, held).read().medicines) for held in people)
    merged_s = time.perf_counter() - start
    records = sum(map(len, people))
    shown = f"{len(people)} published Synthea patients, {records:,} records, {total} medicines: merged"
    yield Row(shown, f"{merged_s * 1000:.0f} ms", peer=f"reading them {read_s:.1f} s")


def profile() -> None:
    """Where the time of a cold merge goes, by own time."""
    terms = shipped()
    held = thousand(terms)
    profiler = cProfile.Profile()
    profiler.runcall(lambda: [Lists(terms, TODAY_MS, held).read() for _ in range(10)])
    print("\nwhere the time of ten cold merges goes, by own time")
    pstats.Stats(profiler, stream=sys.stdout).sort_stats("tottime").print_stats(25)
