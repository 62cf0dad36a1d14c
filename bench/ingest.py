"""Ingest: read, parse strictly, canonical form, hash, manifest, journal, index, fsync, through `ingest_folder`.

The records are those of a generated population and, where `../shared/data/synthea-r4` is present, 60 published
bundles. With PEERS=1 a HAPI FHIR server takes in the same 60 bundles in the same run.
"""

import cProfile
import datetime
import os
import pstats
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import peers
from bench.hospital import Hospital, fresh
from bench.row import Row
from medrec.demo import population

BAR = 5000
PEOPLE = 600
TODAY = datetime.date(2026, 1, 1)
HOSPITALS = ("north", "south", "west")


def made(folder: Path, people: int) -> tuple[Path, list[str]]:
    """The folder of one hospital of a generated population, as bundles, and the ids of its patients."""
    drawn = population.generate(1, people, HOSPITALS, TODAY)
    population.write(drawn, folder)
    patients = [person.patient_ids["north"] for person in drawn.people if "north" in person.patient_ids]
    return folder / "north", patients


def size(folder: Path) -> float:
    """Megabytes of files in a folder."""
    return sum(file.stat().st_size for file in folder.iterdir()) / 1e6


def measured(hospital: Hospital, folder: Path, what: str) -> Iterator[Row]:
    """Read the folder into the hospital, then anchor it: a row each."""
    result, seconds = hospital.ingest(folder)
    assert not result.rejected, result.rejected
    assert not result.published.altered, result.published.altered
    records = result.published.created + result.published.unchanged
    rate = records / seconds
    yield Row(f"ingest: {what}, {records:,} records", f"{rate:,.0f}/s", f">= {BAR:,}/s", rate >= BAR)
    lines, more = hospital.anchor()
    yield Row("   and anchored on the embedded ledger", f"{records / (seconds + more):,.0f}/s")
    yield Row("   anchoring alone", f"{lines / more:,.0f}/s")


def rows(quick: bool) -> Iterator[Row]:
    """Generated records, the same with every patient linked to an agent, published bundles, and the peer."""
    with tempfile.TemporaryDirectory(prefix="medrec-bench-") as place:
        folder, patients = made(Path(place), PEOPLE // 10 if quick else PEOPLE)
        with fresh() as hospital:
            yield from measured(hospital, folder, f"{size(folder):.1f} MB of generated bundles")
        with fresh() as hospital:
            for patient in patients:
                hospital.link(patient)
            yield from measured(hospital, folder, f"the same, notices sealed for {len(patients)} people")
    yield from published(quick)


def published(quick: bool) -> Iterator[Row]:
    """The 60 published bundles, and the peer on the same ones."""
    bundles = peers.shared() / "data/synthea-r4/bundles"
    if not bundles.is_dir():
        yield Row("ingest: 60 published Synthea bundles: NOT MEASURED, shared/data is missing", "")
        return
    with tempfile.TemporaryDirectory(prefix="medrec-bench-") as place:
        folder = Path(place)
        for file in sorted(bundles.iterdir())[: 6 if quick else None]:
            (folder / file.name).symlink_to(file)
        theirs = peers.hapi(folder) if os.environ.get("PEERS") == "1" else ""
        with fresh() as hospital:
            first, *others = measured(hospital, folder, "published Synthea bundles, gzip")
            yield first._replace(peer=theirs)
            yield from others


def profile() -> None:
    """Where the time of a reading goes, by own time."""
    with tempfile.TemporaryDirectory(prefix="medrec-bench-") as place, fresh() as hospital:
        folder, _ = made(Path(place), PEOPLE // 4)
        profiler = cProfile.Profile()
        # The writer is a thread of its own; in here its work runs in the caller's thread, where it can be seen.
        hospital.store.write = lambda closure: _written(hospital, closure)  # type: ignore[method-assign]
        profiler.runcall(hospital.ingest, folder)
    print("\nwhere the time of ingest goes, by own time")
    pstats.Stats(profiler, stream=sys.stdout).sort_stats("tottime").print_stats(20)


def _written(hospital: Hospital, closure: object) -> object:
    with hospital.store.engine.connect() as connection, connection.begin():
        return closure(connection)  # type: ignore[operator]
