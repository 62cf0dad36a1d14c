"""What the embedded ledger costs: latency of a commit, signed transactions and anchored entries a second.

`python -m bench ledger`; PROFILE=1 shows where the time goes as well.
"""

import cProfile
import gc
import hashlib
import os
import pstats
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey

from bench.row import Row
from medrec.core import merkle, state
from medrec.core.commitment import commitment, tag
from medrec.core.crypto import key_id
from medrec.core.genesis import network_id
from medrec.core.kinds.anchor import encode_attachment, encode_entry
from medrec.core.types import encode_body, encode_transaction, transaction_id
from medrec.engines.sqlite import SqliteEngine

AUTHORS = 50
BATCH = 4096
GROUP = 500


def clock() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Author:
    """An organisation that signs."""

    def __init__(self, number: int) -> None:
        self.name = f"site-{number}"
        self.signer = SigningKey(hashlib.sha256(self.name.encode()).digest())
        self.public = bytes(self.signer.verify_key)
        self.nonce = 0
        self.last = 0
        self.head = state.NO_BATCH

    def founder(self) -> dict[str, Any]:
        """Its part of the genesis document."""
        keys = {
            "ed25519": self.public.hex(),
            "cosign_ed25519": hashlib.sha256(b"cosign " + self.name.encode()).hexdigest(),
            "cosign_mldsa44": hashlib.shake_256(self.name.encode()).hexdigest(1312),
        }
        return {"id": self.name, "name": self.name, "roles": ["hospital"], "endpoint": "", "keys": keys}

    def sign(self, network: bytes, kind: str, payload: dict[str, Any], height: int, attachment: bytes = b"") -> bytes:
        """The next transaction of this author."""
        self.nonce += 1
        body = encode_body(
            author=self.name, expires=height + 900, key=key_id(self.public), kind=kind, network=network,
            nonce=self.nonce, payload=payload,
        )  # fmt: skip
        identifier = transaction_id(body)
        if kind == "anchor":
            self.head = identifier
        return encode_transaction(body, ["ed25519", self.signer.sign(identifier).signature], attachment)

    def describe(self, network: bytes, height: int) -> bytes:
        """A small transaction."""
        payload = {"name": f"{self.name} {self.nonce}", "endpoint": "https://site.example"}
        return self.sign(network, "organisation/describe", payload, height)

    def anchor(self, network: bytes, height: int, entries: Sequence[bytes]) -> bytes:
        """A batch of entries."""
        payload = {
            "count": len(entries),
            "first": self.last + 1,
            "journal": bytes(32),
            "previous": self.head,
            "root": merkle.root([merkle.leaf_hash(entry) for entry in entries]),
        }
        self.last += len(entries)
        return self.sign(network, "anchor", payload, height, encode_attachment(entries))


class Bench:
    """A ledger in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.authors = [Author(number) for number in range(AUTHORS)]
        self.genesis = {
            "medrec": "genesis/1", "name": "Bench", "created": clock(), "protocol": 1,
            "organisations": [author.founder() for author in self.authors],
        }  # fmt: skip
        self.network = network_id(self.genesis)
        self.path = folder / "ledger"
        self.engine = SqliteEngine(self.path, self.genesis, clock)

    def height(self) -> int:
        """The height of the tip."""
        return self.engine.tip().height

    def latency(self, count: int) -> tuple[float, float]:
        """Milliseconds from submit to durable for one signed transaction: median and 99th percentile."""
        taken = []
        for number in range(count):
            data = self.authors[number % AUTHORS].describe(self.network, self.height())
            begun = time.perf_counter()
            self.engine.submit([data])
            taken.append((time.perf_counter() - begun) * 1000)
        cuts = statistics.quantiles(taken, n=100)
        return cuts[49], cuts[98]

    def groups(self, count: int) -> float:
        """Signed transactions a second, submitted in groups of GROUP."""
        made = [self.authors[n % AUTHORS].describe(self.network, self.height()) for n in range(count)]
        begun = time.perf_counter()
        for first in range(0, count, GROUP):
            self.engine.submit(made[first : first + GROUP])
        return count / (time.perf_counter() - begun)

    def threads(self, count: int, threads: int = 32) -> float:
        """Signed transactions a second from threads that each wait for their own: group commit at work."""
        streams = [
            [self.authors[t].describe(self.network, self.height()) for _ in range(count // threads)]
            for t in range(threads)
        ]
        running = [threading.Thread(target=lambda s=s: [self.engine.submit([d]) for d in s]) for s in streams]
        begun = time.perf_counter()
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        return threads * (count // threads) / (time.perf_counter() - begun)

    def entries(self, count: int, make: Callable[[int], bytes], batch: int = BATCH) -> float:
        """Anchored entries a second in batches."""
        made = []
        for number in range(0, count, batch):
            lines = [make(number + index) for index in range(min(batch, count - number))]
            made.append(self.authors[(number // batch) % AUTHORS].anchor(self.network, self.height(), lines))
        gc.collect()
        begun = time.perf_counter()
        for data in made:
            self.engine.submit([data])
        taken = time.perf_counter() - begun
        last = self.engine.blocks(self.height() - 1)[0]
        assert all(outcome.code == 0 for outcome in last.outcomes), last.outcomes
        return count / taken

    def size(self) -> int:
        """Bytes on the disk."""
        return sum(file.stat().st_size for file in self.path.parent.glob("ledger*"))


def plain(number: int) -> bytes:
    """An entry without extras."""
    salt = number.to_bytes(32, "big")
    return encode_entry(commitment(b"{}", salt), tag(salt, number))


def sealed(number: int) -> bytes:
    """An entry with a sealed field of 120 bytes, as a person's agent has it."""
    salt = number.to_bytes(32, "big")
    return encode_entry(commitment(b"{}", salt), tag(salt, number), {"sealed": bytes(120)})


def owing(number: int) -> bytes:
    """An entry with an obligation, as one half of a disclosure has it."""
    salt = number.to_bytes(32, "big")
    owes = [salt[16:], "site-1", clock() + 86_400_000]
    return encode_entry(commitment(b"{}", salt), tag(salt, number), {"owes": owes})


def fresh(work: Callable[[Bench], Any]) -> Any:
    """The result of the work on a new ledger."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("MEDREC_BENCH_DIR")) as folder:
        bench = Bench(Path(folder))
        try:
            return work(bench)
        finally:
            bench.engine.close()


def rows(quick: bool) -> Iterator[Row]:
    """Latency, signed transactions, anchored entries, and the cost of an entry as the ledger grows."""
    scale = 10 if quick else 1
    p50, p99 = fresh(lambda bench: bench.latency(2000 // scale))
    yield Row("embedded commit, one signed transaction, p50", f"{p50:.2f} ms", "<= 2 ms", p50 <= 2)
    yield Row("   p99", f"{p99:.2f} ms")
    rate = fresh(lambda bench: bench.groups(10_000 // scale))
    yield Row(f"signed transactions, groups of {GROUP}", f"{rate:,.0f}/s", ">= 3,000/s", rate >= 3000)
    rate = fresh(lambda bench: bench.threads(6400 // scale))
    yield Row("   from 32 threads that each wait for their own", f"{rate:,.0f}/s")
    count = 50 * BATCH // scale
    for name, make, size in (
        ("no extras", plain, count),
        ("a sealed field", sealed, count),
        ("an obligation", owing, count // 4),
    ):
        rate = fresh(lambda bench, make=make, size=size: bench.entries(size, make))
        bar = () if make is owing else (">= 50,000/s", rate >= 50_000)
        yield Row(f"anchored entries, batches of {BATCH}, {name}", f"{rate:,.0f}/s", *bar)
    for total in (10_000, 100_000, 1_000_000 // scale):
        rate, size = fresh(lambda bench, total=total: (bench.entries(total, plain), bench.size()))
        yield Row(f"   cost per entry over {total:,} entries", f"{1e6 / rate:.2f} us {size / total:.0f} B")


def profile() -> None:
    """Where the time goes."""
    for name, work in (
        ("signed transactions", lambda bench: bench.groups(5000)),
        ("one transaction at a time", lambda bench: bench.latency(1000)),
        ("entries, no extras", lambda bench: bench.entries(20 * BATCH, plain)),
        ("entries, obligations", lambda bench: bench.entries(5 * BATCH, owing)),
    ):
        profiler = cProfile.Profile()

        def run(bench: Bench, work: Callable[[Bench], Any] = work, profiler: cProfile.Profile = profiler) -> None:
            submit = bench.engine.submit
            bench.engine.submit = lambda group: profiler.runcall(submit, group)  # type: ignore[method-assign]
            work(bench)

        fresh(run)
        print(f"\n--- {name}")
        pstats.Stats(profiler, stream=sys.stdout).sort_stats("tottime").print_stats(14)
