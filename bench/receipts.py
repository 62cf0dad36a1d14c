"""Receipts: how large they are, how long it takes to make one, and how long a stranger's verifier takes.

Four organisations (a quorum is three) with a node each in one process, one hospital with a batch full of records.
"""

import contextlib
import cProfile
import json
import os
import pstats
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sql

from bench import ingest
from bench.row import Row
from medrec import wiring
from medrec.node.app import local_answer
from medrec.node.keeping import store
from medrec.node.keeping.keys import OrganisationKeys
from medrec.node.ledger import receipts
from medrec.node.node import Node
from medrec.node.peers.peers import LocalNetwork
from medrec.node.records.ingest import ingest_folder

BYTES_BAR, VERIFY_BAR_MS = 4096, 50
ORGANISATIONS = ("north", "south", "west", "agent")
VERIFIER = Path(__file__).resolve().parent.parent / "tools/verify_receipt.py"
# One more hash in the log's path: base64 of 32 bytes, and its line end, escaped in JSON.
BYTES_PER_DOUBLING = 46


@contextlib.contextmanager
def network(folder: Path, records: Path) -> Iterator[Node]:
    """A hospital that has read its records and anchored them, among organisations that cosign."""
    keys = {name: OrganisationKeys.generate(name) for name in ORGANISATIONS}
    founders: list[dict[str, Any]] = [
        {"id": name, "name": name, "roles": ["hospital"], "endpoint": "", "keys": keys[name].public()} for name in keys
    ]
    genesis = wiring.genesis_document("bench", wiring.now_ms(), founders)
    engine = wiring.open_engine("sqlite", folder / "ledger.db", genesis)
    wire = LocalNetwork()
    nodes = {
        name: wiring.build_node(
            organisation=name,
            genesis=genesis,
            engine=engine,
            folder=folder / name,
            records=records if name == "north" else None,
            keys=keys[name],
            peers=wire.peers(name),
        )
        for name in keys
    }
    for name, node in nodes.items():
        wire.join(name, local_answer(node))
    try:
        north = nodes["north"]
        ingest_folder(north.publisher, north.store, records)
        north.anchor()
        north.checkpoints.make()
        yield north
    finally:
        for node in nodes.values():
            node.store.close()
        engine.close()  # type: ignore[attr-defined]


def records_of(node: Node) -> list[tuple[str, str]]:
    """Type and id of every record the node has signed."""
    with node.store.read() as connection:
        found = connection.execute(sql.select(store.record.c.type, store.record.c.id).order_by(store.record.c.id))
        return [(row.type, row.id) for row in found]


def verified(command: list[str]) -> float:
    """Milliseconds of one run of the verifier, the start of Python included."""
    begun = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return (time.perf_counter() - begun) * 1000


def rows(quick: bool) -> Iterator[Row]:
    """Size, time to make, time to verify."""
    with tempfile.TemporaryDirectory(prefix="medrec-bench-", dir=os.environ.get("MEDREC_BENCH_DIR")) as place:
        folder = Path(place)
        records, _ = ingest.made(folder / "made", 30 if quick else 300)
        with network(folder, records) as node:
            yield from _measured(node, folder, 5 if quick else 20)


def _measured(node: Node, folder: Path, runs: int) -> Iterator[Row]:
    wanted = records_of(node)[-500:]
    begun = time.perf_counter()
    made = [receipts.receipt_for(node, name) for name in wanted]
    each = (time.perf_counter() - begun) / len(made) * 1000
    size, log = max(map(len, made)), node.engine.tip().log_size
    largest = made[[len(data) for data in made].index(size)]
    batch = len(json.loads(largest)["batch"]["path"])
    what = f"receipt: size, largest of {len(made)} ({batch} hashes in the batch's path, log of {log})"
    yield Row(what, f"{size:,} B", f"<= {BYTES_BAR:,} B", size <= BYTES_BAR)
    grown = size + (30 - max(log - 1, 1).bit_length()) * BYTES_PER_DOUBLING
    yield Row("   the same in a log of 2^30 transactions, computed", f"{grown:,} B")
    yield Row("   with ML-DSA-44", f"{len(receipts.receipt_for(node, wanted[-1], with_mldsa=True)):,} B")
    yield Row("   time to make one", f"{each:.2f} ms")
    kind, identifier = wanted[-1]
    for name, content in (
        ("root.json", receipts.root_file(node)),
        ("record.json", node.source.read(kind, identifier) or b""),
        ("receipt.json", made[-1]),
    ):
        (folder / name).write_bytes(content)
    files = ["--root", str(folder / "root.json"), "--record", str(folder / "record.json"), str(folder / "receipt.json")]
    offline = [verified([sys.executable, "-I", "-S", str(VERIFIER), *files]) for _ in range(runs)]
    begun = time.perf_counter()
    for _ in range(runs):
        subprocess.run([sys.executable, "-I", "-S", "-c", "pass"], check=True)
    empty = (time.perf_counter() - begun) / runs * 1000
    median = statistics.median(offline)
    yield Row(
        "receipt: offline verification, standalone tool, whole process",
        f"{median:.0f} ms",
        f"<= {VERIFY_BAR_MS} ms",
        median <= VERIFY_BAR_MS,
    )
    yield Row("   of which Python starting and ending", f"{empty:.0f} ms")


def profile() -> None:
    """Where the time of making receipts goes, by own time."""
    with tempfile.TemporaryDirectory(prefix="medrec-bench-") as place:
        folder = Path(place)
        records, _ = ingest.made(folder / "made", 60)
        with network(folder, records) as node:
            wanted = records_of(node)[:200]
            profiler = cProfile.Profile()
            profiler.runcall(lambda: [receipts.receipt_for(node, name) for name in wanted])
    print("\nwhere the time of making a receipt goes, by own time")
    pstats.Stats(profiler, stream=sys.stdout).sort_stats("tottime").print_stats(12)
