"""A network of 4 and of 7 validators on this machine, beside a bare application on the same engine in the same run.

Each validator is a pair of processes. Transactions are signed beforehand: each opens an account with a key of its own.
Latency is that of `broadcast_tx_commit` for one transaction at a time at each of four doors; rates are those of a
burst handed to all doors at once. The embedded engine (one organisation, one file) does the same transactions in the
same run, and so do, with PEERS=1, Tessera's POSIX log and a contract on a local EVM node.
"""

import base64
import hashlib
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from nacl.signing import SigningKey

from bench import chain_peers
from bench.ledger import BATCH, GROUP, Author, clock, plain
from bench.row import Row
from medrec.core import codec
from medrec.core.address import address_of
from medrec.core.crypto import key_id
from medrec.core.genesis import network_id
from medrec.core.types import encode_body, encode_transaction, transaction_id
from medrec.demo.ports import free_ports
from medrec.engines import cometbft_binary
from medrec.engines.cometbft_founding import Place, found
from medrec.engines.cometbft_rpc import Rpc, RpcError
from medrec.engines.sqlite import SqliteEngine

BURST, WARM, SINGLES = 8000, 400, 25
BATCHES = 48
LONG_S = 600.0
TICKS = os.sysconf("SC_CLK_TCK")


class Pair(NamedTuple):
    """A validator under measurement."""

    folder: Path
    process: "subprocess.Popen[str]"
    rpc: Rpc


def opening(network: bytes, number: int) -> bytes:
    """A signed transaction that opens an account with a key of its own."""
    seed = hashlib.sha256(f"bench {number}".encode()).digest()
    signer = SigningKey(seed)
    public = bytes(signer.verify_key)
    body = encode_body(
        author=address_of(public, seed), expires=900, key=key_id(public), kind="account/create",
        network=network, nonce=1, payload={"credential": {"kind": "ed25519", "key": public}, "salt": seed},
    )  # fmt: skip
    return encode_transaction(body, ["ed25519", signer.sign(transaction_id(body)).signature])


def genesis_of(authors: list[Author]) -> dict[str, Any]:
    """A network that these begin."""
    return {
        "medrec": "genesis/1", "name": "Bench", "created": clock(), "protocol": 1,
        "organisations": [author.founder() for author in authors],
    }  # fmt: skip


class Net:
    """So many validators of one kind."""

    def __init__(self, home: Path, count: int, kind: str) -> None:
        self.authors = [Author(number) for number in range(count)]
        self.genesis = genesis_of(self.authors)
        self.network = network_id(self.genesis)
        self.kind = kind
        ports = free_ports(2 * count)
        names = [author.name for author in self.authors]
        places = {
            name: Place(home / name, f"127.0.0.1:{ports[2 * i]}", f"127.0.0.1:{ports[2 * i + 1]}")
            for i, name in enumerate(names)
        }
        found(self.genesis, places)
        for place in places.values():
            (place.folder / "genesis.json").write_bytes(codec.encode_json(self.genesis))
        self.pairs = [self.start(places[name].folder, places[name].rpc) for name in names]
        for pair in self.pairs:
            self.wait(pair, 0)

    def start(self, folder: Path, rpc: str) -> Pair:
        """Start one pair."""
        command = [sys.executable, "-m", "bench.validator", str(folder), self.kind]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()
        return Pair(folder, process, Rpc(rpc, LONG_S))

    def wait(self, pair: Pair, height: int) -> None:
        """Until a pair answers and stands at a height."""
        until = time.monotonic() + LONG_S
        while True:
            try:
                told = pair.rpc.call("status")["sync_info"]
                if int(told["latest_block_height"]) >= height and not told["catching_up"]:
                    return
            except RpcError:
                pass
            if time.monotonic() > until:
                raise TimeoutError("a validator does not answer")
            time.sleep(0.05)

    def cpu(self) -> float:
        """Seconds of processor time that all pairs have used."""
        total = 0
        for pair in self.pairs:
            pids = [pair.process.pid]
            for task in Path(f"/proc/{pair.process.pid}/task").glob("*"):
                pids += [int(pid) for pid in (task / "children").read_text().split()]
            for pid in pids:
                fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                total += int(fields[11]) + int(fields[12])
        return total / TICKS

    def ordered(self) -> int:
        """Transactions in blocks so far, as the first validator has them."""
        return int(self.pairs[0].rpc.call("status")["sync_info"]["latest_block_height"])

    def burst(self, made: list[bytes]) -> float:
        """Transactions a second from the first handed over until the last stands in a block."""
        doors = [pair.rpc for pair in self.pairs]
        first = self.ordered()
        begun = time.perf_counter()
        threads = [threading.Thread(target=_pour, args=(door, made[i :: len(doors)])) for i, door in enumerate(doors)]
        for thread in threads:
            thread.start()
        done, height = 0, first
        while done < len(made):
            height += 1
            self.wait(self.pairs[0], height)
            done += len(self.pairs[0].rpc.call("block", height=str(height))["block"]["data"]["txs"] or [])
        taken = time.perf_counter() - begun
        for thread in threads:
            thread.join()
        return len(made) / taken

    def latencies(self, made: list[bytes]) -> list[float]:
        """Seconds until each of these stands in a block, one at a time at each of four doors."""
        taken: list[float] = []

        def ask(door: Rpc, share: list[bytes]) -> None:
            for data in share:
                begun = time.perf_counter()
                answer = door.call("broadcast_tx_commit", tx=base64.b64encode(data).decode())
                assert int(answer["tx_result"].get("code") or 0) == 0, answer
                taken.append(time.perf_counter() - begun)

        threads = [threading.Thread(target=ask, args=(pair.rpc, made[i::4])) for i, pair in enumerate(self.pairs[:4])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return taken

    def close(self) -> None:
        """Stop all pairs."""
        for pair in self.pairs:
            assert pair.process.stdin is not None
            pair.process.stdin.close()
        for pair in self.pairs:
            pair.process.wait(60)


def _pour(door: Rpc, share: list[bytes]) -> None:
    for first in range(0, len(share), 50):
        left = share[first : first + 50]
        while left:
            answers = door.broadcast(left)
            left = [data for data, (code, _) in zip(left, answers, strict=True) if code == -2]
            if left:
                time.sleep(0.05)


@contextmanager
def net(count: int, kind: str) -> Iterator[Net]:
    """A network in a folder that goes away afterwards."""
    with tempfile.TemporaryDirectory(prefix="medrec-bench-", dir=os.environ.get("MEDREC_BENCH_DIR")) as folder:
        running = Net(Path(folder), count, kind)
        try:
            yield running
        finally:
            running.close()


class Measured(NamedTuple):
    """What was measured of one network."""

    rate: float
    latency: list[float]
    cpu: float


def measure(running: Net, scale: int) -> Measured:
    """Rate, latency, and processor seconds per thousand transactions."""
    made = [opening(running.network, number) for number in range(WARM + BURST // scale + 4 * SINGLES)]
    running.burst(made[:WARM])
    before = running.cpu()
    rate = running.burst(made[WARM : WARM + BURST // scale])
    cpu = (running.cpu() - before) / (BURST // scale) * 1000
    return Measured(rate, sorted(running.latencies(made[WARM + BURST // scale :])), cpu)


def percentile(values: list[float], share: int) -> float:
    """A percentile of at least two values."""
    return statistics.quantiles(values, n=100)[share - 1]


def rows(quick: bool) -> Iterator[Row]:
    """4 and 7 validators beside the bare application; entries, catching up, disk; the peers."""
    scale = 10 if quick else 1
    yield Row(f"engine: CometBFT {cometbft_binary.VERSION}, every validator a pair of processes", "")
    theirs = chain_peers.measured(quick) if os.environ.get("PEERS") == "1" else []
    yield from embedded(scale)
    for count in (4, 7):
        with net(count, "bare") as running:
            ceiling = measure(running, scale)
        with net(count, "ledger") as running:
            ours = measure(running, scale)
            yield from figures(count, ours, ceiling)
            if count == 4:
                yield from entries(running, BATCHES // scale)
                yield from catch_up(running, WARM + BURST // scale, BATCHES // scale * BATCH)
    for what, figure in theirs:
        yield Row(what, "", peer=figure)


def embedded(scale: int) -> Iterator[Row]:
    """The same transactions and batches through the embedded engine: one organisation, one file, nobody to agree
    with."""
    author = Author(0)
    genesis = genesis_of([author])
    network = network_id(genesis)
    with tempfile.TemporaryDirectory(prefix="medrec-bench-", dir=os.environ.get("MEDREC_BENCH_DIR")) as folder:
        engine = SqliteEngine(Path(folder) / "ledger", genesis, clock)
        made = [opening(network, number) for number in range(BURST // scale + 4 * SINGLES)]
        taken, begun, worked = [], time.perf_counter(), time.process_time()
        for first in range(0, BURST // scale, GROUP):
            engine.submit(made[first : min(first + GROUP, BURST // scale)])
        rate = BURST // scale / (time.perf_counter() - begun)
        cpu = (time.process_time() - worked) / (BURST // scale) * 1000
        for data in made[BURST // scale :]:
            begun = time.perf_counter()
            engine.submit([data])
            taken.append(time.perf_counter() - begun)
        batches = [
            author.anchor(network, 0, [plain(batch * BATCH + index) for index in range(BATCH)])
            for batch in range(BATCHES // scale)
        ]
        begun = time.perf_counter()
        for data in batches:
            engine.submit([data])
        lines = len(batches) * BATCH / (time.perf_counter() - begun)
        engine.close()
    yield Row("embedded engine: signed transactions, durable", f"{rate:,.0f}/s")
    yield Row("   latency to a kept block, p50", f"{percentile(taken, 50) * 1000:.1f} ms")
    yield Row(f"   anchored entries, batches of {BATCH}, one author", f"{lines:,.0f}/s")
    yield Row("   CPU seconds per 1,000 transactions", f"{cpu:.2f}")


def figures(count: int, ours: Measured, bare: Measured) -> Iterator[Row]:
    """The rows of one size of network."""
    share = ours.rate / bare.rate
    what = f"{count} validators: signed transactions in blocks"
    bar = (">= 600/s", ours.rate >= 600) if count == 4 else ()
    yield Row(what, f"{ours.rate:,.0f}/s", *bar, peer=f"bare application {bare.rate:,.0f}/s")
    yield Row("   share of the bare application's rate", f"{share:.0%}", ">= 60 %", share >= 0.6)
    for share, name in ((50, "p50"), (95, "p95"), (99, "p99")):
        own, theirs = percentile(ours.latency, share), percentile(bare.latency, share)
        limit = {50: 0.6, 95: 1.2}.get(share) if count == 4 else None
        bar = (f"<= {limit} s", own <= limit) if limit else ()
        yield Row(f"   latency to a kept block, {name}", f"{own:.2f} s", *bar, peer=f"bare application {theirs:.2f} s")
    yield Row("   CPU seconds per 1,000 transactions, all nodes", f"{ours.cpu:.2f}", peer=f"bare {bare.cpu:.2f}")


def entries(running: Net, batches: int) -> Iterator[Row]:
    """Anchored entries through the network, what they cost, and how the disk grows."""
    author = running.authors[0]
    made = []
    for batch in range(batches):
        lines = [plain(batch * BATCH + index) for index in range(BATCH)]
        made.append(author.anchor(running.network, 0, lines))
    half = len(made) // 2
    sizes, cpus, rates = [size(running.pairs[0].folder)], [running.cpu()], []
    for part in (made[:half], made[half:]):
        rates.append(len(part) * BATCH / _in_order(running, part))
        sizes.append(size(running.pairs[0].folder))
        cpus.append(running.cpu())
    total = len(made) * BATCH
    yield Row(f"   anchored entries, batches of {BATCH}, one author", f"{min(rates):,.0f}/s")
    yield Row("   CPU seconds per 1,000 entries, all nodes", f"{(cpus[-1] - cpus[0]) / total * 1000:.4f}")
    for name, before, after, count in (
        ("first half", sizes[0], sizes[1], half),
        ("second half", sizes[1], sizes[2], len(made) - half),
    ):
        grown = (after.ledger - before.ledger) / (count * BATCH)
        yield Row(
            f"   disk of one node's ledger per million entries, {name}",
            f"{grown:,.0f} MB",
            peer=f"CometBFT's own files, which it prunes: {after.engine / 1e6:,.0f} MB",
        )


def _in_order(running: Net, made: list[bytes]) -> float:
    """Seconds until the last of one author's batches stands in a block; each follows the one before."""
    door, begun = running.pairs[0].rpc, time.perf_counter()
    for data in made:
        code, why = door.broadcast([data])[0]
        assert code == 0, why
    height = running.ordered()
    name = base64.b64encode(made[-1]).decode()
    while True:
        running.wait(running.pairs[0], height)
        if name in (door.call("block", height=str(height))["block"]["data"]["txs"] or []):
            return time.perf_counter() - begun
        height += 1


class Sizes(NamedTuple):
    """Bytes of a node's ledger and of its engine's own files."""

    ledger: int
    engine: int


def size(folder: Path) -> Sizes:
    """What a node has on its disk. The ledger's pages count as they will lie in its file, those that wait in the
    write-ahead log as well: when that is moved over is chance, and 16 MB of it may wait."""
    connection = sqlite3.connect(folder / "ledger.db")
    ((pages,),) = connection.execute("PRAGMA page_count")
    ((each,),) = connection.execute("PRAGMA page_size")
    connection.close()
    engine = sum(file.stat().st_size for file in (folder / "comet" / "data").rglob("*") if file.is_file())
    return Sizes(pages * each, engine)


def catch_up(running: Net, transactions: int, lines: int) -> Iterator[Row]:
    """A validator that lost its disk but for its keys follows again from the first block; its blocks hold so many
    transactions, and so many entries in batches beside them.
    """
    last = running.pairs.pop()
    assert last.process.stdin is not None
    last.process.stdin.close()
    last.process.wait(60)
    for file in last.folder.glob("ledger.db*"):
        file.unlink()
    for part in (last.folder / "comet" / "data").iterdir():
        if part.is_dir():
            subprocess.run(["rm", "-r", str(part)], check=True)
    height = running.ordered()
    begun = time.perf_counter()
    again = running.start(last.folder, f"{last.rpc._host}:{last.rpc._port}")
    running.pairs.append(again)
    first = _reached(again, 1)
    replayed = _reached(again, height) - first
    running.wait(again, height)
    whole = time.perf_counter() - begun
    yield Row(
        f"   catching up from nothing, {height} blocks", f"{(height - 1) / replayed:,.0f} blocks/s",
        peer=f"{transactions / replayed:,.0f} transactions/s and {lines / replayed:,.0f} entries/s in them; "
        f"{whole:.1f} s from its start until it votes again",
    )  # fmt: skip


def _reached(pair: Pair, height: int) -> float:
    """When a validator that catches up has a block."""
    until = time.monotonic() + LONG_S
    while time.monotonic() < until:
        with suppress(RpcError):
            if int(pair.rpc.call("status")["sync_info"]["latest_block_height"]) >= height:
                break
        time.sleep(0.01)
    return time.perf_counter()


def profile() -> None:
    """Validators are processes of their own; see `bench ledger` for where the time of the rules goes."""
